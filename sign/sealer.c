/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/sealer.c - an image read once: its tree and its pack.
 *
 * Cells go round in a ring, FREE -> READ -> WORKING -> DONE -> FREE, each
 * step by one kind of thread, under one lock.
 */
#include "sign/sealer.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <openssl/evp.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "seal/pack.h"
#include "seal/seal.h"
#include "seal/tree.h"
#include "sign/progress.h"
#include "sign/say.h"

enum { threads_max = 64 };

enum cell_state { FREE, READ, WORKING, DONE };

struct cell {
	enum cell_state state;
	size_t len, frame_len;
	uint8_t node[VS_SHA256_LEN]; /* the hash one level up */
	uint8_t data[VS_CLUSTER_LEN];
	uint8_t frame[VS_PACK_FRAME_MAX];
};

struct line {
	const struct vs_sealer_job *job;
	struct vs_tree tree;
	int image_fd;
	pthread_mutex_t lock;
	pthread_cond_t changed;
	struct cell *cells;
	size_t cell_count;
	uint64_t next_work;
	vs_status failed; /* the first failure stops everybody */
	int failed_errno;
	EVP_MD_CTX *image_md;
};

static struct cell *cell_of(struct line *l, uint64_t i)
{
	return &l->cells[i % l->cell_count];
}

static void give_up(struct line *l, vs_status status)
{
	int why = errno;

	pthread_mutex_lock(&l->lock);
	if (!l->failed) {
		l->failed = status;
		l->failed_errno = why;
	}
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

/* Waits until cell i is in a state; false if somebody failed. */
static bool await(struct line *l, uint64_t i, enum cell_state state)
{
	pthread_mutex_lock(&l->lock);
	while (!l->failed && cell_of(l, i)->state != state)
		pthread_cond_wait(&l->changed, &l->lock);
	bool ok = !l->failed;
	pthread_mutex_unlock(&l->lock);
	return ok;
}

static void pass_on(struct line *l, struct cell *c, enum cell_state state)
{
	pthread_mutex_lock(&l->lock);
	c->state = state;
	pthread_cond_broadcast(&l->changed);
	pthread_mutex_unlock(&l->lock);
}

/* Reads in order and hashes the image as a whole on the way. */
static void *read_image(void *ctx)
{
	struct line *l = ctx;

	for (uint64_t i = 0; i < l->tree.clusters; i++) {
		struct cell *c = cell_of(l, i);

		if (!await(l, i, FREE))
			return NULL;
		c->len = vs_tree_cluster_len(&l->tree, i);
		vs_status status = vs_file_pread(l->image_fd, c->data, c->len,
		                                 i * VS_CLUSTER_LEN);
		if (!status &&
		    EVP_DigestUpdate(l->image_md, c->data, c->len) != 1)
			status = VS_ERR_CRYPTO;
		if (status) {
			give_up(l, status);
			return NULL;
		}
		pass_on(l, c, READ);
	}
	return NULL;
}

/* The next cell to work at; NULL at the end or after a failure. */
static struct cell *take_work(struct line *l)
{
	struct cell *c = NULL;

	pthread_mutex_lock(&l->lock);
	while (!l->failed && l->next_work < l->tree.clusters &&
	       cell_of(l, l->next_work)->state != READ)
		pthread_cond_wait(&l->changed, &l->lock);
	if (!l->failed && l->next_work < l->tree.clusters) {
		c = cell_of(l, l->next_work++);
		c->state = WORKING;
	}
	pthread_mutex_unlock(&l->lock);
	return c;
}

/* An image of one block has no leaf block: its hash is the node. */
static vs_status hash_cell(const struct line *l, const struct vs_crypto *crypto,
                           struct cell *c)
{
	uint8_t leaves[VS_BLOCK_LEN];
	const uint8_t *salt = l->job->header.salt;
	vs_status status =
		vs_tree_hash_cluster(crypto, salt, c->data, c->len, leaves);

	if (status)
		return status;
	if (l->tree.levels == 0) {
		memcpy(c->node, leaves, sizeof c->node);
		return VS_OK;
	}
	return vs_tree_hash_block(crypto, salt, leaves, sizeof leaves, c->node);
}

static void *work(void *ctx)
{
	struct line *l = ctx;
	struct vs_crypto crypto = {0};
	struct vs_pack_encoder *encoder = NULL;
	struct cell *c;
	vs_status status = vs_openssl_init(&crypto);

	if (!status)
		status = vs_pack_encoder_new(l->job->level, &encoder);
	while (!status && (c = take_work(l))) {
		status = hash_cell(l, &crypto, c);
		if (!status)
			status = vs_pack_encode(encoder, c->data, c->len,
			                        c->frame, &c->frame_len);
		if (!status)
			pass_on(l, c, DONE);
	}
	if (status)
		give_up(l, status);
	vs_pack_encoder_free(&encoder);
	vs_openssl_drop(&crypto);
	return NULL;
}

/* What the caller's thread makes: the pack, and the tree above the leaves.
 * That is the tree over the leaf blocks, so it is made as one.
 */
struct output {
	int fd;
	uint64_t at;    /* where the next frame goes */
	uint8_t *index; /* 4 bytes a cluster */
	struct vs_tree upper;
	uint8_t *nodes;
};

static void put_le32(uint8_t *out, size_t v)
{
	for (int i = 0; i < 4; i++)
		out[i] = (uint8_t)(v >> (8 * i));
}

static vs_status write_frames(struct line *l, struct output *o)
{
	const char *name = strrchr(l->job->image, '/');
	struct vs_progress bar;
	vs_status status = VS_OK;

	vs_progress_start(&bar, name ? name + 1 : l->job->image,
	                  l->tree.image_len);
	for (uint64_t i = 0; i < l->tree.clusters && !status; i++) {
		struct cell *c = cell_of(l, i);

		if (!await(l, i, DONE))
			break; /* the one who failed has said why */
		status = vs_file_pwrite(o->fd, c->frame, c->frame_len, o->at);
		if (status) {
			give_up(l, status);
			break;
		}
		o->at += c->frame_len;
		put_le32(o->index + 4 * i, c->frame_len);
		memcpy(o->nodes + (o->upper.levels ? o->upper.level_at[0] : 0) +
		               i * VS_SHA256_LEN,
		       c->node, VS_SHA256_LEN);
		vs_progress_step(&bar, c->len);
		pass_on(l, c, FREE);
	}
	vs_progress_end(&bar);
	pthread_mutex_lock(&l->lock);
	status = l->failed;
	pthread_mutex_unlock(&l->lock);
	return status;
}

static vs_status run_threads(struct line *l, struct output *o)
{
	pthread_t threads[threads_max + 1];
	size_t started = 0;
	size_t workers = l->cell_count / 2;

	if (pthread_create(&threads[started], NULL, read_image, l) == 0)
		started++;
	else
		give_up(l, VS_ERR_NOMEM);
	while (started && started <= workers &&
	       pthread_create(&threads[started], NULL, work, l) == 0)
		started++;
	if (started < 2)
		give_up(l, VS_ERR_NOMEM);
	vs_status status = write_frames(l, o);
	for (size_t i = 0; i < started; i++)
		pthread_join(threads[i], NULL);
	errno = l->failed_errno;
	return status;
}

static vs_status finish_tree(const struct line *l, struct output *o,
                             struct vs_sealed *out)
{
	struct vs_crypto crypto;
	struct vs_why why = {0};
	vs_status status = vs_openssl_init(&crypto);

	if (status)
		return status;
	out->fields = l->job->header;
	out->fields.image_len = l->tree.image_len;
	status = vs_tree_finish(&o->upper, &crypto, out->fields.salt, o->nodes,
	                        out->fields.root_hash);
	vs_openssl_drop(&crypto);
	if (status)
		return status;
	out->upper = o->nodes;
	out->upper_len = (size_t)l->tree.upper_len;
	o->nodes = NULL;
	status = vs_seal_header_encode(&out->fields, out->header, &why);
	return status ? vs_say_why(status, l->job->image, &why) : VS_OK;
}

static vs_status finish_pack(const struct line *l, const struct output *o,
                             const struct vs_sealed *out)
{
	uint8_t head[VS_PACK_HEAD_LEN];
	struct vs_pack_head fields = {
		.image_len = l->tree.image_len,
		.clusters = l->tree.clusters,
	};

	memcpy(fields.root_hash, out->fields.root_hash, VS_SHA256_LEN);
	vs_pack_head_encode(&fields, head);
	vs_status status = vs_file_pwrite(o->fd, head, sizeof head, 0);
	if (!status)
		status = vs_file_pwrite(o->fd, o->index, l->tree.clusters * 4,
		                        sizeof head);
	if (!status && fsync(o->fd))
		status = VS_ERR_IO;
	return status;
}

static vs_status open_image(struct line *l)
{
	off_t len;

	l->image_fd = open(l->job->image, O_RDONLY | O_CLOEXEC);
	if (l->image_fd < 0)
		return vs_say_io(VS_ERR_IO, l->job->image);
	len = lseek(l->image_fd, 0, SEEK_END); /* block devices too */
	if (len <= 0) {
		vs_error("%s: image: is empty or not a file", l->job->image);
		return VS_ERR_INPUT;
	}
	if (vs_tree_init(&l->tree, (uint64_t)len)) {
		vs_error("%s: image: larger than 64 GiB", l->job->image);
		return VS_ERR_LIMIT;
	}
	return VS_OK;
}

static size_t core_count(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : n > threads_max ? threads_max : (size_t)n;
}

static vs_status prepare(struct line *l, struct output *o, const char *part)
{
	struct vs_pack_head head = {.clusters = l->tree.clusters};
	uint64_t leaves = l->tree.levels ? l->tree.level_blocks[0] : 1;

	l->cell_count = 2 * core_count();
	l->cells = calloc(l->cell_count, sizeof *l->cells);
	l->image_md = EVP_MD_CTX_new();
	assert(l->tree.clusters > 0);
	o->index = malloc((size_t)l->tree.clusters * 4);
	if (vs_tree_init(&o->upper, leaves * VS_BLOCK_LEN))
		return VS_ERR_LIMIT;
	o->nodes = calloc(1, (size_t)o->upper.len + VS_SHA256_LEN);
	o->at = vs_pack_index_len(&head);
	if (!l->cells || !l->image_md || !o->index || !o->nodes)
		return vs_say_io(VS_ERR_NOMEM, l->job->image);
	if (EVP_DigestInit_ex(l->image_md, EVP_sha256(), NULL) != 1)
		return vs_say_io(VS_ERR_CRYPTO, l->job->image);
	o->fd = open(part, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	             0644);
	return o->fd < 0 ? vs_say_io(VS_ERR_IO, part) : VS_OK;
}

static vs_status seal(struct line *l, struct output *o, struct vs_sealed *out)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	vs_status status = run_threads(l, o);

	if (status)
		return vs_say_io(status, l->job->image);
	if (EVP_DigestFinal_ex(l->image_md, digest, NULL) != 1)
		return vs_say_io(VS_ERR_CRYPTO, l->job->image);
	vs_hex_encode(digest, 32, out->image_sha256);
	status = finish_tree(l, o, out);
	if (!status) {
		status = finish_pack(l, o, out);
		if (status)
			vs_say_io(status, l->job->pack);
	}
	return status;
}

static vs_status put_in_place(const struct vs_sealer_job *job, const char *part,
                              struct vs_sealed *out)
{
	vs_status status = VS_OK;

	if (rename(part, job->pack))
		status = VS_ERR_IO;
	/* the head is known last, so the pack's hash needs a second look */
	if (!status)
		status = vs_file_sha256(job->pack, out->pack_sha256,
		                        &out->pack_len);
	return status ? vs_say_io(status, job->pack) : VS_OK;
}

vs_status vs_sealer_run(const struct vs_sealer_job *job, struct vs_sealed *out)
{
	char part[PATH_MAX];
	struct line l = {
		.job = job,
		.image_fd = -1,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.changed = PTHREAD_COND_INITIALIZER,
	};
	struct output o = {.fd = -1};
	int n = snprintf(part, sizeof part, "%s.part", job->pack);

	*out = (struct vs_sealed){0};
	if (n < 0 || (size_t)n >= sizeof part)
		return vs_say_io(VS_ERR_LIMIT, job->pack);
	vs_status status = open_image(&l);
	if (!status)
		status = prepare(&l, &o, part);
	if (!status)
		status = seal(&l, &o, out);
	if (!status)
		status = put_in_place(job, part, out);
	if (status && o.fd >= 0)
		unlink(part);
	vs_fd_drop(&o.fd);
	vs_fd_drop(&l.image_fd);
	EVP_MD_CTX_free(l.image_md);
	free(l.cells);
	free(o.index);
	free(o.nodes);
	if (status)
		vs_sealed_drop(out);
	return status;
}

void vs_sealed_drop(struct vs_sealed *s)
{
	free(s->upper);
	*s = (struct vs_sealed){0};
}

vs_status vs_sealed_store(const struct vs_sealed *s, const char *path)
{
	static const struct vs_signatures none;
	size_t cap = VS_SEAL_HEADER_LEN + VS_SIGNATURE_BLOCK_MAX + s->upper_len;
	VS_AUTO(vs_free_drop) uint8_t *file = malloc(cap);
	size_t len;

	if (!file)
		return vs_say_io(VS_ERR_NOMEM, path);
	vs_status status = vs_seal_encode(s->header, &none, s->upper,
	                                  s->upper_len, file, cap, &len);
	if (!status)
		status = vs_file_replace(path, file, len, 0644);
	return status ? vs_say_io(status, path) : VS_OK;
}

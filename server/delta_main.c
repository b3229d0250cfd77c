/* SPDX-License-Identifier: Apache-2.0
 *
 * server/delta_main.c - voltseal-delta: one delta, of two uploaded images.
 *
 * Started by voltseal-server, nice and with bounds.  The images come out of
 * their packs into files without a name, each cluster held against its seal;
 * the delta gets its name once it is whole, was applied and gave the new image.
 *
 * voltseal-delta DATA OLDSEAL OLDPACK NEWSEAL NEWPACK MEMORY_MB DISK_MB CPU_S
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/helper.h"
#include "delta/make/make.h"
#include "delta/make/prove.h"
#include "seal/openssl.h"
#include "seal/pack.h"
#include "seal/seal.h"
#include "server/publish/delta.h"
#include "server/publish/ways.h"

#define HELPER_STACK 262144

/* What it may take. */
struct bounds {
	uint64_t memory_mb, disk_mb, cpu_s;
};

struct side {
	const char *data_dir;
	struct vs_way_end names;
	uint8_t *file, *image; /* image: mapped */
	struct vs_seal seal;
	struct vs_crypto crypto;
};

static vs_status load_seal(struct side *s)
{
	size_t len;
	vs_status status = vs_artifact_read(s->data_dir, s->names.seal,
	                                    VS_SEAL_LEN_MAX, &s->file, &len);

	if (!status)
		status = vs_seal_decode(s->file, len, &s->seal, NULL);
	if (!status)
		status = vs_openssl_init(&s->crypto);
	if (!status)
		status = vs_tree_check_upper(&s->seal.tree, &s->crypto,
		                             &s->seal.header, s->seal.upper,
		                             NULL);
	return status;
}

static vs_status unpack_one(const struct side *s, int pack,
                            struct vs_pack_decoder *decoder,
                            const struct vs_pack_index *index, uint64_t i)
{
	static uint8_t frame[VS_PACK_FRAME_MAX], leaves[VS_BLOCK_LEN];
	uint8_t *out = s->image + i * VS_CLUSTER_LEN;
	size_t len = (size_t)(index->at[i + 1] - index->at[i]);
	vs_status status = vs_file_pread(pack, frame, len, index->at[i]);

	if (!status)
		status = vs_pack_decode(decoder, frame, len, out,
		                        vs_tree_cluster_len(&s->seal.tree, i),
		                        NULL);
	return status ? status
	              : vs_tree_check_cluster(&s->seal.tree, &s->crypto,
	                                      &s->seal.header, s->seal.upper, i,
	                                      out, leaves, NULL);
}

/* A file without a name: its disk is free again when this process ends. */
static vs_status map_image(struct side *s)
{
	char folder[VS_ARTIFACT_PATH_MAX];
	uint64_t len = s->seal.header.image_len;
	vs_status status =
		vs_path_join(folder, sizeof folder, s->data_dir, "deltas");
	VS_AUTO(vs_fd_drop) int fd = -1;
	void *at;

	if (!status)
		fd = open(folder, O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 || posix_fallocate(fd, 0, (off_t)len) != 0)
		return VS_ERR_IO;
	at = mmap(NULL, (size_t)len, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (at == MAP_FAILED)
		return VS_ERR_NOMEM;
	s->image = at;
	return VS_OK;
}

static vs_status unpack(struct side *s)
{
	VS_AUTO(vs_pack_decoder_free) struct vs_pack_decoder *decoder = NULL;
	VS_AUTO(vs_fd_drop) int pack = -1;
	struct vs_pack_index index = {0};
	uint64_t len;
	vs_status status =
		vs_artifact_open(s->data_dir, s->names.pack, &pack, &len);

	if (!status)
		status = vs_way_read_index(pack, s->seal.tree.clusters, &index);
	if (!status)
		status = vs_pack_decoder_new(&decoder);
	if (!status)
		status = map_image(s);
	for (uint64_t i = 0; !status && i < index.clusters; i++)
		status = unpack_one(s, pack, decoder, &index, i);
	vs_pack_index_drop(&index);
	return status;
}

struct work {
	struct side sides[2];
	struct vs_buffer delta; /* up to what the clusters cost */
};

static vs_status take(void *ctx, const uint8_t *in, size_t len)
{
	struct work *w = ctx;

	return vs_buffer_add(&w->delta, in, len);
}

/* As a charger will. */
static vs_status try(const struct work *w, const struct vs_make *m)
{
	VS_AUTO(vs_helper_free) struct vs_helper *helper = NULL;
	struct vs_delta_helper beside = {NULL, vs_helper_give, vs_helper_busy,
	                                 vs_helper_await};
	struct vs_proof proof = {
		.was = m->was,
		.is = m->is,
		.delta = w->delta.data,
		.len = w->delta.len,
	};
	struct vs_why why;

	if (vs_helper_cores() > 1 &&
	    vs_helper_new(HELPER_STACK, &helper) == VS_OK) {
		beside.ctx = helper;
		proof.helper = &beside;
	}
	return vs_delta_prove(&proof, &why);
}

static vs_status make(struct work *w, const struct vs_way *way)
{
	struct vs_make m = {
		.was = {w->sides[0].image, w->sides[0].seal.header.image_len},
		.is = {w->sides[1].image, w->sides[1].seal.header.image_len},
		.write = take,
		.ctx = w,
	};
	vs_status status;

	memcpy(m.old_root, way->old_root, sizeof m.old_root);
	memcpy(m.new_root, way->new_root, sizeof m.new_root);
	vs_buffer_init(&w->delta, (size_t)way->clusters_len);
	status = vs_delta_make(&m);
	return status ? status : try(w, &m);
}

static vs_status keep(const struct work *w, const char *data_dir,
                      const struct vs_way *way)
{
	char folder[VS_ARTIFACT_PATH_MAX], path[VS_ARTIFACT_PATH_MAX];
	char name[VS_DELTA_NAME_LEN];
	vs_status status =
		vs_path_join(folder, sizeof folder, data_dir, "deltas");

	vs_delta_name(way->old_root, way->new_root, name);
	if (!status)
		status = vs_path_join(path, sizeof path, folder, name);
	return status ? status
	              : vs_file_replace(path, w->delta.data, w->delta.len,
	                                0600);
}

/* Beside the images, which are files and mapped, and what the program takes
 * of its address space before it begins.
 */
static bool bound(const struct bounds *b, uint64_t images)
{
	/* the first is a signal that tells its reason */
	const struct rlimit cpu = {b->cpu_s, b->cpu_s + 1}, core = {0, 0};
	struct rlimit memory;

	memory.rlim_cur = memory.rlim_max =
		(b->memory_mb << 20) + images + ((uint64_t)OWN_MB << 20);
	return setpriority(PRIO_PROCESS, 0, 19) == 0 &&
	       prctl(PR_SET_PDEATHSIG, 9) == 0 &&
	       setrlimit(RLIMIT_CPU, &cpu) == 0 &&
	       setrlimit(RLIMIT_CORE, &core) == 0 &&
	       setrlimit(RLIMIT_AS, &memory) == 0;
}

static int end_of(vs_status status)
{
	switch (status) {
	case VS_OK:
		return VS_DELTA_MADE;
	case VS_ERR_LIMIT:
		return VS_DELTA_USELESS;
	case VS_ERR_NOMEM:
		return VS_DELTA_NO_MEMORY;
	default:
		return VS_DELTA_FAILED;
	}
}

static int work_on(struct work *w, const struct bounds *bounds)
{
	const char *data_dir = w->sides[0].data_dir;
	struct vs_way way;
	uint64_t images;
	vs_status status = vs_way_between(data_dir, &w->sides[0].names,
	                                  &w->sides[1].names, &way);

	if (!status)
		status = load_seal(&w->sides[0]);
	if (!status)
		status = load_seal(&w->sides[1]);
	if (status)
		return VS_DELTA_FAILED;
	images = w->sides[0].seal.header.image_len +
	         w->sides[1].seal.header.image_len;
	if (images >> 20 >= bounds->disk_mb)
		return VS_DELTA_NO_ROOM;
	if (!bound(bounds, images))
		return VS_DELTA_FAILED;
	for (int i = 0; i < 2 && !status; i++)
		status = unpack(&w->sides[i]);
	if (status)
		return status == VS_ERR_NOMEM ? VS_DELTA_NO_MEMORY
		                              : VS_DELTA_FAILED;
	status = make(w, &way);
	return end_of(status ? status : keep(w, data_dir, &way));
}

int main(int argc, char **argv)
{
	static struct work w;
	struct bounds bounds;

	if (argc != 9)
		return VS_DELTA_FAILED;
	for (int i = 0; i < 2; i++) {
		struct side *s = &w.sides[i];

		s->data_dir = argv[1];
		snprintf(s->names.seal, sizeof s->names.seal, "%s",
		         argv[2 + 2 * i]);
		snprintf(s->names.pack, sizeof s->names.pack, "%s",
		         argv[3 + 2 * i]);
	}
	bounds = (struct bounds){strtoull(argv[6], NULL, 10),
	                         strtoull(argv[7], NULL, 10),
	                         strtoull(argv[8], NULL, 10)};
	return work_on(&w, &bounds);
}

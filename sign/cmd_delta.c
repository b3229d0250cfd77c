/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_delta.c - delta: the way from one sealed image to the next.
 *
 * Both images are checked against their seals' trees as they are read, and
 * what was checked is what is used.  The delta is written only after it was
 * applied and gave the new image.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/helper.h"
#include "base/hex.h"
#include "base/log.h"
#include "delta/make/make.h"
#include "delta/make/prove.h"
#include "seal/openssl.h"
#include "seal/seal.h"
#include "sign/commands.h"
#include "sign/progress.h"
#include "sign/say.h"
#include "trust/json.h"

#define HELPER_STACK 262144

/* A seal and its image. */
struct side {
	const char *seal_path, *image_path;
	char beside[PATH_MAX]; /* where image_path may be */
	uint8_t *file;         /* owned */
	uint8_t *image;        /* owned */
	struct vs_seal seal;
};

static void side_drop(struct side *s)
{
	free(s->file);
	free(s->image);
}

static vs_status load_seal(struct side *s, const struct vs_crypto *crypto)
{
	struct vs_why why = {0};
	size_t len;
	vs_status status =
		vs_file_read(s->seal_path, VS_SEAL_LEN_MAX, &s->file, &len);

	if (status)
		return vs_say_io(status, s->seal_path);
	status = vs_seal_decode(s->file, len, &s->seal, &why);
	if (!status)
		status = vs_tree_check_upper(&s->seal.tree, crypto,
		                             &s->seal.header, s->seal.upper,
		                             &why);
	return status ? vs_say_why(status, s->seal_path, &why) : VS_OK;
}

/* A block device may be longer than the image on it. */
static vs_status check_size(const struct side *s, int fd)
{
	struct stat st;

	if (fstat(fd, &st))
		return vs_say_io(VS_ERR_IO, s->image_path);
	if (!S_ISREG(st.st_mode) ||
	    (uint64_t)st.st_size == s->seal.header.image_len)
		return VS_OK;
	vs_error("%s: has %" PRIu64 " bytes, but %s is of an image of %" PRIu64
	         " (%s)",
	         s->image_path, (uint64_t)st.st_size, s->seal_path,
	         s->seal.header.image_len,
	         vs_reason_name(VS_REASON_LENGTH_MISMATCH));
	return VS_ERR_REFUSED;
}

static vs_status load_clusters(struct side *s, const struct vs_crypto *crypto,
                               int fd, struct vs_progress *bar)
{
	const struct vs_tree *tree = &s->seal.tree;
	uint8_t leaves[VS_BLOCK_LEN];
	struct vs_why why = {0};

	for (uint64_t i = 0; i < tree->clusters; i++) {
		uint64_t at = i * VS_CLUSTER_LEN;
		size_t len = vs_tree_cluster_len(tree, i);
		vs_status status = vs_file_pread(fd, s->image + at, len, at);

		if (status)
			return vs_say_io(status, s->image_path);
		status = vs_tree_check_cluster(tree, crypto, &s->seal.header,
		                               s->seal.upper, i, s->image + at,
		                               leaves, &why);
		if (status) {
			vs_error("%s: is not the image of %s: cluster %" PRIu64
			         " (%s)",
			         s->image_path, s->seal_path, i,
			         vs_reason_name(why.code));
			return status;
		}
		vs_progress_step(bar, len);
	}
	return VS_OK;
}

static vs_status load_image(struct side *s, const struct vs_crypto *crypto)
{
	VS_AUTO(vs_fd_drop)
	int fd = open(s->image_path, O_RDONLY | O_CLOEXEC);
	const char *name = strrchr(s->image_path, '/');
	struct vs_progress bar;

	if (fd < 0)
		return vs_say_io(vs_file_exists(s->image_path) ? VS_ERR_IO
		                                               : VS_ERR_ABSENT,
		                 s->image_path);
	vs_status status = check_size(s, fd);
	if (status)
		return status;
	s->image = malloc((size_t)s->seal.header.image_len);
	if (!s->image)
		return vs_say_io(VS_ERR_NOMEM, s->image_path);
	vs_progress_start(&bar, name ? name + 1 : s->image_path,
	                  s->seal.header.image_len);
	status = load_clusters(s, crypto, fd, &bar);
	vs_progress_end(&bar);
	return status;
}

static vs_status check_pair(const struct side sides[static 2])
{
	const struct vs_seal_header *old = &sides[0].seal.header;
	const struct vs_seal_header *new = &sides[1].seal.header;

	if (strcmp(old->component, new->component) != 0) {
		vs_error("%s: is of %s, but %s of %s", sides[1].seal_path,
		         new->component, sides[0].seal_path, old->component);
		return VS_ERR_REFUSED;
	}
	if (memcmp(old->root_hash, new->root_hash, VS_SHA256_LEN) == 0) {
		vs_error("%s: is of the same image as %s: nothing to send",
		         sides[1].seal_path, sides[0].seal_path);
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

/* NAME.img, or NAME, of NAME.seal. */
static vs_status find_image(struct side *s, const char *option)
{
	static const char *const ends[] = {".img", ""};
	size_t len = strlen(s->seal_path);

	if (s->image_path)
		return VS_OK;
	if (len > 5 && strcmp(s->seal_path + len - 5, ".seal") == 0)
		len -= 5;
	for (size_t i = 0; i < 2; i++) {
		int n = snprintf(s->beside, sizeof s->beside, "%.*s%s",
		                 (int)len, s->seal_path, ends[i]);

		if (n < 0 || (size_t)n >= sizeof s->beside ||
		    strcmp(s->beside, s->seal_path) == 0 ||
		    !vs_file_exists(s->beside))
			continue;
		s->image_path = s->beside;
		return VS_OK;
	}
	vs_error("%s: no image beside it (NAME.img or NAME for NAME.seal): "
	         "say --%s IMAGE",
	         s->seal_path, option);
	return VS_ERR_ABSENT;
}

static vs_status load(struct side sides[static 2])
{
	struct vs_crypto crypto;
	vs_status status = vs_openssl_init(&crypto);

	if (status)
		return vs_say_io(status, "libcrypto");
	for (int i = 0; i < 2 && !status; i++)
		status = find_image(&sides[i], i == 0 ? "old" : "new");
	for (int i = 0; i < 2 && !status; i++)
		status = load_seal(&sides[i], &crypto);
	if (!status)
		status = check_pair(sides);
	for (int i = 0; i < 2 && !status; i++)
		status = load_image(&sides[i], &crypto);
	vs_openssl_drop(&crypto);
	return status;
}

struct work {
	const struct side *sides;
	struct vs_buffer delta;
	struct vs_progress bar;
	struct vs_make make;
};

static vs_status take(void *ctx, const uint8_t *in, size_t len)
{
	struct work *w = ctx;

	return vs_buffer_add(&w->delta, in, len);
}

static void show(void *ctx, uint64_t done, uint64_t total)
{
	struct work *w = ctx;

	w->bar.total = total;
	vs_progress_step(&w->bar, done - w->bar.done);
}

static vs_status make(struct work *w, const char *out)
{
	struct vs_make *m = &w->make;
	vs_status status;

	*m = (struct vs_make){
		.was = {w->sides[0].image, w->sides[0].seal.header.image_len},
		.is = {w->sides[1].image, w->sides[1].seal.header.image_len},
		.write = take,
		.step = show,
		.ctx = w,
	};
	memcpy(m->old_root, w->sides[0].seal.header.root_hash, VS_SHA256_LEN);
	memcpy(m->new_root, w->sides[1].seal.header.root_hash, VS_SHA256_LEN);
	vs_buffer_init(&w->delta, m->is.len + VS_DELTA_HEAD_LEN);
	vs_progress_start(&w->bar, "delta", 0);
	w->bar.unit = "steps";
	status = vs_delta_make(m);
	vs_progress_end(&w->bar);
	if (status == VS_ERR_LIMIT) {
		vs_error("%s: the images have too little in common for a "
		         "delta (%s)",
		         out, vs_reason_name(VS_REASON_TOO_LARGE));
		return VS_ERR_REFUSED;
	}
	return status ? vs_say_io(status, out) : VS_OK;
}

static void show_applied(void *ctx, uint64_t bytes)
{
	struct work *w = ctx;

	vs_progress_step(&w->bar, bytes);
}

/* As a charger will. */
static vs_status try(struct work *w, const char *out)
{
	VS_AUTO(vs_helper_free) struct vs_helper *helper = NULL;
	struct vs_delta_helper beside = {NULL, vs_helper_give, vs_helper_busy,
	                                 vs_helper_await};
	struct vs_proof proof = {
		.was = w->make.was,
		.is = w->make.is,
		.delta = w->delta.data,
		.len = w->delta.len,
		.step = show_applied,
		.ctx = w,
	};
	struct vs_why why = {0};
	vs_status status;

	if (vs_helper_cores() > 1 &&
	    vs_helper_new(HELPER_STACK, &helper) == VS_OK) {
		beside.ctx = helper;
		proof.helper = &beside;
	}
	vs_progress_start(&w->bar, "applied", proof.is.len);
	status = vs_delta_prove(&proof, &why);
	vs_progress_end(&w->bar);
	return status ? vs_say_why(status, out, &why) : VS_OK;
}

/* As chargers ask for it: docs/formats/delta.md. */
static void put_name(const struct side sides[static 2],
                     char out[static 4 * VS_SHA256_LEN + 2])
{
	vs_hex_encode(sides[0].seal.header.root_hash, VS_SHA256_LEN, out);
	out[2 * VS_SHA256_LEN] = '-';
	vs_hex_encode(sides[1].seal.header.root_hash, VS_SHA256_LEN,
	              out + 2 * VS_SHA256_LEN + 1);
}

static vs_status tell(const struct work *w, const char *out, bool json)
{
	const struct vs_make *m = &w->make;
	char old_root[2 * VS_SHA256_LEN + 1], new_root[2 * VS_SHA256_LEN + 1];

	if (!json) {
		printf("%s: %" PRIu64 " bytes, %.2f %% of the image; %zu "
		       "programs predicted, %" PRIu64 " bytes copied\n",
		       out, m->bytes,
		       100.0 * (double)m->bytes / (double)m->is.len, m->pairs,
		       m->copied);
		return VS_OK;
	}
	vs_hex_encode(m->old_root, VS_SHA256_LEN, old_root);
	vs_hex_encode(m->new_root, VS_SHA256_LEN, new_root);
	VS_AUTO(vs_json_drop)
	json_t *o = json_pack(
		"{s:s%, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I}", "path",
		out, strlen(out), "delta_len", (json_int_t)m->bytes, "old_len",
		(json_int_t)m->was.len, "new_len", (json_int_t)m->is.len,
		"old_root", old_root, "new_root", new_root, "layout_len",
		(json_int_t)m->layout_bytes, "copied", (json_int_t)m->copied,
		"covers", (json_int_t)m->covers, "predicted",
		(json_int_t)m->pairs);
	return o ? vs_print_json(o) : vs_say_io(VS_ERR_NOMEM, "JSON");
}

static vs_status run(const struct vs_args *args)
{
	struct side sides[2] = {
		{.seal_path = args->operand,
	         .image_path = vs_args_text(args, "old")},
		{.seal_path = args->second,
	         .image_path = vs_args_text(args, "new")},
	};
	const char *out = vs_args_text(args, "out");
	char name[4 * VS_SHA256_LEN + 2];
	struct work w = {.sides = sides};
	vs_status status = load(sides);

	if (!status && !out) {
		put_name(sides, name);
		out = name;
	}
	if (!status)
		status = make(&w, out);
	if (!status)
		status = try(&w, out);
	if (!status) {
		status = vs_file_replace(out, w.delta.data, w.delta.len, 0644);
		status = status ? vs_say_io(status, out)
		                : tell(&w, out, vs_args_flag(args, "json"));
	}
	vs_buffer_drop(&w.delta);
	side_drop(&sides[0]);
	side_drop(&sides[1]);
	return status;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_OPTIONAL, "old", "IMAGE",
                "the image of OLD.seal; default: OLD.img or OLD"),
	VS_TEXT(VS_OPTIONAL, "new", "IMAGE",
                "the image of NEW.seal; default: NEW.img or NEW"),
	VS_TEXT(VS_OPTIONAL, "out", "FILE",
                "the delta; default: the name chargers ask for, "
                "OLDROOT-NEWROOT"),
	VS_FLAG("json", "print JSON"),
};

const struct vs_command vs_cmd_delta = {
	"delta",
	"make the delta from one sealed image to another",
	"For chargers that run OLD: they fetch it in place of NEW's pack.  "
	"Nobody\nbelieves a delta, so it needs no signature.  It was applied "
	"and compared\nbefore it is written.  Memory: about the sum of both "
	"images, and as much\nas eight times what has changed.",
	"OLD.seal NEW.seal",
	options,
	sizeof options / sizeof *options,
	run,
};

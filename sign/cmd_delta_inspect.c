/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_delta_inspect.c - delta inspect: what a delta holds, and what its
 * bytes are spent on.
 *
 * The old image tells the rest, because a delta cannot be read without it.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "delta/apply/apply.h"
#include "delta/make/ext4.h"
#include "sign/commands.h"
#include "sign/say.h"
#include "trust/json.h"

enum { delta_max = 1 << 30, rows_max = 20 };

static const char *const kinds[VS_SPENT_COUNT] = {
	[VS_SPENT_COVERS] = "covers",     [VS_SPENT_HITS] = "hits",
	[VS_SPENT_OPERANDS] = "operands", [VS_SPENT_MISSES] = "misses",
	[VS_SPENT_LITERALS] = "literals",
};

struct inspection {
	const char *path;
	uint8_t *delta; /* owned */
	size_t len, at;
	uint8_t *old; /* owned; NULL: no old image */
	uint64_t old_len;
	struct vs_apply *apply;
	struct vs_spent *spent; /* owned; by file */
	struct vs_ext4 names;   /* of the old image */
};

static vs_status give(void *ctx, uint8_t *out, size_t len, size_t *got)
{
	struct inspection *n = ctx;
	size_t left = n->len - n->at;

	if (left == 0)
		return VS_ERR_ABSENT;
	*got = len < left ? len : left;
	memcpy(out, n->delta + n->at, *got);
	n->at += *got;
	return VS_OK;
}

static vs_status read_old(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct inspection *n = ctx;

	if (!n->old || at > n->old_len || len > n->old_len - at)
		return VS_ERR_IO;
	memcpy(out, n->old + at, len);
	return VS_OK;
}

static vs_status load_old(struct inspection *n, const char *path)
{
	VS_AUTO(vs_fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return vs_say_io(
			vs_file_exists(path) ? VS_ERR_IO : VS_ERR_ABSENT, path);
	n->old = malloc((size_t)n->old_len);
	if (!n->old)
		return vs_say_io(VS_ERR_NOMEM, path);
	if (vs_file_pread(fd, n->old, (size_t)n->old_len, 0)) {
		vs_error("%s: is shorter than the image that %s is for", path,
		         n->path);
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

/* Counts bits by decoding all of it. */
static vs_status spend(struct inspection *n, const char *old)
{
	uint64_t len = vs_apply_head(n->apply)->new_len;
	uint8_t block[VS_DELTA_BLOCK];
	struct vs_why why = {0};
	vs_status status = load_old(n, old);

	if (status)
		return status;
	n->spent = calloc(vs_apply_layout(n->apply)->file_count + 1,
	                  sizeof(*n->spent));
	if (!n->spent)
		return vs_say_io(VS_ERR_NOMEM, n->path);
	vs_apply_meter(n->apply, n->spent);
	for (uint64_t at = 0; at < len && !status; at += sizeof block)
		status = vs_apply_next(n->apply, block,
		                       len - at < sizeof block
		                               ? (size_t)(len - at)
		                               : sizeof block,
		                       &why);
	if (status) {
		vs_error("%s: cannot be applied to %s: %s", n->path, old,
		         why.what);
		return status;
	}
	if (vs_ext4_read(n->old, n->old_len, &n->names))
		return vs_say_io(VS_ERR_NOMEM, old);
	return VS_OK;
}

/* A delta names no files: the old image does. */
static const char *name_of(const struct inspection *n, uint32_t file)
{
	const struct vs_file *f = &vs_apply_layout(n->apply)->files[file];

	if (file == 0 && !f->predicted)
		return "(all that is no program)";
	for (size_t i = 0; i < n->names.count && f->was_count > 0; i++)
		if (n->names.files[i].count > 0 &&
		    n->names.files[i].extents[0].image == f->was[0].image)
			return n->names.files[i].path;
	return file == 0 ? "(the image)" : "(a file)";
}

static uint64_t bytes_of(uint64_t bits)
{
	return (bits + (1 << 18)) >> 19;
}

static uint64_t sum_of(const struct vs_spent *s)
{
	uint64_t bits = 0;

	for (int k = 0; k < VS_SPENT_COUNT; k++)
		bits += s->bits[k];
	return bytes_of(bits);
}

static json_t *file_json(const struct inspection *n, uint32_t file)
{
	const struct vs_file *f = &vs_apply_layout(n->apply)->files[file];
	json_t *o = json_pack("{s:b, s:I, s:I}", "predicted", f->predicted,
	                      "new_len", (json_int_t)f->blocks * VS_DELTA_BLOCK,
	                      "old_len",
	                      (json_int_t)f->was_blocks * VS_DELTA_BLOCK);

	if (!n->spent || !o)
		return o;
	const struct vs_spent *s = &n->spent[file];
	json_t *spent = json_object();
	for (int k = 0; k < VS_SPENT_COUNT; k++)
		json_object_set_new(
			spent, kinds[k],
			json_integer((json_int_t)bytes_of(s->bits[k])));
	json_object_set_new(o, "name", json_string(name_of(n, file)));
	json_object_set_new(o, "covers", json_integer((json_int_t)s->covers));
	json_object_set_new(o, "missed", json_integer((json_int_t)s->misses));
	json_object_set_new(o, "uncovered",
	                    json_integer((json_int_t)s->literals));
	json_object_set_new(o, "bytes", json_integer((json_int_t)sum_of(s)));
	json_object_set_new(o, "spent", spent);
	return o;
}

struct sums {
	size_t segments, copies;
	uint64_t copied, predicted, rest;
};

static struct sums sums_of(const struct vs_layout *l)
{
	struct sums s = {.segments = l->segment_count};

	for (size_t i = 0; i < l->segment_count; i++) {
		const struct vs_segment *g = &l->segments[i];
		uint64_t len = (uint64_t)g->count * VS_DELTA_BLOCK;

		if (g->file == VS_SEGMENT_COPY) {
			s.copies++;
			s.copied += len;
		} else if (l->files[g->file].predicted) {
			s.predicted += len;
		} else {
			s.rest += len;
		}
	}
	return s;
}

static json_t *head_json(const struct inspection *n)
{
	const struct vs_delta_head *h = vs_apply_head(n->apply);
	const struct vs_layout *l = vs_apply_layout(n->apply);
	char old_root[65], new_root[65];
	struct sums s = sums_of(l);

	vs_hex_encode(h->old_root, VS_DELTA_ROOT_LEN, old_root);
	vs_hex_encode(h->new_root, VS_DELTA_ROOT_LEN, new_root);
	return json_pack("{s:s, s:I, s:I, s:I, s:s, s:s, s:I, s:I, s:I, s:I, "
	                 "s:I, s:I}",
	                 "kind", "delta", "delta_len", (json_int_t)n->len,
	                 "old_len", (json_int_t)h->old_len, "new_len",
	                 (json_int_t)h->new_len, "old_root", old_root,
	                 "new_root", new_root, "segments",
	                 (json_int_t)s.segments, "copies", (json_int_t)s.copies,
	                 "copied", (json_int_t)s.copied, "predicted",
	                 (json_int_t)s.predicted, "rest", (json_int_t)s.rest,
	                 "files", (json_int_t)l->file_count);
}

static vs_status tell_json(const struct inspection *n)
{
	VS_AUTO(vs_json_drop) json_t *o = head_json(n);
	json_t *files = json_array();

	for (uint32_t i = 0; i < vs_apply_layout(n->apply)->file_count; i++)
		json_array_append_new(files, file_json(n, i));
	if (!o || json_object_set_new(o, "files", files))
		return vs_say_io(VS_ERR_NOMEM, "JSON");
	return vs_print_json(o);
}

static int by_bytes(const void *a, const void *b, void *ctx)
{
	const struct vs_spent *spent = ctx;
	uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
	uint64_t left = sum_of(&spent[x]), right = sum_of(&spent[y]);

	if (left != right)
		return left < right ? 1 : -1;
	return x < y ? -1 : 1;
}

static void tell_row(const struct vs_spent *s, const char *name)
{
	char quoted[256];

	printf("%9" PRIu64, sum_of(s));
	for (int k = 0; k < VS_SPENT_COUNT; k++)
		printf(" %9" PRIu64, bytes_of(s->bits[k]));
	printf("  %s\n", vs_log_quote(name, quoted, sizeof quoted));
}

static void add(struct vs_spent *to, const struct vs_spent *s)
{
	for (int k = 0; k < VS_SPENT_COUNT; k++)
		to->bits[k] += s->bits[k];
}

/* The most expensive files first. */
static vs_status tell_spent(const struct inspection *n)
{
	uint32_t count = (uint32_t)vs_apply_layout(n->apply)->file_count;
	VS_AUTO(vs_free_drop)
	uint32_t *order = calloc(count + 1, sizeof *order);
	struct vs_spent all = {0}, others = {0};

	if (!order)
		return vs_say_io(VS_ERR_NOMEM, n->path);
	for (uint32_t i = 0; i < count; i++)
		order[i] = i;
	qsort_r(order, count, sizeof *order, by_bytes, n->spent);
	printf("\n%9s", "bytes");
	for (int k = 0; k < VS_SPENT_COUNT; k++)
		printf(" %9s", kinds[k]);
	printf("  file\n");
	for (uint32_t i = 0; i < count; i++) {
		const struct vs_spent *s = &n->spent[order[i]];

		add(&all, s);
		if (i < rows_max)
			tell_row(s, name_of(n, order[i]));
		else
			add(&others, s);
	}
	if (count > rows_max)
		tell_row(&others, "(others)");
	tell_row(&all, "(sum)");
	printf("%9" PRIu64 "  head and layout\n",
	       n->len > sum_of(&all) ? n->len - sum_of(&all) : 0);
	return VS_OK;
}

static vs_status tell(const struct inspection *n)
{
	VS_AUTO(vs_json_drop) json_t *o = head_json(n);
	const char *name;
	json_t *v;

	if (!o)
		return vs_say_io(VS_ERR_NOMEM, n->path);
	json_object_foreach(o, name, v)
	{
		if (json_is_string(v))
			printf("%-10s %s\n", name, json_string_value(v));
		else
			printf("%-10s %" JSON_INTEGER_FORMAT "\n", name,
			       json_integer_value(v));
	}
	return n->spent ? tell_spent(n) : VS_OK;
}

static vs_status open_delta(struct inspection *n, struct vs_old_image *image)
{
	struct vs_delta_head head;
	struct vs_why why = {VS_REASON_MALFORMED, "delta is cut short", 0};
	vs_status status = vs_file_read(n->path, delta_max, &n->delta, &n->len);

	if (status)
		return vs_say_io(status, n->path);
	if (n->len < VS_DELTA_HEAD_LEN)
		return vs_say_why(VS_ERR_INPUT, n->path, &why);
	status = vs_delta_head_decode(n->delta, &head, &why);
	if (status)
		return vs_say_why(status, n->path, &why);
	n->old_len = head.old_len;
	image->len = head.old_len;
	status = vs_apply_new(image, give, n, &n->apply, &why);
	return status ? vs_say_why(status, n->path, &why) : VS_OK;
}

static vs_status run(const struct vs_args *args)
{
	const char *old = vs_args_text(args, "old");
	struct inspection n = {.path = args->operand};
	struct vs_old_image image = {&n, 0, read_old};
	vs_status status = open_delta(&n, &image);

	if (!status && old)
		status = spend(&n, old);
	if (!status)
		status = vs_args_flag(args, "json") ? tell_json(&n) : tell(&n);
	vs_apply_free(&n.apply);
	vs_ext4_drop(&n.names);
	free(n.spent);
	free(n.old);
	free(n.delta);
	return status;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_OPTIONAL, "old", "IMAGE", "what the delta is applied to"),
	VS_FLAG("json", "print JSON"),
};

const struct vs_command vs_cmd_delta_inspect = {
	"delta inspect",
	"print what a delta holds, and what its bytes are for",
	"With the old image also by file: covers (what lies where), hits "
	"(whether\npredictions hold), operands (addresses that were not "
	"foreseen), misses\n(other bytes), literals (bytes with no old form).  "
	"Verifies nothing.",
	"FILE",
	options,
	sizeof options / sizeof *options,
	run,
};

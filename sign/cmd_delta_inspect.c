/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_delta_inspect.c - delta inspect: what a delta holds, and what its
 * bytes are spent on.
 *
 * The old image tells the rest, because a delta cannot be read without it:
 * then the new one is there in whole, too, and says whose bytes they are.
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
#include "sign/commands.h"
#include "sign/delta_spent.h"
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
	uint8_t *new; /* owned: what came out; or NULL */
	struct vs_apply *apply;
	struct vs_spent *spent; /* owned; by block of the view */
	struct vs_spent *files; /* owned; by file of the layout */
	struct vs_names names;  /* of the new image */
	struct vs_spent_rows rows;
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

/* Sums by file of the layout. */
static void sum_up(struct inspection *n)
{
	const struct vs_layout *l = vs_apply_layout(n->apply);

	for (size_t i = 0; i < l->segment_count; i++) {
		const struct vs_segment *g = &l->segments[i];

		if (g->file == VS_SEGMENT_COPY)
			continue;
		for (uint32_t b = g->at; b < g->at + g->count; b++) {
			struct vs_spent *to = &n->files[g->file];

			for (int k = 0; k < VS_SPENT_COUNT; k++)
				to->bits[k] += n->spent[b].bits[k];
			to->misses += n->spent[b].misses;
			to->literals += n->spent[b].literals;
			to->covers += n->spent[b].covers;
		}
	}
}

/* Who is who in the new image. */
static vs_status name_all(struct inspection *n)
{
	const struct vs_layout *l = vs_apply_layout(n->apply);
	const struct vs_image image = {n->new,
	                               vs_apply_head(n->apply)->new_len};
	struct vs_named_units units = {.units = vs_apply_units(n->apply)};
	vs_status status;

	units.known_count = vs_apply_known(n->apply, &units.known);
	status = vs_names_read(&image, units.units ? &units : NULL, &n->names);
	if (!status)
		status = vs_spent_by_name(&n->names, l, n->spent, &n->rows);
	return status ? vs_say_io(VS_ERR_NOMEM, n->path) : VS_OK;
}

/* Counts bits by decoding all of it. */
static vs_status spend(struct inspection *n, const char *old)
{
	const struct vs_layout *l = vs_apply_layout(n->apply);
	uint64_t len = vs_apply_head(n->apply)->new_len;
	struct vs_why why = {0};
	vs_status status = load_old(n, old);

	if (status)
		return status;
	n->spent = calloc(l->blocks + 1, sizeof(*n->spent));
	n->files = calloc(l->file_count + 1, sizeof(*n->files));
	n->new = malloc((size_t)len);
	if (!n->spent || !n->files || !n->new)
		return vs_say_io(VS_ERR_NOMEM, n->path);
	vs_apply_meter(n->apply, n->spent);
	for (uint64_t at = 0; at < len && !status; at += VS_DELTA_BLOCK)
		status = vs_apply_next(n->apply, n->new + at,
		                       len - at < VS_DELTA_BLOCK
		                               ? (size_t)(len - at)
		                               : VS_DELTA_BLOCK,
		                       &why);
	if (status) {
		vs_error("%s: cannot be applied to %s: %s", n->path, old,
		         why.what);
		return status;
	}
	sum_up(n);
	return name_all(n);
}

/* A delta names no files: what its first block is in the new image. */
static const char *name_of(const struct inspection *n, uint32_t file)
{
	const struct vs_layout *l = vs_apply_layout(n->apply);
	const char *name = NULL;

	if (file == 0 && !l->files[0].predicted)
		return "(all that is no program)";
	for (size_t i = 0; i < l->segment_count && !name; i++)
		if (l->segments[i].file == file)
			name = vs_names_at(&n->names, l->segments[i].at);
	if (name)
		return name;
	return file == 0 ? "(the image)" : "(a file)";
}

static json_t *spent_json(const uint64_t bits[static VS_SPENT_COUNT])
{
	json_t *o = json_object();

	for (int k = 0; k < VS_SPENT_COUNT; k++)
		json_object_set_new(
			o, kinds[k],
			json_integer((json_int_t)vs_spent_bytes(bits[k])));
	return o;
}

static json_t *file_json(const struct inspection *n, uint32_t file)
{
	const struct vs_file *f = &vs_apply_layout(n->apply)->files[file];
	json_t *o = json_pack("{s:b, s:I, s:I}", "predicted", f->predicted,
	                      "new_len", (json_int_t)f->blocks * VS_DELTA_BLOCK,
	                      "old_len",
	                      (json_int_t)f->was_blocks * VS_DELTA_BLOCK);

	if (!n->files || !o)
		return o;
	const struct vs_spent *s = &n->files[file];
	json_object_set_new(o, "name", json_string(name_of(n, file)));
	json_object_set_new(o, "covers", json_integer((json_int_t)s->covers));
	json_object_set_new(o, "missed", json_integer((json_int_t)s->misses));
	json_object_set_new(o, "uncovered",
	                    json_integer((json_int_t)s->literals));
	json_object_set_new(o, "bytes",
	                    json_integer((json_int_t)vs_spent_sum(s->bits)));
	json_object_set_new(o, "spent", spent_json(s->bits));
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

static json_t *rows_json(const struct inspection *n)
{
	json_t *rows = json_array();

	for (size_t i = 0; i < n->rows.count; i++) {
		const struct vs_spent_row *r = &n->rows.list[i];

		json_array_append_new(
			rows, json_pack("{s:s%, s:I, s:o}", "name", r->name,
		                        strlen(r->name), "bytes",
		                        (json_int_t)vs_spent_sum(r->bits),
		                        "spent", spent_json(r->bits)));
	}
	return rows;
}

static vs_status tell_json(const struct inspection *n)
{
	VS_AUTO(vs_json_drop) json_t *o = head_json(n);
	json_t *files = json_array();

	for (uint32_t i = 0; i < vs_apply_layout(n->apply)->file_count; i++)
		json_array_append_new(files, file_json(n, i));
	if (!o || json_object_set_new(o, "files", files) ||
	    (n->spent && json_object_set_new(o, "spent", rows_json(n))))
		return vs_say_io(VS_ERR_NOMEM, "JSON");
	return vs_print_json(o);
}

static void tell_row(const uint64_t bits[static VS_SPENT_COUNT],
                     const char *name)
{
	char quoted[256];

	printf("%9" PRIu64, vs_spent_sum(bits));
	for (int k = 0; k < VS_SPENT_COUNT; k++)
		printf(" %9" PRIu64, vs_spent_bytes(bits[k]));
	printf("  %s\n", vs_log_quote(name, quoted, sizeof quoted));
}

static void add(uint64_t to[static VS_SPENT_COUNT],
                const uint64_t bits[static VS_SPENT_COUNT])
{
	for (int k = 0; k < VS_SPENT_COUNT; k++)
		to[k] += bits[k];
}

/* The most expensive files first. */
static void tell_spent(const struct inspection *n)
{
	uint64_t all[VS_SPENT_COUNT] = {0}, others[VS_SPENT_COUNT] = {0};

	printf("\n%9s", "bytes");
	for (int k = 0; k < VS_SPENT_COUNT; k++)
		printf(" %9s", kinds[k]);
	printf("  file\n");
	for (size_t i = 0; i < n->rows.count; i++) {
		const struct vs_spent_row *r = &n->rows.list[i];

		add(all, r->bits);
		if (i < rows_max)
			tell_row(r->bits, r->name);
		else
			add(others, r->bits);
	}
	if (n->rows.count > rows_max)
		tell_row(others, "(others)");
	tell_row(all, "(sum)");
	printf("%9" PRIu64 "  head and layout\n",
	       n->len > vs_spent_sum(all) ? n->len - vs_spent_sum(all) : 0);
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
	if (n->spent)
		tell_spent(n);
	return VS_OK;
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
	vs_names_drop(&n.names);
	free(n.rows.list);
	free(n.files);
	free(n.new);
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
	"With the old image also by the new one's files: covers (what lies "
	"where),\nhits (whether predictions hold), operands (addresses that "
	"were "
	"not foreseen),\nmisses (other bytes), literals (bytes with no old "
	"form).  "
	"Verifies nothing.",
	"FILE",
	options,
	sizeof options / sizeof *options,
	run,
};

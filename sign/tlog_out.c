/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/tlog_out.c - a room's log and proofs out of it, for the server.
 */
#include "sign/tlog_out.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "sign/say.h"
#include "sign/store.h"
#include "sign/tlog_head.h"
#include "trust/json.h"

static void text_drop(struct vs_text *t)
{
	free(t->at);
}

/* The folder that a file is to be in. */
static vs_status make_folder(const char *file)
{
	char dir[PATH_MAX];
	int n = snprintf(dir, sizeof dir, "%s", file);

	if (n < 0 || (size_t)n >= sizeof dir)
		return vs_say_io(VS_ERR_LIMIT, file);
	*strrchr(dir, '/') = '\0';
	return vs_file_mkdirs(dir, 0755) ? vs_say_io(VS_ERR_IO, dir) : VS_OK;
}

static vs_status prove_entry(struct vs_tlog *t, uint64_t index,
                             const struct vs_leaf *leaf, uint64_t from,
                             const char *path)
{
	VS_AUTO(text_drop) struct vs_text out = {0};
	vs_status status = vs_tlog_prove(t, index, leaf, from, &out);

	if (!status && vs_file_replace(path, out.at, out.len, 0644))
		status = vs_say_io(VS_ERR_IO, path);
	return status;
}

vs_status vs_tlog_prove_seal(struct vs_tlog *t, const char *seal_sha256,
                             uint64_t from, const char *path)
{
	struct vs_leaf leaf;
	uint64_t index;
	vs_status status = vs_tlog_find(t, seal_sha256, &index, &leaf);

	if (status == VS_ERR_ABSENT) {
		vs_error("%s: the seal is not in the log (%s)", path,
		         vs_reason_name(VS_REASON_NOT_LOGGED));
		return VS_ERR_REFUSED;
	}
	return status ? status : prove_entry(t, index, &leaf, from, path);
}

typedef vs_status (*with_target)(void *ctx, const char *sha256,
                                 const char *path);

/* Every target in force, and where its proof goes below a folder. */
static vs_status each_target(const struct vs_room *r, const char *dir,
                             with_target then, void *ctx)
{
	VS_AUTO(vs_json_drop) json_t *all = NULL;
	json_t *target;
	const char *name;
	vs_status status = vs_room_released(r, &all);

	if (status)
		return status;
	json_object_foreach(json_object_get(all, "targets"), name, target)
	{
		const char *sha256 = json_string_value(json_object_get(
			json_object_get(target, "hashes"), "sha256"));
		char path[PATH_MAX];
		int n = snprintf(path, sizeof path, "%s/%s.tlog-proof", dir,
		                 name);

		if (n < 0 || (size_t)n >= sizeof path)
			return vs_say_io(VS_ERR_LIMIT, dir);
		status = then(ctx, sha256 ? sha256 : "", path);
		if (status)
			break;
	}
	return status;
}

struct strict {
	struct vs_tlog *log;
	uint64_t from;
};

static vs_status prove_strictly(void *ctx, const char *sha256, const char *path)
{
	const struct strict *s = ctx;
	vs_status status = make_folder(path);

	return status ? status
	              : vs_tlog_prove_seal(s->log, sha256, s->from, path);
}

vs_status vs_tlog_prove_in_force(const struct vs_room *r, struct vs_tlog *t,
                                 const char *dir, uint64_t from)
{
	struct strict s = {t, from};

	return each_target(r, dir, prove_strictly, &s);
}

struct going {
	struct vs_tlog *log;
	uint64_t published, newest; /* sizes; 0: there is none */
	struct vs_tlog_lacking *lacking;
};

static vs_status prove_if_there(void *ctx, const char *sha256, const char *path)
{
	struct going *g = ctx;
	enum vs_tlog_lack lack;
	struct vs_leaf leaf;
	uint64_t index;
	vs_status status = vs_tlog_find(g->log, sha256, &index, &leaf);

	if (status && status != VS_ERR_ABSENT)
		return status;
	if (!status && index < g->published) {
		status = make_folder(path);
		return status ? status
		              : prove_entry(g->log, index, &leaf, 0, path);
	}
	lack = status              ? VS_TLOG_LACKS_ENTRY
	       : index < g->newest ? VS_TLOG_LACKS_WITNESSES
	                           : VS_TLOG_LACKS_CHECKPOINT;
	g->lacking->count++;
	if (lack > g->lacking->worst)
		g->lacking->worst = lack;
	return VS_OK;
}

static vs_status put_tile(const struct vs_tlog *t, const struct vs_tile *tile,
                          const char *dir)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	char name[VS_TILE_PATH_LEN], from[PATH_MAX], to[PATH_MAX];
	size_t len;

	vs_tile_path(tile, name);
	vs_status status = vs_tlog_path(t, name, from);
	if (!status && vs_path_join(to, sizeof to, dir, name))
		status = vs_say_io(VS_ERR_LIMIT, dir);
	if (!status)
		status = make_folder(to);
	if (status)
		return status;
	status = vs_file_read(from, VS_BUNDLE_LEN_MAX, &bytes, &len);
	return status ? vs_say_io(status, from)
	              : vs_store_bytes(to, bytes, len);
}

static vs_status put_tiles(const struct vs_tlog *t, uint64_t size,
                           const char *dir)
{
	vs_status status = VS_OK;

	for (unsigned level = 0; level < VS_TILE_LEVELS; level++) {
		struct vs_tile tile = {.level = level};

		for (; !status &&
		       (tile.width = vs_tile_width(level, tile.index, size));
		     tile.index++) {
			tile.entries = level == 0;
			if (tile.entries)
				status = put_tile(t, &tile, dir);
			tile.entries = false;
			if (!status)
				status = put_tile(t, &tile, dir);
		}
	}
	return status;
}

static vs_status put_log(const struct vs_tlog *t, const struct vs_tlog_head *h,
                         const char *dir)
{
	char path[PATH_MAX];

	if (vs_path_join(path, sizeof path, dir, "checkpoint"))
		return vs_say_io(VS_ERR_LIMIT, dir);
	vs_status status = make_folder(path);
	if (!status)
		status = put_tiles(t, h->checkpoint.head.size, dir);
	if (!status && vs_file_replace(path, h->bytes, h->len, 0644))
		status = vs_say_io(VS_ERR_IO, path);
	return status;
}

static vs_status put_all(const struct vs_room *r, struct going *g,
                         const char *dir)
{
	VS_AUTO(vs_tlog_head_drop) struct vs_tlog_head published = {0};
	VS_AUTO(vs_tlog_head_drop) struct vs_tlog_head newest = {0};
	char log[PATH_MAX], proofs[PATH_MAX];
	vs_status status = vs_tlog_published(g->log, &published);

	if (vs_path_join(log, sizeof log, dir, "log") ||
	    vs_path_join(proofs, sizeof proofs, dir, "proofs"))
		return vs_say_io(VS_ERR_LIMIT, dir);
	if (!status) {
		g->published = published.checkpoint.head.size;
		status = put_log(g->log, &published, log);
	}
	if (status && status != VS_ERR_ABSENT)
		return status;
	status = vs_tlog_newest(g->log, &newest);
	if (status && status != VS_ERR_ABSENT)
		return status;
	g->newest = status ? 0 : newest.checkpoint.head.size;
	return each_target(r, proofs, prove_if_there, g);
}

vs_status vs_tlog_out(const struct vs_room *r, const char *dir,
                      struct vs_tlog_lacking *lacking)
{
	VS_AUTO(vs_tlog_free) struct vs_tlog *t = NULL;
	struct going g = {.lacking = lacking};
	char path[PATH_MAX];
	vs_status status = vs_room_path(r, path, "log");

	*lacking = (struct vs_tlog_lacking){0};
	if (status || !vs_file_exists(path))
		return status;
	status = vs_tlog_open(path, &t);
	g.log = t;
	return status ? status : put_all(r, &g, dir);
}

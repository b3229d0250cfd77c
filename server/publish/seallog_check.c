/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/seallog_check.c - whether tiles add up to a checkpoint.
 *
 * Every hash that is new under it is computed again: of entries, of tiles,
 * of the root.  Who publishes may be mistaken or worse; what a monitor reads
 * here is whole.
 */
#include "server/publish/seallog_check.h"

#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"

struct reading {
	const struct vs_seallog *log;
	struct vs_why *why;
};

static vs_status load(void *ctx, const struct vs_tile *tile,
                      uint8_t out[static VS_TILE_LEN_MAX])
{
	const struct reading *r = ctx;
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	char name[VS_TILE_PATH_LEN];
	size_t len;

	vs_tile_path(tile, name);
	vs_status status =
		vs_seallog_read(r->log, name, VS_TILE_LEN_MAX, &bytes, &len);
	if (!status && len != (size_t)tile->width * VS_HASH_LEN)
		status = VS_ERR_REFUSED;
	if (status)
		return vs_fail(status, r->why, VS_REASON_UNREADABLE,
		               "a tile is missing", 0);
	memcpy(out, bytes, len);
	return VS_OK;
}

static vs_status differs(const struct vs_hash *a, const struct vs_hash *b,
                         vs_reason reason, const char *what, struct vs_why *why)
{
	return vs_hash_same(a, b)
	               ? VS_OK
	               : vs_fail(VS_ERR_REFUSED, why, reason, what, 0);
}

/* The entries of one bundle against their hashes. */
static vs_status check_bundle(struct reading *r,
                              const struct vs_merkle_source *source,
                              const struct vs_tile *tile)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_hash is, listed;
	char name[VS_TILE_PATH_LEN];
	const uint8_t *at, *entry;
	size_t left, len;

	vs_tile_path(tile, name);
	vs_status status =
		vs_seallog_read(r->log, name, VS_BUNDLE_LEN_MAX, &bytes, &left);
	if (status)
		return vs_fail(status, r->why, VS_REASON_UNREADABLE,
		               "a bundle of entries is missing", 0);
	at = bytes;
	for (unsigned i = 0; !status && i < tile->width; i++) {
		status = vs_bundle_next(&at, &left, &entry, &len);
		if (!status)
			status = vs_merkle_leaf(entry, len, &is);
		if (!status)
			status = source->read(source->ctx, 0,
			                      tile->index * VS_TILE_WIDTH + i,
			                      &listed);
		if (status)
			return vs_fail(status, r->why, VS_REASON_UNREADABLE,
			               "a tile is missing", 0);
		status = differs(&is, &listed, VS_REASON_HASH_MISMATCH,
		                 "an entry has another hash", r->why);
	}
	return status;
}

/* A hash of a level above the first against the full tile under it. */
static vs_status check_node(struct reading *r,
                            const struct vs_merkle_source *source,
                            unsigned level, uint64_t index)
{
	struct vs_merkle_edge edge = {0};
	struct vs_hash hash;
	vs_status status = VS_OK;

	for (unsigned i = 0; !status && i < VS_TILE_WIDTH; i++) {
		status = source->read(source->ctx, 8 * (level - 1),
		                      index * VS_TILE_WIDTH + i, &hash);
		if (!status)
			status = vs_merkle_append(&edge, &hash);
	}
	if (!status)
		status = source->read(source->ctx, 8 * level, index, &hash);
	if (status)
		return vs_fail(status, r->why, VS_REASON_UNREADABLE,
		               "a tile is missing", 0);
	return differs(&edge.nodes[8], &hash, VS_REASON_HASH_MISMATCH,
	               "a tile does not hash to the one above", r->why);
}

/* All that is in the tree of size and was not in that of old. */
static vs_status check_new(struct reading *r,
                           const struct vs_merkle_source *source, uint64_t old,
                           uint64_t size)
{
	vs_status status = VS_OK;

	for (uint64_t i = old / VS_TILE_WIDTH; !status; i++) {
		const struct vs_tile tile = {.entries = true,
		                             .index = i,
		                             .width =
		                                     vs_tile_width(0, i, size)};
		if (!tile.width)
			break;
		status = check_bundle(r, source, &tile);
	}
	for (unsigned level = 1; level < VS_TILE_LEVELS; level++)
		for (uint64_t i = old >> 8 * level;
		     !status && i < size >> 8 * level; i++)
			status = check_node(r, source, level, i);
	return status;
}

static vs_status check_root(struct reading *r,
                            const struct vs_merkle_source *source,
                            const struct vs_merkle_head *head, vs_reason reason,
                            const char *what)
{
	struct vs_hash root;
	vs_status status = head->size
	                           ? vs_merkle_root(source, head->size, &root)
	                           : vs_merkle_empty(&root);

	return status ? vs_fail(status, r->why, VS_REASON_UNREADABLE,
	                        "a tile is missing", 0)
	              : differs(&root, &head->root, reason, what, r->why);
}

static vs_status check_tiles(const struct vs_seallog *log,
                             const struct vs_merkle_head *old,
                             const struct vs_merkle_head *head,
                             struct vs_why *why)
{
	struct reading r = {log, why};
	VS_AUTO(vs_free_drop)
	struct vs_tiles *tiles = malloc(sizeof *tiles);

	if (!tiles)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	vs_tiles_init(tiles, head->size, load, &r);
	const struct vs_merkle_source source = vs_tiles_source(tiles);
	vs_status status =
		check_root(&r, &source, head, VS_REASON_HASH_MISMATCH,
	                   "the tiles do not add up to it");
	if (!status && old->size)
		status = check_root(&r, &source, old, VS_REASON_LOG_FORKED,
		                    "it does not continue the present one");
	return status ? status : check_new(&r, &source, old->size, head->size);
}

static vs_status parse(const void *in, size_t len, struct vs_checkpoint *out,
                       struct vs_why *why)
{
	VS_AUTO(vs_free_drop) struct vs_note *note = malloc(sizeof *note);

	if (!note)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	vs_status status = vs_note_parse(in, len, note, why);
	return status ? status : vs_checkpoint_parse(note, out, why);
}

/* The present one, VS_ERR_ABSENT if there is none. */
static vs_status present(const struct vs_seallog *log, uint8_t **bytes,
                         size_t *len, struct vs_checkpoint *out,
                         struct vs_why *why)
{
	vs_status status =
		vs_seallog_read(log, "checkpoint", VS_NOTE_LEN_MAX, bytes, len);

	*out = (struct vs_checkpoint){0};
	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE, "checkpoint",
		               0);
	return parse(*bytes, *len, out, why);
}

vs_status vs_seallog_head(const struct vs_seallog *log,
                          struct vs_merkle_head *out, struct vs_why *why)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_checkpoint c;
	size_t len;
	vs_status status = present(log, &bytes, &len, &c, why);

	*out = c.head;
	return status == VS_ERR_ABSENT ? VS_OK : status;
}

static vs_status check_policy(const struct vs_seallog *log, const void *in,
                              size_t len, struct vs_why *why)
{
	VS_AUTO(vs_free_drop) struct vs_tlog_valid *valid = NULL;

	if (!log->policy)
		return VS_OK;
	valid = malloc(sizeof *valid);
	return valid ? vs_tlog_policy_check(log->policy, in, len, valid, why)
	             : vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
}

static vs_status check_next(const struct vs_checkpoint *old,
                            const struct vs_checkpoint *next,
                            struct vs_why *why)
{
	if (strcmp(old->origin, next->origin) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_ORIGIN,
		               "another log is served here", 0);
	if (next->head.size < old->head.size)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_LOG_TRUNCATED,
		               "smaller than the present one", 0);
	return VS_OK;
}

vs_status vs_seallog_put_checkpoint(const struct vs_seallog *log,
                                    const void *in, size_t len,
                                    struct vs_checkpoint *out,
                                    struct vs_why *why)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_checkpoint old;
	size_t old_len;
	vs_status status = parse(in, len, out, why);

	if (!status)
		status = check_policy(log, in, len, why);
	if (status)
		return status;
	status = present(log, &bytes, &old_len, &old, why);
	if (!status)
		status = check_next(&old, out, why);
	else if (status == VS_ERR_ABSENT)
		status = VS_OK;
	if (!status)
		status = check_tiles(log, &old.head, &out->head, why);
	if (status)
		return status;
	status = vs_seallog_write(log, "checkpoint", in, len);
	return status ? vs_fail(status, why, VS_REASON_UNREADABLE, "checkpoint",
	                        0)
	              : VS_OK;
}

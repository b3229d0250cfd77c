/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/tlog.c - a transparency log as a folder of static files.
 */
#include "sign/tlog.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "sign/say.h"

enum { state_max = 256 };

vs_status vs_tlog_path(const struct vs_tlog *t, const char *name,
                       char out[static PATH_MAX])
{
	vs_status status = vs_path_join(out, PATH_MAX, t->dir, name);

	return status ? vs_say_io(status, t->dir) : VS_OK;
}

static vs_status write_file(const struct vs_tlog *t, const char *name,
                            const void *bytes, size_t len)
{
	char path[PATH_MAX];
	vs_status status = vs_tlog_path(t, name, path);

	if (status)
		return status;
	status = vs_file_replace(path, bytes, len, 0644);
	return status ? vs_say_io(status, path) : VS_OK;
}

static vs_status write_tile(const struct vs_tlog *t, const struct vs_tile *tile,
                            const void *bytes, size_t len)
{
	char name[VS_TILE_PATH_LEN], path[PATH_MAX];

	vs_tile_path(tile, name);
	vs_status status = vs_tlog_path(t, name, path);
	if (status)
		return status;
	*strrchr(path, '/') = '\0';
	status = vs_file_mkdirs(path, 0755);
	return status ? vs_say_io(status, path)
	              : write_file(t, name, bytes, len);
}

/* A tile or bundle of a log that may have grown since: then the partial file
 * may have been removed, and the whole one begins alike.
 */
static vs_status read_tile(const struct vs_tlog *t, struct vs_tile tile,
                           size_t max, uint8_t **out, size_t *len)
{
	char name[VS_TILE_PATH_LEN], path[PATH_MAX];
	vs_status status;

	vs_tile_path(&tile, name);
	status = vs_tlog_path(t, name, path);
	if (status)
		return status;
	status = vs_file_read(path, max, out, len);
	if (status == VS_ERR_ABSENT && tile.width < VS_TILE_WIDTH) {
		tile.width = VS_TILE_WIDTH;
		return read_tile(t, tile, max, out, len);
	}
	return status ? vs_say_io(status, path) : VS_OK;
}

static vs_status load_tile(void *ctx, const struct vs_tile *tile,
                           uint8_t out[static VS_TILE_LEN_MAX])
{
	const struct vs_tlog *t = ctx;
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len, want = (size_t)tile->width * VS_HASH_LEN;
	vs_status status = read_tile(t, *tile, VS_TILE_LEN_MAX, &bytes, &len);

	if (status)
		return status;
	if (len < want) {
		vs_error("%s: level %u, tile %" PRIu64 ": is cut off (%s)",
		         t->dir, tile->level, tile->index,
		         vs_reason_name(VS_REASON_LOG_TRUNCATED));
		return VS_ERR_REFUSED;
	}
	memcpy(out, bytes, want);
	return VS_OK;
}

struct vs_merkle_source vs_tlog_source(struct vs_tlog *t, uint64_t size)
{
	vs_tiles_init(&t->tiles, size, load_tile, t);
	return vs_tiles_source(&t->tiles);
}

vs_status vs_tlog_failed(const struct vs_tlog *t, vs_status status)
{
	bool said = status == VS_ERR_IO || status == VS_ERR_ABSENT ||
	            status == VS_ERR_REFUSED || status == VS_ERR_LIMIT;

	return said ? status : vs_say_io(status, t->dir);
}

static vs_status write_state(const struct vs_tlog *t)
{
	char text[state_max];
	struct vs_text out = {text, sizeof text, 0};
	struct vs_hash root;
	vs_status status = vs_merkle_edge_root(&t->edge, &root);

	if (!status)
		status = vs_text_number(&out, t->edge.size);
	if (!status)
		status = vs_text_string(&out, "\n");
	if (!status)
		status = vs_text_base64(&out, root.bytes, VS_HASH_LEN);
	if (!status)
		status = vs_text_string(&out, "\n");
	return status ? vs_say_io(status, t->dir)
	              : write_file(t, "state", out.at, out.len);
}

static vs_status empty(const char *dir, struct vs_tlog **out)
{
	struct vs_tlog *t = calloc(1, sizeof *t);

	*out = t;
	if (!t)
		return vs_say_io(VS_ERR_NOMEM, dir);
	vs_buffer_init(&t->bundle, VS_BUNDLE_LEN_MAX);
	if (strlen(dir) >= sizeof t->dir)
		return vs_say_io(VS_ERR_LIMIT, dir);
	memcpy(t->dir, dir, strlen(dir) + 1);
	return VS_OK;
}

void vs_tlog_free(struct vs_tlog **t)
{
	if (*t)
		vs_buffer_drop(&(*t)->bundle);
	free(*t);
	*t = NULL;
}

vs_status vs_tlog_make(const char *dir, const struct vs_vkey *key)
{
	VS_AUTO(vs_tlog_free) struct vs_tlog *t = NULL;
	char path[PATH_MAX], text[VS_VKEY_LEN + 1];
	vs_status status = empty(dir, &t);

	if (!status)
		status = vs_tlog_path(t, "state", path);
	if (status)
		return status;
	if (vs_file_exists(path)) {
		vs_error("%s: there is a log already (%s)", dir,
		         vs_reason_name(VS_REASON_CONFLICT));
		return VS_ERR_STATE;
	}
	if (vs_file_mkdirs(dir, 0755))
		return vs_say_io(VS_ERR_IO, dir);
	vs_vkey_encode(key, text);
	size_t len = strlen(text);
	text[len++] = '\n';
	status = write_file(t, "vkey", text, len);
	return status ? status : write_state(t);
}

static vs_status load_key(struct vs_tlog *t)
{
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	char path[PATH_MAX];
	struct vs_why why = {0};
	size_t len;
	vs_status status = vs_tlog_path(t, "vkey", path);

	if (status)
		return status;
	status = vs_file_read(path, VS_VKEY_LEN + 1, &text, &len);
	if (status == VS_ERR_ABSENT) {
		vs_error("%s: there is no log; voltseal-sign log init makes "
		         "one",
		         t->dir);
		return status;
	}
	if (status)
		return vs_say_io(status, path);
	if (len && text[len - 1] == '\n')
		len--;
	status = vs_vkey_parse((char *)text, len, &t->key, &why);
	return status ? vs_say_why(status, path, &why) : VS_OK;
}

static vs_status load_state(struct vs_tlog *t, struct vs_merkle_head *out)
{
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	char path[PATH_MAX];
	struct vs_span rest, line;
	size_t len;
	vs_status status = vs_tlog_path(t, "state", path);

	if (status)
		return status;
	status = vs_file_read(path, state_max, &text, &len);
	if (status)
		return vs_say_io(status, path);
	rest = (struct vs_span){(char *)text, len};
	if (vs_span_line(&rest, &line) || vs_span_number(&line, &out->size) ||
	    vs_span_line(&rest, &line) ||
	    vs_span_base64(&line, out->root.bytes, VS_HASH_LEN, &len) ||
	    len != VS_HASH_LEN || rest.len) {
		vs_error("%s: is not a size and a root (%s)", path,
		         vs_reason_name(VS_REASON_MALFORMED));
		return VS_ERR_INPUT;
	}
	return VS_OK;
}

/* The partial tiles and the partial bundle, to go on with. */
static vs_status load_tails(struct vs_tlog *t, uint64_t size)
{
	struct vs_tile tile = {.entries = true,
	                       .index = size / VS_TILE_WIDTH,
	                       .width = (unsigned)(size % VS_TILE_WIDTH)};
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	const uint8_t *at, *entry;
	size_t left, len;
	vs_status status = VS_OK;

	for (unsigned level = 0; level < VS_TILE_LEVELS && !status; level++) {
		uint64_t hashes = size >> 8 * level;
		struct vs_tile tail = {.level = level,
		                       .index = hashes / VS_TILE_WIDTH,
		                       .width = hashes % VS_TILE_WIDTH};

		t->tails[level].width = tail.width;
		if (tail.width)
			status = load_tile(t, &tail, t->tails[level].bytes);
	}
	if (status || tile.width == 0)
		return status;
	status = read_tile(t, tile, VS_BUNDLE_LEN_MAX, &bytes, &left);
	if (status)
		return status;
	at = bytes;
	/* a whole bundle left over from a cut has more than counts */
	for (unsigned i = 0; i < tile.width && !status; i++)
		status = vs_bundle_next(&at, &left, &entry, &len);
	if (!status)
		status = vs_buffer_add(&t->bundle, bytes, (size_t)(at - bytes));
	return status ? vs_say_io(status, t->dir) : VS_OK;
}

vs_status vs_tlog_open(const char *dir, struct vs_tlog **out)
{
	struct vs_merkle_head head = {0};
	struct vs_hash root;
	vs_status status = empty(dir, out);
	struct vs_tlog *t = *out;

	if (status)
		return status;
	assert(t);
	status = load_key(t);
	if (!status)
		status = load_state(t, &head);
	if (status)
		return status;
	const struct vs_merkle_source source = vs_tlog_source(t, head.size);
	status = vs_merkle_edge_load(&source, head.size, &t->edge);
	if (!status)
		status = vs_merkle_edge_root(&t->edge, &root);
	if (status)
		return vs_tlog_failed(t, status);
	if (!vs_hash_same(&root, &head.root)) {
		vs_error("%s: its files do not hash to its root (%s)", dir,
		         vs_reason_name(VS_REASON_HASH_MISMATCH));
		return VS_ERR_REFUSED;
	}
	t->synced = head.size;
	return load_tails(t, head.size);
}

/* A hash at the end of a level; a tile that it fills is written, and is a
 * hash of the level above.
 */
static vs_status add_hash(struct vs_tlog *t, unsigned level, uint64_t count,
                          const struct vs_hash *hash)
{
	struct vs_tile tile = {.level = level,
	                       .index = (count - 1) / VS_TILE_WIDTH,
	                       .width = VS_TILE_WIDTH};
	uint8_t *bytes = t->tails[level].bytes;
	struct vs_merkle_edge whole = {0};
	struct vs_hash h;

	memcpy(bytes + (size_t)t->tails[level].width++ * VS_HASH_LEN,
	       hash->bytes, VS_HASH_LEN);
	if (t->tails[level].width < VS_TILE_WIDTH)
		return VS_OK;
	vs_status status = write_tile(t, &tile, bytes, VS_TILE_LEN_MAX);
	for (size_t i = 0; i < VS_TILE_WIDTH && !status; i++) {
		memcpy(h.bytes, bytes + i * VS_HASH_LEN, VS_HASH_LEN);
		status = vs_merkle_append(&whole, &h);
	}
	t->tails[level].width = 0;
	if (status || level + 1 == VS_TILE_LEVELS)
		return status;
	return add_hash(t, level + 1, count / VS_TILE_WIDTH, &whole.nodes[8]);
}

static vs_status add_entry(struct vs_tlog *t, const void *entry, size_t len)
{
	const uint8_t prefix[2] = {(uint8_t)(len >> 8), (uint8_t)len};
	struct vs_tile tile = {.entries = true,
	                       .index = (t->edge.size - 1) / VS_TILE_WIDTH,
	                       .width = VS_TILE_WIDTH};
	vs_status status = vs_buffer_add(&t->bundle, prefix, sizeof prefix);

	if (!status)
		status = vs_buffer_add(&t->bundle, entry, len);
	if (status)
		return vs_say_io(status, t->dir);
	if (t->edge.size % VS_TILE_WIDTH)
		return VS_OK;
	status = write_tile(t, &tile, t->bundle.data, t->bundle.len);
	t->bundle.len = 0;
	return status;
}

vs_status vs_tlog_append(struct vs_tlog *t, const void *entry, size_t len,
                         uint64_t *index)
{
	struct vs_hash leaf;
	vs_status status = len > VS_ENTRY_LEN_MAX ? VS_ERR_LIMIT : VS_OK;

	*index = t->edge.size;
	if (!status)
		status = vs_merkle_leaf(entry, len, &leaf);
	if (!status)
		status = vs_merkle_append(&t->edge, &leaf);
	if (status)
		return vs_say_io(status, t->dir);
	status = add_entry(t, entry, len);
	return status ? status : add_hash(t, 0, t->edge.size, &leaf);
}

vs_status vs_tlog_sync(struct vs_tlog *t)
{
	struct vs_tile tile = {
		.entries = true,
		.index = t->edge.size / VS_TILE_WIDTH,
		.width = (unsigned)(t->edge.size % VS_TILE_WIDTH)};
	vs_status status = VS_OK;

	if (t->synced == t->edge.size)
		return VS_OK;
	if (tile.width)
		status = write_tile(t, &tile, t->bundle.data, t->bundle.len);
	for (unsigned level = 0; level < VS_TILE_LEVELS && !status; level++) {
		uint64_t hashes = t->edge.size >> 8 * level;
		struct vs_tile tail = {.level = level,
		                       .index = hashes / VS_TILE_WIDTH,
		                       .width = t->tails[level].width};

		if (tail.width)
			status = write_tile(t, &tail, t->tails[level].bytes,
			                    (size_t)tail.width * VS_HASH_LEN);
	}
	if (!status)
		status = write_state(t);
	if (!status)
		t->synced = t->edge.size;
	return status;
}

static vs_status
each_of_bundle(const uint8_t *at, size_t left, uint64_t from, uint64_t to,
               vs_status (*each)(void *ctx, uint64_t index,
                                 const uint8_t *entry, size_t len),
               void *ctx)
{
	vs_status status = VS_OK;

	for (uint64_t i = from; i < to && !status; i++) {
		const uint8_t *entry;
		size_t len;

		status = vs_bundle_next(&at, &left, &entry, &len);
		if (status)
			return VS_ERR_INPUT;
		status = each(ctx, i, entry, len);
	}
	return status;
}

vs_status vs_tlog_each(const struct vs_tlog *t,
                       vs_status (*each)(void *ctx, uint64_t index,
                                         const uint8_t *entry, size_t len),
                       void *ctx)
{
	vs_status status = VS_OK;

	for (uint64_t at = 0; at < t->synced && !status; at += VS_TILE_WIDTH) {
		uint64_t left = t->synced - at;
		struct vs_tile tile = {.entries = true,
		                       .index = at / VS_TILE_WIDTH,
		                       .width = left < VS_TILE_WIDTH
		                                        ? (unsigned)left
		                                        : VS_TILE_WIDTH};
		VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
		size_t len;

		status = read_tile(t, tile, VS_BUNDLE_LEN_MAX, &bytes, &len);
		if (!status)
			status = each_of_bundle(bytes, len, at, at + tile.width,
			                        each, ctx);
	}
	return status;
}

struct search {
	const char *seal_sha256;
	uint64_t index;
	struct vs_leaf leaf;
};

static vs_status compare(void *ctx, uint64_t index, const uint8_t *entry,
                         size_t len)
{
	struct search *s = ctx;
	vs_status status = vs_leaf_decode(entry, len, &s->leaf, NULL);

	s->index = index;
	if (status == VS_ERR_NOMEM)
		return status;
	/* VS_ERR_STATE: found, and no further */
	return !status && strcmp(s->leaf.seal_sha256, s->seal_sha256) == 0
	               ? VS_ERR_STATE
	               : VS_OK;
}

vs_status vs_tlog_find(const struct vs_tlog *t, const char *seal_sha256,
                       uint64_t *index, struct vs_leaf *out)
{
	struct search s = {.seal_sha256 = seal_sha256};
	vs_status status = vs_tlog_each(t, compare, &s);

	if (status != VS_ERR_STATE)
		return status ? status : VS_ERR_ABSENT;
	*index = s.index;
	*out = s.leaf;
	return VS_OK;
}

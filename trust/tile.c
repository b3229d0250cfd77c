/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tile.c - a log as static files: tiles of hashes, bundles of entries.
 */
#include "trust/tile.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "trust/text.h"

void vs_tile_path(const struct vs_tile *tile, char out[static VS_TILE_PATH_LEN])
{
	struct vs_text t = {out, VS_TILE_PATH_LEN, 0};
	char group[8], level[8];
	vs_status status;
	uint64_t scale = 1;

	while (tile->index / scale >= 1000)
		scale *= 1000;
	(void)snprintf(level, sizeof level, "%u/", tile->level % 64);
	status = vs_text_string(&t, "tile/");
	if (!status)
		status = vs_text_string(&t, tile->entries ? "entries/" : level);
	for (; scale && !status; scale /= 1000) {
		(void)snprintf(group, sizeof group, "%s%03u%s",
		               scale > 1 ? "x" : "",
		               (unsigned)(tile->index / scale % 1000),
		               scale > 1 ? "/" : "");
		status = vs_text_string(&t, group);
	}
	if (!status && tile->width != VS_TILE_WIDTH)
		status = vs_text_string(&t, ".p/");
	if (!status && tile->width != VS_TILE_WIDTH)
		status = vs_text_number(&t, tile->width);
	out[status ? 0 : t.len] = '\0'; /* it fits: 2^64 has 7 groups */
}

/* Three digits into *n. */
static bool three(struct vs_span *s, uint64_t *n)
{
	unsigned value = 0;

	if (s->len < 3)
		return false;
	for (size_t i = 0; i < 3; i++) {
		unsigned digit = (unsigned char)s->at[i] - (unsigned)'0';

		if (digit > 9)
			return false;
		value = value * 10 + digit;
	}
	if (*n > (UINT64_MAX - value) / 1000)
		return false;
	*n = *n * 1000 + value;
	s->at += 3;
	s->len -= 3;
	return true;
}

vs_status vs_tile_parse(const char *path, struct vs_tile *out)
{
	struct vs_span rest = {path, strlen(path)}, level;
	char again[VS_TILE_PATH_LEN];
	uint64_t n = 0;

	*out = (struct vs_tile){.width = VS_TILE_WIDTH};
	if (!vs_span_begins(&rest, "tile/") || vs_span_cut(&rest, '/', &level))
		return VS_ERR_INPUT;
	out->entries = vs_span_is(&level, "entries");
	if (!out->entries && (vs_span_number(&level, &n) || n > 63))
		return VS_ERR_INPUT;
	out->level = (unsigned)n;
	while (vs_span_begins(&rest, "x"))
		if (!three(&rest, &out->index) || !vs_span_begins(&rest, "/"))
			return VS_ERR_INPUT;
	if (!three(&rest, &out->index))
		return VS_ERR_INPUT;
	if (vs_span_begins(&rest, ".p/")) {
		if (vs_span_number(&rest, &n) || n == 0 || n >= VS_TILE_WIDTH)
			return VS_ERR_INPUT;
		out->width = (unsigned)n;
	} else if (rest.len) {
		return VS_ERR_INPUT;
	}
	/* x000/001 would be a second spelling of 001 */
	vs_tile_path(out, again);
	return strcmp(again, path) == 0 ? VS_OK : VS_ERR_INPUT;
}

unsigned vs_tile_width(unsigned level, uint64_t index, uint64_t size)
{
	uint64_t hashes = level < VS_TILE_LEVELS ? size >> 8 * level : 0;

	if (index >= hashes / VS_TILE_WIDTH + 1)
		return 0;
	if (index == hashes / VS_TILE_WIDTH)
		return (unsigned)(hashes % VS_TILE_WIDTH);
	return VS_TILE_WIDTH;
}

void vs_tiles_init(struct vs_tiles *tiles, uint64_t size,
                   vs_status (*load)(void *ctx, const struct vs_tile *tile,
                                     uint8_t out[static VS_TILE_LEN_MAX]),
                   void *ctx)
{
	tiles->size = size;
	tiles->load = load;
	tiles->ctx = ctx;
	for (unsigned i = 0; i < VS_TILE_LEVELS; i++)
		tiles->kept[i].width = 0;
}

/* Hashes 2^height hashes of a tile down to one. */
static vs_status hash_up(const uint8_t *in, unsigned height,
                         struct vs_hash *out)
{
	struct vs_merkle_edge edge = {0};
	struct vs_hash h;
	vs_status status = VS_OK;

	for (size_t i = 0; i < (size_t)1 << height && !status; i++) {
		memcpy(h.bytes, in + i * VS_HASH_LEN, VS_HASH_LEN);
		status = vs_merkle_append(&edge, &h);
	}
	*out = edge.nodes[height];
	return status;
}

static vs_status read_node(void *ctx, unsigned level, uint64_t index,
                           struct vs_hash *out)
{
	struct vs_tiles *tiles = ctx;
	unsigned high = level / 8, height = level % 8;
	uint64_t first = index << height; /* hash in its tile's level */
	struct vs_tile tile = {.level = high, .index = first / VS_TILE_WIDTH};
	size_t at = first % VS_TILE_WIDTH;

	if (level >= VS_MERKLE_DEPTH_MAX || index >= tiles->size >> level)
		return VS_ERR_INPUT;
	tile.width = vs_tile_width(high, tile.index, tiles->size);
	if (tiles->kept[high].width != tile.width ||
	    tiles->kept[high].index != tile.index) {
		tiles->kept[high].width = 0;
		vs_status status =
			tiles->load(tiles->ctx, &tile, tiles->kept[high].bytes);
		if (status)
			return status;
		tiles->kept[high].width = tile.width;
		tiles->kept[high].index = tile.index;
	}
	return hash_up(tiles->kept[high].bytes + at * VS_HASH_LEN, height, out);
}

struct vs_merkle_source vs_tiles_source(struct vs_tiles *tiles)
{
	return (struct vs_merkle_source){read_node, tiles};
}

vs_status vs_bundle_next(const uint8_t **at, size_t *left,
                         const uint8_t **entry, size_t *len)
{
	if (*left == 0)
		return VS_ERR_ABSENT;
	if (*left < 2)
		return VS_ERR_INPUT;
	*len = (size_t)(*at)[0] << 8 | (*at)[1];
	if (*left - 2 < *len)
		return VS_ERR_INPUT;
	*entry = *at + 2;
	*at += 2 + *len;
	*left -= 2 + *len;
	return VS_OK;
}

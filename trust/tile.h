/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tile.h - a log as static files: tiles of hashes, bundles of entries.
 *
 * A tile holds up to 256 hashes of one level, eight levels of the tree
 * apart; what is between is hashed from them.  The last tile of each level
 * may be partial and has its width in its name, so that no file changes once
 * a checkpoint covers it.
 *
 * Standard: C2SP tlog-tiles.
 */
#ifndef VS_TRUST_TILE_H
#define VS_TRUST_TILE_H

#include "trust/merkle.h"

#define VS_TILE_WIDTH 256
#define VS_TILE_LEN_MAX (VS_TILE_WIDTH * VS_HASH_LEN)
#define VS_TILE_LEVELS 8
#define VS_TILE_PATH_LEN 64
#define VS_ENTRY_LEN_MAX 65535
#define VS_BUNDLE_LEN_MAX (VS_TILE_WIDTH * (2 + VS_ENTRY_LEN_MAX))

struct vs_tile {
	bool entries;   /* a bundle of entries; level is 0 then */
	unsigned level; /* 0 to 7: sizes are below 2^63 */
	uint64_t index;
	unsigned width; /* 1 to 256 */
};

/* "tile/0/x001/234.p/17", "tile/entries/067". */
void vs_tile_path(const struct vs_tile *tile,
                  char out[static VS_TILE_PATH_LEN]);
/* VS_OK; VS_ERR_INPUT for any other spelling. */
vs_status vs_tile_parse(const char *path, struct vs_tile *out) VS_MUST_CHECK;

/* The width of tile index of a level in a tree of size; 0: not in it. */
unsigned vs_tile_width(unsigned level, uint64_t index, uint64_t size);

/* Reads hashes out of the tiles of a tree of size, one tile a level kept. */
struct vs_tiles {
	uint64_t size;
	/* Exactly width hashes.  Gives what vs_merkle_source.read may. */
	vs_status (*load)(void *ctx, const struct vs_tile *tile,
	                  uint8_t out[static VS_TILE_LEN_MAX]);
	void *ctx;
	struct {
		unsigned width; /* 0: nothing is kept */
		uint64_t index;
		uint8_t bytes[VS_TILE_LEN_MAX];
	} kept[VS_TILE_LEVELS];
};

void vs_tiles_init(struct vs_tiles *tiles, uint64_t size,
                   vs_status (*load)(void *ctx, const struct vs_tile *tile,
                                     uint8_t out[static VS_TILE_LEN_MAX]),
                   void *ctx);
/* A source over tiles, which must outlive it.  Reading beyond the size gives
 * VS_ERR_INPUT. */
struct vs_merkle_source vs_tiles_source(struct vs_tiles *tiles);

/* Takes the next entry off a bundle.
 * VS_OK; VS_ERR_ABSENT at the end; VS_ERR_INPUT if it is cut off.
 */
vs_status vs_bundle_next(const uint8_t **at, size_t *left,
                         const uint8_t **entry, size_t *len) VS_MUST_CHECK;

#endif

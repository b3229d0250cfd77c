/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_leaf.c - an entry that is read is written the same; a path
 * of a tile too.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trust/leaf.h"
#include "trust/tile.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char path[VS_TILE_PATH_LEN] = "", again[VS_TILE_PATH_LEN];
	struct vs_leaf leaf;
	struct vs_tile tile;
	char *out;
	size_t len;

	memcpy(path, data, size < sizeof path ? size : sizeof path - 1);
	if (vs_tile_parse(path, &tile) == VS_OK) {
		vs_tile_path(&tile, again);
		assert(!strcmp(path, again));
	}
	if (vs_leaf_decode(data, size, &leaf, NULL))
		return 0;
	assert(vs_leaf_encode(&leaf, &out, &len, NULL) == VS_OK);
	assert(len == size && !memcmp(out, data, size));
	free(out);
	return 0;
}

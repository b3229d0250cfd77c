/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/tile_test.c - paths, widths and hashes of tiles; another
 * implementation's log read back.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/tile.h"

static void paths_are_those_of_the_standard(void **state)
{
	static const struct {
		struct vs_tile tile;
		const char *path;
	} rows[] = {
		{{false, 0, 0, 256},                           "tile/0/000"                      },
		{{false, 0, 1234067, 256},                     "tile/0/x001/x234/067"            },
		{{false, 1, 999, 17},                          "tile/1/999.p/17"                 },
		{{false, 7, 1000, 1},                          "tile/7/x001/000.p/1"             },
		{{true, 0, 67, 256},                           "tile/entries/067"                },
		{{true, 0, 1000067, 255},                      "tile/entries/x001/x000/067.p/255"},
		{{false, 63, UINT64_C(0xffffffffffffffff), 1},
	         "tile/63/x018/x446/x744/x073/x709/x551/615.p/1"                                 },
	};
	char path[VS_TILE_PATH_LEN];
	struct vs_tile tile;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		vs_tile_path(&rows[i].tile, path);
		assert_string_equal(path, rows[i].path);
		assert_int_equal(vs_tile_parse(path, &tile), VS_OK);
		assert_int_equal(tile.entries, rows[i].tile.entries);
		assert_int_equal(tile.level, rows[i].tile.level);
		assert_true(tile.index == rows[i].tile.index);
		assert_int_equal(tile.width, rows[i].tile.width);
	}
}

static void no_other_spelling_is_a_path(void **state)
{
	static const char *const bad[] = {
		"",
		"tile",
		"tile/0",
		"tile/0/",
		"tile/0/0",
		"tile/0/00",
		"tile/0/0000",
		"tile/00/000",
		"tile/64/000",
		"tile/-1/000",
		"tile/0/x000/000",
		"tile/0/001/000",
		"tile/0/x001/x000",
		"tile/0/x001/",
		"tile/0/x01/000",
		"tile/0/000.p/0",
		"tile/0/000.p/256",
		"tile/0/000.p/01",
		"tile/0/000.p/",
		"tile/0/000.p",
		"tile/0/000/",
		"tile/0/000.p/1/",
		"tile/entry/000",
		"/tile/0/000",
		"tile/0/x999/x999/x999/x999/x999/x999/x999/999",
		"tile/0/../000",
	};
	struct vs_tile tile;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (vs_tile_parse(bad[i], &tile) != VS_ERR_INPUT)
			fail_msg("%s: read", bad[i]);
}

static void widths_are_those_of_the_standard(void **state)
{
	(void)state;
	/* the standard's example of 70 000 entries */
	assert_int_equal(vs_tile_width(0, 0, 70000), 256);
	assert_int_equal(vs_tile_width(0, 272, 70000), 256);
	assert_int_equal(vs_tile_width(0, 273, 70000), 112);
	assert_int_equal(vs_tile_width(0, 274, 70000), 0);
	assert_int_equal(vs_tile_width(1, 0, 70000), 256);
	assert_int_equal(vs_tile_width(1, 1, 70000), 17);
	assert_int_equal(vs_tile_width(2, 0, 70000), 1);
	assert_int_equal(vs_tile_width(3, 0, 70000), 0);
	assert_int_equal(vs_tile_width(0, 0, 256), 256);
	assert_int_equal(vs_tile_width(0, 1, 256), 0);
	assert_int_equal(vs_tile_width(1, 0, 256), 1);
	assert_int_equal(vs_tile_width(0, 0, 0), 0);
	assert_int_equal(vs_tile_width(0, UINT64_MAX, 70000), 0);
	assert_int_equal(vs_tile_width(8, 0, INT64_MAX), 0);
}

/* A log whose tiles are made from the definition. */
static struct log tree;
static size_t loads;

static vs_status load(void *ctx, const struct vs_tile *tile,
                      uint8_t out[static VS_TILE_LEN_MAX])
{
	const struct vs_merkle_source source = log_source(&tree);
	const uint64_t *size = ctx;
	struct vs_hash h;

	loads++;
	assert_int_equal(tile->width,
	                 vs_tile_width(tile->level, tile->index, *size));
	assert_int_not_equal(tile->width, 0);
	for (unsigned i = 0; i < tile->width; i++) {
		assert_int_equal(source.read(source.ctx, tile->level * 8,
		                             tile->index * 256 + i, &h),
		                 VS_OK);
		memcpy(out + i * VS_HASH_LEN, h.bytes, VS_HASH_LEN);
	}
	return VS_OK;
}

static struct vs_tiles tiles; /* large */

static void proofs_out_of_tiles_are_those_out_of_the_tree(void **state)
{
	static const uint64_t sizes[] = {1,   2,   255, 256, 257,
	                                 511, 512, 600, 1000};
	const struct vs_merkle_source slow = log_source(&tree);
	struct vs_merkle_proof a, b;

	(void)state;
	log_init(&tree, LOG_ORIGIN, 1);
	log_fill(&tree, 1000, "entry");
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		uint64_t n = sizes[i];

		vs_tiles_init(&tiles, n, load, &n);
		const struct vs_merkle_source fast = vs_tiles_source(&tiles);
		for (uint64_t at = 0; at < n; at += 1 + n / 40) {
			assert_int_equal(vs_merkle_prove(&fast, at, n, &a),
			                 VS_OK);
			assert_int_equal(vs_merkle_prove(&slow, at, n, &b),
			                 VS_OK);
			assert_int_equal(a.count, b.count);
			assert_memory_equal(a.hashes, b.hashes,
			                    a.count * sizeof *a.hashes);
			assert_int_equal(
				vs_merkle_connect(&fast, at + 1, n, &a), VS_OK);
			assert_int_equal(
				vs_merkle_connect(&slow, at + 1, n, &b), VS_OK);
			assert_int_equal(a.count, b.count);
			assert_memory_equal(a.hashes, b.hashes,
			                    a.count * sizeof *a.hashes);
		}
	}
	log_drop(&tree);
}

static void nothing_is_read_beyond_the_size(void **state)
{
	struct vs_hash h;
	uint64_t n = 600;

	(void)state;
	vs_tiles_init(&tiles, n, load, &n);
	const struct vs_merkle_source source = vs_tiles_source(&tiles);
	loads = 0;
	assert_int_equal(source.read(source.ctx, 0, 600, &h), VS_ERR_INPUT);
	assert_int_equal(source.read(source.ctx, 3, 75, &h), VS_ERR_INPUT);
	assert_int_equal(source.read(source.ctx, 10, 0, &h), VS_ERR_INPUT);
	assert_int_equal(source.read(source.ctx, 63, 0, &h), VS_ERR_INPUT);
	assert_int_equal(loads, 0);
}

static vs_status load_nothing(void *ctx, const struct vs_tile *tile,
                              uint8_t out[static VS_TILE_LEN_MAX])
{
	(void)ctx, (void)tile, (void)out;
	return VS_ERR_ABSENT;
}

static void a_tile_that_is_not_there_is_said(void **state)
{
	struct vs_merkle_proof p;

	(void)state;
	vs_tiles_init(&tiles, 600, load_nothing, NULL);
	const struct vs_merkle_source source = vs_tiles_source(&tiles);
	assert_int_equal(vs_merkle_prove(&source, 1, 600, &p), VS_ERR_ABSENT);
}

static void a_bundle_gives_its_entries_and_no_half_ones(void **state)
{
	static const uint8_t bundle[] = "\0\3one\0\0\0\1x";
	const uint8_t *at = bundle, *entry;
	size_t left = sizeof bundle - 1, len;

	(void)state;
	assert_int_equal(vs_bundle_next(&at, &left, &entry, &len), VS_OK);
	assert_int_equal(len, 3);
	assert_memory_equal(entry, "one", 3);
	assert_int_equal(vs_bundle_next(&at, &left, &entry, &len), VS_OK);
	assert_int_equal(len, 0);
	assert_int_equal(vs_bundle_next(&at, &left, &entry, &len), VS_OK);
	assert_int_equal(len, 1);
	assert_int_equal(vs_bundle_next(&at, &left, &entry, &len),
	                 VS_ERR_ABSENT);
	for (size_t cut = 1; cut < 5; cut++) {
		at = bundle;
		left = cut;
		assert_int_equal(vs_bundle_next(&at, &left, &entry, &len),
		                 VS_ERR_INPUT);
	}
}

static const char *folder;

static vs_status load_file(void *ctx, const struct vs_tile *tile,
                           uint8_t out[static VS_TILE_LEN_MAX])
{
	char path[VS_TILE_PATH_LEN], name[128];
	size_t len;

	(void)ctx;
	vs_tile_path(tile, path);
	snprintf(name, sizeof name, "tlog-log/%s", path);
	const char *bytes = slurp(folder, name, &len);
	assert_int_equal(len, tile->width * VS_HASH_LEN);
	memcpy(out, bytes, len);
	return VS_OK;
}

/* Entries, tiles and checkpoints of one log, each by another way. */
static void third_party_tiles_and_bundles_give_the_signed_roots(void **state)
{
	(void)state;
	folder = vectors();
	for (unsigned n = 1; n <= 15; n++) {
		struct vs_merkle_edge edge = {0};
		struct vs_hash leaf, by_tiles, by_entries;
		struct vs_checkpoint c;
		struct vs_note note;
		char name[64];
		size_t left, len;
		const uint8_t *entry;

		snprintf(name, sizeof name, "tlog-log/checkpoint.%u", n);
		const char *text = slurp(folder, name, &left);
		assert_int_equal(vs_note_parse(text, left, &note, NULL), VS_OK);
		assert_int_equal(vs_checkpoint_parse(&note, &c, NULL), VS_OK);

		vs_tiles_init(&tiles, n, load_file, NULL);
		const struct vs_merkle_source source = vs_tiles_source(&tiles);
		assert_int_equal(vs_merkle_root(&source, n, &by_tiles), VS_OK);
		assert_true(vs_hash_same(&by_tiles, &c.head.root));

		snprintf(name, sizeof name, "tlog-log/tile/entries/000.p/%u",
		         n);
		const uint8_t *at = (const uint8_t *)slurp(folder, name, &left);
		while (vs_bundle_next(&at, &left, &entry, &len) == VS_OK) {
			assert_int_equal(vs_merkle_leaf(entry, len, &leaf),
			                 VS_OK);
			assert_int_equal(vs_merkle_append(&edge, &leaf), VS_OK);
		}
		assert_int_equal(edge.size, n);
		assert_int_equal(vs_merkle_edge_root(&edge, &by_entries),
		                 VS_OK);
		assert_true(vs_hash_same(&by_entries, &c.head.root));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(paths_are_those_of_the_standard),
		cmocka_unit_test(no_other_spelling_is_a_path),
		cmocka_unit_test(widths_are_those_of_the_standard),
		cmocka_unit_test(proofs_out_of_tiles_are_those_out_of_the_tree),
		cmocka_unit_test(nothing_is_read_beyond_the_size),
		cmocka_unit_test(a_tile_that_is_not_there_is_said),
		cmocka_unit_test(a_bundle_gives_its_entries_and_no_half_ones),
		cmocka_unit_test(
			third_party_tiles_and_bundles_give_the_signed_roots),
	};

	without_vectors();
	return cmocka_run_group_tests_name("tile", tests, NULL, NULL);
}

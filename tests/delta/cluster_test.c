/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/cluster_test.c - indexes of packed files that lead out of their
 * file or image, and files that flow through a window.
 */
#include "delta/erofs.h"
#include "delta/flow.h"
#include "delta/operand.h"
#include "tests/delta/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define BLOCKS 16
#define FILE_LEN (3 * 4096 + 100)
#define ENTRIES (32 + 16) /* full ones, behind a short inode */

static uint8_t image[BLOCKS * 4096];

static vs_status read_image(void *ctx, uint64_t at, void *out, size_t len)
{
	(void)ctx;
	assert_true(at <= sizeof(image) && len <= sizeof(image) - at);
	memcpy(out, image + at, len);
	return VS_OK;
}

static const struct vs_old_image reader = {NULL, sizeof(image), read_image};

static void put_entry(size_t i, uint32_t type, uint32_t place, uint32_t value)
{
	vs_put_le(image + ENTRIES + i * 8, type, 2);
	vs_put_le(image + ENTRIES + i * 8 + 2, place, 2);
	vs_put_le(image + ENTRIES + i * 8 + 4, value, 4);
}

/* Two clusters of two blocks and of one, and where the file ends. */
static void make_image(void)
{
	memset(image, 0, sizeof(image));
	vs_put_le(image, VS_EROFS_FULL << 1, 2);
	vs_put_le(image + 4, 0x81a4, 2);
	vs_put_le(image + 8, FILE_LEN, 4);
	vs_put_le(image + 32 + 4, 2, 2);
	put_entry(0, 1, 0, 2);
	put_entry(1, 2, 0, 0x802);
	put_entry(2, 1, 10, 4);
	put_entry(3, 0, 100, 0);
}

/* The same index with one number written otherwise. */
static void refused(const char *what, size_t at, size_t len, uint64_t value)
{
	struct vs_erofs_file f;
	vs_status status;

	make_image();
	vs_put_le(image + at, value, len);
	status = vs_erofs_file_read(&reader, 0, &f);
	if (status != VS_ERR_INPUT)
		print_message("# %s\n", what);
	assert_int_equal(status, VS_ERR_INPUT);
	vs_erofs_file_drop(&f);
}

static void an_index_that_leads_out_of_its_bounds_is_an_error(void **state)
{
	struct vs_erofs_file f;

	(void)state;
	make_image();
	assert_int_equal(vs_erofs_file_read(&reader, 0, &f), VS_OK);
	assert_int_equal(f.count, 2);
	assert_int_equal(f.len, FILE_LEN);
	assert_int_equal(f.list[0].blocks, 2);
	assert_int_equal(f.list[1].block, 4);
	assert_int_equal(vs_erofs_holds(&f, 0), 2 * 4096 + 10);
	assert_int_equal(f.longest, 2 * 4096 + 10);
	assert_int_equal(vs_erofs_find(&f, 2 * 4096 + 9), 0);
	assert_int_equal(vs_erofs_find(&f, 2 * 4096 + 10), 1);
	vs_erofs_file_drop(&f);
	refused("not packed", 0, 2, VS_EROFS_PLAIN << 1);
	refused("empty", 8, 4, 0);
	refused("too long", 8, 4, 0x40000001);
	refused("a tail in the inode", 36, 2, 8);
	refused("another algorithm", 38, 1, 1);
	refused("longer logical clusters", 39, 1, 1);
	refused("nothing at the begin", ENTRIES, 2, 2);
	refused("not from the begin on", ENTRIES + 2, 2, 1);
	refused("a cluster behind the image", ENTRIES + 4, 4, 16);
	refused("a cluster far behind the image", ENTRIES + 4, 4, UINT32_MAX);
	refused("a cluster that ends behind the image", ENTRIES + 4, 4, 15);
	refused("no blocks", ENTRIES + 8 + 4, 2, 0x800);
	refused("more blocks than there are", ENTRIES + 8 + 4, 2, 0xfff);
	refused("a length of no cluster", ENTRIES + 16, 8, 0x80200000002);
	refused("a foreign type", ENTRIES + 24, 2, 3);
	refused("a place in another entry", ENTRIES + 18, 2, 4096);
	refused("too much as it is", ENTRIES + 16, 2, 0);
}

/* Of an inode, a header or an index. */
static void an_inode_that_ends_behind_the_image_is_an_error(void **state)
{
	struct vs_erofs_file f;

	(void)state;
	make_image();
	for (size_t left = 0; left < ENTRIES + 4 * 8; left++) {
		const size_t at = sizeof(image) - left;

		memmove(image + at, image, left);
		assert_int_equal(vs_erofs_file_read(&reader, at, &f),
		                 VS_ERR_INPUT);
		vs_erofs_file_drop(&f);
	}
	assert_int_equal(vs_erofs_file_read(&reader, UINT64_MAX, &f),
	                 VS_ERR_INPUT);
	vs_erofs_file_drop(&f);
}

#define CONTENT (3 << 20)
#define ROOM 16384
#define FIXED 2 /* the cluster that comes otherwise */
#define FIXED_LEN 300000

/* Text that packs, noise that does not, zeros. */
static uint8_t *content(void)
{
	uint8_t *out = calloc(1, CONTENT);

	assert_non_null(out);
	for (size_t i = 0; i < CONTENT / 3; i++)
		out[i] = (uint8_t)((size_t) "a meter and a cable"[i % 19] +
		                   i / 977 % 7);
	fill(out + CONTENT / 3, CONTENT / 6, 4);
	fill(out + CONTENT - 5000, 5000, 5);
	return out;
}

/* All that flows out holds what flowed in, one cluster behind the other. */
static void flow(const uint8_t *in, uint32_t len, bool fixed)
{
	static uint8_t cluster[ROOM], held[1 << 20], other[4096];
	const struct vs_fix fix = {FIXED, FIXED_LEN, 1};
	struct vs_flow f = {
		.level = 9, .room = ROOM, .ahead = 2 * VS_CLUSTER_AHEAD};
	size_t given = 0, done = 0;

	memset(other, 'x', sizeof(other));
	assert_int_equal(vs_flow_begin(&f, len), VS_OK);
	f.fixes = &fix;
	f.fix_count = fixed;
	f.fixed = other;
	for (uint32_t number = 0; !vs_flow_done(&f); number++) {
		uint64_t before = f.packed_bytes;
		uint8_t *to;
		size_t n, used;

		while ((to = vs_flow_want(&f, &n)) != NULL) {
			memcpy(to, in + given, n);
			vs_flow_took(&f, n);
			given += n;
		}
		assert_int_equal(vs_flow_next(&f, cluster, &n), VS_OK);
		used = (size_t)(f.packed_bytes - before);
		if (fixed && number == FIXED) {
			assert_int_equal(n, 4096);
			assert_memory_equal(cluster, other, n);
			done += FIXED_LEN;
			continue;
		}
		assert_true(n > 0 && n <= ROOM && n % 4096 == 0);
		assert_true(used > 0 && used <= sizeof(held));
		/* or it would be one block as it is */
		assert_true(used <= 4096 || used > n);
		assert_int_equal(
			vs_cluster_unpack(cluster, n, used > 4096, held, used),
			VS_OK);
		assert_memory_equal(held, in + done, used);
		done += used;
	}
	assert_int_equal(done, len);
	assert_int_equal(given, len);
	vs_flow_drop(&f);
}

static void what_flows_in_flows_out_in_clusters(void **state)
{
	static const uint32_t lens[] = {1,    4095,  4096,   4097,
	                                8192, 70000, 400000, CONTENT};
	uint8_t *in = content();

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++)
		flow(in, lens[i], false);
	/* what it holds is longer than the window */
	flow(in, CONTENT, true);
	free(in);
}

static void a_fix_that_goes_past_the_files_end_is_an_error(void **state)
{
	static uint8_t cluster[ROOM], other[4096];
	const struct vs_fix fix = {0, 5001, 1};
	struct vs_flow f = {
		.level = 9, .room = ROOM, .ahead = VS_CLUSTER_AHEAD};
	uint8_t *to;
	size_t n;

	(void)state;
	assert_int_equal(vs_flow_begin(&f, 5000), VS_OK);
	f.fixes = &fix;
	f.fix_count = 1;
	f.fixed = other;
	while ((to = vs_flow_want(&f, &n)) != NULL) {
		memset(to, 1, n);
		vs_flow_took(&f, n);
	}
	assert_int_equal(vs_flow_next(&f, cluster, &n), VS_ERR_INPUT);
	vs_flow_drop(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_index_that_leads_out_of_its_bounds_is_an_error),
		cmocka_unit_test(
			an_inode_that_ends_behind_the_image_is_an_error),
		cmocka_unit_test(what_flows_in_flows_out_in_clusters),
		cmocka_unit_test(
			a_fix_that_goes_past_the_files_end_is_an_error),
	};

	return cmocka_run_group_tests_name("delta cluster", tests, NULL, NULL);
}

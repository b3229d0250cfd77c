/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/cluster_test.c - indexes of packed files that lead out of their
 * file or image, and batches of files that are packed in clusters.
 */
#include "delta/batch.h"
#include "delta/erofs.h"
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
#define AHEAD (2 * VS_CLUSTER_AHEAD)

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

/* The clusters of a file, one behind the other. */
struct clusters {
	uint8_t *bytes;
	size_t len, count;
	size_t from[1024], at[1024]; /* in the file, in bytes; and the ends */
};

static void drop(struct clusters *c)
{
	free(c->bytes);
	free(c);
}

/* Each holds what the file has there, and is short. */
static struct clusters *clusters_of(const uint8_t *in, size_t len)
{
	static uint8_t held[AHEAD];
	struct vs_cluster_packer packer = {0};
	struct clusters *c = calloc(1, sizeof(*c));
	size_t from = 0;

	assert_non_null(c);
	c->bytes = malloc(len + ROOM + 4096);
	assert_non_null(c->bytes);
	while (from < len) {
		size_t left = len - from, used, n;
		uint8_t *to = c->bytes + c->len;

		assert_true(c->count < 1023);
		assert_int_equal(vs_cluster_pack(&packer, 9, in + from,
		                                 left < AHEAD ? left : AHEAD,
		                                 to, ROOM, &used, &n),
		                 VS_OK);
		assert_true(n > 0 && n <= ROOM && n % 4096 == 0);
		assert_true(used > 0 && used <= sizeof(held));
		/* or it would be one block as it is */
		assert_true(used <= 4096 || used > n);
		assert_int_equal(
			vs_cluster_unpack(to, n, used > 4096, held, used),
			VS_OK);
		assert_memory_equal(held, in + from, used);
		from += used;
		c->len += n;
		c->from[++c->count] = from;
		c->at[c->count] = c->len;
	}
	vs_cluster_packer_drop(&packer);
	return c;
}

/* What the batch from one cluster to another gives. */
static void batch_gives(const uint8_t *in, size_t len, const struct clusters *c,
                        size_t first, size_t end)
{
	struct vs_cluster_packer packer = {0};
	const struct vs_batch_job job = {.level = 9,
	                                 .room = ROOM,
	                                 .ahead = AHEAD,
	                                 .in = in + c->from[first],
	                                 .len = c->from[end] - c->from[first],
	                                 .seen = len - c->from[end]};
	uint8_t *out = malloc(vs_batch_room(&job));
	size_t n = 0;

	assert_non_null(out);
	assert_int_equal(vs_batch_pack(&packer, &job, out, &n), VS_OK);
	assert_int_equal(n, c->at[end] - c->at[first]);
	assert_memory_equal(out, c->bytes + c->at[first], n);
	free(out);
	vs_cluster_packer_drop(&packer);
}

static void a_batch_is_packed_as_within_its_file(void **state)
{
	static const uint32_t lens[] = {1,    4095,  4096,   4097,
	                                8192, 70000, 400000, CONTENT};
	uint8_t *in = content();

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(*lens); i++) {
		struct clusters *c = clusters_of(in, lens[i]);

		batch_gives(in, lens[i], c, 0, c->count);
		for (size_t k = 0; k < c->count; k++)
			batch_gives(in, lens[i], c, k,
			            k + 3 < c->count ? k + 3 : c->count);
		drop(c);
	}
	free(in);
}

#define MIXED 100000 /* text, then noise */

/* The first four clusters, or a batch of so many bytes more, with fixes. */
static vs_status pack_four(uint8_t *in, const struct vs_fix *fixes,
                           size_t count, int more, bool compare)
{
	static uint8_t other[2 * 4096];
	struct vs_cluster_packer packer = {0};
	struct clusters *c = clusters_of(in, MIXED);
	struct vs_batch_job job = {.level = 9,
	                           .room = ROOM,
	                           .ahead = AHEAD,
	                           .in = in,
	                           .len = (size_t)((int)c->from[4] + more),
	                           .seen = MIXED - c->from[4],
	                           .fixes = fixes,
	                           .fix_count = count,
	                           .fixed = other};
	uint8_t *out = malloc(vs_batch_room(&job));
	size_t n = 0;
	vs_status status;

	assert_non_null(out);
	memset(other, 'x', sizeof(other));
	status = vs_batch_pack(&packer, &job, out, &n);
	if (compare) {
		assert_int_equal(status, VS_OK);
		assert_int_equal(n, c->at[4] - (c->at[2] - c->at[1]) + 4096);
		assert_memory_equal(out, c->bytes, c->at[1]);
		assert_memory_equal(out + c->at[1], other, 4096);
		assert_memory_equal(out + c->at[1] + 4096, c->bytes + c->at[2],
		                    c->at[4] - c->at[2]);
	}
	free(out);
	drop(c);
	vs_cluster_packer_drop(&packer);
	return status;
}

static void a_fix_takes_a_clusters_place(void **state)
{
	uint8_t *all = content(), *in = all + CONTENT / 3 - MIXED / 2;
	struct clusters *c = clusters_of(in, MIXED);
	const uint32_t holds = (uint32_t)(c->from[2] - c->from[1]);
	const struct vs_fix fix = {1, holds, 1};

	(void)state;
	assert_int_equal(pack_four(in, &fix, 1, 0, true), VS_OK);
	drop(c);
	free(all);
}

static void a_batch_that_ends_in_a_cluster_is_an_error(void **state)
{
	uint8_t *all = content(), *in = all + CONTENT / 3 - MIXED / 2;
	struct clusters *c = clusters_of(in, MIXED);
	const uint32_t rest = (uint32_t)(c->from[4] - c->from[1]);
	const struct vs_fix whole = {1, rest, 1}, past = {1, rest + 1, 1};
	const struct vs_fix far = {1, UINT32_C(1) << 30, 1}, none = {4, 1, 1};
	const struct vs_fix twice[] = {
		{0, 1, 1},
                {0, 1, 1}
        };

	(void)state;
	assert_int_equal(pack_four(in, NULL, 0, 0, false), VS_OK);
	assert_int_equal(pack_four(in, NULL, 0, 1, false), VS_ERR_INPUT);
	assert_int_equal(pack_four(in, NULL, 0, -1, false), VS_ERR_INPUT);
	assert_int_equal(pack_four(in, &whole, 1, 0, false), VS_OK);
	assert_int_equal(pack_four(in, &past, 1, 0, false), VS_ERR_INPUT);
	assert_int_equal(pack_four(in, &far, 1, 0, false), VS_ERR_INPUT);
	/* nor is a fix without its cluster */
	assert_int_equal(pack_four(in, &none, 1, 0, false), VS_ERR_INPUT);
	assert_int_equal(pack_four(in, twice, 2, 0, false), VS_ERR_INPUT);
	drop(c);
	free(all);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			an_index_that_leads_out_of_its_bounds_is_an_error),
		cmocka_unit_test(
			an_inode_that_ends_behind_the_image_is_an_error),
		cmocka_unit_test(a_batch_is_packed_as_within_its_file),
		cmocka_unit_test(a_fix_takes_a_clusters_place),
		cmocka_unit_test(a_batch_that_ends_in_a_cluster_is_an_error),
	};

	return cmocka_run_group_tests_name("delta cluster", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/tree_test.c - the shape of the tree, and that no byte slips by.
 */
#include "tests/seal/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct vs_crypto crypto;

static int begin(void **state)
{
	(void)state;
	return vs_openssl_init(&crypto) == VS_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	vs_openssl_drop(&crypto);
	return 0;
}

/* An image with its whole tree and a header that names its root. */
struct sample {
	struct vs_seal_header h;
	struct vs_tree t;
	uint8_t *image;
	uint8_t *tree;
};

static void sample_init(struct sample *s, size_t len)
{
	size_t room;
	uint8_t *leaves;

	header_fill(&s->h);
	s->h.image_len = len;
	assert_int_equal(vs_tree_init(&s->t, len), VS_OK);
	room = s->t.len ? (size_t)s->t.len : VS_BLOCK_LEN;
	s->image = malloc(len);
	s->tree = malloc(room);
	assert_non_null(s->image);
	assert_non_null(s->tree);
	memset(s->tree, 0xa5, room);
	noise(s->image, len, len);
	for (uint64_t i = 0; i < s->t.clusters; i++) {
		leaves = s->tree + vs_tree_leaves_at(&s->t, i);
		assert_int_equal(vs_tree_hash_cluster(
					 &crypto, s->h.salt,
					 s->image + i * VS_CLUSTER_LEN,
					 vs_tree_cluster_len(&s->t, i), leaves),
		                 VS_OK);
	}
	assert_int_equal(vs_tree_finish(&s->t, &crypto, s->h.salt, s->tree,
	                                s->h.root_hash),
	                 VS_OK);
}

static void sample_drop(struct sample *s)
{
	free(s->image);
	free(s->tree);
}

static vs_status check_cluster(const struct sample *s, uint64_t i,
                               uint8_t leaves[static VS_BLOCK_LEN])
{
	struct vs_why why = {0};
	vs_status st;

	st = vs_tree_check_cluster(&s->t, &crypto, &s->h, s->tree, i,
	                           s->image + i * VS_CLUSTER_LEN, leaves, &why);
	assert_int_equal(why.code, st == VS_OK ? VS_REASON_NONE
	                                       : VS_REASON_CLUSTER_MISMATCH);
	return st;
}

static void the_shape_is_that_of_dm_verity(void **state)
{
	static const struct {
		uint64_t len;
		uint64_t blocks;
		uint32_t levels;
		uint64_t leaves;
		uint64_t hash_blocks;
		uint64_t clusters;
	} want[] = {
		{1,                1,        0, 0,      0,      1     },
		{4096,             1,        0, 0,      0,      1     },
		{4097,             2,        1, 1,      1,      1     },
		{524288,           128,      1, 1,      1,      1     },
		{524289,           129,      2, 2,      3,      2     },
		{67108864,         16384,    2, 128,    129,    128   },
		{67108865,         16385,    3, 129,    132,    129   },
		{419430400,        102400,   3, 800,    808,    800   },
		{VS_IMAGE_LEN_MAX, 16777216, 4, 131072, 132105, 131072},
	};
	struct vs_tree t;

	(void)state;
	for (size_t i = 0; i < sizeof(want) / sizeof(want[0]); i++) {
		assert_int_equal(vs_tree_init(&t, want[i].len), VS_OK);
		assert_int_equal(t.blocks, want[i].blocks);
		assert_int_equal(t.levels, want[i].levels);
		assert_int_equal(t.level_blocks[0], want[i].leaves);
		assert_int_equal(t.len, want[i].hash_blocks * 4096);
		assert_int_equal(t.upper_len,
		                 (want[i].hash_blocks - want[i].leaves) * 4096);
		assert_int_equal(t.clusters, want[i].clusters);
	}
	assert_int_equal(vs_tree_init(&t, 0), VS_ERR_LIMIT);
	assert_int_equal(vs_tree_init(&t, VS_IMAGE_LEN_MAX + 1), VS_ERR_LIMIT);
}

static void clusters_add_up_to_the_image(void **state)
{
	static const uint64_t lens[] = {1,      4095,   524287,
	                                524288, 524289, 1500000};
	struct vs_tree t;
	uint64_t sum;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_int_equal(vs_tree_init(&t, lens[i]), VS_OK);
		sum = 0;
		for (uint64_t c = 0; c < t.clusters; c++)
			sum += vs_tree_cluster_len(&t, c);
		assert_int_equal(sum, lens[i]);
		assert_int_equal(vs_tree_cluster_len(&t, t.clusters), 0);
	}
}

/* S0.14: what an install writes is exactly what the signer made */
static void each_cluster_gives_the_signers_leaves(void **state)
{
	static const size_t lens[] = {1,      4096,   4097,   300000,
	                              524288, 524289, 1500000};
	struct sample s;
	uint8_t leaves[VS_BLOCK_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		sample_init(&s, lens[i]);
		assert_int_equal(
			vs_tree_check_upper(&s.t, &crypto, &s.h, s.tree, NULL),
			VS_OK);
		for (uint64_t c = 0; c < s.t.clusters; c++) {
			assert_int_equal(check_cluster(&s, c, leaves), VS_OK);
			assert_memory_equal(leaves,
			                    s.tree + vs_tree_leaves_at(&s.t, c),
			                    VS_BLOCK_LEN);
		}
		assert_int_equal(check_cluster(&s, s.t.clusters, leaves),
		                 VS_ERR_REFUSED);
		sample_drop(&s);
	}
}

/* S0.1 S0.14 */
static void every_flipped_byte_of_a_small_image_is_caught(void **state)
{
	struct sample s;
	uint8_t leaves[VS_BLOCK_LEN];

	(void)state;
	sample_init(&s, 9000);
	for (size_t at = 0; at < 9000; at++) {
		s.image[at] ^= 1;
		assert_int_equal(check_cluster(&s, 0, leaves), VS_ERR_REFUSED);
		s.image[at] ^= 1;
	}
	assert_int_equal(check_cluster(&s, 0, leaves), VS_OK);
	sample_drop(&s);
}

/* S0.14: each kind of tree: none, one level, two */
static void a_flipped_byte_anywhere_is_caught(void **state)
{
	static const size_t lens[] = {4000, 500000, 1500000};
	struct sample s;
	uint8_t leaves[VS_BLOCK_LEN];
	size_t at;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		sample_init(&s, lens[i]);
		for (size_t k = 0; k < 200; k++) {
			at = (k * 2654435761u) % lens[i];
			if (k == 0)
				at = lens[i] - 1;
			s.image[at] ^= 0x80;
			assert_int_equal(
				check_cluster(&s, at / VS_CLUSTER_LEN, leaves),
				VS_ERR_REFUSED);
			s.image[at] ^= 0x80;
		}
		sample_drop(&s);
	}
}

/* S0.25 */
static void a_cluster_in_anothers_place_is_caught(void **state)
{
	struct sample s;
	uint8_t leaves[VS_BLOCK_LEN];

	(void)state;
	sample_init(&s, 3 * VS_CLUSTER_LEN);
	assert_int_equal(vs_tree_check_cluster(&s.t, &crypto, &s.h, s.tree, 1,
	                                       s.image, leaves, NULL),
	                 VS_ERR_REFUSED);
	assert_int_equal(vs_tree_check_cluster(&s.t, &crypto, &s.h, s.tree, 0,
	                                       s.image, leaves, NULL),
	                 VS_OK);
	sample_drop(&s);
}

static void a_flipped_byte_of_the_upper_tree_is_caught(void **state)
{
	struct sample s;
	struct vs_why why;

	(void)state;
	/* three levels: a root block and two under it, above the leaves */
	sample_init(&s, 16385 * (size_t)VS_BLOCK_LEN);
	assert_int_equal(s.t.upper_len, 3 * 4096);
	assert_int_equal(vs_tree_check_upper(&s.t, &crypto, &s.h, s.tree, &why),
	                 VS_OK);
	for (size_t at = 0; at < s.t.upper_len; at += 7) {
		s.tree[at] ^= 1;
		assert_int_equal(
			vs_tree_check_upper(&s.t, &crypto, &s.h, s.tree, &why),
			VS_ERR_REFUSED);
		assert_int_equal(why.code, VS_REASON_TREE_MISMATCH);
		assert_in_range(why.at, 0, at);
		s.tree[at] ^= 1;
	}
	s.h.root_hash[31] ^= 1;
	assert_int_equal(vs_tree_check_upper(&s.t, &crypto, &s.h, s.tree, &why),
	                 VS_ERR_REFUSED);
	s.h.root_hash[31] ^= 1;
	s.h.salt[0] ^= 1;
	assert_int_equal(vs_tree_check_upper(&s.t, &crypto, &s.h, s.tree, &why),
	                 VS_ERR_REFUSED);
	sample_drop(&s);
}

static vs_status broken_hash(void *ctx, const uint8_t *a, size_t a_len,
                             const uint8_t *b, size_t b_len,
                             uint8_t digest[static VS_SHA256_LEN])
{
	(void)ctx, (void)a, (void)a_len, (void)b, (void)b_len, (void)digest;
	return VS_ERR_CRYPTO;
}

static void a_failing_hash_is_never_a_match(void **state)
{
	struct vs_crypto bad = crypto;
	struct sample s;
	uint8_t leaves[VS_BLOCK_LEN];

	(void)state;
	bad.sha256 = broken_hash;
	sample_init(&s, 600000);
	assert_int_equal(vs_tree_check_cluster(&s.t, &bad, &s.h, s.tree, 0,
	                                       s.image, leaves, NULL),
	                 VS_ERR_CRYPTO);
	assert_int_equal(vs_tree_check_upper(&s.t, &bad, &s.h, s.tree, NULL),
	                 VS_ERR_CRYPTO);
	assert_int_equal(
		vs_tree_finish(&s.t, &bad, s.h.salt, s.tree, s.h.root_hash),
		VS_ERR_CRYPTO);
	sample_drop(&s);
}

/* Whole blocks of cluster i, as they stand in a slot. */
static uint8_t *stored(const struct sample *s, uint64_t i)
{
	uint8_t *data = calloc(1, VS_CLUSTER_LEN);

	assert_non_null(data);
	memcpy(data, s->image + i * VS_CLUSTER_LEN,
	       vs_tree_cluster_len(&s->t, i));
	return data;
}

static vs_status check_stored(const struct sample *s, uint64_t i,
                              const uint8_t *data, vs_reason *reason)
{
	uint32_t matched = 0;
	struct vs_why why = {0};
	vs_status st = vs_tree_check_stored(
		&s->t, &crypto, &s->h, s->tree, i, data,
		s->t.levels > 0 ? s->tree + vs_tree_leaves_at(&s->t, i) : NULL,
		&matched, &why);

	if (st == VS_OK)
		assert_int_equal(matched, vs_tree_matches(&s->t, i));
	else
		assert_true(i >= s->t.clusters ||
		            matched < vs_tree_matches(&s->t, i));
	*reason = why.code;
	return st;
}

/* S0.16 S1.22: data, the zeros after it, and the stored leaves */
static void a_flipped_byte_in_a_slot_is_caught(void **state)
{
	static const size_t lens[] = {1,
	                              VS_BLOCK_LEN,
	                              3 * VS_BLOCK_LEN - 100,
	                              VS_CLUSTER_LEN,
	                              VS_CLUSTER_LEN + 5,
	                              3 * VS_CLUSTER_LEN - 9000};
	vs_reason reason;

	(void)state;
	for (size_t k = 0; k < sizeof(lens) / sizeof(lens[0]); k++) {
		struct sample s;
		uint64_t last;
		uint8_t *data;
		size_t len;

		sample_init(&s, lens[k]);
		last = s.t.clusters - 1;
		data = stored(&s, last);
		len = (size_t)vs_tree_cluster_blocks(&s.t, last) * VS_BLOCK_LEN;
		assert_int_equal(check_stored(&s, last, data, &reason), VS_OK);
		for (size_t at = 0; at < len; at += at + 700 < len ? 611 : 1) {
			data[at] ^= 2;
			assert_int_equal(check_stored(&s, last, data, &reason),
			                 VS_ERR_REFUSED);
			assert_int_equal(reason, VS_REASON_CLUSTER_MISMATCH);
			data[at] ^= 2;
		}
		for (size_t at = 0; at < VS_BLOCK_LEN && s.t.levels > 0;
		     at += 7) {
			s.tree[vs_tree_leaves_at(&s.t, last) + at] ^= 2;
			assert_int_equal(check_stored(&s, last, data, &reason),
			                 VS_ERR_REFUSED);
			assert_int_equal(reason, VS_REASON_TREE_MISMATCH);
			s.tree[vs_tree_leaves_at(&s.t, last) + at] ^= 2;
		}
		assert_int_equal(check_stored(&s, last + 1, data, &reason),
		                 VS_ERR_REFUSED);
		free(data);
		sample_drop(&s);
	}
}

static void a_block_or_cluster_too_long_is_refused(void **state)
{
	static uint8_t data[VS_CLUSTER_LEN + 1];
	uint8_t salt[VS_SALT_LEN] = {0};
	uint8_t leaves[VS_BLOCK_LEN];

	(void)state;
	assert_int_equal(vs_tree_hash_block(&crypto, salt, data,
	                                    VS_BLOCK_LEN + 1, leaves),
	                 VS_ERR_LIMIT);
	assert_int_equal(vs_tree_hash_cluster(&crypto, salt, data,
	                                      VS_CLUSTER_LEN + 1, leaves),
	                 VS_ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_shape_is_that_of_dm_verity),
		cmocka_unit_test(clusters_add_up_to_the_image),
		cmocka_unit_test(each_cluster_gives_the_signers_leaves),
		cmocka_unit_test(every_flipped_byte_of_a_small_image_is_caught),
		cmocka_unit_test(a_flipped_byte_anywhere_is_caught),
		cmocka_unit_test(a_cluster_in_anothers_place_is_caught),
		cmocka_unit_test(a_flipped_byte_of_the_upper_tree_is_caught),
		cmocka_unit_test(a_failing_hash_is_never_a_match),
		cmocka_unit_test(a_flipped_byte_in_a_slot_is_caught),
		cmocka_unit_test(a_block_or_cluster_too_long_is_refused),
	};

	return cmocka_run_group_tests_name("seal tree", tests, begin, end);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/seal_test.c - a seal file is believed whole or not at all.
 */
#include "seal/seal.h"
#include "tests/seal/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define IMAGE_LEN (600 * (size_t)VS_BLOCK_LEN) /* two levels, five clusters */
#define FILE_MAX 16384

static struct vs_crypto crypto;
static struct person people[3];
static struct vs_keyring ring;
static uint8_t *image;
static uint8_t file[FILE_MAX];
static size_t file_len;

/* Seals image[0..len) with the first count people's signatures. */
static void make_seal(size_t len, size_t count)
{
	static uint8_t tree[16 * VS_BLOCK_LEN];
	struct vs_seal_header h;
	struct vs_tree t;
	struct vs_signatures sigs = {0};
	uint8_t raw[VS_SEAL_HEADER_LEN];

	header_fill(&h);
	h.image_len = len;
	assert_int_equal(vs_tree_init(&t, len), VS_OK);
	assert_in_range(t.len, 0, sizeof(tree));
	for (uint64_t i = 0; i < t.clusters; i++)
		assert_int_equal(
			vs_tree_hash_cluster(&crypto, h.salt,
		                             image + i * VS_CLUSTER_LEN,
		                             vs_tree_cluster_len(&t, i),
		                             tree + vs_tree_leaves_at(&t, i)),
			VS_OK);
	assert_int_equal(vs_tree_finish(&t, &crypto, h.salt, tree, h.root_hash),
	                 VS_OK);
	assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
	for (size_t i = 0; i < count; i++)
		person_sign(&people[i], raw, sizeof(raw), &sigs);
	assert_int_equal(vs_seal_encode(raw, &sigs, tree, (size_t)t.upper_len,
	                                file, sizeof(file), &file_len),
	                 VS_OK);
}

static int begin(void **state)
{
	(void)state;
	if (vs_openssl_init(&crypto) != VS_OK)
		return -1;
	for (size_t i = 0; i < 3; i++)
		person_init(&people[i], &crypto);
	ring_fill(&ring, people, 3, 2);
	image = malloc(IMAGE_LEN);
	if (!image)
		return -1;
	noise(image, IMAGE_LEN, 1);
	return 0;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < 3; i++)
		person_drop(&people[i]);
	vs_openssl_drop(&crypto);
	free(image);
	return 0;
}

static vs_status open_seal(size_t len, struct vs_seal *s, vs_reason *reason)
{
	struct vs_why why = {0};
	vs_status st = vs_seal_open(&ring, &crypto, file, len, s, &why);

	*reason = why.code;
	return st;
}

/* S0.14 S0.25 */
static void an_open_seal_checks_the_images_clusters(void **state)
{
	static const size_t lens[] = {1, 4096, 300000, IMAGE_LEN - 9,
	                              IMAGE_LEN};
	uint8_t leaves[VS_BLOCK_LEN];
	struct vs_seal s;
	vs_reason reason;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		make_seal(lens[i], 2);
		assert_int_equal(open_seal(file_len, &s, &reason), VS_OK);
		assert_ptr_equal(s.raw, file);
		assert_int_equal(s.header.image_len, lens[i]);
		assert_int_equal(file_len, 512 + 12 + 200 + s.tree.upper_len);
		for (uint64_t c = 0; c < s.tree.clusters; c++)
			assert_int_equal(vs_tree_check_cluster(
						 &s.tree, &crypto, &s.header,
						 s.upper, c,
						 image + c * VS_CLUSTER_LEN,
						 leaves, NULL),
			                 VS_OK);
	}
}

/* S0.1 S1.12 A1 A14: k - 1 signatures */
static void a_seal_of_one_signature_is_refused(void **state)
{
	struct vs_seal s;
	vs_reason reason;

	(void)state;
	for (size_t n = 0; n < 2; n++) {
		make_seal(IMAGE_LEN, n);
		assert_int_equal(vs_seal_decode(file, file_len, &s, NULL),
		                 VS_OK);
		assert_int_equal(open_seal(file_len, &s, &reason),
		                 VS_ERR_REFUSED);
		assert_int_equal(reason, VS_REASON_SEAL_SIGNATURE);
	}
}

/* S0.1 S3.1 A1: whatever is changed, it is not believed; and every part by
 * itself */
static void a_changed_byte_anywhere_is_refused(void **state)
{
	struct vs_seal s;
	vs_reason reason;

	(void)state;
	make_seal(IMAGE_LEN, 2);
	for (size_t at = 0; at < file_len; at++) {
		file[at] ^= 4;
		assert_int_not_equal(open_seal(file_len, &s, &reason), VS_OK);
		assert_int_not_equal(reason, VS_REASON_NONE);
		if (at >= file_len - VS_BLOCK_LEN)
			assert_int_equal(reason, VS_REASON_TREE_MISMATCH);
		file[at] ^= 4;
	}
	assert_int_equal(open_seal(file_len, &s, &reason), VS_OK);
}

/* S0.25 */
static void a_seal_cut_or_lengthened_is_malformed(void **state)
{
	struct vs_seal s;
	vs_reason reason;

	(void)state;
	make_seal(IMAGE_LEN, 2);
	for (size_t cut = 0; cut < file_len; cut++) {
		assert_int_equal(open_seal(cut, &s, &reason), VS_ERR_INPUT);
		assert_int_equal(reason, VS_REASON_MALFORMED);
	}
	assert_int_equal(open_seal(file_len + 1, &s, &reason), VS_ERR_INPUT);
	assert_int_equal(reason, VS_REASON_MALFORMED);
	assert_int_equal(vs_seal_decode(file, VS_SEAL_LEN_MAX + 1, &s, NULL),
	                 VS_ERR_INPUT);
}

static void encode_refuses_another_images_tree_and_a_small_buffer(void **state)
{
	struct vs_seal s;
	uint8_t out[FILE_MAX];
	uint8_t zeros[VS_SEAL_HEADER_LEN] = {0};
	size_t len = 0;

	(void)state;
	make_seal(IMAGE_LEN, 2);
	assert_int_equal(vs_seal_decode(file, file_len, &s, NULL), VS_OK);
	assert_int_equal(vs_seal_encode(s.raw, &s.signatures, s.upper, 4096,
	                                out, sizeof(out), &len),
	                 VS_OK);
	assert_int_equal(len, file_len);
	assert_memory_equal(out, file, len);
	assert_int_equal(vs_seal_encode(s.raw, &s.signatures, s.upper, 4095,
	                                out, sizeof(out), &len),
	                 VS_ERR_INPUT);
	assert_int_equal(vs_seal_encode(zeros, &s.signatures, s.upper, 4096,
	                                out, sizeof(out), &len),
	                 VS_ERR_INPUT);
	for (size_t cap = 0; cap < file_len; cap += 37)
		assert_int_equal(vs_seal_encode(s.raw, &s.signatures, s.upper,
		                                4096, out, cap, &len),
		                 VS_ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_open_seal_checks_the_images_clusters),
		cmocka_unit_test(a_seal_of_one_signature_is_refused),
		cmocka_unit_test(a_changed_byte_anywhere_is_refused),
		cmocka_unit_test(a_seal_cut_or_lengthened_is_malformed),
		cmocka_unit_test(
			encode_refuses_another_images_tree_and_a_small_buffer),
	};

	return cmocka_run_group_tests_name("seal seal", tests, begin, end);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/signature_test.c - a list of signatures has one encoding.
 */
#include "tests/seal/fixture.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t bytes[VS_SIGNATURE_BYTES_MAX];

/* count signatures, each of its own id; scheme 1 when len is 64. */
static void list_fill(struct vs_signatures *s, size_t count, uint16_t len)
{
	memset(s, 0, sizeof(*s));
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (uint8_t)i;
	s->count = count;
	for (size_t i = 0; i < count && i < VS_SIGNATURES_MAX; i++) {
		memset(s->at[i].key_id, (int)(0xf0 - i), VS_SHA256_LEN);
		s->at[i].scheme = len == VS_P256_SIG_LEN ? 1 : 2;
		s->at[i].len = len;
		s->at[i].bytes = bytes;
	}
}

/* tests/vectors/seal/signatures.hex was made from the document alone */
static void the_block_is_the_one_of_the_document(void **state)
{
	struct vs_signatures s;
	struct vs_signatures back;
	uint8_t want[512];
	uint8_t got[512];
	size_t len = 0;
	size_t want_len = vector_load("signatures.hex", want, sizeof(want));

	(void)state;
	list_fill(&s, 2, 64);
	s.at[1].scheme = 2;
	s.at[1].len = 5;
	assert_int_equal(vs_signatures_encode(&s, got, sizeof(got), &len),
	                 VS_OK);
	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, len);
	assert_int_equal(vs_signatures_decode(want, want_len, &back, NULL),
	                 VS_OK);
	assert_int_equal(back.count, 2);
	assert_int_equal(back.encoded_len, want_len);
	assert_int_equal(back.at[1].len, 5);
	assert_memory_equal(back.at[0].bytes, bytes, 64);
	assert_memory_equal(back.at[1].key_id, s.at[1].key_id, 32);
}

static void every_count_comes_back_and_says_how_long_it_was(void **state)
{
	static uint8_t raw[VS_SIGNATURE_BLOCK_MAX];
	struct vs_signatures s;
	struct vs_signatures back;
	size_t len;

	(void)state;
	for (size_t n = 0; n <= VS_SIGNATURES_MAX; n++) {
		list_fill(&s, n, 64);
		assert_int_equal(
			vs_signatures_encode(&s, raw, sizeof(raw), &len),
			VS_OK);
		assert_int_equal(len, 12 + n * 100);
		assert_int_equal(
			vs_signatures_decode(raw, sizeof(raw), &back, NULL),
			VS_OK);
		assert_int_equal(back.count, n);
		assert_int_equal(back.encoded_len, len);
	}
}

static void a_block_cut_at_any_byte_is_refused(void **state)
{
	struct vs_signatures s;
	struct vs_why why;
	uint8_t raw[400];
	size_t len;

	(void)state;
	list_fill(&s, 3, 64);
	assert_int_equal(vs_signatures_encode(&s, raw, sizeof(raw), &len),
	                 VS_OK);
	for (size_t cut = 0; cut < len; cut++) {
		assert_int_equal(vs_signatures_decode(raw, cut, &s, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
	}
}

/* S3.19: the same key twice is not two signatures */
static void a_key_id_twice_is_refused(void **state)
{
	struct vs_signatures s;
	struct vs_why why;
	uint8_t raw[400];
	size_t len;

	(void)state;
	list_fill(&s, 3, 64);
	assert_int_equal(vs_signatures_encode(&s, raw, sizeof(raw), &len),
	                 VS_OK);
	memcpy(raw + 12 + 200, raw + 12, 32);
	assert_int_equal(vs_signatures_decode(raw, len, &s, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_DUPLICATE_KEYID);
	assert_int_equal(why.at, 12 + 200);

	list_fill(&s, 3, 64);
	memcpy(s.at[2].key_id, s.at[0].key_id, 32);
	assert_int_equal(vs_signatures_encode(&s, raw, sizeof(raw), &len),
	                 VS_ERR_INPUT);
}

static void odd_heads_and_entries_are_refused(void **state)
{
	static const struct {
		size_t at;
		uint8_t byte;
	} bad[] = {
		{0,  'v' }, /* magic */
		{4,  17  }, /* more than the maximum */
		{4,  1   }, /* fewer than there are */
		{5,  1   }, /* far more */
		{6,  1   }, /* reserved */
		{7,  1   }, /* reserved */
		{8,  0   }, /* shorter than it is */
		{8,  0xff}, /* longer than it is */
		{11, 1   }, /* longer than any */
		{44, 0   }, /* scheme 0 */
		{46, 63  }, /* a P-256 signature of 63 bytes */
		{47, 1   }, /* and of 320 */
	};
	struct vs_signatures s;
	struct vs_why why;
	uint8_t raw[1024] = {0};
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		list_fill(&s, 2, 64);
		assert_int_equal(
			vs_signatures_encode(&s, raw, sizeof(raw), &len),
			VS_OK);
		raw[bad[i].at] = bad[i].byte;
		assert_int_equal(
			vs_signatures_decode(raw, sizeof(raw), &s, &why),
			VS_ERR_INPUT);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
	}
}

static void encode_keeps_to_its_limits(void **state)
{
	static uint8_t raw[VS_SIGNATURE_BLOCK_MAX + 4096];
	struct vs_signatures s;
	size_t len;

	(void)state;
	list_fill(&s, 2, 64);
	for (size_t cap = 0; cap < 12 + 200; cap++)
		assert_int_equal(vs_signatures_encode(&s, raw, cap, &len),
		                 VS_ERR_LIMIT);
	assert_int_equal(vs_signatures_encode(&s, raw, 12 + 200, &len), VS_OK);
	list_fill(&s, VS_SIGNATURES_MAX + 1, 64);
	assert_int_equal(vs_signatures_encode(&s, raw, sizeof(raw), &len),
	                 VS_ERR_LIMIT);
	list_fill(&s, 8, VS_SIGNATURE_BYTES_MAX); /* too long together */
	assert_int_equal(vs_signatures_encode(&s, raw, sizeof(raw), &len),
	                 VS_ERR_LIMIT);
	list_fill(&s, 1, VS_SIGNATURE_BYTES_MAX + 1);
	assert_int_equal(vs_signatures_encode(&s, raw, sizeof(raw), &len),
	                 VS_ERR_INPUT);
	list_fill(&s, 1, 0);
	assert_int_equal(vs_signatures_encode(&s, raw, sizeof(raw), &len),
	                 VS_ERR_INPUT);
}

/* eight of the longest: each is good, together they do not fit a footer */
static void a_block_longer_than_a_footer_holds_is_refused(void **state)
{
	static uint8_t raw[VS_SIGNATURE_BLOCK_MAX + 4096];
	static const uint8_t head[] = {'V', 'S', 'I', 'G', 8, 0, 0, 0};
	const size_t total = 12 + 8 * (36 + VS_SIGNATURE_BYTES_MAX);
	struct vs_signatures s;
	struct vs_why why;
	uint8_t *p = raw + 12;

	(void)state;
	memcpy(raw, head, sizeof(head));
	raw[8] = (uint8_t)total;
	raw[9] = (uint8_t)(total >> 8);
	for (uint8_t i = 0; i < 8; i++) {
		memset(p, i, 32);
		p[32] = VS_SCHEME_LMS_SHA256;
		p[35] = VS_SIGNATURE_BYTES_MAX >> 8;
		p += 36 + VS_SIGNATURE_BYTES_MAX;
	}
	assert_int_equal(vs_signatures_decode(raw, sizeof(raw), &s, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.at, 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_block_is_the_one_of_the_document),
		cmocka_unit_test(
			every_count_comes_back_and_says_how_long_it_was),
		cmocka_unit_test(a_block_cut_at_any_byte_is_refused),
		cmocka_unit_test(a_key_id_twice_is_refused),
		cmocka_unit_test(odd_heads_and_entries_are_refused),
		cmocka_unit_test(encode_keeps_to_its_limits),
		cmocka_unit_test(a_block_longer_than_a_footer_holds_is_refused),
	};

	return cmocka_run_group_tests_name("seal signature", tests, NULL, NULL);
}

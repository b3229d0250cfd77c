/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/header_test.c - the signed header has one encoding and one only.
 */
#include "tests/seal/fixture.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* tests/vectors/seal/header.hex was made from docs/formats/seal.md alone */
static void the_header_is_the_one_of_the_document(void **state)
{
	struct vs_seal_header h;
	struct vs_seal_header back;
	struct vs_why why;
	uint8_t want[VS_SEAL_HEADER_LEN];
	uint8_t got[VS_SEAL_HEADER_LEN];

	(void)state;
	assert_int_equal(vector_load("header.hex", want, sizeof(want)),
	                 sizeof(want));
	header_fill(&h);
	h.release_seq = UINT64_C(0x0102030405060708);
	h.security_version = 0x0a0b0c0d;
	h.image_len = UINT64_C(0x0123456789);
	assert_int_equal(vs_seal_header_encode(&h, got, &why), VS_OK);
	assert_memory_equal(got, want, sizeof(want));
	memset(&back, 0, sizeof(back));
	assert_int_equal(vs_seal_header_decode(want, &back, &why), VS_OK);
	assert_memory_equal(&back, &h, sizeof(h));
}

/* S0.1: whatever one bit makes of a header, it does not pass as the same */
static void a_flipped_bit_is_refused_or_decodes_to_another_value(void **state)
{
	struct vs_seal_header h;
	struct vs_seal_header other;
	uint8_t raw[VS_SEAL_HEADER_LEN];
	uint8_t again[VS_SEAL_HEADER_LEN];

	(void)state;
	header_fill(&h);
	assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
	memset(&h, 0x11, sizeof(h)); /* what is between fields says nothing */
	memset(&other, 0xee, sizeof(other));
	assert_int_equal(vs_seal_header_decode(raw, &h, NULL), VS_OK);
	assert_int_equal(vs_seal_header_decode(raw, &other, NULL), VS_OK);
	assert_true(vs_seal_header_equal(&h, &other));
	for (size_t bit = 0; bit < 8 * sizeof(raw); bit++) {
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		if (vs_seal_header_decode(raw, &other, NULL) == VS_OK) {
			assert_int_equal(
				vs_seal_header_encode(&other, again, NULL),
				VS_OK);
			assert_memory_equal(again, raw, sizeof(raw));
			assert_false(vs_seal_header_equal(&h, &other));
		}
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static bool is_reserved(size_t at)
{
	return at == 14 || at == 15 || (at >= 220 && at < 224) || at >= 296;
}

/* S0.25 */
static void every_reserved_byte_must_be_zero(void **state)
{
	struct vs_seal_header h;
	struct vs_seal_header out;
	struct vs_why why;
	uint8_t raw[VS_SEAL_HEADER_LEN];
	size_t seen = 0;

	(void)state;
	header_fill(&h);
	assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
	for (size_t at = 0; at < sizeof(raw); at++) {
		if (!is_reserved(at))
			continue;
		raw[at] = 1;
		assert_int_equal(vs_seal_header_decode(raw, &out, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
		assert_int_equal(why.at, at);
		raw[at] = 0;
		seen++;
	}
	assert_int_equal(seen, 2 + 4 + 216);
	assert_int_equal(vs_seal_header_decode(raw, &out, &why), VS_OK);
}

/* S0.25 */
static void another_version_hash_or_block_length_is_unsupported(void **state)
{
	static const size_t at[] = {8, 9, 10, 11, 12, 13};
	struct vs_seal_header h;
	struct vs_why why;
	uint8_t raw[VS_SEAL_HEADER_LEN];

	(void)state;
	header_fill(&h);
	assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
	for (size_t i = 0; i < sizeof(at) / sizeof(at[0]); i++) {
		raw[at[i]]++;
		assert_int_equal(vs_seal_header_decode(raw, &h, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, VS_REASON_UNSUPPORTED);
		raw[at[i]]--;
	}
	raw[0] ^= 1;
	assert_int_equal(vs_seal_header_decode(raw, &h, &why), VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
}

/* Encode must refuse h, and so must decode what encode would have made. */
static void assert_refused(const struct vs_seal_header *h, size_t at)
{
	struct vs_why why = {0};
	uint8_t raw[VS_SEAL_HEADER_LEN];

	assert_int_equal(vs_seal_header_encode(h, raw, &why), VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	assert_int_equal(why.at, at);
}

static void encode_refuses_what_says_nothing(void **state)
{
	struct vs_seal_header h;

	(void)state;
	header_fill(&h);
	h.component[0] = 0;
	assert_refused(&h, 16);
	header_fill(&h);
	h.hardware[0][0] = 0;
	assert_refused(&h, 48);
	header_fill(&h);
	memcpy(h.hardware[3], "gw-rev9", 8);
	assert_refused(&h, 48 + 3 * 32);
	header_fill(&h);
	memcpy(h.hardware[2], h.hardware[0], 32);
	assert_refused(&h, 48 + 2 * 32);
	header_fill(&h);
	h.version[0] = 0;
	assert_refused(&h, 176);
	header_fill(&h);
	h.release_seq = 0;
	assert_refused(&h, 208);
	header_fill(&h);
	h.image_len = 0;
	assert_refused(&h, 224);
	h.image_len = VS_IMAGE_LEN_MAX + 1;
	assert_refused(&h, 224);
}

static void encode_refuses_foreign_characters_and_open_ends(void **state)
{
	struct vs_seal_header h;

	(void)state;
	for (int c = 1; c < 256; c++) {
		if ((c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
		    (c >= 'A' && c <= 'Z') || strchr("._+:-", c))
			continue;
		header_fill(&h);
		h.component[2] = (char)c;
		assert_refused(&h, 16);
	}
	header_fill(&h);
	memset(h.version, '1', sizeof(h.version));
	assert_refused(&h, 176);
	header_fill(&h);
	memset(h.hardware[1], 'x', sizeof(h.hardware[1]));
	assert_refused(&h, 80);
}

/* S0.25 */
static void decode_refuses_what_encode_cannot_make(void **state)
{
	static const struct {
		size_t at;
		size_t len;
		uint8_t byte;
	} bad[] = {
		{16,  7,  0   }, /* no component */
		{16,  32, 'a' }, /* no closing zero */
		{18,  1,  ' ' }, /* foreign character */
		{30,  1,  'a' }, /* bytes after the zero */
		{48,  32, 0   }, /* gap: first id empty */
		{112, 32, 'x' }, /* third id without a zero */
		{144, 1,  'x' }, /* fourth id without a third */
		{86,  1,  '2' }, /* gw-rev2 twice */
		{176, 5,  0   }, /* no version */
		{208, 8,  0   }, /* release_seq 0 */
		{224, 8,  0   }, /* image_len 0 */
		{228, 1,  0x10}, /* image_len just above the maximum */
	};
	struct vs_seal_header h;
	struct vs_why why;
	uint8_t raw[VS_SEAL_HEADER_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		header_fill(&h);
		assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
		memset(raw + bad[i].at, bad[i].byte, bad[i].len);
		assert_int_equal(vs_seal_header_decode(raw, &h, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
		assert_non_null(why.what);
	}
}

static void the_extremes_are_good(void **state)
{
	struct vs_seal_header h;
	struct vs_seal_header back;
	uint8_t raw[VS_SEAL_HEADER_LEN];

	(void)state;
	header_fill(&h);
	memset(h.component, 'Z', 31);
	for (int i = 0; i < VS_HARDWARE_MAX; i++)
		memset(h.hardware[i], 'a' + i, 31);
	h.release_seq = UINT64_MAX;
	h.security_version = 0;
	h.image_len = VS_IMAGE_LEN_MAX;
	assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
	memset(&back, 0, sizeof(back));
	assert_int_equal(vs_seal_header_decode(raw, &back, NULL), VS_OK);
	assert_memory_equal(&back, &h, sizeof(h));
}

static void bytes_behind_a_texts_end_are_not_written(void **state)
{
	struct vs_seal_header h;
	uint8_t clean[VS_SEAL_HEADER_LEN];
	uint8_t dirty[VS_SEAL_HEADER_LEN];

	(void)state;
	header_fill(&h);
	assert_int_equal(vs_seal_header_encode(&h, clean, NULL), VS_OK);
	memset(h.version + 6, 0xa5, sizeof(h.version) - 6);
	memset(h.hardware[3] + 1, 0xa5, sizeof(h.hardware[3]) - 1);
	assert_int_equal(vs_seal_header_encode(&h, dirty, NULL), VS_OK);
	assert_memory_equal(dirty, clean, sizeof(clean));
}

/* S3.19 A10: made for other hardware */
static void a_header_fits_its_hardware_ids_exactly(void **state)
{
	struct vs_seal_header h;

	(void)state;
	header_fill(&h);
	assert_true(vs_seal_header_fits(&h, "gw-rev2"));
	assert_true(vs_seal_header_fits(&h, "gw-rev3"));
	assert_false(vs_seal_header_fits(&h, "gw-rev"));
	assert_false(vs_seal_header_fits(&h, "gw-rev22"));
	assert_false(vs_seal_header_fits(&h, "GW-REV2"));
	assert_false(vs_seal_header_fits(&h, ""));
	assert_false(vs_seal_header_fits(&h, NULL));
	assert_false(vs_seal_header_fits(
		&h, "gw-rev2-and-a-name-longer-than-any-that-fits"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_header_is_the_one_of_the_document),
		cmocka_unit_test(
			a_flipped_bit_is_refused_or_decodes_to_another_value),
		cmocka_unit_test(every_reserved_byte_must_be_zero),
		cmocka_unit_test(
			another_version_hash_or_block_length_is_unsupported),
		cmocka_unit_test(encode_refuses_what_says_nothing),
		cmocka_unit_test(
			encode_refuses_foreign_characters_and_open_ends),
		cmocka_unit_test(decode_refuses_what_encode_cannot_make),
		cmocka_unit_test(the_extremes_are_good),
		cmocka_unit_test(bytes_behind_a_texts_end_are_not_written),
		cmocka_unit_test(a_header_fits_its_hardware_ids_exactly),
	};

	return cmocka_run_group_tests_name("seal header", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/slot_test.c - what fits into a slot, and its footer.
 */
#include "seal/slot.h"
#include "tests/seal/fixture.h"

#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static uint8_t sig_bytes[VS_P256_SIG_LEN];

static void make_footer(uint8_t out[static VS_SLOT_FOOTER_LEN], size_t count)
{
	struct vs_seal_header h;
	struct vs_signatures s = {.count = count};
	uint8_t raw[VS_SEAL_HEADER_LEN];

	header_fill(&h);
	assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
	for (size_t i = 0; i < count; i++) {
		s.at[i].key_id[0] = (uint8_t)i;
		s.at[i].scheme = VS_SCHEME_P256_SHA256;
		s.at[i].len = VS_P256_SIG_LEN;
		s.at[i].bytes = sig_bytes;
	}
	assert_int_equal(vs_slot_footer_encode(raw, &s, out), VS_OK);
}

static void an_image_fits_to_the_byte(void **state)
{
	static const uint64_t lens[] = {1,
	                                4096,
	                                4097,
	                                524288,
	                                524289,
	                                UINT64_C(419430400),
	                                VS_IMAGE_LEN_MAX};
	struct vs_tree t;
	struct vs_slot_layout at;
	struct vs_why why;
	uint64_t need;

	(void)state;
	for (size_t i = 0; i < sizeof(lens) / sizeof(lens[0]); i++) {
		assert_int_equal(vs_tree_init(&t, lens[i]), VS_OK);
		need = t.blocks * 4096 + t.len + 16384;
		assert_int_equal(vs_slot_layout(&t, need, &at, &why), VS_OK);
		assert_int_equal(at.tree_at, t.blocks * 4096);
		assert_int_equal(at.footer_at, at.tree_at + t.len);
		assert_int_equal(vs_slot_layout(&t, need - 1, &at, &why),
		                 VS_ERR_REFUSED);
		assert_int_equal(why.code, VS_REASON_TOO_BIG_FOR_SLOT);
		assert_int_equal(vs_slot_layout(&t, 0, &at, &why),
		                 VS_ERR_REFUSED);
	}
}

static void a_footer_comes_back_as_it_was(void **state)
{
	static uint8_t footer[VS_SLOT_FOOTER_LEN];
	struct vs_signatures s;
	const uint8_t *header = NULL;

	(void)state;
	for (size_t n = 0; n <= VS_SIGNATURES_MAX; n++) {
		make_footer(footer, n);
		assert_int_equal(
			vs_slot_footer_decode(footer, &header, &s, NULL),
			VS_OK);
		assert_ptr_equal(header, footer);
		assert_int_equal(s.count, n);
	}
}

static void a_slot_without_a_footer_holds_nothing(void **state)
{
	static uint8_t footer[VS_SLOT_FOOTER_LEN];
	struct vs_signatures s;
	struct vs_why why;
	const uint8_t *header;

	(void)state;
	for (int fill = 0; fill < 256; fill += 255) { /* zeros, erased flash */
		memset(footer, fill, sizeof(footer));
		assert_int_equal(
			vs_slot_footer_decode(footer, &header, &s, &why),
			VS_ERR_ABSENT);
		assert_int_equal(why.code, VS_REASON_NO_SEAL);
	}
}

/* S0.25 */
static void a_byte_behind_the_signatures_is_refused(void **state)
{
	static uint8_t footer[VS_SLOT_FOOTER_LEN];
	struct vs_signatures s;
	struct vs_why why;
	const uint8_t *header;

	(void)state;
	make_footer(footer, 2);
	for (size_t at = 512 + 12 + 200; at < sizeof(footer); at++) {
		footer[at] = 1;
		assert_int_equal(
			vs_slot_footer_decode(footer, &header, &s, &why),
			VS_ERR_INPUT);
		assert_int_equal(why.at, at);
		footer[at] = 0;
	}
	footer[512] = 0; /* the block's magic */
	assert_int_equal(vs_slot_footer_decode(footer, &header, &s, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.at, 512);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_image_fits_to_the_byte),
		cmocka_unit_test(a_footer_comes_back_as_it_was),
		cmocka_unit_test(a_slot_without_a_footer_holds_nothing),
		cmocka_unit_test(a_byte_behind_the_signatures_is_refused),
	};

	return cmocka_run_group_tests_name("seal slot", tests, NULL, NULL);
}

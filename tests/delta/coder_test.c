/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/delta/coder_test.c - bits, numbers and bytes come back as they went in.
 */
#include "delta/number.h"
#include "delta/text.h"
#include "tests/delta/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define COUNT 20000

static struct vs_coder coder;

/* S0.31 */
static void bits_of_any_chance_come_back(void **state)
{
	struct bytes b = {0};

	(void)state;
	for (int side = 0; side < 2; side++) {
		uint32_t seed = 7;

		if (side == 0)
			vs_coder_encode_init(&coder, bytes_write, &b);
		else
			vs_coder_decode_init(&coder, bytes_read, &b);
		for (int i = 0; i < COUNT; i++) {
			uint32_t one = 1 + next_number(&seed) % 65535;
			unsigned bit = next_number(&seed) % 65536 < one;

			assert_int_equal(
				vs_coder_bit(&coder, side == 0 ? bit : 0, one),
				bit);
		}
		assert_int_equal(vs_coder_finish(&coder), VS_OK);
	}
	assert_int_equal(b.at, b.len);
	free(b.data);
}

static void numbers_of_any_size_come_back(void **state)
{
	static const uint64_t edges[] = {0,
	                                 1,
	                                 2,
	                                 3,
	                                 255,
	                                 256,
	                                 (UINT64_C(1) << 47) - 1,
	                                 (UINT64_C(1) << 48) - 1};
	struct bytes b = {0};

	(void)state;
	for (int side = 0; side < 2; side++) {
		struct vs_number n;
		uint32_t seed = 11;

		vs_number_init(&n);
		if (side == 0)
			vs_coder_encode_init(&coder, bytes_write, &b);
		else
			vs_coder_decode_init(&coder, bytes_read, &b);
		for (size_t i = 0; i < COUNT; i++) {
			uint64_t v = i < 8 ? edges[i]
			                   : (uint64_t)next_number(&seed) >>
			                             next_number(&seed) % 24;
			int64_t s =
				i % 2 ? (int64_t)(v / 2) : -(int64_t)(v / 2);

			assert_int_equal(vs_number_code(&n, &coder,
			                                side == 0 ? v : 0,
			                                UINT64_MAX),
			                 v);
			assert_true(vs_number_code_signed(&n, &coder,
			                                  side == 0 ? s : 0) ==
			            s);
		}
		assert_int_equal(vs_coder_finish(&coder), VS_OK);
	}
	free(b.data);
}

static void a_number_above_its_maximum_is_a_fault(void **state)
{
	struct bytes b = {0};
	struct vs_number n;

	(void)state;
	vs_number_init(&n);
	vs_coder_encode_init(&coder, bytes_write, &b);
	(void)vs_number_code(&n, &coder, 1000, 1000);
	assert_int_equal(vs_coder_finish(&coder), VS_OK);
	vs_number_init(&n);
	vs_coder_decode_init(&coder, bytes_read, &b);
	assert_int_equal(vs_number_code(&n, &coder, 0, 999), 0);
	assert_int_equal(coder.status, VS_ERR_INPUT);
	free(b.data);
}

static void code_text(struct vs_text *t, bool encode, uint8_t *got,
                      const uint8_t *want, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		struct vs_spot spot = {.covered = i % 3 == 0,
		                       .guess = (uint8_t)(i * 7),
		                       .section = (uint8_t)(i % 8),
		                       .operand = (uint8_t)(i % 15),
		                       .part = (uint8_t)(i % 8)};
		unsigned hit = want[i] == spot.guess;

		if (spot.covered) {
			hit = vs_text_hit(t, &coder, &spot, encode && hit);
			got[i] = spot.guess;
			if (hit) {
				vs_text_pass(t, got[i]);
				continue;
			}
		}
		got[i] = vs_text_byte(t, &coder, &spot, encode ? want[i] : 0);
	}
}

static void bytes_and_hits_come_back_and_get_smaller(void **state)
{
	uint8_t want[COUNT], got[COUNT];
	struct bytes b = {0};
	uint32_t seed = 3;

	(void)state;
	for (size_t i = 0; i < COUNT; i++) {
		uint32_t text =
			(uint8_t) "seal"[i % 4] + next_number(&seed) % 2;

		want[i] = (uint8_t)(i % 3 == 0 && i % 5 ? i * 7 : text);
	}
	for (int side = 0; side < 2; side++) {
		struct vs_text t;

		assert_int_equal(vs_text_init(&t), VS_OK);
		if (side == 0)
			vs_coder_encode_init(&coder, bytes_write, &b);
		else
			vs_coder_decode_init(&coder, bytes_read, &b);
		code_text(&t, side == 0, got, want, COUNT);
		assert_int_equal(vs_coder_finish(&coder), VS_OK);
		assert_memory_equal(got, want, COUNT);
		vs_text_drop(&t);
	}
	/* one random bit in each of three bytes, and little else */
	assert_true(b.len < COUNT / 6);
	free(b.data);
}

static void a_coded_stream_that_ends_early_is_a_fault(void **state)
{
	struct bytes b = {0};

	(void)state;
	vs_coder_encode_init(&coder, bytes_write, &b);
	for (int i = 0; i < 1000; i++)
		(void)vs_coder_bit(&coder, i % 2 != 0, 32768);
	assert_int_equal(vs_coder_finish(&coder), VS_OK);
	b.len -= 5;
	vs_coder_decode_init(&coder, bytes_read, &b);
	for (int i = 0; i < 1000; i++)
		(void)vs_coder_bit(&coder, 0, 32768);
	assert_int_equal(coder.status, VS_ERR_INPUT);
	assert_int_equal(vs_coder_bit(&coder, 1, 32768), 0);
	free(b.data);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(bits_of_any_chance_come_back),
		cmocka_unit_test(numbers_of_any_size_come_back),
		cmocka_unit_test(a_number_above_its_maximum_is_a_fault),
		cmocka_unit_test(bytes_and_hits_come_back_and_get_smaller),
		cmocka_unit_test(a_coded_stream_that_ends_early_is_a_fault),
	};

	return cmocka_run_group_tests_name("delta coder", tests, NULL, NULL);
}

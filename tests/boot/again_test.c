/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/again_test.c - the last look agrees with arithmetic.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/again.h"
#include "seal/bytes.h"
#include "seal/header.h"

static uint8_t header[VS_SEAL_HEADER_LEN];

static void make(uint32_t security, uint64_t len)
{
	struct vs_seal_header h = {.component = "kernel",
	                           .version = "1.0.0",
	                           .hardware = {"gw-rev3"},
	                           .release_seq = 1,
	                           .security_version = security,
	                           .image_len = len};

	assert_int_equal(vs_seal_header_encode(&h, header, NULL), VS_OK);
}

static bool holds(uint32_t floor, uint32_t hashed)
{
	uint8_t raw[VS_AGAIN_FLOOR_LEN];

	put32(raw, floor);
	return vs_again_holds(header, raw, hashed);
}

/* S3.22 */
static void a_version_below_the_floor_does_not_hold(void **state)
{
	static const uint32_t some[] = {
		0,          1,          255,      256,        257,
		65535,      65536,      1u << 24, 511u,       0x01000001,
		0x7fffffff, 0x80000000, 770u,     0xfffffffe, UINT32_MAX};
	const size_t count = sizeof(some) / sizeof(*some);

	(void)state;
	for (size_t v = 0; v < count; v++) {
		make(some[v], 4096);
		for (size_t f = 0; f < count; f++) {
			assert_int_equal(holds(some[f], 1), some[v] >= some[f]);
			assert_int_equal(holds(some[f], UINT32_MAX),
			                 some[v] >= some[f]);
		}
	}
}

static void every_block_must_have_been_hashed(void **state)
{
	static const struct {
		uint64_t len;
		uint32_t blocks;
	} some[] = {
		{1,                 1      },
		{4095,              1      },
		{4096,              1      },
		{4097,              2      },
		{524288,            128    },
		{419430401,         102401 },
		{UINT64_C(5) << 30, 1310720},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(some) / sizeof(*some); i++) {
		make(7, some[i].len);
		assert_true(holds(7, some[i].blocks));
		assert_true(holds(7, some[i].blocks + 1));
		assert_false(holds(7, some[i].blocks - 1));
		assert_false(holds(7, 0));
		assert_true(holds(7, UINT32_MAX));
	}
	/* a header of zeros has no image */
	memset(header, 0, sizeof(header));
	assert_false(holds(0, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_version_below_the_floor_does_not_hold),
		cmocka_unit_test(every_block_must_have_been_hashed),
	};

	return cmocka_run_group_tests_name("boot again", tests, NULL, NULL);
}

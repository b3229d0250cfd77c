/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/decision_test.c - what a loader hands over is what it decided.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/crc.h"
#include "boot/decision.h"

static const struct vs_boot_component components[VS_BOOT_COMPONENTS_MAX] = {
	{.name = "gateway"},
	{.name = "meter"},
	{.name = "a-name-of-31-characters-no-more"},
	{.name = "d"},
};

/* Every field has a value of its own; bits of n choose among flags. */
static struct vs_boot_decision sample(unsigned n, int count)
{
	struct vs_boot_decision d;

	memset(&d, 0, sizeof(d));
	d.verdict = n % 3 == 0   ? VS_VERDICT_DENY
	            : n % 3 == 1 ? VS_VERDICT_BOOT
	                         : VS_VERDICT_RECOVER;
	d.slot = n % 3 == 1 ? (int)(n >> 2 & 1) : -1;
	d.trial = n & 1;
	d.fell_back = n & 2;
	d.record_lost = n & 4;
	d.floor_raised = n & 8;
	d.tries_left = (uint8_t)(n % 8);
	d.cause = (enum vs_reset_cause)(n % (VS_RESET_CRASH + 1));
	d.keyring_version = 0x01020304 + n;
	d.epoch_floor = UINT32_MAX - n;
	d.recovery = VS_REASON_TREE_MISMATCH;
	for (uint32_t i = 0; i < VS_BOOT_RINGS; i++) {
		d.rings[i].version = 77 + i;
		d.rings[i].refused = (vs_reason)(i + 1);
	}
	for (int c = 0; c < count; c++) {
		uint32_t k = (uint32_t)c * 17 + n;

		d.floor[c] = 1000 + k;
		memcpy(d.header[c].version, "1.2.3-rc", 9);
		d.header[c].version[0] = (char)('1' + c);
		memset(d.header[c].salt, (int)(0x40 + k), VS_SALT_LEN);
		memset(d.header[c].root_hash, (int)(0x60 + k), VS_SHA256_LEN);
		d.header[c].image_len = UINT64_C(0x123456789) + k;
		d.header[c].release_seq = UINT64_C(0x987654321) + k;
		d.header[c].security_version = 0xfffffff0u - k;
	}
	for (uint32_t s = 0; s < VS_SLOTS; s++) {
		d.seen[s].refused = (vs_reason)(20 + s);
		d.seen[s].component = (int)s;
		d.seen[s].epoch = 5 + s;
		for (int c = 0; c < count; c++) {
			d.seen[s].release_seq[c] =
				(UINT64_C(1) << 40) + s + 10 * (uint64_t)c;
			d.seen[s].security_version[c] =
				900 + s + 10 * (uint32_t)c;
		}
	}
	return d;
}

static void what_was_decided_is_what_arrives(void **state)
{
	uint8_t raw[VS_DECISION_LEN_MAX];
	char names[VS_BOOT_COMPONENTS_MAX][VS_COMPONENT_LEN];
	struct vs_boot_decision back;
	struct vs_why why;
	int got = 0;

	(void)state;
	for (unsigned n = 0; n < 64; n++) {
		int count = (int)(n % 4) + 1;
		struct vs_boot_decision d = sample(n, count);

		vs_decision_encode(&d, components, count, raw);
		assert_int_equal(vs_decision_decode(raw, VS_DECISION_LEN(count),
		                                    &back, names, &got, &why),
		                 VS_OK);
		assert_int_equal(got, count);
		assert_memory_equal(&back, &d, sizeof(d));
		for (int c = 0; c < count; c++)
			assert_string_equal(names[c], components[c].name);
	}
}

static void the_bytes_stand_where_the_format_says(void **state)
{
	static const uint8_t head[28] = {'V', 'S', 'D',  'E', 'C',  'I',  'D',
	                                 'E', 1,   0,    252, 0,    1,    1,
	                                 1,   2,   0x07, 7,   29,   0,    11,
	                                 3,   2,   1,    248, 0xff, 0xff, 0xff};
	struct vs_boot_decision d = sample(7, 1);
	uint8_t raw[VS_DECISION_LEN_MAX];

	(void)state;
	assert_int_equal(VS_DECISION_LEN(1), 252);
	assert_int_equal(VS_REASON_TREE_MISMATCH, 29);
	vs_decision_encode(&d, components, 1, raw);
	assert_memory_equal(raw, head, sizeof(head));
	assert_string_equal((const char *)raw + 72, "gateway");
	assert_string_equal((const char *)raw + 104, "1.2.3-rc");
	assert_int_equal(raw[72 + 64], 0x47);
	assert_int_equal(raw[72 + 96], 0x67);
	assert_int_equal(raw[72 + 164], 1007 & 0xff);
}

static void any_flipped_bit_and_any_other_length_is_refused(void **state)
{
	char names[VS_BOOT_COMPONENTS_MAX][VS_COMPONENT_LEN];
	struct vs_boot_decision d = sample(5, 2);
	uint8_t raw[VS_DECISION_LEN_MAX] = {0};
	struct vs_why why;
	int count;

	(void)state;
	vs_decision_encode(&d, components, 2, raw);
	for (size_t len = 0; len <= sizeof(raw); len++)
		assert_int_equal(
			vs_decision_decode(raw, len, &d, names, &count, &why),
			len == VS_DECISION_LEN(2) ? VS_OK : VS_ERR_INPUT);
	for (size_t bit = 0; bit < VS_DECISION_LEN(2) * 8; bit++) {
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(vs_decision_decode(raw, VS_DECISION_LEN(2), &d,
		                                    names, &count, &why),
		                 VS_ERR_INPUT);
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void no_reserved_byte_says_anything(void **state)
{
	/* places, slots, the head's end, behind name and version */
	static const size_t reserved[] = {
		34, 35, 42,     50,      55,      63,
		68, 71, 72 + 8, 72 + 31, 72 + 63, 72 + 176 + 31};
	char names[VS_BOOT_COMPONENTS_MAX][VS_COMPONENT_LEN];
	struct vs_boot_decision d = sample(5, 2);
	uint8_t raw[VS_DECISION_LEN_MAX];
	size_t len = VS_DECISION_LEN(2);
	struct vs_why why;
	int count;

	(void)state;
	for (size_t i = 0; i < sizeof(reserved) / sizeof(reserved[0]); i++) {
		uint32_t crc;

		d = sample(5, 2);
		vs_decision_encode(&d, components, 2, raw);
		raw[reserved[i]] ^= 0x80;
		crc = vs_crc32(raw, len - 4);
		for (size_t k = 0; k < 4; k++)
			raw[len - 4 + k] = (uint8_t)(crc >> 8 * k);
		assert_int_equal(
			vs_decision_decode(raw, len, &d, names, &count, &why),
			VS_ERR_INPUT);
		assert_int_equal(why.at, reserved[i]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_decided_is_what_arrives),
		cmocka_unit_test(the_bytes_stand_where_the_format_says),
		cmocka_unit_test(
			any_flipped_bit_and_any_other_length_is_refused),
		cmocka_unit_test(no_reserved_byte_says_anything),
	};

	return cmocka_run_group_tests_name("boot decision record", tests, NULL,
	                                   NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/uefi_format_test.c - what the UEFI loader reads before it
 * believes anything: partition table, settings, kernel image; and the command
 * line it writes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "boot/crc.h"
#include "boot/port/uefi/command.h"
#include "boot/port/uefi/gpt.h"
#include "boot/port/uefi/kernel.h"
#include "boot/port/uefi/settings.h"
#include "seal/bytes.h"

enum { BLOCK = 512, BLOCKS = 1024, TABLE = 128 * 128, KERNEL = 5000 };

static uint8_t disk[BLOCKS * BLOCK];
static uint64_t broken; /* a block that cannot be read; 0: all can */

static vs_status read_disk(void *ctx, uint64_t block, uint8_t *out, size_t len)
{
	(void)ctx;
	assert_true(block < BLOCKS && len / BLOCK <= BLOCKS - block);
	if (broken && block == broken)
		return VS_ERR_IO;
	memcpy(out, disk + block * BLOCK, len);
	return VS_OK;
}

static const struct vs_gpt_disk device = {
	.block_len = BLOCK, .blocks = BLOCKS, .read = read_disk};

static void put_entry(int i, const char *name, uint64_t first, uint64_t last)
{
	uint8_t *entry = disk + 2 * BLOCK + i * 128;

	memset(entry, 0, 128);
	memcpy(entry, vs_gpt_type, 16);
	memset(entry + 16, 0x30 + i, 16);
	put64(entry + 32, first);
	put64(entry + 40, last);
	for (size_t k = 0; name[k] != '\0'; k++)
		entry[56 + 2 * k] = (uint8_t)name[k];
}

static void put_header(uint64_t own, uint64_t table)
{
	uint8_t *raw = disk + own * BLOCK;

	memset(raw, 0, BLOCK);
	memcpy(raw, "EFI PART", 8);
	put32(raw + 8, 0x10000);
	put32(raw + 12, 92);
	put64(raw + 24, own);
	put64(raw + 40, 34);
	put64(raw + 48, BLOCKS - 34);
	put64(raw + 72, table);
	put32(raw + 80, 128);
	put32(raw + 84, 128);
	put32(raw + 88, vs_crc32(disk + table * BLOCK, TABLE));
	put32(raw + 16, vs_crc32(raw, 92));
}

static void finish_disk(void)
{
	memcpy(disk + (BLOCKS - 33) * BLOCK, disk + 2 * BLOCK, TABLE);
	put_header(1, 2);
	put_header(BLOCKS - 1, BLOCKS - 33);
	broken = 0;
}

static void make_disk(void)
{
	memset(disk, 0, sizeof(disk));
	put_entry(0, "record", 40, 47);
	put_entry(3, "kernel-a", 48, 99);
	put_entry(4, "kernel-b", 100, BLOCKS - 34);
	finish_disk();
}

static struct vs_gpt gpt;
static struct vs_why why;

static void partitions_are_found_by_name(void **state)
{
	struct vs_gpt_partition p;

	(void)state;
	make_disk();
	assert_int_equal(vs_gpt_load(&device, &gpt, &why), VS_OK);
	assert_int_equal(vs_gpt_find(&gpt, "kernel-a", &p, &why), VS_OK);
	assert_int_equal(p.at, 48 * BLOCK);
	assert_int_equal(p.len, 52 * BLOCK);
	assert_int_equal(p.id[0], 0x33);
	assert_int_equal(vs_gpt_find(&gpt, "kernel-b", &p, &why), VS_OK);
	assert_int_equal(vs_gpt_find(&gpt, "kernel", &p, &why), VS_ERR_ABSENT);
	assert_int_equal(vs_gpt_find(&gpt, "kernel-aa", &p, &why),
	                 VS_ERR_ABSENT);
	assert_int_equal(p.len, 0);
}

static void a_damaged_first_table_is_replaced_by_the_second(void **state)
{
	struct vs_gpt_partition p;

	(void)state;
	for (int at = BLOCK; at < 2 * BLOCK + 3 * 128; at++) {
		make_disk();
		disk[at] ^= 1;
		assert_int_equal(vs_gpt_load(&device, &gpt, &why), VS_OK);
		assert_int_equal(vs_gpt_find(&gpt, "record", &p, &why), VS_OK);
		assert_int_equal(p.at, 40 * BLOCK);
	}
	make_disk();
	disk[(BLOCKS - 1) * BLOCK] ^= 1;
	assert_int_equal(vs_gpt_load(&device, &gpt, &why), VS_OK);
	make_disk();
	broken = 1;
	assert_int_equal(vs_gpt_load(&device, &gpt, &why), VS_OK);
	disk[(BLOCKS - 1) * BLOCK] ^= 1;
	assert_int_equal(vs_gpt_load(&device, &gpt, &why), VS_ERR_INPUT);
	assert_int_equal(gpt.count, 0);
}

static void two_partitions_of_one_name_are_none(void **state)
{
	struct vs_gpt_partition p;

	(void)state;
	make_disk();
	put_entry(7, "record", 60, 61);
	finish_disk();
	assert_int_equal(vs_gpt_load(&device, &gpt, &why), VS_OK);
	assert_int_equal(vs_gpt_find(&gpt, "record", &p, &why), VS_ERR_INPUT);
	assert_int_equal(p.len, 0);
	/* but not one of another type */
	disk[2 * BLOCK + 7 * 128] ^= 1;
	finish_disk();
	assert_int_equal(vs_gpt_load(&device, &gpt, &why), VS_OK);
	assert_int_equal(vs_gpt_find(&gpt, "record", &p, &why), VS_OK);
}

static void a_partition_outside_the_disk_is_refused(void **state)
{
	static const uint64_t bad[][2] = {
		{33,         50         },
		{40,         BLOCKS - 33},
		{50,         49         },
		{UINT64_MAX, UINT64_MAX }
        };
	struct vs_gpt_partition p;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		make_disk();
		put_entry(0, "record", bad[i][0], bad[i][1]);
		finish_disk();
		assert_int_equal(vs_gpt_load(&device, &gpt, &why), VS_OK);
		assert_int_equal(vs_gpt_find(&gpt, "record", &p, &why),
		                 VS_ERR_INPUT);
	}
}

static void make_settings(uint8_t *out)
{
	memset(out, 0, VS_SETTINGS_LEN);
	memcpy(out, "VSLOADER", 8);
	put16(out + 8, 1);
	put16(out + 10, 2);
	put32(out + 12, 100);
	memcpy(out + 32, "kernel", 6);
	memcpy(out + 64, "gw-rev3", 7);
	out[96] = 1;
	memcpy(out + 128, "rootfs", 6);
	memcpy(out + 160, "gw-rev3", 7);
	memcpy(out + 416, "recovery", 8);
	memcpy(out + 448, "gw-rev3", 7);
	out[480] = 1;
}

static void settings_name_components_and_keyring(void **state)
{
	static uint8_t raw[VS_SETTINGS_LEN];
	struct vs_settings s;

	(void)state;
	make_settings(raw);
	assert_int_equal(vs_settings_decode(raw, &s, &why), VS_OK);
	assert_int_equal(s.count, 2);
	assert_string_equal(s.components[1].name, "rootfs");
	assert_string_equal(s.components[1].hardware, "gw-rev3");
	assert_true(s.components[0].hash_whole);
	assert_false(s.components[1].hash_whole);
	assert_string_equal(s.recovery.name, "recovery");
	assert_ptr_equal(s.keyring, raw + 512);
	assert_int_equal(s.keyring_len, 100);
	assert_false(s.floors_in_tpm);
	raw[16] = 1;
	assert_int_equal(vs_settings_decode(raw, &s, &why), VS_OK);
	assert_true(s.floors_in_tpm);
}

static void settings_that_are_not_whole_are_refused(void **state)
{
	/* offset, value */
	/* clang-format off */
	static const unsigned bad[][2] = {
		{0, 0}, {8, 2}, {10, 0}, {10, 5}, {10, 1}, {10, 3}, {15, 1},
		{16, 2}, {17, 1}, {31, 1}, {38, 1}, {32, 0}, {63, 1}, {64, 0},
		{96, 0}, {96, 2}, {97, 1}, {127, 1}, {224, 'x'}, {415, 1},
		{480, 0}, {511, 1}, {160, 0}, {416, 0}, {33, ' '},
	};
	/* clang-format on */
	static uint8_t raw[VS_SETTINGS_LEN];
	struct vs_settings s;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		make_settings(raw);
		raw[bad[i][0]] = (uint8_t)bad[i][1];
		why.what = NULL;
		if (vs_settings_decode(raw, &s, &why) == VS_OK)
			fail_msg("byte %u as %u was taken", bad[i][0],
			         bad[i][1]);
		assert_non_null(why.what);
	}
}

static size_t make_kernel(uint8_t *out, size_t initrd)
{
	size_t at = 4096 + KERNEL;

	memset(out, 0, 4096);
	memcpy(out, "VSKERNEL", 8);
	put16(out + 8, 1);
	put16(out + 10, VS_KERNEL_X86_64);
	put32(out + 12, 5);
	put64(out + 16, KERNEL);
	put64(out + 24, initrd);
	memcpy(out + 64, "quiet", 5);
	memset(out + 4096, 'k', KERNEL);
	if (initrd == 0)
		return at;
	memset(out + at, 0, 12288 - at);
	memset(out + 12288, 'i', initrd);
	return 12288 + initrd;
}

static void a_kernel_image_is_taken_apart(void **state)
{
	static uint8_t raw[20000];
	struct vs_kernel k;
	size_t len = make_kernel(raw, 77);

	(void)state;
	assert_int_equal(vs_kernel_decode(raw, len, &k, &why), VS_OK);
	assert_int_equal(k.machine, VS_KERNEL_X86_64);
	assert_ptr_equal(k.kernel, raw + 4096);
	assert_int_equal(k.kernel_len, KERNEL);
	assert_ptr_equal(k.initrd, raw + 12288);
	assert_int_equal(k.initrd_len, 77);
	assert_memory_equal(k.command, "quiet", k.command_len);
	len = make_kernel(raw, 0);
	assert_int_equal(vs_kernel_decode(raw, len, &k, &why), VS_OK);
	assert_int_equal(k.initrd_len, 0);
}

static void a_kernel_image_has_one_length(void **state)
{
	static uint8_t raw[20000];
	struct vs_kernel k;

	(void)state;
	for (size_t initrd = 0; initrd < 78; initrd += 77) {
		size_t len = make_kernel(raw, initrd);

		for (size_t cut = 0; cut < sizeof(raw); cut++)
			if (cut != len)
				assert_int_equal(
					vs_kernel_decode(raw, cut, &k, &why),
					VS_ERR_INPUT);
	}
}

static void a_kernel_image_with_a_stray_byte_is_refused(void **state)
{
	static const size_t bad[] = {0,  8,  14, 15,   23,   31,    32,
	                             63, 69, 70, 4095, 9096, 12287, 64};
	static uint8_t raw[20000];
	struct vs_kernel k;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		size_t len = make_kernel(raw, 77);

		raw[bad[i]] ^= 0x80;
		if (vs_kernel_decode(raw, len, &k, &why) == VS_OK)
			fail_msg("byte %zu was taken", bad[i]);
	}
}

static void the_command_line_begins_with_what_was_verified(void **state)
{
	static const uint8_t id[16] = {0, 1, 2,  3,  4,  5,  6,  7,
	                               8, 9, 10, 11, 12, 13, 14, 15};
	struct vs_seal_header h = {.image_len = 419430400};
	struct vs_command_root root = {"rootfs-b", id, &h};
	struct vs_kernel k = {.command = "quiet x", .command_len = 5};
	char out[VS_COMMAND_MAX + 1];
	size_t len;

	(void)state;
	memset(h.salt, 0xab, sizeof(h.salt));
	memset(h.root_hash, 0x1f, sizeof(h.root_hash));
	assert_int_equal(vs_command_build('b', &root, 1, &k, out, &len), VS_OK);
	assert_string_equal(out,
	                    "voltseal.slot=b voltseal.verity=rootfs-b:"
	                    "03020100-0504-0706-0809-0a0b0c0d0e0f:419430400:"
	                    "abababababababababababababababab"
	                    "abababababababababababababababab:"
	                    "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f"
	                    "1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f1f quiet");
	assert_int_equal(len, strlen(out));
	assert_int_equal(vs_command_build(0, NULL, 0, &k, out, &len), VS_OK);
	assert_string_equal(out, "voltseal.recovery=1 quiet");
}

static void a_command_line_that_linux_would_cut_is_refused(void **state)
{
	static char text[VS_COMMAND_MAX];
	struct vs_kernel k = {.command = text};
	char out[VS_COMMAND_MAX + 1];
	size_t len;

	(void)state;
	memset(text, 'x', sizeof(text));
	k.command_len = VS_COMMAND_MAX - strlen("voltseal.slot=a ");
	assert_int_equal(vs_command_build('a', NULL, 0, &k, out, &len), VS_OK);
	assert_int_equal(len, VS_COMMAND_MAX);
	assert_int_equal(strlen(out), VS_COMMAND_MAX);
	k.command_len++;
	assert_int_equal(vs_command_build('a', NULL, 0, &k, out, &len),
	                 VS_ERR_LIMIT);
	assert_int_equal(len, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(partitions_are_found_by_name),
		cmocka_unit_test(
			a_damaged_first_table_is_replaced_by_the_second),
		cmocka_unit_test(two_partitions_of_one_name_are_none),
		cmocka_unit_test(a_partition_outside_the_disk_is_refused),
		cmocka_unit_test(settings_name_components_and_keyring),
		cmocka_unit_test(settings_that_are_not_whole_are_refused),
		cmocka_unit_test(a_kernel_image_is_taken_apart),
		cmocka_unit_test(a_kernel_image_has_one_length),
		cmocka_unit_test(a_kernel_image_with_a_stray_byte_is_refused),
		cmocka_unit_test(
			the_command_line_begins_with_what_was_verified),
		cmocka_unit_test(
			a_command_line_that_linux_would_cut_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

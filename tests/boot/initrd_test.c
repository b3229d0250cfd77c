/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/initrd_test.c - the initrd believes the loader's words, and makes
 * a slot that does not come up give way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot/initrd/cmdline.h"
#include "boot/initrd/giveup.h"
#include "boot/initrd/verity.h"
#include "boot/port/uefi/command.h"

#define SALT "5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a5a"
#define HASH "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define ID "e3d78eb0-f8f7-4d50-9ffe-bd105b7e3459"
#define VERITY "voltseal.verity=rootfs-a:" ID ":8193:" SALT ":" HASH
#define GOOD_LINE "voltseal.slot=a " VERITY " console=ttyS0 quiet"

static vs_status decode(const char *line, struct vs_cmdline *out)
{
	struct vs_why why = {VS_REASON_NONE, NULL, 0};
	vs_status status = vs_cmdline_decode(line, strlen(line), out, &why);

	if (status != VS_OK)
		assert_true(why.what && why.code != VS_REASON_NONE);
	return status;
}

/* S0.21 */
static void what_the_loader_writes_is_what_is_read(void **state)
{
	static const char sealed[] = "quiet voltseal.watchdog=20";
	struct vs_seal_header header = {.image_len = 8193};
	struct vs_kernel kernel = {.command = sealed,
	                           .command_len = sizeof(sealed) - 1};
	struct vs_command_root root = {"rootfs-b", vs_gpt_type, &header};
	char line[VS_COMMAND_MAX + 1];
	struct vs_cmdline c;
	size_t len;

	(void)state;
	for (size_t i = 0; i < VS_SHA256_LEN; i++)
		header.root_hash[i] = (uint8_t)(0x11 * (i % 16));
	memset(header.salt, 0x5a, sizeof(header.salt));
	assert_int_equal(vs_command_build('b', &root, 1, &kernel, line, &len),
	                 VS_OK);
	assert_int_equal(decode(line, &c), VS_OK);
	assert_int_equal(c.slot, 1);
	assert_false(c.recovery);
	assert_int_equal(c.watchdog_s, 20);
	assert_int_equal(c.verity_count, 1);
	assert_string_equal(c.verity[0].partition, "rootfs-b");
	assert_memory_equal(c.verity[0].id, vs_gpt_type, VS_GPT_ID_LEN);
	assert_true(c.verity[0].image_len == 8193);
	assert_string_equal(c.verity[0].salt, SALT);
	assert_string_equal(c.verity[0].root, HASH);
}

static void recovery_has_no_slot_and_needs_no_verity(void **state)
{
	struct vs_cmdline c;

	(void)state;
	assert_int_equal(decode("voltseal.recovery=1 quiet\n", &c), VS_OK);
	assert_true(c.recovery && c.slot == -1 && c.verity_count == 0);
}

static void words_of_others_are_passed_over(void **state)
{
	struct vs_cmdline c;

	(void)state;
	assert_int_equal(decode("a  b=c " GOOD_LINE " xvoltseal.slot=b", &c),
	                 VS_OK);
	assert_int_equal(c.slot, 0);
}

static void a_wrong_word_of_ours_is_refused(void **state)
{
	static const char *const wrong[] = {
		"",
		"quiet",
		"voltseal.slot=a",
		VERITY,
		"voltseal.slot=c " VERITY,
		"voltseal.slot=ab " VERITY,
		"voltseal.slot= " VERITY,
		"voltseal.slot=a voltseal.slot=b " VERITY,
		"voltseal.slot=a voltseal.recovery=1 " VERITY,
		"voltseal.recovery=1 voltseal.recovery=1",
		"voltseal.recovery=0",
		"voltseal.init=/bin/sh " GOOD_LINE,
		GOOD_LINE " voltseal.watchdog=0",
		GOOD_LINE " voltseal.watchdog=601",
		GOOD_LINE " voltseal.watchdog=020",
		GOOD_LINE " voltseal.watchdog=2x",
		GOOD_LINE " voltseal.watchdog=9 voltseal.watchdog=9",
		"voltseal.slot=a voltseal.verity=",
		"voltseal.slot=a voltseal.verity=:" ID ":1:" SALT ":" HASH,
		"voltseal.slot=a voltseal.verity=../x:" ID ":1:" SALT ":" HASH,
		"voltseal.slot=a voltseal.verity=r:" ID ":0:" SALT ":" HASH,
		"voltseal.slot=a voltseal.verity=r:" ID ":-1:" SALT ":" HASH,
		"voltseal.slot=a voltseal.verity=r:" ID
		":9223372036854775808:" SALT ":" HASH,
		"voltseal.slot=a voltseal.verity=r:" ID ":1:" SALT "0:" HASH,
		"voltseal.slot=a voltseal.verity=r:" ID ":1::" HASH,
		"voltseal.slot=a voltseal.verity=r:" ID ":1:" SALT ":" HASH ":",
		"voltseal.slot=a voltseal.verity=r:" ID ":1:" SALT,
		"voltseal.slot=a voltseal.verity=r:e3d78eb0:1:" SALT ":" HASH,
		"voltseal.slot=a voltseal.verity=r:E3D78EB0-f8f7-4d50-9ffe-"
		"bd105b7e3459:1:" SALT ":" HASH,
		GOOD_LINE " " VERITY " " VERITY " " VERITY " " VERITY,
	};
	struct vs_cmdline c;

	(void)state;
	for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
		if (decode(wrong[i], &c) == VS_OK)
			fail_msg("taken: %s", wrong[i]);
}

static void a_line_that_is_too_long_is_refused(void **state)
{
	static char line[VS_CMDLINE_MAX + 2];
	struct vs_cmdline c;

	(void)state;
	memset(line, 'x', VS_CMDLINE_MAX + 1);
	assert_int_equal(decode(line, &c), VS_ERR_LIMIT);
}

static void the_table_counts_the_last_block_whole(void **state)
{
	struct vs_cmdline c;
	char table[VS_VERITY_TABLE_MAX];
	uint64_t sectors;

	(void)state;
	assert_int_equal(decode(GOOD_LINE, &c), VS_OK);
	assert_int_equal(
		vs_verity_table(&c.verity[0], "/dev/sda7", table, &sectors),
		VS_OK);
	assert_string_equal(table, "1 /dev/sda7 /dev/sda7 4096 4096 3 3 "
	                           "sha256 " HASH " " SALT);
	assert_true(sectors == 24);
}

static struct vs_record two_slots(uint8_t a, uint8_t b)
{
	struct vs_record rec = {.seq = 1, .slot = 1};

	rec.slots[0].state = a;
	rec.slots[1].state = b;
	rec.slots[0].tries = a == VS_SLOT_TRIAL ? 2 : 0;
	rec.slots[1].tries = b == VS_SLOT_TRIAL ? 2 : 0;
	return rec;
}

/* S0.17 */
static void a_slot_that_does_not_come_up_gives_way_to_the_other(void **state)
{
	static const uint8_t states[] = {VS_SLOT_GOOD, VS_SLOT_TRIAL};

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vs_record rec = two_slots(VS_SLOT_GOOD, states[i]);

		assert_int_equal(
			vs_giveup_slot(&rec, 1, VS_REASON_CLUSTER_MISMATCH),
			VS_OK);
		assert_int_equal(rec.slots[1].state, VS_SLOT_BAD);
		assert_int_equal(rec.slots[1].reason,
		                 VS_REASON_CLUSTER_MISMATCH);
		assert_int_equal(rec.slots[1].tries, 0);
		assert_int_equal(rec.slots[0].state, VS_SLOT_GOOD);
		assert_int_equal(rec.slot, 0);
	}
}

static void without_another_slot_it_is_bad_all_the_same(void **state)
{
	static const uint8_t others[] = {VS_SLOT_EMPTY, VS_SLOT_BAD};
	static const uint8_t states[] = {VS_SLOT_GOOD, VS_SLOT_TRIAL};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct vs_record rec = two_slots(others[i / 2], states[i % 2]);
		uint8_t raw[VS_RECORD_LEN];

		assert_int_equal(vs_giveup_slot(&rec, 1, VS_REASON_BOOT_FAILED),
		                 VS_OK);
		assert_int_equal(rec.slots[1].state, VS_SLOT_BAD);
		vs_record_encode(&rec, raw); /* one that a reader takes */
		assert_int_equal(vs_record_decode(raw, &rec, NULL), VS_OK);
		assert_int_equal(vs_giveup_slot(&rec, 1, VS_REASON_BOOT_FAILED),
		                 VS_ERR_STATE);
	}
}

static void the_word_is_the_one_of_the_loaders_page(void **state)
{
	static const uint8_t page[VS_GIVEUP_WORD_LEN] = {
		'V', 'S', 'R', 'E', 'S',  'E',  'T',  '1',
		4,   0,   0,   0,   0xe0, 0x70, 0x8d, 0x29};
	uint8_t word[VS_GIVEUP_WORD_LEN];

	(void)state;
	vs_giveup_word(VS_RESET_CRASH, word);
	assert_memory_equal(word, page, sizeof(page));
}

struct area {
	char path[32];
	int fd;
};

static int make_area(void **state)
{
	static struct area a;

	snprintf(a.path, sizeof(a.path), "/tmp/initrd-XXXXXX");
	a.fd = mkstemp(a.path);
	assert_true(a.fd >= 0);
	assert_int_equal(ftruncate(a.fd, 1 << 20), 0);
	*state = &a;
	return 0;
}

static int drop_area(void **state)
{
	struct area *a = *state;

	close(a->fd);
	return unlink(a->path);
}

static void put_copy(int fd, int copy, struct vs_record rec, uint32_t seq)
{
	uint8_t raw[VS_RECORD_LEN];

	rec.seq = seq;
	vs_record_encode(&rec, raw);
	assert_int_equal(pwrite(fd, raw, sizeof(raw), 4096 * copy),
	                 sizeof(raw));
}

static struct vs_record get_copy(int fd, int copy)
{
	uint8_t raw[VS_RECORD_LEN];
	struct vs_record rec;

	assert_int_equal(pread(fd, raw, sizeof(raw), 4096 * copy), sizeof(raw));
	assert_int_equal(vs_record_decode(raw, &rec, NULL), VS_OK);
	return rec;
}

static void expect_word(int fd, bool there)
{
	static const uint8_t none[VS_GIVEUP_WORD_LEN];
	uint8_t want[VS_GIVEUP_WORD_LEN];
	uint8_t word[VS_GIVEUP_WORD_LEN];

	vs_giveup_word(VS_RESET_CRASH, want);
	assert_int_equal(pread(fd, word, sizeof(word), VS_GIVEUP_WORD_AT),
	                 sizeof(word));
	assert_memory_equal(word, there ? want : none, sizeof(word));
}

/* S0.2 */
static void the_copy_in_force_stays_as_it_was(void **state)
{
	struct area *a = *state;
	struct vs_record rec = two_slots(VS_SLOT_GOOD, VS_SLOT_GOOD);

	expect_word(a->fd, false);
	put_copy(a->fd, 0, rec, 7);
	put_copy(a->fd, 1, rec, 8);
	assert_int_equal(vs_giveup_write(a->fd, 1, VS_REASON_UNREADABLE),
	                 VS_OK);
	assert_int_equal(get_copy(a->fd, 1).slots[1].state, VS_SLOT_GOOD);
	rec = get_copy(a->fd, 0);
	assert_int_equal(rec.seq, 9);
	assert_int_equal(rec.slot, 0);
	assert_int_equal(rec.slots[1].state, VS_SLOT_BAD);
	assert_int_equal(rec.slots[1].reason, VS_REASON_UNREADABLE);
	expect_word(a->fd, true);
}

static void without_a_record_the_word_is_left_all_the_same(void **state)
{
	struct area *a = *state;

	assert_int_equal(vs_giveup_write(a->fd, 0, VS_REASON_UNREADABLE),
	                 VS_ERR_ABSENT);
	expect_word(a->fd, true);
}

static void recovery_leaves_the_record_alone(void **state)
{
	struct area *a = *state;

	put_copy(a->fd, 0, two_slots(VS_SLOT_GOOD, VS_SLOT_GOOD), 3);
	assert_int_equal(vs_giveup_write(a->fd, -1, VS_REASON_BOOT_FAILED),
	                 VS_OK);
	assert_int_equal(get_copy(a->fd, 0).slots[1].state, VS_SLOT_GOOD);
	assert_int_equal(get_copy(a->fd, 0).seq, 3);
	expect_word(a->fd, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_the_loader_writes_is_what_is_read),
		cmocka_unit_test(recovery_has_no_slot_and_needs_no_verity),
		cmocka_unit_test(words_of_others_are_passed_over),
		cmocka_unit_test(a_wrong_word_of_ours_is_refused),
		cmocka_unit_test(a_line_that_is_too_long_is_refused),
		cmocka_unit_test(the_table_counts_the_last_block_whole),
		cmocka_unit_test(
			a_slot_that_does_not_come_up_gives_way_to_the_other),
		cmocka_unit_test(without_another_slot_it_is_bad_all_the_same),
		cmocka_unit_test(the_word_is_the_one_of_the_loaders_page),
		cmocka_unit_test_setup_teardown(
			the_copy_in_force_stays_as_it_was, make_area,
			drop_area),
		cmocka_unit_test_setup_teardown(
			without_a_record_the_word_is_left_all_the_same,
			make_area, drop_area),
		cmocka_unit_test_setup_teardown(
			recovery_leaves_the_record_alone, make_area, drop_area),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

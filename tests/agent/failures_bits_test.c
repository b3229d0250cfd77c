/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/failures_bits_test.c - decayed bits and lost ends: none accepted.
 *
 * Slot A is the only one; whatever of it is wrong, nothing starts.  The same
 * in a seal's file, an image in memory and a pack on its way.
 *
 * S0.18 S3.20 S3.43
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "seal/slot.h"
#include "tests/agent/maker.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define IMAGE_LEN 30000
#define FLIPS 16384
#define STARTS 1024 /* of the flips, put before the loader too */
#define FOOTER_AT (MAKER_SLOT_LEN - VS_SLOT_FOOTER_LEN)

static struct maker maker;
static struct made gateway, controller;
static struct vs_charger charger;
static int slot, record; /* files of the charger, to be damaged */

static struct vs_boot_decision decide(void)
{
	struct vs_boot_decision d;

	assert_int_equal(vs_boot_decide(&charger.ops, charger.components,
	                                charger.machine.count, &charger.ring,
	                                VS_RESET_POWER, charger.scratch, &d),
	                 VS_OK);
	return d;
}

static int set_up(void **state)
{
	struct vs_record good = {.slot = 0, .last_reset = VS_RESET_POWER};
	uint8_t image[IMAGE_LEN];
	char path[PATH_MAX], error[VS_ERROR_LEN] = "";

	(void)state;
	maker_init_in(&maker,
	              access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	noise(image, sizeof(image), 1);
	maker_seal(&maker, &gateway, "gateway", 1, 1, image, sizeof(image));
	maker_seal(&maker, &controller, "controller", 1, 1, image, 5000);
	maker_charger(&maker, &gateway, &controller, 1);
	assert_int_equal(
		vs_charger_open_blank(
			&charger, maker_path(&maker, "charger", path), error),
		VS_OK);
	/* twice, so that both copies hold it */
	good.slots[0].state = VS_SLOT_GOOD;
	for (int i = 0; i < 2; i++)
		assert_int_equal(vs_record_store(&charger.ops.record, &good),
		                 VS_OK);
	slot = open(maker_path(&maker, "charger/slot-a/gateway", path),
	            O_RDWR | O_CLOEXEC);
	record = open(maker_path(&maker, "charger/boot-record", path),
	              O_RDWR | O_CLOEXEC);
	assert_true(slot >= 0 && record >= 0);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	close(slot);
	close(record);
	vs_charger_close(&charger);
	made_drop(&gateway);
	made_drop(&controller);
	maker_drop(&maker);
	return 0;
}

static void flip(int fd, uint64_t at, unsigned bit)
{
	uint8_t byte;

	assert_int_equal(vs_file_pread(fd, &byte, 1, at), VS_OK);
	byte ^= (uint8_t)(1u << bit);
	assert_int_equal(vs_file_pwrite(fd, &byte, 1, at), VS_OK);
}

static void must_start(void)
{
	struct vs_boot_decision d = decide();

	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	assert_int_equal(d.slot, 0);
}

static size_t signed_len(void)
{
	return gateway.seal_len - (size_t)gateway.opened.tree.upper_len;
}

static bool opens(const uint8_t *file, size_t len)
{
	struct vs_seal seal;
	struct vs_why why;

	return vs_seal_open(&maker.ring, &maker.crypto, file, len, &seal,
	                    &why) == VS_OK;
}

/* What the loader reads is the same bytes. */
static void no_bit_of_header_and_signatures_may_be_wrong(void **state)
{
	uint8_t *file = malloc(gateway.seal_len);
	size_t len = signed_len();

	(void)state;
	assert_non_null(file);
	memcpy(file, gateway.seal, gateway.seal_len);
	assert_true(opens(file, gateway.seal_len));
	must_start();
	for (size_t i = 0; i < len * 8; i++) {
		file[i / 8] ^= (uint8_t)(1u << i % 8);
		if (opens(file, gateway.seal_len))
			fail_msg("bit %zu of the seal", i);
		file[i / 8] ^= (uint8_t)(1u << i % 8);
		flip(slot, FOOTER_AT + i / 8, i % 8);
		if (decide().verdict == VS_VERDICT_BOOT)
			fail_msg("bit %zu of the footer", i);
		flip(slot, FOOTER_AT + i / 8, i % 8);
	}
	must_start();
	print_message("# %zu bits of header and signatures\n", len * 8);
	free(file);
}

/* The other copy counts; with neither, the slot that verifies. */
static void no_bit_of_the_boot_record_chooses_another_slot(void **state)
{
	struct vs_record before, after;

	(void)state;
	assert_int_equal(vs_record_load(&charger.ops.record, &before), VS_OK);
	for (size_t i = 0; i < (size_t)VS_RECORD_LEN * 8; i++)
		for (uint64_t copy = 0; copy < 2; copy++) {
			flip(record, copy * 4096 + i / 8, i % 8);
			assert_int_equal(
				vs_record_load(&charger.ops.record, &after),
				VS_OK);
			assert_true(before.seq - after.seq <= 1);
			after.seq = before.seq;
			assert_memory_equal(&before, &after, sizeof(after));
			if (i % 16 == 0)
				must_start();
			flip(record, copy * 4096 + i / 8, i % 8);
		}
	for (uint64_t copy = 0; copy < 2; copy++)
		flip(record, copy * 4096 + 100, 3);
	must_start();
	for (uint64_t copy = 0; copy < 2; copy++)
		flip(record, copy * 4096 + 100, 3);
}

static void no_seal_may_end_early(void **state)
{
	(void)state;
	for (size_t len = 0; len < gateway.seal_len; len++) {
		/* of its own, so that a read beyond its end is seen */
		uint8_t *file = malloc(len + 1);

		assert_non_null(file);
		memcpy(file, gateway.seal, len);
		if (opens(file, len))
			fail_msg("%zu bytes of a seal", len);
		free(file);
	}
	print_message("# %zu lengths of a seal\n", gateway.seal_len);
}

static void no_slot_may_end_early(void **state)
{
	uint8_t *whole;
	size_t len;
	char path[PATH_MAX];

	(void)state;
	assert_int_equal(
		vs_file_read(maker_path(&maker, "charger/slot-a/gateway", path),
	                     MAKER_SLOT_LEN, &whole, &len),
		VS_OK);
	for (uint64_t cut = 1; cut < MAKER_SLOT_LEN; cut += cut / 8 + 1) {
		assert_int_equal(ftruncate(slot, (off_t)(len - cut)), 0);
		if (decide().verdict == VS_VERDICT_BOOT)
			fail_msg("a slot without its last %u bytes",
			         (unsigned)cut);
	}
	assert_int_equal(ftruncate(slot, (off_t)len), 0);
	assert_int_equal(vs_file_pwrite(slot, whole, len, 0), VS_OK);
	must_start();
	free(whole);
}

/* In memory, as an install judges it; and on the disk, as the loader does. */
static void no_flip_in_an_image_is_accepted(void **state)
{
	uint8_t *image = malloc(IMAGE_LEN);
	uint8_t leaves[VS_BLOCK_LEN];
	struct vs_why why;
	uint64_t x = 88172645463325252;

	(void)state;
	assert_non_null(image);
	memcpy(image, gateway.image, IMAGE_LEN);
	for (int i = 0; i < FLIPS; i++) {
		size_t at;
		unsigned bit;

		x ^= x << 13;
		x ^= x >> 7;
		x ^= x << 17;
		at = (size_t)(x % IMAGE_LEN);
		bit = x >> 40 & 7;
		image[at] ^= (uint8_t)(1u << bit);
		if (vs_tree_check_cluster(&gateway.opened.tree, &maker.crypto,
		                          &gateway.opened.header,
		                          gateway.opened.upper, 0, image,
		                          leaves, &why) != VS_ERR_REFUSED)
			fail_msg("flip %d: bit %u of byte %zu", i, bit, at);
		image[at] ^= (uint8_t)(1u << bit);
		if (i % (FLIPS / STARTS) != 0)
			continue;
		flip(slot, at, bit);
		if (decide().verdict == VS_VERDICT_BOOT)
			fail_msg("flip %d starts", i);
		flip(slot, at, bit);
	}
	assert_int_equal(vs_tree_check_cluster(
				 &gateway.opened.tree, &maker.crypto,
				 &gateway.opened.header, gateway.opened.upper,
				 0, image, leaves, &why),
	                 VS_OK);
	must_start();
	print_message("# %d flips over an image\n", FLIPS);
	free(image);
}

/* A pack that ends early, or has a wrong bit, fills no slot. */
static vs_status install_from(const uint8_t *pack, size_t len)
{
	struct made cut = gateway;
	struct counted counted;
	struct vs_source source;
	struct vs_disk disk;
	struct vs_install in = {.seal = &gateway.opened,
	                        .target = &disk,
	                        .source = &source,
	                        .workers = 1};
	struct vs_install_stats stats;
	struct vs_why why = {VS_REASON_NONE, "", 0};
	char path[PATH_MAX];
	const uint8_t none[VS_BLOCK_LEN] = {0};
	vs_status status;

	cut.pack = malloc(len + 1);
	assert_non_null(cut.pack);
	memcpy(cut.pack, pack, len);
	cut.pack_len = len;
	counted_init(&counted, &cut, &source);
	assert_int_equal(
		vs_disk_open(&disk,
	                     maker_path(&maker, "charger/slot-b/gateway", path),
	                     true, NULL),
		VS_OK);
	/* nothing is there to be kept */
	assert_int_equal(vs_disk_write(&disk, none, sizeof(none), 0), VS_OK);
	status = vs_install_run(&in, &stats, &why);
	vs_disk_close(&disk);
	free(cut.pack);
	return status;
}

static void no_pack_may_be_wrong(void **state)
{
	uint8_t *pack = malloc(gateway.pack_len);

	(void)state;
	assert_non_null(pack);
	memcpy(pack, gateway.pack, gateway.pack_len);
	for (size_t len = 0; len < gateway.pack_len; len += 487)
		assert_int_not_equal(install_from(pack, len), VS_OK);
	for (size_t i = 0; i < 48; i++) {
		size_t at = i * gateway.pack_len / 48;

		pack[at] ^= 16;
		assert_int_not_equal(install_from(pack, gateway.pack_len),
		                     VS_OK);
		pack[at] ^= 16;
	}
	assert_int_equal(install_from(pack, gateway.pack_len), VS_OK);
	free(pack);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_bit_of_header_and_signatures_may_be_wrong),
		cmocka_unit_test(
			no_bit_of_the_boot_record_chooses_another_slot),
		cmocka_unit_test(no_seal_may_end_early),
		cmocka_unit_test(no_slot_may_end_early),
		cmocka_unit_test(no_flip_in_an_image_is_accepted),
		cmocka_unit_test(no_pack_may_be_wrong),
	};

	return cmocka_run_group_tests_name("agent failures bits", tests, set_up,
	                                   tear_down);
}

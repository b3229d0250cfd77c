/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/flash_test.c - record, floors and swap on flash, cut everywhere.
 *
 * At each of the flash's operations the power goes in 16 ways; on the smaller
 * geometries it goes a second time at each operation of what follows.  The
 * figures printed at the end are part of the test: fewer would fail it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "boot/flash_floor.h"
#include "boot/swap.h"
#include "tests/boot/nor.h"

enum { SINGLE_MIN = 20000, TWICE_MIN = 300000 };

static struct nor nor;
static struct cuts total;

/* ---- swap: slot 1 comes in, and slot 0 comes back ---- */

struct areas {
	struct vs_swap swap;
	uint8_t slots[2][NOR_LEN_MAX / 2]; /* what is in them, for ever */
};

static void areas_begin(struct story *s)
{
	struct areas *a = s->ctx;
	uint32_t len = nor.flash.sector_len;
	size_t all = (size_t)a->swap.sectors * len;

	nor_init(&nor, len, 2 * a->swap.sectors + 3);
	for (size_t i = 0; i < all; i++) {
		a->slots[0][i] = (uint8_t)(i * 7 + i / 251);
		a->slots[1][i] = (uint8_t)(0x80 ^ (i * 13 + i / 241));
	}
	memcpy(nor.bytes, a->slots[0], all);
	memcpy(nor.bytes + all, a->slots[1], all);
	memset(nor.used, 1, 2 * all / VS_FLASH_GRAIN);
}

static bool areas_run(struct story *s)
{
	const struct areas *a = s->ctx;
	struct vs_swap_state state;

	vs_swap_load(&a->swap, &state);
	if (vs_swap_resume(&a->swap, &state) != VS_OK)
		return false;
	/* Its second half is told by the journal alone: serial is above what
	 * one swap writes. */
	if (state.serial < 3 * a->swap.sectors + 1 &&
	    vs_swap_bring(&a->swap, &state, 1) != VS_OK)
		return false;
	return vs_swap_bring(&a->swap, &state, 0) == VS_OK;
}

/* Between swaps both areas hold a whole slot each, as the journal says. */
static void areas_check(struct story *s, bool ended)
{
	const struct areas *a = s->ctx;
	size_t all = (size_t)a->swap.sectors * nor.flash.sector_len;
	struct vs_swap_state state;

	vs_swap_load(&a->swap, &state);
	if (state.pending) {
		assert_false(ended);
		return;
	}
	assert_memory_equal(nor.bytes, a->slots[state.swapped], all);
	assert_memory_equal(nor.bytes + all, a->slots[!state.swapped], all);
	if (ended)
		assert_false(state.swapped);
}

static void swap_areas(uint32_t sector_len, uint32_t sectors, int then_ways)
{
	static struct areas a;
	struct story s = {"swap",      &nor,      &a,
	                  areas_begin, areas_run, areas_check};

	nor.flash.sector_len = sector_len;
	a.swap = (struct vs_swap){.flash = &nor.flash,
	                          .primary = 0,
	                          .secondary = sectors,
	                          .sectors = sectors,
	                          .scratch = 2 * sectors,
	                          .journal = 2 * sectors + 1};
	story_cut(&s, then_ways, &total);
}

/* S0.18 S3.26 S3.43: two areas that change places twice, the journal wrapping
 * around in between
 */
static void a_cut_at_any_operation_of_a_swap_only_costs_time(void **state)
{
	(void)state;
	swap_areas(1024, 8, 0);
	swap_areas(512, 16, 0);
	swap_areas(256, 5, 0);
	swap_areas(128, 3, 4);
	swap_areas(256, 2, 4);
	swap_areas(64, 2, 4);
}

/* ---- floors: three numbers rise through several compactions ---- */

enum { RAISES = 26 };

static struct vs_flash_part floor_at = {&nor.flash, 0};

static int number_of(uint32_t k)
{
	return k % 3 == 0 ? 0 : k % 3 == 1 ? VS_BOOT_EPOCH : VS_BOOT_RECOVERY;
}

static void floors_begin(struct story *s)
{
	const uint32_t values[VS_FLASH_FLOORS] = {0};

	(void)s;
	nor_init(&nor, 256, 2);
	assert_int_equal(vs_flash_floor_create(&floor_at, 0x31, values), VS_OK);
	nor_power_on(&nor);
}

/* Raises in turn whatever is behind its place in the order. */
static bool floors_run(struct story *s)
{
	(void)s;
	for (uint32_t k = 1; k <= RAISES; k++) {
		uint32_t value;

		if (vs_flash_floor_get(&floor_at, number_of(k), &value) !=
		    VS_OK)
			return false;
		if (value >= k)
			continue;
		if (vs_flash_floor_raise(&floor_at, number_of(k), k) != VS_OK)
			return false;
		nor.acked[number_of(k)] = k; /* it was said to be durable */
	}
	return true;
}

static void floors_check(struct story *s, bool ended)
{
	(void)s;
	for (uint32_t k = 0; k < 3; k++) {
		int n = number_of(k);
		uint32_t value = 0;

		assert_int_equal(vs_flash_floor_get(&floor_at, n, &value),
		                 VS_OK);
		assert_true(value >= nor.acked[n]);
		assert_true(value <= RAISES);
		if (ended)
			assert_int_equal(value, RAISES - (RAISES - k) % 3);
	}
}

/* S0.18 S3.20 S3.22 */
static void a_cut_at_any_operation_lowers_no_floor(void **state)
{
	struct story s = {"floors",     &nor,       NULL,
	                  floors_begin, floors_run, floors_check};

	(void)state;
	story_cut(&s, 4, &total);
}

/* ---- the boot record, stored again and again ---- */

enum { STORES = 4 };

static struct vs_flash_part record_at = {&nor.flash, 0};

static void record_begin(struct story *s)
{
	(void)s;
	nor_init(&nor, 1024, 2);
}

static bool record_run(struct story *s)
{
	struct vs_record_ops ops;
	struct vs_record rec;

	(void)s;
	vs_flash_record_ops(&record_at, &ops);
	for (;;) {
		if (vs_record_load(&ops, &rec) != VS_OK && nor.dead)
			return false;
		if (rec.seq == STORES)
			return true;
		assert_true(rec.seq >= nor.acked[0]);
		rec.slots[1].state = VS_SLOT_TRIAL;
		rec.slots[1].tries = (uint8_t)(STORES - rec.seq);
		if (vs_record_store(&ops, &rec) != VS_OK)
			return false;
		nor.acked[0] = rec.seq;
	}
}

/* Whole, and never older than one that was said to be stored. */
static void record_check(struct story *s, bool ended)
{
	struct vs_record_ops ops;
	struct vs_record rec;

	(void)s;
	vs_flash_record_ops(&record_at, &ops);
	if (vs_record_load(&ops, &rec) != VS_OK) {
		assert_int_equal(rec.seq, 0); /* the first store was cut */
		assert_false(ended);
		return;
	}
	assert_int_equal(rec.slots[1].tries, STORES + 1 - rec.seq);
	if (ended)
		assert_int_equal(rec.seq, STORES);
}

/* S0.18 S3.20 */
static void
a_cut_at_any_operation_leaves_the_old_record_or_the_new(void **state)
{
	struct story s = {"record",     &nor,       NULL,
	                  record_begin, record_run, record_check};

	(void)state;
	story_cut(&s, 4, &total);
}

/* ---- what is not a cut ---- */

/* S3.22: a counter that was erased or never made is no counter */
static void floors_that_are_missing_or_reset_are_refused(void **state)
{
	const uint32_t values[VS_FLASH_FLOORS] = {4, 0, 0, 0, 7, 2};
	uint32_t value = 0;

	(void)state;
	nor_init(&nor, 256, 2);
	assert_int_equal(vs_flash_floor_get(&floor_at, 0, &value), VS_ERR_IO);
	assert_int_equal(vs_flash_floor_raise(&floor_at, 0, 9), VS_ERR_IO);
	assert_int_equal(vs_flash_floor_create(&floor_at, 0x31, values), VS_OK);
	assert_int_equal(vs_flash_floor_create(&floor_at, 0x31, values),
	                 VS_ERR_STATE);
	assert_int_equal(vs_flash_floor_get(&floor_at, 4, &value), VS_OK);
	assert_int_equal(value, 7);
	assert_int_equal(vs_flash_floor_raise(&floor_at, 4, 6), VS_OK);
	assert_int_equal(vs_flash_floor_get(&floor_at, 4, &value), VS_OK);
	assert_int_equal(value, 7);
	for (int number = -1; number < VS_FLASH_FLOORS + 2; number++) {
		bool has = number == 0 || number == 4 || number == 5;

		assert_int_equal(vs_flash_floor_get(&floor_at, number, &value),
		                 has ? VS_OK : VS_ERR_IO);
		assert_int_equal(vs_flash_floor_raise(&floor_at, number, 1),
		                 has ? VS_OK : VS_ERR_IO);
	}
	nor_init(&nor, 256, 2); /* somebody erased them */
	assert_int_equal(vs_flash_floor_get(&floor_at, 0, &value), VS_ERR_IO);
}

/* S3.22: every bit of every word */
static void a_flipped_bit_lowers_no_floor_below_the_word_before(void **state)
{
	const uint32_t values[VS_FLASH_FLOORS] = {4};
	uint32_t value;

	(void)state;
	nor_init(&nor, 256, 2);
	assert_int_equal(vs_flash_floor_create(&floor_at, 1, values), VS_OK);
	assert_int_equal(vs_flash_floor_raise(&floor_at, 0, 9), VS_OK);
	for (size_t bit = 0; bit < 3 * 16 * 8; bit++) {
		size_t word = bit / 128;

		nor.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		vs_status st = vs_flash_floor_get(&floor_at, 0, &value);

		/* the first word, the mark, the raise */
		assert_int_equal(st, word == 1 ? VS_ERR_IO : VS_OK);
		if (word != 1)
			assert_int_equal(value, word == 2 ? 4 : 9);
		nor.bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void a_journal_of_noise_is_a_new_one(void **state)
{
	struct vs_swap swap = {&nor.flash, 0, 2, 2, 4, 5};
	struct vs_swap_state st;

	(void)state;
	nor_init(&nor, 256, 7);
	for (size_t i = 5 * 256; i < 7 * 256; i++)
		nor.bytes[i] = (uint8_t)(i * 31 + i / 7);
	memset(nor.used, 1, sizeof(nor.used));
	vs_swap_load(&swap, &st);
	assert_false(st.pending);
	assert_false(st.swapped);
	assert_int_equal(vs_swap_bring(&swap, &st, 1), VS_OK);
	vs_swap_load(&swap, &st);
	assert_true(st.swapped);
	assert_false(st.pending);
	assert_int_equal(vs_swap_bring(&swap, &st, 1), VS_OK);
	nor.dead = true; /* nothing to do is done without flash */
	assert_int_equal(vs_swap_bring(&swap, &st, 1), VS_OK);
	assert_int_equal(vs_swap_bring(&swap, &st, 0), VS_ERR_IO);
}

/* Whoever writes the journal must not make the loader erase what is beside the
 * areas: a step out of range is no entry.
 */
static void
a_journal_that_reaches_beyond_the_areas_is_not_followed(void **state)
{
	struct vs_swap wide = {&nor.flash, 0, 2, 4, 8, 9};
	struct vs_swap narrow = {&nor.flash, 0, 2, 2, 8, 9};
	struct vs_swap_state st;

	(void)state;
	nor_init(&nor, 256, 11);
	vs_swap_load(&wide, &st);
	nor.cut_at = 30; /* in step 7 or so, of which narrow has no sector */
	nor.way = NOR_NOT_BEGUN;
	assert_int_equal(vs_swap_bring(&wide, &st, 1), VS_ERR_IO);
	nor_power_on(&nor);
	vs_swap_load(&wide, &st);
	assert_true(st.pending && st.step >= 6);
	vs_swap_load(&narrow, &st);
	assert_true(!st.pending || st.step < 6);
}

static void the_cases_were_as_many_as_promised(void **state)
{
	(void)state;
	print_message("# power cuts on flash: %ld single, %ld double, none "
	              "bad; %.1f s\n",
	              total.single, total.twice,
	              (double)clock() / CLOCKS_PER_SEC);
	assert_true(total.single >= SINGLE_MIN);
	assert_true(total.twice >= TWICE_MIN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_cut_at_any_operation_of_a_swap_only_costs_time),
		cmocka_unit_test(a_cut_at_any_operation_lowers_no_floor),
		cmocka_unit_test(
			a_cut_at_any_operation_leaves_the_old_record_or_the_new),
		cmocka_unit_test(floors_that_are_missing_or_reset_are_refused),
		cmocka_unit_test(
			a_flipped_bit_lowers_no_floor_below_the_word_before),
		cmocka_unit_test(a_journal_of_noise_is_a_new_one),
		cmocka_unit_test(
			a_journal_that_reaches_beyond_the_areas_is_not_followed),
		cmocka_unit_test(the_cases_were_as_many_as_promised),
	};

	return cmocka_run_group_tests_name("boot flash", tests, NULL, NULL);
}

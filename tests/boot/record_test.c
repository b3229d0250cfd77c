/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/record_test.c - the boot record survives what storage does to it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/record.h"

/* Two sectors whose next write can be cut or lost. */
struct sectors {
	uint8_t copy[2][VS_RECORD_LEN];
	uint8_t torn[VS_RECORD_LEN]; /* what a cut write leaves */
	bool cut, forget;
	bool unreadable[2];
	int written; /* the copy that was written last, -1: none */
};

static uint32_t noise = 88172645;

static uint32_t rnd(void)
{
	noise ^= noise << 13;
	noise ^= noise >> 17;
	noise ^= noise << 5;
	return noise;
}

static vs_status sector_read(void *ctx, int copy,
                             uint8_t out[static VS_RECORD_LEN])
{
	struct sectors *s = ctx;

	if (s->unreadable[copy])
		return VS_ERR_IO;
	memcpy(out, s->copy[copy], VS_RECORD_LEN);
	return VS_OK;
}

static vs_status sector_write(void *ctx, int copy,
                              const uint8_t in[static VS_RECORD_LEN])
{
	struct sectors *s = ctx;

	s->written = copy;
	if (s->forget)
		return VS_OK;
	memcpy(s->copy[copy], s->cut ? s->torn : in, VS_RECORD_LEN);
	return s->cut ? VS_ERR_IO : VS_OK;
}

static struct vs_record_ops ops_of(struct sectors *s)
{
	s->written = -1;
	return (struct vs_record_ops){s, sector_read, sector_write};
}

static struct vs_record sample(void)
{
	struct vs_record r = {.slot = 1, .last_reset = VS_RESET_REQUEST};

	r.slots[0].state = VS_SLOT_GOOD;
	r.slots[1].state = VS_SLOT_TRIAL;
	r.slots[1].tries = 3;
	return r;
}

static void assert_same(const struct vs_record *a, const struct vs_record *b)
{
	uint8_t x[VS_RECORD_LEN];
	uint8_t y[VS_RECORD_LEN];

	vs_record_encode(a, x);
	vs_record_encode(b, y);
	assert_memory_equal(x, y, VS_RECORD_LEN);
}

static void what_was_encoded_decodes_to_the_same(void **state)
{
	uint8_t raw[VS_RECORD_LEN];
	uint8_t again[VS_RECORD_LEN];
	struct vs_record r = {.seq = 0x81020304, .raise_floor = 1};
	struct vs_record back;

	(void)state;
	for (uint32_t i = 0; i < 4 * 4 * 2; i++) {
		r.slot = (uint8_t)(i & 1);
		for (int s = 0; s < VS_SLOTS; s++) {
			uint8_t st = (uint8_t)(i >> (1 + 2 * s) & 3);

			r.slots[s].state = st;
			r.slots[s].tries = st == VS_SLOT_TRIAL ? 7 : 0;
			r.slots[s].reason = st == VS_SLOT_BAD ? 0xabcd : 0;
		}
		vs_record_encode(&r, raw);
		assert_int_equal(vs_record_decode(raw, &back, NULL), VS_OK);
		vs_record_encode(&back, again);
		assert_memory_equal(raw, again, VS_RECORD_LEN);
		assert_int_equal(back.slots[1].reason, r.slots[1].reason);
		assert_int_equal(back.seq, r.seq);
	}
}

static void the_bytes_stand_where_the_format_says(void **state)
{
	static const uint8_t head[28] = {
		'V', 'S', 'B', 'O', 'O', 'T', 'R', 'C', 1, 0, 0, 0, 4, 3,
		2,   1,   1,   2,   1,   0,   2,   0,   0, 0, 3, 0, 9, 1};
	struct vs_record r = sample();
	uint8_t raw[VS_RECORD_LEN];

	(void)state;
	r.seq = 0x01020304;
	r.raise_floor = 1;
	r.slots[1].state = VS_SLOT_BAD;
	r.slots[1].tries = 0;
	r.slots[1].reason = 0x0109;
	vs_record_encode(&r, raw);
	assert_memory_equal(raw, head, sizeof(head));
	/* zlib's crc32() of the first 508 bytes, from Python */
	assert_int_equal(raw[508] | raw[509] << 8 | raw[510] << 16 |
	                         (int64_t)raw[511] << 24,
	                 0x3a0ff96d);
}

static void values_out_of_range_are_never_written(void **state)
{
	struct sectors s = {0};
	struct vs_record_ops at = ops_of(&s);
	struct vs_record bad[6];

	(void)state;
	for (size_t i = 0; i < 6; i++)
		bad[i] = sample();
	bad[0].slot = 2;
	bad[1].slots[1].tries = VS_TRIES_MAX + 1;
	bad[2].slots[0].tries = 1;  /* tries in a GOOD slot */
	bad[3].slots[0].reason = 1; /* a reason in a GOOD slot */
	bad[4].slots[0].state = VS_SLOT_BAD + 1;
	bad[5].raise_floor = 2;
	for (size_t i = 0; i < 6; i++) {
		assert_int_equal(vs_record_store(&at, &bad[i]), VS_ERR_INPUT);
		assert_int_equal(s.written, -1);
	}
}

/* S3.20: every bit of both copies */
static void a_flipped_bit_in_one_copy_leaves_the_other(void **state)
{
	struct sectors s = {0};
	struct vs_record_ops at = ops_of(&s);
	struct vs_record old = sample();
	struct vs_record new = sample();
	struct vs_record got;

	(void)state;
	assert_int_equal(vs_record_store(&at, &old), VS_OK);
	int older = s.written;
	new.slots[1].tries = 2;
	assert_int_equal(vs_record_store(&at, &new), VS_OK);
	assert_int_equal(s.written, !older);
	for (size_t bit = 0; bit < VS_RECORD_LEN * 8; bit++) {
		uint8_t mask = (uint8_t)(1 << bit % 8);

		s.copy[!older][bit / 8] ^= mask;
		assert_int_equal(vs_record_load(&at, &got), VS_OK);
		assert_same(&got, &old);
		s.copy[older][bit / 8] ^= mask;
		assert_int_equal(vs_record_load(&at, &got), VS_ERR_ABSENT);
		assert_int_equal(got.slots[0].state, VS_SLOT_EMPTY);
		s.copy[!older][bit / 8] ^= mask;
		assert_int_equal(vs_record_load(&at, &got), VS_OK);
		assert_same(&got, &new);
		s.copy[older][bit / 8] ^= mask;
	}
}

/* After a cut: the old record or the new one, and the next store works. */
static void check_cut(const struct sectors *before, const uint8_t *torn,
                      const struct vs_record *old, struct vs_record new)
{
	struct sectors s = *before;
	struct vs_record_ops at = ops_of(&s);
	struct vs_record next = sample();
	struct vs_record got;
	uint32_t new_seq = old->seq + 1;

	s.cut = true;
	memcpy(s.torn, torn, VS_RECORD_LEN);
	assert_int_equal(vs_record_store(&at, &new), VS_ERR_IO);
	s.cut = false;
	assert_int_equal(vs_record_load(&at, &got), VS_OK);
	if (got.seq == new_seq) {
		new.seq = new_seq;
		assert_same(&got, &new);
	} else {
		assert_same(&got, old);
	}
	next.slots[1].tries = 1;
	assert_int_equal(vs_record_store(&at, &next), VS_OK);
	assert_int_equal(vs_record_load(&at, &got), VS_OK);
	assert_same(&got, &next);
}

static void fill(uint8_t *torn, const uint8_t *was, const uint8_t *new,
                 size_t prefix, int rest)
{
	for (size_t i = 0; i < VS_RECORD_LEN; i++)
		torn[i] = i < prefix  ? new[i]
		          : rest == 0 ? was[i]
		          : rest == 1 ? 0xff
		                      : (uint8_t)rnd();
}

/* S0.18 S3.20: not begun, torn after every byte, torn at random, done but not
 * returned; onto every past: one store, two, many, across the wrap of seq.
 */
static void a_cut_at_any_byte_leaves_the_old_or_the_new(void **state)
{
	static const uint32_t pasts[] = {1, 2, 3, 0xfffffffe, 0xffffffff, 0};
	uint8_t raw[VS_RECORD_LEN];
	uint8_t torn[VS_RECORD_LEN];

	(void)state;
	for (size_t p = 0; p < sizeof(pasts) / sizeof(*pasts); p++) {
		struct sectors s = {0};
		struct vs_record old = sample();
		struct vs_record older = sample();
		struct vs_record new = sample();
		int in_force = (int)(p & 1);

		old.seq = pasts[p];
		older.seq = pasts[p] - 1;
		vs_record_encode(&old, s.copy[in_force]);
		if (pasts[p] != 1)
			vs_record_encode(&older, s.copy[!in_force]);
		new.slots[1].tries = 2;
		new.seq = old.seq + 1;
		vs_record_encode(&new, raw);
		for (int rest = 0; rest < 3; rest++)
			for (size_t n = 0; n <= VS_RECORD_LEN; n++) {
				fill(torn, s.copy[!in_force], raw, n, rest);
				check_cut(&s, torn, &old, new);
			}
		for (int i = 0; i < 1000; i++) {
			for (size_t b = 0; b < VS_RECORD_LEN; b++)
				torn[b] = rnd() & 1 ? raw[b]
				          : i & 1   ? s.copy[!in_force][b]
				                    : (uint8_t)rnd();
			check_cut(&s, torn, &old, new);
		}
	}
}

static void the_sequence_number_wraps_around(void **state)
{
	struct sectors s = {0};
	struct vs_record_ops at = ops_of(&s);
	struct vs_record r = sample();
	struct vs_record got;

	(void)state;
	r.seq = UINT32_MAX - 2;
	vs_record_encode(&r, s.copy[0]);
	for (uint8_t i = 0; i < 8; i++) {
		r.slots[1].tries = i % VS_TRIES_MAX;
		assert_int_equal(vs_record_store(&at, &r), VS_OK);
		assert_int_equal(s.written, i & 1 ? 0 : 1);
		assert_int_equal(vs_record_load(&at, &got), VS_OK);
		assert_same(&got, &r);
	}
	assert_int_equal(got.seq, 5);
}

static void a_copy_that_cannot_be_read_is_the_one_written(void **state)
{
	struct sectors s = {0};
	struct vs_record_ops at = ops_of(&s);
	struct vs_record r = sample();
	struct vs_record got;

	(void)state;
	assert_int_equal(vs_record_store(&at, &r), VS_OK);
	assert_int_equal(vs_record_store(&at, &r), VS_OK);
	int bad = s.written;
	s.unreadable[bad] = true;
	assert_int_equal(vs_record_load(&at, &got), VS_OK);
	assert_int_equal(got.seq, r.seq - 1);
	/* It cannot be read back either: that is said, and harms nothing. */
	assert_int_equal(vs_record_store(&at, &r), VS_ERR_IO);
	assert_int_equal(s.written, bad);
	assert_int_equal(vs_record_load(&at, &got), VS_OK);
}

static void a_write_that_did_not_happen_is_noticed(void **state)
{
	struct sectors s = {0};
	struct vs_record_ops at = ops_of(&s);
	struct vs_record r = sample();
	uint32_t seq;

	(void)state;
	assert_int_equal(vs_record_store(&at, &r), VS_OK);
	seq = r.seq;
	s.forget = true;
	assert_int_equal(vs_record_store(&at, &r), VS_ERR_IO);
	assert_int_equal(r.seq, seq);
}

static void two_blank_copies_are_no_record(void **state)
{
	struct sectors s = {0};
	struct vs_record_ops at = ops_of(&s);
	struct vs_record got = sample();

	(void)state;
	assert_int_equal(vs_record_load(&at, &got), VS_ERR_ABSENT);
	assert_int_equal(got.slot, 0);
	memset(s.copy, 0xff, sizeof(s.copy));
	assert_int_equal(vs_record_load(&at, &got), VS_ERR_ABSENT);
}

static bool bootable(const struct vs_record *r, int slot)
{
	return r->slots[slot].state == VS_SLOT_GOOD ||
	       (r->slots[slot].state == VS_SLOT_TRIAL &&
	        r->slots[slot].tries > 0);
}

/* Every record there can be, of the states' point of view. */
static struct vs_record record_number(int i)
{
	struct vs_record r = {.slot = (uint8_t)(i & 1)};

	for (int s = 0; s < VS_SLOTS; s++) {
		int k = (s ? i / 2 / 5 : i / 2) % 5;

		r.slots[s].state = (uint8_t)(k == 4 ? VS_SLOT_TRIAL : k);
		r.slots[s].tries = k == VS_SLOT_TRIAL ? 2 : 0;
	}
	return r;
}

static vs_status make_move(int move, struct vs_record *r, int slot)
{
	switch (move) {
	case 0:
		return vs_record_begin(r, slot);
	case 1:
		return vs_record_arm(r, slot, 3);
	case 2:
		return vs_record_confirm(r, slot);
	case 3:
		return vs_record_renew(r, slot);
	default:
		return vs_record_give_up(r, slot, VS_REASON_HEALTH_FAILED);
	}
}

/* S0.17 S1.34: whatever the agent does, something that may boot stays. */
static void no_move_takes_the_last_slot_that_may_boot(void **state)
{
	int made = 0;

	(void)state;
	for (int i = 0; i < 2 * 5 * 5 * 5 * 2; i++) {
		struct vs_record before = record_number(i / 10);
		struct vs_record after = before;
		int move = i / 2 % 5;
		int slot = i % 2;

		if (make_move(move, &after, slot) != VS_OK) {
			assert_same(&before, &after);
			continue;
		}
		made++;
		if (bootable(&before, 0) || bootable(&before, 1))
			assert_true(bootable(&after, 0) || bootable(&after, 1));
		if (move == 0) {
			assert_int_equal(after.slots[slot].state,
			                 VS_SLOT_EMPTY);
			assert_int_equal(after.slots[!slot].state,
			                 VS_SLOT_GOOD);
			assert_int_equal(after.slot, !slot);
		}
		if (move == 1) /* tries come only after a new image */
			assert_int_equal(before.slots[slot].state,
			                 VS_SLOT_EMPTY);
		if (move == 3) { /* consent, and nothing else */
			assert_int_equal(before.slots[slot].state,
			                 VS_SLOT_GOOD);
			assert_int_equal(before.slot, slot);
			before.raise_floor = 1;
			assert_same(&before, &after);
		}
		if (move == 4)
			assert_true(bootable(&after, after.slot));
	}
	assert_in_range(made, 20, 200);
}

static void a_release_goes_through_its_moves(void **state)
{
	struct vs_record r = {0};

	(void)state;
	r.slots[0].state = VS_SLOT_GOOD;
	assert_int_equal(vs_record_begin(&r, 0), VS_ERR_STATE);
	assert_int_equal(vs_record_begin(&r, 2), VS_ERR_STATE);
	assert_int_equal(vs_record_begin(&r, 1), VS_OK);
	assert_int_equal(vs_record_begin(&r, 1), VS_OK);
	assert_int_equal(vs_record_arm(&r, 1, 0), VS_ERR_STATE);
	assert_int_equal(vs_record_arm(&r, 1, VS_TRIES_MAX + 1), VS_ERR_STATE);
	assert_int_equal(vs_record_arm(&r, 1, 3), VS_OK);
	assert_int_equal(vs_record_arm(&r, 1, 3), VS_ERR_STATE);
	assert_int_equal(r.slot, 1);
	assert_int_equal(vs_record_confirm(&r, 0), VS_ERR_STATE);
	assert_int_equal(vs_record_confirm(&r, 1), VS_OK);
	assert_int_equal(r.raise_floor, 1);
	assert_int_equal(vs_record_confirm(&r, 1), VS_OK);
	assert_int_equal(vs_record_give_up(&r, 1, VS_REASON_HEALTH_FAILED),
	                 VS_OK);
	assert_int_equal(r.slot, 0);
	assert_int_equal(r.raise_floor, 0);
	assert_int_equal(r.slots[1].state, VS_SLOT_BAD);
	assert_int_equal(r.slots[1].reason, VS_REASON_HEALTH_FAILED);
	assert_int_equal(vs_record_give_up(&r, 0, VS_REASON_HEALTH_FAILED),
	                 VS_ERR_STATE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_was_encoded_decodes_to_the_same),
		cmocka_unit_test(the_bytes_stand_where_the_format_says),
		cmocka_unit_test(values_out_of_range_are_never_written),
		cmocka_unit_test(a_flipped_bit_in_one_copy_leaves_the_other),
		cmocka_unit_test(a_cut_at_any_byte_leaves_the_old_or_the_new),
		cmocka_unit_test(the_sequence_number_wraps_around),
		cmocka_unit_test(a_copy_that_cannot_be_read_is_the_one_written),
		cmocka_unit_test(a_write_that_did_not_happen_is_noticed),
		cmocka_unit_test(two_blank_copies_are_no_record),
		cmocka_unit_test(no_move_takes_the_last_slot_that_may_boot),
		cmocka_unit_test(a_release_goes_through_its_moves),
	};

	return cmocka_run_group_tests_name("boot record", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/ring_test.c - keyrings change hands, and revoked ones stay gone.
 *
 * People 0 to 2 are built in (version 7); 1 to 3 make the next ring, and 3 to
 * 5 one that shares nobody with the first.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/boot/signer.h"
#include "tests/boot/sim.h"

enum { FIRST = 7, NEXT = 14, LAST = 56, FLOOR = 1 };

static const struct sim_image by_first = {10, 2, 0, NULL, NULL, 0, 3};
static const struct sim_image by_next = {11, 2, 0, NULL, NULL, 0, 12};
static const struct sim_image by_both = {11, 2, 0, NULL, NULL, 0, 6};
static const struct sim_image by_last = {12, 2, 0, NULL, NULL, 0, 48};

/* Slot 0 GOOD with an image of the first ring, slot 1 boots first. */
static struct sim *machine(const struct sim_image *image, bool raise)
{
	struct sim *s = sim_new();
	struct vs_record rec = {.seq = 4, .slot = 1, .raise_floor = raise};

	sim_use_rings(s);
	s->floor[0] = FLOOR;
	sim_place(s, 0, 0, &by_first);
	sim_place(s, 0, 1, image);
	rec.slots[0].state = rec.slots[1].state = VS_SLOT_GOOD;
	sim_set_record(s, &rec);
	return s;
}

/* Decides as if the record had stayed as it is; gives the slot that starts,
 * or -1.
 */
static int decide(struct sim *s, struct vs_boot_decision *d)
{
	uint8_t record[2][VS_RECORD_LEN];

	memcpy(record, s->record, sizeof(record));
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, d), VS_OK);
	memcpy(s->record, record, sizeof(record));
	assert_int_equal(d->slot >= 0, d->verdict == VS_VERDICT_BOOT);
	return d->slot;
}

/* S2.37 */
static void the_newest_ring_that_accepts_a_slot_is_behind_it(void **state)
{
	struct sim *s = machine(&by_next, false);
	struct vs_boot_decision d;

	(void)state;
	assert_int_equal(decide(s, &d), 0); /* nobody knows 2 and 3 yet */
	assert_int_equal(d.seen[1].refused, VS_REASON_SEAL_SIGNATURE);
	assert_int_equal(d.keyring_version, 7);
	sim_append_ring(s, 0, NEXT, 8, FIRST | NEXT);
	assert_int_equal(decide(s, &d), 1);
	assert_int_equal(d.keyring_version, 8);
	assert_int_equal(d.seen[1].epoch, 8);
	assert_int_equal(d.rings[0].version, 8);
	assert_int_equal(d.rings[1].version, 0);
	assert_int_equal(d.epoch_floor, 7);
	/* The first image has one signer in common: the old ring accepts it. */
	s->slots[0][1][0] ^= 1;
	assert_int_equal(decide(s, &d), 0);
	assert_int_equal(d.keyring_version, 7);
	sim_free(s);
}

/* S0.1 S3.19 S3.20 A2: every bit of a stored keyring */
static void a_flipped_bit_in_a_stored_ring_makes_it_nothing(void **state)
{
	struct sim *s = machine(&by_next, false);
	struct vs_boot_decision d;

	(void)state;
	sim_append_ring(s, 0, NEXT, 8, FIRST | NEXT);
	for (size_t bit = 0; bit < s->ring_len[0] * 8; bit++) {
		s->rings[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
		(void)decide(s, &d);
		/* Of the four signatures one is not needed by either ring. */
		if (d.rings[0].refused == VS_REASON_NONE) {
			assert_true(bit / 8 >= s->ring_len[0] - 4 * 100);
			assert_int_equal(d.rings[0].version, 8);
		} else {
			assert_int_equal(d.slot, 0);
			assert_int_equal(d.keyring_version, 7);
		}
		s->rings[0][bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	for (size_t cut = 1; cut < s->ring_len[0]; cut++) {
		size_t whole = s->ring_len[0];

		s->ring_len[0] = cut;
		assert_int_equal(decide(s, &d), 0);
		assert_int_not_equal(d.rings[0].refused, VS_REASON_NONE);
		s->ring_len[0] = whole;
	}
	sim_free(s);
}

/* S0.1 S3.19: who may replace whom */
static void a_ring_needs_the_thresholds_of_both(void **state)
{
	static const struct {
		unsigned by;
		int slot;
	} rows[] = {
		{FIRST | NEXT, 1},
                {6,            1}, /* 1 and 2 are of both */
		{FIRST,        1}, /* 1 and 2 again, and 0 */
		{NEXT,         1},
                {2,            0},
		{8 | 2,        0}, /* 3 and 1: of the first only 1 */
		{1 | 2,        0}, /* 0 and 1: of the next only 1 */
		{56,           0},
	};
	struct vs_boot_decision d;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct sim *s = machine(&by_next, false);

		sim_append_ring(s, 1, NEXT, 8, rows[i].by);
		assert_int_equal(decide(s, &d), rows[i].slot);
		if (rows[i].slot == 0)
			assert_int_equal(d.rings[1].refused,
			                 VS_REASON_SEAL_SIGNATURE);
		sim_free(s);
	}
}

/* S2.37: and a newer loader may have a ring of the chain built in */
static void a_chain_leads_from_ring_to_ring(void **state)
{
	struct sim *s = machine(&by_last, false);
	struct vs_boot_decision d;

	(void)state;
	sim_append_ring(s, 0, NEXT, 8, FIRST | NEXT);
	sim_append_ring(s, 0, 28, 9, NEXT | 28);
	sim_append_ring(s, 0, LAST, 12, 28 | LAST);
	assert_int_equal(decide(s, &d), 1);
	assert_int_equal(d.keyring_version, 12);
	signer_ring_of(&s->ops.crypto, 28, 9, &s->ring);
	assert_int_equal(decide(s, &d), 1);
	signer_ring_of(&s->ops.crypto, LAST, 12, &s->ring);
	assert_int_equal(decide(s, &d), 1);
	assert_int_equal(d.rings[0].refused, VS_REASON_NONE);
	/* From the first one a link that is missing is missed. */
	signer_ring_of(&s->ops.crypto, FIRST, 7, &s->ring);
	s->ring_len[0] = 0;
	sim_append_ring(s, 0, NEXT, 8, FIRST | NEXT);
	sim_append_ring(s, 0, LAST, 12, 16 | 32); /* 28 would have said yes */
	assert_int_equal(decide(s, &d), 0);
	assert_int_equal(d.rings[0].refused, VS_REASON_SEAL_SIGNATURE);
	/* And no link goes back. */
	s->ring_len[0] = 0;
	sim_append_ring(s, 0, NEXT, 9, FIRST | NEXT);
	sim_append_ring(s, 0, 28, 9, NEXT | 28);
	assert_int_equal(decide(s, &d), 0);
	assert_int_equal(d.rings[0].refused, VS_REASON_KEYRING_ROLLBACK);
	sim_free(s);
}

/* S3.20: confirmed like an image, and kept in two places before it counts */
static void the_epoch_rises_only_with_consent_and_two_copies(void **state)
{
	struct vs_boot_decision d;

	(void)state;
	for (int i = 0; i < 16; i++) {
		bool raise = i & 1;
		bool both = i & 2;
		bool trial = i & 4;
		bool older = i & 8; /* one place has another ring */
		struct sim *s = machine(&by_next, raise);
		struct vs_record rec;
		bool rises = raise && both && !trial && !older;

		sim_append_ring(s, 0, NEXT, 8, FIRST | NEXT);
		if (older)
			sim_append_ring(s, 1, FIRST, 8, FIRST | NEXT);
		else if (both)
			sim_append_ring(s, 1, NEXT, 8, FIRST | NEXT);
		if (older && !both)
			s->rings[1][60] ^= 1;
		assert_int_equal(vs_record_load(&s->ops.record, &rec), VS_OK);
		if (trial) {
			rec.slots[1].state = VS_SLOT_TRIAL;
			rec.slots[1].tries = 2;
		}
		sim_set_record(s, &rec);
		if (older && both) { /* of the same version: as good */
			rises = raise && !trial;
		}
		assert_int_equal(decide(s, &d), 1);
		assert_int_equal(s->floor[VS_BOOT_EPOCH], rises ? 8 : 7);
		assert_int_equal(d.epoch_floor, rises ? 8 : 7);
		sim_free(s);
	}
}

/* S2.37 S3.20 A2: a key that is lost to a thief opens nothing any more */
static void after_the_epoch_rose_the_old_ring_opens_nothing(void **state)
{
	struct sim *s = machine(&by_both, true);
	struct vs_boot_decision d;
	struct vs_record rec;

	(void)state;
	sim_append_ring(s, 0, NEXT, 8, FIRST | NEXT);
	sim_append_ring(s, 1, NEXT, 8, FIRST | NEXT);
	assert_int_equal(decide(s, &d), 1);
	assert_true(d.floor_raised);
	assert_int_equal(d.seen[0].refused, VS_REASON_KEYRING_ROLLBACK);
	/* Root writes the old image, the old record, and no rings at all. */
	memset(&rec, 0, sizeof(rec));
	rec.slots[0].state = VS_SLOT_GOOD;
	sim_set_record(s, &rec);
	sim_place(s, 0, 1, &by_first);
	assert_int_equal(decide(s, &d), -1);
	assert_int_equal(d.seen[0].refused, VS_REASON_SEAL_SIGNATURE);
	s->ring_len[0] = s->ring_len[1] = 0;
	assert_int_equal(decide(s, &d), -1);
	assert_int_equal(d.seen[0].refused, VS_REASON_KEYRING_ROLLBACK);
	assert_int_equal(d.keyring_version, 0);
	sim_free(s);
}

static void one_lost_place_is_no_loss_and_two_can_be_brought_back(void **state)
{
	struct sim *s = machine(&by_both, true);
	struct vs_boot_decision d;

	(void)state;
	for (int place = 0; place < 2; place++)
		sim_append_ring(s, place, NEXT, 8, FIRST | NEXT);
	assert_int_equal(decide(s, &d), 1);
	for (int place = 0; place < 2; place++) {
		s->rings[place][40] ^= 1;
		assert_int_equal(decide(s, &d), 1);
		assert_int_equal(d.rings[place].refused, VS_REASON_MALFORMED);
		s->rings[place][40] ^= 1;
	}
	s->rings[0][40] ^= 1;
	s->rings[1][40] ^= 1;
	assert_int_equal(decide(s, &d), -1);
	sim_append_ring(s, 2, NEXT, 8, FIRST | NEXT); /* a service stick */
	assert_int_equal(decide(s, &d), 1);
	/* What the stick alone holds does not raise the epoch. */
	s->ring_len[2] = 0;
	sim_append_ring(s, 2, NEXT, 9, FIRST | NEXT);
	struct vs_record rec = {.seq = 90, .slot = 1, .raise_floor = 1};
	rec.slots[1].state = VS_SLOT_GOOD;
	sim_set_record(s, &rec);
	assert_int_equal(decide(s, &d), 1);
	assert_int_equal(d.keyring_version, 9);
	assert_int_equal(s->floor[VS_BOOT_EPOCH], 8);
	sim_free(s);
}

/* S3.22 */
static void without_an_epoch_nothing_starts(void **state)
{
	struct sim *s = machine(&by_both, false);
	struct vs_boot_decision d;

	(void)state;
	s->epoch_unreadable = true;
	assert_int_equal(decide(s, &d), -1);
	assert_int_equal(d.seen[1].refused, VS_REASON_UNREADABLE);
	assert_int_equal(d.epoch_floor, UINT32_MAX);
	s->epoch_unreadable = false;
	s->ring_unreadable = true; /* the built-in one needs no place */
	assert_int_equal(decide(s, &d), 1);
	assert_int_equal(d.rings[2].refused, VS_REASON_UNREADABLE);
	sim_free(s);
}

static void a_stuck_epoch_starts_nothing_new(void **state)
{
	struct sim *s = machine(&by_next, true);
	struct vs_boot_decision d;

	(void)state;
	sim_append_ring(s, 0, NEXT, 8, FIRST | NEXT);
	sim_append_ring(s, 1, NEXT, 8, FIRST | NEXT);
	s->floor[0] = 2; /* so that the epoch is the first that must rise */
	s->floor_stuck = true;
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_ERR_IO);
	assert_int_equal(d.verdict, VS_VERDICT_DENY);
	sim_free(s);
}

static void a_mapped_machine_decides_the_same(void **state)
{
	static const struct sim_image *const images[] = {&by_first, &by_next,
	                                                 &by_both, &by_last};
	struct vs_boot_decision read;
	struct vs_boot_decision mapped;

	(void)state;
	for (size_t i = 0; i < 4 * 4; i++) {
		struct sim *s = machine(images[i % 4], false);

		if (i >= 8)
			sim_append_ring(s, 0, NEXT, 8, FIRST | NEXT);
		if (i & 4)
			s->slots[0][1][77] ^= 1;
		(void)decide(s, &read);
		sim_use_map(s);
		if (i < 8) /* nothing is lent then */
			s->ops.keyring = NULL;
		(void)decide(s, &mapped);
		if (i < 8)
			mapped.epoch_floor = read.epoch_floor;
		assert_memory_equal(&read, &mapped, sizeof(read));
		sim_free(s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_newest_ring_that_accepts_a_slot_is_behind_it),
		cmocka_unit_test(
			a_flipped_bit_in_a_stored_ring_makes_it_nothing),
		cmocka_unit_test(a_ring_needs_the_thresholds_of_both),
		cmocka_unit_test(a_chain_leads_from_ring_to_ring),
		cmocka_unit_test(
			the_epoch_rises_only_with_consent_and_two_copies),
		cmocka_unit_test(
			after_the_epoch_rose_the_old_ring_opens_nothing),
		cmocka_unit_test(
			one_lost_place_is_no_loss_and_two_can_be_brought_back),
		cmocka_unit_test(without_an_epoch_nothing_starts),
		cmocka_unit_test(a_stuck_epoch_starts_nothing_new),
		cmocka_unit_test(a_mapped_machine_decides_the_same),
	};

	return cmocka_run_group_tests_name("boot rings", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/boot_test.c - every decision against a reference of thirty lines.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/boot/sim.h"

enum { FLOOR = 5, FLIP_AT = 5000, LEAF_AT = 3 * VS_BLOCK_LEN + 40 };

/* What may be in a slot, and what must be said of it. */
enum content {
	AT_FLOOR,
	ABOVE,
	BELOW,
	ONE_SIGNATURE,
	FLIPPED_IMAGE,
	FLIPPED_TREE,
	NOTHING,
	OTHER_COMPONENT,
	OTHER_HARDWARE,
	CONTENTS
};

static const vs_reason said[CONTENTS] = {
	[BELOW] = VS_REASON_BELOW_FLOOR,
	[ONE_SIGNATURE] = VS_REASON_SEAL_SIGNATURE,
	[FLIPPED_IMAGE] = VS_REASON_CLUSTER_MISMATCH,
	[FLIPPED_TREE] = VS_REASON_TREE_MISMATCH,
	[NOTHING] = VS_REASON_NO_SEAL,
	[OTHER_COMPONENT] = VS_REASON_WRONG_COMPONENT,
	[OTHER_HARDWARE] = VS_REASON_WRONG_HARDWARE,
};

static uint32_t security_of(enum content c)
{
	return c == BELOW ? FLOOR - 1 : c == ABOVE ? FLOOR + 2 : FLOOR;
}

static void put(struct sim *s, int component, int slot, enum content c,
                uint64_t seq)
{
	struct sim_image image = {seq, security_of(c), 2, NULL, NULL, 0, 0};

	if (c == ONE_SIGNATURE)
		image.signatures = 1;
	if (c == OTHER_COMPONENT)
		image.component = s->components[!component].name;
	if (c == OTHER_HARDWARE)
		image.hardware = "gw-rev2";
	sim_place(s, component, slot, &image);
	if (c == NOTHING)
		memset(s->slots[component][slot], 0, SIM_SLOT_LEN);
	if (c == FLIPPED_IMAGE)
		s->slots[component][slot][FLIP_AT] ^= 4;
	if (c == FLIPPED_TREE)
		s->slots[component][slot][LEAF_AT] ^= 4;
}

/* One row of the table. */
struct row {
	int slot;
	int state[VS_SLOTS]; /* index into states[] */
	enum content content[VS_SLOTS];
	uint64_t seq[VS_SLOTS];
	bool raise;
	bool lost;
	enum vs_reset_cause cause;
};

static const struct {
	uint8_t state, tries;
} states[] = {
	{VS_SLOT_EMPTY, 0},
        {VS_SLOT_TRIAL, 0},
        {VS_SLOT_TRIAL, 1},
	{VS_SLOT_TRIAL, 3},
        {VS_SLOT_GOOD,  0},
        {VS_SLOT_BAD,   0},
};

enum { STATES = sizeof(states) / sizeof(*states) };

struct expected {
	int slot; /* -1: deny */
	bool trial;
	int tries;
	uint32_t floor;
};

/* The reference: written from boot.h's words, not from boot.c. */
static struct expected reference(const struct row *r)
{
	struct expected e = {.slot = -1, .floor = FLOOR};
	bool can[VS_SLOTS];

	for (int s = 0; s < VS_SLOTS; s++) {
		bool sound =
			r->content[s] == AT_FLOOR || r->content[s] == ABOVE;
		int st = states[r->state[s]].state;

		can[s] = sound && (r->lost || st == VS_SLOT_GOOD ||
		                   (st == VS_SLOT_TRIAL &&
		                    states[r->state[s]].tries > 0));
	}
	if (r->lost && can[0] && can[1])
		e.slot = r->seq[1] > r->seq[0];
	else if (r->lost)
		e.slot = can[0] ? 0 : can[1] ? 1 : -1;
	else
		e.slot = can[r->slot] ? r->slot : can[!r->slot] ? !r->slot : -1;
	if (e.slot < 0 || r->lost)
		return e;
	e.trial = states[r->state[e.slot]].state == VS_SLOT_TRIAL;
	e.tries = states[r->state[e.slot]].tries;
	if (e.trial && r->cause != VS_RESET_POWER)
		e.tries--;
	if (r->raise && !e.trial && security_of(r->content[e.slot]) > FLOOR)
		e.floor = security_of(r->content[e.slot]);
	return e;
}

static struct vs_record record_of(const struct row *r)
{
	struct vs_record rec = {.seq = 40, .slot = (uint8_t)r->slot};

	for (int s = 0; s < VS_SLOTS; s++) {
		rec.slots[s].state = states[r->state[s]].state;
		rec.slots[s].tries = states[r->state[s]].tries;
		if (rec.slots[s].state == VS_SLOT_BAD)
			rec.slots[s].reason = VS_REASON_HEALTH_FAILED;
	}
	rec.raise_floor = r->raise;
	rec.last_reset = VS_RESET_UNKNOWN;
	return rec;
}

static void check_record(struct sim *s, const struct row *r,
                         const struct expected *e)
{
	struct vs_record before = record_of(r);
	struct vs_record after;
	int other = !e->slot;

	if (e->slot < 0 && r->lost)
		return;
	assert_int_equal(vs_record_load(&s->ops.record, &after), VS_OK);
	if (e->slot < 0) {
		assert_int_equal(after.seq, before.seq);
		return;
	}
	assert_int_equal(after.slot, e->slot);
	assert_int_equal(after.last_reset, r->cause);
	assert_int_equal(after.slots[e->slot].state,
	                 e->trial ? VS_SLOT_TRIAL : VS_SLOT_GOOD);
	assert_int_equal(after.slots[e->slot].tries, e->tries);
	if (r->lost) /* never tries out of nothing */
		assert_int_not_equal(after.slots[other].state, VS_SLOT_TRIAL);
	else if (e->slot != r->slot &&
	         before.slots[other].state == VS_SLOT_TRIAL)
		assert_int_equal(after.slots[other].state, VS_SLOT_BAD);
	else
		assert_int_equal(after.slots[other].state,
		                 before.slots[other].state);
	assert_int_equal(after.raise_floor, r->raise && !r->lost && e->trial);
}

static void check_row(struct sim *s, const struct row *r)
{
	struct expected e = reference(r);
	struct vs_record rec = record_of(r);
	struct vs_boot_decision d;

	for (int slot = 0; slot < VS_SLOTS; slot++)
		put(s, 0, slot, r->content[slot], r->seq[slot]);
	s->floor[0] = FLOOR;
	sim_set_record(s, &rec);
	if (r->lost)
		memset(s->record, 0xa5, sizeof(s->record));
	assert_int_equal(sim_decide(s, r->cause, &d), VS_OK);
	assert_int_equal(d.verdict,
	                 e.slot < 0 ? VS_VERDICT_DENY : VS_VERDICT_BOOT);
	assert_int_equal(d.slot, e.slot);
	assert_int_equal(s->floor[0], e.floor);
	assert_int_equal(d.floor[0], e.floor);
	assert_int_equal(d.floor_raised, e.floor != FLOOR);
	assert_int_equal(d.record_lost, r->lost);
	check_record(s, r, &e);
	if (e.slot < 0)
		return;
	assert_int_equal(d.trial, e.trial);
	assert_int_equal(d.tries_left, e.tries);
	if (!r->lost)
		assert_int_equal(d.fell_back, e.slot != r->slot);
	assert_true(d.header[0].security_version >= e.floor);
	assert_int_equal(d.header[0].release_seq, r->seq[e.slot]);
	assert_int_equal(d.seen[e.slot].refused, VS_REASON_NONE);
}

/* S0.16 S0.17 S0.15 S1.33 S1.34: slot state x tries x floor relation x content
 * x cause */
static void every_decision_is_the_references(void **state)
{
	struct sim *s = sim_new();
	struct row r = {
		.seq = {10, 11}
        };
	long rows = 0;

	(void)state;
	for (int i = 0; i < STATES * STATES * CONTENTS * CONTENTS; i++) {
		r.state[0] = i % STATES;
		r.state[1] = i / STATES % STATES;
		r.content[0] = (enum content)(i / STATES / STATES % CONTENTS);
		r.content[1] = (enum content)(i / STATES / STATES / CONTENTS);
		for (int k = 0; k < 12; k++, rows++) {
			r.slot = k & 1;
			r.raise = k >> 1 & 1;
			r.cause = k / 4 == 0   ? VS_RESET_POWER
			          : k / 4 == 1 ? VS_RESET_REQUEST
			                       : VS_RESET_CRASH;
			check_row(s, &r);
		}
	}
	assert_int_equal(rows, 6L * 6 * 9 * 9 * 12);
	sim_free(s);
}

/* S0.2 S1.34 */
static void a_lost_record_starts_the_newest_sound_slot(void **state)
{
	struct sim *s = sim_new();

	(void)state;
	for (int i = 0; i < CONTENTS * CONTENTS * 2; i++) {
		struct row r = {
			.content = {(enum content)(i / 2 % CONTENTS),
		                    (enum content)(i / 2 / CONTENTS)    },
			.seq = {i & 1 ? 12 : 10,                  11},
			.lost = true,
			.cause = VS_RESET_CRASH,
		};
		check_row(s, &r);
	}
	sim_free(s);
}

/* S0.2 */
static void one_lost_copy_changes_no_decision(void **state)
{
	struct sim *s = sim_new();
	struct row r = {
		.slot = 1,
		.state = {4,  3 },
		.seq = {10, 11},
		.cause = VS_RESET_CRASH
        };
	struct vs_record rec = record_of(&r);
	struct vs_boot_decision d;

	(void)state;
	for (int copy = 0; copy < 2; copy++) {
		put(s, 0, 0, AT_FLOOR, 10);
		put(s, 0, 1, AT_FLOOR, 11);
		sim_set_record(s, &rec);
		memset(s->record[copy], 0, VS_RECORD_LEN);
		assert_int_equal(sim_decide(s, r.cause, &d), VS_OK);
		assert_int_equal(d.verdict, VS_VERDICT_BOOT);
		assert_false(d.record_lost);
		assert_int_equal(d.slot, 1);
		assert_int_equal(d.tries_left, 2);
	}
	sim_free(s);
}

/* S0.2 S2.39 S3.27 A7: a release of several components is all or nothing */
static void a_slot_starts_only_if_all_its_components_verify(void **state)
{
	struct sim *s = sim_new();
	struct vs_record rec = {.seq = 3, .slot = 1};
	struct vs_boot_decision d;

	(void)state;
	s->count = 2;
	rec.slots[0].state = rec.slots[1].state = VS_SLOT_GOOD;
	for (int i = 0; i < CONTENTS * CONTENTS; i++) {
		enum content c[2] = {(enum content)(i % CONTENTS),
		                     (enum content)(i / CONTENTS)};
		bool sound = said[c[0]] == VS_REASON_NONE &&
		             said[c[1]] == VS_REASON_NONE;

		s->floor[0] = s->floor[1] = FLOOR;
		for (int k = 0; k < 2; k++) {
			put(s, k, 0, AT_FLOOR, 10);
			put(s, k, 1, c[k], 11);
		}
		sim_set_record(s, &rec);
		assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_OK);
		assert_int_equal(d.verdict, VS_VERDICT_BOOT);
		assert_int_equal(d.slot, sound ? 1 : 0);
		if (sound)
			continue;
		int first = said[c[0]] == VS_REASON_NONE;
		assert_int_equal(d.seen[1].component, first);
		assert_int_equal(d.seen[1].refused, said[c[first]]);
	}
	sim_free(s);
}

/* S0.18 S0.23 S3.20 */
static void every_floor_rises_with_the_confirmed_slot(void **state)
{
	struct sim *s = sim_new();
	struct vs_record rec = {.seq = 3, .slot = 1, .raise_floor = 1};
	struct vs_boot_decision d;

	(void)state;
	s->count = 2;
	rec.slots[0].state = rec.slots[1].state = VS_SLOT_GOOD;
	s->floor[0] = s->floor[1] = FLOOR;
	for (int k = 0; k < 2; k++) {
		put(s, k, 0, AT_FLOOR, 10);
		put(s, k, 1, ABOVE, 11);
	}
	sim_set_record(s, &rec);
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	assert_int_equal(s->floor[0], FLOOR + 2);
	assert_int_equal(s->floor[1], FLOOR + 2);
	/* The old slot is seen as what it has become. */
	assert_int_equal(d.seen[0].refused, VS_REASON_BELOW_FLOOR);
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_OK);
	assert_false(d.floor_raised);
	sim_free(s);
}

static vs_status verify(struct sim *s, struct vs_why *why)
{
	struct vs_seal_header h;

	return vs_boot_verify_component(&s->ops, s->components, 0, 0, &s->ring,
	                                &s->scratch, &h, why);
}

/* S0.16 S0.21 S1.13 S3.7: a slot that was changed after the install does not
 * boot */
static void any_bit_of_the_footer_matters(void **state)
{
	struct sim *s = sim_new();
	uint8_t *footer = s->slots[0][0] + SIM_SLOT_LEN - 16384;
	struct vs_why why;

	(void)state;
	put(s, 0, 0, AT_FLOOR, 10);
	/* 8 bytes past the two signatures: the zeros count, too */
	for (size_t bit = 0; bit < (512 + 8 + 2 * 104 + 8) * 8; bit++) {
		footer[bit / 8] ^= (uint8_t)(1 << bit % 8);
		assert_int_not_equal(verify(s, &why), VS_OK);
		footer[bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(verify(s, &why), VS_OK);
	sim_free(s);
}

/* S0.16 S0.21 S1.22 */
static void any_byte_of_the_image_matters(void **state)
{
	struct sim *s = sim_new();
	struct vs_why why;

	(void)state;
	put(s, 0, 0, AT_FLOOR, 10);
	for (size_t at = 0; at < 3 * VS_BLOCK_LEN - 100; at += 7) {
		s->slots[0][0][at] ^= 0x80;
		assert_int_equal(verify(s, &why), VS_ERR_REFUSED);
		assert_int_equal(why.code, VS_REASON_CLUSTER_MISMATCH);
		s->slots[0][0][at] ^= 0x80;
	}
	sim_free(s);
}

static void with_dm_verity_the_image_is_not_hashed_here(void **state)
{
	struct sim *s = sim_new();
	struct vs_record rec = {.seq = 3};
	struct vs_boot_decision d;

	(void)state;
	rec.slots[0].state = VS_SLOT_GOOD;
	s->components[0].hash_whole = false;
	put(s, 0, 0, FLIPPED_IMAGE, 10);
	sim_set_record(s, &rec);
	assert_int_equal(sim_decide(s, VS_RESET_POWER, &d), VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	sim_free(s);
}

/* S0.20 */
static void a_ring_of_zeros_trusts_nobody(void **state)
{
	struct sim *s = sim_new();
	struct vs_record rec = {.seq = 3};
	struct vs_boot_decision d;

	(void)state;
	rec.slots[0].state = VS_SLOT_GOOD;
	put(s, 0, 0, AT_FLOOR, 10);
	sim_set_record(s, &rec);
	memset(&s->ring, 0, sizeof(s->ring));
	assert_int_equal(sim_decide(s, VS_RESET_POWER, &d), VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_DENY);
	assert_int_equal(d.seen[0].refused, VS_REASON_SEAL_SIGNATURE);
	assert_int_equal(d.seen[0].release_seq[0], 0);
	sim_free(s);
}

/* S0.17 */
static void what_cannot_be_written_is_not_started(void **state)
{
	struct sim *s = sim_new();
	struct vs_record rec = {.seq = 3, .slot = 1};
	struct vs_boot_decision d;

	(void)state;
	put(s, 0, 0, AT_FLOOR, 10);
	put(s, 0, 1, ABOVE, 11);
	rec.slots[0].state = VS_SLOT_GOOD;
	rec.slots[1].state = VS_SLOT_TRIAL;
	rec.slots[1].tries = 2;
	sim_set_record(s, &rec);
	s->record_stuck = true;
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_ERR_IO);
	assert_int_equal(d.verdict, VS_VERDICT_DENY);
	assert_int_equal(d.slot, -1);
	s->record_stuck = false;
	s->record_forgets = true;
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_ERR_IO);
	assert_int_equal(d.verdict, VS_VERDICT_DENY);
	/* A GOOD slot needs nothing written: only last_reset is lost. */
	rec.slots[1].state = VS_SLOT_GOOD;
	rec.slots[1].tries = 0;
	sim_set_record(s, &rec);
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	s->record_forgets = false;
	rec.raise_floor = 1;
	sim_set_record(s, &rec);
	s->floor_stuck = true;
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_ERR_IO);
	assert_int_equal(d.verdict, VS_VERDICT_DENY);
	sim_free(s);
}

/* S3.22 */
static void without_a_floor_nothing_starts(void **state)
{
	struct sim *s = sim_new();
	struct vs_record rec = {.seq = 3};
	struct vs_boot_decision d;

	(void)state;
	put(s, 0, 0, ABOVE, 10);
	rec.slots[0].state = VS_SLOT_GOOD;
	sim_set_record(s, &rec);
	s->floor_unreadable = true;
	assert_int_equal(sim_decide(s, VS_RESET_POWER, &d), VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_DENY);
	assert_int_equal(d.seen[0].refused, VS_REASON_UNREADABLE);
	sim_free(s);
}

/* S0.17: a slot that starts and comes back gives way in the same start; one on
 * trial is given up, a good one is asked again after the next reset.
 */
static void a_slot_that_came_back_gives_way(void **state)
{
	struct sim *s = sim_new();
	struct vs_record rec = {.seq = 3, .slot = 1};
	struct vs_boot_decision d;

	(void)state;
	put(s, 0, 0, AT_FLOOR, 10);
	put(s, 0, 1, ABOVE, 11);
	rec.slots[0].state = VS_SLOT_GOOD;
	for (int trial = 0; trial < 2; trial++) {
		rec.slots[1].state = trial ? VS_SLOT_TRIAL : VS_SLOT_GOOD;
		rec.slots[1].tries = trial ? 3 : 0;
		sim_set_record(s, &rec);
		s->ops.came_back = 1 << 1;
		assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_OK);
		assert_int_equal(d.verdict, VS_VERDICT_BOOT);
		assert_int_equal(d.slot, 0);
		assert_true(d.fell_back);
		assert_int_equal(d.seen[1].refused, VS_REASON_BOOT_FAILED);
		s->ops.came_back = 0;
		assert_int_equal(vs_record_load(&s->ops.record, &rec), VS_OK);
		assert_int_equal(rec.slot, 0);
		assert_int_equal(rec.slots[0].state, VS_SLOT_GOOD);
		assert_int_equal(rec.slots[1].state,
		                 trial ? VS_SLOT_BAD : VS_SLOT_GOOD);
		assert_int_equal(rec.slots[1].reason,
		                 trial ? VS_REASON_BOOT_FAILED : 0);
		rec.slot = 1;
		rec.slots[1].reason = 0;
	}
	s->ops.came_back = 3;
	assert_int_equal(sim_decide(s, VS_RESET_REQUEST, &d), VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_DENY);
	sim_free(s);
}

static void limits_are_refused_with_their_reason(void **state)
{
	struct sim *s = sim_new();
	struct sim_image huge = {9, FLOOR, 2, NULL, NULL, UINT64_C(5) << 30, 0};
	struct vs_boot_decision d;
	struct vs_why why;

	(void)state;
	s->count = 0;
	assert_int_equal(sim_decide(s, VS_RESET_POWER, &d), VS_ERR_LIMIT);
	assert_int_equal(d.verdict, VS_VERDICT_DENY);
	s->count = VS_BOOT_COMPONENTS_MAX + 1;
	assert_int_equal(sim_decide(s, VS_RESET_POWER, &d), VS_ERR_LIMIT);
	put(s, 0, 0, AT_FLOOR, 10);
	s->slot_len = 16383;
	assert_int_equal(verify(s, &why), VS_ERR_ABSENT);
	s->slot_len = SIM_SLOT_LEN - 7 * VS_BLOCK_LEN;
	assert_int_equal(verify(s, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_TOO_BIG_FOR_SLOT);
	/* 5 GiB: the tree above the leaves does not fit in the scratch. */
	sim_place(s, 0, 0, &huge);
	s->slot_len = UINT64_C(6) << 30;
	assert_int_equal(verify(s, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_TOO_LARGE);
	s->components[0].hash_whole = false;
	assert_int_equal(verify(s, &why), VS_OK);
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_decision_is_the_references),
		cmocka_unit_test(a_lost_record_starts_the_newest_sound_slot),
		cmocka_unit_test(one_lost_copy_changes_no_decision),
		cmocka_unit_test(
			a_slot_starts_only_if_all_its_components_verify),
		cmocka_unit_test(every_floor_rises_with_the_confirmed_slot),
		cmocka_unit_test(any_bit_of_the_footer_matters),
		cmocka_unit_test(any_byte_of_the_image_matters),
		cmocka_unit_test(with_dm_verity_the_image_is_not_hashed_here),
		cmocka_unit_test(a_ring_of_zeros_trusts_nobody),
		cmocka_unit_test(what_cannot_be_written_is_not_started),
		cmocka_unit_test(without_a_floor_nothing_starts),
		cmocka_unit_test(a_slot_that_came_back_gives_way),
		cmocka_unit_test(limits_are_refused_with_their_reason),
	};

	return cmocka_run_group_tests_name("boot decision", tests, NULL, NULL);
}

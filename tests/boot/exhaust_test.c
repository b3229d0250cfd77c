/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/exhaust_test.c - every world there is, against a reference.
 *
 * All states of both slots, their tries, whether what is in them was signed by
 * whom, stands below, at or above the floor and is intact, what happened to
 * the two copies of the record, which keyrings are stored and what the epoch
 * is.  The reference is boot/boot.h and docs/formats/boot-record.md in sixty
 * lines, written before the loader was looked at.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tests/boot/signer.h"
#include "tests/boot/sim.h"

enum { FLOOR = 5, BUILT_IN = 7, NEXT = 8, OURS = 7, THEIRS = 14 };

/* Who signed what is in a slot: people 0 and 1, 2 and 3, 1 and 2, or 0. */
static const unsigned signers[] = {3, 12, 6, 1};

enum { SIGNERS_OF = 4, RELATIONS = 3, INTACT = SIGNERS_OF * RELATIONS };
enum { FLIPPED = INTACT, NOTHING, CONTENTS };

static const struct {
	uint8_t state, tries;
} states[] = {
	{.state = VS_SLOT_EMPTY},
	{.state = VS_SLOT_TRIAL, .tries = 0},
	{.state = VS_SLOT_TRIAL,                      .tries = 1},
	{.state = VS_SLOT_TRIAL,.tries = 3},
	{.state = VS_SLOT_GOOD},
	{.state = VS_SLOT_BAD                     },
};

enum { STATES = sizeof(states) / sizeof(states[0]) };
enum copies { WHOLE, NEWER_TORN, OLDER_TORN, NEWER_UNREAD, LOST, COPIES };
enum rings { ALONE, ONE_PLACE, TWO_PLACES, REVOKED, MISSING, NO_EPOCH, RINGS };

struct world {
	int state[VS_SLOTS];
	int content[VS_SLOTS];
	enum copies copies;
	enum rings rings;
	int first;
	bool raise;
	enum vs_reset_cause cause;
};

struct outcome {
	int slot; /* -1: none */
	bool trial, lost, writes;
	int tries;
	uint32_t floor, epoch, keyring;
};

static uint32_t security_of(int content)
{
	return content < INTACT ? (uint32_t)(FLOOR - 1 + content % RELATIONS)
	                        : FLOOR + 1;
}

static int people_of(unsigned mask)
{
	return (int)((mask & 1) + (mask >> 1 & 1) + (mask >> 2 & 1) +
	             (mask >> 3 & 1));
}

/* ---- the reference ---- */

/* The newest keyring that stands and has two signers among by; 0: none. */
static uint32_t keyring_of(const struct world *w, unsigned by)
{
	bool stored = w->rings == ONE_PLACE || w->rings == TWO_PLACES ||
	              w->rings == REVOKED;

	if (w->rings == NO_EPOCH)
		return 0;
	if (stored && people_of(by & THEIRS) >= 2)
		return NEXT;
	if (w->rings != REVOKED && w->rings != MISSING &&
	    people_of(by & OURS) >= 2)
		return BUILT_IN;
	return 0;
}

static bool is_sound(const struct world *w, int s, uint32_t *keyring)
{
	int c = w->content[s];

	*keyring = c < INTACT ? keyring_of(w, signers[c / RELATIONS])
	                      : keyring_of(w, signers[2]);
	return *keyring > 0 && security_of(c) >= FLOOR && c != FLIPPED &&
	       c != NOTHING;
}

static struct outcome reference(const struct world *w)
{
	struct outcome o = {
		.slot = -1, .floor = FLOOR, .lost = w->copies == LOST};
	bool older = w->copies == NEWER_TORN || w->copies == NEWER_UNREAD;
	bool raise = w->raise && !older && !o.lost;
	int first = older ? !w->first : w->first;
	uint32_t keyring;

	o.epoch = w->rings == REVOKED || w->rings == MISSING ? NEXT : BUILT_IN;
	if (o.lost) { /* slot 1 has the higher release_seq, if it has one */
		bool seal = w->content[1] != NOTHING;

		(void)is_sound(w, 1, &keyring);
		first = seal && keyring > 0;
	}
	for (int i = 0; i < VS_SLOTS && o.slot < 0; i++) {
		int s = first ^ i;
		int st = states[w->state[s]].state;
		int tries = states[w->state[s]].tries;

		if (!is_sound(w, s, &keyring))
			continue;
		if (!o.lost && st != VS_SLOT_GOOD &&
		    (st != VS_SLOT_TRIAL || tries == 0))
			continue;
		o.slot = s;
		o.keyring = keyring;
		o.trial = !o.lost && st == VS_SLOT_TRIAL;
		o.tries = o.trial ? tries - (w->cause != VS_RESET_POWER) : 0;
	}
	o.writes = o.slot != first || (o.trial && w->cause != VS_RESET_POWER);
	if (o.slot < 0 || o.trial || !raise)
		return o;
	if (security_of(w->content[o.slot]) > FLOOR)
		o.floor = security_of(w->content[o.slot]);
	if (o.keyring == NEXT && w->rings == TWO_PLACES)
		o.epoch = NEXT;
	return o;
}

/* ---- the world ---- */

static struct sim *s;
static bool newer_unread;
static vs_status (*true_read)(void *, int, uint8_t *);

static vs_status record_read(void *ctx, int copy, uint8_t *out)
{
	return newer_unread && copy == 1 ? VS_ERR_IO
	                                 : true_read(ctx, copy, out);
}

static void put(int slot, int content)
{
	struct sim_image image = {.release_seq = 10 + (uint64_t)slot,
	                          .security_version = security_of(content),
	                          .signed_by = signers[2]};

	if (content < INTACT)
		image.signed_by = signers[content / RELATIONS];
	sim_place(s, 0, slot, &image);
	if (content == FLIPPED)
		s->slots[0][slot][5000] ^= 8;
	if (content == NOTHING)
		memset(s->slots[0][slot], 0, SIM_SLOT_LEN);
}

static struct vs_record record_of(const struct world *w)
{
	struct vs_record rec = {
		.seq = 40, .slot = (uint8_t)w->first, .raise_floor = w->raise};

	for (int i = 0; i < VS_SLOTS; i++) {
		rec.slots[i].state = states[w->state[i]].state;
		rec.slots[i].tries = states[w->state[i]].tries;
		if (rec.slots[i].state == VS_SLOT_BAD)
			rec.slots[i].reason = VS_REASON_HEALTH_FAILED;
	}
	return rec;
}

/* Copy 1 is the newer one.  The older one names the other slot. */
static void put_record(const struct world *w)
{
	struct vs_record rec = record_of(w);
	struct vs_record older = rec;

	older.seq--;
	older.slot = (uint8_t)!rec.slot;
	older.raise_floor = 0;
	vs_record_encode(&older, s->record[0]);
	vs_record_encode(&rec, s->record[1]);
	newer_unread = w->copies == NEWER_UNREAD;
	if (w->copies == NEWER_TORN || w->copies == LOST)
		memset(s->record[1] + 256, 0xff, 256);
	if (w->copies == OLDER_TORN || w->copies == LOST)
		s->record[0][20] ^= 1;
}

static void put_rings(enum rings rings)
{
	memset(s->ring_len, 0, sizeof(s->ring_len));
	s->floor[VS_BOOT_EPOCH] =
		rings == REVOKED || rings == MISSING ? NEXT : BUILT_IN;
	s->epoch_unreadable = rings == NO_EPOCH;
	if (rings != ALONE && rings != MISSING)
		sim_append_ring(s, 0, THEIRS, NEXT, OURS | THEIRS);
	if (rings == TWO_PLACES || rings == REVOKED)
		sim_append_ring(s, 1, THEIRS, NEXT, OURS | THEIRS);
}

static void check_record(const struct world *w, const struct outcome *o)
{
	struct vs_record rec;

	if (o->slot < 0 || w->copies == NEWER_UNREAD)
		return;
	assert_int_equal(vs_record_load(&s->ops.record, &rec), VS_OK);
	assert_int_equal(rec.slot, o->slot);
	assert_int_equal(rec.slots[o->slot].state,
	                 o->trial ? VS_SLOT_TRIAL : VS_SLOT_GOOD);
	assert_int_equal(rec.slots[o->slot].tries, o->tries);
	if (o->lost)
		assert_int_not_equal(rec.slots[!o->slot].state, VS_SLOT_TRIAL);
}

static void check(const struct world *w)
{
	struct outcome o = reference(w);
	struct vs_boot_decision d;
	vs_status status;

	put_record(w);
	s->floor[0] = FLOOR;
	s->floor[VS_BOOT_EPOCH] =
		w->rings == REVOKED || w->rings == MISSING ? NEXT : BUILT_IN;
	status = sim_decide(s, w->cause, &d);
	if (w->copies == NEWER_UNREAD && o.slot >= 0 && o.writes) {
		/* What is written to a copy that cannot be read back is not
		 * there, and what was not written down does not start. */
		assert_int_equal(status, VS_ERR_IO);
		assert_int_equal(d.verdict, VS_VERDICT_DENY);
		return;
	}
	assert_int_equal(status, VS_OK);
	assert_int_equal(d.verdict,
	                 o.slot < 0 ? VS_VERDICT_DENY : VS_VERDICT_BOOT);
	assert_int_equal(d.slot, o.slot);
	assert_int_equal(s->floor[0], o.floor);
	assert_int_equal(d.record_lost, o.lost);
	if (w->rings != NO_EPOCH)
		assert_int_equal(s->floor[VS_BOOT_EPOCH], o.epoch);
	check_record(w, &o);
	if (o.slot < 0)
		return;
	assert_int_equal(d.trial, o.trial);
	assert_int_equal(d.tries_left, o.tries);
	assert_int_equal(d.keyring_version, o.keyring);
	assert_int_equal(d.epoch_floor, o.epoch);
	assert_int_equal(d.header[0].security_version,
	                 security_of(w->content[o.slot]));
}

/* All that the record can say, over slots that hold what they hold. */
static long check_records(struct world *w)
{
	long worlds = 0;

	for (int i = 0; i < STATES * STATES * COPIES * 8; i++, worlds++) {
		int k = i / STATES / STATES / COPIES;

		w->state[0] = i % STATES;
		w->state[1] = i / STATES % STATES;
		w->copies = (enum copies)(i / STATES / STATES % COPIES);
		w->first = k & 1;
		w->raise = k & 2;
		w->cause = k & 4 ? VS_RESET_POWER : VS_RESET_WATCHDOG;
		check(w);
	}
	return worlds;
}

/* S0.2 S0.15 S0.16 S0.17 S0.18 S1.33 S1.34 S3.20 S3.22 */
static void every_decision_is_the_references(void **state)
{
	static const int few[] = {0, 4, 7, FLIPPED}; /* for the rarer rings */
	long worlds = 0;
	struct world w;

	(void)state;
	memset(&w, 0, sizeof(w));
	for (int r = 0; r < RINGS; r++) {
		int contents = r == ALONE ? CONTENTS : 4;

		w.rings = (enum rings)r;
		put_rings(w.rings);
		for (int i = 0; i < contents * contents; i++) {
			for (int k = 0; k < VS_SLOTS; k++) {
				int c = k ? i / contents : i % contents;

				w.content[k] = r == ALONE ? c : few[c];
				put(k, w.content[k]);
			}
			worlds += check_records(&w);
		}
	}
	print_message("# decisions compared: %ld\n", worlds);
	assert_int_equal(worlds, (14L * 14 + 5 * 16) * 36 * 5 * 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_decision_is_the_references),
	};
	int failed;

	sim_quick_blocks();
	s = sim_new();
	sim_use_rings(s);
	true_read = s->ops.record.read;
	s->ops.record.read = record_read;
	failed = cmocka_run_group_tests_name("boot exhaustive", tests, NULL,
	                                     NULL);
	sim_free(s);
	return failed;
}

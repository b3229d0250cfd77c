/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/cut_test.c - an update whose power is cut at every write.
 *
 * After each cut the machine is switched on again and the agent goes on from
 * what the record says.  At every decision: some slot verifies and boots,
 * never one below the floor, never one that is not a whole release, a try is
 * taken before a trial starts, and the floor rises only after a confirmation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "tests/boot/sim.h"

enum {
	OLD_SECURITY = 1,
	NEW_SECURITY = 2,
	TRIES = 3,
	BOOTS_MAX = 14,
	TWICE_WAYS = 4
};

static const struct sim_image old_image = {10, OLD_SECURITY, 2, NULL, NULL, 0,
                                           0};
static const struct sim_image new_image = {11, NEW_SECURITY, 2, NULL, NULL, 0,
                                           0};

/* How the story ends: with the new release, or with the old one again. */
enum story { GOOD_RELEASE, CRASHING_RELEASE, REJECTED_RELEASE, STORIES };

enum step { REBOOT, CRASH, DONE, CUT };

static struct sim *machine(void)
{
	struct sim *s = sim_new();
	struct vs_record rec = {.seq = 1};

	s->count = 2;
	for (int c = 0; c < s->count; c++) {
		s->floor[c] = OLD_SECURITY;
		sim_place(s, c, 0, &old_image);
	}
	rec.slots[0].state = VS_SLOT_GOOD;
	sim_set_record(s, &rec);
	return s;
}

/* Whether a slot holds a whole release: its bytes, not our verifier, say. */
static bool holds(struct sim *s, int slot, const struct sim_image *image)
{
	for (int c = 0; c < s->count; c++)
		if (memcmp(s->slots[c][slot], sim_slot_bytes(s, c, image),
		           SIM_SLOT_LEN) != 0)
			return false;
	return true;
}

/* Boots once and holds the decision to the invariants. */
static vs_status boot(struct sim *s, enum vs_reset_cause cause,
                      struct vs_boot_decision *d)
{
	struct vs_record before = {0};
	struct vs_record after = {0};
	vs_status known = vs_record_load(&s->ops.record, &before);
	uint32_t floor = s->floor[0];
	vs_status status = sim_decide(s, cause, d);

	assert_int_equal(known, VS_OK); /* one cut never loses both copies */
	if (s->floor[0] > floor || s->floor[1] > floor) {
		assert_int_equal(before.raise_floor, 1);
		assert_int_equal(before.slots[before.slot].state, VS_SLOT_GOOD);
	}
	if (s->dead) {
		assert_int_equal(d->verdict, VS_VERDICT_DENY);
		return VS_ERR_IO;
	}
	assert_int_equal(status, VS_OK);
	assert_int_equal(d->verdict, VS_VERDICT_BOOT);
	assert_true(holds(s, d->slot, &old_image) ||
	            holds(s, d->slot, &new_image));
	for (int c = 0; c < s->count; c++)
		assert_true(d->header[c].security_version >= s->floor[c]);
	assert_int_equal(vs_record_load(&s->ops.record, &after), VS_OK);
	assert_int_equal(after.slot, d->slot);
	if (d->trial)
		assert_int_equal(after.slots[d->slot].tries,
		                 before.slots[d->slot].tries -
		                         (cause != VS_RESET_POWER));
	return VS_OK;
}

static enum step install(struct sim *s, struct vs_record *rec, int slot)
{
	struct vs_seal_header h;
	struct vs_why why;

	if (rec->slots[slot].state != VS_SLOT_EMPTY) {
		assert_int_equal(vs_record_begin(rec, slot), VS_OK);
		if (vs_record_store(&s->ops.record, rec) != VS_OK)
			return CUT;
	}
	for (int c = 0; c < s->count; c++)
		if (sim_install(s, c, slot, &new_image) != VS_OK)
			return CUT;
	for (int c = 0; c < s->count; c++)
		assert_int_equal(vs_boot_verify_component(
					 &s->ops, &s->components[c], c, slot,
					 &s->ring, &s->scratch, &h, &why),
		                 VS_OK);
	assert_int_equal(vs_record_arm(rec, slot, TRIES), VS_OK);
	return vs_record_store(&s->ops.record, rec) == VS_OK ? REBOOT : CUT;
}

/* What the agent does after a boot, from the record and nothing else. */
static enum step agent(struct sim *s, enum story story,
                       const struct vs_boot_decision *d)
{
	struct vs_record rec;
	bool is_new = d->header[0].release_seq == new_image.release_seq;

	assert_int_equal(vs_record_load(&s->ops.record, &rec), VS_OK);
	if (!is_new && rec.slots[!d->slot].state == VS_SLOT_BAD)
		return DONE;
	if (!is_new)
		return install(s, &rec, !d->slot);
	if (!d->trial)
		return rec.raise_floor ? REBOOT : DONE;
	if (story == CRASHING_RELEASE)
		return CRASH;
	if (story == GOOD_RELEASE)
		assert_int_equal(vs_record_confirm(&rec, d->slot), VS_OK);
	else
		assert_int_equal(vs_record_give_up(&rec, d->slot,
		                                   VS_REASON_HEALTH_FAILED),
		                 VS_OK);
	return vs_record_store(&s->ops.record, &rec) == VS_OK ? REBOOT : CUT;
}

/* Runs until nothing is left to do.  Gives the number of writes. */
static long run(struct sim *s, enum story story, long second_cut)
{
	enum vs_reset_cause cause = VS_RESET_REQUEST;
	enum step step = REBOOT;
	struct vs_boot_decision d;
	long writes = 0;
	int boots = 0;

	for (; step != DONE; boots++) {
		assert_in_range(boots, 0, BOOTS_MAX);
		step = boot(s, cause, &d) == VS_OK ? agent(s, story, &d) : CUT;
		cause = step == CRASH ? VS_RESET_CRASH : VS_RESET_REQUEST;
		if (step != CUT)
			continue;
		assert_true(s->dead);
		writes += s->writes;
		sim_power_on(s);
		s->cut_at = second_cut;
		second_cut = -1;
		cause = VS_RESET_POWER;
	}
	return writes + s->writes;
}

static void check_end(struct sim *s, enum story story)
{
	struct vs_boot_decision d;
	bool moved = story == GOOD_RELEASE;

	sim_power_on(s);
	assert_int_equal(boot(s, VS_RESET_REQUEST, &d), VS_OK);
	assert_false(d.trial);
	assert_int_equal(d.header[0].release_seq,
	                 moved ? new_image.release_seq : old_image.release_seq);
	for (int c = 0; c < s->count; c++)
		assert_int_equal(s->floor[c],
		                 moved ? NEW_SECURITY : OLD_SECURITY);
}

static long uncut(enum story story)
{
	struct sim *s = machine();
	long writes = run(s, story, -1);

	check_end(s, story);
	sim_free(s);
	return writes;
}

/* S0.17 S3.30 */
static void a_release_arrives_or_is_sent_back(void **state)
{
	struct sim *s = machine();
	struct vs_record rec;

	(void)state;
	(void)run(s, CRASHING_RELEASE, -1);
	assert_int_equal(vs_record_load(&s->ops.record, &rec), VS_OK);
	assert_int_equal(rec.slots[1].state, VS_SLOT_BAD);
	assert_int_equal(rec.slots[1].reason, VS_REASON_NO_TRIES);
	sim_free(s);
	for (int story = 0; story < STORIES; story++)
		assert_in_range(uncut((enum story)story), 20, 60);
}

static long singles, twice;

/* S0.18 S0.2 S1.34 S3.26 S3.36 S3.43: a power cut at every write, torn in every
 * way */
static void a_cut_at_any_write_only_costs_time(void **state)
{
	(void)state;
	for (int story = 0; story < STORIES; story++) {
		long writes = uncut((enum story)story);

		for (long at = 0; at < writes; at++)
			for (int cut = 0; cut < SIM_CUTS; cut++) {
				struct sim *s = machine();

				s->cut_at = at;
				s->cut = (enum sim_cut)cut;
				s->noise += (uint32_t)(at * 64 + cut);
				singles++;
				(void)run(s, (enum story)story, -1);
				check_end(s, (enum story)story);
				sim_free(s);
			}
	}
}

/* S0.18 S0.2 S3.26: and a second cut in what follows the first */
static void two_cuts_only_cost_more_time(void **state)
{
	(void)state;
	for (int story = 0; story < STORIES; story++) {
		long writes = uncut((enum story)story);

		for (long at = 0; at < writes; at++)
			for (long i = 0; i < writes * TWICE_WAYS; i++) {
				struct sim *s = machine();
				long then = i / TWICE_WAYS;

				twice++;
				s->cut_at = at;
				s->noise += (uint32_t)(at * 4096 + i);
				s->cut = (enum sim_cut)(sim_random(s) %
				                        SIM_CUTS);
				(void)run(s, (enum story)story, then);
				check_end(s, (enum story)story);
				sim_free(s);
			}
	}
}

/* ---- a keyring changes hands ---- */

enum { NEW_RING = 8, OLD_MASK = 7, NEW_MASK = 14 };

static const struct sim_image both_image = {
	.release_seq = 10, .security_version = OLD_SECURITY, .signed_by = 6};

static struct sim *ring_machine(uint8_t file[static SIM_RING_LEN], size_t *len)
{
	struct sim *s = machine();

	for (int c = 0; c < s->count; c++)
		sim_place(s, c, 0, &both_image);
	sim_use_rings(s);
	sim_append_ring(s, 0, NEW_MASK, NEW_RING, OLD_MASK | NEW_MASK);
	*len = s->ring_len[0];
	memcpy(file, s->rings[0], *len);
	memset(s->rings, 0, sizeof(s->rings));
	s->ring_len[0] = s->ring_len[1] = *len; /* files of zeros at first */
	return s;
}

/* One boot and what the agent does then: both places, then its consent. */
static enum step rotate(struct sim *s, const uint8_t *file, size_t len)
{
	uint32_t epoch = s->floor[VS_BOOT_EPOCH];
	struct vs_boot_decision d;
	struct vs_record rec;
	vs_status status = sim_decide(s, VS_RESET_REQUEST, &d);

	assert_true(s->floor[VS_BOOT_EPOCH] >= epoch);
	if (s->dead)
		return CUT;
	assert_int_equal(status, VS_OK);
	assert_int_equal(d.verdict, VS_VERDICT_BOOT);
	assert_int_equal(d.slot, 0);
	if (d.epoch_floor == NEW_RING)
		return DONE;
	for (int place = 0; place < 2; place++)
		if (memcmp(s->rings[place], file, len) != 0 &&
		    sim_write(s, s->rings[place], file, len) != VS_OK)
			return CUT;
	assert_int_equal(vs_record_load(&s->ops.record, &rec), VS_OK);
	assert_int_equal(vs_record_renew(&rec, 0), VS_OK);
	return vs_record_store(&s->ops.record, &rec) == VS_OK ? REBOOT : CUT;
}

/* Gives the number of writes. */
static long run_rotation(struct sim *s, const uint8_t *file, size_t len,
                         long second_cut)
{
	long writes = 0;
	enum step step = REBOOT;

	for (int boots = 0; step != DONE; boots++) {
		assert_in_range(boots, 0, BOOTS_MAX);
		step = rotate(s, file, len);
		if (step != CUT)
			continue;
		writes += s->writes;
		sim_power_on(s);
		s->cut_at = second_cut;
		second_cut = -1;
	}
	assert_int_equal(s->floor[VS_BOOT_EPOCH], NEW_RING);
	return writes + s->writes;
}

/* S2.37 S3.20 S3.26: no cut leaves a charger without a keyring that stands */
static void a_keyring_changes_hands_through_any_cuts(void **state)
{
	uint8_t file[SIM_RING_LEN];
	size_t len;
	struct sim *s = ring_machine(file, &len);
	long writes = run_rotation(s, file, len, -1);

	(void)state;
	sim_free(s);
	assert_in_range(writes, 5, 12);
	for (long i = 0; i < writes * SIM_CUTS * (writes + 1); i++) {
		long then = i / SIM_CUTS / writes - 1;

		s = ring_machine(file, &len);
		s->cut_at = i / SIM_CUTS % writes;
		s->cut = (enum sim_cut)(i % SIM_CUTS);
		s->noise += (uint32_t)i * 7;
		(void)run_rotation(s, file, len, then);
		if (then < 0)
			singles++;
		else
			twice++;
		sim_free(s);
	}
}

static void the_cases_were_counted(void **state)
{
	(void)state;
	print_message("# power cuts on disk: %ld single, %ld double, none "
	              "bad; %.1f s\n",
	              singles, twice, (double)clock() / CLOCKS_PER_SEC);
	assert_true(singles >= 1400 && twice >= 8000);
}

/* S0.17: grid flicker is not the image's fault */
static void power_cuts_in_a_trial_take_no_try(void **state)
{
	struct sim *s = machine();
	struct vs_boot_decision d;

	(void)state;
	assert_int_equal(boot(s, VS_RESET_POWER, &d), VS_OK);
	assert_int_equal(agent(s, GOOD_RELEASE, &d), REBOOT);
	for (int i = 0; i < 20; i++) {
		assert_int_equal(boot(s, VS_RESET_POWER, &d), VS_OK);
		assert_true(d.trial);
		assert_int_equal(d.tries_left, TRIES);
	}
	for (int i = 1; i <= TRIES; i++) {
		assert_int_equal(boot(s, VS_RESET_WATCHDOG, &d), VS_OK);
		assert_int_equal(d.tries_left, TRIES - i);
	}
	assert_int_equal(boot(s, VS_RESET_WATCHDOG, &d), VS_OK);
	assert_true(d.fell_back);
	assert_int_equal(d.seen[1].refused, VS_REASON_NO_TRIES);
	assert_int_equal(d.slot, 0);
	sim_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_release_arrives_or_is_sent_back),
		cmocka_unit_test(a_cut_at_any_write_only_costs_time),
		cmocka_unit_test(two_cuts_only_cost_more_time),
		cmocka_unit_test(a_keyring_changes_hands_through_any_cuts),
		cmocka_unit_test(the_cases_were_counted),
		cmocka_unit_test(power_cuts_in_a_trial_take_no_try),
	};

	return cmocka_run_group_tests_name("boot cut", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/life_test.c - a controller's update with record and floors on one
 * flash, cut in each of its operations.
 *
 * tests/boot/flash_test.c cuts each of the two alone; here the loader and the
 * agent write both in turn, and what matters is what is written first.  At
 * every start: a whole release that was not revoked, floors that never sink and
 * only follow a confirmation.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/flash_floor.h"
#include "tests/boot/nor.h"
#include "tests/boot/sim.h"

enum { OLD_SECURITY = 1, NEW_SECURITY = 2, TRIES = 2, BOOTS_MAX = 14 };
enum { RECORD_AT = 0, FLOOR_AT = 2, SECTORS = 4, SECTOR_LEN = 512 };

/* How it ends: the release stays, falls over until its tries are used up, or
 * says itself that it is not well.
 */
enum ending { STAYS, CRASHES, REJECTED, ENDINGS };

static const struct sim_image old_image = {
	.release_seq = 10, .security_version = OLD_SECURITY, .signatures = 2};
static const struct sim_image new_image = {
	.release_seq = 11, .security_version = NEW_SECURITY, .signatures = 2};

static struct nor nor;
static struct sim *sim;
static struct vs_flash_part record_at = {&nor.flash, RECORD_AT};
static struct vs_flash_part floor_at = {&nor.flash, FLOOR_AT};
static struct cuts total;

static vs_status floor_get(void *ctx, int number, uint32_t *out)
{
	(void)ctx;
	return vs_flash_floor_get(&floor_at, number, out);
}

static vs_status floor_raise(void *ctx, int number, uint32_t to)
{
	(void)ctx;
	return vs_flash_floor_raise(&floor_at, number, to);
}

/* Where the floor stands, whatever was cut. */
static uint32_t floor_now(void)
{
	uint32_t floor = 0;

	assert_int_equal(vs_flash_floor_get(&floor_at, 0, &floor), VS_OK);
	return floor;
}

static void life_begin(struct story *s)
{
	const uint32_t floors[VS_FLASH_FLOORS] = {OLD_SECURITY};
	struct vs_record rec = {.slots[0].state = VS_SLOT_GOOD};

	(void)s;
	nor_init(&nor, SECTOR_LEN, SECTORS);
	assert_int_equal(vs_flash_floor_create(&floor_at, 1, floors), VS_OK);
	assert_int_equal(vs_record_store(&sim->ops.record, &rec), VS_OK);
	memset(sim->slots, 0, sizeof(sim->slots));
	sim_place(sim, 0, 0, &old_image);
	nor_power_on(&nor);
}

/* One start, held to what must be true of every one. */
static bool start(enum vs_reset_cause cause, struct vs_boot_decision *d)
{
	struct vs_record before;
	uint32_t floor = floor_now();
	vs_status status;

	assert_int_equal(vs_record_load(&sim->ops.record, &before), VS_OK);
	status = sim_decide(sim, cause, d);
	if (nor.dead)
		return false;
	assert_int_equal(status, VS_OK);
	assert_int_equal(d->verdict, VS_VERDICT_BOOT);
	assert_true(d->header[0].security_version >= floor);
	assert_true(floor_now() >= floor);
	if (floor_now() > floor)
		assert_true(before.raise_floor &&
		            before.slots[d->slot].state == VS_SLOT_GOOD);
	if (d->trial)
		assert_int_equal(d->tries_left,
		                 before.slots[d->slot].tries -
		                         (cause != VS_RESET_POWER));
	return true;
}

enum step { AGAIN, FALLS, ENDS, CUT };

static enum step stored(struct vs_record *rec, vs_status moved)
{
	assert_int_equal(moved, VS_OK);
	if (vs_record_store(&sim->ops.record, rec) == VS_OK)
		return AGAIN;
	assert_true(nor.dead);
	return CUT;
}

static enum step install(struct vs_record *rec)
{
	if (rec->slots[1].state != VS_SLOT_EMPTY &&
	    stored(rec, vs_record_begin(rec, 1)) == CUT)
		return CUT;
	sim_place(sim, 0, 1, &new_image);
	return stored(rec, vs_record_arm(rec, 1, TRIES));
}

/* What the agent does next, from the record and the decision alone. */
static enum step agent(enum ending ending, const struct vs_boot_decision *d)
{
	struct vs_record rec;

	if (vs_record_load(&sim->ops.record, &rec) != VS_OK)
		return CUT;
	if (d->slot == 0)
		return rec.slots[1].state == VS_SLOT_BAD ? ENDS : install(&rec);
	if (!d->trial)
		return rec.raise_floor ? AGAIN : ENDS;
	if (ending == CRASHES)
		return FALLS;
	return stored(&rec, ending == STAYS ? vs_record_confirm(&rec, 1)
	                                    : vs_record_give_up(
						      &rec, 1,
						      VS_REASON_HEALTH_FAILED));
}

static bool life_run(struct story *s)
{
	const enum ending *ending = s->ctx;
	enum vs_reset_cause cause = VS_RESET_POWER;
	struct vs_boot_decision d;

	for (int boots = 0;; boots++) {
		enum step step;

		assert_in_range(boots, 0, BOOTS_MAX);
		step = start(cause, &d) ? agent(*ending, &d) : CUT;
		if (step == CUT || step == ENDS)
			return step == ENDS;
		cause = step == FALLS ? VS_RESET_WATCHDOG : VS_RESET_REQUEST;
	}
}

/* After each cut: neither record nor floors are lost. */
static void life_check(struct story *s, bool ended)
{
	const enum ending *ending = s->ctx;
	struct vs_record rec;
	uint32_t floor = floor_now();

	assert_int_equal(vs_record_load(&sim->ops.record, &rec), VS_OK);
	assert_in_range(floor, OLD_SECURITY, NEW_SECURITY);
	assert_true(rec.slots[0].state == VS_SLOT_GOOD);
	if (*ending != STAYS)
		assert_int_equal(floor, OLD_SECURITY);
	if (!ended)
		return;
	assert_int_equal(rec.slot, *ending == STAYS);
	assert_int_equal(rec.slots[1].state,
	                 *ending == STAYS ? VS_SLOT_GOOD : VS_SLOT_BAD);
	assert_int_equal(floor, *ending == STAYS ? NEW_SECURITY : OLD_SECURITY);
}

static void cut(enum ending ending, int then_ways)
{
	struct story s = {"life",     &nor,     &ending,
	                  life_begin, life_run, life_check};

	story_cut(&s, then_ways, &total);
}

/* S0.17 S0.18 S3.20 S3.26 S3.30 */
static void a_cut_at_any_operation_of_an_update_only_costs_time(void **state)
{
	(void)state;
	for (int ending = 0; ending < ENDINGS; ending++)
		cut((enum ending)ending, 0);
}

/* S0.18 S3.26 */
static void two_cuts_only_cost_more_time(void **state)
{
	struct cuts before = total;

	(void)state;
	cut(STAYS, 4);
	cut(CRASHES, 2);
	cut(REJECTED, 2);
	total.single = before.single; /* counted above */
}

static void the_cases_were_counted(void **state)
{
	(void)state;
	print_message("# power cuts in an update on flash: %ld single, %ld "
	              "double, none bad\n",
	              total.single, total.twice);
	assert_true(total.single >= 1100 && total.twice >= 40000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_cut_at_any_operation_of_an_update_only_costs_time),
		cmocka_unit_test(two_cuts_only_cost_more_time),
		cmocka_unit_test(the_cases_were_counted),
	};
	int failed;

	sim_quick_blocks();
	sim = sim_new();
	sim->ops.floor_get = floor_get;
	sim->ops.floor_raise = floor_raise;
	vs_flash_record_ops(&record_at, &sim->ops.record);
	failed = cmocka_run_group_tests_name("boot life", tests, NULL, NULL);
	sim_free(sim);
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/faults_test.c - fault rates before and after.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/campaign/members.h"

static void fault_report(size_t place, uint64_t faults, uint64_t time_s)
{
	const struct vs_grid_report r = {
		.healthy = true,
		.has_faults = true,
		.faults = faults,
		.time_s = time_s,
	};

	vs_grid_report(&w.grid, w.run.seats[place].device, &r);
	vs_run_reported(&w.run, place, false);
}

/* Chargers with so many faults a day before, and so many after; 10 days each.
 */
static void live(uint64_t before, uint64_t after)
{
	const uint64_t day = 86400;

	for (uint64_t d = 0; d <= 10; d++)
		for (size_t i = 0; i < MEMBERS; i++)
			fault_report(i, 1000 + before * d, day * (100 + d));
	for (size_t i = 0; i < 4; i++) {
		happen(i, VS_CAUSE_START, day * 110);
		happen(i, VS_CAUSE_ARRIVED, day * 110);
	}
	for (uint64_t d = 1; d <= 10; d++)
		for (size_t i = 0; i < 4; i++)
			fault_report(i, 1000 + before * 10 + after * d,
			             day * (110 + d));
}

/* S2.29 */
static void a_fault_rate_above_the_one_before_halts(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.timeout_s = 0;
	p.waves[0].amount = 4;
	fresh(&p);
	live(10, 10);
	step(120 * 86400);
	assert_false(w.run.progress.halt);
	assert_int_equal(w.run.progress.wave, 2);
	finish(NULL);

	fresh(&p);
	live(10, 20);
	step(120 * 86400);
	assert_true(w.run.progress.halt);
	assert_string_equal(w.run.progress.because,
	                    "faults rose: 800 in 960 charger hours after the "
	                    "update, the same chargers' rate before makes 400");
	w.plan.ignore_faults = true;
	step(120 * 86400);
	assert_false(w.run.progress.halt);
	finish(NULL);

	fresh(&p);
	live(10, 5);
	step(120 * 86400);
	assert_false(w.run.progress.halt);
}

/* S2.29: five per cent more, in a fleet that is large enough to tell. */
static void five_per_cent_more_faults_are_seen_at_a_waves_end(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.timeout_s = 0;
	p.waves[0].amount = 4;
	fresh(&p);
	live(250, 263);
	step(120 * 86400);
	assert_true(w.run.progress.halt);
	finish(NULL);
	/* One more in ten may be chance. */
	fresh(&p);
	live(1, 1);
	fault_report(0, 1000 + 10 + 10 + 1, 121 * 86400);
	step(121 * 86400);
	assert_false(w.run.progress.halt);
}

/* S2.29: early chargers count longer than late ones, so that a charger which
 * always had many faults must not weigh on the others' rate.
 */
static void each_charger_is_compared_with_itself(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.timeout_s = 0;
	p.waves[0].amount = 4;
	fresh(&p);
	for (uint64_t d = 0; d <= 10; d++)
		for (size_t i = 0; i < 4; i++)
			fault_report(i, i ? d : 100 * d, 86400 * (100 + d));
	for (size_t i = 0; i < 4; i++) {
		happen(i, VS_CAUSE_START, 86400 * (i ? 119 : 110));
		happen(i, VS_CAUSE_ARRIVED, 86400 * (i ? 119 : 110));
	}
	fault_report(0, 2000, 120 * 86400);
	for (size_t i = 1; i < 4; i++)
		fault_report(i, 11, 120 * 86400);
	assert_int_equal(w.run.faults.after, 1000 + 3);
	assert_int_equal(w.run.faults.expected_u, 1003 * UINT64_C(1000000));
	step(120 * 86400);
	assert_false(w.run.progress.halt);
}

/* What is restored is what had been counted. */
static void a_restart_does_not_forget_the_faults(void **state)
{
	struct vs_plan p = usual;
	struct vs_seat kept[MEMBERS];
	struct vs_fault_sums sums;

	(void)state;
	p.timeout_s = 0;
	p.waves[0].amount = 4;
	fresh(&p);
	live(10, 20);
	sums = w.run.faults;
	assert_int_equal(sums.after, 800);
	assert_int_equal(sums.expected_u, 4 * 10 * 10 * UINT64_C(1000000));
	assert_int_equal(sums.after_s, 4 * 10 * 86400);
	memcpy(kept, w.run.seats, sizeof kept);
	for (size_t i = 0; i < MEMBERS; i++)
		kept[i].seen_s = kept[i].after_faults = 0; /* not kept */
	vs_run_drop(&w.run);
	vs_run_init(&w.run, &w.plan, &w.grid);
	for (uint32_t i = 0; i < MEMBERS; i++)
		assert_int_equal(vs_run_add(&w.run, i, 0), VS_OK);
	assert_int_equal(vs_run_order(&w.run, id_of, NULL), VS_OK);
	for (size_t i = 0; i < MEMBERS; i++)
		vs_run_restore(&w.run, i, &kept[i]);
	vs_run_restored(&w.run);
	assert_memory_equal(&sums, &w.run.faults, sizeof sums);
	step(120 * 86400);
	assert_true(w.run.progress.halt);
}

/* A counter that begins anew with the new image is no negative number. */
static void a_fault_counter_that_begins_anew_counts_from_there(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.timeout_s = 0;
	p.waves[0].amount = 4;
	fresh(&p);
	live(10, 10);
	fault_report(0, 7, 121 * 86400);
	assert_int_equal(w.run.faults.after, 3 * 100 + 7);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_fault_rate_above_the_one_before_halts),
		T(five_per_cent_more_faults_are_seen_at_a_waves_end),
		T(each_charger_is_compared_with_itself),
		T(a_restart_does_not_forget_the_faults),
		T(a_fault_counter_that_begins_anew_counts_from_there),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

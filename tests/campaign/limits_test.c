/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/limits_test.c - sites, feeders, hours and windows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/campaign/members.h"

/* S0.26 S0.28 */
static void a_site_gives_away_no_more_than_its_share(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.per_site = 2;
	p.waves[0].amount = 8;
	prepare(&p);
	w.site[7] = "T";
	begin();
	set(0, 1, VS_MEMBER_STARTED, 1000);
	assert_int_equal(startable(1000), 7);
	set(1, 2, VS_MEMBER_SOAKING, 1000);
	report(1, true, 1000);
	assert_int_equal(startable(1000), 1); /* only site T */
	set(7, 8, VS_MEMBER_SKIPPED, 0);
	step(1000);
	assert_string_equal(
		w.run.progress.because,
		"wave 1 of 3 waits for another charger of its site");
	assert_int_equal(w.run.progress.block, VS_BLOCK_SITE);
	assert_int_equal(w.run.progress.place, 2);
}

/* S0.26 */
static void a_site_can_lend_a_share_of_its_chargers(void **state)
{
	static const struct {
		uint32_t percent, per_site, cap;
	} cases[] = {
		{50,  8, 3},
                {49,  8, 2},
                {100, 8, 6},
		{1,   8, 1},
                {50,  2, 2},
                {0,   5, 5},
	};
	struct vs_plan p = usual;

	(void)state;
	p.waves[0].amount = 8;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		p.site_percent = cases[i].percent;
		p.per_site = cases[i].per_site;
		prepare(&p);
		w.site[6] = w.site[7] = "T";
		begin();
		assert_int_equal(vs_run_site_cap(&w.run, 0), cases[i].cap);
		for (uint32_t k = 0; k < 6; k++) {
			step(1000);
			assert_int_equal(vs_run_may_start(&w.run, k, 1000),
			                 k < cases[i].cap ? VS_BLOCK_NONE
			                                  : VS_BLOCK_SITE);
			if (k < cases[i].cap)
				happen(k, VS_CAUSE_START, 1000);
		}
		finish(NULL);
	}
}

/* S0.28 */
static void a_broken_charger_keeps_its_site_from_losing_more(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.per_site = 1;
	p.waves[0].amount = 8;
	fresh(&p);
	set(0, 1, VS_MEMBER_FAILED, 0);
	report(0, false, 900);
	assert_int_equal(startable(1000), 0);
	report(0, true, 950);
	assert_int_equal(startable(1000), 7);
}

/* S0.28 */
static void two_chargers_of_a_feeder_are_never_away_together(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.waves[0].amount = 8;
	prepare(&p);
	w.feeder[0] = w.feeder[1] = w.feeder[2] = "F1";
	w.feeder[3] = "F2";
	w.site[2] = "T"; /* a feeder may run through two sites */
	begin();
	set(0, 1, VS_MEMBER_STARTED, 1000);
	assert_int_equal(startable(1000), 5);
	assert_int_equal(vs_run_may_start(&w.run, 2, 1000), VS_BLOCK_FEEDER);
}

/* S0.28: nor by two campaigns. */
static void campaigns_share_what_a_feeder_can_lend(void **state)
{
	struct vs_plan p = usual;
	struct vs_run other;
	struct vs_change c;

	(void)state;
	p.waves[0].amount = 8;
	prepare(&p);
	for (size_t i = 0; i < MEMBERS; i++)
		w.feeder[i] = "F1";
	begin();
	vs_run_init(&other, &w.plan, &w.grid);
	for (uint32_t i = 0; i < MEMBERS; i++)
		assert_int_equal(vs_run_add(&other, i, 0), VS_OK);
	assert_int_equal(vs_run_order(&other, id_of, NULL), VS_OK);
	vs_run_judge(&other);
	assert_int_equal(vs_run_change(&other, 3, VS_CAUSE_START, 1000, &c),
	                 VS_OK);
	vs_run_apply(&other, &c);
	assert_int_equal(startable(1000), 1);
	/* Itself only: the other campaign's charger is not in its own way. */
	assert_int_equal(vs_run_may_start(&w.run, 3, 1000), VS_BLOCK_NONE);
	vs_run_drop(&other);
	assert_int_equal(startable(1000), 8);
}

/* A charger that another campaign broke is in nobody's way but its own. */
static void who_is_ill_itself_can_be_helped(void **state)
{
	struct vs_plan p = usual;
	struct vs_run other;
	struct vs_seat failed = {.state = VS_MEMBER_FAILED};

	(void)state;
	p.waves[0].amount = 8;
	p.per_site = 1;
	fresh(&p);
	vs_run_init(&other, &w.plan, &w.grid);
	assert_int_equal(vs_run_add(&other, 3, 0), VS_OK);
	assert_int_equal(vs_run_order(&other, id_of, NULL), VS_OK);
	vs_run_restore(&other, 0, &failed);
	report(3, false, 900);
	assert_int_equal(startable(1000), 1);
	assert_int_equal(vs_run_may_start(&w.run, 3, 1000), VS_BLOCK_NONE);
	vs_run_drop(&other);
}

/* S1.9 */
static void no_more_start_within_an_hour_than_the_cap(void **state)
{
	struct vs_plan p = usual;
	uint64_t now_s = 1000 * 3600 + 59;

	(void)state;
	p.waves[0].amount = 8;
	p.per_hour = 2;
	fresh(&p);
	for (size_t i = 0; i < 2; i++) {
		step(now_s);
		assert_int_equal(vs_run_may_start(&w.run, i, now_s),
		                 VS_BLOCK_NONE);
		happen(i, VS_CAUSE_START, now_s);
	}
	for (uint64_t t = 0; t <= 3600; t += 60) {
		assert_int_equal(vs_run_may_start(&w.run, 2, now_s + t),
		                 VS_BLOCK_HOUR);
		/* nor if the clock goes back */
		assert_int_equal(vs_run_may_start(&w.run, 2, now_s - t),
		                 VS_BLOCK_HOUR);
	}
	assert_int_equal(vs_run_may_start(&w.run, 2, now_s + 3661),
	                 VS_BLOCK_NONE);
	/* A start while the clock was back does not wipe out the others. */
	w.plan.per_hour = 3;
	happen(2, VS_CAUSE_START, now_s - (uint64_t)VS_STARTS_SLOTS * 60);
	assert_int_equal(vs_run_may_start(&w.run, 3, now_s), VS_BLOCK_HOUR);
	w.plan.per_hour = 0;
	w.plan.hour_percent = 30;
	assert_int_equal(vs_run_hour_cap(&w.run), 3); /* of 8, rounded up */
	w.plan.per_hour = 1;
	assert_int_equal(vs_run_hour_cap(&w.run), 1);
}

/* S1.9 */
static void a_restart_does_not_forget_the_hours_starts(void **state)
{
	const struct vs_seat kept = {
		.state = VS_MEMBER_UPDATED, .since_s = 7200, .started_s = 7000};
	struct vs_plan p = usual;

	(void)state;
	p.waves[0].amount = 8;
	p.per_hour = 2;
	fresh(&p);
	vs_run_restore(&w.run, 0, &kept);
	vs_run_restore(&w.run, 1, &kept);
	vs_run_restored(&w.run);
	assert_int_equal(startable(7000 + 3590), 0);
	assert_int_equal(startable(7000 + 3661), 6);
}

/* S1.9 S2.30 */
static void no_more_are_under_way_than_the_plan_says(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.waves[0].amount = 8;
	p.max_away = 3;
	fresh(&p);
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(startable(1000), 8 - i);
		happen(i, VS_CAUSE_START, 1000);
	}
	assert_int_equal(startable(1000), 0);
	happen(1, VS_CAUSE_ARRIVED, 1000);
	assert_int_equal(startable(1000), 0);
	happen(1, VS_CAUSE_BROKE, 1000);
	assert_int_equal(startable(1000), 5);
}

/* S0.29 S2.15 S2.27 */
static void a_window_is_in_the_chargers_local_time(void **state)
{
	static const struct {
		int32_t offset;
		unsigned hour, minute;
		bool open;
	} cases[] = {
		{0,    21, 59, false},
                {0,    22, 0,  true },
                {0,    23, 59, true },
		{0,    0,  0,  true },
                {0,    4,  59, true },
                {0,    5,  0,  false},
		{120,  20, 0,  true },
                {120,  19, 59, false},
                {120,  3,  0,  false},
		{-300, 3,  0,  true },
                {-300, 2,  59, false},
                {-300, 9,  59, true },
		{-300, 10, 0,  false},
                {840,  8,  0,  true },
                {840,  15, 0,  false},
	};
	struct vs_plan p = usual;

	(void)state;
	p.window_count = 1;
	p.windows[0] = (struct vs_window){22 * 60, 5 * 60, VS_EVERY_DAY};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t now_s = 1700006400 + /* a midnight */
		                 cases[i].hour * 3600 + cases[i].minute * 60;

		assert_int_equal(1700006400 % 86400, 0);
		prepare(&p);
		w.offset.offset_s = cases[i].offset * 60;
		begin();
		assert_int_equal(startable(now_s), cases[i].open);
		if (!cases[i].open)
			assert_string_equal(w.run.progress.because,
			                    "wave 1 of 3 waits for its window");
		finish(NULL);
	}
}

/* S0.29: what a deadline opens, and what an emergency does. */
static void windows_give_way_to_a_deadline_only_if_they_are_to(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.window_count = 1;
	p.windows[0] = (struct vs_window){60, 120, VS_EVERY_DAY};
	p.deadline_s = 86400 + 9000;
	fresh(&p);
	assert_int_equal(startable(86400 + 8999), 0);
	assert_int_equal(startable(86400 + 9000), 0);
	w.plan.deadline_opens = true;
	assert_int_equal(startable(86400 + 8999), 0);
	assert_int_equal(startable(86400 + 9000), 1);
}

static void an_emergency_skips_waves_and_windows_alone(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.window_count = 1;
	p.windows[0] = (struct vs_window){60, 120, VS_EVERY_DAY};
	p.emergency = true;
	p.per_site = 3;
	prepare(&p);
	w.feeder[0] = w.feeder[1] = "F";
	begin();
	assert_int_equal(startable(86400 + 8000), 8);
	happen(0, VS_CAUSE_START, 86400 + 8000);
	assert_int_equal(startable(86400 + 8000), 6); /* not its feeder's */
	happen(2, VS_CAUSE_START, 86400 + 8000);
	happen(3, VS_CAUSE_START, 86400 + 8000);
	assert_int_equal(startable(86400 + 8000), 0); /* nor its site's */
	happen(2, VS_CAUSE_BROKE, 86400 + 8000);
	happen(3, VS_CAUSE_BROKE, 86400 + 8000);
	step(86400 + 8000);
	assert_true(w.run.progress.halt); /* thresholds hold */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_site_gives_away_no_more_than_its_share),
		T(a_site_can_lend_a_share_of_its_chargers),
		T(a_broken_charger_keeps_its_site_from_losing_more),
		T(two_chargers_of_a_feeder_are_never_away_together),
		T(campaigns_share_what_a_feeder_can_lend),
		T(who_is_ill_itself_can_be_helped),
		T(no_more_start_within_an_hour_than_the_cap),
		T(a_restart_does_not_forget_the_hours_starts),
		T(no_more_are_under_way_than_the_plan_says),
		T(a_window_is_in_the_chargers_local_time),
		T(windows_give_way_to_a_deadline_only_if_they_are_to),
		T(an_emergency_skips_waves_and_windows_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

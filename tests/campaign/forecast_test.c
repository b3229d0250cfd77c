/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/forecast_test.c - when it ends, and who holds it up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "campaign/forecast.h"
#include "campaign/stuck.h"
#include "tests/campaign/members.h"

#define DAY UINT64_C(86400)

static uint64_t end_s(uint64_t now_s)
{
	struct vs_forecast f;

	step(now_s);
	assert_int_equal(vs_forecast_make(&w.run, now_s, &f), VS_OK);
	return f.end_s;
}

static struct vs_plan one_wave(void)
{
	struct vs_plan p = usual;

	p.waves[0] = (struct vs_wave){VS_WAVE_PERCENT, 100};
	p.wave_count = 1;
	p.soak_s = 600;
	return p;
}

/* A cycle is guessed as the soak and an hour. */
static void a_forecast_counts_rounds_of_the_fullest_site(void **state)
{
	struct vs_plan p = one_wave();

	(void)state;
	fresh(&p);
	assert_int_equal(end_s(DAY), DAY + 4200); /* eight at once */
	w.plan.per_site = 3;
	assert_int_equal(end_s(DAY), DAY + 3 * 4200);
	w.plan.max_away = 1;
	assert_int_equal(end_s(DAY), DAY + 9 * 4200);
	w.plan.max_away = 0;
	w.plan.per_hour = 1;
	assert_int_equal(end_s(DAY), DAY + 8 * 3600 + 4200);
	set(0, 8, VS_MEMBER_UPDATED, 0);
	assert_int_equal(end_s(DAY), DAY);
}

static void a_forecast_goes_by_waves_feeders_and_what_was_measured(void **state)
{
	struct vs_plan p = usual;
	const struct vs_seat done = {
		.state = VS_MEMBER_UPDATED, .started_s = 1000, .since_s = 3000};
	struct vs_forecast f;

	(void)state;
	prepare(&p);
	for (size_t i = 4; i < MEMBERS; i++)
		w.feeder[i] = "F";
	begin();
	vs_run_restore(&w.run, 0, &done);
	vs_run_restored(&w.run);
	/* 3 in wave 2 at once; then four of one feeder in turn. */
	assert_int_equal(end_s(DAY), DAY + 2000 + 4 * 2000);
	w.plan.per_site = 1;
	assert_int_equal(end_s(DAY), DAY + 3 * 2000 + 4 * 2000);
	assert_int_equal(vs_forecast_make(&w.run, DAY, &f), VS_OK);
	assert_true(f.observed);
	assert_int_equal(f.cycle_s, 2000);
	assert_int_equal(f.overdue, 0);
	w.plan.deadline_s = DAY;
	assert_int_equal(vs_forecast_make(&w.run, DAY, &f), VS_OK);
	assert_int_equal(f.overdue, 7);
}

/* S0.29 */
static void a_forecast_knows_that_windows_close(void **state)
{
	struct vs_plan p = one_wave();

	(void)state;
	p.per_site = 1;
	p.window_count = 1;
	p.windows[0] = (struct vs_window){60, 120, VS_EVERY_DAY};
	fresh(&p);
	/* Seven times 70 minutes of windows of an hour: 8 h 10 min, so the
	 * ninth night, ten minutes in, and a cycle. */
	assert_int_equal(end_s(DAY), 9 * DAY + 3600 + 600 + 4200);
	w.plan.windows[0].days = 1;
	assert_int_equal(end_s(4 * DAY), /* Monday */
	                 4 * DAY + 8 * 7 * DAY + 3600 + 600 + 4200);
	w.plan.emergency = true;
	assert_int_equal(end_s(4 * DAY), 4 * DAY + 8 * 4200);
}

/* A12 */
static void who_is_stuck_is_told_why(void **state)
{
#define W VS_MEMBER_WAITING
#define S VS_MEMBER_STARTED
#define SOAK VS_MEMBER_SOAKING
	/* clang-format off */
	static const struct {
		struct vs_stuck_facts f;
		enum vs_stuck is;
	} cases[] = {
		{{.state = W}, VS_STUCK_UNSEEN},
		{{.state = W, .last_report_s = 8000}, VS_STUCK_SILENT},
		{{.state = W, .last_report_s = 9500}, VS_STUCK_NOT},
		{{.state = W, .last_report_s = 9500,
		  .block = VS_BLOCK_FEEDER}, VS_STUCK_FEEDER},
		{{.state = W, .last_report_s = 9500,
		  .block = VS_BLOCK_SITE}, VS_STUCK_SITE},
		{{.state = W, .last_report_s = 9500,
		  .lacks = true}, VS_STUCK_REQUIRES},
		{{.state = W, .last_report_s = 9500, .lacks = true,
		  .block = VS_BLOCK_WAVE}, VS_STUCK_NOT},
		{{.state = W, .last_report_s = 8000,
		  .lacks = true}, VS_STUCK_SILENT},
		{{.state = S, .since_s = 9900, .last_report_s = 9950,
		  .refuses = true}, VS_STUCK_REFUSES},
		{{.state = S, .since_s = 9900, .last_report_s = 9950,
		  .refuses = true, .lacks = true}, VS_STUCK_REQUIRES},
		{{.state = S, .since_s = 8000, .last_report_s = 8100,
		  .installing = true, .lacks = true}, VS_STUCK_INSTALLING},
		{{.state = S, .since_s = 9900, .last_report_s = 9950},
		 VS_STUCK_NOT},
		{{.state = S, .since_s = 8000, .last_report_s = 8100,
		  .installing = true}, VS_STUCK_INSTALLING},
		{{.state = S, .since_s = 8000, .last_report_s = 8100,
		  .fetching = true}, VS_STUCK_SILENT},
		{{.state = S, .since_s = 8000, .last_report_s = 9900,
		  .charging = true}, VS_STUCK_CHARGING},
		{{.state = S, .since_s = 8000, .last_report_s = 9900,
		  .fetching = true}, VS_STUCK_FETCHING},
		{{.state = S, .since_s = 8000, .last_report_s = 9900},
		 VS_STUCK_IDLE},
		{{.state = SOAK, .since_s = 9000, .soak_s = 600},
		 VS_STUCK_NOT},
		{{.state = SOAK, .since_s = 8400, .soak_s = 600},
		 VS_STUCK_SOAKING},
		{{.state = VS_MEMBER_FAILED}, VS_STUCK_FAILED},
		{{.state = VS_MEMBER_UPDATED}, VS_STUCK_NOT},
		{{.state = VS_MEMBER_SKIPPED}, VS_STUCK_NOT},
	};
	/* clang-format on */

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
		assert_int_equal(vs_stuck_find(&cases[i].f, 10000, 1000),
		                 cases[i].is);
	for (int s = VS_STUCK_UNSEEN; s < VS_STUCKS; s++) {
		assert_true(strlen(vs_stuck_name((enum vs_stuck)s)) > 2);
		assert_true(strlen(vs_stuck_text((enum vs_stuck)s)) > 5);
		assert_true(strlen(vs_stuck_advice((enum vs_stuck)s)) > 5);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_forecast_counts_rounds_of_the_fullest_site),
		T(a_forecast_goes_by_waves_feeders_and_what_was_measured),
		T(a_forecast_knows_that_windows_close),
		T(who_is_stuck_is_told_why),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/window_test.c - local hours, and the two days of the year on
 * which they are not what they were the day before.
 *
 * The expected instants are worked out by hand from the EU's rule: in 2026 the
 * clocks go forward on March 29 and back on October 25, both at 01:00 UTC.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "campaign/window.h"

#define MARCH_29 UINT64_C(1774742400)   /* 2026-03-29 00:00 UTC, a Sunday */
#define OCTOBER_25 UINT64_C(1792886400) /* 2026-10-25 00:00 UTC, a Sunday */
#define H 3600

static const struct vs_zone_change changes[] = {
	{INT64_MIN,                   1 * H},
	{(int64_t)MARCH_29 + 1 * H,   2 * H},
	{(int64_t)OCTOBER_25 + 1 * H, 1 * H},
};
static const struct vs_zone berlin = {changes, 3};
static const struct vs_zone_change far[] = {
	{0, 14 * H}
};
static const struct vs_zone kiritimati = {far, 1};
static const struct vs_zone_change west[] = {
	{0, -9 * H - 1800}
};
static const struct vs_zone marquesas = {west, 1};
static const struct vs_zone utc;

static uint32_t open_s(const struct vs_window *w, const struct vs_zone *z,
                       uint64_t from_s, uint64_t to_s)
{
	uint32_t n = 0;

	for (uint64_t t = from_s; t < to_s; t += 60)
		n += vs_window_open(w, 1, z, t) ? 60 : 0;
	return n;
}

static bool at(const struct vs_window *w, const struct vs_zone *z, uint64_t t)
{
	return vs_window_open(w, 1, z, t);
}

static void an_offset_holds_from_its_first_second(void **state)
{
	(void)state;
	assert_int_equal(vs_zone_offset(&utc, 5), 0);
	assert_int_equal(vs_zone_offset(&berlin, 0), H);
	assert_int_equal(vs_zone_offset(&berlin, MARCH_29 + H - 1), H);
	assert_int_equal(vs_zone_offset(&berlin, MARCH_29 + H), 2 * H);
	assert_int_equal(vs_zone_offset(&berlin, OCTOBER_25 + H - 1), 2 * H);
	assert_int_equal(vs_zone_offset(&berlin, OCTOBER_25 + H), H);
	assert_int_equal(vs_zone_offset(&berlin, UINT64_MAX), H);
	assert_int_equal(vs_zone_offset(&kiritimati, 0), 14 * H);
}

/* S0.29 */
static void the_night_the_clock_goes_forward_is_an_hour_shorter(void **state)
{
	const struct vs_window night = {60, 5 * 60, VS_EVERY_DAY};
	const struct vs_window lost = {2 * 60, 3 * 60, VS_EVERY_DAY};
	const uint64_t day = MARCH_29;

	(void)state;
	/* 01:00 to 02:00 CET, then 03:00 to 05:00 CEST */
	assert_false(at(&night, &berlin, day - 1));
	assert_true(at(&night, &berlin, day));
	assert_true(at(&night, &berlin, day + 3 * H - 1));
	assert_false(at(&night, &berlin, day + 3 * H));
	assert_int_equal(open_s(&night, &berlin, day - 6 * H, day + 18 * H),
	                 3 * H);
	assert_int_equal(open_s(&night, &berlin, day - 30 * H, day - 6 * H),
	                 4 * H);
	assert_int_equal(open_s(&night, &berlin, day + 18 * H, day + 42 * H),
	                 4 * H);
	/* 02:00 to 03:00 does not come that day. */
	assert_int_equal(open_s(&lost, &berlin, day - 6 * H, day + 18 * H), 0);
	assert_int_equal(open_s(&lost, &berlin, day - 30 * H, day - 6 * H), H);
	assert_int_equal(vs_window_next(&lost, 1, &berlin, day), day + 24 * H);
}

/* S0.29 */
static void the_night_the_clock_goes_back_is_an_hour_longer(void **state)
{
	const struct vs_window night = {60, 5 * 60, VS_EVERY_DAY};
	const struct vs_window twice = {2 * 60, 3 * 60, VS_EVERY_DAY};
	const uint64_t day = OCTOBER_25;

	(void)state;
	/* From 01:00 CEST to 05:00 CET. */
	assert_false(at(&night, &berlin, day - H - 1));
	assert_true(at(&night, &berlin, day - H));
	assert_true(at(&night, &berlin, day + 4 * H - 1));
	assert_false(at(&night, &berlin, day + 4 * H));
	assert_int_equal(open_s(&night, &berlin, day - 6 * H, day + 18 * H),
	                 5 * H);
	assert_int_equal(open_s(&twice, &berlin, day - 6 * H, day + 18 * H),
	                 2 * H);
	assert_true(at(&twice, &berlin, day));
	assert_true(at(&twice, &berlin, day + 2 * H - 1));
	assert_false(at(&twice, &berlin, day + 2 * H));
}

/* S0.29 S2.15 */
static void a_window_over_midnight_belongs_to_the_day_it_begins(void **state)
{
	/* Saturday night only; Saturday is bit 5. */
	const struct vs_window w = {22 * 60, 4 * 60, 1 << 5};
	const uint64_t day = MARCH_29; /* Sunday, 00:00 UTC */

	(void)state;
	assert_false(at(&w, &utc, day - 2 * H - 1));
	assert_true(at(&w, &utc, day - 2 * H));
	assert_true(at(&w, &utc, day + 4 * H - 1));
	assert_false(at(&w, &utc, day + 4 * H));
	assert_false(at(&w, &utc, day + 22 * H));
	assert_false(at(&w, &utc, day - 26 * H));
	assert_int_equal(vs_window_week(&w, 1, &utc, day), 6 * H);
}

/* S2.15 */
static void zones_far_from_utc_have_their_own_day(void **state)
{
	const struct vs_window monday = {0, 12 * 60, 1 << 0};
	const uint64_t day = MARCH_29;

	(void)state;
	/* Monday 00:00 there is Sunday 10:00 UTC, or Monday 09:30 UTC. */
	assert_false(at(&monday, &kiritimati, day + 10 * H - 1));
	assert_true(at(&monday, &kiritimati, day + 10 * H));
	assert_false(at(&monday, &kiritimati, day + 22 * H));
	assert_false(at(&monday, &marquesas, day + 33 * H + 1799));
	assert_true(at(&monday, &marquesas, day + 33 * H + 1800));
	/* 1970 began on a Thursday; there it was Wednesday still. */
	assert_true(at(&(struct vs_window){14 * 60, 15 * 60, 1 << 2},
	               &marquesas, 0));
}

static void several_windows_are_open_when_one_is(void **state)
{
	const struct vs_window w[] = {
		{60,      120,     VS_EVERY_DAY},
		{10 * 60, 11 * 60, 1 << 6      },
	};
	const uint64_t day = MARCH_29;

	(void)state;
	assert_true(vs_window_open(w, 2, &utc, day + H));
	assert_true(vs_window_open(w, 2, &utc, day + 10 * H));
	assert_false(vs_window_open(w, 2, &utc, day + 9 * H));
	assert_false(vs_window_open(w, 2, &utc, day + 34 * H));
	assert_true(vs_window_open(w, 0, &utc, day + 9 * H));
	assert_int_equal(vs_window_next(w, 2, &utc, day + 2 * H + 30),
	                 day + 10 * H);
	assert_int_equal(vs_window_next(w, 2, &utc, day + 10 * H + 7),
	                 day + 10 * H + 7);
	assert_int_equal(vs_window_week(w, 2, &utc, day), 8 * H);
}

static void a_window_that_never_opens_is_refused(void **state)
{
	static const struct vs_window wrong[] = {
		{1440, 5,    VS_EVERY_DAY},
		{5,    1440, VS_EVERY_DAY},
		{300,  300,  VS_EVERY_DAY},
		{1,    2,    0           },
		{1,    2,    0x80        },
	};
	const struct vs_window good = {1439, 0, 1};
	struct vs_why why = {0};

	(void)state;
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		assert_int_equal(vs_window_check(&wrong[i], &why),
		                 VS_ERR_INPUT);
		assert_non_null(why.what);
	}
	assert_int_equal(vs_window_check(&good, &why), VS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_offset_holds_from_its_first_second),
		cmocka_unit_test(
			the_night_the_clock_goes_forward_is_an_hour_shorter),
		cmocka_unit_test(
			the_night_the_clock_goes_back_is_an_hour_longer),
		cmocka_unit_test(
			a_window_over_midnight_belongs_to_the_day_it_begins),
		cmocka_unit_test(zones_far_from_utc_have_their_own_day),
		cmocka_unit_test(several_windows_are_open_when_one_is),
		cmocka_unit_test(a_window_that_never_opens_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

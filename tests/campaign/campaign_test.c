/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/campaign_test.c - one rule of a campaign at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "campaign/campaign.h"

#define MEMBERS 8

static const struct vs_plan usual = {
	.waves = {{VS_WAVE_COUNT, 1},
                  {VS_WAVE_PERCENT, 50},
                  {VS_WAVE_PERCENT, 100}},
	.wave_count = 3,
	.salt = "salt",
	.per_site = 8,
	.soak_s = 60,
	.fail_percent = 50,
	.fail_count = 2,
	.timeout_s = 3600,
};

static const char *const ids[MEMBERS] = {"a", "b", "c", "d",
                                         "e", "f", "g", "h"};

static void fill(struct vs_member m[static MEMBERS])
{
	for (size_t i = 0; i < MEMBERS; i++)
		m[i] = (struct vs_member){
			.id = ids[i], .site = "S", .feeder = ""};
}

static void set(struct vs_member *m, size_t from, size_t to,
                enum vs_member_state state)
{
	for (size_t i = from; i < to; i++)
		m[i].state = state;
}

static size_t startable(const struct vs_plan *p, struct vs_member *m,
                        uint64_t now_s)
{
	struct vs_progress at;
	size_t n = 0;

	vs_campaign_step(p, m, MEMBERS, now_s, &at);
	for (size_t i = 0; i < MEMBERS; i++)
		n += vs_campaign_may_start(p, m, MEMBERS, i, now_s, &at);
	return n;
}

static void a_plan_that_cannot_be_carried_out_names_its_field(void **state)
{
	static const struct {
		size_t offset;
		uint32_t value;
		const char *field;
	} wrong[] = {
		{offsetof(struct vs_plan, per_site),        0,   "per_site"    },
		{offsetof(struct vs_plan, fail_percent),    0,   "fail_percent"},
		{offsetof(struct vs_plan, fail_percent),    101, "fail_percent"},
		{offsetof(struct vs_plan, fail_count),      0,   "fail_count"  },
		{offsetof(struct vs_plan, waves[0].amount), 0,   "waves"       },
		{offsetof(struct vs_plan, waves[1].amount), 101, "waves"       },
		{offsetof(struct vs_plan, waves[2].amount), 49,  "waves"       },
	};
	struct vs_plan p = usual;
	struct vs_why why = {0};

	(void)state;
	assert_int_equal(vs_plan_check(&p, &why), VS_OK);
	for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
		p = usual;
		memcpy((char *)&p + wrong[i].offset, &wrong[i].value,
		       sizeof wrong[i].value);
		assert_int_equal(vs_plan_check(&p, &why), VS_ERR_INPUT);
		assert_non_null(strstr(why.what, wrong[i].field));
	}
	p = usual;
	p.wave_count = 0;
	assert_int_equal(vs_plan_check(&p, &why), VS_ERR_INPUT);
	p.wave_count = VS_WAVES_MAX + 1;
	assert_int_equal(vs_plan_check(&p, &why), VS_ERR_INPUT);
	p = usual;
	p.has_window = true;
	p.window = (struct vs_window){1440, 5};
	assert_int_equal(vs_plan_check(&p, &why), VS_ERR_INPUT);
	p.window = (struct vs_window){300, 300};
	assert_int_equal(vs_plan_check(&p, &why), VS_ERR_INPUT);
	p.window = (struct vs_window){1320, 300};
	assert_int_equal(vs_plan_check(&p, &why), VS_OK);
}

/* S0.26 */
static void a_wave_opens_when_the_one_before_is_through(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_progress at;

	(void)state;
	fill(m);
	assert_int_equal(startable(&usual, m, 1000), 1);
	set(m, 0, 1, VS_MEMBER_STARTED);
	m[0].since_s = 1000;
	assert_int_equal(startable(&usual, m, 1000), 0);
	set(m, 0, 1, VS_MEMBER_UPDATED);
	assert_int_equal(startable(&usual, m, 1000), 3);
	set(m, 0, 3, VS_MEMBER_UPDATED);
	assert_int_equal(startable(&usual, m, 1000), 1);
	set(m, 3, 4, VS_MEMBER_UPDATED);
	assert_int_equal(startable(&usual, m, 1000), 4);
	vs_campaign_step(&usual, m, MEMBERS, 1000, &at);
	assert_int_equal(at.wave, 2);
	assert_false(at.done);
	set(m, 4, 8, VS_MEMBER_UPDATED);
	vs_campaign_step(&usual, m, MEMBERS, 1000, &at);
	assert_true(at.done);
	assert_int_equal(at.updated, 8);
}

/* The canary has the version already: somebody else must be the canary. */
static void a_skipped_canary_proves_nothing(void **state)
{
	struct vs_member m[MEMBERS];

	(void)state;
	fill(m);
	set(m, 0, 3, VS_MEMBER_SKIPPED);
	assert_int_equal(startable(&usual, m, 1000), 1);
	set(m, 3, 4, VS_MEMBER_UPDATED);
	assert_int_equal(startable(&usual, m, 1000), 2); /* ceil(5/2) - 1 */
	set(m, 0, 8, VS_MEMBER_SKIPPED);
	assert_int_equal(startable(&usual, m, 1000), 0);
}

static void a_campaign_without_anybody_to_tell_is_done(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_progress at;

	(void)state;
	vs_campaign_step(&usual, NULL, 0, 1000, &at);
	assert_true(at.done);
	fill(m);
	set(m, 0, 8, VS_MEMBER_SKIPPED);
	vs_campaign_step(&usual, m, MEMBERS, 1000, &at);
	assert_true(at.done);
	assert_int_equal(at.skipped, 8);
}

/* S0.9 S0.26 */
static void failures_halt_by_count(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_plan p = usual;
	struct vs_progress at;

	(void)state;
	fill(m);
	p.fail_percent = 100;
	set(m, 0, 1, VS_MEMBER_UPDATED);
	set(m, 1, 2, VS_MEMBER_FAILED);
	vs_campaign_step(&p, m, MEMBERS, 1000, &at);
	assert_false(at.halt);
	set(m, 2, 3, VS_MEMBER_FAILED);
	vs_campaign_step(&p, m, MEMBERS, 1000, &at);
	assert_true(at.halt);
	assert_string_equal(at.because, "2 failed, 2 stop the campaign");
	for (size_t i = 0; i < MEMBERS; i++)
		assert_false(
			vs_campaign_may_start(&p, m, MEMBERS, i, 1000, &at));
}

/* S0.26 */
static void failures_halt_by_their_share_of_the_wave(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_plan p = usual;
	struct vs_progress at;

	(void)state;
	fill(m);
	p.fail_count = 100;
	set(m, 0, 1, VS_MEMBER_UPDATED);
	set(m, 1, 2, VS_MEMBER_FAILED); /* 1 of 3: 33 % */
	vs_campaign_step(&p, m, MEMBERS, 1000, &at);
	assert_false(at.halt);
	p.fail_percent = 33;
	vs_campaign_step(&p, m, MEMBERS, 1000, &at);
	assert_true(at.halt);
	assert_string_equal(at.because,
	                    "1 of 3 in wave 2 failed, 33% stop the campaign");
	p.fail_percent = 34;
	vs_campaign_step(&p, m, MEMBERS, 1000, &at);
	assert_false(at.halt);
}

static void a_failure_under_the_threshold_lets_the_next_wave_open(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_plan p = usual;

	(void)state;
	fill(m);
	set(m, 0, 3, VS_MEMBER_UPDATED);
	set(m, 3, 4, VS_MEMBER_FAILED);
	m[3].healthy = true; /* fell back and works */
	m[3].last_report_s = 900;
	assert_int_equal(startable(&p, m, 1000), 4);
}

/* A12 */
static void a_charger_that_was_told_and_went_silent_times_out(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_progress at;

	(void)state;
	fill(m);
	set(m, 0, 1, VS_MEMBER_STARTED);
	m[0].since_s = 1000;
	vs_campaign_step(&usual, m, MEMBERS, 1000 + 3599, &at);
	assert_int_equal(m[0].state, VS_MEMBER_STARTED);
	vs_campaign_step(&usual, m, MEMBERS, 1000 + 3600, &at);
	assert_int_equal(m[0].state, VS_MEMBER_FAILED);
	assert_int_equal(m[0].since_s, 4600);
	assert_true(at.halt); /* one of one in its wave */
}

static void a_timeout_of_zero_never_comes(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_plan p = usual;
	struct vs_progress at;

	(void)state;
	fill(m);
	p.timeout_s = 0;
	set(m, 0, 1, VS_MEMBER_STARTED);
	vs_campaign_step(&p, m, MEMBERS, UINT64_MAX, &at);
	assert_int_equal(m[0].state, VS_MEMBER_STARTED);
}

/* S0.9 S1.24: success is a healthy report at the end of the soak, not a
 * message. */
static void soak_ends_with_a_healthy_report_after_it(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_progress at;

	(void)state;
	fill(m);
	set(m, 0, 1, VS_MEMBER_SOAKING);
	m[0].since_s = 1000;
	m[0].healthy = true;
	m[0].last_report_s = 1000;
	vs_campaign_step(&usual, m, MEMBERS, 1059, &at);
	assert_int_equal(m[0].state, VS_MEMBER_SOAKING);
	vs_campaign_step(&usual, m, MEMBERS, 1060, &at);
	assert_int_equal(m[0].state, VS_MEMBER_SOAKING); /* silent so far */
	m[0].last_report_s = 1059;
	vs_campaign_step(&usual, m, MEMBERS, 1070, &at);
	assert_int_equal(m[0].state, VS_MEMBER_SOAKING);
	m[0].last_report_s = 1060;
	vs_campaign_step(&usual, m, MEMBERS, 1070, &at);
	assert_int_equal(m[0].state, VS_MEMBER_UPDATED);
	assert_int_equal(m[0].since_s, 1070);
	assert_int_equal(at.updated, 1);
	assert_int_equal(at.wave, 1);
}

/* S1.24 */
static void a_charger_that_falls_ill_in_the_soak_has_failed(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_progress at;

	(void)state;
	fill(m);
	set(m, 0, 1, VS_MEMBER_SOAKING);
	m[0].since_s = 1000;
	m[0].last_report_s = 1010;
	vs_campaign_step(&usual, m, MEMBERS, 1010, &at);
	assert_int_equal(m[0].state, VS_MEMBER_FAILED);
	assert_true(at.halt);
}

static void a_charger_silent_after_its_soak_times_out_too(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_progress at;

	(void)state;
	fill(m);
	set(m, 0, 1, VS_MEMBER_SOAKING);
	m[0].since_s = 1000;
	m[0].healthy = true;
	m[0].last_report_s = 1000;
	vs_campaign_step(&usual, m, MEMBERS, 1000 + 60 + 3599, &at);
	assert_int_equal(m[0].state, VS_MEMBER_SOAKING);
	vs_campaign_step(&usual, m, MEMBERS, 1000 + 60 + 3600, &at);
	assert_int_equal(m[0].state, VS_MEMBER_FAILED);
}

static void a_clock_that_went_back_ends_nothing(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_progress at;

	(void)state;
	fill(m);
	set(m, 0, 1, VS_MEMBER_STARTED);
	m[0].since_s = 100000;
	vs_campaign_step(&usual, m, MEMBERS, 5, &at);
	assert_int_equal(m[0].state, VS_MEMBER_STARTED);
}

/* S0.26 S0.28 */
static void a_site_gives_away_no_more_than_its_share(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_plan p = usual;
	struct vs_progress at;

	(void)state;
	fill(m);
	p.per_site = 2;
	p.waves[0].amount = 8;
	m[7].site = "T";
	set(m, 0, 1, VS_MEMBER_STARTED);
	m[0].since_s = 1000;
	assert_int_equal(startable(&p, m, 1000), 7);
	set(m, 1, 2, VS_MEMBER_SOAKING);
	m[1].since_s = 1000;
	m[1].healthy = true;
	assert_int_equal(startable(&p, m, 1000), 1); /* only site T */
	set(m, 7, 8, VS_MEMBER_SKIPPED);
	vs_campaign_step(&p, m, MEMBERS, 1000, &at);
	assert_string_equal(at.because,
	                    "c waits for another charger of site S");
}

/* S0.28 */
static void a_broken_charger_keeps_its_site_from_losing_more(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_plan p = usual;

	(void)state;
	fill(m);
	p.per_site = 1;
	p.waves[0].amount = 8;
	set(m, 0, 1, VS_MEMBER_FAILED);
	m[0].last_report_s = 900;
	assert_int_equal(startable(&p, m, 1000), 0);
	m[0].healthy = true;
	assert_int_equal(startable(&p, m, 1000), 7);
}

/* S0.28 */
static void two_chargers_of_a_feeder_are_never_away_together(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_plan p = usual;

	(void)state;
	fill(m);
	p.waves[0].amount = 8;
	m[0].feeder = m[1].feeder = m[2].feeder = "F1";
	m[3].feeder = "F2";
	m[2].site = "T"; /* a feeder may run through two sites */
	set(m, 0, 1, VS_MEMBER_STARTED);
	m[0].since_s = 1000;
	assert_int_equal(startable(&p, m, 1000), 5);
}

/* S0.29 S2.15 S2.27 */
static void a_window_over_midnight_is_in_local_time(void **state)
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
	struct vs_member m[MEMBERS];
	struct vs_plan p = usual;

	(void)state;
	p.has_window = true;
	p.window = (struct vs_window){22 * 60, 5 * 60};
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		uint64_t now_s = 1700006400 + /* a midnight */
		                 cases[i].hour * 3600 + cases[i].minute * 60;

		assert_int_equal(1700006400 % 86400, 0);
		fill(m);
		m[0].utc_offset_min = cases[i].offset;
		assert_int_equal(startable(&p, m, now_s), cases[i].open);
	}
}

/* S0.29 S2.27 */
static void a_window_within_a_day_closes_at_its_end(void **state)
{
	struct vs_member m[MEMBERS];
	struct vs_plan p = usual;
	struct vs_progress at;

	(void)state;
	fill(m);
	p.has_window = true;
	p.window = (struct vs_window){60, 120};
	assert_int_equal(startable(&p, m, 59 * 60 + 59), 0);
	assert_int_equal(startable(&p, m, 60 * 60), 1);
	assert_int_equal(startable(&p, m, 119 * 60 + 59), 1);
	assert_int_equal(startable(&p, m, 120 * 60), 0);
	vs_campaign_step(&p, m, MEMBERS, 120 * 60, &at);
	assert_string_equal(at.because, "outside the window 01:00 to 02:00");
}

static void the_order_depends_on_salt_and_ids_alone(void **state)
{
	struct vs_member a[MEMBERS], b[MEMBERS];
	struct vs_plan other = usual;
	size_t same = 0;

	(void)state;
	fill(a);
	for (size_t i = 0; i < MEMBERS; i++)
		b[i] = a[MEMBERS - 1 - i];
	vs_campaign_order(&usual, a, MEMBERS);
	vs_campaign_order(&usual, b, MEMBERS);
	for (size_t i = 0; i < MEMBERS; i++)
		assert_string_equal(a[i].id, b[i].id);
	(void)snprintf(other.salt, sizeof other.salt, "pepper");
	vs_campaign_order(&other, b, MEMBERS);
	for (size_t i = 0; i < MEMBERS; i++)
		same += a[i].id == b[i].id;
	assert_true(same < MEMBERS);
}

/* Ids that differ in their last digits must not start in that order. */
static void the_order_spreads_neighbouring_ids(void **state)
{
	enum { N = 1000 };
	static char names[N][12];
	static struct vs_member m[N];
	size_t low = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		(void)snprintf(names[i], sizeof names[i], "CP-%04zu", i);
		m[i] = (struct vs_member){.id = names[i], .site = ""};
	}
	vs_campaign_order(&usual, m, N);
	for (size_t i = 0; i < N / 2; i++)
		low += strcmp(m[i].id, "CP-0500") < 0;
	assert_in_range(low, 200, 300); /* 250 expected */
}

/* S0.26 */
static void only_the_moves_of_the_table_can_be_made(void **state)
{
	static const char *const rows[] = {
		/* approve start pause resume abort halt finish */
		[VS_CAMPAIGN_DRAFT] = "a___x__",
		[VS_CAMPAIGN_APPROVED] = "_r__x__",
		[VS_CAMPAIGN_RUNNING] = "__p_xhd",
		[VS_CAMPAIGN_PAUSED] = "___rxhd",
		[VS_CAMPAIGN_HALTED] = "____x__",
		[VS_CAMPAIGN_DONE] = "_______",
		[VS_CAMPAIGN_ABORTED] = "_______",
	};

	(void)state;
	for (int s = VS_CAMPAIGN_DRAFT; s <= VS_CAMPAIGN_ABORTED; s++)
		for (int v = VS_MOVE_APPROVE; v <= VS_MOVE_FINISH; v++) {
			enum vs_campaign_state at = (enum vs_campaign_state)s;
			char to = rows[s][v];
			const char *name;
			vs_status st =
				vs_campaign_move(&at, (enum vs_campaign_move)v);

			name = vs_campaign_state_name(at);
			if (to == '_') {
				assert_int_equal(st, VS_ERR_STATE);
				assert_int_equal(at, s);
				continue;
			}
			assert_int_equal(st, VS_OK);
			assert_int_equal(to == 'x' ? strcmp(name, "aborted")
			                           : name[0] - to,
			                 0);
		}
	assert_string_equal(vs_member_state_name(VS_MEMBER_SOAKING), "soaking");
	assert_string_equal(vs_member_state_name((enum vs_member_state)99),
	                    "unknown");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_plan_that_cannot_be_carried_out_names_its_field),
		cmocka_unit_test(a_wave_opens_when_the_one_before_is_through),
		cmocka_unit_test(a_skipped_canary_proves_nothing),
		cmocka_unit_test(a_campaign_without_anybody_to_tell_is_done),
		cmocka_unit_test(failures_halt_by_count),
		cmocka_unit_test(failures_halt_by_their_share_of_the_wave),
		cmocka_unit_test(
			a_failure_under_the_threshold_lets_the_next_wave_open),
		cmocka_unit_test(
			a_charger_that_was_told_and_went_silent_times_out),
		cmocka_unit_test(a_timeout_of_zero_never_comes),
		cmocka_unit_test(soak_ends_with_a_healthy_report_after_it),
		cmocka_unit_test(
			a_charger_that_falls_ill_in_the_soak_has_failed),
		cmocka_unit_test(a_charger_silent_after_its_soak_times_out_too),
		cmocka_unit_test(a_clock_that_went_back_ends_nothing),
		cmocka_unit_test(a_site_gives_away_no_more_than_its_share),
		cmocka_unit_test(
			a_broken_charger_keeps_its_site_from_losing_more),
		cmocka_unit_test(
			two_chargers_of_a_feeder_are_never_away_together),
		cmocka_unit_test(a_window_over_midnight_is_in_local_time),
		cmocka_unit_test(a_window_within_a_day_closes_at_its_end),
		cmocka_unit_test(the_order_depends_on_salt_and_ids_alone),
		cmocka_unit_test(the_order_spreads_neighbouring_ids),
		cmocka_unit_test(only_the_moves_of_the_table_can_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

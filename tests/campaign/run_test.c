/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/run_test.c - one rule of a campaign at a time.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "tests/campaign/members.h"

static void a_plan_that_cannot_be_carried_out_names_its_field(void **state)
{
	static const struct {
		size_t offset;
		uint32_t value;
		const char *field;
	} wrong[] = {
		{offsetof(struct vs_plan, per_site),        0,   "per_site"    },
		{offsetof(struct vs_plan, site_percent),    101, "site_percent"},
		{offsetof(struct vs_plan, hour_percent),    101, "hour_percent"},
		{offsetof(struct vs_plan, advance_percent), 0,   "advance"     },
		{offsetof(struct vs_plan, advance_percent), 101, "advance"     },
		{offsetof(struct vs_plan, fail_percent),    0,   "fail_percent"},
		{offsetof(struct vs_plan, fail_percent),    101, "fail_percent"},
		{offsetof(struct vs_plan, fail_count),      0,   "fail_count"  },
		{offsetof(struct vs_plan, waves[0].amount), 0,   "waves"       },
		{offsetof(struct vs_plan, waves[1].amount), 101, "waves"       },
		{offsetof(struct vs_plan, waves[2].amount), 49,  "waves"       },
		{offsetof(struct vs_plan, waves[2].kind),   2,   "waves"       },
		{offsetof(struct vs_plan, waves[2].kind),   7,   "waves"       },
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
	p.window_count = 1;
	assert_int_equal(vs_plan_check(&p, &why), VS_ERR_INPUT);
	p.windows[0] = (struct vs_window){1320, 300, 1};
	assert_int_equal(vs_plan_check(&p, &why), VS_OK);
	p.window_count = VS_WINDOWS_MAX + 1;
	assert_int_equal(vs_plan_check(&p, &why), VS_ERR_INPUT);
	p = usual;
	p.deadline_opens = true;
	assert_int_equal(vs_plan_check(&p, &why), VS_ERR_INPUT);
	p.deadline_s = 5;
	assert_int_equal(vs_plan_check(&p, &why), VS_OK);
	memset(p.salt, 'x', sizeof p.salt);
	assert_int_equal(vs_plan_check(&p, &why), VS_ERR_INPUT);
}

/* S0.26 */
static void a_wave_opens_when_the_one_before_is_through(void **state)
{
	(void)state;
	fresh(&usual);
	assert_int_equal(startable(1000), 1);
	set(0, 1, VS_MEMBER_STARTED, 1000);
	assert_int_equal(startable(1000), 0);
	assert_string_equal(w.run.progress.because,
	                    "wave 1 of 3: 1 started, 0 soaking");
	set(0, 1, VS_MEMBER_UPDATED, 0);
	assert_int_equal(startable(1000), 3);
	set(0, 3, VS_MEMBER_UPDATED, 0);
	assert_int_equal(startable(1000), 1);
	set(3, 4, VS_MEMBER_UPDATED, 0);
	assert_int_equal(startable(1000), 4);
	assert_int_equal(w.run.progress.wave, 2);
	assert_false(w.run.progress.done);
	set(4, 8, VS_MEMBER_UPDATED, 0);
	step(1000);
	assert_true(w.run.progress.done);
	assert_int_equal(w.run.progress.updated, 8);
}

/* S0.26 */
static void a_wave_of_a_filter_takes_whom_it_describes(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.waves[0] = (struct vs_wave){VS_WAVE_FILTER, 0};
	p.waves[1] = (struct vs_wave){VS_WAVE_COUNT, 4};
	prepare(&p);
	w.fits[2] = w.fits[6] = 1;
	begin();
	assert_int_equal(startable(1000), 2);
	assert_int_equal(vs_run_may_start(&w.run, 6, 1000), VS_BLOCK_NONE);
	assert_int_equal(vs_run_may_start(&w.run, 0, 1000), VS_BLOCK_WAVE);
	set(2, 3, VS_MEMBER_UPDATED, 0);
	set(6, 7, VS_MEMBER_UPDATED, 0);
	/* four in all, so two more, in their order */
	assert_int_equal(startable(1000), 2);
	assert_int_equal(vs_run_may_start(&w.run, 1, 1000), VS_BLOCK_NONE);
	assert_int_equal(vs_run_may_start(&w.run, 3, 1000), VS_BLOCK_WAVE);
	set(0, 2, VS_MEMBER_UPDATED, 0);
	assert_int_equal(startable(1000), 4);
}

/* S0.26 */
static void a_share_that_is_proven_can_open_the_next_wave(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.waves[0].amount = 4;
	p.advance_percent = 75;
	fresh(&p);
	set(0, 2, VS_MEMBER_UPDATED, 0);
	assert_int_equal(startable(1000), 2);
	set(2, 3, VS_MEMBER_UPDATED, 0);
	assert_int_equal(startable(1000), 5); /* one of them is the late one */
	w.plan.advance_percent = 100;
	assert_int_equal(startable(1000), 1);
}

/* The canary has the version already: somebody else must be the canary. */
static void a_skipped_canary_proves_nothing(void **state)
{
	(void)state;
	fresh(&usual);
	set(0, 3, VS_MEMBER_SKIPPED, 0);
	assert_int_equal(startable(1000), 1);
	set(3, 4, VS_MEMBER_UPDATED, 0);
	assert_int_equal(startable(1000), 2); /* ceil(5/2) - 1 */
	set(0, 8, VS_MEMBER_SKIPPED, 0);
	assert_int_equal(startable(1000), 0);
}

static void a_canary_that_is_skipped_later_is_replaced_too(void **state)
{
	(void)state;
	fresh(&usual);
	assert_int_equal(startable(1000), 1);
	happen(0, VS_CAUSE_SKIP, 1000);
	assert_int_equal(startable(1001), 1);
	assert_int_equal(vs_run_may_start(&w.run, 1, 1001), VS_BLOCK_NONE);
}

static void a_campaign_without_anybody_to_tell_is_done(void **state)
{
	(void)state;
	fresh(&usual);
	set(0, 8, VS_MEMBER_SKIPPED, 0);
	step(1000);
	assert_true(w.run.progress.done);
	assert_int_equal(w.run.progress.skipped, 8);
}

/* S0.9 S0.26 */
static void failures_halt_by_count(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.fail_percent = 100;
	fresh(&p);
	set(0, 1, VS_MEMBER_UPDATED, 0);
	set(1, 2, VS_MEMBER_FAILED, 0);
	step(1000);
	assert_false(w.run.progress.halt);
	set(2, 3, VS_MEMBER_FAILED, 0);
	step(1000);
	assert_true(w.run.progress.halt);
	assert_string_equal(w.run.progress.because,
	                    "2 failed, 2 stop the campaign");
	for (size_t i = 0; i < MEMBERS; i++)
		assert_int_equal(vs_run_may_start(&w.run, i, 1000),
		                 VS_BLOCK_ENDED);
}

/* S0.26 */
static void failures_halt_by_their_share_of_the_wave(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.fail_count = 100;
	fresh(&p);
	set(0, 1, VS_MEMBER_UPDATED, 0);
	set(1, 2, VS_MEMBER_FAILED, 0); /* 1 of 3: 33 % */
	step(1000);
	assert_false(w.run.progress.halt);
	w.plan.fail_percent = 33;
	step(1000);
	assert_true(w.run.progress.halt);
	assert_string_equal(w.run.progress.because,
	                    "1 of 3 in wave 2 failed, 33% stop the campaign");
	w.plan.fail_percent = 34;
	step(1000);
	assert_false(w.run.progress.halt);
}

static void a_failure_under_the_threshold_lets_the_next_wave_open(void **state)
{
	(void)state;
	fresh(&usual);
	set(0, 3, VS_MEMBER_UPDATED, 0);
	set(3, 4, VS_MEMBER_FAILED, 0);
	report(3, true, 900); /* fell back and works */
	assert_int_equal(startable(1000), 4);
}

/* A12 */
static void a_charger_that_was_told_and_went_silent_times_out(void **state)
{
	(void)state;
	fresh(&usual);
	set(0, 1, VS_MEMBER_STARTED, 1000);
	step(1000 + 3599);
	assert_int_equal(state_of(0), VS_MEMBER_STARTED);
	step(1000 + 3600);
	assert_int_equal(state_of(0), VS_MEMBER_FAILED);
	assert_int_equal(w.run.seats[0].since_s, 4600);
	assert_int_equal(w.run.seats[0].cause, VS_CAUSE_LATE);
	assert_true(w.run.progress.halt); /* one of one in its wave */
}

/* Late is not never: what it reports at last still counts. */
static void a_late_charger_that_arrives_is_taken_back(void **state)
{
	struct vs_change c;

	(void)state;
	fresh(&usual);
	set(0, 1, VS_MEMBER_STARTED, 1000);
	step(1000 + 3600);
	happen(0, VS_CAUSE_ARRIVED, 5000);
	report(0, true, 5060);
	step(5060);
	assert_int_equal(state_of(0), VS_MEMBER_UPDATED);
	/* Who fell ill in its soak is not. */
	set(1, 2, VS_MEMBER_SOAKING, 5000);
	report(1, false, 5010);
	step(5010);
	assert_int_equal(state_of(1), VS_MEMBER_FAILED);
	assert_int_equal(vs_run_change(&w.run, 1, VS_CAUSE_ARRIVED, 5020, &c),
	                 VS_ERR_STATE);
}

static void a_timeout_of_zero_never_comes(void **state)
{
	struct vs_plan p = usual;

	(void)state;
	p.timeout_s = 0;
	fresh(&p);
	set(0, 1, VS_MEMBER_STARTED, 0);
	step(UINT64_MAX);
	assert_int_equal(state_of(0), VS_MEMBER_STARTED);
}

/* S0.9 S1.24: success is a healthy report at the end of the soak, not a
 * message. */
static void soak_ends_with_a_healthy_report_after_it(void **state)
{
	(void)state;
	fresh(&usual);
	set(0, 1, VS_MEMBER_SOAKING, 1000);
	report(0, true, 1000);
	step(1059);
	assert_int_equal(state_of(0), VS_MEMBER_SOAKING);
	step(1060);
	assert_int_equal(state_of(0), VS_MEMBER_SOAKING); /* silent so far */
	report(0, true, 1059);
	step(1070);
	assert_int_equal(state_of(0), VS_MEMBER_SOAKING);
	report(0, true, 1060);
	step(1070);
	assert_int_equal(state_of(0), VS_MEMBER_UPDATED);
	assert_int_equal(w.run.seats[0].since_s, 1070);
	assert_int_equal(w.run.progress.updated, 1);
	assert_int_equal(w.run.progress.wave, 1);
}

/* S1.24 */
static void a_charger_that_falls_ill_in_the_soak_has_failed(void **state)
{
	(void)state;
	fresh(&usual);
	set(0, 1, VS_MEMBER_SOAKING, 1000);
	report(0, false, 1010);
	step(1010);
	assert_int_equal(state_of(0), VS_MEMBER_FAILED);
	assert_true(w.run.progress.halt);
}

static void a_charger_silent_after_its_soak_times_out_too(void **state)
{
	(void)state;
	fresh(&usual);
	set(0, 1, VS_MEMBER_SOAKING, 1000);
	report(0, true, 1000);
	step(1000 + 60 + 3599);
	assert_int_equal(state_of(0), VS_MEMBER_SOAKING);
	step(1000 + 60 + 3600);
	assert_int_equal(state_of(0), VS_MEMBER_FAILED);
	assert_int_equal(w.run.seats[0].cause, VS_CAUSE_SILENT);
}

static void a_clock_that_went_back_ends_nothing(void **state)
{
	(void)state;
	fresh(&usual);
	set(0, 1, VS_MEMBER_STARTED, 100000);
	step(5);
	assert_int_equal(state_of(0), VS_MEMBER_STARTED);
}

/* S1.24 */
static void a_charger_can_be_told_no_more_and_be_told_again(void **state)
{
	struct vs_change c;

	(void)state;
	fresh(&usual);
	step(1000);
	assert_int_equal(vs_run_change(&w.run, 0, VS_CAUSE_ARRIVED, 1000, &c),
	                 VS_ERR_STATE); /* it was never told */
	happen(0, VS_CAUSE_START, 1000);
	assert_int_equal(w.run.open_count, 1);
	happen(0, VS_CAUSE_WITHDRAW, 1100);
	assert_int_equal(state_of(0), VS_MEMBER_WAITING);
	assert_int_equal(w.run.open_count, 0);
	assert_int_equal(startable(1200), 1);
	/* It had gone too far and installed it all the same. */
	happen(0, VS_CAUSE_ARRIVED, 1200);
	assert_int_equal(state_of(0), VS_MEMBER_SOAKING);
	assert_int_equal(w.run.seats[0].attempts, 1);
}

static void who_failed_gets_another_chance(void **state)
{
	(void)state;
	fresh(&usual);
	set(0, 4, VS_MEMBER_UPDATED, 0);
	set(1, 2, VS_MEMBER_FAILED, 0);
	assert_int_equal(startable(1000), 4);
	happen(1, VS_CAUSE_RETRY, 1000);
	/* Its wave is open again until it is through. */
	assert_int_equal(startable(1000), 1);
	assert_int_equal(w.run.progress.wave, 1);
	assert_int_equal(vs_run_may_start(&w.run, 1, 1000), VS_BLOCK_NONE);
	w.plan.window_count = 1;
	w.plan.windows[0] = (struct vs_window){60, 120, VS_EVERY_DAY};
	assert_int_equal(startable(1000), 0);
	assert_int_equal(w.run.progress.place, 1);
	assert_int_equal(w.run.progress.block, VS_BLOCK_WINDOW);
	w.plan.window_count = 0;
	happen(1, VS_CAUSE_START, 1000);
	happen(1, VS_CAUSE_ARRIVED, 1001);
	report(1, true, 1061);
	assert_int_equal(startable(1061), 4);
}

static void the_order_depends_on_salt_and_ids_alone(void **state)
{
	(void)state;
	assert_true(vs_plan_rank("salt", "a") == vs_plan_rank("salt", "a"));
	assert_true(vs_plan_rank("salt", "a") != vs_plan_rank("pepper", "a"));
	assert_true(vs_plan_rank("salt", "a") != vs_plan_rank("sal", "ta"));
}

/* Ids that differ in their last digits must not start in that order. */
static void the_order_spreads_neighbouring_ids(void **state)
{
	enum { N = 1000 };
	size_t low = 0;

	(void)state;
	for (size_t i = 0; i < N; i++) {
		char name[12];

		(void)snprintf(name, sizeof name, "CP-%04zu", i);
		low += i < N / 2 && vs_plan_rank("salt", name) < UINT64_MAX / 2;
	}
	assert_in_range(low, 200, 300); /* 250 expected */
}

/* S0.26 */
static void only_the_moves_of_a_members_table_can_be_made(void **state)
{
	/* start arrived broke late soaked ill silent withdraw retry skip */
	static const char *const rows[VS_MEMBER_STATES] = {
		[VS_MEMBER_WAITING] = "s________k",
		[VS_MEMBER_STARTED] = "_off___w__",
		[VS_MEMBER_SOAKING] = "__f_uff___",
		[VS_MEMBER_UPDATED] = "__________",
		[VS_MEMBER_FAILED] = "________w_",
		[VS_MEMBER_SKIPPED] = "__________",
	};
	static const char letters[] = "wsoufk";
	struct vs_change c;

	(void)state;
	fresh(&usual);
	for (int s = 0; s < VS_MEMBER_STATES; s++)
		for (int k = VS_CAUSE_START; k < VS_CAUSES; k++) {
			set(0, 1, (enum vs_member_state)s, 5);
			vs_status st = vs_run_change(&w.run, 0,
			                             (enum vs_cause)k, 10, &c);
			char to = rows[s][k - 1];

			assert_int_equal(st, to == '_' ? VS_ERR_STATE : VS_OK);
			if (!st)
				assert_int_equal(letters[c.next.state], to);
		}
	assert_string_equal(vs_member_state_name(VS_MEMBER_SOAKING), "soaking");
	assert_string_equal(vs_member_state_name((enum vs_member_state)99),
	                    "unknown");
	assert_string_equal(vs_cause_name(VS_CAUSE_LATE), "late");
	assert_string_equal(vs_block_name(VS_BLOCK_SITE), "site");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_plan_that_cannot_be_carried_out_names_its_field),
		T(a_wave_opens_when_the_one_before_is_through),
		T(a_wave_of_a_filter_takes_whom_it_describes),
		T(a_share_that_is_proven_can_open_the_next_wave),
		T(a_skipped_canary_proves_nothing),
		T(a_canary_that_is_skipped_later_is_replaced_too),
		T(a_campaign_without_anybody_to_tell_is_done),
		T(failures_halt_by_count),
		T(failures_halt_by_their_share_of_the_wave),
		T(a_failure_under_the_threshold_lets_the_next_wave_open),
		T(a_charger_that_was_told_and_went_silent_times_out),
		T(a_late_charger_that_arrives_is_taken_back),
		T(a_timeout_of_zero_never_comes),
		T(soak_ends_with_a_healthy_report_after_it),
		T(a_charger_that_falls_ill_in_the_soak_has_failed),
		T(a_charger_silent_after_its_soak_times_out_too),
		T(a_clock_that_went_back_ends_nothing),
		T(a_charger_can_be_told_no_more_and_be_told_again),
		T(who_failed_gets_another_chance),
		T(the_order_depends_on_salt_and_ids_alone),
		T(the_order_spreads_neighbouring_ids),
		T(only_the_moves_of_a_members_table_can_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

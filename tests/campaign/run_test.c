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

#include "campaign/run.h"

#define MEMBERS 8

static const struct vs_plan usual = {
	.waves = {{VS_WAVE_COUNT, 1},
                  {VS_WAVE_PERCENT, 50},
                  {VS_WAVE_PERCENT, 100}},
	.wave_count = 3,
	.salt = "salt",
	.per_site = 8,
	.soak_s = 60,
	.advance_percent = 100,
	.fail_percent = 50,
	.fail_count = 2,
	.timeout_s = 3600,
};

/* Chargers of one grid; device i is the member at place i. */
static struct {
	struct vs_plan plan;
	const char *site[MEMBERS], *feeder[MEMBERS];
	uint16_t fits[MEMBERS];
	struct vs_zone_change offset;
	struct vs_zone zone;
	struct vs_grid grid;
	struct vs_run run;
} w;

static char ids[MEMBERS][2] = {"a", "b", "c", "d", "e", "f", "g", "h"};

static const char *id_of(void *ctx, uint32_t device)
{
	(void)ctx;
	return ids[device];
}

static int by_rank(const void *a, const void *b)
{
	uint64_t x = vs_plan_rank("salt", a), y = vs_plan_rank("salt", b);

	return (x > y) - (x < y);
}

static void prepare(const struct vs_plan *p)
{
	memset(&w, 0, sizeof w);
	w.plan = *p;
	for (size_t i = 0; i < MEMBERS; i++) {
		w.site[i] = "S";
		w.feeder[i] = "";
	}
}

static void begin(void)
{
	uint32_t device;
	uint16_t zone;

	qsort(ids, MEMBERS, sizeof ids[0], by_rank);
	w.zone = (struct vs_zone){&w.offset, 1};
	assert_int_equal(vs_grid_zone(&w.grid, &w.zone, &zone), VS_OK);
	vs_run_init(&w.run, &w.plan, &w.grid);
	for (size_t i = 0; i < MEMBERS; i++) {
		assert_int_equal(vs_grid_add(&w.grid, w.site[i], w.feeder[i],
		                             zone, &device),
		                 VS_OK);
		assert_int_equal(vs_run_add(&w.run, device, w.fits[i]), VS_OK);
	}
	assert_int_equal(vs_run_order(&w.run, id_of, NULL), VS_OK);
	for (size_t i = 0; i < MEMBERS; i++)
		assert_int_equal(vs_run_find(&w.run, (uint32_t)i), i);
}

static void fresh(const struct vs_plan *p)
{
	prepare(p);
	begin();
}

static int finish(void **state)
{
	(void)state;
	if (w.grid.count)
		vs_run_drop(&w.run);
	for (size_t i = 0; i < w.grid.count; i++)
		assert_false(w.grid.devices[i].away);
	vs_grid_drop(&w.grid);
	memset(&w, 0, sizeof w);
	return 0;
}

static void set(size_t from, size_t to, enum vs_member_state state,
                uint32_t since_s)
{
	const struct vs_seat kept = {.state = (uint8_t)state,
	                             .since_s = since_s};

	for (size_t i = from; i < to; i++)
		vs_run_restore(&w.run, i, &kept);
	vs_run_restored(&w.run);
}

static void report(size_t place, bool healthy, uint64_t time_s)
{
	const struct vs_grid_report r = {.healthy = healthy, .time_s = time_s};

	vs_grid_report(&w.grid, w.run.seats[place].device, &r);
	vs_run_reported(&w.run, place, false);
}

/* Lets time pass, as whoever keeps a campaign does. */
static void step(uint64_t now_s)
{
	struct vs_change changes[MEMBERS];
	size_t iter = 0, n = 0;

	while (vs_run_due(&w.run, now_s, &iter, &changes[n]))
		n++;
	for (size_t i = 0; i < n; i++)
		vs_run_apply(&w.run, &changes[i]);
	vs_run_judge(&w.run);
	vs_run_explain(&w.run, now_s);
}

static size_t startable(uint64_t now_s)
{
	size_t n = 0;

	step(now_s);
	for (size_t i = 0; i < MEMBERS; i++)
		n += vs_run_may_start(&w.run, i, now_s) == VS_BLOCK_NONE;
	return n;
}

static void happen(size_t place, enum vs_cause cause, uint64_t now_s)
{
	struct vs_change c;

	assert_int_equal(vs_run_change(&w.run, place, cause, now_s, &c), VS_OK);
	vs_run_apply(&w.run, &c);
}

static enum vs_member_state state_of(size_t place)
{
	return (enum vs_member_state)w.run.seats[place].state;
}

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

#define T(name) cmocka_unit_test_teardown(name, finish)

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
		T(a_charger_can_be_told_no_more_and_be_told_again),
		T(who_failed_gets_another_chance),
		T(a_fault_rate_above_the_one_before_halts),
		T(five_per_cent_more_faults_are_seen_at_a_waves_end),
		T(each_charger_is_compared_with_itself),
		T(a_restart_does_not_forget_the_faults),
		T(a_fault_counter_that_begins_anew_counts_from_there),
		T(the_order_depends_on_salt_and_ids_alone),
		T(the_order_spreads_neighbouring_ids),
		T(only_the_moves_of_a_members_table_can_be_made),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

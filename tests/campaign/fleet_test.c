/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/fleet_test.c - whole campaigns over 1000 chargers, in virtual
 * time.
 *
 * The test's own bookkeeping judges the campaign: every start is checked
 * against sites, feeders, local time and waves kept here, not against what the
 * campaign says of itself.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "campaign/campaign.h"

#define CHARGERS 1000
#define SITES 125   /* eight chargers each */
#define FEEDERS 500 /* two chargers each */
#define TICK_S 300
#define DAYS 200
#define BEGIN_S UINT64_C(1700000000)

/* What a charger does with the release it is told of. */
enum fate { GOOD, FALLS_BACK, SILENT, ILL_IN_SOAK, FATES };

struct charger {
	char id[16];
	char site[16];
	char feeder[16];
	int32_t utc_offset_min;
	enum fate fate;
	uint64_t ready_s; /* back from its reboot */
	unsigned told, settled;
	size_t wave;
};

struct sim {
	struct vs_plan plan;
	struct charger chargers[CHARGERS];
	struct vs_member members[CHARGERS];
	struct charger *by_member[CHARGERS];
	size_t wave_size[VS_WAVES_MAX];
	unsigned bad_per_mille;
	uint64_t now_s;
	uint64_t random;
	size_t starts, peak_away;
	struct vs_progress at;
	enum vs_campaign_state state;
};

static struct sim sim;

static uint64_t draw(uint64_t below)
{
	sim.random ^= sim.random << 13;
	sim.random ^= sim.random >> 7;
	sim.random ^= sim.random << 17;
	return sim.random % below;
}

static void make_charger(struct charger *c, struct vs_member *m, unsigned i)
{
	static const int32_t offsets[] = {60, 120, 0, -300, 345};
	unsigned site = i / (CHARGERS / SITES);

	*c = (struct charger){.utc_offset_min = offsets[site % 5]};
	(void)snprintf(c->id, sizeof c->id, "CP-%04u", i);
	(void)snprintf(c->site, sizeof c->site, "site-%u", site);
	if (site % 4) /* a quarter of the sites tell no feeders */
		(void)snprintf(c->feeder, sizeof c->feeder, "f-%u", i / 2);
	if (draw(1000) < sim.bad_per_mille)
		c->fate = (enum fate)(1 + draw(FATES - 1));
	*m = (struct vs_member){.id = c->id,
	                        .site = c->site,
	                        .feeder = c->feeder,
	                        .utc_offset_min = c->utc_offset_min,
	                        .healthy = true,
	                        .last_report_s = BEGIN_S};
}

static void place_in_waves(void)
{
	size_t w = 0;

	memset(sim.wave_size, 0, sizeof sim.wave_size);
	for (size_t i = 0; i < CHARGERS; i++) {
		const struct vs_wave *at = &sim.plan.waves[w];
		size_t end = at->amount;

		if (at->kind == VS_WAVE_PERCENT)
			end = end * (CHARGERS / 100);
		if (i >= end)
			w++;
		sim.by_member[i]->wave = w;
		sim.wave_size[w]++;
	}
}

static void begin(const struct vs_plan *plan, unsigned bad_per_mille,
                  uint64_t seed)
{
	struct vs_why why;

	sim = (struct sim){.plan = *plan,
	                   .bad_per_mille = bad_per_mille,
	                   .now_s = BEGIN_S,
	                   .random = seed * UINT64_C(0x9e3779b97f4a7c15)};
	(void)snprintf(sim.plan.salt, sizeof sim.plan.salt, "s%u",
	               (unsigned)seed);
	assert_int_equal(vs_plan_check(&sim.plan, &why), VS_OK);
	for (unsigned i = 0; i < CHARGERS; i++)
		make_charger(&sim.chargers[i], &sim.members[i], i);
	vs_campaign_order(&sim.plan, sim.members, CHARGERS);
	for (size_t i = 0; i < CHARGERS; i++) {
		unsigned n = 0;

		assert_int_equal(sscanf(sim.members[i].id, "CP-%u", &n), 1);
		sim.by_member[i] = &sim.chargers[n];
	}
	place_in_waves();
	assert_int_equal(vs_campaign_move(&sim.state, VS_MOVE_APPROVE), VS_OK);
	assert_int_equal(vs_campaign_move(&sim.state, VS_MOVE_START), VS_OK);
}

/* What the charger's reports would tell the server now. */
static void report(struct vs_member *m, const struct charger *c)
{
	if (c->fate == SILENT && c->told)
		return;
	m->last_report_s = sim.now_s;
	if (m->state == VS_MEMBER_STARTED && sim.now_s >= c->ready_s) {
		m->state = c->fate == FALLS_BACK ? VS_MEMBER_FAILED
		                                 : VS_MEMBER_SOAKING;
		m->since_s = sim.now_s;
	} else if (m->state == VS_MEMBER_SOAKING && c->fate == ILL_IN_SOAK) {
		m->healthy = sim.now_s - m->since_s < sim.plan.soak_s / 2;
	} else if (m->state == VS_MEMBER_FAILED) {
		m->healthy = true; /* mended by a person */
	}
}

static bool away(const struct vs_member *m)
{
	return m->state == VS_MEMBER_STARTED || m->state == VS_MEMBER_SOAKING;
}

static void judge_window(const struct charger *c)
{
	time_t local = (time_t)sim.now_s + c->utc_offset_min * 60;
	struct tm tm;
	int minute;

	assert_non_null(gmtime_r(&local, &tm));
	minute = tm.tm_hour * 60 + tm.tm_min;
	if (sim.plan.window.start_min <= sim.plan.window.end_min)
		assert_true(minute >= sim.plan.window.start_min &&
		            minute < sim.plan.window.end_min);
	else
		assert_false(minute < sim.plan.window.start_min &&
		             minute >= sim.plan.window.end_min);
}

static void judge_start(size_t i)
{
	const struct charger *c = sim.by_member[i];

	assert_int_equal(c->told, 0);
	if (sim.plan.has_window)
		judge_window(c);
	for (size_t k = 0; k < CHARGERS; k++)
		if (sim.by_member[k]->wave < c->wave)
			assert_true(sim.members[k].state == VS_MEMBER_UPDATED ||
			            sim.members[k].state == VS_MEMBER_FAILED);
}

static void judge_neighbours(void)
{
	unsigned site[SITES] = {0}, feeder[FEEDERS] = {0};
	size_t all = 0;

	for (size_t i = 0; i < CHARGERS; i++) {
		const struct charger *c = sim.by_member[i];
		size_t n = (size_t)(c - sim.chargers);

		if (!away(&sim.members[i]))
			continue;
		all++;
		site[n / (CHARGERS / SITES)]++;
		assert_true(site[n / (CHARGERS / SITES)] <= sim.plan.per_site);
		feeder[n / 2] += c->feeder[0] != 0;
		assert_true(feeder[n / 2] <= 1);
	}
	if (all > sim.peak_away)
		sim.peak_away = all;
}

/* The counters say what happened, each charger in exactly one of them. */
static void judge_counters(void)
{
	size_t told = 0, failed = 0;
	const struct vs_progress *at = &sim.at;

	for (size_t i = 0; i < CHARGERS; i++) {
		told += sim.by_member[i]->told;
		failed += sim.members[i].state == VS_MEMBER_FAILED;
	}
	assert_int_equal(at->members, CHARGERS);
	assert_int_equal(at->waiting, CHARGERS - told);
	assert_int_equal(at->started + at->soaking + at->updated + at->failed,
	                 told);
	assert_int_equal(at->failed, failed);
	assert_int_equal(at->skipped, 0);
}

static void tell(void)
{
	for (size_t i = 0; i < CHARGERS; i++) {
		struct charger *c = sim.by_member[i];

		if (!vs_campaign_may_start(&sim.plan, sim.members, CHARGERS, i,
		                           sim.now_s, &sim.at))
			continue;
		judge_start(i);
		sim.members[i].state = VS_MEMBER_STARTED;
		sim.members[i].since_s = sim.now_s;
		c->told++;
		c->ready_s = sim.now_s + 300 + draw(3300);
		sim.starts++;
	}
}

/* One tick.  False once nothing will change any more. */
static bool tick(void)
{
	sim.now_s += TICK_S;
	for (size_t i = 0; i < CHARGERS; i++)
		report(&sim.members[i], sim.by_member[i]);
	vs_campaign_step(&sim.plan, sim.members, CHARGERS, sim.now_s, &sim.at);
	judge_counters();
	if (sim.state == VS_CAMPAIGN_RUNNING && sim.at.halt)
		assert_int_equal(vs_campaign_move(&sim.state, VS_MOVE_HALT),
		                 VS_OK);
	else if (sim.state == VS_CAMPAIGN_RUNNING && sim.at.done)
		assert_int_equal(vs_campaign_move(&sim.state, VS_MOVE_FINISH),
		                 VS_OK);
	if (sim.state == VS_CAMPAIGN_RUNNING)
		tell();
	judge_neighbours();
	return sim.state == VS_CAMPAIGN_RUNNING || sim.at.started ||
	       sim.at.soaking;
}

static void run(void)
{
	for (unsigned i = 0; i < DAYS * (86400 / TICK_S); i++)
		if (!tick())
			return;
	fail_msg("the campaign never ended: %s", sim.at.because);
}

static const struct vs_plan night = {
	.waves = {{VS_WAVE_COUNT, 1},
                  {VS_WAVE_PERCENT, 5},
                  {VS_WAVE_PERCENT, 50},
                  {VS_WAVE_PERCENT, 100}},
	.wave_count = 4,
	.per_site = 1,
	.soak_s = 1800,
	.fail_percent = 10,
	.fail_count = 3,
	.timeout_s = 6 * 3600,
	.has_window = true,
	.window = {22 * 60, 5 * 60},
};

/* S0.3 S0.28 S0.29 */
static void a_good_release_reaches_every_charger(void **state)
{
	struct vs_plan day = night;

	(void)state;
	begin(&night, 0, 1);
	run();
	assert_int_equal(sim.state, VS_CAMPAIGN_DONE);
	assert_int_equal(sim.at.updated, CHARGERS);
	assert_int_equal(sim.starts, CHARGERS);
	assert_true(sim.peak_away > 20); /* not one after another either */

	day.window = (struct vs_window){9 * 60, 15 * 60 + 30};
	day.per_site = 2;
	begin(&day, 0, 2);
	run();
	assert_int_equal(sim.at.updated, CHARGERS);
}

/* S0.9 S1.9 S2.13 S2.30 */
static void a_bad_release_never_gets_past_the_canary(void **state)
{
	(void)state;
	for (uint64_t seed = 1; seed <= 20; seed++) {
		begin(&night, 1000, seed);
		run();
		assert_int_equal(sim.state, VS_CAMPAIGN_HALTED);
		assert_int_equal(sim.starts, 1);
		assert_int_equal(sim.at.waiting, CHARGERS - 1);
		assert_string_not_equal(sim.at.because, "");
	}
}

/* S1.9 S2.30: a fault that a canary may miss stops within its wave; who was
 * away when the threshold was met ends what it does, and nobody else starts.
 */
static void a_rare_fault_stops_with_what_was_in_flight(void **state)
{
	size_t halted = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= 6; seed++) {
		size_t at_halt = 0;

		begin(&night, 100, seed);
		while (tick())
			if (sim.state == VS_CAMPAIGN_HALTED && !at_halt)
				at_halt = sim.starts;
		halted += sim.state == VS_CAMPAIGN_HALTED;
		if (at_halt)
			assert_int_equal(sim.starts, at_halt);
		if (sim.state == VS_CAMPAIGN_HALTED)
			assert_true(sim.starts <= 500);
	}
	assert_true(halted >= 5);
}

static void failures_under_the_threshold_do_not_stop_it(void **state)
{
	struct vs_plan p = night;

	(void)state;
	p.fail_count = CHARGERS;
	p.fail_percent = 100;
	p.waves[0].amount = 10; /* not a single one that may fail by chance */
	for (uint64_t seed = 1; seed <= 3; seed++) {
		size_t bad = 0;

		begin(&p, 100, seed);
		for (size_t i = 0; i < CHARGERS; i++)
			bad += sim.chargers[i].fate != GOOD;
		run();
		assert_int_equal(sim.state, VS_CAMPAIGN_DONE);
		assert_int_equal(sim.at.failed, bad);
		assert_int_equal(sim.at.updated, CHARGERS - bad);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_good_release_reaches_every_charger),
		cmocka_unit_test(a_bad_release_never_gets_past_the_canary),
		cmocka_unit_test(a_rare_fault_stops_with_what_was_in_flight),
		cmocka_unit_test(failures_under_the_threshold_do_not_stop_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

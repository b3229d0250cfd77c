/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fleet/sim_test.c - a thousand chargers for a week, twenty times over.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "fleet/sim.h"

enum { seeds = 20, chargers = 1000, week = 7 };

static void play(uint64_t seed, int kind, struct vs_result *out)
{
	const struct vs_scene_wish w = {seed, chargers, week, kind};

	assert_int_equal(vs_sim_run(&w, out, NULL, NULL), VS_OK);
	if (out->wrong[0])
		fail_msg("seed %llu, commit %s: %s", (unsigned long long)seed,
		         vs_fleet_commit, out->wrong);
	assert_true(out->checks > 1000);
}

static void judge(const struct vs_result *r)
{
	const struct vs_progress *p = &r->progress;

	switch (r->kind) {
	case VS_RELEASE_GOOD:
		/* All but the mute and what cannot run it. */
		if (r->state != VS_CAMPAIGN_HALTED)
			assert_true(p->updated * 100 >= p->members * 92);
		break;
	case VS_RELEASE_BAD:
		assert_int_equal(r->state, VS_CAMPAIGN_HALTED);
		assert_true(r->starts >= 2 && r->starts <= r->canary);
		break;
	case VS_RELEASE_RARE:
		/* Or so few are left in touch that no wave is proven. */
		assert_true(r->state == VS_CAMPAIGN_HALTED ||
		            r->starts <= r->canary);
		assert_true(r->starts * 2 <= p->members);
		break;
	case VS_RELEASE_FAULTY:
		assert_int_equal(r->state, VS_CAMPAIGN_HALTED);
		assert_true(r->starts * 5 <= p->members);
		break;
	case VS_RELEASES:
		fail_msg("no such kind");
	}
}

/* S0.3 S0.9 S0.26 S0.28 S0.29 S1.9 S2.13 S2.29 S2.30 */
static void every_invariant_holds_in_every_seed(void **state)
{
	size_t kinds[VS_RELEASES] = {0}, restarts = 0, done = 0;

	(void)state;
	for (uint64_t seed = 1; seed <= seeds; seed++) {
		struct vs_result r;

		/* Each kind five times, so that none is left to chance. */
		play(seed, (int)(seed % VS_RELEASES), &r);
		judge(&r);
		kinds[r.kind]++;
		restarts += r.restarts;
		done += r.kind == VS_RELEASE_GOOD &&
		        r.state != VS_CAMPAIGN_HALTED;
	}
	for (int k = 0; k < VS_RELEASES; k++)
		assert_int_equal(kinds[k], seeds / VS_RELEASES);
	assert_true(restarts >= seeds);
	assert_true(done >= 4);
}

static void a_seed_gives_the_same_run_again(void **state)
{
	struct vs_result a, b, other;

	(void)state;
	play(7, VS_RELEASE_GOOD, &a);
	play(7, VS_RELEASE_GOOD, &b);
	play(8, VS_RELEASE_GOOD, &other);
	assert_memory_equal(&a, &b, sizeof a);
	assert_true(a.polls != other.polls);
}

/* 2026: the EU on March 29 and October 25, the USA on March 8, November 1. */
static void the_rules_give_the_known_days(void **state)
{
	static const struct {
		enum vs_clock clock;
		uint64_t at_s;
		int32_t before_s, after_s;
	} known[] = {
		{VS_BERLIN,   1774746000, 3600,   7200  },
		{VS_BERLIN,   1792890000, 7200,   3600  },
		{VS_LONDON,   1774746000, 0,      3600  },
		{VS_LONDON,   1792890000, 3600,   0     },
		{VS_NEW_YORK, 1772953200, -18000, -14400},
		{VS_NEW_YORK, 1793512800, -14400, -18000},
		{VS_KOLKATA,  1774746000, 19800,  19800 },
	};

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct vs_zone_change at[VS_CLOCK_CHANGES];
		struct vs_zone z = {at, 0};

		z.count = vs_clock_table(known[i].clock, 1770000000, at);
		assert_int_equal(
			vs_clock_offset(known[i].clock, known[i].at_s - 1),
			known[i].before_s);
		assert_int_equal(vs_clock_offset(known[i].clock, known[i].at_s),
		                 known[i].after_s);
		assert_int_equal(vs_zone_offset(&z, known[i].at_s - 1),
		                 known[i].before_s);
		assert_int_equal(vs_zone_offset(&z, known[i].at_s),
		                 known[i].after_s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rules_give_the_known_days),
		cmocka_unit_test(a_seed_gives_the_same_run_again),
		cmocka_unit_test(every_invariant_holds_in_every_seed),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

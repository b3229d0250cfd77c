/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/cuts_test.c - power that goes at any instant of each scenario.
 *
 * "agent_cuts_test [once|twice|thrice [SEED [FIRST [COUNT]]]]": at every point
 * once; at every point of the recovery from each cut too; at random triples.
 * FIRST and COUNT choose scenarios.
 *
 * S3.26 S3.27 S3.29 S3.43 S0.2 A8
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/agent/cuts.h"

static enum how_deep deep = CUT_ONCE;
static uint64_t first_seed = 1;
static struct tally total;

static int set_up(void **state)
{
	(void)state;
	stage_make();
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	stage_drop();
	return 0;
}

/* Where it went wrong, if it did. */
static int say(void **state)
{
	(void)state;
	if (cuts_where[0])
		print_message("# cut at: %s\n", cuts_where);
	cuts_end();
	return 0;
}

static void no_cut_does_harm(void **state)
{
	const struct scenario *s = *state;
	struct tally tally = {0};

	cuts_make(s, deep, first_seed, &tally);
	print_message("# %s: %u points, %u cuts, %u of them on a disk of "
	              "its own\n",
	              s->name, (unsigned)tally.points, (unsigned)tally.cuts,
	              (unsigned)(tally.cuts - tally.skipped));
	assert_true(tally.points > 20);
	total.points += tally.points;
	total.cuts += tally.cuts;
	total.skipped += tally.skipped;
}

static void every_scenario_was_cut(void **state)
{
	(void)state;
	print_message("# power was cut at %u points, %u times, seed %u: no "
	              "violation\n",
	              (unsigned)total.points, (unsigned)total.cuts,
	              (unsigned)first_seed);
	assert_true(total.points > 100);
}

int main(int argc, char **argv)
{
	struct CMUnitTest *tests = calloc(scenario_count + 1, sizeof(*tests));
	char names[32][96];
	size_t first = 0, count = scenario_count;
	int failed;

	if (!tests)
		return 1;
	if (argc > 1 && strcmp(argv[1], "twice") == 0)
		deep = CUT_TWICE;
	if (argc > 1 && strcmp(argv[1], "thrice") == 0)
		deep = CUT_THRICE;
	if (argc > 2)
		first_seed = strtoull(argv[2], NULL, 10);
	if (argc > 3)
		first = strtoull(argv[3], NULL, 10);
	if (argc > 4 && strtoull(argv[4], NULL, 10) < scenario_count - first)
		count = strtoull(argv[4], NULL, 10);
	for (size_t i = 0; i < scenario_count; i++) {
		snprintf(names[i], sizeof(names[i]), "no_cut_of_%s_does_harm",
		         scenarios[i].name);
		for (char *p = names[i]; *p; p++)
			if (*p == ' ')
				*p = '_';
		tests[i] = (struct CMUnitTest){
			.name = names[i],
			.test_func = no_cut_does_harm,
			.teardown_func = say,
			.initial_state = (void *)(uintptr_t)&scenarios[i]};
	}
	tests[scenario_count] =
		(struct CMUnitTest){.name = "every_scenario_was_cut",
	                            .test_func = every_scenario_was_cut};
	if (first > scenario_count)
		return 1;
	if (count > scenario_count - first)
		count = scenario_count - first;
	/* the last one adds up */
	failed = _cmocka_run_group_tests(
		"agent cuts", tests + first,
		count + (first + count == scenario_count), set_up, tear_down);
	free(tests);
	return failed;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/nonce_test.c - reports are fresh: each shows the nonce that the
 * server gave with its last answer, over restarts too.
 *
 * The server here refuses a report without one after one with it, which makes
 * an old report that was held back worth nothing.
 *
 * S3.43
 */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/deliver.h"
#include "tests/agent/visit.h"

static struct heard *heard(void)
{
	return visit.server.heard;
}

static void report(void)
{
	visit.life.agent->report_at = 0;
	vs_agent_deliver(visit.life.agent);
}

/* The next report is taken, with a nonce. */
static void must_be_taken(void)
{
	uint64_t before = heard()->reports;

	heard()->bad = false;
	report();
	assert_int_equal(heard()->reports, before + 1);
	assert_false(heard()->bad);
	assert_true(heard()->last.nonce[0] != '\0');
}

static void must_be_refused(void)
{
	uint64_t before = heard()->reports;

	report();
	assert_int_equal(heard()->reports, before);
}

static void only_the_first_report_shows_no_nonce(void **state)
{
	(void)state;
	assert_int_equal(heard()->reports, 1);
	assert_string_equal(heard()->last.nonce, "");
	for (int i = 0; i < 5; i++) {
		must_be_taken();
		if (i % 2)
			visit_restart();
	}
}

/* A report whose answer is lost: the nonce of before is shown once more. */
static void a_lost_answer_costs_nothing(void **state)
{
	char shown[65];

	(void)state;
	must_be_taken();
	memcpy(shown, visit.life.agent->reporter.nonce, sizeof(shown));
	must_be_taken();
	assert_string_equal(heard()->last.nonce, shown);
	/* as if the agent had not heard */
	memcpy(visit.life.agent->reporter.nonce, shown, sizeof(shown));
	must_be_taken();
	assert_string_equal(heard()->last.nonce, shown);
	must_be_taken();
}

static void a_charger_that_lost_its_nonce_asks_for_another(void **state)
{
	char path[PATH_MAX];

	(void)state;
	must_be_taken();
	maker_path(&visit.maker, "charger/agent/counter", path);
	assert_int_equal(unlink(path), 0);
	power_set_time(NOW + DAY);
	visit_restart();
	must_be_refused();
	assert_true(heard()->bad);
	must_be_taken();
}

/* Its database is gone, or another one has taken its place. */
static void a_server_that_lost_its_nonces_is_no_wedge(void **state)
{
	(void)state;
	must_be_taken();
	visit.server.forgetful = true;
	must_be_refused();
	report();
	assert_string_equal(heard()->last.nonce, "");
	visit.server.forgetful = false;
	must_be_taken();
	visit_restart();
	must_be_taken();
}

static void damage(const char *text, bool counter_stays)
{
	const struct vs_reporter *r;

	maker_put(&visit.maker, "charger/agent/counter", text, strlen(text));
	visit_restart();
	r = &visit.life.agent->reporter;
	assert_string_equal(r->nonce, "");
	if (counter_stays)
		assert_int_equal(r->counter, 2000000000);
	else
		assert_true(r->counter > heard()->counter);
}

static void a_damaged_line_is_not_taken_for_a_nonce(void **state)
{
	char long_line[128] = "2000000000 ";

	(void)state;
	damage("2000000000\n", true); /* as agents of before wrote it */
	damage("2000000000 ", true);
	damage("2000000000 \n", true);
	damage("2000000000 abc", true);
	damage("2000000000 a b\n", true);
	damage("2000000000 \x1b\n", true);
	memset(long_line + 11, 'a', 65);
	long_line[76] = '\n';
	damage(long_line, true);
	power_set_time(NOW + DAY);
	damage("abc\n", false);
	damage(" abc\n", false);
	damage("", false);
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, visit_begin, visit_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(only_the_first_report_shows_no_nonce),
		EACH(a_lost_answer_costs_nothing),
		EACH(a_charger_that_lost_its_nonce_asks_for_another),
		EACH(a_server_that_lost_its_nonces_is_no_wedge),
		EACH(a_damaged_line_is_not_taken_for_a_nonce),
	};

	return cmocka_run_group_tests_name("agent nonce", tests, visit_setup,
	                                   visit_teardown);
}

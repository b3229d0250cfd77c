/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/gate_test.c - when a charger may be restarted.
 *
 * S1.7 (no activation while energy flows), S0.29, S0.30
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "agent/conf/gate.h"
#include "agent/run/idle.h"
#include "tests/agent/maker.h"

static void windows_are_times_of_day_and_nothing_else(void **state)
{
	static const char *const good[] = {"", "22:00-05:00", "00:00-23:59"};
	static const char *const bad[] = {
		"22:00",       "24:00-05:00", "22:60-05:00", "2:00-05:00",
		"22.00-05:00", "22:00-05:0",  "22:00 05:00", "22:00-05:000"};
	struct vs_gate_window w;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(vs_gate_window_parse(good[i], &w), VS_OK);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(vs_gate_window_parse(bad[i], &w),
		                 VS_ERR_INPUT);
}

static bool open_at(const char *window, unsigned minute)
{
	struct vs_gate_rules rules = {.require_idle = false};

	assert_int_equal(vs_gate_window_parse(window, &rules.window), VS_OK);
	return vs_gate_closed(&rules, NULL, minute) == NULL;
}

static void a_window_may_run_over_midnight(void **state)
{
	(void)state;
	assert_true(open_at("22:00-05:00", 22 * 60));
	assert_true(open_at("22:00-05:00", 0));
	assert_true(open_at("22:00-05:00", 5 * 60 - 1));
	assert_false(open_at("22:00-05:00", 5 * 60));
	assert_false(open_at("22:00-05:00", 12 * 60));
	assert_true(open_at("09:00-17:00", 9 * 60));
	assert_false(open_at("09:00-17:00", 17 * 60));
	assert_true(open_at("", 17));
}

static void every_gate_must_be_open(void **state)
{
	const struct vs_gate_rules rules = {.require_idle = true,
	                                    .min_battery = 50,
	                                    .window = {.any = true}};
	const struct vs_gate_status idle = {.has_battery = true,
	                                    .battery_percent = 50};
	struct vs_gate_status s = idle;

	(void)state;
	assert_null(vs_gate_closed(&rules, &idle, 0));
	assert_non_null(vs_gate_closed(&rules, NULL, 0));
	s.session = true;
	assert_non_null(vs_gate_closed(&rules, &s, 0));
	s = idle;
	s.contactors_closed = true;
	assert_non_null(vs_gate_closed(&rules, &s, 0));
	s = idle;
	s.battery_percent = 49;
	assert_non_null(vs_gate_closed(&rules, &s, 0));
	s = idle;
	s.has_battery = false;
	assert_non_null(vs_gate_closed(&rules, &s, 0));
}

static vs_status parse(const char *text, struct vs_gate_status *out)
{
	return vs_gate_status_parse(text, strlen(text), out, NULL);
}

static void only_the_word_open_means_open_contactors(void **state)
{
	struct vs_gate_status s;

	(void)state;
	assert_int_equal(parse("{\"session\":false,\"contactors\":\"open\","
	                       "\"battery_percent\":80,\"more\":1}",
	                       &s),
	                 VS_OK);
	assert_false(s.contactors_closed);
	assert_int_equal(s.battery_percent, 80);
	assert_int_equal(
		parse("{\"session\":false,\"contactors\":\"Open\"}", &s),
		VS_OK);
	assert_true(s.contactors_closed);
	assert_int_equal(parse("{\"session\":0,\"contactors\":\"open\"}", &s),
	                 VS_ERR_INPUT);
	assert_int_equal(parse("{\"contactors\":\"open\"}", &s), VS_ERR_INPUT);
	assert_int_equal(parse("{\"session\":false}", &s), VS_ERR_INPUT);
	assert_int_equal(parse("{\"session\":false,\"contactors\":\"open\","
	                       "\"battery_percent\":-1}",
	                       &s),
	                 VS_ERR_INPUT);
	assert_int_equal(parse("{\"session\":false,\"contactors\":\"open\","
	                       "\"battery_percent\":101}",
	                       &s),
	                 VS_ERR_INPUT);
	assert_int_equal(parse("", &s), VS_ERR_INPUT);
}

static void set_age(const char *path, time_t age_s)
{
	struct timespec t[2];

	clock_gettime(CLOCK_REALTIME, &t[0]);
	t[0].tv_sec -= age_s;
	t[1] = t[0];
	assert_int_equal(utimensat(AT_FDCWD, path, t, 0), 0);
}

static void must_hold(const struct vs_conf *conf, const char *why)
{
	bool session;
	const char *held = vs_idle_held(conf, &session);

	assert_string_equal(held ? held : "open", why);
}

/* Unknown is closed, and says what is unknown. */
static void a_status_that_is_not_fresh_and_whole_closes_the_gate(void **state)
{
	static const char idle[] =
		"{\"session\": false, \"contactors\": \"open\"}";
	static const char busy[] =
		"{\"session\": true, \"contactors\": \"closed\"}";
	static char large[VS_GATE_STATUS_MAX + 1];
	struct maker m;
	char path[PATH_MAX];
	struct vs_conf conf = {.require_idle = true,
	                       .status_command = "",
	                       .status_age_ms = 10000,
	                       .window = ""};
	bool session = true;

	(void)state;
	maker_init(&m);
	maker_path(&m, "charger.json", conf.status_file);
	assert_non_null(vs_idle_held(&conf, &session));
	assert_false(session);
	must_hold(&conf, "the charger's status is not there");
	maker_put(&m, "charger.json", idle, sizeof(idle) - 1);
	must_hold(&conf, "open");
	set_age(conf.status_file, 11);
	must_hold(&conf, "the charger's status is stale");
	set_age(conf.status_file, -11);
	must_hold(&conf, "the charger's status is stale");
	set_age(conf.status_file, 1);
	must_hold(&conf, "open");
	maker_put(&m, "charger.json", busy, sizeof(busy) - 1);
	must_hold(&conf, "a charging session is running");
	assert_non_null(vs_idle_held(&conf, &session));
	assert_true(session);
	for (size_t n = 0; n + 1 < sizeof(idle); n++) {
		maker_put(&m, "charger.json", idle, n);
		must_hold(&conf, "the charger's status is malformed");
	}
	maker_put(&m, "charger.json", large, sizeof(large));
	must_hold(&conf, "the charger's status is malformed");
	maker_path(&m, "", path);
	snprintf(conf.status_file, PATH_MAX, "%s", path);
	must_hold(&conf, "the charger's status cannot be read");
	conf.require_idle = false; /* nobody asks for it then */
	must_hold(&conf, "open");
	conf.min_battery = 20;
	must_hold(&conf, "the charger's status cannot be read");
	maker_drop(&m);
}

/* S2.25: a count that is not fresh and whole is no count, not an old one */
static void faults_are_those_of_a_fresh_status(void **state)
{
	static const char three[] = "{\"session\": true, \"contactors\": "
				    "\"closed\", \"faults\": 3}";
	static const char bad[] = "{\"session\": true, \"contactors\": "
				  "\"closed\", \"faults\": -3}";
	struct maker m;
	struct vs_conf conf = {
		.status_command = "", .status_age_ms = 10000, .window = ""};

	(void)state;
	maker_init(&m);
	maker_path(&m, "charger.json", conf.status_file);
	assert_int_equal(vs_idle_faults(&conf), 0);
	maker_put(&m, "charger.json", three, sizeof(three) - 1);
	assert_int_equal(vs_idle_faults(&conf), 3);
	set_age(conf.status_file, 11);
	assert_int_equal(vs_idle_faults(&conf), 0);
	maker_put(&m, "charger.json", bad, sizeof(bad) - 1);
	assert_int_equal(vs_idle_faults(&conf), 0);
	maker_drop(&m);
}

static void a_command_may_stand_for_the_file(void **state)
{
	static const char script[] =
		"#!/bin/sh\n"
		"echo '{\"session\": false, \"contactors\": \"open\"}'\n";
	static const char mute[] = "#!/bin/sh\n";
	static const char sick[] = "#!/bin/sh\nexit 1\n";
	struct maker m;
	char path[PATH_MAX];
	struct vs_conf conf = {
		.require_idle = true, .status_command = path, .window = ""};

	(void)state;
	maker_init(&m);
	maker_path(&m, "says", path);
	must_hold(&conf, "the charger's status command failed");
	maker_put(&m, "says", script, sizeof(script) - 1);
	assert_int_equal(chmod(path, 0700), 0);
	must_hold(&conf, "open");
	maker_put(&m, "says", mute, sizeof(mute) - 1);
	assert_int_equal(chmod(path, 0700), 0);
	must_hold(&conf, "the charger's status is malformed");
	maker_put(&m, "says", sick, sizeof(sick) - 1);
	assert_int_equal(chmod(path, 0700), 0);
	must_hold(&conf, "the charger's status command failed");
	maker_drop(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(windows_are_times_of_day_and_nothing_else),
		cmocka_unit_test(a_window_may_run_over_midnight),
		cmocka_unit_test(every_gate_must_be_open),
		cmocka_unit_test(only_the_word_open_means_open_contactors),
		cmocka_unit_test(
			a_status_that_is_not_fresh_and_whole_closes_the_gate),
		cmocka_unit_test(faults_are_those_of_a_fresh_status),
		cmocka_unit_test(a_command_may_stand_for_the_file),
	};

	return cmocka_run_group_tests_name("agent gate", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/time_test.c - a charger whose clock is wrong, or that was away.
 *
 * The system's clock may be set by anybody on the network: it leaves no
 * trace.  Only what verified files say raises the floor, and none of it keeps
 * a charger from the honest server for ever.
 *
 * A3
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/move.h"
#include "base/file.h"
#include "tests/agent/visit.h"
#include "trust/json.h"

#define YEAR (365 * (uint64_t)DAY)

static void for_both(void (*what)(struct repo *r, uint64_t s), uint64_t s)
{
	what(&visit.server.director, s);
	what(&visit.server.image, s);
}

/* All but the root, from the next that is published. */
static void set_expiry(struct repo *r, uint64_t expires_s)
{
	for (int i = R_TIMESTAMP; i < R_COUNT; i++)
		r->expires[i] = expires_s;
}

static void add_root(struct repo *r, uint64_t expires_s)
{
	r->version[R_ROOT]++;
	r->expires[R_ROOT] = expires_s;
	repo_publish_root(r);
}

/* A look that is neither refused nor leads to anything. */
static void must_find_nothing(void)
{
	memset(visit.server.heard->refused, 0,
	       sizeof(visit.server.heard->refused));
	visit_look();
	for (int i = VS_REASON_NONE + 1; i < VS_REASON_COUNT; i++)
		if (visit.server.heard->refused[i])
			fail_msg("refused: %s", vs_reason_name((vs_reason)i));
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
}

/* Files that are good for a year are taken eleven months ahead; when the
 * clock is right again, those that are good for a day are taken too.
 */
static void a_clock_that_ran_ahead_leaves_no_trace(void **state)
{
	(void)state;
	for_both(add_root, NOW + 2 * YEAR);
	for_both(set_expiry, NOW + YEAR);
	server_publish(&visit.server);
	power_set_time(NOW + YEAR - 30 * DAY);
	must_find_nothing();
	visit_restart();
	must_find_nothing();
	power_set_time(NOW);
	for_both(set_expiry, NOW + DAY);
	server_publish(&visit.server);
	must_find_nothing();
	visit_restart();
	visit_must_go_on();
}

static void a_clock_far_ahead_refuses_until_it_is_right(void **state)
{
	(void)state;
	visit.server.issued_s = NOW;
	server_publish(&visit.server);
	power_set_time(NOW + 2 * YEAR);
	visit_must_refuse(VS_REASON_EXPIRED, "director/1.root.json");
	visit_restart();
	power_set_time(NOW);
	visit_must_go_on();
}

/* Beyond ten years a clock is broken: the floor is the time. */
static void a_broken_clock_stops_nothing(void **state)
{
	(void)state;
	visit.server.issued_s = NOW;
	server_publish(&visit.server);
	visit_look();
	power_set_time(NOW + 11 * YEAR);
	visit_restart();
	assert_int_equal(vs_agent_now_s(visit.life.agent), NOW);
	visit_must_go_on();
}

static void a_clock_at_1970_stops_nothing_and_hides_no_freeze(void **state)
{
	(void)state;
	power_set_time(0);
	visit_restart();
	assert_int_equal(vs_agent_now_s(visit.life.agent), LIFE_BUILT);
	visit.server.issued_s = NOW + 5 * DAY;
	for_both(set_expiry, NOW + 6 * DAY);
	server_publish(&visit.server);
	must_find_nothing();
	assert_int_equal(vs_agent_now_s(visit.life.agent), NOW + 5 * DAY);
	visit_restart();
	assert_int_equal(vs_agent_now_s(visit.life.agent), NOW + 5 * DAY);
	visit.server.issued_s = 0;
	visit.server.image.expires[R_TIMESTAMP] = NOW + 4 * DAY;
	server_publish(&visit.server);
	visit_must_refuse(VS_REASON_EXPIRED, "image/timestamp.json");
	visit.server.image.expires[R_TIMESTAMP] = NOW + 6 * DAY;
	visit_must_go_on();
}

/* What the director says when is what the image repository is judged by. */
static void the_image_repository_is_judged_by_the_director_s_time(void **state)
{
	(void)state;
	power_set_time(0);
	visit_restart();
	visit.server.issued_s = NOW + 5 * DAY;
	for_both(set_expiry, NOW + 6 * DAY);
	server_publish(&visit.server);
	visit.server.issued_s = 0;
	visit.server.image.expires[R_TIMESTAMP] = NOW + 4 * DAY;
	repo_publish_files(&visit.server.image);
	visit_must_refuse(VS_REASON_EXPIRED, "image/timestamp.json");
}

/* Every stored file, the roots too, has expired by then. */
static void come_back(uint64_t clock_s)
{
	const uint64_t then = NOW + 2 * YEAR;

	visit_look();
	for (int i = 1; i <= 4; i++)
		for_both(add_root, NOW + (uint64_t)i * YEAR);
	visit.server.issued_s = then;
	for_both(set_expiry, then + 7 * DAY);
	power_set_time(clock_s);
	visit_restart();
	visit_must_go_on();
}

static void two_years_offline_are_made_up_in_one_visit(void **state)
{
	(void)state;
	come_back(NOW + 2 * YEAR);
}

static void also_with_a_clock_that_lost_its_battery(void **state)
{
	(void)state;
	come_back(0);
}

/* An agent of before stored a floor, which its clock may have raised. */
static void a_floor_that_was_stored_is_not_believed(void **state)
{
	VS_AUTO(vs_json_drop) json_t *all = NULL;
	char path[PATH_MAX];
	uint8_t *text;
	size_t len;

	(void)state;
	visit.server.director.expires[R_TIMESTAMP] = NOW - 1;
	server_publish(&visit.server);
	visit_must_refuse(VS_REASON_EXPIRED, "director/timestamp.json");
	maker_path(&visit.maker, "charger/agent/state.json", path);
	assert_int_equal(vs_file_read(path, VS_STATE_MAX, &text, &len), VS_OK);
	all = json_loadb((const char *)text, len, 0, NULL);
	free(text);
	assert_non_null(all);
	assert_null(json_object_get(all, "time_floor"));
	assert_int_equal(json_object_set_new(all, "time_floor",
	                                     json_integer(NOW + YEAR)),
	                 0);
	assert_int_equal(json_dump_file(all, path, 0), 0);
	visit_restart();
	assert_int_equal(visit.life.agent->state.outbox.seen_count, 1);
	visit.server.director.expires[R_TIMESTAMP] = NOW + DAY;
	visit_must_go_on();
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, visit_begin, visit_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(a_clock_that_ran_ahead_leaves_no_trace),
		EACH(a_clock_far_ahead_refuses_until_it_is_right),
		EACH(a_broken_clock_stops_nothing),
		EACH(a_clock_at_1970_stops_nothing_and_hides_no_freeze),
		EACH(the_image_repository_is_judged_by_the_director_s_time),
		EACH(two_years_offline_are_made_up_in_one_visit),
		EACH(also_with_a_clock_that_lost_its_battery),
		EACH(a_floor_that_was_stored_is_not_believed),
	};

	return cmocka_run_group_tests_name("agent time", tests, visit_setup,
	                                   visit_teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/uptane_time_test.c - nobody on the network owns a charger's time.
 *
 * Covers A3 (freeze), A16; notes: a far-future time, a dropped time message.
 */
#include "tests/trust/repo.h"

#include <stdlib.h>
#include <string.h>

#include "trust/time.h"
#include "trust/uptane_time.h"

#define YEAR (365 * (uint64_t)DAY)
#define BUILT (NOW - 100 * (uint64_t)DAY)

struct charger {
	struct repo director, image;
	struct vs_tuf *d, *i;
	struct vs_why why;
};

/* What the timestamp that is signed next says; NULL: nothing. */
static const char *issued;

static void edit(struct repo *r, const char *file, json_t *body)
{
	(void)r;
	if (issued && strcmp(file, "timestamp.json") == 0)
		json_object_set_new(body, "issued", json_string(issued));
}

static const char *text(uint64_t s)
{
	static char out[VS_TIME_LEN];

	vs_time_format(s, out);
	return out;
}

static void publish(struct repo *r, uint64_t at)
{
	issued = text(at);
	repo_publish_files(r);
	issued = NULL;
}

static int set_up(void **state)
{
	struct charger *c = calloc(1, sizeof *c);
	struct repo *const both[] = {&c->director, &c->image};

	assert_non_null(c);
	for (size_t i = 0; i < 2; i++) {
		repo_init(both[i]);
		both[i]->edit = edit;
		both[i]->expires[R_ROOT] = NOW + YEAR;
		repo_publish_root(both[i]);
		repo_provision(both[i], 1);
	}
	*state = c;
	return 0;
}

static void close_both(struct charger *c)
{
	vs_tuf_close(&c->d);
	vs_tuf_close(&c->i);
}

static int tear_down(void **state)
{
	struct charger *c = *state;

	close_both(c);
	repo_drop(&c->director);
	repo_drop(&c->image);
	free(c);
	return 0;
}

static void open_both(struct charger *c, uint64_t clock_s)
{
	close_both(c);
	assert_int_equal(vs_tuf_open(&c->director.ops, clock_s, &c->d, NULL),
	                 VS_OK);
	assert_int_equal(vs_tuf_open(&c->image.ops, clock_s, &c->i, NULL),
	                 VS_OK);
}

static uint64_t floor_of(const struct charger *c)
{
	return vs_uptane_floor(BUILT, c->d, c->i);
}

/* One visit to the server, as a charger makes it. */
static vs_status visit(struct charger *c, uint64_t clock_s)
{
	vs_status status;

	open_both(c, clock_s);
	vs_uptane_set_now(c->d, vs_uptane_now(floor_of(c), clock_s));
	status = vs_tuf_refresh(c->d, &c->why);
	if (status)
		return status;
	vs_uptane_set_now(c->i, vs_uptane_now(floor_of(c), clock_s));
	return vs_tuf_refresh(c->i, &c->why);
}

/* Both repositories as their makers leave them at a moment: a week of life. */
static void renew(struct charger *c, uint64_t at, uint64_t version)
{
	struct repo *const both[] = {&c->director, &c->image};

	for (size_t i = 0; i < 2; i++) {
		for (int r = R_TIMESTAMP; r < R_COUNT; r++) {
			both[i]->version[r] = version;
			both[i]->expires[r] = at + 7 * DAY;
		}
		publish(both[i], at);
	}
}

static void the_clock_counts_from_the_floor_up(void **state)
{
	(void)state;
	assert_int_equal(vs_uptane_now(0, 0), 0);
	assert_int_equal(vs_uptane_now(0, NOW), NOW);
	assert_int_equal(vs_uptane_now(NOW, 0), NOW);
	assert_int_equal(vs_uptane_now(NOW, NOW - 1), NOW);
	assert_int_equal(vs_uptane_now(NOW, NOW), NOW);
	assert_int_equal(vs_uptane_now(NOW, NOW + 1), NOW + 1);
}

static void a_clock_decades_ahead_is_broken(void **state)
{
	uint64_t most = NOW + VS_UPTANE_AHEAD_S;

	(void)state;
	assert_int_equal(vs_uptane_now(NOW, most), most);
	assert_int_equal(vs_uptane_now(NOW, most + 1), NOW);
	assert_int_equal(vs_uptane_now(NOW, UINT64_MAX), NOW);
	assert_int_equal(vs_uptane_now(0, UINT64_MAX), UINT64_MAX);
}

static void the_floor_is_the_newest_of_three(void **state)
{
	struct charger *c = *state;

	assert_int_equal(vs_uptane_floor(BUILT, NULL, NULL), BUILT);
	renew(c, NOW - DAY, 1);
	assert_int_equal(visit(c, NOW), VS_OK);
	assert_int_equal(floor_of(c), NOW - DAY);
	publish(&c->director, NOW - DAY);
	c->image.version[R_TIMESTAMP] = 2;
	publish(&c->image, NOW - DAY / 2);
	assert_int_equal(visit(c, NOW), VS_OK);
	assert_int_equal(floor_of(c), NOW - DAY / 2);
	assert_int_equal(vs_uptane_floor(BUILT, c->d, NULL), NOW - DAY);
	assert_int_equal(vs_uptane_floor(NOW, c->d, c->i), NOW);
}

static void the_floor_survives_a_restart_in_the_files(void **state)
{
	struct charger *c = *state;

	renew(c, NOW - DAY, 1);
	assert_int_equal(visit(c, NOW), VS_OK);
	open_both(c, 0);
	assert_int_equal(floor_of(c), NOW - DAY);
}

/* A3: the image repository's old files are served for ever, and the clock is
 * set back to fit: the director's fresh ones give them away.
 */
static void a_clock_set_back_does_not_thaw_a_freeze(void **state)
{
	struct charger *c = *state;

	renew(c, NOW, 1);
	assert_int_equal(visit(c, NOW), VS_OK);
	c->director.version[R_TIMESTAMP] = 2;
	c->director.version[R_SNAPSHOT] = 2;
	c->director.version[R_TARGETS] = 2;
	for (int r = R_TIMESTAMP; r < R_COUNT; r++)
		c->director.expires[r] = NOW + 15 * DAY;
	publish(&c->director, NOW + 8 * DAY);
	assert_int_equal(visit(c, NOW), VS_ERR_REFUSED);
	assert_int_equal(c->why.code, VS_REASON_EXPIRED);
	assert_string_equal(vs_tuf_failed_file(c->i), "timestamp.json");
	assert_int_equal(visit(c, 0), VS_ERR_REFUSED);
	assert_int_equal(c->why.code, VS_REASON_EXPIRED);
}

static void what_is_not_verified_raises_nothing(void **state)
{
	struct charger *c = *state;

	c->director.role[R_TIMESTAMP].at[0] = 9;
	renew(c, NOW, 1);
	assert_int_equal(visit(c, NOW), VS_ERR_REFUSED);
	assert_int_equal(c->why.code, VS_REASON_THRESHOLD);
	assert_int_equal(floor_of(c), BUILT);
	repo_store(&c->director, "timestamp",
	           repo_served(&c->director, "timestamp.json")->bytes,
	           repo_served(&c->director, "timestamp.json")->len);
	open_both(c, NOW);
	assert_int_equal(floor_of(c), BUILT);
}

static void a_clock_in_the_far_future_leaves_no_trace(void **state)
{
	struct charger *c = *state;

	renew(c, NOW, 1);
	assert_int_equal(visit(c, NOW), VS_OK);
	renew(c, NOW + DAY, 2);
	assert_int_equal(visit(c, NOW + 5 * YEAR), VS_ERR_REFUSED);
	assert_int_equal(c->why.code, VS_REASON_EXPIRED);
	assert_int_equal(visit(c, NOW + DAY), VS_OK);
	assert_int_equal(floor_of(c), NOW + DAY);
	renew(c, NOW + 2 * DAY, 3);
	assert_int_equal(visit(c, NOW + 80 * YEAR), VS_OK);
	assert_int_equal(floor_of(c), NOW + 2 * DAY);
}

static void a_time_nobody_vouches_for_is_none(void **state)
{
	static const char *const bad[] = {"", "soon", "2027-01-15",
	                                  "1800000000", "2027-13-01T00:00:00Z"};
	struct charger *c = *state;

	repo_publish_files(&c->image);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		c->director.version[R_TIMESTAMP] = i + 1;
		issued = bad[i];
		repo_publish_files(&c->director);
		issued = NULL;
		assert_int_equal(visit(c, NOW), VS_OK);
		assert_int_equal(vs_uptane_issued(c->d), 0);
	}
	assert_int_equal(vs_uptane_issued(c->i), 0);
	assert_int_equal(floor_of(c), BUILT);
}

static void a_time_after_its_own_end_is_none(void **state)
{
	struct charger *c = *state;

	renew(c, NOW, 1);
	c->director.expires[R_TIMESTAMP] = NOW + DAY;
	publish(&c->director, NOW + DAY);
	publish(&c->image, NOW + 7 * DAY - 1);
	assert_int_equal(visit(c, NOW), VS_OK);
	assert_int_equal(vs_uptane_issued(c->d), 0);
	assert_int_equal(vs_uptane_issued(c->i), NOW + 7 * DAY - 1);
}

static void a_time_after_the_roots_end_is_none(void **state)
{
	struct charger *c = *state;

	renew(c, NOW, 1);
	c->director.expires[R_TIMESTAMP] = NOW + 90 * YEAR;
	publish(&c->director, NOW + YEAR);
	c->image.expires[R_TIMESTAMP] = NOW + 90 * YEAR;
	publish(&c->image, NOW + YEAR - 1);
	assert_int_equal(visit(c, NOW), VS_OK);
	assert_int_equal(vs_uptane_issued(c->d), 0);
	assert_int_equal(vs_uptane_issued(c->i), NOW + YEAR - 1);
}

/* The thief says it is next year; honest files look expired until the root
 * withdraws his key, and then nothing of him is left.
 */
static void a_stolen_keys_future_goes_with_the_key(void **state)
{
	struct charger *c = *state;

	renew(c, NOW, 1);
	assert_int_equal(visit(c, NOW), VS_OK);
	c->director.version[R_TIMESTAMP] = 2;
	c->director.expires[R_TIMESTAMP] = NOW + 2 * YEAR;
	publish(&c->director, NOW + YEAR - DAY);
	(void)visit(c, NOW);
	assert_int_equal(floor_of(c), NOW + YEAR - DAY);

	renew(c, NOW + DAY, 3);
	assert_int_equal(visit(c, NOW + DAY), VS_ERR_REFUSED);
	assert_int_equal(c->why.code, VS_REASON_EXPIRED);

	c->director.version[R_ROOT] = 2;
	c->director.expires[R_ROOT] = NOW + 2 * YEAR;
	c->director.role[R_TIMESTAMP].at[0] = 9;
	repo_publish_root(&c->director);
	renew(c, NOW + 2 * DAY, 4);
	(void)visit(c, NOW + 2 * DAY);
	assert_int_equal(visit(c, NOW + 2 * DAY), VS_OK);
	assert_int_equal(floor_of(c), NOW + 2 * DAY);
}

/* S0.4 S0.7: everything stored has run out, every key but one root key's has
 * changed, and the clock stands at 1970. */
static void two_years_offline_are_made_up_in_one_visit(void **state)
{
	static const uint64_t clocks[] = {0, NOW + 2 * YEAR};
	struct repo *both[2];

	for (size_t k = 0; k < 2; k++) {
		struct charger *c = *state;
		uint64_t back = NOW + 2 * YEAR;

		both[0] = &c->director;
		both[1] = &c->image;
		renew(c, NOW, 1);
		assert_int_equal(visit(c, NOW), VS_OK);
		for (size_t i = 0; i < 2; i++) {
			for (uint64_t v = 2; v <= 9; v++) {
				struct repo *r = both[i];

				r->old_root = r->role[R_ROOT];
				r->version[R_ROOT] = v;
				r->expires[R_ROOT] = NOW + v * YEAR / 2;
				for (int role = 0; role < R_COUNT; role++)
					r->role[role].at[0] =
						(int)(8 + v) + 8 * (role / 2);
				repo_publish_root(r);
			}
		}
		renew(c, back, 700);
		assert_int_equal(visit(c, clocks[k]), VS_OK);
		assert_int_equal(floor_of(c), back);
		assert_int_equal(vs_tuf_version(c->d, "root"), 9);
		tear_down(state);
		set_up(state);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_clock_counts_from_the_floor_up),
		cmocka_unit_test(a_clock_decades_ahead_is_broken),
		T(the_floor_is_the_newest_of_three),
		T(the_floor_survives_a_restart_in_the_files),
		T(a_clock_set_back_does_not_thaw_a_freeze),
		T(what_is_not_verified_raises_nothing),
		T(a_clock_in_the_far_future_leaves_no_trace),
		T(a_time_nobody_vouches_for_is_none),
		T(a_time_after_its_own_end_is_none),
		T(a_time_after_the_roots_end_is_none),
		T(a_stolen_keys_future_goes_with_the_key),
		T(two_years_offline_are_made_up_in_one_visit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/bundle_test.c - a release on a stick: the same checks as from a
 * server, the same gates, and the server is told once it is reached.
 *
 * The charger runs release 2; the bundles bring 3.
 *
 * S3.10 S0.28
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/activate.h"
#include "agent/run/settle.h"
#include "agent/run/update.h"
#include "base/file.h"
#include "tests/agent/bundle_files.h"
#include "tests/agent/visit.h"

static struct vs_bundle stick;
static struct made controller_3;

static int group_set_up(void **state)
{
	uint8_t image[VISIT_CONTROLLER_LEN];
	int code = visit_setup(state);

	noise(image, sizeof(image), 3);
	maker_seal(&visit.maker, &controller_3, "controller", 3, 1, image,
	           sizeof(image));
	return code;
}

static int group_tear_down(void **state)
{
	made_drop(&controller_3);
	return visit_teardown(state);
}

/* The bundle of what the server offers now. */
static void put(void)
{
	bundle_put(&visit.server, &visit.maker, "CP-0001", "stick");
}

static void put_3(void)
{
	server_offer(&visit.server, &visit.gateway_3, &controller_3);
	server_publish(&visit.server);
	put();
}

/* One look at m->dir/name; nobody else is asked. */
static const struct vs_outcome *look_at(const char *name)
{
	struct vs_agent *a = visit.life.agent;
	char path[PATH_MAX];
	struct vs_why why;

	assert_int_equal(vs_bundle_open(&stick,
	                                maker_path(&visit.maker, name, path),
	                                a->charger.machine.vehicle, &why),
	                 VS_OK);
	visit.server.down = true;
	a->net.bundle = &stick;
	a->retry_at = 0;
	vs_agent_poll(a);
	a->net.bundle = NULL;
	visit.server.down = false;
	vs_bundle_close(&stick);
	return &a->outcome;
}

static void must_refuse(const char *name, vs_reason reason, const char *about)
{
	const struct vs_outcome *o = look_at(name);

	if (o->status == VS_OK || o->reason != reason ||
	    strcmp(o->about, about) != 0)
		fail_msg("%s, not %s: %s: %s", vs_reason_name(o->reason),
		         vs_reason_name(reason), o->about, o->detail);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
}

static bool is_written(void)
{
	return life_holds(&visit.maker, "charger/slot-b/gateway",
	                  &visit.gateway_3) &&
	       life_holds(&visit.maker, "charger/slot-b/controller",
	                  &controller_3);
}

static void must_take(const char *name)
{
	const struct vs_outcome *o = look_at(name);

	if (o->status != VS_OK)
		fail_msg("%s: %s: %s", vs_reason_name(o->reason), o->about,
		         o->detail);
	assert_false(o->runs);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_WAITING);
	assert_true(is_written());
}

static void a_folder_and_a_tar_file_are_taken_alike(void **state)
{
	struct vs_agent *a = visit.life.agent;

	(void)state;
	put_3();
	must_take("stick");
	assert_true(a->state.bundle);
	assert_int_equal(a->outcome.stats.clusters_fetched, 3);
	/* once more, from the file: it is the same, and nothing is to do */
	must_take("stick.tar");
	assert_int_equal(a->outcome.stats.clusters_fetched, 0);
}

static void a_tar_file_alone_brings_everything(void **state)
{
	(void)state;
	put_3();
	maker_scrap(&visit.maker, "stick");
	must_take("stick.tar");
	assert_int_equal(visit.life.agent->outcome.stats.clusters_fetched, 3);
}

static bool rests(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && a->charger.slot == 1 &&
	       !a->charger.trial;
}

static bool has_told(const struct vs_agent *a)
{
	return rests(a) && a->state.outbox.count == 0 &&
	       strcmp(visit.server.heard->last.status, "Idle") == 0;
}

static void live(bool (*done)(const struct vs_agent *a))
{
	life_close(&visit.life);
	visit.life.done = done;
	assert_true(life_run(&visit.life));
	life_open(&visit.life);
}

/* Power comes and goes, nobody is reached, and the gates open at some time:
 * what was brought is tried, shows its health, and stays.
 */
static void what_waits_outlives_restarts_and_is_told_later(void **state)
{
	struct heard *heard = visit.server.heard;

	(void)state;
	put_3();
	must_take("stick");
	visit_restart();
	assert_int_equal(vs_agent_settle(visit.life.agent), VS_OK);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_WAITING);
	visit.server.down = true;
	live(rests);
	assert_true(visit.life.agent->state.outbox.count > 0);
	assert_int_equal(heard->installed, 0);
	visit.server.down = false;
	live(has_told);
	assert_int_equal(heard->installed, 1);
	assert_int_equal(heard->bundled, 1);
	assert_int_equal(heard->last.ecus[0].release_seq, 3);
	assert_string_equal(heard->last.source, "");
	assert_false(heard->bad);
}

/* What a server brings is not said to be of a bundle, also after one. */
static void what_the_server_brings_is_the_servers(void **state)
{
	struct heard *heard = visit.server.heard;

	(void)state;
	server_offer(&visit.server, &visit.gateway_3, &controller_3);
	server_publish(&visit.server);
	visit.life.agent->state.bundle = true;
	visit_look();
	live(has_told);
	assert_int_equal(heard->installed, 1);
	assert_int_equal(heard->bundled, 0);
}

static void a_server_that_is_reached_has_the_last_word(void **state)
{
	(void)state;
	put_3();
	must_take("stick");
	visit_restart();
	assert_int_equal(vs_agent_settle(visit.life.agent), VS_OK);
	server_offer(&visit.server, &visit.gateway_2, NULL);
	server_publish(&visit.server);
	visit_look();
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
}

static void a_closed_gate_is_closed_for_a_bundle_too(void **state)
{
	static const char busy[] =
		"{\"session\": true, \"contactors\": \"closed\"}";
	struct vs_agent *a = visit.life.agent;

	(void)state;
	put_3();
	must_take("stick");
	maker_put(&visit.maker, "charger/run/charger.json", busy,
	          sizeof(busy) - 1);
	a->gate_at = 0;
	vs_agent_activate(a);
	assert_int_equal(a->state.phase, VS_PHASE_WAITING);
	assert_non_null(a->held);
}

static void what_runs_already_is_said_so(void **state)
{
	const struct vs_outcome *o;

	(void)state;
	put();
	o = look_at("stick");
	assert_int_equal(o->status, VS_OK);
	assert_true(o->runs);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
}

static void the_bundle_of_another_charger_is_refused(void **state)
{
	json_t *targets = visit.server.director.targets;

	(void)state;
	server_offer(&visit.server, &visit.gateway_3, &controller_3);
	json_object_set_new(targets, "vehicleIdentifier",
	                    json_string("CP-0002"));
	server_publish(&visit.server);
	bundle_put(&visit.server, &visit.maker, "CP-0002", "stick");
	must_refuse("stick", VS_REASON_UNREADABLE, "director/timestamp.json");
	assert_non_null(strstr(visit.life.agent->outcome.detail,
	                       "is not in the bundle"));
	/* nor with the folder renamed */
	put();
	must_refuse("stick", VS_REASON_WRONG_VEHICLE,
	            "director/3.targets.json");
	must_refuse("stick.tar", VS_REASON_WRONG_VEHICLE,
	            "director/3.targets.json");
	json_object_set_new(targets, "vehicleIdentifier",
	                    json_string("CP-0001"));
}

static void a_bundle_of_before_is_refused(void **state)
{
	(void)state;
	put_3();
	server_publish(&visit.server);
	server_offer(&visit.server, &visit.gateway_2, NULL);
	server_publish(&visit.server);
	visit_look();
	must_refuse("stick", VS_REASON_ROLLBACK, "director/timestamp.json");
	must_refuse("stick.tar", VS_REASON_ROLLBACK, "director/timestamp.json");
}

static void an_expired_bundle_is_refused(void **state)
{
	(void)state;
	visit.server.image.expires[R_TIMESTAMP] = NOW + DAY;
	put_3();
	power_set_time(NOW + DAY);
	must_refuse("stick", VS_REASON_EXPIRED, "image/timestamp.json");
	power_set_time(NOW);
}

static void an_older_release_is_refused(void **state)
{
	(void)state;
	server_offer(&visit.server, &visit.gateway_1, NULL);
	server_publish(&visit.server);
	put();
	must_refuse("stick", VS_REASON_RELEASE_ROLLBACK,
	            "image/gateway/1.1.0.seal");
}

static bool fell_back(const struct vs_agent *a)
{
	return a->state.phase == VS_PHASE_IDLE && a->state.failed_count == 1;
}

static void a_release_that_failed_here_is_not_tried_again(void **state)
{
	(void)state;
	put_3();
	must_take("stick");
	visit.life.sick = 1;
	visit.server.down = true;
	live(fell_back);
	visit.server.down = false;
	assert_int_equal(visit.life.agent->charger.slot, 0);
	must_refuse("stick", VS_REASON_CONFLICT, "gateway/1.3.0.seal");
}

/* Half of the pack was copied when the stick was pulled. */
static void a_stick_that_is_pulled_leaves_what_it_gave(void **state)
{
	char rel[128], path[PATH_MAX];
	const struct vs_outcome *o;
	struct vs_agent *a = visit.life.agent;

	(void)state;
	a->conf.workers = 1;
	put_3();
	snprintf(rel, sizeof(rel), "stick/packs/%s.pack",
	         visit.server.parts[0].pack);
	assert_int_equal(truncate(maker_path(&visit.maker, rel, path),
	                          (off_t)visit.gateway_3.pack_len - 100),
	                 0);
	o = look_at("stick");
	assert_int_equal(o->status, VS_ERR_IO);
	assert_int_equal(o->reason, VS_REASON_UNREADABLE);
	assert_int_equal(a->state.phase, VS_PHASE_IDLE);
	/* and what it gave is kept */
	put();
	must_take("stick");
	assert_int_equal(a->outcome.stats.clusters_kept, 1);
	assert_int_equal(a->outcome.stats.clusters_fetched, 2);
}

/* Whatever is cut off, the slot that does not run is written whole or is not
 * taken.  Gives whether it was.
 */
static bool try_bytes(const uint8_t *bytes, size_t len)
{
	struct vs_agent *a = visit.life.agent;
	char path[PATH_MAX];
	struct vs_why why;
	vs_status status;

	maker_put(&visit.maker, "damaged.tar", bytes, len);
	/* nothing of release 3 stands there from before */
	maker_fill_slot(&visit.maker, "charger/slot-b/gateway",
	                &visit.gateway_2);
	status = vs_bundle_open(&stick,
	                        maker_path(&visit.maker, "damaged.tar", path),
	                        "CP-0001", &why);
	vs_bundle_close(&stick);
	if (status != VS_OK)
		return false;
	(void)look_at("damaged.tar");
	if (a->state.phase == VS_PHASE_IDLE)
		return false;
	assert_int_equal(a->state.phase, VS_PHASE_WAITING);
	assert_true(is_written());
	assert_int_equal(vs_state_move(&a->state, &a->io, VS_EVENT_CANCELLED,
	                               &(struct vs_move_info){.now_s = NOW}),
	                 VS_OK);
	return true;
}

static uint8_t *read_tar(size_t *len)
{
	char path[PATH_MAX];
	uint8_t *bytes;

	put_3();
	assert_int_equal(
		vs_file_read(maker_path(&visit.maker, "stick.tar", path),
	                     64 << 20, &bytes, len),
		VS_OK);
	return bytes;
}

static void a_truncated_bundle_is_taken_only_if_nothing_is_missing(void **state)
{
	size_t len, taken = 0, points = 0;
	uint8_t *bytes = read_tar(&len);

	(void)state;
	for (size_t at = 0; at < len; at += len / 90 + 1, points++)
		taken += try_bytes(bytes, at);
	/* the pack is nearly all of it, and last but for the end */
	assert_int_equal(taken, 0);
	assert_true(points > 80);
	assert_false(try_bytes(bytes, len - 1024));
	assert_true(try_bytes(bytes, len - 512));
	free(bytes);
}

/* Most of a bundle is the pack; a third of the flips go into what is before. */
static void a_flipped_bit_is_refused_or_of_no_matter(void **state)
{
	size_t len, taken = 0, seed = 1;
	uint8_t *bytes = read_tar(&len);
	size_t head = len - visit.gateway_3.pack_len;

	(void)state;
	for (int i = 0; i < 150; i++) {
		size_t at, bit;

		seed = seed * 6364136223846793005U + 1442695040888963407U;
		at = (seed >> 20) % (i % 3 ? len : head);
		bit = seed >> 60 & 7;
		bytes[at] ^= (uint8_t)(1U << bit);
		taken += try_bytes(bytes, len);
		bytes[at] ^= (uint8_t)(1U << bit);
	}
	/* padding, old metadata, and clusters that stand already */
	assert_true(taken < 150);
	assert_true(try_bytes(bytes, len));
	free(bytes);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_folder_and_a_tar_file_are_taken_alike, visit_begin,
			visit_end),
		cmocka_unit_test_setup_teardown(
			a_tar_file_alone_brings_everything, visit_begin,
			visit_end),
		cmocka_unit_test_setup_teardown(
			what_waits_outlives_restarts_and_is_told_later,
			visit_begin, visit_end),
		cmocka_unit_test_setup_teardown(
			what_the_server_brings_is_the_servers, visit_begin,
			visit_end),
		cmocka_unit_test_setup_teardown(
			a_server_that_is_reached_has_the_last_word, visit_begin,
			visit_end),
		cmocka_unit_test_setup_teardown(
			a_closed_gate_is_closed_for_a_bundle_too, visit_begin,
			visit_end),
		cmocka_unit_test_setup_teardown(what_runs_already_is_said_so,
	                                        visit_begin, visit_end),
		cmocka_unit_test_setup_teardown(
			the_bundle_of_another_charger_is_refused, visit_begin,
			visit_end),
		cmocka_unit_test_setup_teardown(a_bundle_of_before_is_refused,
	                                        visit_begin, visit_end),
		cmocka_unit_test_setup_teardown(an_expired_bundle_is_refused,
	                                        visit_begin, visit_end),
		cmocka_unit_test_setup_teardown(an_older_release_is_refused,
	                                        visit_begin, visit_end),
		cmocka_unit_test_setup_teardown(
			a_release_that_failed_here_is_not_tried_again,
			visit_begin, visit_end),
		cmocka_unit_test_setup_teardown(
			a_stick_that_is_pulled_leaves_what_it_gave, visit_begin,
			visit_end),
		cmocka_unit_test_setup_teardown(
			a_truncated_bundle_is_taken_only_if_nothing_is_missing,
			visit_begin, visit_end),
		cmocka_unit_test_setup_teardown(
			a_flipped_bit_is_refused_or_of_no_matter, visit_begin,
			visit_end),
	};

	return cmocka_run_group_tests(tests, group_set_up, group_tear_down);
}

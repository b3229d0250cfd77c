/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/uptane_test.c - what director and image repository agree upon.
 *
 * Covers S3.12 (compromised server), A10 (wrong software), A16 (replay to
 * another charger).  Each test spoils one thing of a good offer.
 */
#include "tests/trust/repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/uptane.h"

#define GATEWAY "gateway/1.1.0.seal"
#define CONTROLLER "controller/2.0.0.seal"

struct world {
	struct repo director, image;
	struct extra *release; /* the image repository's delegated role */
	struct vs_ecu ecus[2];
	struct vs_vehicle vehicle;
	struct vs_tuf *d, *i;
	struct vs_assignments out;
	struct vs_why why;
};

static json_t *custom(const char *hardware, int counter, int floor)
{
	return json_pack("{s:[s], s:i, s:i, s:s, s:[s, s]}", "hardwareIds",
	                 hardware, "releaseCounter", counter, "rollbackIndex",
	                 floor, "release", "2027.1", "releaseSet", GATEWAY,
	                 CONTROLLER);
}

static json_t *assign(const char *ecu, const char *hardware, int counter,
                      int floor)
{
	return json_pack("{s:[s], s:i, s:i, s:{s:{s:s}}}", "hardwareIds",
	                 hardware, "releaseCounter", counter, "rollbackIndex",
	                 floor, "ecuIdentifiers", ecu, "hardwareId", hardware);
}

static int set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	repo_init(&w->director);
	repo_init(&w->image);
	w->release = repo_add_role(&w->image, "release", 7);
	repo_delegate(&w->image, NULL, "release", 7, "*/*", true);
	repo_add_target(w->release->body, GATEWAY, "gateway seal",
	                custom("gw-rev3", 11, 5));
	repo_add_target(w->release->body, CONTROLLER, "controller seal",
	                custom("mc-rev1", 11, 5));
	json_object_set_new(w->director.targets, "vehicleIdentifier",
	                    json_string("CP-0001"));
	repo_add_target(w->director.targets, GATEWAY, "gateway seal",
	                assign("CP-0001-gateway", "gw-rev3", 11, 5));
	repo_add_target(w->director.targets, CONTROLLER, "controller seal",
	                assign("CP-0001-controller", "mc-rev1", 11, 5));
	w->ecus[0] = (struct vs_ecu){"CP-0001-gateway", "gw-rev3", 10, 4, ""};
	w->ecus[1] =
		(struct vs_ecu){"CP-0001-controller", "mc-rev1", 10, 4, ""};
	w->vehicle = (struct vs_vehicle){"CP-0001", w->ecus, 2};
	*state = w;
	return 0;
}

static int tear_down(void **state)
{
	struct world *w = *state;

	vs_assignments_drop(&w->out);
	vs_tuf_close(&w->d);
	vs_tuf_close(&w->i);
	repo_drop(&w->director);
	repo_drop(&w->image);
	free(w);
	return 0;
}

static vs_status check(struct world *w)
{
	repo_publish(&w->director);
	repo_provision(&w->director, 1);
	repo_publish(&w->image);
	repo_provision(&w->image, 1);
	assert_int_equal(repo_refresh(&w->director, NOW, &w->d, NULL), VS_OK);
	assert_int_equal(repo_refresh(&w->image, NOW, &w->i, NULL), VS_OK);
	return vs_uptane_check(w->d, w->i, &w->vehicle, &w->out, &w->why);
}

static void must_refuse(struct world *w, vs_reason reason)
{
	assert_int_equal(check(w), VS_ERR_REFUSED);
	assert_string_equal(vs_reason_name(w->why.code),
	                    vs_reason_name(reason));
	assert_string_equal(vs_tuf_failed_file(w->d), "1.targets.json");
	assert_false(w->out.installed);
}

static json_t *target(json_t *body, const char *path)
{
	json_t *t = json_object_get(json_object_get(body, "targets"), path);

	assert_non_null(t);
	return t;
}

static json_t *custom_of(json_t *body, const char *path)
{
	return json_object_get(target(body, path), "custom");
}

/* Sets a must-match field alike in both repositories. */
static void set_both(struct world *w, const char *path, const char *name,
                     json_t *v)
{
	json_object_set(custom_of(w->director.targets, path), name, v);
	json_object_set_new(custom_of(w->release->body, path), name, v);
}

static void what_both_repositories_name_is_assigned(void **state)
{
	struct world *w = *state;
	char hex[VS_DIGEST_HEX_MAX], name[256];

	assert_int_equal(check(w), VS_OK);
	assert_int_equal(w->out.count, 2);
	assert_false(w->out.installed);
	assert_string_equal(w->out.at[0].path, GATEWAY);
	assert_int_equal(w->out.at[0].ecu, 0);
	assert_int_equal(w->out.at[0].length, 12);
	assert_int_equal(w->out.at[0].release_counter, 11);
	assert_int_equal(w->out.at[0].rollback_index, 5);
	assert_int_equal(vs_digest_hex("sha256", "gateway seal", 12, hex),
	                 VS_OK);
	assert_string_equal(w->out.at[0].sha256, hex);
	(void)snprintf(name, sizeof name, "gateway/%s.1.1.0.seal", hex);
	assert_string_equal(w->out.at[0].name, name);
	assert_non_null(json_object_get(w->out.at[0].custom, "releaseSet"));
	assert_int_equal(w->out.at[1].ecu, 1);
	assert_string_equal(vs_tuf_failed_file(w->d), "");
	assert_string_equal(vs_tuf_failed_file(w->i), "");
}

static void an_empty_offer_is_nothing_to_do(void **state)
{
	struct world *w = *state;

	json_object_clear(json_object_get(w->director.targets, "targets"));
	assert_int_equal(check(w), VS_OK);
	assert_int_equal(w->out.count, 0);
	assert_false(w->out.installed);
}

static void what_is_installed_already_is_said_so(void **state)
{
	struct world *w = *state;
	char gateway[VS_DIGEST_HEX_MAX], controller[VS_DIGEST_HEX_MAX];

	assert_int_equal(vs_digest_hex("sha256", "gateway seal", 12, gateway),
	                 VS_OK);
	assert_int_equal(
		vs_digest_hex("sha256", "controller seal", 15, controller),
		VS_OK);
	for (int i = 0; i < 2; i++)
		w->ecus[i].release_seq = 11;
	w->ecus[0].installed_sha256 = gateway;
	w->ecus[1].installed_sha256 = controller;
	assert_int_equal(check(w), VS_OK);
	assert_true(w->out.installed);
	assert_int_equal(w->out.count, 2);
}

/* After a cut between two components the rest must still be offered. */
static void one_of_two_installed_is_not_installed(void **state)
{
	struct world *w = *state;
	char gateway[VS_DIGEST_HEX_MAX];

	assert_int_equal(vs_digest_hex("sha256", "gateway seal", 12, gateway),
	                 VS_OK);
	w->ecus[0].release_seq = 11;
	w->ecus[0].installed_sha256 = gateway;
	assert_int_equal(check(w), VS_OK);
	assert_false(w->out.installed);
	assert_int_equal(w->out.count, 2);
}

static void a_file_for_another_charger_is_refused(void **state)
{
	struct world *w = *state;

	json_object_set_new(w->director.targets, "vehicleIdentifier",
	                    json_string("CP-0002"));
	must_refuse(w, VS_REASON_WRONG_VEHICLE);
}

static void a_file_for_no_charger_is_refused(void **state)
{
	struct world *w = *state;

	json_object_del(w->director.targets, "vehicleIdentifier");
	json_object_clear(json_object_get(w->director.targets, "targets"));
	must_refuse(w, VS_REASON_WRONG_VEHICLE);
}

static void a_director_that_delegates_is_refused(void **state)
{
	struct world *w = *state;

	repo_add_role(&w->director, "other", 7);
	repo_delegate(&w->director, NULL, "other", 7, "*", false);
	must_refuse(w, VS_REASON_DELEGATES);
}

static void an_ecu_this_charger_lacks_is_refused(void **state)
{
	struct world *w = *state;

	w->vehicle.ecu_count = 1;
	must_refuse(w, VS_REASON_UNKNOWN_ECU);
}

static void an_ecu_named_twice_is_refused(void **state)
{
	struct world *w = *state;

	json_object_set_new(custom_of(w->director.targets, CONTROLLER),
	                    "ecuIdentifiers",
	                    json_pack("{s:{s:s}}", "CP-0001-gateway",
	                              "hardwareId", "gw-rev3"));
	must_refuse(w, VS_REASON_DUPLICATE_ECU);
}

static void a_hardware_id_that_is_not_ours_is_refused(void **state)
{
	struct world *w = *state;

	w->ecus[0].hardware = "gw-rev4";
	must_refuse(w, VS_REASON_WRONG_HARDWARE);
}

static void an_image_for_other_hardware_is_refused(void **state)
{
	struct world *w = *state;

	set_both(w, GATEWAY, "hardwareIds", json_pack("[s]", "gw-rev9"));
	must_refuse(w, VS_REASON_WRONG_HARDWARE);
}

static void a_path_the_image_repository_lacks_is_refused(void **state)
{
	struct world *w = *state;

	json_object_del(json_object_get(w->release->body, "targets"), GATEWAY);
	must_refuse(w, VS_REASON_NOT_IN_BOTH);
	assert_string_equal(vs_tuf_failed_file(w->i), GATEWAY);
}

static void another_length_is_refused(void **state)
{
	struct world *w = *state;

	json_object_set_new(target(w->director.targets, GATEWAY), "length",
	                    json_integer(13));
	must_refuse(w, VS_REASON_NOT_IN_BOTH);
}

static void another_hash_is_refused(void **state)
{
	struct world *w = *state;

	repo_add_target(w->director.targets, GATEWAY, "Gateway seal",
	                assign("CP-0001-gateway", "gw-rev3", 11, 5));
	must_refuse(w, VS_REASON_NOT_IN_BOTH);
}

static void a_hash_that_only_one_gives_is_refused(void **state)
{
	struct world *w = *state;

	json_object_del(
		json_object_get(target(w->director.targets, GATEWAY), "hashes"),
		"sha512");
	must_refuse(w, VS_REASON_NOT_IN_BOTH);
}

static void each_must_match_field_must_match(void **state)
{
	static const char *const fields[] = {"hardwareIds", "releaseCounter",
	                                     "rollbackIndex"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		struct world *w;

		set_up((void **)&w);
		json_object_del(custom_of(w->director.targets, GATEWAY),
		                fields[i]);
		must_refuse(w, VS_REASON_CUSTOM_MISMATCH);
		assert_string_equal(w->why.what, fields[i]);
		tear_down((void **)&w);
		set_up((void **)&w);
		json_object_set_new(custom_of(w->director.targets, GATEWAY),
		                    fields[i],
		                    i ? json_integer(99)
		                      : json_pack("[s, s]", "gw-rev3", "x"));
		must_refuse(w, VS_REASON_CUSTOM_MISMATCH);
		tear_down((void **)&w);
	}
}

static void an_older_release_is_refused(void **state)
{
	struct world *w = *state;

	w->ecus[0].release_seq = 12;
	must_refuse(w, VS_REASON_RELEASE_ROLLBACK);
}

static void other_bytes_under_the_same_number_are_refused(void **state)
{
	struct world *w = *state;

	w->ecus[0].release_seq = 11;
	w->ecus[0].installed_sha256 = "00";
	must_refuse(w, VS_REASON_RELEASE_ROLLBACK);
}

static void an_image_below_the_floor_is_refused(void **state)
{
	struct world *w = *state;

	w->ecus[1].security_version = 6;
	must_refuse(w, VS_REASON_BELOW_FLOOR);
	vs_assignments_drop(&w->out);
	w->ecus[1].security_version = 5;
	assert_int_equal(
		vs_uptane_check(w->d, w->i, &w->vehicle, &w->out, &w->why),
		VS_OK);
}

static void half_a_release_is_refused(void **state)
{
	struct world *w = *state;

	json_object_del(json_object_get(w->director.targets, "targets"),
	                CONTROLLER);
	must_refuse(w, VS_REASON_INCOMPLETE_SET);
}

static void an_image_that_is_not_of_the_set_is_refused(void **state)
{
	struct world *w = *state;

	json_object_set_new(custom_of(w->release->body, GATEWAY), "releaseSet",
	                    json_pack("[s]", GATEWAY));
	json_object_del(custom_of(w->release->body, CONTROLLER), "releaseSet");
	must_refuse(w, VS_REASON_INCOMPLETE_SET);
}

static void two_releases_at_once_are_refused(void **state)
{
	struct world *w = *state;

	json_object_set_new(custom_of(w->release->body, CONTROLLER), "release",
	                    json_string("2027.2"));
	must_refuse(w, VS_REASON_INCOMPLETE_SET);
}

static void a_release_without_a_set_may_name_one_component(void **state)
{
	struct world *w = *state;

	json_object_del(json_object_get(w->director.targets, "targets"),
	                CONTROLLER);
	json_object_del(custom_of(w->release->body, GATEWAY), "releaseSet");
	json_object_del(custom_of(w->release->body, GATEWAY), "release");
	assert_int_equal(check(w), VS_OK);
	assert_int_equal(w->out.count, 1);
}

static void custom_fields_of_the_wrong_kind_are_malformed(void **state)
{
	static const struct {
		const char *name, *json;
	} bad[] = {
		{"hardwareIds",    "\"gw-rev3\""},
		{"releaseCounter", "\"11\""     },
		{"releaseCounter", "-1"         },
		{"rollbackIndex",  "4294967296" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct world *w;

		set_up((void **)&w);
		set_both(w, GATEWAY, bad[i].name,
		         json_loads(bad[i].json, JSON_DECODE_ANY, NULL));
		assert_int_equal(check(w), VS_ERR_INPUT);
		assert_int_equal(w->why.code, VS_REASON_MALFORMED);
		assert_string_equal(w->why.what, bad[i].name);
		tear_down((void **)&w);
	}
}

static void a_target_for_no_ecu_is_malformed(void **state)
{
	struct world *w = *state;

	json_object_set_new(custom_of(w->director.targets, GATEWAY),
	                    "ecuIdentifiers", json_object());
	assert_int_equal(check(w), VS_ERR_INPUT);
	assert_int_equal(w->why.code, VS_REASON_MALFORMED);
}

static void an_image_repository_that_is_away_is_no_refusal(void **state)
{
	struct world *w = *state;

	w->release->key = 8; /* so that the stored copy is of no use */
	assert_int_equal(check(w), VS_ERR_REFUSED);
	assert_int_equal(w->why.code, VS_REASON_THRESHOLD);
	assert_string_equal(vs_tuf_failed_file(w->i), "1.release.json");
	w->image.unreachable = true;
	vs_assignments_drop(&w->out);
	assert_int_equal(
		vs_uptane_check(w->d, w->i, &w->vehicle, &w->out, &w->why),
		VS_ERR_IO);
	assert_int_equal(w->why.code, VS_REASON_UNREADABLE);
}

static void nothing_is_compared_before_a_refresh(void **state)
{
	struct world *w = *state;

	assert_int_equal(check(w), VS_OK);
	vs_assignments_drop(&w->out);
	vs_tuf_close(&w->d);
	assert_int_equal(vs_tuf_open(&w->director.ops, NOW, &w->d, NULL),
	                 VS_OK);
	assert_int_equal(
		vs_uptane_check(w->d, w->i, &w->vehicle, &w->out, &w->why),
		VS_ERR_STATE);
}

#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_both_repositories_name_is_assigned),
		T(an_empty_offer_is_nothing_to_do),
		T(what_is_installed_already_is_said_so),
		T(one_of_two_installed_is_not_installed),
		T(a_file_for_another_charger_is_refused),
		T(a_file_for_no_charger_is_refused),
		T(a_director_that_delegates_is_refused),
		T(an_ecu_this_charger_lacks_is_refused),
		T(an_ecu_named_twice_is_refused),
		T(a_hardware_id_that_is_not_ours_is_refused),
		T(an_image_for_other_hardware_is_refused),
		T(a_path_the_image_repository_lacks_is_refused),
		T(another_length_is_refused),
		T(another_hash_is_refused),
		T(a_hash_that_only_one_gives_is_refused),
		T(each_must_match_field_must_match),
		T(an_older_release_is_refused),
		T(other_bytes_under_the_same_number_are_refused),
		T(an_image_below_the_floor_is_refused),
		T(half_a_release_is_refused),
		T(an_image_that_is_not_of_the_set_is_refused),
		T(two_releases_at_once_are_refused),
		T(a_release_without_a_set_may_name_one_component),
		T(custom_fields_of_the_wrong_kind_are_malformed),
		T(a_target_for_no_ecu_is_malformed),
		T(an_image_repository_that_is_away_is_no_refusal),
		T(nothing_is_compared_before_a_refresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

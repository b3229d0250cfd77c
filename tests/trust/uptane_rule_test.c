/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/uptane_rule_test.c - one row a rule, each with its one reason.
 *
 * Covers S3.12 (compromised server), S0.18 S0.23 S3.21 S3.23 A2 (rollback), A8
 * (half a release), A9 (extraneous images), A10 (wrong software), A16 (replay
 * to another charger).
 *
 * A row spoils one thing of a good offer; the verdict must
 * be exactly its reason.  A reason of the closed list without a row fails.
 */
#include "tests/trust/uptane_world.h"

#include <stdlib.h>
#include <string.h>

struct rule {
	const char *name;   /* the test's */
	vs_reason reason;   /* NONE: such an offer is good */
	bool plain;         /* the Standard's fields alone */
	const char *blamed; /* by the image repository; NULL: not looked at */
	void (*spoil)(struct world *w);
};

static json_t *offer(struct world *w)
{
	return w->director.targets;
}

static json_t *offered(struct world *w)
{
	return json_object_get(offer(w), "targets");
}

static void nothing(struct world *w)
{
	(void)w;
}

static void unnamed_by_image(struct world *w)
{
	json_object_del(json_object_get(w->release->body, "targets"), GATEWAY);
}

static void other_length(struct world *w)
{
	json_object_set_new(world_target(offer(w), GATEWAY), "length",
	                    json_integer(13));
}

static void other_hash(struct world *w)
{
	json_object_set_new(
		json_object_get(world_target(offer(w), GATEWAY), "hashes"),
		"sha512",
		json_string("aabbccddeeff00112233445566778899aabbccddeeff001122"
	                    "33445566778899aabbccddeeff00112233445566778899aabb"
	                    "ccddeeff00112233445566778899"));
}

static void one_hash_less(struct world *w)
{
	json_object_del(
		json_object_get(world_target(offer(w), GATEWAY), "hashes"),
		"sha512");
}

static void hardware_ids_differ(struct world *w)
{
	json_object_set_new(world_custom(offer(w), GATEWAY), "hardwareIds",
	                    json_pack("[s, s]", "gw-rev3", "x"));
}

static void hardware_ids_one_sided(struct world *w)
{
	json_object_del(world_custom(offer(w), GATEWAY), "hardwareIds");
}

static void counters_differ(struct world *w)
{
	json_object_set_new(world_custom(offer(w), GATEWAY), "releaseCounter",
	                    json_integer(12));
}

static void counter_one_sided(struct world *w)
{
	json_object_del(world_custom(offer(w), GATEWAY), "releaseCounter");
}

static void floors_differ(struct world *w)
{
	json_object_set_new(world_custom(offer(w), GATEWAY), "rollbackIndex",
	                    json_integer(6));
}

static void floor_one_sided(struct world *w)
{
	json_object_del(world_custom(offer(w), GATEWAY), "rollbackIndex");
}

static void ecu_of_other_hardware(struct world *w)
{
	w->ecus[0].hardware = "gw-rev4";
}

static void image_for_other_hardware(struct world *w)
{
	world_set_both(w, GATEWAY, "hardwareIds", json_pack("[s]", "gw-rev9"));
}

static void image_for_no_hardware(struct world *w)
{
	world_set_both(w, GATEWAY, "hardwareIds", json_array());
}

static void unknown_ecu(struct world *w)
{
	w->ecus[1].id = "CP-0001-display";
}

static void ecu_twice(struct world *w)
{
	json_object_set_new(world_custom(offer(w), CONTROLLER),
	                    "ecuIdentifiers",
	                    json_pack("{s:{s:s}}", "CP-0001-gateway",
	                              "hardwareId", "gw-rev3"));
}

static void other_vehicle(struct world *w)
{
	json_object_set_new(offer(w), "vehicleIdentifier",
	                    json_string("CP-0002"));
}

static void no_vehicle(struct world *w)
{
	json_object_del(offer(w), "vehicleIdentifier");
}

static void vehicle_is_no_text(struct world *w)
{
	json_object_set_new(offer(w), "vehicleIdentifier", json_integer(1));
}

static void empty(struct world *w)
{
	json_object_clear(offered(w));
}

static void empty_for_no_vehicle(struct world *w)
{
	no_vehicle(w);
	empty(w);
}

static void empty_for_other_vehicle(struct world *w)
{
	other_vehicle(w);
	empty(w);
}

static void empty_for_whom_we_are_not_told(struct world *w)
{
	empty(w);
	w->vehicle.id = NULL;
}

static void empty_for_nobody_we_are_told(struct world *w)
{
	empty_for_no_vehicle(w);
	w->vehicle.id = NULL;
}

static void older_release(struct world *w)
{
	w->ecus[0].release_seq = 12;
}

static void other_bytes_same_number(struct world *w)
{
	w->ecus[0].release_seq = 11;
	w->ecus[0].installed_sha256 = "00";
}

static void same_number_nothing_known(struct world *w)
{
	w->ecus[0].release_seq = 11;
	w->ecus[0].installed_sha256 = NULL;
}

static void below_floor(struct world *w)
{
	w->ecus[1].security_version = 6;
}

static void at_the_floor(struct world *w)
{
	w->ecus[1].security_version = 5;
}

static void half_a_release(struct world *w)
{
	json_object_del(offered(w), CONTROLLER);
}

static void foreign_to_the_set(struct world *w)
{
	json_object_set_new(world_custom(w->release->body, GATEWAY),
	                    "releaseSet", json_pack("[s]", GATEWAY));
	json_object_del(world_custom(w->release->body, CONTROLLER),
	                "releaseSet");
}

static void set_without_texts(struct world *w)
{
	json_object_set_new(world_custom(w->release->body, GATEWAY),
	                    "releaseSet", json_pack("[i, s]", 7, GATEWAY));
}

static void hardware_ids_without_texts(struct world *w)
{
	world_set_both(w, GATEWAY, "hardwareIds", json_pack("[i]", 7));
}

static void two_releases(struct world *w)
{
	json_object_set_new(world_custom(w->release->body, CONTROLLER),
	                    "release", json_string("2027.2"));
}

static void one_of_no_release(struct world *w)
{
	json_object_del(world_custom(w->release->body, CONTROLLER), "release");
}

static void director_delegates(struct world *w)
{
	repo_add_role(&w->director, "other", 7);
	repo_delegate(&w->director, NULL, "other", 7, "*", false);
}

static void require(struct world *w, const char *component, const char *least)
{
	json_object_set_new(world_custom(w->release->body, GATEWAY), "requires",
	                    json_pack("{s:s}", component, least));
}

/* A release of the gateway alone. */
static void alone(struct world *w)
{
	json_object_del(offered(w), CONTROLLER);
	json_object_set_new(world_custom(w->release->body, GATEWAY),
	                    "releaseSet", json_pack("[s]", GATEWAY));
}

static void the_least_runs(struct world *w)
{
	alone(w);
	require(w, "controller", "1.9");
}

static void less_runs(struct world *w)
{
	alone(w);
	require(w, "controller", "1.10.0");
}

static void less_runs_and_enough_comes(struct world *w)
{
	require(w, "controller", "2.0.0");
}

static void enough_runs_and_less_comes(struct world *w)
{
	w->ecus[1].version = "2.1.0";
	require(w, "controller", "2.0.1");
}

static void a_component_we_lack(struct world *w)
{
	require(w, "safety", "0");
}

static void a_component_of_no_version(struct world *w)
{
	alone(w);
	w->ecus[1].version = NULL;
	require(w, "controller", "0");
}

static void a_component_of_no_name(struct world *w)
{
	alone(w);
	w->ecus[1].component = NULL;
	require(w, "controller", "1.0.0");
}

static void the_second_of_two(struct world *w)
{
	json_object_set_new(
		world_custom(w->release->body, CONTROLLER), "requires",
		json_pack("{s:s, s:s}", "gateway", "1.1.0", "safety", "1.0"));
}

static void the_director_repeats_requires(struct world *w)
{
	require(w, "controller", "2.0.0");
	json_object_set(world_custom(offer(w), GATEWAY), "requires",
	                json_object_get(world_custom(w->release->body, GATEWAY),
	                                "requires"));
}

static void the_director_says_requires(struct world *w)
{
	json_object_set_new(world_custom(offer(w), GATEWAY), "requires",
	                    json_object());
}

/* What the Standard knows nothing of. */
static void only_uptane(struct world *w)
{
	static const char *const ours[] = {"hardwareIds", "releaseCounter",
	                                   "rollbackIndex", "release",
	                                   "releaseSet"};
	static const char *const paths[] = {GATEWAY, CONTROLLER};

	no_vehicle(w);
	for (size_t p = 0; p < 2; p++) {
		for (size_t i = 0; i < 5; i++) {
			json_object_del(world_custom(offer(w), paths[p]),
			                ours[i]);
			if (i > 0)
				json_object_del(world_custom(w->release->body,
				                             paths[p]),
				                ours[i]);
		}
	}
}

static void only_sha512(struct world *w)
{
	json_t *const bodies[] = {offer(w), w->release->body};
	static const char *const paths[] = {GATEWAY, CONTROLLER};

	for (size_t b = 0; b < 2; b++) {
		for (size_t p = 0; p < 2; p++)
			json_object_del(json_object_get(world_target(bodies[b],
			                                             paths[p]),
			                                "hashes"),
			                "sha256");
	}
}

#define OURS(name, reason, blamed, spoil)                                      \
	{                                                                      \
		name, VS_REASON_##reason, false, blamed, spoil                 \
	}
#define PLAIN(name, reason, blamed, spoil)                                     \
	{                                                                      \
		name, VS_REASON_##reason, true, blamed, spoil                  \
	}

/* clang-format off */
static const struct rule rules[] = {
	OURS("a_good_offer_is_taken", NONE, "", nothing),
	OURS("an_image_at_the_floor_is_taken", NONE, "", at_the_floor),
	OURS("an_empty_offer_for_us_is_taken", NONE, "", empty),
	OURS("an_image_that_only_the_director_names",
	     NOT_IN_BOTH, GATEWAY, unnamed_by_image),
	OURS("a_length_that_differs", NOT_IN_BOTH, GATEWAY, other_length),
	OURS("a_hash_that_differs", NOT_IN_BOTH, GATEWAY, other_hash),
	OURS("a_hash_that_one_does_not_give",
	     NOT_IN_BOTH, GATEWAY, one_hash_less),
	OURS("hardware_ids_that_differ",
	     CUSTOM_MISMATCH, GATEWAY, hardware_ids_differ),
	OURS("hardware_ids_of_one_side",
	     CUSTOM_MISMATCH, GATEWAY, hardware_ids_one_sided),
	OURS("release_counters_that_differ",
	     CUSTOM_MISMATCH, GATEWAY, counters_differ),
	OURS("a_release_counter_of_one_side",
	     CUSTOM_MISMATCH, GATEWAY, counter_one_sided),
	OURS("rollback_indices_that_differ",
	     CUSTOM_MISMATCH, GATEWAY, floors_differ),
	OURS("a_rollback_index_of_one_side",
	     CUSTOM_MISMATCH, GATEWAY, floor_one_sided),
	OURS("an_ecu_of_other_hardware",
	     WRONG_HARDWARE, "", ecu_of_other_hardware),
	OURS("an_image_for_other_hardware",
	     WRONG_HARDWARE, GATEWAY, image_for_other_hardware),
	OURS("an_image_for_no_hardware",
	     WRONG_HARDWARE, GATEWAY, image_for_no_hardware),
	OURS("an_image_for_hardware_of_no_name",
	     WRONG_HARDWARE, GATEWAY, hardware_ids_without_texts),
	OURS("an_ecu_this_charger_lacks", UNKNOWN_ECU, "", unknown_ecu),
	OURS("an_ecu_named_twice", DUPLICATE_ECU, "", ecu_twice),
	OURS("a_file_for_another_charger", WRONG_VEHICLE, "", other_vehicle),
	OURS("a_file_for_no_charger", WRONG_VEHICLE, "", no_vehicle),
	OURS("a_vehicle_id_that_is_no_text",
	     WRONG_VEHICLE, "", vehicle_is_no_text),
	OURS("an_empty_file_for_no_charger",
	     WRONG_VEHICLE, "", empty_for_no_vehicle),
	OURS("an_empty_file_for_another_charger",
	     WRONG_VEHICLE, "", empty_for_other_vehicle),
	OURS("any_file_when_we_do_not_know_who_we_are",
	     WRONG_VEHICLE, "", empty_for_whom_we_are_not_told),
	OURS("an_older_release", RELEASE_ROLLBACK, GATEWAY, older_release),
	OURS("other_bytes_under_the_installed_number",
	     RELEASE_ROLLBACK, GATEWAY, other_bytes_same_number),
	OURS("the_installed_number_when_the_bytes_are_not_known",
	     RELEASE_ROLLBACK, GATEWAY, same_number_nothing_known),
	OURS("an_image_below_the_floor", BELOW_FLOOR, CONTROLLER, below_floor),
	OURS("half_a_release", INCOMPLETE_SET, NULL, half_a_release),
	OURS("an_image_that_is_not_of_the_set",
	     INCOMPLETE_SET, NULL, foreign_to_the_set),
	OURS("a_set_that_names_something_else",
	     INCOMPLETE_SET, NULL, set_without_texts),
	OURS("two_releases_at_once", INCOMPLETE_SET, NULL, two_releases),
	OURS("an_image_of_no_release_among_others",
	     INCOMPLETE_SET, NULL, one_of_no_release),
	OURS("a_director_that_delegates", DELEGATES, "", director_delegates),
	OURS("the_least_version_of_another_component_is_enough",
	     NONE, "", the_least_runs),
	OURS("another_component_that_is_too_old",
	     REQUIRES_UNMET, GATEWAY, less_runs),
	OURS("what_the_same_release_brings_is_enough",
	     NONE, "", less_runs_and_enough_comes),
	OURS("what_the_same_release_brings_counts_and_not_what_runs",
	     REQUIRES_UNMET, GATEWAY, enough_runs_and_less_comes),
	OURS("a_required_component_this_charger_lacks",
	     REQUIRES_UNMET, GATEWAY, a_component_we_lack),
	OURS("a_required_component_of_unknown_version",
	     REQUIRES_UNMET, GATEWAY, a_component_of_no_version),
	OURS("a_required_component_that_nobody_is_known_to_be",
	     REQUIRES_UNMET, GATEWAY, a_component_of_no_name),
	OURS("the_second_requirement_of_the_second_image",
	     REQUIRES_UNMET, CONTROLLER, the_second_of_two),
	OURS("a_director_that_repeats_what_is_required",
	     CUSTOM_MISMATCH, GATEWAY, the_director_repeats_requires),
	OURS("a_director_that_says_that_nothing_is_required",
	     CUSTOM_MISMATCH, GATEWAY, the_director_says_requires),

	PLAIN("plain_a_good_offer_is_taken", NONE, "", nothing),
	PLAIN("plain_asks_for_the_standards_fields_only",
	      NONE, "", only_uptane),
	PLAIN("plain_any_hash_will_do", NONE, "", only_sha512),
	PLAIN("plain_knows_no_release_counter", NONE, "", older_release),
	PLAIN("plain_knows_no_floor", NONE, "", below_floor),
	PLAIN("plain_knows_no_sets", NONE, "", half_a_release),
	PLAIN("plain_knows_no_requirements", NONE, "", less_runs),
	PLAIN("plain_lets_a_director_say_what_it_likes",
	      NONE, "", the_director_says_requires),
	PLAIN("plain_what_the_director_repeats_must_match",
	      CUSTOM_MISMATCH, GATEWAY, counters_differ),
	PLAIN("plain_an_image_that_only_the_director_names",
	      NOT_IN_BOTH, GATEWAY, unnamed_by_image),
	PLAIN("plain_a_length_that_differs",
	      NOT_IN_BOTH, GATEWAY, other_length),
	PLAIN("plain_a_hash_that_differs", NOT_IN_BOTH, GATEWAY, other_hash),
	PLAIN("plain_an_ecu_of_other_hardware",
	      WRONG_HARDWARE, "", ecu_of_other_hardware),
	PLAIN("plain_an_image_for_other_hardware",
	      WRONG_HARDWARE, GATEWAY, image_for_other_hardware),
	PLAIN("plain_an_ecu_this_charger_lacks", UNKNOWN_ECU, "", unknown_ecu),
	PLAIN("plain_an_ecu_named_twice", DUPLICATE_ECU, "", ecu_twice),
	PLAIN("plain_a_director_that_delegates",
	      DELEGATES, "", director_delegates),
	PLAIN("plain_a_file_for_another_charger",
	      WRONG_VEHICLE, "", other_vehicle),
	PLAIN("plain_a_vehicle_id_that_is_no_text",
	      WRONG_VEHICLE, "", vehicle_is_no_text),
	PLAIN("plain_a_file_with_images_needs_no_charger",
	      NONE, "", no_vehicle),
	PLAIN("plain_an_empty_file_for_no_charger",
	      WRONG_VEHICLE, "", empty_for_no_vehicle),
	PLAIN("plain_an_empty_file_for_another_charger",
	      WRONG_VEHICLE, "", empty_for_other_vehicle),
	PLAIN("plain_an_empty_file_when_we_are_not_told_who_we_are",
	      NONE, "", empty_for_whom_we_are_not_told),
	PLAIN("plain_an_empty_file_must_name_somebody_all_the_same",
	      WRONG_VEHICLE, "", empty_for_nobody_we_are_told),
};
/* clang-format on */

enum { RULES = sizeof rules / sizeof *rules };

static void judge(struct world *w, const struct rule *r)
{
	vs_status status;

	r->spoil(w);
	w->why.code = VS_REASON_NONE;
	status = r->plain ? world_check_plain(w) : world_check(w);
	assert_string_equal(vs_reason_name(w->why.code),
	                    vs_reason_name(r->reason));
	assert_int_equal(status,
	                 r->reason == VS_REASON_NONE ? VS_OK : VS_ERR_REFUSED);
	assert_false(w->out.installed);
	assert_string_equal(vs_tuf_failed_file(w->d),
	                    r->reason ? "1.targets.json" : "");
	if (r->blamed)
		assert_string_equal(vs_tuf_failed_file(w->i), r->blamed);
}

static void the_rule(void **state)
{
	const struct rule *r = *state;
	void *w;

	assert_int_equal(world_set_up(&w), 0);
	judge(w, r);
	assert_int_equal(world_tear_down(&w), 0);
}

static void must_have_a_rule(int code)
{
	for (size_t i = 0; i < RULES; i++)
		if ((int)rules[i].reason == code)
			return;
	fail_msg("no rule ends in %s", vs_reason_name((vs_reason)code));
}

static void every_uptane_reason_has_a_rule(void **state)
{
	(void)state;
	for (int code = VS_REASON_NOT_IN_BOTH; code <= VS_REASON_DELEGATES;
	     code++)
		must_have_a_rule(code);
	must_have_a_rule(VS_REASON_REQUIRES_UNMET);
}

int main(void)
{
	struct CMUnitTest tests[RULES + 1] = {
		cmocka_unit_test(every_uptane_reason_has_a_rule),
	};

	for (size_t i = 0; i < RULES; i++)
		tests[i + 1] = (struct CMUnitTest){
			.name = rules[i].name,
			.test_func = the_rule,
			.initial_state =
				(void *)(uintptr_t)(const void *)&rules[i],
		};
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/uptane_test.c - what director and image repository agree upon.
 *
 * What is refused, and why, is in uptane_rule_test.c.
 */
#include "tests/trust/uptane_world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"

static void what_both_repositories_name_is_assigned(void **state)
{
	struct world *w = *state;
	char hex[VS_DIGEST_HEX_MAX], name[256];

	assert_int_equal(world_check(w), VS_OK);
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
	assert_int_equal(world_check(w), VS_OK);
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
	assert_int_equal(world_check(w), VS_OK);
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
	assert_int_equal(world_check(w), VS_OK);
	assert_false(w->out.installed);
	assert_int_equal(w->out.count, 2);
}

static void a_release_without_a_set_may_name_one_component(void **state)
{
	struct world *w = *state;

	json_object_del(json_object_get(w->director.targets, "targets"),
	                CONTROLLER);
	json_object_del(world_custom(w->release->body, GATEWAY), "releaseSet");
	json_object_del(world_custom(w->release->body, GATEWAY), "release");
	assert_int_equal(world_check(w), VS_OK);
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

		world_set_up((void **)&w);
		world_set_both(w, GATEWAY, bad[i].name,
		               json_loads(bad[i].json, JSON_DECODE_ANY, NULL));
		assert_int_equal(world_check(w), VS_ERR_INPUT);
		assert_int_equal(w->why.code, VS_REASON_MALFORMED);
		assert_string_equal(w->why.what, bad[i].name);
		world_tear_down((void **)&w);
	}
}

static void ecus_are_an_empty_list(struct world *w)
{
	json_object_set_new(world_custom(w->director.targets, GATEWAY),
	                    "ecuIdentifiers", json_object());
}

static void ecus_are_missing(struct world *w)
{
	json_object_del(world_custom(w->director.targets, GATEWAY),
	                "ecuIdentifiers");
}

static void ecu_without_hardware(struct world *w)
{
	json_object_set_new(world_custom(w->director.targets, GATEWAY),
	                    "ecuIdentifiers",
	                    json_pack("{s:{}}", "CP-0001-gateway"));
}

static void image_without_custom(struct world *w)
{
	json_object_del(world_target(w->release->body, GATEWAY), "custom");
}

static void set_sha256(struct world *w, json_t *v)
{
	json_t *const bodies[] = {w->director.targets, w->release->body};

	for (size_t i = 0; i < 2; i++) {
		json_t *hashes = json_object_get(
			world_target(bodies[i], GATEWAY), "hashes");

		json_object_del(hashes, "sha256");
		if (v)
			json_object_set(hashes, "sha256", v);
	}
	json_decref(v);
}

static void sha256_is_missing(struct world *w)
{
	set_sha256(w, NULL);
}

static void sha256_is_no_digest(struct world *w)
{
	set_sha256(w, json_string("00"));
}

static void requires_of_no_texts(struct world *w)
{
	json_object_set_new(world_custom(w->release->body, GATEWAY), "requires",
	                    json_pack("{s:i}", "controller", 1));
}

/* Also where nothing would be installed. */
static void requires_itself_and_is_installed(struct world *w)
{
	json_t *targets = json_object_get(w->release->body, "targets");
	const char *const paths[] = {GATEWAY, CONTROLLER};

	for (size_t i = 0; i < 2; i++)
		w->ecus[i].installed_sha256 = json_string_value(json_object_get(
			json_object_get(json_object_get(targets, paths[i]),
		                        "hashes"),
			"sha256"));
	json_object_set_new(world_custom(w->release->body, GATEWAY), "requires",
	                    json_pack("{s:s}", "gateway", "1"));
}

static void an_entry_that_lacks_something_is_malformed(void **state)
{
	static const struct {
		void (*spoil)(struct world *w);
		const char *what;
	} rows[] = {
		{ecus_are_an_empty_list,           "ecuIdentifiers"},
		{ecus_are_missing,                 "ecuIdentifiers"},
		{ecu_without_hardware,             "hardwareId"    },
		{image_without_custom,             "custom"        },
		{sha256_is_missing,                "sha256"        },
		{sha256_is_no_digest,              "sha256"        },
		{requires_of_no_texts,             "requires"      },
		{requires_itself_and_is_installed, "requires"      },
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		struct world *w;

		world_set_up((void **)&w);
		rows[i].spoil(w);
		assert_int_equal(world_check(w), VS_ERR_INPUT);
		assert_int_equal(w->why.code, VS_REASON_MALFORMED);
		assert_string_equal(w->why.what, rows[i].what);
		world_tear_down((void **)&w);
	}
}

/* It says what is missing, so that a person need not look for it. */
static void a_requirement_that_is_not_met_is_told_whole(void **state)
{
	struct world *w = *state;

	json_object_set_new(world_custom(w->release->body, GATEWAY), "requires",
	                    json_pack("{s:s}", "controller", "2.0.1"));
	assert_int_equal(world_check(w), VS_ERR_REFUSED);
	assert_int_equal(w->why.code, VS_REASON_REQUIRES_UNMET);
	assert_string_equal(w->out.unmet.component, "controller");
	assert_string_equal(w->out.unmet.least, "2.0.1");
	assert_string_equal(w->out.unmet.has, "2.0.0");
}

/* Nothing would be installed: what is missing beside it is no matter now. */
static void what_is_installed_already_requires_nothing_more(void **state)
{
	struct world *w = *state;
	const char *hex;

	requires_itself_and_is_installed(w);
	hex = w->ecus[0].installed_sha256;
	json_object_set_new(world_custom(w->release->body, GATEWAY), "requires",
	                    json_pack("{s:s}", "safety", "9"));
	assert_int_equal(world_check(w), VS_OK);
	assert_true(w->out.installed);
	assert_string_equal(w->out.at[0].sha256, hex);
	assert_string_equal(w->out.unmet.component, "");
}

static void an_image_repository_that_is_away_is_no_refusal(void **state)
{
	struct world *w = *state;

	w->release->key = 8; /* so that the stored copy is of no use */
	assert_int_equal(world_check(w), VS_ERR_REFUSED);
	assert_int_equal(w->why.code, VS_REASON_THRESHOLD);
	assert_string_equal(vs_tuf_failed_file(w->i), "1.release.json");
	w->image.unreachable = true;
	vs_assignments_drop(&w->out);
	assert_int_equal(
		vs_uptane_check(w->d, w->i, &w->vehicle, &w->out, &w->why),
		VS_ERR_IO);
	assert_int_equal(w->why.code, VS_REASON_UNREADABLE);
}

static void more_ecus_than_we_can_hold_are_too_many(void **state)
{
	struct world *w = *state;
	struct vs_ecu ecus[VS_ECUS_MAX + 1];
	char ids[VS_ECUS_MAX + 1][8];
	json_t *named = json_object();

	for (size_t i = 0; i <= VS_ECUS_MAX; i++) {
		(void)snprintf(ids[i], sizeof ids[i], "ecu-%zu", i);
		ecus[i] = (struct vs_ecu){.id = ids[i], .hardware = "gw-rev3"};
		json_object_set_new(
			named, ids[i],
			json_pack("{s:s}", "hardwareId", "gw-rev3"));
	}
	json_object_set_new(world_custom(w->director.targets, GATEWAY),
	                    "ecuIdentifiers", named);
	json_object_del(json_object_get(w->director.targets, "targets"),
	                CONTROLLER);
	w->vehicle.ecus = ecus;
	w->vehicle.ecu_count = VS_ECUS_MAX + 1;
	assert_int_equal(world_check_plain(w), VS_ERR_LIMIT);
	assert_int_equal(w->why.code, VS_REASON_TOO_LARGE);
	json_object_del(named, ids[0]);
	for (int i = R_TIMESTAMP; i < R_COUNT; i++)
		w->director.version[i] = 2;
	vs_assignments_drop(&w->out);
	vs_tuf_close(&w->d);
	vs_tuf_close(&w->i);
	assert_int_equal(world_check_plain(w), VS_OK);
	assert_int_equal(w->out.count, VS_ECUS_MAX);
	assert_int_equal(w->out.at[VS_ECUS_MAX - 1].ecu, VS_ECUS_MAX);
}

static void nothing_is_compared_before_a_refresh(void **state)
{
	struct world *w = *state;

	assert_int_equal(world_check(w), VS_OK);
	vs_assignments_drop(&w->out);
	vs_tuf_close(&w->d);
	assert_int_equal(vs_tuf_open(&w->director.ops, NOW, &w->d, NULL),
	                 VS_OK);
	assert_int_equal(
		vs_uptane_check(w->d, w->i, &w->vehicle, &w->out, &w->why),
		VS_ERR_STATE);
	assert_int_equal(vs_tuf_refresh(w->d, NULL), VS_OK);
	vs_tuf_close(&w->i);
	assert_int_equal(vs_tuf_open(&w->image.ops, NOW, &w->i, NULL), VS_OK);
	assert_int_equal(
		vs_uptane_check(w->d, w->i, &w->vehicle, &w->out, &w->why),
		VS_ERR_STATE);
}

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, world_set_up, world_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(what_both_repositories_name_is_assigned),
		T(an_empty_offer_is_nothing_to_do),
		T(what_is_installed_already_is_said_so),
		T(one_of_two_installed_is_not_installed),
		T(a_release_without_a_set_may_name_one_component),
		T(custom_fields_of_the_wrong_kind_are_malformed),
		T(an_entry_that_lacks_something_is_malformed),
		T(a_requirement_that_is_not_met_is_told_whole),
		T(what_is_installed_already_requires_nothing_more),
		T(an_image_repository_that_is_away_is_no_refusal),
		T(more_ecus_than_we_can_hold_are_too_many),
		T(nothing_is_compared_before_a_refresh),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

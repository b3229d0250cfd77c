/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/director_test.c - which release a charger is named, and in
 * which version.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "server/fleet/fleet.h"
#include "tests/server/scratch.h"
#include "trust/json.h"
#include "trust/write.h"

#define SET "[\"gateway/gateway-1.1.0.seal\", \"meter/meter-1.1.0.seal\"]"

/* A gateway and a meter in the charger; releases 1.1.0 for both, 1.2.0 for
 * the gateway of other hardware.
 */
struct world {
	struct vs_releases releases;
	struct vs_device device;
	struct vs_device_ecu ecus[2];
	struct vs_device_kind kind;
	struct vs_device_told told;
};

static void set_up(struct world *w)
{
	static const struct scratch_target targets[] = {
		{"1.1.0", "gateway", "gw-rev3", SET,  2},
		{"1.1.0", "meter",   "em-rev1", SET,  2},
		{"1.2.0", "gateway", "gw-rev9", NULL, 3},
	};
	struct vs_why why;

	*w = (struct world){0};
	for (size_t i = 0; i < sizeof targets / sizeof *targets; i++)
		scratch_release(&w->releases, &targets[i]);
	assert_int_equal(vs_releases_finish(&w->releases, &why), VS_OK);
	for (size_t i = 0; i < w->releases.count; i++)
		w->releases.all[i].standing.stage = VS_STAGE_GENERAL;
	w->device.id = "CP-0001\0CP-0001-gateway\0CP-0001-meter";
	w->device.ecu_count = 2;
	w->device.ecus = w->ecus;
	w->device.kind = &w->kind;
	w->device.told = &w->told;
	w->kind.labels = "";
	w->ecus[0] = (struct vs_device_ecu){
		.component = "gateway",
		.hardware = "gw-rev3",
		.release_seq = 1,
	};
	w->ecus[1] = (struct vs_device_ecu){
		.component = "meter",
		.hardware = "em-rev1",
		.release_seq = 1,
	};
}

static void drop(struct world *w)
{
	vs_releases_drop(&w->releases);
}

/* S0.18 S0.23 */
static void a_charger_is_named_what_it_was_assigned(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	assert_string_equal(vs_device_release(&w.device, &w.releases), "");
	snprintf(w.told.release, sizeof(w.told.release), "%s", "1.1.0");
	assert_string_equal(vs_device_release(&w.device, &w.releases), "1.1.0");
	w.ecus[0].release_seq = w.ecus[1].release_seq = 2;
	assert_string_equal(vs_device_release(&w.device, &w.releases), "1.1.0");
	drop(&w);
}

static void a_charger_is_never_named_less_than_it_runs(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	snprintf(w.told.release, sizeof(w.told.release), "%s", "1.1.0");
	for (size_t i = 0; i < 2; i++) {
		w.ecus[i].release_seq = 3;
		assert_string_equal(vs_device_release(&w.device, &w.releases),
		                    "");
		w.ecus[i].release_seq = 1;
	}
	assert_string_equal(vs_device_release(&w.device, &w.releases), "1.1.0");
	drop(&w);
}

static void a_release_runs_when_every_ecu_runs_it(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	w.ecus[0].release_seq = 2;
	assert_false(vs_device_runs(&w.device, &w.releases, "1.1.0"));
	w.ecus[1].release_seq = 2;
	assert_true(vs_device_runs(&w.device, &w.releases, "1.1.0"));
	assert_false(vs_device_runs(&w.device, &w.releases, "1.2.0"));
	assert_false(vs_device_runs(&w.device, &w.releases, "9.9.9"));
	drop(&w);
}

static void a_release_for_other_hardware_does_not_fit(void **state)
{
	struct world w;

	(void)state;
	set_up(&w);
	assert_null(vs_device_unfit(&w.device, &w.releases, "1.1.0"));
	assert_non_null(vs_device_unfit(&w.device, &w.releases, "1.2.0"));
	assert_non_null(vs_device_unfit(&w.device, &w.releases, "9.9.9"));
	/* a set of which one component is not there is not to be had */
	w.device.ecu_count = 1;
	assert_non_null(vs_device_unfit(&w.device, &w.releases, "1.1.0"));
	drop(&w);
}

/* S0.26 */
static void
a_release_that_is_not_general_is_for_chargers_with_the_tag(void **state)
{
	static const enum vs_stage stages[] = {VS_STAGE_LAB, VS_STAGE_PILOT,
	                                       VS_STAGE_RETIRED};
	struct world w;

	(void)state;
	set_up(&w);
	for (size_t i = 0; i < 3; i++) {
		w.releases.all[0].standing.stage = stages[i];
		assert_non_null(
			vs_device_unfit(&w.device, &w.releases, "1.1.0"));
	}
	w.kind.labels = "tag=pilot\n";
	for (size_t i = 0; i < 3; i++) {
		w.releases.all[0].standing.stage = stages[i];
		assert_true(!vs_device_unfit(&w.device, &w.releases, "1.1.0") ==
		            (stages[i] == VS_STAGE_PILOT));
	}
	w.kind.labels = "tag=pilot\ntag=lab\n";
	w.releases.all[0].standing.stage = VS_STAGE_LAB;
	assert_null(vs_device_unfit(&w.device, &w.releases, "1.1.0"));
	drop(&w);
}

static void versions_are_the_successor_or_the_clock(void **state)
{
	const uint64_t max = UINT64_C(9007199254740991);

	(void)state;
	assert_int_equal(vs_director_next(0, 1700000000), 1700000000);
	assert_int_equal(vs_director_next(1700000000, 1700000000), 1700000001);
	/* a clock that was set back */
	assert_int_equal(vs_director_next(1700000009, 1600000000), 1700000010);
	/* a clock that ran on */
	assert_int_equal(vs_director_next(1700000009, 1700000600), 1700000600);
	assert_int_equal(vs_director_next(0, max + 1), 1);
	assert_int_equal(vs_director_next(max - 1, 5), max);
	assert_int_equal(vs_director_next(max, 5), 0);
}

/* What is signed, with keys made for it. */
struct made {
	struct vs_online keys;
	struct vs_signers signers;
	struct vs_director files;
	json_t *whole; /* the targets file */
};

static void copy_role(struct vs_role *to, const struct vs_key *key)
{
	json_t *keys = json_pack("{s:O}", key->id, key->object);
	json_t *role =
		json_pack("{s:[s], s:i}", "keyids", key->id, "threshold", 1);
	struct vs_why why;

	assert_int_equal(vs_role_parse(role, keys, to, &why), VS_OK);
	json_decref(role);
	json_decref(keys);
}

static const json_t *make(struct scratch *s, const struct world *w,
                          const char *release, struct made *m)
{
	struct vs_director_ecu ecus[2];
	char error[256];
	struct vs_why why;

	*m = (struct made){0};
	const struct vs_online_place place = {.data_dir = s->dir, .module = ""};

	assert_int_equal(vs_online_init(&place, error), VS_OK);
	assert_int_equal(vs_online_load(&place, &m->keys, error), VS_OK);
	copy_role(&m->signers.targets, &m->keys.keys[0].public);
	copy_role(&m->signers.snapshot, &m->keys.keys[0].public);
	copy_role(&m->signers.timestamp, &m->keys.keys[0].public);
	for (size_t i = 0; i < 2; i++)
		ecus[i] = (struct vs_director_ecu){
			vs_device_ecu_id(&w->device, i),
			w->device.ecus[i].component,
			w->device.ecus[i].hardware,
		};
	const struct vs_director_order order = {
		.vehicle = w->device.id,
		.ecus = ecus,
		.ecu_count = 2,
		.release = release,
		.campaign = "7",
		.version = 12,
		.now_s = 1700000000,
		.timestamp_ttl_s = 60,
		.ttl_s = 600,
	};
	assert_int_equal(vs_director_make(&m->keys, &m->signers, &w->releases,
	                                  &order, &m->files, &why),
	                 VS_OK);
	assert_int_equal(vs_json_parse(m->files.targets.bytes,
	                               m->files.targets.len, 1 << 20, &m->whole,
	                               &why),
	                 VS_OK);
	return json_object_get(m->whole, "signed");
}

static void drop_made(struct made *m)
{
	json_decref(m->whole);
	vs_director_drop(&m->files);
	vs_signers_drop(&m->signers);
	vs_online_drop(&m->keys);
}

static void a_director_names_each_target_and_its_ecu(void **state)
{
	struct world w;
	struct made m;

	set_up(&w);
	const json_t *body = make(*state, &w, "1.1.0", &m);
	const json_t *targets = json_object_get(body, "targets");
	assert_int_equal(json_object_size(targets), 2);
	assert_string_equal(
		json_string_value(json_object_get(body, "vehicleIdentifier")),
		"CP-0001");
	const json_t *custom = json_object_get(
		json_object_get(targets, "meter/meter-1.1.0.seal"), "custom");
	const json_t *ecu = json_object_get(
		json_object_get(custom, "ecuIdentifiers"), "CP-0001-meter");
	assert_string_equal(
		json_string_value(json_object_get(ecu, "hardwareId")),
		"em-rev1");
	assert_int_equal(
		json_integer_value(json_object_get(custom, "releaseCounter")),
		2);
	/* the image repository's alone */
	assert_null(json_object_get(custom, "pack"));
	assert_int_equal(m.files.version, 12);
	assert_int_equal(m.files.renew_s, 1700000030);
	drop_made(&m);
	drop(&w);
}

/* A3: chargers take the newest such moment for the least the time can be. */
static void a_timestamp_says_when_it_was_signed(void **state)
{
	struct world w;
	struct made m;
	struct vs_why why;
	json_t *file;

	set_up(&w);
	make(*state, &w, "1.1.0", &m);
	assert_int_equal(vs_json_parse(m.files.timestamp.bytes,
	                               m.files.timestamp.len, 1 << 20, &file,
	                               &why),
	                 VS_OK);
	const json_t *body = json_object_get(file, "signed");
	assert_string_equal(json_string_value(json_object_get(body, "issued")),
	                    "2023-11-14T22:13:20Z");
	assert_string_equal(json_string_value(json_object_get(body, "expires")),
	                    "2023-11-14T22:14:20Z");
	json_decref(file);
	drop_made(&m);
	drop(&w);
}

static void other_hardware_is_left_out(void **state)
{
	struct world w;
	struct made m;

	set_up(&w);
	const json_t *body = make(*state, &w, "1.2.0", &m);
	assert_int_equal(json_object_size(json_object_get(body, "targets")), 0);
	drop_made(&m);
	snprintf(w.ecus[1].hardware, sizeof(w.ecus[1].hardware), "%s",
	         "em-rev2");
	body = make(*state, &w, "1.1.0", &m);
	assert_int_equal(json_object_size(json_object_get(body, "targets")), 1);
	drop_made(&m);
	drop(&w);
}

static void without_a_release_the_list_is_empty_and_signed(void **state)
{
	struct world w;
	struct made m;

	set_up(&w);
	const json_t *body = make(*state, &w, "", &m);
	assert_int_equal(json_object_size(json_object_get(body, "targets")), 0);
	assert_int_equal(
		json_array_size(json_object_get(m.whole, "signatures")), 1);
	drop_made(&m);
	drop(&w);
}

/* S0.44: which key signs which role is what a root says. */
static void keys_that_the_root_does_not_name_sign_nothing(void **state)
{
	struct world w;
	struct made m;
	struct vs_director none;
	struct vs_why why;
	const struct vs_director_order order = {.vehicle = "CP-0001",
	                                        .release = "",
	                                        .campaign = "",
	                                        .version = 1,
	                                        .ttl_s = 9,
	                                        .timestamp_ttl_s = 9};

	set_up(&w);
	make(*state, &w, "", &m);
	m.signers.timestamp.threshold = 2;
	assert_false(vs_online_satisfies(&m.keys, &m.signers.timestamp));
	assert_true(vs_online_satisfies(&m.keys, &m.signers.snapshot));
	assert_int_equal(vs_director_make(&m.keys, &m.signers, &w.releases,
	                                  &order, &none, &why),
	                 VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_THRESHOLD);
	vs_director_drop(&none);
	drop_made(&m);
	drop(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_charger_is_named_what_it_was_assigned),
		cmocka_unit_test(a_charger_is_never_named_less_than_it_runs),
		cmocka_unit_test(a_release_runs_when_every_ecu_runs_it),
		cmocka_unit_test(a_release_for_other_hardware_does_not_fit),
		cmocka_unit_test(
			a_release_that_is_not_general_is_for_chargers_with_the_tag),
		cmocka_unit_test(versions_are_the_successor_or_the_clock),
		cmocka_unit_test_setup_teardown(
			a_director_names_each_target_and_its_ecu, scratch_make,
			scratch_remove),
		cmocka_unit_test_setup_teardown(
			a_timestamp_says_when_it_was_signed, scratch_make,
			scratch_remove),
		cmocka_unit_test_setup_teardown(other_hardware_is_left_out,
	                                        scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(
			without_a_release_the_list_is_empty_and_signed,
			scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(
			keys_that_the_root_does_not_name_sign_nothing,
			scratch_make, scratch_remove),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/refuse_test.c - bad answers of a server are refused, each for
 * its own reason, and never keep the agent from the honest ones after them.
 *
 * S3.12
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/deliver.h"
#include "agent/run/update.h"
#include "tests/agent/visit.h"
#include "trust/digest.h"

/* A1 */
static void a_timestamp_of_another_key_is_refused(void **state)
{
	(void)state;
	visit.server.director.role[R_TIMESTAMP].at[0] = 9;
	server_publish(&visit.server);
	visit_must_refuse(VS_REASON_THRESHOLD, "director/timestamp.json");
	visit.server.director.role[R_TIMESTAMP].at[0] = 3;
	visit_must_go_on();
}

/* A3 */
static void frozen_metadata_is_refused(void **state)
{
	(void)state;
	visit.server.director.expires[R_TIMESTAMP] = NOW - 1;
	server_publish(&visit.server);
	visit_must_refuse(VS_REASON_EXPIRED, "director/timestamp.json");
	visit.server.director.expires[R_TIMESTAMP] = NOW + DAY;
	visit_must_go_on();
}

/* A2 */
static void metadata_of_before_is_refused(void **state)
{
	struct memfile old =
		*repo_served(&visit.server.image, "timestamp.json");
	uint8_t *bytes = malloc(old.len);

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, old.bytes, old.len);
	server_publish(&visit.server);
	visit_look();
	repo_serve(&visit.server.image, "timestamp.json", bytes, old.len);
	visit_must_refuse(VS_REASON_ROLLBACK, "image/timestamp.json");
	free(bytes);
	visit_must_go_on();
}

/* A16 */
static void the_file_of_another_charger_is_refused(void **state)
{
	json_t *targets = visit.server.director.targets;
	char about[64];

	(void)state;
	json_object_set_new(targets, "vehicleIdentifier",
	                    json_string("CP-0002"));
	server_offer(&visit.server, &visit.gateway_3, NULL);
	server_publish(&visit.server);
	snprintf(about, sizeof(about), "director/%u.targets.json",
	         (unsigned)visit.server.director.version[R_TARGETS]);
	visit_must_refuse(VS_REASON_WRONG_VEHICLE, about);
	json_object_set_new(targets, "vehicleIdentifier",
	                    json_string("CP-0001"));
	visit_must_go_on();
}

/* S0.18 */
static void an_old_release_is_refused(void **state)
{
	(void)state;
	server_offer(&visit.server, &visit.gateway_1, NULL);
	server_publish(&visit.server);
	visit_look();
	assert_true(visit.server.heard->refused[VS_REASON_RELEASE_ROLLBACK]);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	visit_must_go_on();
}

/* A14: one repository alone. */
static void what_only_the_director_names_is_refused(void **state)
{
	(void)state;
	server_offer(&visit.server, &visit.gateway_3, NULL);
	json_object_clear(
		json_object_get(visit.server.image.targets, "targets"));
	server_publish(&visit.server);
	visit_look();
	assert_true(visit.server.heard->refused[VS_REASON_NOT_IN_BOTH]);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	visit_must_go_on();
}

/* S0.14 */
static void a_seal_with_a_flipped_bit_is_refused(void **state)
{
	(void)state;
	server_offer(&visit.server, &visit.gateway_3, NULL);
	server_publish(&visit.server);
	visit.gateway_3.seal[600] ^= 1;
	visit_must_refuse(VS_REASON_HASH_MISMATCH,
	                  "targets/gateway/1.3.0.seal");
	visit.gateway_3.seal[600] ^= 1;
	visit_must_go_on();
}

/* A1: the attacker owns both repositories' keys, but not the boot keys. */
static void a_seal_that_too_few_people_signed_is_refused(void **state)
{
	struct made forged = visit.gateway_3;
	uint8_t *seal = malloc(visit.gateway_3.seal_len);
	char hex[VS_DIGEST_HEX_MAX];

	(void)state;
	assert_non_null(seal);
	memcpy(seal, visit.gateway_3.seal, visit.gateway_3.seal_len);
	seal[VS_SEAL_HEADER_LEN + 100] ^= 1;
	forged.seal = seal;
	assert_int_equal(vs_digest_hex("sha256", seal, forged.seal_len, hex),
	                 VS_OK);
	memcpy(forged.sha256, hex, sizeof(forged.sha256));
	server_offer(&visit.server, &forged, NULL);
	server_publish(&visit.server);
	visit_look();
	assert_true(visit.server.heard->refused[VS_REASON_SEAL_SIGNATURE]);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	free(seal);
	visit_must_go_on();
}

/* S0.14 */
static void a_pack_of_other_bytes_is_refused(void **state)
{
	size_t middle = visit.gateway_3.pack_len / 2;

	(void)state;
	server_offer(&visit.server, &visit.gateway_3, NULL);
	server_publish(&visit.server);
	for (size_t i = 0; i < 64; i++)
		visit.gateway_3.pack[middle + i] ^= 0x55;
	visit_look();
	assert_true(visit.server.heard->refused[VS_REASON_CLUSTER_MISMATCH] ||
	            visit.server.heard->refused[VS_REASON_MALFORMED]);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	for (size_t i = 0; i < 64; i++)
		visit.gateway_3.pack[middle + i] ^= 0x55;
	visit_must_go_on();
}

/* A5 */
static void what_is_no_metadata_at_all_is_refused(void **state)
{
	static char large[64 * 1024];

	(void)state;
	repo_serve(&visit.server.director, "timestamp.json",
	           "{\"signed\": ", 11);
	visit_must_refuse(VS_REASON_MALFORMED, "director/timestamp.json");
	memset(large, ' ', sizeof(large));
	repo_serve(&visit.server.director, "timestamp.json", large,
	           sizeof(large));
	visit_must_refuse(VS_REASON_TOO_LARGE, "director/timestamp.json");
	visit_must_go_on();
}

/* A4: who owned the online keys can have signed any version; the report says
 * which is the highest that the charger has believed, so that the honest
 * server can go above it.
 */
static void versions_far_ahead_are_healed_by_the_report(void **state)
{
	struct repo *d = &visit.server.director;

	(void)state;
	server_offer(&visit.server, &visit.gateway_3, NULL);
	json_object_set_new(d->targets, "vehicleIdentifier",
	                    json_string("CP-0002"));
	d->version[R_TARGETS] = 7000000;
	d->version[R_SNAPSHOT] = 9000000;
	d->version[R_TIMESTAMP] = 1000;
	repo_publish_files(d);
	visit_must_refuse(VS_REASON_WRONG_VEHICLE,
	                  "director/7000000.targets.json");
	assert_int_equal(visit.server.heard->last.director_version, 9000000);
	json_object_set_new(d->targets, "vehicleIdentifier",
	                    json_string("CP-0001"));
	/* the honest server, before it has heard of it */
	server_heal(&visit.server, 10);
	visit_must_refuse(VS_REASON_ROLLBACK, "director/timestamp.json");
	assert_int_equal(visit.server.heard->last.director_version, 9000000);
	visit_must_go_on();
}

/* The same over a restart: the versions are on the disk. */
static void a_restarted_agent_tells_its_versions_before_it_looks(void **state)
{
	uint64_t version = visit.server.heard->last.director_version;

	(void)state;
	assert_true(version > 1);
	life_close(&visit.life);
	memset(&visit.server.heard->last, 0, sizeof(visit.server.heard->last));
	life_open(&visit.life);
	visit.life.agent->report_at = 0;
	vs_agent_deliver(visit.life.agent);
	assert_int_equal(visit.server.heard->last.director_version, version);
}

/* S0.28 */
static void a_server_that_is_down_is_no_refusal(void **state)
{
	(void)state;
	visit.server.down = true;
	for (int i = 0; i < 3; i++)
		visit_look();
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	assert_int_equal(visit.life.agent->state.outbox.count, 0);
	assert_int_equal(visit.life.agent->poll_failures, 3);
	visit.server.down = false;
	visit_must_go_on();
}

/* So that a server restored from a backup goes above both. */
static void how_far_the_image_repository_came_is_told(void **state)
{
	const struct vs_report *last = &visit.server.heard->last;
	struct repo *image = &visit.server.image;
	uint64_t version = image->version[R_TIMESTAMP];

	(void)state;
	assert_true(version > 0);
	assert_int_equal(last->image_version, version);
	assert_int_equal(last->image_snapshot_version,
	                 image->version[R_SNAPSHOT]);
	server_publish(&visit.server);
	visit_look();
	assert_int_equal(last->image_version, version + 1);
	visit.server.down = true;
	visit_restart();
	visit.server.down = false;
	visit.life.agent->report_at = 0;
	vs_agent_deliver(visit.life.agent);
	assert_int_equal(last->image_version, version + 1);
	assert_int_equal(last->image_snapshot_version,
	                 image->version[R_SNAPSHOT]);
}

/* One after the other, and then the honest one. */
static void any_number_of_refusals_is_no_wedge(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		server_offer(&visit.server,
		             i % 2 ? &visit.gateway_1 : &visit.gateway_3, NULL);
		visit.server.director.expires[R_TIMESTAMP] =
			i % 3 == 0 ? NOW - 1 : NOW + DAY;
		server_publish(&visit.server);
		if (i % 5 == 0)
			repo_serve(&visit.server.image, "timestamp.json", "[]",
			           2);
		visit.gateway_3.seal[700] ^= 1;
		visit_look();
		visit.gateway_3.seal[700] ^= 1;
		assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
		assert_int_equal(visit.life.agent->state.outbox.count, 0);
	}
	visit.server.director.expires[R_TIMESTAMP] = NOW + DAY;
	assert_false(visit.server.heard->bad);
	visit_must_go_on();
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, visit_begin, visit_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(a_timestamp_of_another_key_is_refused),
		EACH(frozen_metadata_is_refused),
		EACH(metadata_of_before_is_refused),
		EACH(the_file_of_another_charger_is_refused),
		EACH(an_old_release_is_refused),
		EACH(what_only_the_director_names_is_refused),
		EACH(a_seal_with_a_flipped_bit_is_refused),
		EACH(a_seal_that_too_few_people_signed_is_refused),
		EACH(a_pack_of_other_bytes_is_refused),
		EACH(what_is_no_metadata_at_all_is_refused),
		EACH(versions_far_ahead_are_healed_by_the_report),
		EACH(a_restarted_agent_tells_its_versions_before_it_looks),
		EACH(a_server_that_is_down_is_no_refusal),
		EACH(how_far_the_image_repository_came_is_told),
		EACH(any_number_of_refusals_is_no_wedge),
	};

	return cmocka_run_group_tests_name("agent refuse", tests, visit_setup,
	                                   visit_teardown);
}

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

#include "agent/deliver.h"
#include "agent/update.h"
#include "base/file.h"
#include "tests/agent/life.h"
#include "tests/agent/power.h"
#include "trust/digest.h"

#define GATEWAY_LEN ((size_t)VS_CLUSTER_LEN + 5000)
#define CONTROLLER_LEN 9000

static struct maker maker;
static struct server server;
static struct made gateway_1, gateway_2, gateway_3, controller_2;
static struct life life;

static bool never(const struct vs_agent *a)
{
	(void)a;
	return false;
}

static int setup(void **state)
{
	uint8_t *image = malloc(GATEWAY_LEN);

	(void)state;
	assert_non_null(image);
	power_set_time(NOW);
	maker_init(&maker);
	noise(image, GATEWAY_LEN, 1);
	maker_seal(&maker, &gateway_1, "gateway", 1, 1, image, GATEWAY_LEN);
	maker_seal(&maker, &gateway_2, "gateway", 2, 1, image, GATEWAY_LEN);
	noise(image, GATEWAY_LEN, 2);
	maker_seal(&maker, &gateway_3, "gateway", 3, 1, image, GATEWAY_LEN);
	maker_seal(&maker, &controller_2, "controller", 2, 1, image,
	           CONTROLLER_LEN);
	free(image);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	made_drop(&gateway_1);
	made_drop(&gateway_2);
	made_drop(&gateway_3);
	made_drop(&controller_2);
	maker_drop(&maker);
	return 0;
}

/* A charger on release 2 that has seen an honest server once. */
static int begin(void **state)
{
	(void)state;
	maker_charger(&maker, &gateway_2, &controller_2, 1);
	server_init(&server);
	server_provision(&server, &maker);
	server_offer(&server, &gateway_2, NULL);
	server_publish(&server);
	life_configure(&maker);
	life = (struct life){
		.maker = &maker, .server = &server, .done = never, .sick = -1};
	life_look(&life);
	assert_int_equal(life.agent->state.phase, VS_PHASE_IDLE);
	assert_string_equal(server.heard->last.status, "Idle");
	return 0;
}

static int end(void **state)
{
	(void)state;
	life_close(&life);
	server_drop(&server);
	maker_scrap_charger(&maker);
	return 0;
}

static void look(void)
{
	vs_agent_poll(life.agent);
	life.agent->report_at = 0;
	vs_agent_deliver(life.agent);
}

/* Refused for this reason, said so to the server, and nothing is begun. */
static void must_refuse(vs_reason reason, const char *about)
{
	memset(server.heard->refused, 0, sizeof(server.heard->refused));
	look();
	if (!server.heard->refused[reason])
		fail_msg("not refused as %s", vs_reason_name(reason));
	assert_int_equal(life.agent->state.phase, VS_PHASE_IDLE);
	for (size_t i = 0; i < life.agent->state.outbox.seen_count; i++)
		if (life.agent->state.outbox.seen[i].reason == reason &&
		    strcmp(life.agent->state.outbox.seen[i].about, about) == 0)
			return;
	fail_msg("nothing is said about %s", about);
}

/* The honest server is back: its release is taken and written. */
static void must_go_on(void)
{
	server_offer(&server, &gateway_3, NULL);
	server_heal(&server, server.heard->last.director_version);
	look();
	assert_int_equal(life.agent->state.phase, VS_PHASE_WAITING);
	assert_true(life_holds(&maker, "charger/slot-b/gateway", &gateway_3));
	assert_true(
		life_holds(&maker, "charger/slot-b/controller", &controller_2));
}

/* A1 */
static void a_timestamp_of_another_key_is_refused(void **state)
{
	(void)state;
	server.director.role[R_TIMESTAMP].at[0] = 9;
	server_publish(&server);
	must_refuse(VS_REASON_THRESHOLD, "director/timestamp.json");
	server.director.role[R_TIMESTAMP].at[0] = 3;
	must_go_on();
}

/* A3 */
static void frozen_metadata_is_refused(void **state)
{
	(void)state;
	server.director.expires[R_TIMESTAMP] = NOW - 1;
	server_publish(&server);
	must_refuse(VS_REASON_EXPIRED, "director/timestamp.json");
	server.director.expires[R_TIMESTAMP] = NOW + DAY;
	must_go_on();
}

/* A2 */
static void metadata_of_before_is_refused(void **state)
{
	struct memfile old = *repo_served(&server.image, "timestamp.json");
	uint8_t *bytes = malloc(old.len);

	(void)state;
	assert_non_null(bytes);
	memcpy(bytes, old.bytes, old.len);
	server_publish(&server);
	look();
	repo_serve(&server.image, "timestamp.json", bytes, old.len);
	must_refuse(VS_REASON_ROLLBACK, "image/timestamp.json");
	free(bytes);
	must_go_on();
}

/* A16 */
static void the_file_of_another_charger_is_refused(void **state)
{
	json_t *targets = server.director.targets;
	char about[64];

	(void)state;
	json_object_set_new(targets, "vehicleIdentifier",
	                    json_string("CP-0002"));
	server_offer(&server, &gateway_3, NULL);
	server_publish(&server);
	snprintf(about, sizeof(about), "director/%u.targets.json",
	         (unsigned)server.director.version[R_TARGETS]);
	must_refuse(VS_REASON_WRONG_VEHICLE, about);
	json_object_set_new(targets, "vehicleIdentifier",
	                    json_string("CP-0001"));
	must_go_on();
}

/* S0.18 */
static void an_old_release_is_refused(void **state)
{
	(void)state;
	server_offer(&server, &gateway_1, NULL);
	server_publish(&server);
	look();
	assert_true(server.heard->refused[VS_REASON_RELEASE_ROLLBACK]);
	assert_int_equal(life.agent->state.phase, VS_PHASE_IDLE);
	must_go_on();
}

/* A14: one repository alone. */
static void what_only_the_director_names_is_refused(void **state)
{
	(void)state;
	server_offer(&server, &gateway_3, NULL);
	json_object_clear(json_object_get(server.image.targets, "targets"));
	server_publish(&server);
	look();
	assert_true(server.heard->refused[VS_REASON_NOT_IN_BOTH]);
	assert_int_equal(life.agent->state.phase, VS_PHASE_IDLE);
	must_go_on();
}

/* S0.14 */
static void a_seal_with_a_flipped_bit_is_refused(void **state)
{
	(void)state;
	server_offer(&server, &gateway_3, NULL);
	server_publish(&server);
	gateway_3.seal[600] ^= 1;
	must_refuse(VS_REASON_HASH_MISMATCH, "targets/gateway/1.3.0.seal");
	gateway_3.seal[600] ^= 1;
	must_go_on();
}

/* A1: the attacker owns both repositories' keys, but not the boot keys. */
static void a_seal_that_too_few_people_signed_is_refused(void **state)
{
	struct made forged = gateway_3;
	uint8_t *seal = malloc(gateway_3.seal_len);
	char hex[VS_DIGEST_HEX_MAX];

	(void)state;
	assert_non_null(seal);
	memcpy(seal, gateway_3.seal, gateway_3.seal_len);
	seal[VS_SEAL_HEADER_LEN + 100] ^= 1;
	forged.seal = seal;
	assert_int_equal(vs_digest_hex("sha256", seal, forged.seal_len, hex),
	                 VS_OK);
	memcpy(forged.sha256, hex, sizeof(forged.sha256));
	server_offer(&server, &forged, NULL);
	server_publish(&server);
	look();
	assert_true(server.heard->refused[VS_REASON_SEAL_SIGNATURE]);
	assert_int_equal(life.agent->state.phase, VS_PHASE_IDLE);
	free(seal);
	must_go_on();
}

/* S0.14 */
static void a_pack_of_other_bytes_is_refused(void **state)
{
	size_t middle = gateway_3.pack_len / 2;

	(void)state;
	server_offer(&server, &gateway_3, NULL);
	server_publish(&server);
	for (size_t i = 0; i < 64; i++)
		gateway_3.pack[middle + i] ^= 0x55;
	look();
	assert_true(server.heard->refused[VS_REASON_CLUSTER_MISMATCH] ||
	            server.heard->refused[VS_REASON_MALFORMED]);
	assert_int_equal(life.agent->state.phase, VS_PHASE_IDLE);
	for (size_t i = 0; i < 64; i++)
		gateway_3.pack[middle + i] ^= 0x55;
	must_go_on();
}

/* A5 */
static void what_is_no_metadata_at_all_is_refused(void **state)
{
	static char large[64 * 1024];

	(void)state;
	repo_serve(&server.director, "timestamp.json", "{\"signed\": ", 11);
	must_refuse(VS_REASON_MALFORMED, "director/timestamp.json");
	memset(large, ' ', sizeof(large));
	repo_serve(&server.director, "timestamp.json", large, sizeof(large));
	must_refuse(VS_REASON_TOO_LARGE, "director/timestamp.json");
	must_go_on();
}

/* A4: who owned the online keys can have signed any version; the report says
 * which is the highest that the charger has believed, so that the honest
 * server can go above it.
 */
static void versions_far_ahead_are_healed_by_the_report(void **state)
{
	struct repo *d = &server.director;

	(void)state;
	server_offer(&server, &gateway_3, NULL);
	json_object_set_new(d->targets, "vehicleIdentifier",
	                    json_string("CP-0002"));
	d->version[R_TARGETS] = 7000000;
	d->version[R_SNAPSHOT] = 9000000;
	d->version[R_TIMESTAMP] = 1000;
	repo_publish_files(d);
	must_refuse(VS_REASON_WRONG_VEHICLE, "director/7000000.targets.json");
	assert_int_equal(server.heard->last.director_version, 9000000);
	json_object_set_new(d->targets, "vehicleIdentifier",
	                    json_string("CP-0001"));
	/* the honest server, before it has heard of it */
	server_heal(&server, 10);
	must_refuse(VS_REASON_ROLLBACK, "director/timestamp.json");
	assert_int_equal(server.heard->last.director_version, 9000000);
	must_go_on();
}

/* The same over a restart: the versions are on the disk. */
static void a_restarted_agent_tells_its_versions_before_it_looks(void **state)
{
	uint64_t version = server.heard->last.director_version;

	(void)state;
	assert_true(version > 1);
	life_close(&life);
	memset(&server.heard->last, 0, sizeof(server.heard->last));
	life_open(&life);
	life.agent->report_at = 0;
	vs_agent_deliver(life.agent);
	assert_int_equal(server.heard->last.director_version, version);
}

/* S0.28 */
static void a_server_that_is_down_is_no_refusal(void **state)
{
	(void)state;
	server.down = true;
	for (int i = 0; i < 3; i++)
		look();
	assert_int_equal(life.agent->state.phase, VS_PHASE_IDLE);
	assert_int_equal(life.agent->state.outbox.count, 0);
	assert_int_equal(life.agent->poll_failures, 3);
	server.down = false;
	must_go_on();
}

/* One after the other, and then the honest one. */
static void any_number_of_refusals_is_no_wedge(void **state)
{
	(void)state;
	for (int i = 0; i < 40; i++) {
		server_offer(&server, i % 2 ? &gateway_1 : &gateway_3, NULL);
		server.director.expires[R_TIMESTAMP] =
			i % 3 == 0 ? NOW - 1 : NOW + DAY;
		server_publish(&server);
		if (i % 5 == 0)
			repo_serve(&server.image, "timestamp.json", "[]", 2);
		gateway_3.seal[700] ^= 1;
		look();
		gateway_3.seal[700] ^= 1;
		assert_int_equal(life.agent->state.phase, VS_PHASE_IDLE);
		assert_int_equal(life.agent->state.outbox.count, 0);
	}
	server.director.expires[R_TIMESTAMP] = NOW + DAY;
	assert_false(server.heard->bad);
	must_go_on();
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, begin, end)

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
		EACH(any_number_of_refusals_is_no_wedge),
	};

	return cmocka_run_group_tests_name("agent refuse", tests, setup,
	                                   teardown);
}

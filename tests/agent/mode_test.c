/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/mode_test.c - a charger in production finds a demo key wherever
 * it would believe one.
 *
 * S0.6
 */
#include <openssl/ec.h>
#include <openssl/pem.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "agent/believe/mode.h"
#include "base/file.h"
#include "base/pem.h"
#include "tests/agent/maker.h"
#include "tests/trust/log.h"
#include "tests/trust/repo.h"

static struct maker maker;
static struct made gateway, controller;
static EVP_PKEY *own, *demo;

static bool in_production;
static const char conf[] = "server_url = https://127.0.0.1:1\n"
			   "ca_file = ca.pem\n"
			   "cert_file = ca.pem\n"
			   "device_key = file:device.key\n"
			   "mode = development\n";

static int group_set_up(void **state)
{
	const uint8_t secret[32] = {1};
	uint8_t image[9000];

	(void)state;
	own = EVP_EC_gen("P-256");
	demo = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret, 32);
	maker_init(&maker);
	noise(image, sizeof(image), 1);
	maker_seal(&maker, &gateway, "gateway", 1, 1, image, sizeof(image));
	maker_seal(&maker, &controller, "controller", 1, 1, image, 4000);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	EVP_PKEY_free(own);
	EVP_PKEY_free(demo);
	made_drop(&gateway);
	made_drop(&controller);
	maker_drop(&maker);
	return 0;
}

/* A root whose keys are the tests', or nobody else's. */
static void put_root(const char *name, bool published)
{
	struct repo *r = calloc(1, sizeof(*r));
	const struct memfile *root;

	assert_non_null(r);
	repo_init(r);
	for (size_t i = 0; i < KEYS && !published; i++) {
		EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");

		vs_key_drop(&r->keys[i]);
		EVP_PKEY_free(r->secret[i]);
		r->secret[i] = key;
		assert_int_equal(vs_key_from_pkey(key, &r->keys[i]), VS_OK);
	}
	repo_publish_root(r);
	root = repo_served(r, "1.root.json");
	maker_put(&maker, name, root->bytes, root->len);
	repo_drop(r);
	free(r);
}

static void put_key(EVP_PKEY *key)
{
	char path[PATH_MAX];
	FILE *f = fopen(maker_path(&maker, "charger/device.key", path), "w");

	assert_non_null(f);
	assert_int_equal(
		PEM_write_PrivateKey(f, key, NULL, NULL, 0, NULL, NULL), 1);
	assert_int_equal(fclose(f), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* A key of somebody's own, of that type. */
static struct vs_vkey fresh_vkey(const char *name, enum vs_note_type type)
{
	EVP_PKEY *key = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	struct vs_vkey out;
	uint8_t raw[32];
	size_t len = sizeof(raw);

	assert_int_equal(EVP_PKEY_get_raw_public_key(key, raw, &len), 1);
	assert_int_equal(vs_vkey_make(name, type, raw, &out, NULL), VS_OK);
	EVP_PKEY_free(key);
	return out;
}

static void put_policy(const struct vs_vkey *log, const struct vs_vkey *witness)
{
	char first[VS_VKEY_LEN], second[VS_VKEY_LEN], text[2048];
	int n;

	vs_vkey_encode(log, first);
	vs_vkey_encode(witness, second);
	n = snprintf(text, sizeof(text),
	             "log %s\nwitness w %s\ngroup g any w\nquorum g\n", first,
	             second);
	maker_put(&maker, "charger/tlog-policy", text, (size_t)n);
}

static int set_up(void **state)
{
	const struct vs_vkey log = fresh_vkey(LOG_ORIGIN, VS_NOTE_ED25519);
	const struct vs_vkey w = fresh_vkey("w.example", VS_NOTE_COSIGNER);
	char path[PATH_MAX];

	(void)state;
	maker_charger(&maker, &gateway, &controller, 1);
	maker_put(&maker, "charger/agent.conf", conf, sizeof(conf) - 1);
	maker_certificate(&maker, own, "charger/ca.pem");
	put_key(own);
	assert_int_equal(
		vs_file_mkdirs(
			maker_path(&maker, "charger/agent/director", path),
			0700),
		VS_OK);
	assert_int_equal(
		vs_file_mkdirs(maker_path(&maker, "charger/agent/image", path),
	                       0700),
		VS_OK);
	put_root("charger/agent/director/root.json", false);
	put_root("charger/agent/image/root.json", false);
	put_policy(&log, &w);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	maker_scrap_charger(&maker);
	return 0;
}

/* The id of the P-256 key whose secret is 1. */
static void take_demo_id(uint8_t id[static VS_SHA256_LEN])
{
	EC_GROUP *group = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	uint8_t point[VS_P256_KEY_LEN];

	assert_int_equal(EC_POINT_point2oct(group,
	                                    EC_GROUP_get0_generator(group),
	                                    POINT_CONVERSION_UNCOMPRESSED,
	                                    point, sizeof(point), NULL),
	                 sizeof(point));
	assert_int_equal(
		EVP_Digest(point, sizeof(point), id, NULL, EVP_sha256(), NULL),
		1);
	EC_GROUP_free(group);
}

/* What the charger says in a mode; "" if it starts. */
static const char *judged(bool as_demo, bool demo_ring)
{
	static char error[VS_ERROR_LEN];
	struct vs_charger c;
	struct vs_conf settings;
	struct vs_logged log;
	char dir[PATH_MAX];
	vs_status status;

	error[0] = '\0';
	maker_path(&maker, "charger", dir);
	assert_int_equal(vs_charger_open_blank(&c, dir, error), VS_OK);
	assert_int_equal(vs_conf_load(dir, &settings, error), VS_OK);
	assert_int_equal(vs_logged_open(&log, dir, error), VS_OK);
	assert_false(settings.demo);
	settings.demo = as_demo;
	settings.development = as_demo || !in_production;
	if (demo_ring)
		take_demo_id(c.built_in.keys[1].id);
	status = vs_mode_check(&c, &settings, &log, error);
	assert_int_equal(status == VS_OK, error[0] == '\0');
	vs_logged_close(&log);
	vs_conf_drop(&settings);
	vs_charger_close(&c);
	return error;
}

/* S0.22 */
static void a_device_key_in_a_file_is_for_development_alone(void **state)
{
	(void)state;
	assert_string_equal(judged(false, false), "");
	in_production = true;
	assert_non_null(strstr(judged(false, false), "device_key: a file"));
	in_production = false;
	assert_string_equal(judged(true, false), "");
}

static void must_find(const char *file)
{
	if (!strstr(judged(false, false), file) ||
	    !strstr(judged(false, false), "a demo key"))
		fail_msg("%s: %s", file, judged(false, false));
	assert_string_equal(judged(true, false), "");
}

static void keys_of_ones_own_are_believed(void **state)
{
	(void)state;
	assert_string_equal(judged(false, false), "");
}

static void a_demo_boot_key_is_found(void **state)
{
	(void)state;
	assert_non_null(strstr(judged(false, true), "keyring: a demo key"));
	assert_string_equal(judged(true, true), "");
}

static void a_demo_root_is_found(void **state)
{
	(void)state;
	put_root("charger/agent/image/root.json", true);
	must_find("agent/image/root.json");
	put_root("charger/agent/director/root.json", true);
	must_find("agent/director/root.json");
}

static void a_demo_log_is_found(void **state)
{
	struct signer known = signer_make(LOG_ORIGIN, VS_NOTE_ED25519, 1);
	struct vs_vkey w = fresh_vkey("w.example", VS_NOTE_COSIGNER);

	(void)state;
	put_policy(&known.vkey, &w);
	must_find("tlog-policy");
	signer_drop(&known);
}

static void a_demo_witness_is_found(void **state)
{
	struct signer known = signer_make("w.example", VS_NOTE_COSIGNER, 20);
	struct vs_vkey log = fresh_vkey(LOG_ORIGIN, VS_NOTE_ED25519);

	(void)state;
	put_policy(&log, &known.vkey);
	must_find("tlog-policy");
	signer_drop(&known);
}

static void a_demo_ca_is_found(void **state)
{
	(void)state;
	maker_certificate(&maker, demo, "charger/ca.pem");
	must_find("ca.pem");
}

static void a_demo_device_key_is_found(void **state)
{
	(void)state;
	put_key(demo);
	must_find("device.key");
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(keys_of_ones_own_are_believed),
		EACH(a_device_key_in_a_file_is_for_development_alone),
		EACH(a_demo_boot_key_is_found),
		EACH(a_demo_root_is_found),
		EACH(a_demo_log_is_found),
		EACH(a_demo_witness_is_found),
		EACH(a_demo_ca_is_found),
		EACH(a_demo_device_key_is_found),
	};

	return cmocka_run_group_tests_name("agent mode", tests, group_set_up,
	                                   group_tear_down);
}

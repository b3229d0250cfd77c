/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/starve_test.c - no memory is never a yes.
 *
 * Every allocation of the room, of the JSON and of the crypto library is
 * counted; whichever of them fails: no crash, no leak, and never a yes that a
 * fed client would not give.  The linker puts scarce ones in the place of
 * malloc() and its kin (meson.build).
 */
#include "tests/trust/uptane_world.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/json.h"
#include "trust/report.h"

static long left = LONG_MAX; /* allocations until one fails */
static bool failed, paused;

/* The names that ld --wrap asks for, under names that are ours. */
void *full_malloc(size_t size) __asm__("__real_malloc");
void *full_calloc(size_t count, size_t size) __asm__("__real_calloc");
void *full_realloc(void *at, size_t size) __asm__("__real_realloc");
char *full_strdup(const char *text) __asm__("__real_strdup");
void *scarce_malloc(size_t size) __asm__("__wrap_malloc");
void *scarce_calloc(size_t count, size_t size) __asm__("__wrap_calloc");
void *scarce_realloc(void *at, size_t size) __asm__("__wrap_realloc");
char *scarce_strdup(const char *text) __asm__("__wrap_strdup");

/* Only one fails: what goes on after it is what is looked at. */
static bool scarce(void)
{
	bool now = !paused && left-- == 0;

	failed = failed || now;
	return now;
}

void *scarce_malloc(size_t size)
{
	return scarce() ? NULL : full_malloc(size);
}

void *scarce_calloc(size_t count, size_t size)
{
	return scarce() ? NULL : full_calloc(count, size);
}

void *scarce_realloc(void *at, size_t size)
{
	return scarce() ? NULL : full_realloc(at, size);
}

char *scarce_strdup(const char *text)
{
	return scarce() ? NULL : full_strdup(text);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return malloc(size);
}

static void *crypto_realloc(void *at, size_t size, const char *file, int line)
{
	(void)file;
	(void)line;
	return realloc(at, size);
}

static void crypto_free(void *at, const char *file, int line)
{
	(void)file;
	(void)line;
	free(at);
}

/* The repositories' own work is not starved. */

static struct repo *repo;
static struct vs_tuf_ops full;
static bool keep_stored; /* the client has been there before */

static vs_status fetch(void *ctx, const char *name, size_t max, uint8_t **out,
                       size_t *len)
{
	vs_status status;

	paused = true;
	status = full.fetch(ctx, name, max, out, len);
	paused = false;
	return status;
}

static vs_status load(void *ctx, const char *role, uint8_t **out, size_t *len)
{
	vs_status status;

	paused = true;
	status = full.load(ctx, role, out, len);
	paused = false;
	return status;
}

static vs_status store(void *ctx, const char *role, const uint8_t *in,
                       size_t len)
{
	vs_status status;

	paused = true;
	status = full.store(ctx, role, in, len);
	paused = false;
	return status;
}

/* A repository whose client has only a root; a delegated role names "a". */
static void prepare(void **state)
{
	struct extra *x;

	repo = *state;
	full = repo->ops;
	x = repo_add_role(repo, "release", 7);
	repo_add_target(x->body, "a", "bytes", json_pack("{s:i}", "n", 1));
	repo_delegate(repo, NULL, "release", 7, "*", false);
	repo_publish_files(repo);
}

/* The whole way from the root to a target's bytes and URL. */
static vs_status walk(void)
{
	struct vs_tuf_ops ops = {repo, fetch, load, store, repo->ops.remove};
	static const char *const roles[] = {"timestamp", "snapshot", "targets",
	                                    "release"};
	struct vs_target target;
	struct vs_tuf *t = NULL;
	char *url = NULL, *name = NULL;
	vs_status status;

	repo->requests[0] = repo->events[0] = '\0';
	for (size_t i = 0; !keep_stored && i < sizeof roles / sizeof *roles;
	     i++)
		(void)repo->ops.remove(repo, roles[i]);
	status = vs_tuf_open(&ops, NOW, &t, NULL);
	if (!status)
		status = vs_tuf_refresh(t, NULL);
	if (!status)
		status = vs_tuf_find(t, "a", &target, NULL);
	if (!status)
		status = vs_target_check(&target, (const uint8_t *)"bytes", 5,
		                         NULL);
	if (!status)
		status = vs_target_url(&target, true, &url, NULL);
	if (!status)
		status = vs_target_name(&target, true, &name, NULL);
	free(url);
	free(name);
	vs_tuf_close(&t);
	return status;
}

/* Fails the n-th allocation of work for every n that there is.  Refusals are
 * among what may come of it: jansson drops a byte of a string when its buffer
 * cannot grow, and the signature does not fit then.
 */
static long starve_few(vs_status (*work)(void), vs_status fed)
{
	long n = 0;

	assert_int_equal(work(), fed);
	do {
		vs_status status;

		failed = false;
		left = n++;
		status = work();
		left = LONG_MAX;
		if (status != fed && (status == VS_OK || !failed))
			fail_msg("allocation %ld: %s", n,
			         vs_status_name(status));
	} while (failed);
	assert_int_equal(work(), fed);
	return n;
}

static void starve(vs_status (*work)(void), vs_status fed)
{
	assert_true(starve_few(work, fed) > 10);
}

static void a_failing_allocation_does_no_harm(void **state)
{
	prepare(state);
	starve(walk, VS_OK);
}

static void a_failing_allocation_on_the_way_back_does_no_harm(void **state)
{
	prepare(state);
	keep_stored = true;
	starve(walk, VS_OK);
	keep_stored = false;
}

static void forge(struct repo *r, const char *file, struct vs_envelope *e)
{
	(void)r;
	if (strcmp(file, "release.json") == 0)
		json_object_set_new(
			json_array_get(json_object_get(e->whole, "signatures"),
		                       0),
			"sig", json_string("00"));
}

static void a_failing_allocation_is_never_a_yes(void **state)
{
	repo = *state;
	repo->spoil = forge;
	prepare(state);
	starve(walk, VS_ERR_REFUSED);
}

/* Adds so many of everything that lists have to grow. */
static vs_status add_many(json_t *targets, const struct vs_write_role *role)
{
	static const char *const paths[] = {"a/*", "b/*", "c/*", "d/*", "e/*",
	                                    "f/*", "g/*", "h/*", "i/*"};
	struct vs_write_role by = *role;
	char name[8];
	struct vs_write_file file = {name, 1, "bytes", 5};
	vs_status status = VS_OK;

	by.name = name;
	for (int i = 0; !status && i < 9; i++) {
		(void)snprintf(name, sizeof name, "x%d", i);
		status = vs_write_add_target(targets, &file,
		                             json_pack("{s:i}", "n", i));
		if (!status)
			status = vs_write_add_delegation(targets, &by, paths, 9,
			                                 true);
	}
	return status;
}

static vs_status sign_many(json_t *body)
{
	struct vs_envelope e;
	const uint8_t sig[64] = {0};
	char *text = NULL, id[8];
	size_t len;
	vs_status status = vs_envelope_new(body, &e);

	for (int i = 0; !status && i < 10; i++) {
		(void)snprintf(id, sizeof id, "key%d", i % 9);
		status = vs_envelope_add(&e, id, sig, sizeof sig);
	}
	if (!status)
		assert_int_equal(
			json_array_size(json_object_get(e.whole, "signatures")),
			9);
	if (!status)
		status = vs_envelope_encode(&e, &text, &len);
	free(text);
	vs_envelope_drop(&e);
	return status;
}

/* Writes one of everything. */
static vs_status write_all(void)
{
	static const char *const names[R_COUNT] = {"root", "timestamp",
	                                           "snapshot", "targets"};
	struct vs_write_role roles[R_COUNT];
	struct vs_write_file file = {"targets.json", 1, "bytes", 5};
	json_t *root = NULL, *targets = NULL, *snapshot = NULL, *stamp = NULL;
	vs_status status;

	for (size_t i = 0; i < R_COUNT; i++)
		roles[i] =
			(struct vs_write_role){names[i], &repo->keys[i], 1, 1};
	status = vs_write_root(1, NOW, roles, R_COUNT, &root);
	if (!status)
		status = vs_write_targets(1, NOW, &targets);
	if (!status)
		status = add_many(targets, &roles[0]);
	if (!status)
		status = vs_write_snapshot(1, NOW, &file, 1, &snapshot);
	file.name = "snapshot.json";
	if (!status)
		status = vs_write_timestamp(1, NOW - 60, NOW, &file, &stamp);
	if (!status)
		status = sign_many(json_incref(targets));
	json_decref(root);
	json_decref(targets);
	json_decref(snapshot);
	json_decref(stamp);
	return status;
}

static void a_failing_allocation_writes_nothing_half(void **state)
{
	repo = *state;
	starve(write_all, VS_OK);
}

/* Keys of every kind */

static struct vs_key known; /* made with memory enough */
static EVP_PKEY *secret;
static uint8_t signature[512];
static size_t signature_len;

static vs_status use_key(void)
{
	struct vs_key made = {0}, read = {0};
	vs_status status = vs_key_from_pkey(secret, &made);

	if (!status)
		status = vs_key_parse(known.object, &read, NULL);
	if (!status)
		status = vs_key_verify(&read, "message", 7, signature,
		                       signature_len);
	vs_key_drop(&made);
	vs_key_drop(&read);
	return status;
}

/* RSA signs with PSS; the digest of Ed25519 is its own. */
static void sign_message(void)
{
	int kind = EVP_PKEY_get_base_id(secret);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;

	signature_len = sizeof signature;
	assert_int_equal(EVP_DigestSignInit(
				 md, &ctx,
				 kind == EVP_PKEY_ED25519 ? NULL : EVP_sha256(),
				 NULL, secret),
	                 1);
	if (kind == EVP_PKEY_RSA)
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(
					 ctx, RSA_PKCS1_PSS_PADDING),
		                 1);
	assert_int_equal(EVP_DigestSign(md, signature, &signature_len,
	                                (const uint8_t *)"message", 7),
	                 1);
	EVP_MD_CTX_free(md);
}

static void a_starved_key_is_nobody_s_fault(void **state)
{
	static const char *const kinds[] = {"ED25519", "EC", "RSA"};

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		secret = i == 0   ? EVP_PKEY_Q_keygen(NULL, NULL, kinds[i])
		         : i == 1 ? EVP_PKEY_Q_keygen(NULL, NULL, kinds[i],
		                                      "P-256")
		                  : EVP_PKEY_Q_keygen(NULL, NULL, kinds[i],
		                                      (size_t)2048);
		assert_int_equal(vs_key_from_pkey(secret, &known), VS_OK);
		sign_message();
		starve(use_key, VS_OK);
		vs_key_drop(&known);
		EVP_PKEY_free(secret);
	}
}

/* Canonical JSON: the text must grow at every place it can. */

static json_t *value;
static char *whole;

static vs_status canonical(void)
{
	char *out;
	size_t len;
	vs_status status = vs_json_canonical(value, &out, &len);

	if (!status)
		assert_string_equal(out, whole);
	free(out);
	return status;
}

static void canonical_json_is_whole_or_not_there(void **state)
{
	char pad[80];
	size_t len;

	(void)state;
	for (int i = 0; i < 64; i++) {
		memset(pad, 'x', sizeof pad);
		pad[i] = '\0';
		value = json_pack("{s:[i, s, b, n], s:s, s:{}}", "list", -7,
		                  "a\\b\"", 1, pad, pad, "object");
		assert_int_equal(vs_json_canonical(value, &whole, &len), VS_OK);
		starve_few(canonical, VS_OK);
		free(whole);
		json_decref(value);
	}
}

/* A charger's offer, and its report */

static struct world *world;

static vs_status compare(void)
{
	vs_status status;

	vs_assignments_drop(&world->out);
	status = vs_uptane_check(world->d, world->i, &world->vehicle,
	                         &world->out, NULL);
	if (status)
		return status;
	assert_int_equal(world->out.count, 2);
	for (size_t i = 0; i < world->out.count; i++) {
		assert_non_null(world->out.at[i].path);
		assert_non_null(world->out.at[i].name);
		assert_int_equal(json_object_size(world->out.at[i].custom), 7);
	}
	return VS_OK;
}

static void a_starved_charger_takes_no_half_of_an_offer(void **state)
{
	(void)state;
	assert_int_equal(world_set_up((void **)&world), 0);
	assert_int_equal(world_check(world), VS_OK);
	starve(compare, VS_OK);
	assert_int_equal(world_tear_down((void **)&world), 0);
}

static vs_status sign_report(void *ctx, const uint8_t *message, size_t len,
                             uint8_t *sig, size_t *sig_len)
{
	EVP_MD_CTX *md;
	int ok;

	paused = true;
	md = EVP_MD_CTX_new();
	ok = EVP_DigestSignInit(md, NULL, NULL, NULL, ctx) == 1 &&
	     EVP_DigestSign(md, sig, sig_len, message, len) == 1;
	EVP_MD_CTX_free(md);
	paused = false;
	return ok ? VS_OK : VS_ERR_CRYPTO;
}

static vs_status report(void)
{
	static const struct vs_report r = {
		.vehicle = "CP-0001",
		.detail = "cut in a \xc3",
		.ecus = {{.id = "CP-0001-gateway"}, {.id = "CP-0001-meter"}},
		.ecu_count = 2,
	};
	struct vs_report back;
	char *text;
	size_t len;
	vs_status status = vs_report_encode(&r, repo->keys[0].id, sign_report,
	                                    repo->secret[0], &text, &len);

	if (!status)
		status = vs_report_decode(text, len, &repo->keys[0], &back,
		                          NULL);
	if (!status)
		assert_int_equal(back.ecu_count, 2);
	free(text);
	return status;
}

static void a_starved_report_is_whole_or_not_there(void **state)
{
	repo = *state;
	starve(report, VS_OK);
}

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, repo_set_up, repo_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_failing_allocation_does_no_harm),
		T(a_failing_allocation_is_never_a_yes),
		T(a_failing_allocation_on_the_way_back_does_no_harm),
		T(a_failing_allocation_writes_nothing_half),
		cmocka_unit_test(a_starved_key_is_nobody_s_fault),
		cmocka_unit_test(canonical_json_is_whole_or_not_there),
		cmocka_unit_test(a_starved_charger_takes_no_half_of_an_offer),
		T(a_starved_report_is_whole_or_not_there),
	};

	json_set_alloc_funcs(scarce_malloc, free);
	if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc,
	                              crypto_free))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

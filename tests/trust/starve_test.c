/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/starve_test.c - no memory is never a yes.
 *
 * Every allocation of the room, of the JSON and of the crypto library is
 * counted; whichever of them fails: no crash, no leak, and never a yes that a
 * fed client would not give.  The linker puts scarce ones in the place of
 * malloc() and its kin (meson.build).
 */
#include "tests/trust/repo.h"

#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static long left = LONG_MAX; /* allocations until one fails */
static bool failed, paused;

/* The names that ld --wrap asks for, under names that are ours. */
void *full_malloc(size_t size) __asm__("__real_malloc");
void *full_calloc(size_t count, size_t size) __asm__("__real_calloc");
void *full_realloc(void *at, size_t size) __asm__("__real_realloc");
void *scarce_malloc(size_t size) __asm__("__wrap_malloc");
void *scarce_calloc(size_t count, size_t size) __asm__("__wrap_calloc");
void *scarce_realloc(void *at, size_t size) __asm__("__wrap_realloc");

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

/* The repository's own work is not starved. */

static struct repo *repo;

static vs_status fetch(void *ctx, const char *name, size_t max, uint8_t **out,
                       size_t *len)
{
	vs_status status;

	paused = true;
	status = repo->ops.fetch(ctx, name, max, out, len);
	paused = false;
	return status;
}

static vs_status load(void *ctx, const char *role, uint8_t **out, size_t *len)
{
	vs_status status;

	paused = true;
	status = repo->ops.load(ctx, role, out, len);
	paused = false;
	return status;
}

static vs_status store(void *ctx, const char *role, const uint8_t *in,
                       size_t len)
{
	vs_status status;

	paused = true;
	status = repo->ops.store(ctx, role, in, len);
	paused = false;
	return status;
}

/* A repository whose client has only a root; a delegated role names "a". */
static void prepare(void **state)
{
	struct extra *x;

	repo = *state;
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
	for (size_t i = 0; i < sizeof roles / sizeof *roles; i++)
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
static void starve(vs_status (*work)(void), vs_status fed)
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
	assert_true(n > 100);
}

static void a_failing_allocation_does_no_harm(void **state)
{
	prepare(state);
	starve(walk, VS_OK);
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

/* Writes one of everything. */
static vs_status write_all(void)
{
	static const char *const paths[] = {"a/*", "b/*"};
	struct vs_write_role roles[R_COUNT];
	struct vs_write_file file = {"targets.json", 1, "bytes", 5};
	struct vs_envelope e = {0};
	struct vs_key key = {0};
	json_t *root = NULL, *targets = NULL, *snapshot = NULL, *stamp = NULL;
	uint8_t sig[64] = {0};
	char *text = NULL;
	size_t len;
	vs_status status;

	for (size_t i = 0; i < R_COUNT; i++)
		roles[i] = (struct vs_write_role){
			(const char *[]){"root", "timestamp", "snapshot",
		                         "targets"}
                          [i],
			&repo->keys[i], 1, 1
                };
	status = vs_key_from_pkey(repo->secret[0], &key);
	if (!status)
		status = vs_write_root(1, NOW, roles, R_COUNT, &root);
	if (!status)
		status = vs_write_targets(1, NOW, &targets);
	if (!status)
		status = vs_write_add_target(targets, &file, NULL);
	roles[0].name = "release";
	if (!status)
		status =
			vs_write_add_delegation(targets, roles, paths, 2, true);
	if (!status)
		status = vs_write_snapshot(1, NOW, &file, 1, &snapshot);
	file.name = "snapshot.json";
	if (!status)
		status = vs_write_timestamp(1, NOW - 60, NOW, &file, &stamp);
	if (!status)
		status = vs_envelope_new(json_incref(targets), &e);
	if (!status)
		status = vs_envelope_add(&e, key.id, sig, sizeof sig);
	if (!status)
		status = vs_envelope_encode(&e, &text, &len);
	free(text);
	vs_envelope_drop(&e);
	vs_key_drop(&key);
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

#define T(name)                                                                \
	cmocka_unit_test_setup_teardown(name, repo_set_up, repo_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(a_failing_allocation_does_no_harm),
		T(a_failing_allocation_is_never_a_yes),
		T(a_failing_allocation_writes_nothing_half),
	};

	json_set_alloc_funcs(scarce_malloc, free);
	if (!CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc,
	                              crypto_free))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/repo.c - a TUF repository and its client's disk, in memory.
 */
#include "tests/trust/repo.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct memfile *find(struct memfile *in, const char *name)
{
	for (size_t i = 0; i < FILES; i++) {
		if (in[i].bytes && strcmp(in[i].name, name) == 0)
			return &in[i];
	}
	return NULL;
}

static void forget(struct memfile *f)
{
	if (!f)
		return;
	free(f->bytes);
	*f = (struct memfile){0};
}

static void put(struct memfile *in, const char *name, const void *bytes,
                size_t len)
{
	size_t i = 0;

	forget(find(in, name));
	while (in[i].bytes)
		assert_true(++i < FILES);
	(void)snprintf(in[i].name, sizeof in[i].name, "%s", name);
	in[i].bytes = malloc(len + 1);
	assert_non_null(in[i].bytes);
	memcpy(in[i].bytes, bytes, len);
	in[i].len = len;
}

static vs_status give(const struct memfile *f, uint8_t **out, size_t *len)
{
	if (!f)
		return VS_ERR_ABSENT;
	*out = malloc(f->len + 1);
	assert_non_null(*out);
	memcpy(*out, f->bytes, f->len);
	*len = f->len;
	return VS_OK;
}

/* Both behind what text holds; a test fails if they do not fit. */
static void append(char *text, size_t cap, const char *what, const char *name)
{
	size_t at = strlen(text);
	int n = snprintf(text + at, cap - at, "%s%s", what, name);

	assert_true(n >= 0 && (size_t)n < cap - at);
}

static void note(struct repo *r, const char *what, const char *name)
{
	append(r->events, sizeof r->events, what, name);
}

/* Whether the power is still there for one more write. */
static bool powered(struct repo *r)
{
	return !r->cut || ++r->writes < r->cut;
}

static vs_status fetch(void *ctx, const char *name, size_t max, uint8_t **out,
                       size_t *len)
{
	struct repo *r = ctx;
	const struct memfile *f = find(r->served, name);

	append(r->requests, sizeof r->requests, " ", name);
	note(r, " ?", name);
	if (r->unreachable)
		return VS_ERR_IO;
	if (f && f->len > max)
		return VS_ERR_LIMIT;
	return give(f, out, len);
}

static vs_status load(void *ctx, const char *role, uint8_t **out, size_t *len)
{
	struct repo *r = ctx;

	if (r->fail_load && strcmp(role, "root") != 0)
		return VS_ERR_IO;
	return give(find(r->stored, role), out, len);
}

static vs_status store(void *ctx, const char *role, const uint8_t *in,
                       size_t len)
{
	struct repo *r = ctx;

	if (++r->stores == r->fail_store || !powered(r))
		return VS_ERR_IO;
	note(r, " !", role);
	put(r->stored, role, in, len);
	return VS_OK;
}

static vs_status take_away(void *ctx, const char *role)
{
	struct repo *r = ctx;

	if (r->fail_remove || !powered(r))
		return VS_ERR_IO;
	note(r, " -", role);
	if (!find(r->stored, role))
		return VS_ERR_ABSENT;
	forget(find(r->stored, role));
	return VS_OK;
}

void repo_init(struct repo *r)
{
	static const struct signers start[R_COUNT] = {
		[R_ROOT] = {{0, 1, 2}, 3, 2},
		[R_TIMESTAMP] = {{3},       1, 1},
		[R_SNAPSHOT] = {{4},       1, 1},
		[R_TARGETS] = {{5, 6},    2, 2},
	};

	memset(r, 0, sizeof *r);
	r->ops = (struct vs_tuf_ops){r, fetch, load, store, take_away};
	for (uint8_t i = 0; i < KEYS; i++) {
		uint8_t seed[32] = {(uint8_t)(i + 1)};

		r->secret[i] = EVP_PKEY_new_raw_private_key(
			EVP_PKEY_ED25519, NULL, seed, sizeof seed);
		assert_non_null(r->secret[i]);
		assert_int_equal(vs_key_from_pkey(r->secret[i], &r->keys[i]),
		                 VS_OK);
	}
	memcpy(r->role, start, sizeof start);
	for (int i = 0; i < R_COUNT; i++) {
		r->version[i] = 1;
		r->expires[i] = NOW + 30 * DAY;
	}
	r->consistent = true;
	r->listed_hashes = true;
	assert_int_equal(vs_write_targets(1, NOW, &r->targets), VS_OK);
}

void repo_drop(struct repo *r)
{
	for (size_t i = 0; i < FILES; i++) {
		forget(&r->served[i]);
		forget(&r->stored[i]);
	}
	for (size_t i = 0; i < KEYS; i++) {
		vs_key_drop(&r->keys[i]);
		EVP_PKEY_free(r->secret[i]);
	}
	for (size_t i = 0; i < r->extra_count; i++)
		json_decref(r->extra[i].body);
	json_decref(r->targets);
}

static void sign_by(struct repo *r, struct vs_envelope *e, int key)
{
	uint8_t sig[64];
	size_t len = sizeof sig;
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	assert_int_equal(
		EVP_DigestSignInit(md, NULL, NULL, NULL, r->secret[key]), 1);
	assert_int_equal(EVP_DigestSign(md, sig, &len,
	                                (const uint8_t *)e->canon,
	                                e->canon_len),
	                 1);
	EVP_MD_CTX_free(md);
	assert_int_equal(vs_envelope_add(e, r->keys[key].id, sig, len), VS_OK);
}

void repo_sign(struct repo *r, const char *file, json_t *body,
               const struct signers *by, struct memfile *out)
{
	struct vs_envelope e;
	char *text;

	if (r->edit)
		r->edit(r, file, body);
	assert_int_equal(vs_envelope_new(body, &e), VS_OK);
	for (size_t i = 0; i < by->count; i++)
		sign_by(r, &e, by->at[i]);
	if (strstr(file, "root.json")) {
		for (size_t i = 0; i < r->old_root.count; i++)
			sign_by(r, &e, r->old_root.at[i]);
	}
	if (r->spoil)
		r->spoil(r, file, &e);
	assert_int_equal(vs_envelope_encode(&e, &text, &out->len), VS_OK);
	out->bytes = (uint8_t *)text;
	vs_envelope_drop(&e);
}

void repo_serve(struct repo *r, const char *name, const void *bytes, size_t len)
{
	put(r->served, name, bytes, len);
}

void repo_unserve(struct repo *r, const char *name)
{
	forget(find(r->served, name));
}

struct memfile *repo_served(struct repo *r, const char *name)
{
	return find(r->served, name);
}

struct memfile *repo_stored(struct repo *r, const char *name)
{
	return find(r->stored, name);
}

void repo_store(struct repo *r, const char *name, const void *bytes, size_t len)
{
	put(r->stored, name, bytes, len);
}

/* The keys are borrowed from r. */
struct vs_write_role repo_role(struct repo *r, const char *name,
                               const struct signers *s, struct vs_key keys[4])
{
	for (size_t i = 0; i < s->count; i++)
		keys[i] = r->keys[s->at[i]];
	return (struct vs_write_role){name, keys, s->count, s->threshold};
}

void repo_publish_root(struct repo *r)
{
	static const char *const names[R_COUNT] = {"root", "timestamp",
	                                           "snapshot", "targets"};
	struct vs_write_role roles[R_COUNT];
	struct vs_key keys[R_COUNT][4];
	struct memfile made = {0};
	char name[64];
	json_t *body;

	for (int i = 0; i < R_COUNT; i++)
		roles[i] = repo_role(r, names[i], &r->role[i], keys[i]);
	assert_int_equal(vs_write_root(r->version[R_ROOT], r->expires[R_ROOT],
	                               roles, R_COUNT, &body),
	                 VS_OK);
	json_object_set_new(body, "consistent_snapshot",
	                    json_boolean(r->consistent));
	(void)snprintf(name, sizeof name, "%" PRIu64 ".root.json",
	               r->version[R_ROOT]);
	repo_sign(r, name, body, &r->role[R_ROOT], &made);
	repo_serve(r, name, made.bytes, made.len);
	free(made.bytes);
}

static void stamp(json_t *body, uint64_t version, uint64_t expires)
{
	json_t *fresh;

	assert_int_equal(vs_write_targets(version, expires, &fresh), VS_OK);
	json_object_set(body, "version", json_object_get(fresh, "version"));
	json_object_set(body, "expires", json_object_get(fresh, "expires"));
	json_decref(fresh);
}

/* The name a file is served under; of foreign characters only / occurs. */
static void served_name(const struct repo *r, const char *role,
                        uint64_t version, char out[static 128])
{
	size_t at = 0;

	if (r->consistent && strcmp(role, "timestamp") != 0)
		at = (size_t)snprintf(out, 32, "%" PRIu64 ".", version);
	for (; *role; role++) {
		if (*role == '/') {
			memcpy(out + at, "%2F", 3);
			at += 3;
		} else {
			out[at++] = *role;
		}
	}
	memcpy(out + at, ".json", sizeof ".json");
}

/* Signs, serves (under the consistent name if asked) and notes it. */
static void publish(struct repo *r, const char *role, uint64_t version,
                    json_t *body, const struct signers *by,
                    struct vs_write_file *note)
{
	static char names[EXTRA + 8][80];
	static size_t next;
	struct memfile made = {0};
	char *file = names[next++ % (EXTRA + 8)];
	char name[128];

	(void)snprintf(file, sizeof names[0], "%s.json", role);
	served_name(r, role, version, name);
	repo_sign(r, file, body, by, &made);
	repo_serve(r, name, made.bytes, made.len);
	free(made.bytes);
	if (note)
		*note = (struct vs_write_file){file, version,
		                               repo_served(r, name)->bytes,
		                               repo_served(r, name)->len};
}

static void drop_hashes(json_t *body)
{
	const char *name;
	json_t *entry;

	json_object_foreach(json_object_get(body, "meta"), name, entry)
	{
		json_object_del(entry, "hashes");
		json_object_del(entry, "length");
	}
}

void repo_publish_files(struct repo *r)
{
	struct vs_write_file notes[EXTRA + 1], note;
	size_t count = 1;
	json_t *body;

	stamp(r->targets, r->version[R_TARGETS], r->expires[R_TARGETS]);
	publish(r, "targets", r->version[R_TARGETS], json_deep_copy(r->targets),
	        &r->role[R_TARGETS], &notes[0]);
	for (size_t i = 0; i < r->extra_count; i++) {
		struct extra *x = &r->extra[i];
		struct signers by = {{x->key}, 1, 1};

		stamp(x->body, x->version, x->expires);
		publish(r, x->name, x->version, json_deep_copy(x->body), &by,
		        &notes[count]);
		count += !x->unlisted;
	}
	assert_int_equal(vs_write_snapshot(r->version[R_SNAPSHOT],
	                                   r->expires[R_SNAPSHOT], notes, count,
	                                   &body),
	                 VS_OK);
	if (!r->listed_hashes)
		drop_hashes(body);
	publish(r, "snapshot", r->version[R_SNAPSHOT], body,
	        &r->role[R_SNAPSHOT], &note);
	assert_int_equal(vs_write_timestamp(r->version[R_TIMESTAMP], 0,
	                                    r->expires[R_TIMESTAMP], &note,
	                                    &body),
	                 VS_OK);
	if (!r->listed_hashes)
		drop_hashes(body);
	publish(r, "timestamp", r->version[R_TIMESTAMP], body,
	        &r->role[R_TIMESTAMP], NULL);
}

void repo_publish(struct repo *r)
{
	repo_publish_root(r);
	repo_publish_files(r);
}

void repo_provision(struct repo *r, uint64_t version)
{
	struct memfile *f;
	char name[64];

	(void)snprintf(name, sizeof name, "%" PRIu64 ".root.json", version);
	f = repo_served(r, name);
	assert_non_null(f);
	repo_store(r, "root", f->bytes, f->len);
}

void repo_add_target(json_t *body, const char *path, const char *bytes,
                     json_t *custom)
{
	struct vs_write_file f = {path, 0, bytes, strlen(bytes)};

	assert_int_equal(vs_write_add_target(body, &f, custom), VS_OK);
}

struct extra *repo_add_role(struct repo *r, const char *name, int key)
{
	struct extra *x = &r->extra[r->extra_count++];

	assert_true(r->extra_count <= EXTRA);
	(void)snprintf(x->name, sizeof x->name, "%s", name);
	x->version = 1;
	x->expires = NOW + 30 * DAY;
	x->key = key;
	assert_int_equal(vs_write_targets(1, NOW, &x->body), VS_OK);
	return x;
}

void repo_delegate(struct repo *r, json_t *delegator, const char *name, int key,
                   const char *path, bool terminating)
{
	struct signers s = {{key}, 1, 1};
	struct vs_key keys[4];
	struct vs_write_role role = repo_role(r, name, &s, keys);

	assert_int_equal(
		vs_write_add_delegation(delegator ? delegator : r->targets,
	                                &role, &path, 1, terminating),
		VS_OK);
}

vs_status repo_refresh(struct repo *r, uint64_t now_s, struct vs_tuf **out,
                       struct vs_why *why)
{
	struct vs_tuf *t = NULL;
	vs_status status;

	r->requests[0] = '\0';
	r->events[0] = '\0';
	status = vs_tuf_open(&r->ops, now_s, &t, why);
	if (!status)
		status = vs_tuf_refresh(t, why);
	if (out)
		*out = t;
	else
		vs_tuf_close(&t);
	return status;
}

void repo_must_pass(struct repo *r)
{
	struct vs_why why = {0};
	struct vs_tuf *t;
	vs_status status = repo_refresh(r, NOW, &t, &why);

	if (status)
		print_message("%s: %s\n", vs_tuf_failed_file(t), why.what);
	assert_int_equal(status, VS_OK);
	assert_string_equal(vs_tuf_failed_file(t), "");
	assert_non_null(vs_tuf_targets(t));
	vs_tuf_close(&t);
}

void repo_must_fail(struct repo *r, vs_status status, vs_reason reason,
                    const char *file)
{
	struct vs_why why = {0};
	struct vs_tuf *t;
	vs_status got = repo_refresh(r, NOW, &t, &why);

	assert_string_equal(vs_reason_name(why.code), vs_reason_name(reason));
	assert_int_equal(got, status);
	assert_non_null(why.what);
	assert_string_equal(vs_tuf_failed_file(t), file);
	if (t)
		assert_null(vs_tuf_targets(t));
	vs_tuf_close(&t);
}

int repo_set_up_new(void **state)
{
	struct repo *r = malloc(sizeof *r);

	assert_non_null(r);
	repo_init(r);
	*state = r;
	return 0;
}

int repo_set_up(void **state)
{
	repo_set_up_new(state);
	repo_publish(*state);
	repo_provision(*state, 1);
	return 0;
}

int repo_tear_down(void **state)
{
	repo_drop(*state);
	free(*state);
	return 0;
}

struct repo *repo_second(void **state)
{
	struct repo *r = *state;

	repo_must_pass(r);
	for (int i = R_TIMESTAMP; i < R_COUNT; i++)
		r->version[i] = 2;
	return r;
}

uint64_t repo_stored_version(struct repo *r, const char *role)
{
	const struct memfile *f = repo_stored(r, role);
	uint64_t version;
	struct vs_envelope e;

	if (!f)
		return 0;
	assert_int_equal(
		vs_envelope_parse(f->bytes, f->len, SIZE_MAX, role, &e, NULL),
		VS_OK);
	version = vs_envelope_version(&e);
	vs_envelope_drop(&e);
	return version;
}

void repo_same_file(const struct memfile *a, const struct memfile *b)
{
	assert_non_null(a);
	assert_non_null(b);
	assert_int_equal(a->len, b->len);
	assert_memory_equal(a->bytes, b->bytes, a->len);
}

void repo_serve_as(struct repo *r, const char *from, const char *to)
{
	struct memfile *f = repo_served(r, from);

	assert_non_null(f);
	repo_serve(r, to, f->bytes, f->len);
}

struct memfile repo_first_root(void)
{
	struct memfile *served, out;
	struct repo *r;

	repo_set_up_new((void **)&r);
	repo_publish_root(r);
	served = repo_served(r, "1.root.json");
	out = *served;
	served->bytes = NULL;
	repo_tear_down((void **)&r);
	return out;
}

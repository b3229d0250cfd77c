/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tuf.c - the TUF client workflow over one repository.
 *
 * The state moves forward one verified and stored file at a time; a failure
 * at any step leaves what was reached, which is itself a consistent state.
 *
 * Standard: TUF 1.0.34 section 5.3 to 5.6.6.
 */
#include "trust/tuf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/json.h"
#include "trust/tuf_state.h"

static const struct vs_tuf_listed files[TOP_COUNT] = {
	[ROOT] = {.role = "root",      .type = "root", .max = VS_TUF_ROOT_MAX},
	[TIMESTAMP] = {.role = "timestamp",
                  .type = "timestamp",
                  .max = VS_TUF_TIMESTAMP_MAX                                },
	[SNAPSHOT] = {.role = "snapshot",
                  .type = "snapshot",
                  .max = VS_TUF_SNAPSHOT_MAX                                 },
	[TARGETS] = {.role = "targets",
                  .type = "targets",
                  .max = VS_TUF_TARGETS_MAX                                  },
};

/* What a root file says; moved into the state when it is in force. */
struct root {
	struct vs_tuf_file file;
	struct vs_role keys[TOP_COUNT];
	bool consistent;
};

static void root_drop(struct root *r)
{
	vs_tuf_file_drop(&r->file);
	for (size_t i = 0; i < TOP_COUNT; i++)
		vs_role_drop(&r->keys[i]);
}

static vs_status root_roles(struct root *r, struct vs_why *why)
{
	const json_t *body = r->file.env.body;
	const json_t *consistent = json_object_get(body, "consistent_snapshot");
	json_t *keys, *roles, *role;
	vs_status status;

	if (consistent && !json_is_boolean(consistent))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "consistent_snapshot", 0);
	r->consistent = json_is_true(consistent);
	status = vs_json_object(body, "keys", &keys, why);
	if (!status)
		status = vs_json_object(body, "roles", &roles, why);
	for (size_t i = 0; !status && i < TOP_COUNT; i++) {
		status = vs_json_object(roles, files[i].role, &role, why);
		if (!status)
			status = vs_role_parse(role, keys, &r->keys[i], why);
	}
	return status;
}

/* Reads r->file's bytes and checks them against their own root keys. */
static vs_status root_parse(struct root *r, struct vs_why *why)
{
	vs_status status =
		vs_envelope_parse(r->file.bytes, r->file.len, VS_TUF_ROOT_MAX,
	                          "root", &r->file.env, why);

	if (!status)
		status = root_roles(r, why);
	if (!status)
		status = vs_envelope_verify(&r->file.env, &r->keys[ROOT], why);
	return status;
}

static void root_enter(struct vs_tuf *t, struct root *r)
{
	vs_tuf_file_drop(&t->top[ROOT]);
	t->top[ROOT] = r->file;
	for (size_t i = 0; i < TOP_COUNT; i++) {
		vs_role_drop(&t->keys[i]);
		t->keys[i] = r->keys[i];
	}
	t->consistent = r->consistent;
	*r = (struct root){0};
}

static vs_status open_root(struct vs_tuf *t, struct vs_why *why)
{
	struct root r = {0};
	vs_status status =
		t->ops->load(t->ops->ctx, "root", &r.file.bytes, &r.file.len);

	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               "there is no stored root to start from", 0);
	status = root_parse(&r, why);
	if (!status)
		root_enter(t, &r);
	root_drop(&r);
	return status;
}

/* The other stored files, as far as the root in force vouches for them: they
 * are the floor below which no version may fall, expired or not.
 */
static vs_status load_stored(struct vs_tuf *t, struct vs_why *why)
{
	for (size_t i = TIMESTAMP; i < TOP_COUNT; i++) {
		vs_status status;

		vs_tuf_file_drop(&t->top[i]);
		status =
			vs_tuf_load(t, &files[i], &t->keys[i], &t->top[i], why);
		if (status && status != VS_ERR_ABSENT)
			return status;
	}
	return VS_OK;
}

vs_status vs_tuf_open(const struct vs_tuf_ops *ops, uint64_t now_s,
                      struct vs_tuf **out, struct vs_why *why)
{
	struct vs_tuf *t = calloc(1, sizeof *t);
	vs_status status;

	*out = NULL;
	if (!t)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
		               "out of memory", 0);
	t->ops = ops;
	t->now_s = now_s;
	status = open_root(t, why);
	if (!status)
		status = load_stored(t, why);
	if (status)
		vs_tuf_close(&t);
	*out = t;
	return status;
}

void vs_tuf_close(struct vs_tuf **t)
{
	if (!*t)
		return;
	vs_tuf_forget_delegated(*t);
	for (size_t i = 0; i < TOP_COUNT; i++) {
		vs_tuf_file_drop(&(*t)->top[i]);
		vs_role_drop(&(*t)->keys[i]);
	}
	free(*t);
	*t = NULL;
}

static bool same_keys(const struct vs_role *a, const struct vs_role *b)
{
	size_t found = 0;

	for (size_t i = 0; i < a->key_count; i++) {
		for (size_t j = 0; j < b->key_count; j++) {
			if (strcmp(a->keys[i].id, b->keys[j].id) == 0)
				found++;
		}
	}
	return a->key_count == b->key_count && found == a->key_count;
}

/* Fast-forward recovery (5.3.11): who stole a key may have set a version so
 * high that nothing can follow; with the key goes what it signed.
 */
static vs_status forget_rotated(struct vs_tuf *t, struct vs_why *why)
{
	vs_status status;

	vs_tuf_file_drop(&t->top[TIMESTAMP]);
	vs_tuf_file_drop(&t->top[SNAPSHOT]);
	status = t->ops->remove(t->ops->ctx, "timestamp");
	if (!status || status == VS_ERR_ABSENT)
		status = t->ops->remove(t->ops->ctx, "snapshot");
	if (!status || status == VS_ERR_ABSENT)
		return VS_OK;
	return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
	               "a stored file cannot be removed", 0);
}

static vs_status check_next(const struct vs_tuf *t, struct root *r,
                            struct vs_why *why)
{
	uint64_t have = vs_envelope_version(&t->top[ROOT].env);
	uint64_t version;
	vs_status status = root_parse(r, why);

	if (!status)
		status = vs_envelope_verify(&r->file.env, &t->keys[ROOT], why);
	if (status)
		return status;
	version = vs_envelope_version(&r->file.env);
	if (version <= have)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_ROLLBACK,
		               "root version went down", 0);
	if (version != have + 1)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_VERSION,
		               "root is not the next version", 0);
	return VS_OK;
}

static bool rotates(const struct vs_tuf *t, const struct root *r)
{
	return !same_keys(&t->keys[TIMESTAMP], &r->keys[TIMESTAMP]) ||
	       !same_keys(&t->keys[SNAPSHOT], &r->keys[SNAPSHOT]);
}

/* What the old keys signed goes before the new root is stored: a cut between
 * the two asks for that root again, where the other order would keep a
 * fast-forwarded version as the floor for ever.
 */
static vs_status take_root(struct vs_tuf *t, struct root *r, struct vs_why *why)
{
	vs_status status = check_next(t, r, why);

	if (!status && rotates(t, r))
		status = forget_rotated(t, why);
	if (!status)
		status = vs_tuf_store(t, "root", &r->file, why);
	if (!status)
		root_enter(t, r);
	return status;
}

static vs_status refresh_root(struct vs_tuf *t, struct vs_why *why)
{
	char name[VS_TUF_NAME_MAX];
	vs_status status;

	for (int step = 0; step < VS_TUF_ROOT_STEPS; step++) {
		struct root r = {0};

		(void)snprintf(name, sizeof name, "%" PRIu64 ".root.json",
		               vs_envelope_version(&t->top[ROOT].env) + 1);
		status = vs_tuf_fetch(t, name, VS_TUF_ROOT_MAX, &r.file, why);
		if (status == VS_ERR_ABSENT)
			break;
		if (!status)
			status = take_root(t, &r, why);
		root_drop(&r);
		if (status)
			return status;
	}
	vs_tuf_blame_top(t, ROOT);
	return vs_tuf_not_expired(t, &t->top[ROOT], why);
}

/* The snapshot's version as a timestamp file gives it. */
static vs_status snapshot_listed(const struct vs_tuf_file *timestamp,
                                 struct vs_tuf_listed *out, struct vs_why *why)
{
	*out = files[SNAPSHOT];
	return vs_tuf_listed_get(timestamp->env.body, out, why);
}

static vs_status timestamp_rollback(const struct vs_tuf *t,
                                    const struct vs_tuf_file *f,
                                    struct vs_why *why)
{
	const struct vs_tuf_file *old = &t->top[TIMESTAMP];
	struct vs_tuf_listed is, was;
	vs_status status = snapshot_listed(f, &is, why);

	if (status || !old->env.whole)
		return status;
	if (vs_envelope_version(&f->env) < vs_envelope_version(&old->env))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_ROLLBACK,
		               "timestamp version went down", 0);
	if (snapshot_listed(old, &was, NULL) == VS_OK &&
	    is.version < was.version)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_ROLLBACK,
		               "the snapshot's version went down", 0);
	return VS_OK;
}

static vs_status take_timestamp(struct vs_tuf *t, struct vs_tuf_file *f,
                                struct vs_why *why)
{
	struct vs_tuf_file *old = &t->top[TIMESTAMP];
	vs_status status =
		vs_envelope_parse(f->bytes, f->len, VS_TUF_TIMESTAMP_MAX,
	                          "timestamp", &f->env, why);

	if (!status)
		status = vs_envelope_verify(&f->env, &t->keys[TIMESTAMP], why);
	if (!status)
		status = vs_tuf_meta_check(f->env.body, why);
	if (status)
		return status;
	/* 5.4.3: the same version says nothing new; the old file stays. */
	if (old->env.whole &&
	    vs_envelope_version(&f->env) == vs_envelope_version(&old->env))
		return vs_tuf_not_expired(t, old, why);
	status = timestamp_rollback(t, f, why);
	if (!status)
		status = vs_tuf_not_expired(t, f, why);
	if (!status)
		status = vs_tuf_store(t, "timestamp", f, why);
	if (status)
		return status;
	vs_tuf_file_drop(old);
	*old = *f;
	*f = (struct vs_tuf_file){0};
	return VS_OK;
}

static vs_status refresh_timestamp(struct vs_tuf *t, struct vs_why *why)
{
	struct vs_tuf_file f;
	vs_status status = vs_tuf_fetch(t, "timestamp.json",
	                                VS_TUF_TIMESTAMP_MAX, &f, why);

	if (status)
		return status == VS_ERR_ABSENT ? VS_ERR_IO : status;
	status = take_timestamp(t, &f, why);
	vs_tuf_file_drop(&f);
	return status;
}

/* Whatever the old snapshot listed is still there and no older (5.5.5). */
static vs_status snapshot_rollback(const struct vs_tuf *t,
                                   const struct vs_tuf_file *f,
                                   struct vs_why *why)
{
	const json_t *meta = json_object_get(f->env.body, "meta");
	const char *name;
	json_t *was;

	if (!t->top[SNAPSHOT].env.whole)
		return VS_OK;
	json_object_foreach(json_object_get(t->top[SNAPSHOT].env.body, "meta"),
	                    name, was)
	{
		const json_t *is = json_object_get(meta, name);

		if (!is)
			return vs_fail(VS_ERR_REFUSED, why, VS_REASON_VANISHED,
			               "a role was listed before and is not "
			               "any more",
			               0);
		if (json_integer_value(json_object_get(is, "version")) <
		    json_integer_value(json_object_get(was, "version")))
			return vs_fail(VS_ERR_REFUSED, why, VS_REASON_ROLLBACK,
			               "a role's version went down", 0);
	}
	return VS_OK;
}

/* Uses the stored file if it is the one listed; else fetches, checks and
 * stores it.
 */
static vs_status refresh_listed(struct vs_tuf *t, enum vs_tuf_top which,
                                const struct vs_tuf_listed *what,
                                struct vs_why *why)
{
	struct vs_tuf_file f;
	vs_status status;

	if (vs_tuf_is_listed(t, &t->top[which], what))
		return VS_OK;
	status = vs_tuf_fetch_listed(t, what, &t->keys[which], &f, why);
	if (!status && which == SNAPSHOT)
		status = snapshot_rollback(t, &f, why);
	if (!status)
		status = vs_tuf_not_expired(t, &f, why);
	if (!status)
		status = vs_tuf_store(t, what->role, &f, why);
	if (status) {
		vs_tuf_file_drop(&f);
		return status;
	}
	vs_tuf_file_drop(&t->top[which]);
	t->top[which] = f;
	return VS_OK;
}

static vs_status refresh_rest(struct vs_tuf *t, struct vs_why *why)
{
	struct vs_tuf_listed what;
	vs_status status = refresh_timestamp(t, why);

	if (!status)
		status = snapshot_listed(&t->top[TIMESTAMP], &what, why);
	if (!status)
		status = refresh_listed(t, SNAPSHOT, &what, why);
	if (status)
		return status;
	vs_tuf_blame_top(t, SNAPSHOT);
	what = files[TARGETS];
	status = vs_tuf_listed_get(t->top[SNAPSHOT].env.body, &what, why);
	if (!status)
		status = refresh_listed(t, TARGETS, &what, why);
	return status;
}

vs_status vs_tuf_refresh(struct vs_tuf *t, struct vs_why *why)
{
	uint64_t had = vs_envelope_version(&t->top[ROOT].env);
	vs_status status;

	t->fresh = false;
	vs_tuf_forget_delegated(t);
	status = refresh_root(t, why);
	if (!status && vs_envelope_version(&t->top[ROOT].env) != had)
		status = load_stored(t, why);
	if (!status)
		status = refresh_rest(t, why);
	if (status)
		return status;
	t->failed[0] = '\0';
	t->fresh = true;
	return VS_OK;
}

const json_t *vs_tuf_targets(const struct vs_tuf *t)
{
	return t->fresh ? t->top[TARGETS].env.body : NULL;
}

uint64_t vs_tuf_version(const struct vs_tuf *t, const char *role)
{
	for (size_t i = 0; i < TOP_COUNT; i++) {
		if (strcmp(files[i].role, role) == 0)
			return t->top[i].env.whole
			               ? vs_envelope_version(&t->top[i].env)
			               : 0;
	}
	for (const struct vs_tuf_role *r = t->delegated; r; r = r->next) {
		if (strcmp(r->name, role) == 0)
			return vs_envelope_version(&r->file.env);
	}
	return 0;
}

const char *vs_tuf_failed_file(const struct vs_tuf *t)
{
	return t ? t->failed : "root.json";
}

bool vs_tuf_consistent(const struct vs_tuf *t)
{
	return t->consistent;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tuf_find.c - which role vouches for a target.
 *
 * Delegations are walked depth first in their order; a role's file counts
 * only for a delegation that it was verified for.
 *
 * Standard: TUF 1.0.34 section 5.6.7.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/json.h"
#include "trust/tuf_state.h"

struct walk {
	struct vs_tuf *t;
	const char *path;
	char digest[VS_DIGEST_HEX_MAX]; /* SHA-256 of path */
	const char *seen[VS_TUF_DELEGATIONS];
	size_t seen_count;
	bool ended; /* found, or a terminating role did not have it */
	struct vs_target *out;
	struct vs_why *why;
};

void vs_tuf_forget_delegated(struct vs_tuf *t)
{
	while (t->delegated) {
		struct vs_tuf_role *r = t->delegated;

		t->delegated = r->next;
		vs_tuf_file_drop(&r->file);
		free(r);
	}
}

/* The end of the character at, which is not the closing zero. */
static const char *past(const char *at)
{
	do
		at++;
	while (((unsigned char)*at & 0xc0) == 0x80);
	return at;
}

bool vs_tuf_glob(const char *pattern, const char *path)
{
	const char *star = NULL, *from = NULL;

	while (*path) {
		if (*pattern == '*') {
			star = ++pattern;
			from = path;
		} else if (*pattern == '?' && *path != '/') {
			pattern++;
			path = past(path);
		} else if (*pattern == *path) {
			pattern++;
			path++;
		} else if (star && *from != '/') {
			pattern = star;
			path = from = past(from);
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return !*pattern;
}

static bool covers(const json_t *role, const struct walk *w)
{
	const json_t *paths = json_object_get(role, "paths");
	const json_t *prefixes = json_object_get(role, "path_hash_prefixes");

	for (size_t i = 0; i < json_array_size(paths); i++) {
		if (vs_tuf_glob(json_string_value(json_array_get(paths, i)),
		                w->path))
			return true;
	}
	for (size_t i = 0; i < json_array_size(prefixes); i++) {
		const json_t *prefix = json_array_get(prefixes, i);

		if (strncmp(json_string_value(prefix), w->digest,
		            json_string_length(prefix)) == 0)
			return true;
	}
	return false;
}

static void give_target(const json_t *body, const char *role, struct walk *w)
{
	const json_t *targets = json_object_get(body, "targets");
	json_t *entry = json_object_get(targets, w->path);
	json_t *all = (json_t *)(uintptr_t)targets;

	if (!entry)
		return;
	w->ended = true;
	*w->out = (struct vs_target){
		.path = json_object_iter_key(json_object_iter_at(all, w->path)),
		.length = (uint64_t)json_integer_value(
			json_object_get(entry, "length")),
		.hashes = json_object_get(entry, "hashes"),
		.custom = json_object_get(entry, "custom"),
		.role = role,
	};
}

/* Takes *f on success. */
static vs_status remember(struct vs_tuf *t, const char *name, const json_t *by,
                          struct vs_tuf_file *f, struct vs_tuf_role **out)
{
	struct vs_tuf_role *r = calloc(1, sizeof *r);

	if (!r)
		return VS_ERR_NOMEM;
	(void)snprintf(r->name, sizeof r->name, "%s", name);
	r->by = by;
	r->file = *f;
	free(r->file.bytes);
	r->file.bytes = NULL;
	r->next = t->delegated;
	t->delegated = r;
	*out = r;
	return VS_OK;
}

static vs_status fetch_role(struct vs_tuf *t, const struct vs_tuf_listed *what,
                            const struct vs_role *keys, struct vs_tuf_file *f,
                            struct vs_why *why)
{
	vs_status status = vs_tuf_load(t, what, keys, f, why);

	if (!status && vs_tuf_is_listed(t, f, what))
		return VS_OK;
	vs_tuf_file_drop(f);
	if (status && status != VS_ERR_ABSENT)
		return status;
	status = vs_tuf_fetch_listed(t, what, keys, f, why);
	if (!status)
		status = vs_tuf_not_expired(t, f, why);
	if (!status)
		status = vs_tuf_store(t, what->role, f, why);
	if (status)
		vs_tuf_file_drop(f);
	return status;
}

/* What was verified for this very delegation.  Trusted files stay as they are
 * until the next refresh, and what they delegated to is forgotten before.
 */
static struct vs_tuf_role *verified(const struct vs_tuf *t, const json_t *by)
{
	struct vs_tuf_role *r = t->delegated;

	while (r && r->by != by)
		r = r->next;
	return r;
}

/* What another delegation brought, if it satisfies this one's keys too. */
static struct vs_tuf_role *known(struct vs_tuf *t, const char *name,
                                 const struct vs_role *keys)
{
	for (struct vs_tuf_role *r = t->delegated; r; r = r->next) {
		if (strcmp(r->name, name) == 0 &&
		    vs_envelope_verify(&r->file.env, keys, NULL) == VS_OK)
			return r;
	}
	return NULL;
}

static vs_status get_role(struct vs_tuf *t, const json_t *by,
                          const struct vs_role *keys, struct vs_tuf_role **out,
                          struct vs_why *why)
{
	const char *name = json_string_value(json_object_get(by, "name"));
	struct vs_tuf_listed what = {
		.role = name, .type = "targets", .max = VS_TUF_TARGETS_MAX};
	struct vs_tuf_file f;
	vs_status status;

	*out = known(t, name, keys);
	if (*out)
		return VS_OK;
	vs_tuf_blame_top(t, SNAPSHOT);
	status = vs_tuf_listed_get(t->top[SNAPSHOT].env.body, &what, why);
	if (!status)
		status = fetch_role(t, &what, keys, &f, why);
	if (status)
		return status;
	status = remember(t, name, by, &f, out);
	if (!status)
		return VS_OK;
	vs_tuf_file_drop(&f);
	return vs_fail(status, why, VS_REASON_NONE, "out of memory", 0);
}

static vs_status visit(struct walk *w, const json_t *body, const char *role);

static vs_status enter(struct walk *w, const json_t *keys, const json_t *role)
{
	const char *name = json_string_value(json_object_get(role, "name"));
	struct vs_tuf_role *r = verified(w->t, role);
	struct vs_role signers;
	vs_status status;

	for (size_t i = 0; i < w->seen_count; i++) {
		if (strcmp(w->seen[i], name) == 0)
			return VS_OK;
	}
	if (w->seen_count == VS_TUF_DELEGATIONS) {
		vs_tuf_blame(w->t, w->path);
		return vs_fail(VS_ERR_REFUSED, w->why,
		               VS_REASON_DELEGATION_LIMIT,
		               "too many delegations on the way", 0);
	}
	w->seen[w->seen_count++] = name;
	if (r)
		return visit(w, r->file.env.body, r->name);
	status = vs_role_parse(role, keys, &signers, w->why);
	if (status)
		return status;
	status = get_role(w->t, role, &signers, &r, w->why);
	vs_role_drop(&signers);
	return status ? status : visit(w, r->file.env.body, r->name);
}

/* At most VS_TUF_DELEGATIONS deep, for each level enters a new role. */
static vs_status visit(struct walk *w, const json_t *body, const char *name)
{
	const json_t *delegations = json_object_get(body, "delegations");
	const json_t *keys = json_object_get(delegations, "keys");
	const json_t *roles = json_object_get(delegations, "roles");

	give_target(body, name, w);
	for (size_t i = 0; !w->ended && i < json_array_size(roles); i++) {
		const json_t *role = json_array_get(roles, i);
		vs_status status;

		if (!covers(role, w))
			continue;
		status = enter(w, keys, role);
		if (status)
			return status;
		if (json_is_true(json_object_get(role, "terminating")))
			w->ended = true;
	}
	return VS_OK;
}

vs_status vs_tuf_find(struct vs_tuf *t, const char *path, struct vs_target *out,
                      struct vs_why *why)
{
	struct walk w = {.t = t, .path = path, .out = out, .why = why};
	vs_status status;

	*out = (struct vs_target){0};
	t->failed[0] = '\0';
	if (!t->fresh)
		return vs_fail(VS_ERR_STATE, why, VS_REASON_NONE,
		               "the repository was not refreshed", 0);
	status = vs_digest_hex("sha256", path, strlen(path), w.digest);
	if (status)
		return vs_fail(status, why, VS_REASON_NONE,
		               "the digest could not be computed", 0);
	status = visit(&w, t->top[TARGETS].env.body, "targets");
	if (status)
		return status;
	if (!out->path) {
		vs_tuf_blame(t, path);
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_NOT_LISTED,
		               "no trusted metadata names the target", 0);
	}
	t->failed[0] = '\0'; /* a role's fetch had named its file */
	return VS_OK;
}

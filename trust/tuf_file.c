/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tuf_file.c - metadata files: loaded, fetched, checked, stored.
 *
 * A stored file that is not good any more is as if it were not there, so
 * that it can never wedge the client; a failing disk is an error.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/json.h"
#include "trust/tuf_state.h"

void vs_tuf_file_drop(struct vs_tuf_file *f)
{
	vs_envelope_drop(&f->env);
	free(f->bytes);
	*f = (struct vs_tuf_file){0};
}

void vs_tuf_blame(struct vs_tuf *t, const char *file)
{
	(void)snprintf(t->failed, sizeof t->failed, "%s", file);
}

void vs_tuf_blame_top(struct vs_tuf *t, enum vs_tuf_top which)
{
	static const char *const names[TOP_COUNT] = {
		[ROOT] = "root",
		[SNAPSHOT] = "snapshot",
		[TARGETS] = "targets",
	};

	if (which == ROOT || t->consistent)
		(void)snprintf(
			t->failed, sizeof t->failed, "%" PRIu64 ".%s.json",
			vs_envelope_version(&t->top[which].env), names[which]);
	else
		(void)snprintf(t->failed, sizeof t->failed, "%s.json",
		               names[which]);
}

static bool unreserved(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') ||
	       (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' ||
	       c == '~';
}

size_t vs_tuf_percent(char c, char *out)
{
	static const char hex[] = "0123456789ABCDEF";

	if (unreserved(c)) {
		*out = c;
		return 1;
	}
	out[0] = '%';
	out[1] = hex[(unsigned char)c >> 4];
	out[2] = hex[(unsigned char)c & 15];
	return 3;
}

static bool top_level(const char *role)
{
	static const char *const names[] = {"root", "timestamp", "snapshot",
	                                    "targets"};

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		if (strcmp(role, names[i]) == 0)
			return true;
	}
	return false;
}

vs_status vs_tuf_role_encode(const char *role, bool delegated,
                             char out[static VS_TUF_ROLE_MAX])
{
	size_t at = 0;

	if (!*role || (delegated && top_level(role)))
		return VS_ERR_INPUT;
	for (; *role; role++) {
		if (at + 4 > VS_TUF_ROLE_MAX)
			return VS_ERR_INPUT;
		at += vs_tuf_percent(*role, out + at);
	}
	out[at] = '\0';
	return VS_OK;
}

vs_status vs_tuf_not_expired(const struct vs_tuf *t,
                             const struct vs_tuf_file *f, struct vs_why *why)
{
	if (vs_envelope_expires(&f->env) <= t->now_s)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_EXPIRED,
		               "past its expires time", 0);
	return VS_OK;
}

static vs_status parse(struct vs_tuf_file *f, const struct vs_tuf_listed *what,
                       const struct vs_role *keys, struct vs_why *why)
{
	vs_status status = vs_envelope_parse(f->bytes, f->len, what->max,
	                                     what->type, &f->env, why);

	if (!status)
		status = vs_envelope_verify(&f->env, keys, why);
	if (status)
		return status;
	return strcmp(what->type, "targets") == 0
	               ? vs_tuf_targets_check(f->env.body, why)
	               : vs_tuf_meta_check(f->env.body, why);
}

vs_status vs_tuf_load(struct vs_tuf *t, const struct vs_tuf_listed *what,
                      const struct vs_role *keys, struct vs_tuf_file *out,
                      struct vs_why *why)
{
	char role[VS_TUF_ROLE_MAX];
	vs_status status;

	*out = (struct vs_tuf_file){0};
	if (vs_tuf_role_encode(what->role, false, role))
		return VS_ERR_ABSENT;
	status = t->ops->load(t->ops->ctx, role, &out->bytes, &out->len);
	if (!status)
		status = parse(out, what, keys, why);
	if (!status)
		return VS_OK;
	vs_tuf_file_drop(out);
	if (status == VS_ERR_IO) {
		vs_tuf_blame(t, role);
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               "a stored file cannot be read", 0);
	}
	return status == VS_ERR_NOMEM || status == VS_ERR_CRYPTO
	               ? status
	               : VS_ERR_ABSENT;
}

bool vs_tuf_is_listed(const struct vs_tuf *t, const struct vs_tuf_file *f,
                      const struct vs_tuf_listed *what)
{
	return f->env.whole && vs_envelope_version(&f->env) == what->version &&
	       (!what->has_length || f->len == what->length) &&
	       (!what->hashes ||
	        !vs_digest_check(what->hashes, f->bytes, f->len, NULL)) &&
	       !vs_tuf_not_expired(t, f, NULL);
}

vs_status vs_tuf_fetch(struct vs_tuf *t, const char *name, size_t max,
                       struct vs_tuf_file *out, struct vs_why *why)
{
	vs_status status;

	*out = (struct vs_tuf_file){0};
	vs_tuf_blame(t, name);
	status = t->ops->fetch(t->ops->ctx, name, max, &out->bytes, &out->len);
	if (!status && out->len > max)
		status = VS_ERR_LIMIT;
	if (!status)
		return VS_OK;
	vs_tuf_file_drop(out);
	switch (status) {
	case VS_ERR_ABSENT:
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               "the repository does not have it", 0);
	case VS_ERR_LIMIT:
		return vs_fail(status, why, VS_REASON_TOO_LARGE,
		               "larger than its maximum", max);
	case VS_ERR_NOMEM:
		return vs_fail(status, why, VS_REASON_NONE, "out of memory", 0);
	default:
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "it cannot be fetched", 0);
	}
}

static vs_status check_listed(struct vs_tuf_file *f,
                              const struct vs_tuf_listed *what,
                              const struct vs_role *keys, struct vs_why *why)
{
	vs_status status;

	if (what->has_length && f->len != what->length)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_LENGTH_MISMATCH,
		               "longer or shorter than announced", 0);
	if (what->hashes) {
		status = vs_digest_check(what->hashes, f->bytes, f->len, why);
		if (status)
			return status;
	}
	status = parse(f, what, keys, why);
	if (!status && vs_envelope_version(&f->env) != what->version)
		status = vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_VERSION,
		                 "not the version that was announced", 0);
	return status;
}

static vs_status listed_name(const struct vs_tuf *t,
                             const struct vs_tuf_listed *what,
                             char out[static VS_TUF_NAME_MAX])
{
	char role[VS_TUF_ROLE_MAX];

	if (vs_tuf_role_encode(what->role, false, role))
		return VS_ERR_INPUT;
	if (t->consistent)
		(void)snprintf(out, VS_TUF_NAME_MAX, "%" PRIu64 ".%s.json",
		               what->version, role);
	else
		(void)snprintf(out, VS_TUF_NAME_MAX, "%s.json", role);
	return VS_OK;
}

vs_status vs_tuf_fetch_listed(struct vs_tuf *t,
                              const struct vs_tuf_listed *what,
                              const struct vs_role *keys,
                              struct vs_tuf_file *out, struct vs_why *why)
{
	char name[VS_TUF_NAME_MAX];
	size_t max = what->max;
	vs_status status;

	*out = (struct vs_tuf_file){0};
	if (listed_name(t, what, name))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "a role's name", 0);
	if (what->has_length && what->length < max)
		max = (size_t)what->length;
	status = vs_tuf_fetch(t, name, max, out, why);
	if (status == VS_ERR_LIMIT && max < what->max)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_LENGTH_MISMATCH,
		               "longer than announced", max);
	if (status)
		return status == VS_ERR_ABSENT ? VS_ERR_IO : status;
	status = check_listed(out, what, keys, why);
	if (status)
		vs_tuf_file_drop(out);
	return status;
}

vs_status vs_tuf_store(struct vs_tuf *t, const char *role,
                       const struct vs_tuf_file *f, struct vs_why *why)
{
	char name[VS_TUF_ROLE_MAX];

	if (vs_tuf_role_encode(role, false, name))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "a role's name", 0);
	if (t->ops->store(t->ops->ctx, name, f->bytes, f->len))
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "it cannot be stored", 0);
	return VS_OK;
}

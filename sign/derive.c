/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/derive.c - what roots, targets and keyring follow from a policy.
 */
#include "sign/derive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "sign/renew.h"
#include "sign/say.h"
#include "trust/write.h"

enum { day_s = 86400 };

/* A member of ours in a delegated role: signed, and no concern of TUF. */
static const char checksums[] = "imageSha256";

const struct vs_derived vs_derived[VS_DERIVED_COUNT] = {
	{VS_IMAGE,    "root",    VS_POLICY_ROOT         },
	{VS_IMAGE,    "targets", VS_POLICY_TARGETS      },
	{VS_DIRECTOR, "root",    VS_POLICY_DIRECTOR_ROOT},
};

/* vs_write_role wants the keys in a row. */
struct keys {
	struct vs_key at[VS_POLICY_KEYS_MAX]; /* borrowed from the policy */
};

static struct vs_write_role as_role(const struct vs_policy *p, int row,
                                    const char *name, struct keys *keys)
{
	const struct vs_policy_role *role = &p->role[row];

	for (size_t i = 0; i < role->key_count; i++)
		keys->at[i] = role->keys[i].tuf;
	return (struct vs_write_role){
		.name = name,
		.keys = keys->at,
		.key_count = role->key_count,
		.threshold = role->threshold,
	};
}

uint64_t vs_derive_expiry(const struct vs_policy *p, enum vs_policy_roles row)
{
	return (uint64_t)time(NULL) + p->role[row].expires_days * day_s;
}

static vs_status derive_root(const struct vs_policy *p, const int rows[4],
                             uint64_t version, uint64_t expires_s, json_t **out)
{
	static const char *const names[] = {"root", "targets", "snapshot",
	                                    "timestamp"};
	struct keys keys[4];
	struct vs_write_role roles[4];

	for (int i = 0; i < 4; i++)
		roles[i] = as_role(p, rows[i], names[i], &keys[i]);
	return vs_write_root(version, expires_s, roles, 4, out);
}

const json_t *vs_delegation_find(const json_t *delegations, const char *name)
{
	const json_t *roles = json_object_get(delegations, "roles");
	const json_t *one;
	size_t i;

	json_array_foreach(roles, i, one)
	{
		const char *is =
			json_string_value(json_object_get(one, "name"));

		if (is && strcmp(is, name) == 0)
			return one;
	}
	return NULL;
}

const json_t *vs_delegation_checksums(const json_t *role)
{
	return json_object_get(role, checksums);
}

/* The role written last. */
static json_t *newest(json_t *targets)
{
	json_t *roles = json_object_get(json_object_get(targets, "delegations"),
	                                "roles");

	return json_array_get(roles, json_array_size(roles) - 1);
}

static vs_status delegate(const struct vs_policy *p, int row, json_t *targets)
{
	static const char *const some[] = {"-"}; /* the writer asks for one */
	const struct vs_policy_role *from = &p->role[row];
	const char *paths[VS_POLICY_TEXTS_MAX];
	size_t count = from->path_count;
	struct keys keys;
	struct vs_write_role role = as_role(
		p, row, vs_policy_delegated((enum vs_policy_roles)row), &keys);

	for (size_t i = 0; i < count; i++)
		paths[i] = from->paths[i];
	vs_status status = vs_write_add_delegation(
		targets, &role, count ? paths : some, count ? count : 1, true);
	if (!status && !count &&
	    json_object_set_new(newest(targets), "paths", json_array()))
		status = VS_ERR_NOMEM;
	if (!status && from->checksums &&
	    json_object_set_new(newest(targets), checksums,
	                        json_deep_copy(from->checksums)))
		status = VS_ERR_NOMEM;
	return status;
}

static vs_status derive_targets(const struct vs_policy *p, uint64_t version,
                                uint64_t expires_s, json_t **out)
{
	vs_status status = vs_write_targets(version, expires_s, out);

	if (status)
		return status;
	for (int row = VS_POLICY_DELEGATED_FIRST;
	     row <= VS_POLICY_DELEGATED_LAST && !status; row++)
		if (p->role[row].present)
			status = delegate(p, row, *out);
	if (status) {
		json_decref(*out);
		*out = NULL;
	}
	return status;
}

vs_status vs_derive_body(const struct vs_policy *p, const struct vs_derived *d,
                         uint64_t version, uint64_t expires_s, json_t **out)
{
	static const int image[] = {VS_POLICY_ROOT, VS_POLICY_TARGETS,
	                            VS_POLICY_SNAPSHOT, VS_POLICY_TIMESTAMP};
	static const int director[] = {
		VS_POLICY_DIRECTOR_ROOT, VS_POLICY_DIRECTOR_ONLINE,
		VS_POLICY_DIRECTOR_ONLINE, VS_POLICY_DIRECTOR_ONLINE};
	vs_status status;

	*out = NULL;
	if (d->row == VS_POLICY_TARGETS)
		status = derive_targets(p, version, expires_s, out);
	else
		status = derive_root(
			p, d->row == VS_POLICY_ROOT ? image : director, version,
			expires_s, out);
	return status ? vs_say_io(status, d->role) : VS_OK;
}

/* Those targets of all that a role has under p. */
static vs_status sift(const struct vs_policy *p, enum vs_policy_roles row,
                      json_t *all, json_t *out)
{
	const char *path;
	json_t *entry;

	json_object_foreach(all, path, entry)
	{
		const char *image = json_string_value(json_object_get(
			json_object_get(entry, "custom"), "imageSha256"));
		enum vs_policy_roles has;

		if (!vs_policy_covers(p, path, &has)) {
			vs_error("%s: is released, and the policy gives it to "
			         "no role (%s)",
			         path, vs_reason_name(VS_REASON_VANISHED));
			return VS_ERR_REFUSED;
		}
		if (has != row)
			continue;
		if (!vs_policy_lists(p->role[row].checksums,
		                     image ? image : "")) {
			vs_error("%s: is released, and %s does not list its "
			         "checksum (%s)",
			         path, vs_policy_delegated(row),
			         vs_reason_name(VS_REASON_NOT_ALLOWED));
			return VS_ERR_REFUSED;
		}
		if (json_object_set(out, path, entry))
			return vs_say_io(VS_ERR_NOMEM, path);
	}
	return VS_OK;
}

static vs_status next_body(const struct vs_room *r, const char *role,
                           uint64_t expires_s, json_t **out)
{
	if (vs_room_version(r, VS_IMAGE, role))
		return vs_renewal_body(r, VS_IMAGE, role, expires_s, out);
	vs_status status = vs_write_targets(1, expires_s, out);
	return status ? vs_say_io(status, role) : VS_OK;
}

vs_status vs_derive_delegated(const struct vs_room *r,
                              const struct vs_policy *p,
                              enum vs_policy_roles row, uint64_t expires_s,
                              json_t **out)
{
	const char *role = vs_policy_delegated(row);
	json_t *all = NULL, *body = NULL, *has = json_object();
	vs_status status = has ? VS_OK : vs_say_io(VS_ERR_NOMEM, role);

	*out = NULL;
	if (!status)
		status = vs_room_released(r, &all);
	if (!status)
		status = sift(p, row, json_object_get(all, "targets"), has);
	if (!status)
		status = next_body(r, role, expires_s, &body);
	if (!status && json_object_set(body, "targets", has))
		status = vs_say_io(VS_ERR_NOMEM, role);
	json_decref(all);
	json_decref(has);
	if (status)
		json_decref(body);
	else
		*out = body;
	return status;
}

static int by_id(const void *a, const void *b)
{
	const uint8_t *x = a, *y = b; /* a key begins with its id */

	return memcmp(x, y, VS_SHA256_LEN);
}

static void derive_keys(const struct vs_policy *p, struct vs_keyring *out)
{
	const struct vs_policy_role *role = &p->role[VS_POLICY_KEYRING];
	size_t n = 0;

	for (size_t i = 0; i < role->key_count; i++, n++) {
		memcpy(out->keys[n].id, role->keys[i].boot_id, VS_SHA256_LEN);
		memcpy(out->keys[n].point, role->keys[i].point,
		       VS_P256_KEY_LEN);
		out->keys[n].scheme = VS_SCHEME_P256_SHA256;
	}
	for (size_t i = 0; i < p->lms_count && n < VS_KEYRING_KEYS_MAX;
	     i++, n++) {
		memcpy(out->keys[n].id, p->lms[i].id, VS_SHA256_LEN);
		memcpy(out->keys[n].point, p->lms[i].key, VS_LMS_KEY_LEN);
		out->keys[n].scheme = VS_SCHEME_LMS_SHA256;
	}
	out->key_count = (uint16_t)n;
	qsort(out->keys, n, sizeof *out->keys, by_id);
}

void vs_derive_keyring(const struct vs_policy *p, struct vs_keyring *out)
{
	*out = (struct vs_keyring){
		.version = 1,
		.threshold = (uint16_t)p->role[VS_POLICY_KEYRING].threshold,
		.lms_threshold = (uint16_t)p->lms_threshold,
		.component_count = (uint16_t)p->components.count,
	};
	derive_keys(p, out);
	for (size_t i = 0; i < p->components.count; i++)
		snprintf(out->components[i], VS_COMPONENT_LEN, "%s",
		         p->components.at[i]);
}

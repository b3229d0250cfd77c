/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/policy_role.c - a role of a policy: its keys, threshold and expiry.
 */
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/demo.h"
#include "base/log.h"
#include "sign/policy_rows.h"
#include "sign/say.h"
#include "trust/json.h"

enum { days_max = 3650 };

#define COMMON "keys", "threshold", "key_types"

static const char *const of_online[] = {COMMON, NULL};
static const char *const of_people[] = {COMMON, "expires_days", NULL};
static const char *const of_release[] = {COMMON, "expires_days", "paths", NULL};
static const char *const of_class[] = {COMMON, "expires_days", "components",
                                       "checksums", NULL};
static const char *const of_keyring[] = {COMMON, "components", "lms_keys",
                                         "lms_threshold", NULL};

/* Laid out by hand: the tool draws rows with designators far apart. */
/* clang-format off */
const struct vs_policy_row vs_policy_rows[VS_POLICY_ROLES] = {
	[VS_POLICY_ROOT] =
		{NULL, "root", VS_POLICY_PEOPLE, true, 1, of_people},
	[VS_POLICY_TARGETS] =
		{NULL, "targets", VS_POLICY_PEOPLE, true, 1, of_people},
	[VS_POLICY_SNAPSHOT] =
		{NULL, "snapshot", VS_POLICY_ONLINE, false, 1, of_online},
	[VS_POLICY_TIMESTAMP] =
		{NULL, "timestamp", VS_POLICY_ONLINE, false, 1, of_online},
	[VS_POLICY_RELEASES] =
		{NULL, "release", VS_POLICY_DELEGATED, true, 1, of_release},
	[VS_POLICY_SAFETY] =
		{NULL, "safety", VS_POLICY_DELEGATED, true, 1, of_class},
	[VS_POLICY_METERING] =
		{NULL, "metering", VS_POLICY_DELEGATED, true, 2, of_class},
	[VS_POLICY_GATEWAY] =
		{NULL, "gateway", VS_POLICY_DELEGATED, true, 1, of_class},
	[VS_POLICY_CONTENT] =
		{NULL, "content", VS_POLICY_DELEGATED, true, 1, of_class},
	[VS_POLICY_DIRECTOR_ROOT] =
		{"director", "root", VS_POLICY_PEOPLE, true, 1, of_people},
	[VS_POLICY_DIRECTOR_ONLINE] =
		{"director", "online", VS_POLICY_ONLINE, false, 1, of_online},
	[VS_POLICY_KEYRING] =
		{NULL, "keyring", VS_POLICY_PEOPLE, false, 1, of_keyring},
};
/* clang-format on */

/* TUF's own words for them, by scheme. */
static const char *const key_types[] = {
	[VS_KEY_ED25519] = "ed25519",
	[VS_KEY_ECDSA_P256] = "ecdsa",
	[VS_KEY_RSA_PSS_256] = "rsa",
};

const json_t *vs_policy_member(const json_t *json, int row)
{
	const struct vs_policy_row *r = &vs_policy_rows[row];
	const json_t *in = r->inside ? json_object_get(json, r->inside) : json;
	const json_t *o = json_object_get(in, r->name);

	/* the director's root may be held by those of the image root */
	if (!o && row == VS_POLICY_DIRECTOR_ROOT)
		return json_object_get(json,
		                       vs_policy_rows[VS_POLICY_ROOT].name);
	return o;
}

vs_status vs_policy_key_file(const char *path, const json_t *from,
                             char out[static PATH_MAX])
{
	const char *name = json_string_value(from);
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;

	if (!name)
		return vs_policy_wrong(path, "keys",
		                       "must be names of key files");
	int n = snprintf(out, PATH_MAX, "%.*s%s", name[0] == '/' ? 0 : dir,
	                 path, name);
	if (n < 0 || n >= PATH_MAX)
		return vs_policy_wrong(path, "keys", "a file name is too long");
	return VS_OK;
}

/* A key that stands in the policy itself, or the file it names. */
static vs_status load_key(const char *path, const json_t *from,
                          struct vs_pubkey *out)
{
	char file[PATH_MAX];

	if (json_is_object(from))
		return vs_pubkey_decode(path, from, out);
	vs_status status = vs_policy_key_file(path, from, file);
	return status ? status : vs_pubkey_load(file, out);
}

/* A type that is not known is told where the list is read. */
static bool type_allowed(const json_t *types, const struct vs_pubkey *key)
{
	const json_t *one;
	size_t i;

	if (!types)
		return true;
	json_array_foreach(types, i, one)
	{
		if (strcmp(json_string_value(one),
		           key_types[key->tuf.scheme]) == 0)
			return true;
	}
	return false;
}

static vs_status check_types(const char *path, int row, const json_t *types)
{
	const char *name = vs_policy_rows[row].name;
	const json_t *one;
	size_t i;

	if (!types)
		return VS_OK;
	bool good = json_array_size(types) > 0;
	json_array_foreach(types, i, one)
	{
		const char *text = json_string_value(one);
		size_t k = 0;

		while (text && k < sizeof key_types / sizeof *key_types &&
		       strcmp(text, key_types[k]) != 0)
			k++;
		if (!text || k == sizeof key_types / sizeof *key_types)
			good = false;
	}
	return good ? VS_OK
	            : vs_policy_wrong(path, name,
	                              "key_types: must be of ecdsa, ed25519, "
	                              "rsa");
}

/* Whoever reads this source could sign with a demo key. */
static vs_status check_demo(const char *path, const char *name,
                            const struct vs_pubkey *key)
{
	char quoted[VS_HOLDER_MAX];

	if (!vs_demo_key(key->tuf.pkey))
		return VS_OK;
	vs_error("%s: %s: the key of %s is a demo key: its private part is "
	         "published; a room in production takes none (%s)",
	         path, name, vs_log_quote(key->holder, quoted, sizeof quoted),
	         vs_reason_name(VS_REASON_NOT_ALLOWED));
	return VS_ERR_REFUSED;
}

/* The last key against those before it. */
static vs_status check_twice(const char *path, int row,
                             const struct vs_policy_role *role)
{
	const char *name = vs_policy_rows[row].name;
	const struct vs_pubkey *key = &role->keys[role->key_count - 1];

	for (size_t i = 0; i + 1 < role->key_count; i++) {
		if (vs_key_same(&role->keys[i].tuf, &key->tuf))
			return vs_policy_wrong(
				path, name, "one key twice (%s and %s)",
				role->keys[i].holder, key->holder);
		if (vs_policy_rows[row].kind != VS_POLICY_ONLINE &&
		    strcmp(role->keys[i].holder, key->holder) == 0)
			return vs_policy_wrong(path, name,
			                       "%s holds two of its keys: one "
			                       "person, one key",
			                       key->holder);
	}
	return VS_OK;
}

static vs_status check_key(const char *path, const struct vs_policy *p, int row)
{
	const char *name = vs_policy_rows[row].name;
	const struct vs_policy_role *role = &p->role[row];
	const struct vs_pubkey *key = &role->keys[role->key_count - 1];
	const json_t *types =
		json_object_get(vs_policy_member(p->json, row), "key_types");

	if (row == VS_POLICY_KEYRING && !key->has_boot)
		return vs_policy_wrong(path, name,
		                       "the key of %s has no boot form",
		                       key->holder);
	if (!type_allowed(types, key))
		return vs_policy_wrong(path, name,
		                       "key_types: the key of %s is %s",
		                       key->holder, key_types[key->tuf.scheme]);
	vs_status status = p->demo ? VS_OK : check_demo(path, name, key);
	return status ? status : check_twice(path, row, role);
}

static vs_status load_keys(const char *path, struct vs_policy *p, int row,
                           const json_t *keys)
{
	struct vs_policy_role *role = &p->role[row];
	size_t count = json_array_size(keys);
	vs_status status = VS_OK;

	if (!count || count > VS_POLICY_KEYS_MAX)
		return vs_policy_wrong(path, vs_policy_rows[row].name,
		                       "1 to %d keys", VS_POLICY_KEYS_MAX);
	for (size_t i = 0; i < count && !status; i++) {
		status =
			load_key(path, json_array_get(keys, i), &role->keys[i]);
		if (status)
			break;
		role->key_count++;
		status = check_key(path, p, row);
	}
	return status;
}

static vs_status check_numbers(const char *path, int row,
                               const struct vs_policy_role *role)
{
	const struct vs_policy_row *r = &vs_policy_rows[row];

	if (role->threshold < r->least || role->threshold > role->key_count)
		return vs_policy_wrong(
			path, r->name,
			"threshold: must be %llu to its %zu keys",
			(unsigned long long)r->least, role->key_count);
	if (r->expires &&
	    (!role->expires_days || role->expires_days > days_max))
		return vs_policy_wrong(path, r->name,
		                       "expires_days: must be 1 to %d",
		                       days_max);
	return VS_OK;
}

vs_status vs_policy_load_role(const char *path, struct vs_policy *p, int row)
{
	const struct vs_policy_row *r = &vs_policy_rows[row];
	struct vs_policy_role *role = &p->role[row];
	const json_t *o = vs_policy_member(p->json, row);
	json_t *keys;
	struct vs_why why = {0};
	char file[PATH_MAX + 64];

	if (!o && r->kind == VS_POLICY_DELEGATED)
		return VS_OK;
	if (!json_is_object(o))
		return vs_policy_wrong(path, r->name, "is missing");
	role->present = true;
	vs_status status =
		check_types(path, row, json_object_get(o, "key_types"));
	if (status)
		return status;
	snprintf(file, sizeof file, "%s: %s", path, r->name);
	status = vs_json_array(o, "keys", &keys, &why);
	if (!status)
		status = vs_json_uint(o, "threshold", &role->threshold, &why);
	if (!status && r->expires)
		status = vs_json_uint(o, "expires_days", &role->expires_days,
		                      &why);
	if (status)
		return vs_say_why(status, file, &why);
	status = load_keys(path, p, row, keys);
	return status ? status : check_numbers(path, row, role);
}

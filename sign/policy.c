/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/policy.c - who may sign what in a room, how many of them, how long.
 */
#include "sign/policy.h"

#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "sign/say.h"
#include "trust/json.h"

enum { policy_max = 512 * 1024, days_max = 3650 };

/* People's roles expire; online ones are signed anew by the server. */
static const struct {
	const char *inside; /* NULL: at the top */
	const char *name;
	bool people;
	bool expires;
} rows[VS_POLICY_ROLES] = {
	[VS_POLICY_ROOT] = {NULL,       "root",            true,  true },
	[VS_POLICY_TARGETS] = {NULL,       "targets",         true,  true },
	[VS_POLICY_SNAPSHOT] = {NULL,       "snapshot",        false, false},
	[VS_POLICY_TIMESTAMP] = {NULL,       "timestamp",       false, false},
	[VS_POLICY_RELEASES] = {NULL,       VS_POLICY_RELEASE, true,  true },
	[VS_POLICY_DIRECTOR_ROOT] = {"director", "root",            true,  true },
	[VS_POLICY_DIRECTOR_ONLINE] = {"director", "online",          false, false},
	[VS_POLICY_KEYRING] = {NULL,       "keyring",         true,  false},
};

VS_PRINTF(3, 4)
static vs_status wrong(const char *path, const char *field, const char *fmt,
                       ...)
{
	char text[160];
	va_list args;

	va_start(args, fmt);
	if (vsnprintf(text, sizeof text, fmt, args) < 0)
		text[0] = 0;
	va_end(args);
	vs_error("%s: %s: %s", path, field, text);
	return VS_ERR_INPUT;
}

/* A key that stands in the policy itself, or the file it names. */
static vs_status load_key(const char *path, const json_t *from,
                          struct vs_pubkey *out)
{
	char file[PATH_MAX];
	const char *name = json_string_value(from);
	const char *slash = strrchr(path, '/');
	int dir = slash ? (int)(slash - path) + 1 : 0;

	if (json_is_object(from))
		return vs_pubkey_decode(path, from, out);
	if (!name)
		return wrong(path, "keys", "must be names of key files");
	int n = snprintf(file, sizeof file, "%.*s%s", name[0] == '/' ? 0 : dir,
	                 path, name);
	if (n < 0 || (size_t)n >= sizeof file)
		return wrong(path, "keys", "a file name is too long");
	return vs_pubkey_load(file, out);
}

static vs_status check_key(const char *path, int row,
                           const struct vs_policy_role *role)
{
	const struct vs_pubkey *key = &role->keys[role->key_count - 1];

	if (row == VS_POLICY_KEYRING && !key->has_boot)
		return wrong(path, rows[row].name,
		             "the key of %s has no boot form", key->holder);
	for (size_t i = 0; i + 1 < role->key_count; i++) {
		if (vs_key_same(&role->keys[i].tuf, &key->tuf))
			return wrong(path, rows[row].name,
			             "one key twice (%s and %s)",
			             role->keys[i].holder, key->holder);
		if (rows[row].people &&
		    strcmp(role->keys[i].holder, key->holder) == 0)
			return wrong(path, rows[row].name,
			             "%s holds two of its keys: one person, "
			             "one key",
			             key->holder);
	}
	return VS_OK;
}

static vs_status load_keys(const char *path, int row, const json_t *keys,
                           struct vs_policy_role *role)
{
	size_t count = json_array_size(keys);
	vs_status status = VS_OK;

	if (!count || count > VS_POLICY_KEYS_MAX)
		return wrong(path, rows[row].name, "1 to %d keys",
		             VS_POLICY_KEYS_MAX);
	for (size_t i = 0; i < count && !status; i++) {
		status =
			load_key(path, json_array_get(keys, i), &role->keys[i]);
		if (status)
			break;
		role->key_count++;
		status = check_key(path, row, role);
	}
	return status;
}

static const json_t *member_of(const json_t *json, int row)
{
	const json_t *in = rows[row].inside
	                           ? json_object_get(json, rows[row].inside)
	                           : json;
	const json_t *o = json_object_get(in, rows[row].name);

	/* the director's root may be held by those of the image root */
	if (!o && row == VS_POLICY_DIRECTOR_ROOT)
		return json_object_get(json, rows[VS_POLICY_ROOT].name);
	return o;
}

static vs_status load_role(const char *path, const json_t *json, int row,
                           struct vs_policy_role *role)
{
	const json_t *o = member_of(json, row);
	json_t *keys;
	struct vs_why why = {0};
	char file[PATH_MAX + 64];

	if (!json_is_object(o))
		return wrong(path, rows[row].name, "is missing");
	snprintf(file, sizeof file, "%s: %s", path, rows[row].name);
	vs_status status = vs_json_array(o, "keys", &keys, &why);
	if (!status)
		status = vs_json_uint(o, "threshold", &role->threshold, &why);
	if (!status && rows[row].expires)
		status = vs_json_uint(o, "expires_days", &role->expires_days,
		                      &why);
	if (status)
		return vs_say_why(status, file, &why);
	status = load_keys(path, row, keys, role);
	if (status)
		return status;
	if (!role->threshold || role->threshold > role->key_count)
		return wrong(path, rows[row].name,
		             "threshold: must be 1 to its %zu keys",
		             role->key_count);
	if (rows[row].expires &&
	    (!role->expires_days || role->expires_days > days_max))
		return wrong(path, rows[row].name,
		             "expires_days: must be 1 to %d", days_max);
	return VS_OK;
}

static vs_status load_texts(const char *path, const json_t *json, int row,
                            const char *name, const char **out, size_t max,
                            size_t *count)
{
	const json_t *list = json_object_get(member_of(json, row), name);

	*count = json_array_size(list);
	if (!*count || *count > max)
		return wrong(path, name, "must be 1 to %zu texts", max);
	for (size_t i = 0; i < *count; i++) {
		out[i] = json_string_value(json_array_get(list, i));
		if (!out[i] || !*out[i] || strlen(out[i]) >= VS_COMPONENT_LEN)
			return wrong(path, name, "must be texts of 1 to %d",
			             VS_COMPONENT_LEN - 1);
	}
	return VS_OK;
}

static vs_status only(const char *path, const char *in, json_t *o,
                      const char *const *names)
{
	const char *name;
	json_t *value;

	json_object_foreach(o, name, value)
	{
		char quoted[64];
		size_t i = 0;

		while (names[i] && strcmp(names[i], name) != 0)
			i++;
		if (!names[i])
			return wrong(path, in, "%s: no such member is known",
			             vs_log_quote(name, quoted, sizeof quoted));
	}
	return VS_OK;
}

/* A misspelt member must not pass for one that was left out. */
static vs_status check_members(const char *path, json_t *json)
{
	static const char *const top[] = {
		"version",   "root",    "targets",  "snapshot",
		"timestamp", "keyring", "director", VS_POLICY_RELEASE,
		NULL};
	static const char *const director[] = {"root", "online", NULL};
	static const char *const role[] = {"keys",         "threshold",
	                                   "expires_days", "paths",
	                                   "components",   NULL};
	const char *name;
	json_t *value;
	vs_status status = only(path, "policy", json, top);

	if (!status)
		status = only(path, "director",
		              json_object_get(json, "director"), director);
	json_object_foreach(json, name, value)
	{
		if (!status && strcmp(name, "director") != 0)
			status = only(path, name, value, role);
	}
	return status;
}

static vs_status load_version(const char *path, struct vs_policy *p)
{
	struct vs_why why = {0};

	p->version = 1;
	if (!json_object_get(p->json, "version"))
		return VS_OK;
	vs_status status = vs_json_uint(p->json, "version", &p->version, &why);
	return status ? vs_say_why(status, path, &why) : VS_OK;
}

static vs_status load_all(const char *path, struct vs_policy *p)
{
	vs_status status = check_members(path, p->json);

	if (!status)
		status = load_version(path, p);
	for (int i = 0; i < VS_POLICY_ROLES && !status; i++)
		status = load_role(path, p->json, i, &p->role[i]);
	if (!status)
		status = load_texts(path, p->json, VS_POLICY_RELEASES, "paths",
		                    p->paths, VS_POLICY_PATHS_MAX,
		                    &p->path_count);
	if (!status)
		status = load_texts(path, p->json, VS_POLICY_KEYRING,
		                    "components", p->components,
		                    VS_KEYRING_COMPONENTS_MAX,
		                    &p->component_count);
	return status;
}

vs_status vs_policy_load(const char *path, struct vs_policy **out)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_why why = {0};
	size_t len;
	vs_status status = vs_file_read(path, policy_max, &bytes, &len);

	*out = NULL;
	if (status)
		return vs_say_io(status, path);
	struct vs_policy *p = calloc(1, sizeof *p);
	if (!p)
		return vs_say_io(VS_ERR_NOMEM, path);
	status = vs_json_parse(bytes, len, policy_max, &p->json, &why);
	if (status)
		vs_say_why(status, path, &why);
	else
		status = load_all(path, p);
	if (status)
		vs_policy_free(&p);
	*out = p;
	return status;
}

void vs_policy_free(struct vs_policy **pp)
{
	struct vs_policy *p = *pp;

	*pp = NULL;
	if (!p)
		return;
	for (size_t i = 0; i < VS_POLICY_ROLES; i++)
		for (size_t k = 0; k < p->role[i].key_count; k++)
			vs_pubkey_drop(&p->role[i].keys[k]);
	json_decref(p->json);
	free(p);
}

static json_t *encode_role(const struct vs_policy *p, int row)
{
	const struct vs_policy_role *role = &p->role[row];
	json_t *o = json_deep_copy(member_of(p->json, row));
	json_t *keys = json_array();
	bool ok = o && keys;

	for (size_t i = 0; ok && i < role->key_count; i++)
		ok = json_array_append_new(
			     keys, vs_pubkey_encode(&role->keys[i])) == 0;
	if (!ok || json_object_set(o, "keys", keys)) {
		json_decref(o);
		o = NULL;
	}
	json_decref(keys);
	return o;
}

vs_status vs_policy_store(const struct vs_policy *p, const char *path)
{
	VS_AUTO(vs_json_drop)
	json_t *whole = json_pack("{s:I, s:{}}", "version",
	                          (json_int_t)p->version, "director");
	bool ok = whole != NULL;

	for (int i = 0; i < VS_POLICY_ROLES && ok; i++) {
		json_t *in = rows[i].inside
		                     ? json_object_get(whole, rows[i].inside)
		                     : whole;

		ok = json_object_set_new(in, rows[i].name, encode_role(p, i)) ==
		     0;
	}
	return ok ? vs_say_json(path, whole, 0644)
	          : vs_say_io(VS_ERR_NOMEM, path);
}

bool vs_policy_holder(const struct vs_policy *p, const char *id, char *out,
                      size_t cap)
{
	snprintf(out, cap, "unknown");
	for (size_t i = 0; i < VS_POLICY_ROLES; i++) {
		for (size_t k = 0; k < p->role[i].key_count; k++) {
			const struct vs_pubkey *key = &p->role[i].keys[k];
			char boot_id[65];

			vs_hex_encode(key->boot_id, sizeof key->boot_id,
			              boot_id);
			if (strcmp(key->tuf.id, id) != 0 &&
			    (!key->has_boot || strcmp(boot_id, id) != 0))
				continue;
			snprintf(out, cap, "%s (%s)", key->holder, key->label);
			return true;
		}
	}
	return false;
}

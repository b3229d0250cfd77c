/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/tuf_form.c - the form of what timestamp, snapshot and targets list.
 *
 * A file is checked as a whole when it enters, so that whoever uses it later
 * finds members of the right kind.
 */
#include <string.h>

#include "trust/digest.h"
#include "trust/json.h"
#include "trust/tuf_state.h"

static vs_status malformed(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static json_t *loose(const json_t *v)
{
	return (json_t *)(uintptr_t)v;
}

static vs_status check_hashes(const json_t *hashes, struct vs_why *why)
{
	const char *name;
	json_t *v;

	if (json_object_size(hashes) == 0)
		return malformed(why, "hashes");
	json_object_foreach(loose(hashes), name, v)
	{
		if (!json_string_value(v))
			return malformed(why, "hashes");
	}
	return VS_OK;
}

static vs_status check_entry(const json_t *entry, struct vs_why *why)
{
	const json_t *hashes = json_object_get(entry, "hashes");
	uint64_t number = 0;
	vs_status status = vs_json_uint(entry, "version", &number, why);

	if (!status && number == 0)
		status = malformed(why, "version");
	if (!status && json_object_get(entry, "length"))
		status = vs_json_uint(entry, "length", &number, why);
	if (!status && hashes)
		status = check_hashes(hashes, why);
	return status;
}

vs_status vs_tuf_meta_check(const json_t *body, struct vs_why *why)
{
	const char *name;
	json_t *meta, *entry;
	vs_status status = vs_json_object(body, "meta", &meta, why);

	if (status)
		return status;
	json_object_foreach(meta, name, entry)
	{
		status = check_entry(entry, why);
		if (status)
			return status;
	}
	return VS_OK;
}

vs_status vs_tuf_listed_get(const json_t *body, struct vs_tuf_listed *out,
                            struct vs_why *why)
{
	char key[VS_TUF_NAME_MAX];
	size_t len = strlen(out->role);
	const json_t *entry, *length;

	if (len + sizeof ".json" > sizeof key)
		return malformed(why, "a role's name");
	memcpy(key, out->role, len);
	memcpy(key + len, ".json", sizeof ".json");
	entry = json_object_get(json_object_get(body, "meta"), key);
	if (!entry)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_NOT_LISTED,
		               "the snapshot or timestamp does not list a role",
		               0);
	length = json_object_get(entry, "length");
	out->version =
		(uint64_t)json_integer_value(json_object_get(entry, "version"));
	out->has_length = length != NULL;
	out->length = (uint64_t)json_integer_value(length);
	out->hashes = json_object_get(entry, "hashes");
	return VS_OK;
}

static vs_status check_target(const json_t *entry, struct vs_why *why)
{
	const json_t *custom = json_object_get(entry, "custom");
	uint64_t length;
	vs_status status = vs_json_uint(entry, "length", &length, why);

	if (!status)
		status = check_hashes(json_object_get(entry, "hashes"), why);
	if (!status && custom && !json_is_object(custom))
		status = malformed(why, "custom");
	return status;
}

static vs_status check_strings(const json_t *role, const char *name,
                               struct vs_why *why)
{
	json_t *list;
	vs_status status = vs_json_array(role, name, &list, why);

	if (status)
		return status;
	for (size_t i = 0; i < json_array_size(list); i++) {
		if (!json_string_value(json_array_get(list, i)))
			return malformed(why, name);
	}
	return VS_OK;
}

static vs_status check_paths(const json_t *role, struct vs_why *why)
{
	const json_t *paths = json_object_get(role, "paths");
	const json_t *prefixes = json_object_get(role, "path_hash_prefixes");

	if (!paths == !prefixes)
		return malformed(why,
		                 "paths or path_hash_prefixes, one of them");
	return check_strings(role, paths ? "paths" : "path_hash_prefixes", why);
}

/* The keys themselves are read when the role is asked; here its numbers. */
static vs_status check_role(const json_t *role, struct vs_why *why)
{
	char encoded[VS_TUF_ROLE_MAX];
	struct vs_role numbers;
	const char *name;
	vs_status status = vs_json_string(role, "name", &name, why);

	if (!status && vs_tuf_role_encode(name, true, encoded))
		status = malformed(why, "name of a delegated role");
	if (!status)
		status = vs_role_parse(role, NULL, &numbers, why);
	if (status)
		return status;
	vs_role_drop(&numbers);
	if (!json_is_boolean(json_object_get(role, "terminating")))
		return malformed(why, "terminating");
	return check_paths(role, why);
}

static vs_status check_roles(const json_t *roles, json_t *names,
                             struct vs_why *why)
{
	for (size_t i = 0; i < json_array_size(roles); i++) {
		const json_t *role = json_array_get(roles, i);
		const char *name;
		vs_status status = check_role(role, why);

		if (status)
			return status;
		name = json_string_value(json_object_get(role, "name"));
		if (json_object_get(names, name))
			return malformed(why, "a role is delegated to twice");
		if (json_object_set_new(names, name, json_true()))
			return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
			               "out of memory", 0);
	}
	return VS_OK;
}

static vs_status check_delegations(const json_t *body, struct vs_why *why)
{
	json_t *delegations = json_object_get(body, "delegations");
	json_t *keys, *roles;
	json_t *names;
	vs_status status;

	if (!delegations)
		return VS_OK;
	if ((status = vs_json_object(delegations, "keys", &keys, why)) ||
	    (status = vs_json_array(delegations, "roles", &roles, why)))
		return status;
	names = json_object();
	if (!names)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
		               "out of memory", 0);
	status = check_roles(roles, names, why);
	json_decref(names);
	return status;
}

vs_status vs_tuf_targets_check(const json_t *body, struct vs_why *why)
{
	json_t *targets, *entry;
	const char *path;
	vs_status status = vs_json_object(body, "targets", &targets, why);

	if (status)
		return status;
	json_object_foreach(targets, path, entry)
	{
		status = check_target(entry, why);
		if (status)
			return status;
	}
	return check_delegations(body, why);
}

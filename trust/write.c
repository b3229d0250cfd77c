/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/write.c - the bodies of TUF metadata, for those who sign it.
 *
 * What is written here is what the client's strictest reader accepts.
 */
#include "trust/write.h"

#include <string.h>

#include "trust/digest.h"
#include "trust/path.h"
#include "trust/time.h"
#include "trust/tuf_state.h"

#define INTEGER_MAX 9007199254740991U /* 2^53 - 1 */

/* Takes v in every case. */
static vs_status set(json_t *object, const char *name, json_t *v)
{
	return json_object_set_new(object, name, v) ? VS_ERR_NOMEM : VS_OK;
}

static vs_status common(const char *type, uint64_t version, uint64_t expires_s,
                        json_t **out)
{
	char expires[VS_TIME_LEN];

	*out = NULL;
	if (version == 0 || version > INTEGER_MAX)
		return VS_ERR_INPUT;
	vs_time_format(expires_s, expires);
	*out = json_pack("{s:s, s:s, s:I, s:s}", "_type", type, "spec_version",
	                 VS_SPEC_VERSION, "version", (json_int_t)version,
	                 "expires", expires);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

/* Gives what was made or, after a failure, drops it. */
static vs_status give(vs_status status, json_t *made, json_t **out)
{
	if (status) {
		json_decref(made);
		made = NULL;
	}
	*out = made;
	return status;
}

/* Adds the role's keys to keys and gives its keyids and threshold. */
static vs_status write_role(const struct vs_write_role *role, json_t *keys,
                            json_t **out)
{
	json_t *ids;
	vs_status status = VS_OK;

	*out = NULL;
	if (role->threshold == 0 || role->threshold > role->key_count ||
	    role->key_count > VS_ROLE_KEYS_MAX)
		return VS_ERR_INPUT;
	*out = json_pack("{s:[], s:I}", "keyids", "threshold",
	                 (json_int_t)role->threshold);
	ids = json_object_get(*out, "keyids");
	if (!ids)
		status = VS_ERR_NOMEM;
	for (size_t i = 0; !status && i < role->key_count; i++) {
		const struct vs_key *k = &role->keys[i];

		for (size_t j = 0; j < i; j++) {
			if (vs_key_same(k, &role->keys[j]))
				status = VS_ERR_INPUT;
		}
		if (!status && (json_object_set(keys, k->id, k->object) ||
		                json_array_append_new(ids, json_string(k->id))))
			status = VS_ERR_NOMEM;
	}
	return give(status, *out, out);
}

static bool top_level(const char *name)
{
	return strcmp(name, "root") == 0 || strcmp(name, "targets") == 0 ||
	       strcmp(name, "snapshot") == 0 || strcmp(name, "timestamp") == 0;
}

static vs_status fill_root(json_t *root, const struct vs_write_role *roles,
                           size_t count)
{
	json_t *keys = json_object();
	json_t *named = json_object();
	vs_status status = set(root, "keys", keys);

	if (set(root, "roles", named) ||
	    set(root, "consistent_snapshot", json_true()))
		status = VS_ERR_NOMEM;
	if (!status && count != TOP_COUNT)
		status = VS_ERR_INPUT;
	for (size_t i = 0; !status && i < count; i++) {
		json_t *role;

		if (!top_level(roles[i].name) ||
		    json_object_get(named, roles[i].name))
			return VS_ERR_INPUT;
		status = write_role(&roles[i], keys, &role);
		if (!status)
			status = set(named, roles[i].name, role);
	}
	return status;
}

vs_status vs_write_root(uint64_t version, uint64_t expires_s,
                        const struct vs_write_role *roles, size_t count,
                        json_t **out)
{
	json_t *root;
	vs_status status = common("root", version, expires_s, &root);

	if (!status)
		status = fill_root(root, roles, count);
	return give(status, root, out);
}

static bool is_json_name(const char *name)
{
	size_t len = strlen(name);

	return len > 5 && strcmp(name + len - 5, ".json") == 0;
}

static vs_status add_meta(json_t *meta, const struct vs_write_file *f)
{
	char hex[VS_DIGEST_HEX_MAX];
	vs_status status;

	if (!is_json_name(f->name) || f->version == 0 ||
	    f->version > INTEGER_MAX || json_object_get(meta, f->name))
		return VS_ERR_INPUT;
	status = vs_digest_hex("sha256", f->bytes, f->len, hex);
	if (status)
		return status;
	return set(meta, f->name,
	           json_pack("{s:I, s:I, s:{s:s}}", "version",
	                     (json_int_t)f->version, "length",
	                     (json_int_t)f->len, "hashes", "sha256", hex));
}

static vs_status fill_meta(json_t *body, const struct vs_write_file *files,
                           size_t count)
{
	json_t *meta = json_object();
	vs_status status = set(body, "meta", meta);

	for (size_t i = 0; !status && i < count; i++)
		status = add_meta(meta, &files[i]);
	return status;
}

vs_status vs_write_timestamp(uint64_t version, uint64_t issued_s,
                             uint64_t expires_s,
                             const struct vs_write_file *snapshot, json_t **out)
{
	char issued[VS_TIME_LEN];
	json_t *body;
	vs_status status = common("timestamp", version, expires_s, &body);

	vs_time_format(issued_s, issued);
	if (!status && (issued_s >= expires_s ||
	                strcmp(snapshot->name, "snapshot.json") != 0))
		status = VS_ERR_INPUT;
	if (!status && issued_s > 0)
		status = set(body, "issued", json_string(issued));
	if (!status)
		status = fill_meta(body, snapshot, 1);
	return give(status, body, out);
}

vs_status vs_write_snapshot(uint64_t version, uint64_t expires_s,
                            const struct vs_write_file *files, size_t count,
                            json_t **out)
{
	json_t *body;
	vs_status status = common("snapshot", version, expires_s, &body);

	if (!status)
		status = fill_meta(body, files, count);
	return give(status, body, out);
}

vs_status vs_write_targets(uint64_t version, uint64_t expires_s, json_t **out)
{
	json_t *body;
	vs_status status = common("targets", version, expires_s, &body);

	if (!status)
		status = set(body, "targets", json_object());
	return give(status, body, out);
}

static bool printable(const char *text)
{
	for (; *text; text++) {
		if (*text < ' ' || *text > '~')
			return false;
	}
	return true;
}

static bool uncontrolled(const char *text)
{
	for (; *text; text++) {
		if ((unsigned char)*text < ' ' || *text == 0x7f)
			return false;
	}
	return true;
}

/* The publisher's rules, so that every client reads the same. */
static bool portable(json_t *v, int depth)
{
	const char *key;
	json_t *member;

	if (depth == 0 || json_is_real(v))
		return false;
	if (json_is_integer(v))
		return json_integer_value(v) <= (json_int_t)INTEGER_MAX &&
		       json_integer_value(v) >= -(json_int_t)INTEGER_MAX;
	if (json_is_string(v))
		return uncontrolled(json_string_value(v));
	for (size_t i = 0; i < json_array_size(v); i++) {
		if (!portable(json_array_get(v, i), depth - 1))
			return false;
	}
	json_object_foreach(v, key, member)
	{
		if (!printable(key) || !portable(member, depth - 1))
			return false;
	}
	return true;
}

static vs_status make_target(const struct vs_write_file *file, json_t **out)
{
	char sha256[VS_DIGEST_HEX_MAX], sha512[VS_DIGEST_HEX_MAX];
	vs_status status =
		vs_digest_hex("sha256", file->bytes, file->len, sha256);

	*out = NULL;
	if (!status)
		status =
			vs_digest_hex("sha512", file->bytes, file->len, sha512);
	if (status)
		return status;
	*out = json_pack("{s:I, s:{s:s, s:s}}", "length", (json_int_t)file->len,
	                 "hashes", "sha256", sha256, "sha512", sha512);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

vs_status vs_write_add_target(json_t *targets, const struct vs_write_file *file,
                              json_t *custom)
{
	json_t *all = json_object_get(targets, "targets");
	json_t *entry = NULL;
	vs_status status = VS_OK;

	if (!all || !vs_target_path_fits(file->name) ||
	    (custom && (!json_is_object(custom) || !portable(custom, 24))))
		status = VS_ERR_INPUT;
	if (!status)
		status = make_target(file, &entry);
	if (!status && custom)
		status = json_object_set(entry, "custom", custom) ? VS_ERR_NOMEM
		                                                  : VS_OK;
	json_decref(custom);
	if (!status)
		return set(all, file->name, entry);
	json_decref(entry);
	return status;
}

static json_t *delegations_of(json_t *targets)
{
	json_t *d = json_object_get(targets, "delegations");

	if (d)
		return d;
	d = json_pack("{s:{}, s:[]}", "keys", "roles");
	return set(targets, "delegations", d) ? NULL : d;
}

static vs_status add_paths(json_t *made, const char *const *paths,
                           size_t path_count)
{
	json_t *list = json_array();
	vs_status status = set(made, "paths", list);

	for (size_t i = 0; !status && i < path_count; i++) {
		if (!printable(paths[i]))
			status = VS_ERR_INPUT;
		else if (json_array_append_new(list, json_string(paths[i])))
			status = VS_ERR_NOMEM;
	}
	return status;
}

vs_status vs_write_add_delegation(json_t *targets,
                                  const struct vs_write_role *role,
                                  const char *const *paths, size_t path_count,
                                  bool terminating)
{
	char encoded[VS_TUF_ROLE_MAX];
	json_t *d, *roles, *made;
	vs_status status;

	if (!json_is_object(targets) || path_count == 0 ||
	    !printable(role->name) ||
	    vs_tuf_role_encode(role->name, true, encoded))
		return VS_ERR_INPUT;
	d = delegations_of(targets);
	if (!d)
		return VS_ERR_NOMEM;
	roles = json_object_get(d, "roles");
	for (size_t i = 0; i < json_array_size(roles); i++) {
		const char *name = json_string_value(
			json_object_get(json_array_get(roles, i), "name"));

		if (name && strcmp(name, role->name) == 0)
			return VS_ERR_INPUT;
	}
	status = write_role(role, json_object_get(d, "keys"), &made);
	if (status)
		return status;
	status = set(made, "name", json_string(role->name));
	if (!status)
		status = set(made, "terminating", json_boolean(terminating));
	if (!status)
		status = add_paths(made, paths, path_count);
	if (!status)
		return json_array_append_new(roles, made) ? VS_ERR_NOMEM
		                                          : VS_OK;
	json_decref(made);
	return status;
}

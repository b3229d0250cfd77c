/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/policy.c - who may sign what in a room, how many of them, how long.
 */
#include "sign/policy.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "sign/policy_rows.h"
#include "sign/say.h"
#include "trust/json.h"

enum { policy_max = 512 * 1024 };

vs_status vs_policy_wrong(const char *path, const char *field, const char *fmt,
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

vs_status vs_policy_only(const char *path, const char *in, json_t *o,
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
			return vs_policy_wrong(
				path, in, "%s: no such member is known",
				vs_log_quote(name, quoted, sizeof quoted));
	}
	return VS_OK;
}

/* A misspelt member must not pass for one that was left out. */
static vs_status check_members(const char *path, json_t *json)
{
	const char *top[VS_POLICY_ROLES + 4] = {"version", "mode", "director"};
	static const char *const director[] = {"root", "online", NULL};
	size_t n = 3;

	for (int i = 0; i < VS_POLICY_ROLES; i++)
		if (!vs_policy_rows[i].inside)
			top[n++] = vs_policy_rows[i].name;
	vs_status status = vs_policy_only(path, "policy", json, top);
	if (!status)
		status = vs_policy_only(path, "director",
		                        json_object_get(json, "director"),
		                        director);
	for (int i = 0; i < VS_POLICY_ROLES && !status; i++) {
		const struct vs_policy_row *r = &vs_policy_rows[i];
		json_t *in =
			r->inside ? json_object_get(json, r->inside) : json;

		status = vs_policy_only(path, r->name,
		                        json_object_get(in, r->name),
		                        r->members);
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

/* Production unless it says otherwise: nobody slips into a demo. */
static vs_status load_mode(const char *path, struct vs_policy *p)
{
	const json_t *mode = json_object_get(p->json, "mode");
	const char *text = json_string_value(mode);

	p->demo = text && strcmp(text, "demo") == 0;
	if (!mode || p->demo || (text && strcmp(text, "production") == 0))
		return VS_OK;
	return vs_policy_wrong(path, "mode", "must be production or demo");
}

static vs_status load_all(const char *path, struct vs_policy *p)
{
	vs_status status = check_members(path, p->json);

	if (!status)
		status = load_version(path, p);
	if (!status)
		status = load_mode(path, p);
	for (int i = 0; i < VS_POLICY_ROLES && !status; i++)
		status = vs_policy_load_role(path, p, i);
	if (!status)
		status = vs_policy_texts(path, p, VS_POLICY_KEYRING,
		                         "components", &p->components);
	if (!status && (!p->components.count ||
	                p->components.count > VS_KEYRING_COMPONENTS_MAX))
		status = vs_policy_wrong(path, "keyring",
		                         "components: must be 1 to %d",
		                         VS_KEYRING_COMPONENTS_MAX);
	if (!status)
		status = vs_policy_load_lms(path, p);
	for (int i = VS_POLICY_DELEGATED_FIRST;
	     i <= VS_POLICY_DELEGATED_LAST && !status; i++)
		status = vs_policy_load_paths(path, p, i);
	return status ? status : vs_policy_check_apart(path, p);
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
	json_t *o = json_deep_copy(vs_policy_member(p->json, row));
	json_t *keys = json_array();
	bool ok = o && keys;

	for (size_t i = 0; ok && i < role->key_count; i++)
		ok = json_array_append_new(
			     keys, vs_pubkey_encode(&role->keys[i])) == 0;
	if (ok && row == VS_POLICY_KEYRING && p->lms_count)
		ok = json_object_set_new(o, "lms_keys",
		                         vs_policy_encode_lms(p)) == 0;
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
	json_t *whole =
		json_pack("{s:I, s:s, s:{}}", "version", (json_int_t)p->version,
	                  "mode", p->demo ? "demo" : "production", "director");
	bool ok = whole != NULL;

	for (int i = 0; i < VS_POLICY_ROLES && ok; i++) {
		const struct vs_policy_row *r = &vs_policy_rows[i];
		json_t *in =
			r->inside ? json_object_get(whole, r->inside) : whole;

		if (!p->role[i].present)
			continue;
		ok = json_object_set_new(in, r->name, encode_role(p, i)) == 0;
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
	for (size_t i = 0; i < p->lms_count; i++) {
		char boot_id[65];

		vs_hex_encode(p->lms[i].id, sizeof p->lms[i].id, boot_id);
		if (strcmp(boot_id, id) != 0)
			continue;
		snprintf(out, cap, "%s (%s)", p->lms[i].holder,
		         p->lms[i].label);
		return true;
	}
	return false;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/online.c - online keys in files, and signing with them.
 */
#include "server/online.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/pem.h"
#include "trust/json.h"
#include "trust/tuf.h"

enum { path_max = 1200 };

static const char *const names[VS_ONLINE_KEYS] = {"director", "snapshot",
                                                  "timestamp"};

static void path_of(char out[static path_max], const char *data_dir,
                    const char *name, const char *kind)
{
	snprintf(out, path_max, "%s/online/%s.%s", data_dir, name, kind);
}

/* "server" tells the signing room that no person holds this key. */
static vs_status write_public(const char *path, const struct vs_key *key)
{
	VS_AUTO(vs_free_drop) char *text = NULL;
	size_t len;
	VS_AUTO(vs_json_drop)
	json_t *o =
		json_pack("{s:s, s:O}", "holder", "server", "tuf", key->object);

	if (!o)
		return VS_ERR_NOMEM;
	vs_status status = vs_json_canonical(o, &text, &len);
	return status ? status : vs_file_replace(path, text, len, 0644);
}

static vs_status init_key(const char *data_dir, const char *name,
                          char path[static path_max])
{
	EVP_PKEY *pkey = NULL;
	struct vs_key key = {0};
	vs_status status;

	path_of(path, data_dir, name, "pem");
	if (vs_file_exists(path))
		status = vs_pem_private_key(path, &pkey);
	else
		status = vs_pem_generate(path, true, &pkey);
	if (!status)
		status = vs_key_from_pkey(pkey, &key);
	if (!status) {
		path_of(path, data_dir, name, "pub.json");
		status = write_public(path, &key);
	}
	vs_key_drop(&key);
	EVP_PKEY_free(pkey);
	return status;
}

vs_status vs_online_init(const char *data_dir, char error[static 256])
{
	char path[path_max];

	snprintf(path, sizeof path, "%s/online", data_dir);
	vs_status status = vs_file_mkdirs(path, 0700);
	for (size_t i = 0; !status && i < VS_ONLINE_KEYS; i++)
		status = init_key(data_dir, names[i], path);
	if (status)
		snprintf(error, 256, "%.200s: %s", path,
		         vs_status_name(status));
	return status;
}

vs_status vs_online_load(const char *data_dir, struct vs_online *out,
                         char error[static 256])
{
	char path[path_max] = "";
	vs_status status = VS_OK;

	*out = (struct vs_online){0};
	for (size_t i = 0; !status && i < VS_ONLINE_KEYS; i++) {
		struct vs_online_key *k = &out->keys[i];

		path_of(path, data_dir, names[i], "pem");
		status = vs_pem_private_key(path, &k->pkey);
		if (!status)
			status = vs_key_from_pkey(k->pkey, &k->public);
	}
	if (status)
		snprintf(error, 256, "%.200s: %s", path,
		         vs_status_name(status));
	return status;
}

void vs_online_drop(struct vs_online *o)
{
	for (size_t i = 0; i < VS_ONLINE_KEYS; i++) {
		EVP_PKEY_free(o->keys[i].pkey);
		vs_key_drop(&o->keys[i].public);
	}
	*o = (struct vs_online){0};
}

static vs_status parse_role(json_t *roles, const json_t *keys, const char *name,
                            struct vs_role *out, struct vs_why *why)
{
	json_t *role;
	vs_status status = vs_json_object(roles, name, &role, why);

	return status ? status : vs_role_parse(role, keys, out, why);
}

vs_status vs_signers_parse(const uint8_t *root, size_t len,
                           struct vs_signers *out, struct vs_why *why)
{
	struct vs_envelope e = {0};
	json_t *roles, *keys;

	*out = (struct vs_signers){0};
	vs_status status =
		vs_envelope_parse(root, len, VS_TUF_ROOT_MAX, "root", &e, why);
	if (!status)
		status = vs_json_object(e.body, "roles", &roles, why);
	if (!status)
		status = vs_json_object(e.body, "keys", &keys, why);
	if (!status)
		status = parse_role(roles, keys, "snapshot", &out->snapshot,
		                    why);
	if (!status)
		status = parse_role(roles, keys, "timestamp", &out->timestamp,
		                    why);
	if (!status)
		status = parse_role(roles, keys, "targets", &out->targets, why);
	vs_envelope_drop(&e);
	return status;
}

void vs_signers_drop(struct vs_signers *s)
{
	vs_role_drop(&s->snapshot);
	vs_role_drop(&s->timestamp);
	vs_role_drop(&s->targets);
}

static bool lists(const struct vs_role *role, const char *key_id)
{
	for (size_t i = 0; i < role->key_count; i++)
		if (strcmp(role->keys[i].id, key_id) == 0)
			return true;
	return false;
}

bool vs_online_satisfies(const struct vs_online *o, const struct vs_role *role)
{
	uint64_t count = 0;

	for (size_t i = 0; i < VS_ONLINE_KEYS; i++)
		count += lists(role, o->keys[i].public.id);
	return count >= role->threshold;
}

static vs_status add_signatures(const struct vs_online *o,
                                const struct vs_role *role,
                                struct vs_envelope *e)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < VS_ONLINE_KEYS; i++) {
		const struct vs_online_key *k = &o->keys[i];
		uint8_t sig[128];
		size_t len = sizeof sig;

		if (!lists(role, k->public.id))
			continue;
		status =
			vs_pem_sign(k->pkey, e->canon, e->canon_len, sig, &len);
		if (!status)
			status = vs_envelope_add(e, k->public.id, sig, len);
	}
	return status;
}

vs_status vs_online_sign(const struct vs_online *o, const struct vs_role *role,
                         json_t *body, char **out, size_t *len,
                         struct vs_why *why)
{
	struct vs_envelope e = {0};

	*out = NULL;
	vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "signing", 0);
	vs_status status = vs_envelope_new(body, &e);
	if (!status)
		status = add_signatures(o, role, &e);
	/* What would not be believed is not given out. */
	if (!status)
		status = vs_envelope_verify(&e, role, why);
	if (!status)
		status = vs_envelope_encode(&e, out, len);
	vs_envelope_drop(&e);
	return status;
}

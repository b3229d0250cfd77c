/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/online.c - online keys, and signing with them.
 */
#include "server/publish/online.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/pem.h"
#include "server/publish/online_token.h"
#include "trust/json.h"
#include "trust/tuf.h"

enum { path_max = 1200 };

const char *const vs_online_names[VS_ONLINE_KEYS] = {"director", "snapshot",
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

static void fail(vs_status status, const char *path, char error[static 256])
{
	snprintf(error, 256, "%.200s: %s", path, vs_status_name(status));
}

/* A key in its file. */
static vs_status file_key(const struct vs_online_place *place, const char *name,
                          bool make, EVP_PKEY **out, char error[static 256])
{
	char path[path_max];
	vs_status status;

	path_of(path, place->data_dir, name, "pem");
	if (make && !vs_file_exists(path))
		status = vs_pem_generate(path, true, out);
	else
		status = vs_pem_private_key(path, out);
	if (status)
		fail(status, path, error);
	return status;
}

/* make: what is not there yet.  Drop *out in every case. */
static vs_status get_keys(const struct vs_online_place *place, bool make,
                          struct vs_online *out, char error[static 256])
{
	vs_status status = VS_OK;

	*out = (struct vs_online){0};
	if (*place->module)
		status = vs_online_token_open(place, make, &out->token, error);
	for (size_t i = 0; !status && i < VS_ONLINE_KEYS; i++) {
		struct vs_online_key *k = &out->keys[i];

		status = out->token ? vs_online_token_key(out->token, i, make,
		                                          &k->pkey, error)
		                    : file_key(place, vs_online_names[i], make,
		                               &k->pkey, error);
		if (status)
			break;
		status = vs_key_from_pkey(k->pkey, &k->public);
		if (status)
			fail(status, vs_online_names[i], error);
		if (out->token) {
			EVP_PKEY_free(k->pkey);
			k->pkey = NULL;
		}
	}
	return status;
}

vs_status vs_online_init(const struct vs_online_place *place,
                         char error[static 256])
{
	struct vs_online made = {0};
	char path[path_max];

	snprintf(path, sizeof path, "%s/online", place->data_dir);
	vs_status status = vs_file_mkdirs(path, 0700);
	if (status)
		fail(status, path, error);
	else
		status = get_keys(place, true, &made, error);
	for (size_t i = 0; !status && i < VS_ONLINE_KEYS; i++) {
		path_of(path, place->data_dir, vs_online_names[i], "pub.json");
		status = write_public(path, &made.keys[i].public);
		if (status)
			fail(status, path, error);
	}
	vs_online_drop(&made);
	return status;
}

vs_status vs_online_load(const struct vs_online_place *place,
                         struct vs_online *out, char error[static 256])
{
	return get_keys(place, false, out, error);
}

void vs_online_drop(struct vs_online *o)
{
	for (size_t i = 0; i < VS_ONLINE_KEYS; i++) {
		EVP_PKEY_free(o->keys[i].pkey);
		vs_key_drop(&o->keys[i].public);
	}
	vs_online_token_drop(&o->token);
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
		status = o->token
		                 ? vs_online_token_sign(o->token, i, e->canon,
		                                        e->canon_len, sig, &len)
		                 : vs_pem_sign(k->pkey, e->canon, e->canon_len,
		                               sig, &len);
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

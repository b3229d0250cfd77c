/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/envelope.c - {"signatures": [...], "signed": {...}}.
 *
 * A threshold counts distinct key material, not signatures and not key ids.
 */
#include "trust/envelope.h"

#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/json.h"
#include "trust/time.h"

#define SIGNATURE_MAX 1024

static vs_status malformed(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static const char *key_id_at(const json_t *signatures, size_t i)
{
	return json_string_value(
		json_object_get(json_array_get(signatures, i), "keyid"));
}

static vs_status check_signatures(const json_t *signatures, struct vs_why *why)
{
	size_t count = json_array_size(signatures);

	if (count > VS_ENVELOPE_SIGNATURES_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "too many signatures", 0);
	for (size_t i = 0; i < count; i++) {
		const char *id = key_id_at(signatures, i);
		const char *sig;
		vs_status status;

		if (!id)
			return malformed(why, "keyid");
		status = vs_json_string(json_array_get(signatures, i), "sig",
		                        &sig, why);
		if (status)
			return status;
		for (size_t j = 0; j < i; j++) {
			if (strcmp(id, key_id_at(signatures, j)) == 0)
				return vs_fail(VS_ERR_INPUT, why,
				               VS_REASON_DUPLICATE_KEYID,
				               "one key id signs twice", 0);
		}
	}
	return VS_OK;
}

static vs_status check_common(const json_t *body, const char *type,
                              struct vs_why *why)
{
	const char *text;
	uint64_t number;
	vs_status status = vs_json_string(body, "_type", &text, why);

	if (status)
		return status;
	if (strcmp(text, type) != 0)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_WRONG_TYPE,
		               "_type is not the role asked for", 0);
	status = vs_json_string(body, "spec_version", &text, why);
	if (status)
		return status;
	if (strncmp(text, "1.", 2) != 0 || !text[2] ||
	    strspn(text, "0123456789.") != strlen(text))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "spec_version is not 1.*", 0);
	status = vs_json_uint(body, "version", &number, why);
	if (!status && number == 0)
		status = malformed(why, "version");
	if (!status)
		status = vs_json_string(body, "expires", &text, why);
	if (!status && vs_time_parse(text, &number))
		status = malformed(why, "expires");
	return status;
}

static vs_status parse_into(struct vs_envelope *out, const char *type,
                            struct vs_why *why)
{
	json_t *signatures;
	vs_status status =
		vs_json_array(out->whole, "signatures", &signatures, why);

	if (!status)
		status = vs_json_object(out->whole, "signed", &out->body, why);
	if (!status)
		status = check_signatures(signatures, why);
	if (!status && type)
		status = check_common(out->body, type, why);
	if (status)
		return status;
	status = vs_json_canonical(out->body, &out->canon, &out->canon_len);
	return status ? vs_fail(status, why, VS_REASON_MALFORMED, "signed", 0)
	              : VS_OK;
}

vs_status vs_envelope_parse(const void *in, size_t len, size_t max,
                            const char *type, struct vs_envelope *out,
                            struct vs_why *why)
{
	vs_status status;

	*out = (struct vs_envelope){0};
	status = vs_json_parse(in, len, max, &out->whole, why);
	if (!status)
		status = parse_into(out, type, why);
	if (status)
		vs_envelope_drop(out);
	return status;
}

void vs_envelope_drop(struct vs_envelope *e)
{
	json_decref(e->whole);
	free(e->canon);
	*e = (struct vs_envelope){0};
}

/* A key that does not parse, or whose id is not its own, is absent. */
static vs_status add_key(const json_t *keys, const char *id,
                         struct vs_role *out)
{
	const json_t *object = json_object_get(keys, id);
	struct vs_key key;
	vs_status status;

	if (!object)
		return VS_OK;
	status = vs_key_parse(object, &key, NULL);
	if (status == VS_ERR_INPUT)
		return VS_OK;
	if (status)
		return status;
	if (strcmp(key.id, id) != 0)
		vs_key_drop(&key);
	else
		out->keys[out->key_count++] = key;
	return VS_OK;
}

static vs_status check_key_ids(const json_t *ids, struct vs_why *why)
{
	size_t count = json_array_size(ids);

	if (count > VS_ROLE_KEYS_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "too many keys in a role", 0);
	for (size_t i = 0; i < count; i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		if (!id)
			return malformed(why, "keyids");
		for (size_t j = 0; j < i; j++) {
			if (strcmp(id, json_string_value(
					       json_array_get(ids, j))) == 0)
				return vs_fail(VS_ERR_INPUT, why,
				               VS_REASON_DUPLICATE_KEYID,
				               "a role names one key twice", 0);
		}
	}
	return VS_OK;
}

vs_status vs_role_parse(const json_t *role, const json_t *keys,
                        struct vs_role *out, struct vs_why *why)
{
	json_t *ids = NULL;
	vs_status status;

	*out = (struct vs_role){0};
	if ((status = vs_json_array(role, "keyids", &ids, why)) ||
	    (status = vs_json_uint(role, "threshold", &out->threshold, why)) ||
	    (status = check_key_ids(ids, why)))
		return status;
	if (out->threshold == 0)
		return malformed(why, "threshold");
	out->keys = calloc(json_array_size(ids) + 1, sizeof *out->keys);
	if (!out->keys)
		status = VS_ERR_NOMEM;
	for (size_t i = 0; !status && i < json_array_size(ids); i++)
		status = add_key(
			keys, json_string_value(json_array_get(ids, i)), out);
	if (!status)
		return VS_OK;
	vs_role_drop(out);
	return vs_fail(status, why, VS_REASON_NONE, "a key cannot be read", 0);
}

void vs_role_drop(struct vs_role *r)
{
	for (size_t i = 0; i < r->key_count; i++)
		vs_key_drop(&r->keys[i]);
	free(r->keys);
	*r = (struct vs_role){0};
}

static const struct vs_key *key_of(const struct vs_role *role, const char *id)
{
	for (size_t i = 0; i < role->key_count; i++) {
		if (strcmp(role->keys[i].id, id) == 0)
			return &role->keys[i];
	}
	return NULL;
}

/* Whether the key's signature counts: good, and its material is new. */
static vs_status counts(const struct vs_envelope *e, const struct vs_key *key,
                        const char *hex, const struct vs_key *const *seen,
                        size_t seen_count)
{
	uint8_t sig[SIGNATURE_MAX];
	size_t sig_len = 0;

	if (vs_digest_get_hex(hex, sig, sizeof sig, &sig_len))
		return VS_ERR_REFUSED;
	for (size_t i = 0; i < seen_count; i++) {
		if (vs_key_same(seen[i], key))
			return VS_ERR_REFUSED;
	}
	return vs_key_verify(key, e->canon, e->canon_len, sig, sig_len);
}

vs_status vs_envelope_verify(const struct vs_envelope *e,
                             const struct vs_role *role, struct vs_why *why)
{
	const json_t *signatures = json_object_get(e->whole, "signatures");
	const struct vs_key *seen[VS_ENVELOPE_SIGNATURES_MAX];
	size_t good = 0;

	for (size_t i = 0; i < json_array_size(signatures) &&
	                   good < VS_ENVELOPE_SIGNATURES_MAX;
	     i++) {
		const json_t *one = json_array_get(signatures, i);
		const struct vs_key *key =
			key_of(role, key_id_at(signatures, i));
		vs_status status;

		if (!key)
			continue;
		status = counts(e, key,
		                json_string_value(json_object_get(one, "sig")),
		                seen, good);
		if (status == VS_ERR_CRYPTO)
			return vs_fail(status, why, VS_REASON_NONE,
			               "the crypto library failed", 0);
		if (!status)
			seen[good++] = key;
	}
	if (role->threshold == 0 || good < role->threshold)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_THRESHOLD,
		               "too few good signatures", 0);
	return VS_OK;
}

uint64_t vs_envelope_version(const struct vs_envelope *e)
{
	return (uint64_t)json_integer_value(
		json_object_get(e->body, "version"));
}

uint64_t vs_envelope_expires(const struct vs_envelope *e)
{
	const char *text =
		json_string_value(json_object_get(e->body, "expires"));
	uint64_t s = 0;

	return text && vs_time_parse(text, &s) == VS_OK ? s : 0;
}

vs_status vs_envelope_new(json_t *body, struct vs_envelope *out)
{
	vs_status status;

	*out = (struct vs_envelope){0};
	if (!json_is_object(body)) {
		json_decref(body);
		return VS_ERR_INPUT;
	}
	out->whole = json_pack("{s:[], s:o}", "signatures", "signed", body);
	if (!out->whole)
		return VS_ERR_NOMEM;
	out->body = json_object_get(out->whole, "signed");
	status = vs_json_canonical(out->body, &out->canon, &out->canon_len);
	if (status)
		vs_envelope_drop(out);
	return status;
}

vs_status vs_envelope_add(struct vs_envelope *e, const char *key_id,
                          const uint8_t *sig, size_t sig_len)
{
	json_t *signatures = json_object_get(e->whole, "signatures");
	char hex[2 * SIGNATURE_MAX + 1];
	json_t *one;
	size_t i;
	int failed;

	if (sig_len > SIGNATURE_MAX)
		return VS_ERR_LIMIT;
	vs_digest_put_hex(sig, sig_len, hex);
	one = json_pack("{s:s, s:s}", "keyid", key_id, "sig", hex);
	if (!one)
		return VS_ERR_NOMEM;
	for (i = 0; i < json_array_size(signatures); i++) {
		if (strcmp(key_id_at(signatures, i), key_id) == 0)
			break;
	}
	if (i == VS_ENVELOPE_SIGNATURES_MAX) {
		json_decref(one);
		return VS_ERR_LIMIT;
	}
	failed = i < json_array_size(signatures)
	                 ? json_array_set_new(signatures, i, one)
	                 : json_array_append_new(signatures, one);
	return failed ? VS_ERR_NOMEM : VS_OK;
}

vs_status vs_envelope_encode(const struct vs_envelope *e, char **out,
                             size_t *len)
{
	*out = json_dumps(e->whole, JSON_COMPACT | JSON_SORT_KEYS);
	*len = *out ? strlen(*out) : 0;
	return *out ? VS_OK : VS_ERR_NOMEM;
}

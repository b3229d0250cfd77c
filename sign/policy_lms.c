/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/policy_lms.c - the keyring's LMS keys: who holds them, how many sign.
 *
 * There is always one more than must sign: a key whose state is lost is lost.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sign/policy_rows.h"
#include "sign/say.h"
#include "trust/json.h"

static const char in[] = "keyring";

static vs_status load_key(const char *path, const json_t *from,
                          struct vs_lmspub *out)
{
	char file[PATH_MAX];

	if (json_is_object(from))
		return vs_lmspub_decode(path, from, out);
	vs_status status = vs_policy_key_file(path, from, file);
	return status ? status : vs_lmspub_load(file, out);
}

/* The last key against those before it. */
static vs_status check_key(const char *path, const struct vs_policy *p)
{
	const struct vs_lmspub *key = &p->lms[p->lms_count - 1];

	if (!p->demo && vs_lms_height(key->key) != VS_LMSKEY_HEIGHT)
		return vs_policy_wrong(path, in,
		                       "lms_keys: the key of %s has height "
		                       "%u, not %d",
		                       key->holder, vs_lms_height(key->key),
		                       VS_LMSKEY_HEIGHT);
	for (size_t i = 0; i + 1 < p->lms_count; i++) {
		const struct vs_lmspub *other = &p->lms[i];

		if (memcmp(other->id, key->id, sizeof key->id) == 0)
			return vs_policy_wrong(
				path, in, "lms_keys: one key twice (%s and %s)",
				other->holder, key->holder);
		if (strcmp(other->holder, key->holder) == 0)
			return vs_policy_wrong(path, in,
			                       "lms_keys: %s holds two: one "
			                       "person, one key",
			                       key->holder);
	}
	return VS_OK;
}

static vs_status check_count(const char *path, const struct vs_policy *p)
{
	size_t curve = p->role[VS_POLICY_KEYRING].key_count;

	if (p->lms_count + curve > VS_KEYRING_KEYS_MAX)
		return vs_policy_wrong(path, in,
		                       "lms_keys: more than %d keys with the "
		                       "others",
		                       VS_KEYRING_KEYS_MAX);
	if (p->lms_threshold && p->lms_threshold >= p->lms_count)
		return vs_policy_wrong(
			path, in,
			"lms_threshold: must be below the %zu keys: one whose "
			"state is lost is lost",
			p->lms_count);
	return VS_OK;
}

vs_status vs_policy_load_lms(const char *path, struct vs_policy *p)
{
	const json_t *o = vs_policy_member(p->json, VS_POLICY_KEYRING);
	const json_t *keys = json_object_get(o, "lms_keys");
	struct vs_why why = {0};
	char file[PATH_MAX + 64];
	vs_status status = VS_OK;

	if (!keys && !json_object_get(o, "lms_threshold"))
		return VS_OK;
	snprintf(file, sizeof file, "%s: %s", path, in);
	status = vs_json_uint(o, "lms_threshold", &p->lms_threshold, &why);
	if (status)
		return vs_say_why(status, file, &why);
	if (!json_array_size(keys) ||
	    json_array_size(keys) > VS_POLICY_KEYS_MAX)
		return vs_policy_wrong(path, in, "lms_keys: 1 to %d keys",
		                       VS_POLICY_KEYS_MAX);
	for (size_t i = 0; i < json_array_size(keys) && !status; i++) {
		status = load_key(path, json_array_get(keys, i), &p->lms[i]);
		if (status)
			break;
		p->lms_count++;
		status = check_key(path, p);
	}
	return status ? status : check_count(path, p);
}

json_t *vs_policy_encode_lms(const struct vs_policy *p)
{
	json_t *keys = json_array();
	bool ok = keys != NULL;

	for (size_t i = 0; ok && i < p->lms_count; i++)
		ok = json_array_append_new(keys,
		                           vs_lmspub_encode(&p->lms[i])) == 0;
	if (ok)
		return keys;
	json_decref(keys);
	return NULL;
}

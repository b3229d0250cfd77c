/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/derive.c - what roots, targets and keyring follow from a policy.
 */
#include "sign/derive.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sign/say.h"
#include "trust/write.h"

enum { day_s = 86400 };

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

static vs_status derive_targets(const struct vs_policy *p, uint64_t version,
                                uint64_t expires_s, json_t **out)
{
	struct keys keys;
	struct vs_write_role release =
		as_role(p, VS_POLICY_RELEASES, VS_POLICY_RELEASE, &keys);
	vs_status status = vs_write_targets(version, expires_s, out);

	if (status)
		return status;
	status = vs_write_add_delegation(*out, &release, p->paths,
	                                 p->path_count, true);
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

static int by_id(const void *a, const void *b)
{
	const struct vs_pubkey *const *x = a, *const *y = b;

	return memcmp((*x)->boot_id, (*y)->boot_id, sizeof(*x)->boot_id);
}

void vs_derive_keyring(const struct vs_policy *p, struct vs_keyring *out)
{
	const struct vs_policy_role *role = &p->role[VS_POLICY_KEYRING];
	const struct vs_pubkey *sorted[VS_POLICY_KEYS_MAX];

	*out = (struct vs_keyring){
		.version = 1,
		.threshold = (uint16_t)role->threshold,
		.key_count = (uint16_t)role->key_count,
		.component_count = (uint16_t)p->component_count,
	};
	for (size_t i = 0; i < role->key_count; i++)
		sorted[i] = &role->keys[i];
	qsort(sorted, role->key_count, sizeof *sorted, by_id);
	for (size_t i = 0; i < role->key_count; i++) {
		memcpy(out->keys[i].id, sorted[i]->boot_id, VS_SHA256_LEN);
		memcpy(out->keys[i].point, sorted[i]->point, VS_P256_KEY_LEN);
		out->keys[i].scheme = VS_SCHEME_P256_SHA256;
	}
	for (size_t i = 0; i < p->component_count; i++)
		snprintf(out->components[i], VS_COMPONENT_LEN, "%s",
		         p->components[i]);
}

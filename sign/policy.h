/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/policy.h - who may sign what in a room, how many of them, how long.
 *
 * policy.json names each role's public key files, threshold and validity.
 * In a role of people a holder has one key: a threshold counts people.  The
 * room keeps its own copy with the keys inside.
 *
 * Format: docs/operations/signing-room.md.
 */
#ifndef VS_SIGN_POLICY_H
#define VS_SIGN_POLICY_H

#include <jansson.h>

#include "base/status.h"
#include "seal/keyring.h"
#include "sign/pubkey.h"

#define VS_POLICY_KEYS_MAX VS_KEYRING_KEYS_MAX
#define VS_POLICY_PATHS_MAX 16
#define VS_POLICY_RELEASE "release" /* the one delegated role */

enum vs_policy_roles {
	VS_POLICY_ROOT,
	VS_POLICY_TARGETS,
	VS_POLICY_SNAPSHOT,
	VS_POLICY_TIMESTAMP,
	VS_POLICY_RELEASES,
	VS_POLICY_DIRECTOR_ROOT,
	VS_POLICY_DIRECTOR_ONLINE,
	VS_POLICY_KEYRING,
	VS_POLICY_ROLES
};

struct vs_policy_role {
	struct vs_pubkey keys[VS_POLICY_KEYS_MAX];
	size_t key_count;
	uint64_t threshold;
	uint64_t expires_days; /* 0 where the server signs */
};

struct vs_policy {
	json_t *json;     /* owned; what paths and components point into */
	uint64_t version; /* from 1; a room's policies follow one another */
	struct vs_policy_role role[VS_POLICY_ROLES];
	const char *paths[VS_POLICY_PATHS_MAX]; /* of the release role */
	size_t path_count;
	const char *components[VS_KEYRING_COMPONENTS_MAX];
	size_t component_count;
};

/* Reads a policy; key files are taken from the policy's folder.  Says by
 * itself what is wrong.  Gives *out: vs_policy_free().
 */
vs_status vs_policy_load(const char *path,
                         struct vs_policy **out) VS_MUST_CHECK;
void vs_policy_free(struct vs_policy **p);

/* Writes it with the keys inside. */
vs_status vs_policy_store(const struct vs_policy *p,
                          const char *path) VS_MUST_CHECK;

/* The holder and label of a TUF key id, or of a boot key id, as
 * "alice (root)"; "unknown" and false if the policy does not name it.
 */
bool vs_policy_holder(const struct vs_policy *p, const char *id, char *out,
                      size_t cap);

#endif

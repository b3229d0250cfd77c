/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/policy.h - who may sign what in a room, how many of them, how long.
 *
 * policy.json names each role's public key files, threshold and validity.
 * In a role of people a holder has one key: a threshold counts people.  What
 * may be released is given to one role for all, or to a role per class of
 * components; no component and no key is in two of these.  The room keeps
 * its own copy with the keys inside.
 *
 * Format: docs/formats/policy.md.
 */
#ifndef VS_SIGN_POLICY_H
#define VS_SIGN_POLICY_H

#include <jansson.h>

#include "base/status.h"
#include "seal/keyring.h"
#include "sign/lmskey.h"
#include "sign/pubkey.h"

#define VS_POLICY_KEYS_MAX VS_KEYRING_KEYS_MAX
#define VS_POLICY_TEXTS_MAX 32
#define VS_POLICY_PATH_LEN (VS_COMPONENT_LEN + 2) /* "COMPONENT/", star */

enum vs_policy_roles {
	VS_POLICY_ROOT,
	VS_POLICY_TARGETS,
	VS_POLICY_SNAPSHOT,
	VS_POLICY_TIMESTAMP,
	VS_POLICY_RELEASES, /* the delegated role of a simple policy */
	VS_POLICY_SAFETY,
	VS_POLICY_METERING,
	VS_POLICY_GATEWAY,
	VS_POLICY_CONTENT,
	VS_POLICY_DIRECTOR_ROOT,
	VS_POLICY_DIRECTOR_ONLINE,
	VS_POLICY_KEYRING,
	VS_POLICY_ROLES
};

#define VS_POLICY_DELEGATED_FIRST VS_POLICY_RELEASES
#define VS_POLICY_DELEGATED_LAST VS_POLICY_CONTENT

struct vs_policy_texts {
	const char *at[VS_POLICY_TEXTS_MAX];
	size_t count;
};

struct vs_policy_role {
	bool present; /* delegated roles and the director's may be missing */
	struct vs_pubkey keys[VS_POLICY_KEYS_MAX];
	size_t key_count;
	uint64_t threshold;
	uint64_t expires_days; /* 0 where the server signs */
	/* of a delegated role: */
	char paths[VS_POLICY_TEXTS_MAX][VS_POLICY_PATH_LEN];
	size_t path_count;       /* 0: a role that releases nothing any more */
	const json_t *checksums; /* NULL, or an image needs one of these */
};

struct vs_policy {
	json_t *json;     /* owned; what texts point into */
	uint64_t version; /* from 1; a room's policies follow one another */
	bool demo;        /* keys whose private part anybody has are let in */
	struct vs_policy_role role[VS_POLICY_ROLES];
	struct vs_policy_texts components;        /* of the keyring */
	struct vs_lmspub lms[VS_POLICY_KEYS_MAX]; /* of the keyring, too */
	size_t lms_count;
	uint64_t lms_threshold; /* how many of these must sign as well */
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

/* The name of a delegated role; NULL if the row is none. */
const char *vs_policy_delegated(enum vs_policy_roles row);

/* Whether a role of this name may be delegated to, and its row. */
bool vs_policy_find(const char *role, enum vs_policy_roles *out);

/* The one delegated role that a target path belongs to; false if none. */
bool vs_policy_covers(const struct vs_policy *p, const char *target,
                      enum vs_policy_roles *out);

/* Whether a role with this list of checksums may release an image of this
 * SHA-256; without a list it may release any.
 */
bool vs_policy_lists(const json_t *checksums, const char *image_sha256);

/* Prints who may approve what: a line for each role. */
void vs_policy_print(const struct vs_policy *p);

#endif

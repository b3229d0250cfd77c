/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/derive.h - what roots, targets and keyring follow from a policy.
 *
 * Nobody writes them by hand: who is asked to sign one has it derived again
 * and compared.
 */
#ifndef VS_SIGN_DERIVE_H
#define VS_SIGN_DERIVE_H

#include "sign/room.h"

/* The documents that a policy decides about. */
struct vs_derived {
	const char *repository;
	const char *role;
	enum vs_policy_roles row;
};

#define VS_DERIVED_COUNT 3
extern const struct vs_derived vs_derived[VS_DERIVED_COUNT];

/* When a document that is made now expires. */
uint64_t vs_derive_expiry(const struct vs_policy *p, enum vs_policy_roles row);

/* The body of a document.  VS_OK and *out (json_decref); VS_ERR_NOMEM,
 * VS_ERR_INPUT, said already.
 */
vs_status vs_derive_body(const struct vs_policy *p, const struct vs_derived *d,
                         uint64_t version, uint64_t expires_s,
                         json_t **out) VS_MUST_CHECK;

/* The role of this name in a targets file's delegations; NULL if none. */
const json_t *vs_delegation_find(const json_t *delegations, const char *name);

/* What a delegated role lists: the checksums its images must have; NULL if
 * any will do.
 */
const json_t *vs_delegation_checksums(const json_t *role);

/* The next body of a delegated role under policy p: all that is in force for
 * its paths, whichever role released it.  VS_OK and *out (json_decref);
 * VS_ERR_REFUSED if the role may not release it; all is said already.
 */
vs_status vs_derive_delegated(const struct vs_room *r,
                              const struct vs_policy *p,
                              enum vs_policy_roles row, uint64_t expires_s,
                              json_t **out) VS_MUST_CHECK;

/* The first boot keyring. */
void vs_derive_keyring(const struct vs_policy *p, struct vs_keyring *out);

#endif

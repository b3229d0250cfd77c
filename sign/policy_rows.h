/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/policy_rows.h - the roles that a policy knows, for sign/policy*.c.
 *
 * Format: docs/formats/policy.md.
 */
#ifndef VS_SIGN_POLICY_ROWS_H
#define VS_SIGN_POLICY_ROWS_H

#include "sign/policy.h"

enum vs_policy_kind {
	VS_POLICY_ONLINE,    /* the server's keys; never expires */
	VS_POLICY_PEOPLE,    /* one key to a holder */
	VS_POLICY_DELEGATED, /* of people, too: releases what it names */
};

struct vs_policy_row {
	const char *inside; /* NULL: at the top */
	const char *name;
	enum vs_policy_kind kind;
	bool expires;
	uint64_t least;             /* the lowest threshold there may be */
	const char *const *members; /* ends with NULL */
};

extern const struct vs_policy_row vs_policy_rows[VS_POLICY_ROLES];

/* Says "PATH: FIELD: ..." and gives VS_ERR_INPUT. */
vs_status vs_policy_wrong(const char *path, const char *field, const char *fmt,
                          ...) VS_PRINTF(3, 4);

/* The role's object in a policy; NULL if the policy has none. */
const json_t *vs_policy_member(const json_t *json, int row);

/* Refuses a member that is not listed. */
vs_status vs_policy_only(const char *path, const char *in, json_t *o,
                         const char *const *names) VS_MUST_CHECK;

/* A role's list of texts of 1 to VS_COMPONENT_LEN - 1. */
vs_status vs_policy_texts(const char *path, const struct vs_policy *p, int row,
                          const char *name,
                          struct vs_policy_texts *out) VS_MUST_CHECK;

/* The keys, threshold, expiry and types of one role. */
vs_status vs_policy_load_role(const char *path, struct vs_policy *p,
                              int row) VS_MUST_CHECK;

/* The file that a list of keys names, from the policy's folder. */
vs_status vs_policy_key_file(const char *path, const json_t *from,
                             char out[static PATH_MAX]) VS_MUST_CHECK;

/* The LMS keys of the keyring. */
vs_status vs_policy_load_lms(const char *path,
                             struct vs_policy *p) VS_MUST_CHECK;
/* Gives a new list with the keys inside, NULL without memory. */
json_t *vs_policy_encode_lms(const struct vs_policy *p);

/* What a delegated role may release. */
vs_status vs_policy_load_paths(const char *path, struct vs_policy *p,
                               int row) VS_MUST_CHECK;

/* No component and no key is in two delegated roles. */
vs_status vs_policy_check_apart(const char *path,
                                const struct vs_policy *p) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people.h - who may use the operator listener, and as what.
 *
 * A token is 32 random bytes shown once; the database holds its SHA-256.
 * People are read from the database at every request, so that a removal
 * counts at once.
 */
#ifndef VS_SERVER_PEOPLE_H
#define VS_SERVER_PEOPLE_H

#include <jansson.h>

#include "server/store/store.h"

#define VS_PERSON_LEN 64
#define VS_TOKEN_LEN 67 /* "vs_" and 64 hex digits, without the zero */

enum vs_role_bit {
	VS_PERSON_VIEWER = 1,
	VS_PERSON_OPERATOR = 2,
	VS_PERSON_APPROVER = 4,
	VS_PERSON_AUDITOR = 8,
	VS_PERSON_ADMIN = 16,
	VS_PERSON_ANYBODY = 31,
};

struct vs_person {
	char name[VS_PERSON_LEN];
	unsigned roles; /* of vs_role_bit */
};

/* The bit of a role's name, 0 if there is none such. */
unsigned vs_people_role(const char *name);
/* Gives *out (json_decref): ["operator", ...]. */
vs_status vs_people_roles(unsigned roles, json_t **out) VS_MUST_CHECK;

/* Adds a person and gives a token.
 * VS_OK; VS_ERR_INPUT (name, no role); VS_ERR_STATE (is there already);
 * VS_ERR_IO; VS_ERR_CRYPTO.
 */
vs_status vs_people_add(struct vs_store *s, const char *name, unsigned roles,
                        uint64_t now_s,
                        char token[static VS_TOKEN_LEN + 1]) VS_MUST_CHECK;
/* VS_OK; VS_ERR_ABSENT; VS_ERR_IO. */
vs_status vs_people_remove(struct vs_store *s, const char *name) VS_MUST_CHECK;

/* Calls each for everybody, by name. */
vs_status vs_people_list(struct vs_store *s,
                         void (*each)(void *ctx, const struct vs_person *p),
                         void *ctx) VS_MUST_CHECK;

/* The person of a token.  VS_OK; VS_ERR_ABSENT; VS_ERR_IO. */
vs_status vs_people_find(struct vs_store *s, const char *token,
                         struct vs_person *out) VS_MUST_CHECK;

#endif

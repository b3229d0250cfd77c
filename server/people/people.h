/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/people.h - who may use the operator listener, and as what.
 *
 * A token is 32 random bytes shown once; the database holds its SHA-256.  It
 * expires, and has some or all of its person's roles.
 * People are read from the database at every request, so that a removal
 * counts at once.
 */
#ifndef VS_SERVER_PEOPLE_PEOPLE_H
#define VS_SERVER_PEOPLE_PEOPLE_H

#include <jansson.h>

#include "server/store/store.h"

#define VS_PERSON_LEN 64
#define VS_TOKEN_LEN 67 /* "vs_" and 64 hex digits, without the zero */
#define VS_TOKEN_ID_LEN 16

enum vs_role_bit {
	VS_PERSON_VIEWER = 1,
	VS_PERSON_OPERATOR = 2,
	VS_PERSON_APPROVER = 4,
	VS_PERSON_AUDITOR = 8,
	VS_PERSON_ADMIN = 16,
	VS_PERSON_ANYBODY = 31,
	/* In a route: and only without scopes. */
	VS_PERSON_WHOLE = 256,
};

/* Which chargers a person has to do with; none: all. */
#define VS_SCOPES_MAX 16
#define VS_SCOPE_LEN 64

struct vs_scope {
	char kind[8]; /* "site", "tenant", "tag" */
	char value[VS_SCOPE_LEN];
};

struct vs_person {
	char name[VS_PERSON_LEN];
	unsigned roles; /* of vs_role_bit */
	struct vs_scope scopes[VS_SCOPES_MAX];
	size_t scope_count;
};

/* The bit of a role's name, 0 if there is none such. */
unsigned vs_people_role(const char *name);
/* Gives *out (json_decref): ["operator", ...]. */
vs_status vs_people_roles(unsigned roles, json_t **out) VS_MUST_CHECK;

/* Gives *out (json_decref): name, roles, and scopes if there are any. */
vs_status vs_people_json(const struct vs_person *p, json_t **out) VS_MUST_CHECK;

/* Adds "KIND=VALUE".  VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT. */
vs_status vs_person_scope(struct vs_person *p, const char *text) VS_MUST_CHECK;

/* A token to be given out: who it stands for, as what, until when. */
struct vs_token {
	const char *person, *label;
	unsigned roles;
	uint64_t created_s, expires_s;
};

/* Makes one; the id names it without being it.
 * VS_OK; VS_ERR_INPUT (label, no role); VS_ERR_IO; VS_ERR_CRYPTO.
 */
vs_status vs_token_add(struct vs_store *s, const struct vs_token *t,
                       char token[static VS_TOKEN_LEN + 1],
                       char id[static VS_TOKEN_ID_LEN + 1]) VS_MUST_CHECK;
/* A person's tokens, or everybody's if person is NULL; gives *out
 * (json_decref).
 */
vs_status vs_token_list(struct vs_store *s, const char *person,
                        json_t **out) VS_MUST_CHECK;
/* VS_OK; VS_ERR_ABSENT, also if it is not this person's (NULL: anybody's). */
vs_status vs_token_remove(struct vs_store *s, const char *person,
                          const char *id) VS_MUST_CHECK;

/* Adds a person with a first token.
 * VS_OK; VS_ERR_INPUT (name, no role); VS_ERR_STATE (is there already);
 * VS_ERR_IO; VS_ERR_CRYPTO.
 */
vs_status vs_people_add(struct vs_store *s, const struct vs_person *p,
                        uint64_t now_s, uint64_t expires_s,
                        char token[static VS_TOKEN_LEN + 1]) VS_MUST_CHECK;
/* VS_OK; VS_ERR_ABSENT; VS_ERR_IO. */
vs_status vs_people_remove(struct vs_store *s, const char *name) VS_MUST_CHECK;

/* Calls each for everybody, by name. */
vs_status vs_people_list(struct vs_store *s,
                         void (*each)(void *ctx, const struct vs_person *p),
                         void *ctx) VS_MUST_CHECK;

/* The person of a token in force, with the roles that the token has.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_IO.
 */
vs_status vs_people_find(struct vs_store *s, const char *token, uint64_t now_s,
                         struct vs_person *out) VS_MUST_CHECK;
/* A person by name.  VS_OK; VS_ERR_ABSENT; VS_ERR_IO. */
vs_status vs_people_named(struct vs_store *s, const char *name,
                          struct vs_person *out) VS_MUST_CHECK;

#endif

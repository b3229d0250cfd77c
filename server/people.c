/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people.c - names, roles and tokens in the database.
 */
#include "server/people.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/name.h"

static const struct {
	const char *name;
	unsigned bit;
} roles[] = {
	{"viewer",   VS_PERSON_VIEWER  },
        {"operator", VS_PERSON_OPERATOR},
	{"approver", VS_PERSON_APPROVER},
        {"auditor",  VS_PERSON_AUDITOR },
	{"admin",    VS_PERSON_ADMIN   },
};

enum { role_count = sizeof roles / sizeof *roles };

unsigned vs_people_role(const char *name)
{
	for (size_t i = 0; i < role_count; i++)
		if (strcmp(roles[i].name, name) == 0)
			return roles[i].bit;
	return 0;
}

vs_status vs_people_roles(unsigned bits, json_t **out)
{
	json_t *list = json_array();

	for (size_t i = 0; list && i < role_count; i++)
		if (bits & roles[i].bit &&
		    json_array_append_new(list, json_string(roles[i].name))) {
			json_decref(list);
			list = NULL;
		}
	*out = list;
	return list ? VS_OK : VS_ERR_NOMEM;
}

static void hash_token(const char *token, uint8_t out[static 32])
{
	SHA256((const uint8_t *)token, strlen(token), out);
}

static vs_status make_token(char token[static VS_TOKEN_LEN + 1])
{
	uint8_t random[32];

	if (RAND_priv_bytes(random, sizeof random) != 1)
		return VS_ERR_CRYPTO;
	memcpy(token, "vs_", 3);
	vs_hex_encode(random, sizeof random, token + 3);
	OPENSSL_cleanse(random, sizeof random);
	return VS_OK;
}

vs_status vs_people_add(struct vs_store *s, const char *name, unsigned bits,
                        uint64_t now_s, char token[static VS_TOKEN_LEN + 1])
{
	uint8_t hash[32];

	token[0] = 0;
	if (!vs_name_ok(name, VS_PERSON_LEN) || !(bits & VS_PERSON_ANYBODY))
		return VS_ERR_INPUT;
	vs_status status = make_token(token);
	if (status)
		return status;
	hash_token(token, hash);
	char text[16];
	snprintf(text, sizeof text, "%u", bits & VS_PERSON_ANYBODY);
	const struct vs_value args[] = {vs_text(name), vs_text(text),
	                                vs_blob(hash, sizeof hash),
	                                vs_uint(now_s)};
	return vs_store_query(s,
	                      "INSERT INTO person (name, roles, token, "
	                      "created_s) VALUES (?1, ?2, ?3, ?4)",
	                      args, 4, NULL, NULL);
}

struct reading {
	struct vs_store *store;
	struct vs_person person;
	size_t count;
	void (*each)(void *ctx, const struct vs_person *p);
	void *ctx;
};

static vs_status read_person(void *ctx, const struct vs_row *row)
{
	struct reading *r = ctx;
	const char *bits = vs_row_text(r->store, row, 1);

	snprintf(r->person.name, sizeof r->person.name, "%s",
	         vs_row_text(r->store, row, 0));
	r->person.roles = 0;
	for (; *bits >= '0' && *bits <= '9'; bits++)
		r->person.roles =
			r->person.roles * 10 + (unsigned)(*bits - '0');
	r->person.roles &= VS_PERSON_ANYBODY;
	r->count++;
	if (r->each)
		r->each(r->ctx, &r->person);
	return VS_OK;
}

vs_status vs_people_remove(struct vs_store *s, const char *name)
{
	struct reading r = {.store = s};
	const struct vs_value args[] = {vs_text(name)};
	vs_status status = vs_store_query(s,
	                                  "DELETE FROM person WHERE name = ?1 "
	                                  "RETURNING name, roles",
	                                  args, 1, read_person, &r);

	return status ? status : r.count ? VS_OK : VS_ERR_ABSENT;
}

vs_status vs_people_list(struct vs_store *s,
                         void (*each)(void *ctx, const struct vs_person *p),
                         void *ctx)
{
	struct reading r = {.store = s, .each = each, .ctx = ctx};

	return vs_store_query(s, "SELECT name, roles FROM person ORDER BY name",
	                      NULL, 0, read_person, &r);
}

vs_status vs_people_find(struct vs_store *s, const char *token,
                         struct vs_person *out)
{
	struct reading r = {.store = s};
	uint8_t hash[32];

	*out = (struct vs_person){0};
	if (strlen(token) != VS_TOKEN_LEN)
		return VS_ERR_ABSENT;
	hash_token(token, hash);
	const struct vs_value args[] = {vs_blob(hash, sizeof hash)};
	vs_status status = vs_store_query(
		s, "SELECT name, roles FROM person WHERE token = ?1", args, 1,
		read_person, &r);
	if (status)
		return status;
	*out = r.person;
	return r.count == 1 ? VS_OK : VS_ERR_ABSENT;
}

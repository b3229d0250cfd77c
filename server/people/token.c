/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/token.c - tokens: made once, kept as hashes.
 */
#include "server/people/token.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/store/name.h"
#include "trust/time.h"

void vs_token_hash(const char *token, uint8_t out[static VS_TOKEN_HASH_LEN])
{
	SHA256((const uint8_t *)token, strlen(token), out);
}

static vs_status make(char token[static VS_TOKEN_LEN + 1],
                      char id[static VS_TOKEN_ID_LEN + 1])
{
	uint8_t random[32], name[VS_TOKEN_ID_LEN / 2];

	if (RAND_priv_bytes(random, sizeof random) != 1 ||
	    RAND_bytes(name, sizeof name) != 1)
		return VS_ERR_CRYPTO;
	memcpy(token, "vs_", 3);
	vs_hex_encode(random, sizeof random, token + 3);
	vs_hex_encode(name, sizeof name, id);
	OPENSSL_cleanse(random, sizeof random);
	return VS_OK;
}

vs_status vs_token_add(struct vs_store *s, const struct vs_token *t,
                       char token[static VS_TOKEN_LEN + 1],
                       char id[static VS_TOKEN_ID_LEN + 1])
{
	uint8_t hash[VS_TOKEN_HASH_LEN];
	char text[16];

	token[0] = id[0] = 0;
	if (!vs_name_ok(t->label, VS_PERSON_LEN) ||
	    !(t->roles & VS_PERSON_ANYBODY))
		return VS_ERR_INPUT;
	vs_status status = make(token, id);
	if (status)
		return status;
	vs_token_hash(token, hash);
	snprintf(text, sizeof text, "%u", t->roles & VS_PERSON_ANYBODY);
	const struct vs_value args[] = {
		vs_blob(hash, sizeof hash),
		vs_text(id),
		vs_text(t->person),
		vs_text(t->label),
		vs_text(text),
		vs_uint(t->created_s),
		vs_uint(t->expires_s),
	};
	return vs_store_query(s,
	                      "INSERT INTO token (hash, id, person, label, "
	                      "roles, created_s, expires_s) "
	                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
	                      args, 7, NULL, NULL);
}

struct listing {
	struct vs_store *store;
	json_t *list;
	size_t count;
};

static vs_status list_row(void *ctx, const struct vs_row *row)
{
	struct listing *l = ctx;
	char from[VS_TIME_LEN], until[VS_TIME_LEN];
	json_t *roles;
	vs_status status = vs_people_roles(
		vs_people_bits(vs_row_text(l->store, row, 3)), &roles);

	if (status)
		return status;
	vs_time_format(vs_row_uint(l->store, row, 4), from);
	vs_time_format(vs_row_uint(l->store, row, 5), until);
	json_t *one = json_pack("{s:s, s:s, s:s, s:o, s:s, s:s}", "id",
	                        vs_row_text(l->store, row, 0), "person",
	                        vs_row_text(l->store, row, 1), "label",
	                        vs_row_text(l->store, row, 2), "roles", roles,
	                        "created_at", from, "expires_at", until);
	return one && !json_array_append_new(l->list, one) ? VS_OK
	                                                   : VS_ERR_NOMEM;
}

vs_status vs_token_list(struct vs_store *s, const char *person, json_t **out)
{
	struct listing l = {.store = s, .list = json_array()};
	const struct vs_value args[] = {vs_text(person ? person : "")};

	*out = NULL;
	if (!l.list)
		return VS_ERR_NOMEM;
	vs_status status = vs_store_query(
		s,
		"SELECT id, person, label, roles, created_s, expires_s "
		"FROM token WHERE ?1 = '' OR person = ?1 ORDER BY person, id",
		args, 1, list_row, &l);
	if (status)
		json_decref(l.list);
	else
		*out = l.list;
	return status;
}

static vs_status count_row(void *ctx, const struct vs_row *row)
{
	(void)row;
	++*(size_t *)ctx;
	return VS_OK;
}

vs_status vs_token_remove(struct vs_store *s, const char *person,
                          const char *id)
{
	const struct vs_value args[] = {vs_text(id),
	                                vs_text(person ? person : "")};
	size_t count = 0;
	vs_status status =
		vs_store_query(s,
	                       "DELETE FROM token WHERE id = ?1 AND "
	                       "(?2 = '' OR person = ?2) RETURNING id",
	                       args, 2, count_row, &count);

	return status ? status : count ? VS_OK : VS_ERR_ABSENT;
}

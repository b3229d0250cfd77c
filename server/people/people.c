/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/people.c - names, roles and scopes in the database.
 */
#include "server/people/people.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/people/token.h"
#include "server/store/name.h"

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

vs_status vs_people_json(const struct vs_person *p, json_t **out)
{
	json_t *list, *scopes = p->scope_count ? json_array() : NULL;
	char text[VS_SCOPE_LEN + 8];
	bool bad = p->scope_count && !scopes;
	vs_status status = vs_people_roles(p->roles, &list);

	for (size_t i = 0; !bad && i < p->scope_count; i++) {
		snprintf(text, sizeof text, "%s=%s", p->scopes[i].kind,
		         p->scopes[i].value);
		bad = json_array_append_new(scopes, json_string(text));
	}
	*out = status || bad ? NULL
	                     : json_pack("{s:s, s:O, s:O*}", "name", p->name,
	                                 "roles", list, "scopes", scopes);
	if (!status)
		json_decref(list);
	json_decref(scopes);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

vs_status vs_person_scope(struct vs_person *p, const char *text)
{
	static const char *const kinds[] = {"site", "tenant", "tag"};
	size_t kind = strcspn(text, "=");

	if (p->scope_count == VS_SCOPES_MAX)
		return VS_ERR_LIMIT;
	struct vs_scope *s = &p->scopes[p->scope_count];
	for (size_t i = 0; i < sizeof kinds / sizeof *kinds; i++)
		if (strlen(kinds[i]) == kind &&
		    strncmp(kinds[i], text, kind) == 0 && text[kind] &&
		    vs_name_ok(text + kind + 1, sizeof s->value)) {
			snprintf(s->kind, sizeof s->kind, "%s", kinds[i]);
			snprintf(s->value, sizeof s->value, "%s",
			         text + kind + 1);
			p->scope_count++;
			return VS_OK;
		}
	return VS_ERR_INPUT;
}

unsigned vs_people_bits(const char *text)
{
	unsigned bits = 0;

	for (; *text >= '0' && *text <= '9'; text++)
		bits = bits * 10 + (unsigned)(*text - '0');
	return bits & VS_PERSON_ANYBODY;
}

static vs_status add_scopes(struct vs_store *s, const struct vs_person *p)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < p->scope_count; i++) {
		const struct vs_value row[] = {vs_text(p->name),
		                               vs_text(p->scopes[i].kind),
		                               vs_text(p->scopes[i].value)};

		status =
			vs_store_query(s,
		                       "INSERT INTO scope (person, kind, "
		                       "value) VALUES (?1, ?2, ?3) ON CONFLICT "
		                       "(person, kind, value) DO NOTHING",
		                       row, 3, NULL, NULL);
	}
	return status;
}

vs_status vs_people_add(struct vs_store *s, const struct vs_person *p,
                        uint64_t now_s, uint64_t expires_s,
                        char token[static VS_TOKEN_LEN + 1])
{
	const struct vs_token first = {p->name, "first", p->roles, now_s,
	                               expires_s};
	char text[16], id[VS_TOKEN_ID_LEN + 1];
	uint8_t hash[VS_TOKEN_HASH_LEN];

	token[0] = 0;
	if (!vs_name_ok(p->name, VS_PERSON_LEN) ||
	    !(p->roles & VS_PERSON_ANYBODY))
		return VS_ERR_INPUT;
	vs_status status = vs_token_add(s, &first, token, id);
	if (status)
		return status;
	vs_token_hash(token, hash);
	snprintf(text, sizeof text, "%u", p->roles & VS_PERSON_ANYBODY);
	const struct vs_value args[] = {vs_text(p->name), vs_text(text),
	                                vs_blob(hash, sizeof hash),
	                                vs_uint(now_s)};
	status = vs_store_query(s,
	                        "INSERT INTO person (name, roles, token, "
	                        "created_s) VALUES (?1, ?2, ?3, ?4)",
	                        args, 4, NULL, NULL);
	return status ? status : add_scopes(s, p);
}

struct reading {
	struct vs_store *store;
	struct vs_person *person;
	size_t count;
};

static vs_status read_scope(void *ctx, const struct vs_row *row)
{
	struct reading *r = ctx;
	char text[VS_SCOPE_LEN + 8];

	snprintf(text, sizeof text, "%s=%s", vs_row_text(r->store, row, 0),
	         vs_row_text(r->store, row, 1));
	return vs_person_scope(r->person, text);
}

/* A person whose scopes cannot be read may not become one without any. */
static vs_status read_scopes(struct vs_store *s, struct vs_person *p)
{
	struct reading r = {.store = s, .person = p};
	const struct vs_value args[] = {vs_text(p->name)};

	p->scope_count = 0;
	return vs_store_query(s,
	                      "SELECT kind, value FROM scope WHERE person = ?1 "
	                      "ORDER BY kind, value",
	                      args, 1, read_scope, &r);
}

/* name, roles and, of a token, its roles. */
static vs_status read_person(void *ctx, const struct vs_row *row)
{
	struct reading *r = ctx;

	snprintf(r->person->name, sizeof r->person->name, "%s",
	         vs_row_text(r->store, row, 0));
	r->person->roles = vs_people_bits(vs_row_text(r->store, row, 1)) &
	                   vs_people_bits(vs_row_text(r->store, row, 2));
	r->count++;
	return VS_OK;
}

static vs_status find(struct vs_store *s, const char *sql,
                      const struct vs_value *args, size_t count,
                      struct vs_person *out)
{
	struct reading r = {.store = s, .person = out};

	*out = (struct vs_person){0};
	vs_status status = vs_store_query(s, sql, args, count, read_person, &r);
	if (!status && r.count != 1)
		status = VS_ERR_ABSENT;
	if (!status)
		status = read_scopes(s, out);
	if (status)
		*out = (struct vs_person){0};
	return status;
}

vs_status vs_people_find(struct vs_store *s, const char *token, uint64_t now_s,
                         struct vs_person *out)
{
	uint8_t hash[VS_TOKEN_HASH_LEN];

	*out = (struct vs_person){0};
	if (strlen(token) != VS_TOKEN_LEN)
		return VS_ERR_ABSENT;
	vs_token_hash(token, hash);
	const struct vs_value args[] = {vs_blob(hash, sizeof hash),
	                                vs_uint(now_s)};
	return find(s,
	            "SELECT p.name, p.roles, t.roles FROM token t "
	            "JOIN person p ON p.name = t.person "
	            "WHERE t.hash = ?1 AND t.expires_s > ?2",
	            args, 2, out);
}

vs_status vs_people_named(struct vs_store *s, const char *name,
                          struct vs_person *out)
{
	const struct vs_value args[] = {vs_text(name)};

	return find(s, "SELECT name, roles, roles FROM person WHERE name = ?1",
	            args, 1, out);
}

static vs_status count_row(void *ctx, const struct vs_row *row)
{
	(void)row;
	++*(size_t *)ctx;
	return VS_OK;
}

vs_status vs_people_remove(struct vs_store *s, const char *name)
{
	static const char *const rest[] = {
		"DELETE FROM token WHERE person = ?1",
		"DELETE FROM scope WHERE person = ?1",
		"DELETE FROM login WHERE person = ?1",
		"DELETE FROM session WHERE person = ?1",
		"DELETE FROM once WHERE person = ?1",
	};
	const struct vs_value args[] = {vs_text(name)};
	size_t count = 0;
	vs_status status = vs_store_query(
		s, "DELETE FROM person WHERE name = ?1 RETURNING name", args, 1,
		count_row, &count);

	if (!status && !count)
		return VS_ERR_ABSENT;
	for (size_t i = 0; !status && i < sizeof rest / sizeof *rest; i++)
		status = vs_store_query(s, rest[i], args, 1, NULL, NULL);
	return status;
}

struct listing {
	struct vs_store *store;
	char (*names)[VS_PERSON_LEN];
	size_t count;
};

static vs_status list_name(void *ctx, const struct vs_row *row)
{
	struct listing *l = ctx;
	char(*more)[VS_PERSON_LEN] =
		realloc(l->names, (l->count + 1) * sizeof *more);

	if (!more)
		return VS_ERR_NOMEM;
	l->names = more;
	snprintf(l->names[l->count++], VS_PERSON_LEN, "%s",
	         vs_row_text(l->store, row, 0));
	return VS_OK;
}

vs_status vs_people_list(struct vs_store *s,
                         void (*each)(void *ctx, const struct vs_person *p),
                         void *ctx)
{
	struct listing l = {.store = s};
	struct vs_person p;
	vs_status status =
		vs_store_query(s, "SELECT name FROM person ORDER BY name", NULL,
	                       0, list_name, &l);

	for (size_t i = 0; !status && i < l.count; i++) {
		status = vs_people_named(s, l.names[i], &p);
		if (!status)
			each(ctx, &p);
	}
	free(l.names);
	return status;
}

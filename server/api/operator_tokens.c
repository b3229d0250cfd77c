/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_tokens.c - people's own tokens.
 *
 * A token has no role that the request for it had not, so that one with few
 * roles cannot make itself one with more.
 */
#include <openssl/crypto.h>
#include <stdio.h>

#include "server/api/operator_api.h"
#include "server/audit/audit.h"
#include "trust/json.h"
#include "trust/time.h"

enum { day_s = 86400, preset_days = 90, most_days = 366 };

void vs_operator_tokens(struct vs_request *r)
{
	json_t *list = NULL;

	pthread_mutex_lock(&r->server->reader_lock);
	vs_status status =
		vs_token_list(r->server->reader, r->person.name, &list);
	pthread_mutex_unlock(&r->server->reader_lock);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, list);
}

struct making {
	struct vs_job job;
	struct vs_token token;
	char text[VS_TOKEN_LEN + 1], id[VS_TOKEN_ID_LEN + 1];
};

static vs_status run_make(struct vs_job *job, struct vs_store *store)
{
	struct making *m = (struct making *)job;
	const struct vs_audit record = {m->token.person, "token-added",
	                                m->token.person, "", m->id};
	vs_status status = vs_token_add(store, &m->token, m->text, m->id);

	return status ? status
	              : vs_audit_append(store, m->token.created_s, &record);
}

static vs_status bad(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static vs_status read_roles(const json_t *list, unsigned *out,
                            struct vs_why *why)
{
	*out = 0;
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *name = json_string_value(json_array_get(list, i));
		unsigned bit = name ? vs_people_role(name) : 0;

		if (!bit)
			return bad(why, "roles: not a role");
		*out |= bit;
	}
	return json_is_array(list) && *out ? VS_OK
	                                   : bad(why, "roles: a list of some");
}

static vs_status read_token(const struct vs_request *r, const json_t *body,
                            struct vs_token *t, struct vs_why *why)
{
	const json_t *roles = json_object_get(body, "roles");
	uint64_t days = preset_days;
	vs_status status = vs_json_string(body, "label", &t->label, why);

	if (!status && json_object_get(body, "days"))
		status = vs_json_uint(body, "days", &days, why);
	if (!status && (days == 0 || days > most_days))
		status = bad(why, "days: 1 to 366");
	if (!status &&
	    json_object_size(body) !=
	            1 + (size_t)(roles != NULL) +
	                    (size_t)(json_object_get(body, "days") != NULL))
		status = bad(why, "a member that tokens do not have");
	t->roles = r->person.roles;
	if (!status && roles)
		status = read_roles(roles, &t->roles, why);
	if (!status && t->roles & ~r->person.roles)
		status = vs_fail(VS_ERR_DENIED, why, VS_REASON_NOT_ALLOWED,
		                 "roles: one that you have not", 0);
	t->person = r->person.name;
	t->created_s = vs_server_now();
	t->expires_s = t->created_s + days * day_s;
	return status;
}

void vs_operator_token_make(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *body = NULL;
	struct making m = {.job = {.run = run_make}};
	struct vs_why why = {0};
	char until[VS_TIME_LEN];

	if (!vs_request_body(r, &body))
		return;
	vs_status status = read_token(r, body, &m.token, &why);
	if (!status)
		status = vs_writer_call(r->server->writer, &m.job);
	if (status) {
		if (status == VS_ERR_INPUT && !why.what)
			bad(&why, "label: not a name");
		vs_request_fail(r, status, &why);
		return;
	}
	vs_time_format(m.token.expires_s, until);
	vs_request_json(r, 201,
	                json_pack("{s:s, s:s, s:s}", "id", m.id, "token",
	                          m.text, "expires_at", until));
	OPENSSL_cleanse(m.text, sizeof m.text);
}

struct removing {
	struct vs_job job;
	const char *actor, *id;
	bool anybody;
};

static vs_status run_remove(struct vs_job *job, struct vs_store *store)
{
	const struct removing *m = (struct removing *)job;
	const struct vs_audit record = {m->actor, "token-removed", m->id, "",
	                                ""};
	vs_status status =
		vs_token_remove(store, m->anybody ? NULL : m->actor, m->id);

	return status ? status
	              : vs_audit_append(store, vs_server_now(), &record);
}

void vs_operator_token_remove(struct vs_request *r)
{
	struct removing m = {
		.job = {.run = run_remove},
		.actor = r->person.name,
		.id = r->parts[0],
		.anybody = r->person.roles & VS_PERSON_ADMIN &&
	                   r->person.scope_count == 0,
	};
	vs_status status = vs_writer_call(r->server->writer, &m.job);

	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, json_pack("{s:s}", "id", m.id));
}

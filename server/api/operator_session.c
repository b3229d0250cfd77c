/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_session.c - coming with a password and a code, and going.
 *
 * Whatever is wrong, the answer is the same.
 */
#include <openssl/crypto.h>
#include <stdio.h>

#include "server/api/identify.h"
#include "server/api/operator_api.h"
#include "server/audit/audit.h"
#include "trust/json.h"

#define COOKIE_END "; Path=/; Secure; HttpOnly; SameSite=Strict"

struct opening {
	struct vs_job job;
	const struct vs_request *request;
	struct vs_login login;
	uint64_t step, now_s;
	bool right;
	struct vs_session session;
	char cookie[VS_SESSION_LEN + 1];
};

/* Sessions that are over. */
static vs_status sweep(const struct opening *o, struct vs_store *store)
{
	uint64_t max_s = o->request->server->settings->session_max_s;
	const struct vs_value args[] = {
		vs_uint(o->now_s > max_s ? o->now_s - max_s : 0)};

	return vs_store_query(store, "DELETE FROM session WHERE created_s < ?1",
	                      args, 1, NULL, NULL);
}

static vs_status run_open(struct vs_job *job, struct vs_store *store)
{
	struct opening *o = (struct opening *)job;
	const char *name = o->login.name;
	const struct vs_audit record = {name, "session-opened", name, "", ""};
	vs_status status = sweep(o, store);

	if (!status)
		status = vs_session_open(store, name, o->step, o->now_s,
		                         &o->session, o->cookie);
	return status ? status : vs_audit_append(store, o->now_s, &record);
}

static vs_status run_failed(struct vs_job *job, struct vs_store *store)
{
	struct opening *o = (struct opening *)job;
	char detail[64];
	uint64_t wait_s;
	vs_status status =
		vs_login_failed(store, o->login.name, o->now_s, &wait_s);
	const struct vs_audit record = {
		o->login.name, "login-locked", o->login.name,
		vs_reason_name(VS_REASON_NOT_ALLOWED), detail};

	if (status || !wait_s)
		return status;
	snprintf(detail, sizeof detail, "for %llu seconds",
	         (unsigned long long)wait_s);
	return vs_audit_append(store, o->now_s, &record);
}

static void refuse(struct vs_request *r, struct opening *o)
{
	o->job = (struct vs_job){.run = run_failed};
	vs_status status = vs_writer_call(r->server->writer, &o->job);

	if (status) {
		vs_request_fail(r, status, NULL);
		return;
	}
	vs_identify_wrong(r);
	if (!r->answer)
		vs_request_error(r, 401, VS_REASON_NOT_ALLOWED,
		                 "name, password or code is wrong, or too many "
		                 "were wrong just now");
}

static json_t *about(const struct vs_person *p, const struct vs_session *s)
{
	json_t *who;

	if (vs_people_json(p, &who))
		return NULL;
	if (json_object_set_new(who, "csrf", json_string(s->csrf))) {
		json_decref(who);
		return NULL;
	}
	return who;
}

static void welcome(struct vs_request *r, const struct opening *o)
{
	char cookie[VS_SESSION_LEN + 128];
	struct vs_person p;

	pthread_mutex_lock(&r->server->reader_lock);
	vs_status status =
		vs_people_named(r->server->reader, o->login.name, &p);
	pthread_mutex_unlock(&r->server->reader_lock);
	if (status) {
		vs_request_fail(r, status, NULL);
		return;
	}
	snprintf(cookie, sizeof cookie, VS_COOKIE "=%s" COOKIE_END, o->cookie);
	vs_request_json(r, 201, about(&p, &o->session));
	vs_request_header(r, "Set-Cookie", cookie);
	OPENSSL_cleanse(cookie, sizeof cookie);
}

static vs_status read_login(const json_t *body, struct vs_login *l,
                            struct vs_why *why)
{
	vs_status status = vs_json_string(body, "name", &l->name, why);

	if (!status)
		status = vs_json_string(body, "password", &l->password, why);
	if (!status)
		status = vs_json_string(body, "code", &l->code, why);
	return status;
}

/* One at a time: each takes some memory and time on purpose. */
static vs_status check(struct vs_request *r, struct opening *o)
{
	struct vs_server *s = r->server;

	pthread_mutex_lock(&s->login_lock);
	vs_status status = vs_login_check(s->reader, &s->reader_lock, &o->login,
	                                  o->now_s, &o->step);
	pthread_mutex_unlock(&s->login_lock);
	return status;
}

void vs_session_begin(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *body = NULL;
	struct opening o = {.job = {.run = run_open},
	                    .request = r,
	                    .now_s = vs_server_now()};
	struct vs_why why = {0};

	if (!vs_identify_patient(r) || !vs_request_body(r, &body))
		return;
	vs_status status = read_login(body, &o.login, &why);
	if (status) {
		vs_request_fail(r, status, &why);
		return;
	}
	status = check(r, &o);
	if (!status)
		status = vs_writer_call(r->server->writer, &o.job);
	if (!status)
		welcome(r, &o);
	else if (status == VS_ERR_DENIED)
		refuse(r, &o);
	else
		vs_request_fail(r, status, NULL);
	OPENSSL_cleanse(o.cookie, sizeof o.cookie);
}

static bool has_session(struct vs_request *r)
{
	if (r->session.is)
		return true;
	vs_request_error(r, 409, VS_REASON_CONFLICT,
	                 "this request came with a token");
	return false;
}

void vs_session_show(struct vs_request *r)
{
	if (has_session(r))
		vs_request_json(r, 200, about(&r->person, &r->session));
}

struct closing {
	struct vs_job job;
	const struct vs_request *request;
};

static vs_status run_close(struct vs_job *job, struct vs_store *store)
{
	const struct vs_request *r = ((struct closing *)job)->request;
	const struct vs_audit record = {r->person.name, "session-closed",
	                                r->person.name, "", ""};
	vs_status status = vs_session_close(store, &r->session);

	return status ? status
	              : vs_audit_append(store, vs_server_now(), &record);
}

void vs_session_end(struct vs_request *r)
{
	struct closing c = {.job = {.run = run_close}, .request = r};

	if (!has_session(r))
		return;
	vs_status status = vs_writer_call(r->server->writer, &c.job);
	if (status) {
		vs_request_fail(r, status, NULL);
		return;
	}
	vs_request_json(r, 200, json_object());
	vs_request_header(r, "Set-Cookie", VS_COOKIE "=; Max-Age=0" COOKIE_END);
}

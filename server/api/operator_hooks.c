/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_hooks.c - people tell the server whom to tell.
 */
#include <openssl/crypto.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/api/operator_api.h"
#include "server/audit/audit.h"
#include "server/events/events.h"
#include "server/events/hook.h"
#include "server/store/name.h"
#include "trust/json.h"

enum { patterns_max = 16 };

void vs_operator_hooks(struct vs_request *r)
{
	struct vs_hook all[VS_HOOKS_MAX];
	json_t *list = json_array(), *one;
	size_t count = 0;

	pthread_mutex_lock(&r->server->reader_lock);
	vs_status status = vs_hook_list(r->server->reader, all, &count);
	pthread_mutex_unlock(&r->server->reader_lock);
	for (size_t i = 0; !status && i < count; i++) {
		status = vs_hook_json(&all[i], &one);
		if (!status && json_array_append_new(list, one))
			status = VS_ERR_NOMEM;
	}
	OPENSSL_cleanse(all, sizeof all);
	if (!status) {
		vs_request_json(r, 200, list);
		return;
	}
	json_decref(list);
	vs_request_fail(r, status, NULL);
}

static vs_status bad(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static vs_status read_events(const json_t *body, struct vs_hook *h,
                             struct vs_why *why)
{
	json_t *list;
	size_t used = 0;
	vs_status status = vs_json_array(body, "events", &list, why);

	if (status)
		return status;
	if (json_array_size(list) == 0 || json_array_size(list) > patterns_max)
		return bad(why, "events: 1 to 16 of them");
	for (size_t i = 0; i < json_array_size(list); i++) {
		const char *one = json_string_value(json_array_get(list, i));

		if (!one || !vs_hook_event_ok(one))
			return bad(why, "events: an action of the audit log, "
			                "or its beginning and a star");
		/* 16 of at most 32 bytes fit */
		used += (size_t)snprintf(h->events + used,
		                         sizeof h->events - used, "%s%s",
		                         i ? " " : "", one);
	}
	return VS_OK;
}

static vs_status read_hook(const json_t *body, struct vs_hook *h,
                           struct vs_why *why)
{
	const char *text;
	vs_status status = vs_json_string(body, "label", &text, why);

	if (!status && !vs_name_ok(text, sizeof h->label))
		status = bad(why, "label: a name");
	if (!status)
		snprintf(h->label, sizeof h->label, "%s", text);
	if (!status)
		status = vs_json_string(body, "url", &text, why);
	if (!status && !vs_hook_url_ok(text))
		status = bad(why, "url: https://HOST/..., without a user");
	if (!status)
		snprintf(h->url, sizeof h->url, "%s", text);
	if (!status)
		status = read_events(body, h, why);
	return !status && json_object_size(body) != 3
	               ? bad(why, "label, url and events are known")
	               : status;
}

struct changing {
	struct vs_job job;
	const char *actor, *id, *action;
	struct vs_hook hook;
};

static vs_status tell(const struct changing *c, struct vs_store *store,
                      const char *detail)
{
	const struct vs_audit record = {c->actor, c->action, c->hook.id, "",
	                                detail};

	return vs_audit_append(store, vs_server_now(), &record);
}

static vs_status run_add(struct vs_job *job, struct vs_store *store)
{
	struct changing *c = (struct changing *)job;
	vs_status status = vs_hook_add(store, &c->hook);

	return status ? status : tell(c, store, c->hook.label);
}

void vs_operator_hook_add(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *body = NULL;
	struct changing c = {.job = {.run = run_add},
	                     .actor = r->person.name,
	                     .action = "hook-added"};
	struct vs_why why = {0};
	char secret[4 + 2 * VS_HOOK_SECRET_LEN + 1] = "vsh_";

	if (!vs_request_body(r, &body))
		return;
	c.hook.created_s = vs_server_now();
	snprintf(c.hook.created_by, sizeof c.hook.created_by, "%s",
	         r->person.name);
	vs_status status = read_hook(body, &c.hook, &why);
	if (!status)
		status = vs_events_last(r->server, &c.hook.seq);
	if (!status)
		status = vs_writer_call(r->server->writer, &c.job);
	if (status) {
		vs_request_fail(r, status, &why);
	} else {
		vs_hex_encode(c.hook.secret, sizeof c.hook.secret, secret + 4);
		vs_request_json(r, 201,
		                json_pack("{s:s, s:s}", "id", c.hook.id,
		                          "secret", secret));
	}
	OPENSSL_cleanse(secret, sizeof secret);
	OPENSSL_cleanse(&c.hook, sizeof c.hook);
}

static vs_status run_change(struct vs_job *job, struct vs_store *store)
{
	struct changing *c = (struct changing *)job;
	vs_status status = vs_hook_find(store, c->id, &c->hook);

	if (!status && strcmp(c->action, "hook-removed") == 0)
		status = vs_hook_remove(store, c->id);
	/* What came while it was off is sent too. */
	if (!status && strcmp(c->action, "hook-enabled") == 0) {
		c->hook.on = true;
		c->hook.failures = c->hook.failing_since_s = c->hook.next_s = 0;
		status = vs_hook_store(store, &c->hook);
	}
	return status ? status : tell(c, store, c->hook.label);
}

static void change(struct vs_request *r, const char *action)
{
	struct changing c = {.job = {.run = run_change},
	                     .actor = r->person.name,
	                     .id = r->parts[0],
	                     .action = action};
	json_t *shown = NULL;
	vs_status status = vs_writer_call(r->server->writer, &c.job);

	if (!status)
		status = vs_hook_json(&c.hook, &shown);
	OPENSSL_cleanse(&c.hook, sizeof c.hook);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, shown);
}

void vs_operator_hook_remove(struct vs_request *r)
{
	change(r, "hook-removed");
}

void vs_operator_hook_enable(struct vs_request *r)
{
	change(r, "hook-enabled");
}

void vs_operator_hook_test(struct vs_request *r)
{
	change(r, "hook-tested");
}

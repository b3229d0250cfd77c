/* SPDX-License-Identifier: Apache-2.0
 *
 * server/operator_devices.c - people register chargers and look at them.
 */
#include <stdio.h>

#include "server/audit.h"
#include "server/operator_api.h"
#include "server/page.h"
#include "server/scope.h"
#include "trust/json.h"

/* ?flag=WORD: only chargers that have it.  False if an answer was set. */
struct filter {
	bool some;
	enum vs_flag flag;
	char rest[48]; /* for the next page */
};

static bool parse_filter(struct vs_request *r, struct filter *out)
{
	const char *word = MHD_lookup_connection_value(
		r->connection, MHD_GET_ARGUMENT_KIND, "flag");

	*out = (struct filter){.some = word != NULL};
	if (!word)
		return true;
	if (!vs_flag_find(word, &out->flag)) {
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "flag: must be floor-not-raised, floor-fell "
		                 "or boot-differs");
		return false;
	}
	snprintf(out->rest, sizeof out->rest, "&flag=%s",
	         vs_flag_name(out->flag));
	return true;
}

void vs_operator_devices(struct vs_request *r)
{
	struct vs_server *s = r->server;
	uint64_t now_s = vs_server_now();
	struct filter filter;
	struct vs_page page;
	json_t *list;

	if (!vs_page_parse(r, &page) || !parse_filter(r, &filter))
		return;
	page.rest = filter.rest;
	list = json_array();
	pthread_rwlock_rdlock(&s->lock);
	for (size_t i = 0; list && !page.more && i < s->fleet.count; i++) {
		const struct vs_device *d = s->fleet.all[i];
		json_t *one;

		/* the page before may have ended with one that lost it */
		if (page.begun && filter.some &&
		    !vs_device_flagged(d, filter.flag))
			continue;
		if (!vs_scope_device(&r->person, d) ||
		    vs_page_step(&page, d->id) != VS_PAGE_TAKE)
			continue;
		if (vs_device_json(d, now_s, vs_server_online_s(s), &one) ||
		    json_array_append_new(list, one)) {
			json_decref(list);
			list = NULL;
		}
	}
	pthread_rwlock_unlock(&s->lock);
	vs_page_answer(r, &page, list);
}

void vs_operator_device(struct vs_request *r)
{
	struct vs_server *s = r->server;
	vs_status status = VS_ERR_ABSENT;
	json_t *one = NULL;

	pthread_rwlock_rdlock(&s->lock);
	const struct vs_device *d = vs_fleet_find(&s->fleet, r->parts[0]);
	if (d && vs_scope_device(&r->person, d))
		status = vs_device_json(d, vs_server_now(),
		                        vs_server_online_s(s), &one);
	if (!status)
		status = vs_device_boot_json(d, one);
	pthread_rwlock_unlock(&s->lock);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, one);
}

struct registering {
	struct vs_job job;
	struct vs_request *request;
	struct vs_device *device; /* owned until it is in the table */
	const char *certificate;
};

static vs_status run(struct vs_job *job, struct vs_store *store)
{
	struct registering *g = (struct registering *)job;
	struct vs_server *s = g->request->server;
	struct vs_device *d = g->device;
	uint64_t now_s = vs_server_now();
	char detail[160];

	d->seq = s->fleet.last_seq + 1;
	snprintf(detail, sizeof detail, "site %s, feeder %s", d->site,
	         d->feeder[0] ? d->feeder : "none");
	const struct vs_audit record = {g->request->person.name,
	                                "device-registered", d->id, "", detail};
	vs_status status = vs_device_store(store, d, g->certificate, now_s);
	if (!status)
		status = vs_audit_append(store, now_s, &record);
	if (status)
		return status;
	pthread_rwlock_wrlock(&s->lock);
	status = vs_fleet_add(&s->fleet, d);
	pthread_rwlock_unlock(&s->lock);
	if (!status)
		g->device = NULL;
	return status;
}

void vs_operator_register(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *body = NULL;
	struct vs_registration said;
	struct vs_why why = {0};
	struct registering g = {.job = {.run = run}, .request = r};

	if (!vs_request_body(r, &body))
		return;
	vs_status status = vs_registration_parse(body, &said, &why);
	if (!status)
		status = vs_device_new(&said, &g.device, &why);
	if (status) {
		vs_request_fail(r, status, &why);
		return;
	}
	if (!vs_scope_device(&r->person, g.device)) {
		vs_device_free(&g.device);
		vs_request_error(r, 403, VS_REASON_NOT_ALLOWED,
		                 "%s would be outside of your scopes", said.id);
		return;
	}
	g.certificate = said.certificate;
	status = vs_writer_call(r->server->writer, &g.job);
	vs_device_free(&g.device);
	if (status == VS_ERR_STATE)
		vs_request_error(r, 409, VS_REASON_CONFLICT,
		                 "%s is registered already", said.id);
	else if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 201, json_pack("{s:s}", "id", said.id));
}

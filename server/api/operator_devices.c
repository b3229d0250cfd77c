/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_devices.c - people register chargers and look at them.
 */
#include <stdio.h>

#include "server/api/operator_api.h"
#include "server/api/page.h"
#include "server/audit/audit.h"
#include "server/campaigns/scope.h"
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
		const struct vs_device *d = vs_fleet_at(&s->fleet, i);
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
	pthread_rwlock_unlock(&s->lock);
	if (!status) {
		pthread_mutex_lock(&s->reader_lock);
		status = vs_device_boot_json(s->reader, r->parts[0], one);
		pthread_mutex_unlock(&s->reader_lock);
	}
	if (status) {
		json_decref(one);
		vs_request_fail(r, status, NULL);
	} else {
		vs_request_json(r, 200, one);
	}
}

struct answering {
	struct vs_request *request;
	bool found;
};

static vs_status answer_report(void *ctx, const struct vs_row *row)
{
	struct answering *g = ctx;
	size_t len;
	const void *body =
		vs_row_blob(g->request->server->reader, row, 0, &len);

	g->found = true;
	vs_request_bytes(g->request, 200, "application/json", body, len);
	return VS_OK;
}

/* The last one, or the one that a record of the log names. */
static vs_status find_report(struct answering *g, uint64_t seq)
{
	struct vs_request *r = g->request;
	const struct vs_value which[] = {vs_text(r->parts[0]), vs_uint(seq)};
	const char *query = seq ? "SELECT body FROM report_kept "
	                          "WHERE device = ?1 AND seq = ?2"
	                        : "SELECT body FROM report WHERE device = ?1";

	pthread_mutex_lock(&r->server->reader_lock);
	vs_status status = vs_store_query(r->server->reader, query, which,
	                                  seq ? 2 : 1, answer_report, g);
	pthread_mutex_unlock(&r->server->reader_lock);
	return status;
}

/* As it came: who has the charger's key can verify it without us. */
void vs_operator_report(struct vs_request *r)
{
	struct vs_server *s = r->server;
	struct answering g = {r, false};
	vs_status status = VS_ERR_ABSENT;
	uint64_t seq;

	if (!vs_request_number(r, "seq", 0, &seq))
		return;
	pthread_rwlock_rdlock(&s->lock);
	const struct vs_device *d = vs_fleet_find(&s->fleet, r->parts[0]);
	bool mine = d && vs_scope_device(&r->person, d);
	pthread_rwlock_unlock(&s->lock);
	if (mine)
		status = find_report(&g, seq);
	if (!status && !g.found)
		status = VS_ERR_ABSENT;
	if (status)
		vs_request_fail(r, status, NULL);
}

struct registering {
	struct vs_job job;
	struct vs_request *request;
	struct vs_enrolled *enrolled;
	const char *certificate;
};

static vs_status run(struct vs_job *job, struct vs_store *store)
{
	struct registering *g = (struct registering *)job;
	struct vs_server *s = g->request->server;
	struct vs_enrolled *e = g->enrolled;
	struct vs_device *d;
	uint64_t now_s = vs_server_now();
	char detail[160];

	e->seq = s->fleet.last_seq + 1;
	snprintf(detail, sizeof detail, "site %s, feeder %s", e->site,
	         e->feeder[0] ? e->feeder : "none");
	const struct vs_audit record = {g->request->person.name,
	                                "device-registered", e->id, "", detail};
	vs_status status = vs_enrolled_store(store, e, g->certificate, now_s);
	if (!status)
		status = vs_audit_append(store, now_s, &record);
	if (status)
		return status;
	pthread_rwlock_wrlock(&s->lock);
	status = vs_fleet_add(&s->fleet, e, &d);
	pthread_rwlock_unlock(&s->lock);
	return status;
}

/* Whether it would be within the person's scopes: in a fleet of its own. */
static vs_status in_scope(const struct vs_person *p,
                          const struct vs_enrolled *e)
{
	struct vs_fleet alone = {0};
	struct vs_device *d;
	vs_status status = vs_fleet_add(&alone, e, &d);

	if (!status && !vs_scope_device(p, d))
		status = VS_ERR_DENIED;
	vs_fleet_drop(&alone);
	return status;
}

static void answer(struct vs_request *r, vs_status status,
                   const struct vs_enrolled *e)
{
	if (status == VS_ERR_STATE)
		vs_request_error(r, 409, VS_REASON_CONFLICT,
		                 "%s is registered already", e->id);
	else if (status == VS_ERR_DENIED)
		vs_request_error(r, 403, VS_REASON_NOT_ALLOWED,
		                 "%s would be outside of your scopes", e->id);
	else if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 201, json_pack("{s:s}", "id", e->id));
}

void vs_operator_register(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *body = NULL;
	VS_AUTO(vs_device_certificate_drop)
	struct vs_device_certificate certificate = {0};
	struct vs_registration_texts texts;
	struct vs_registration said;
	struct vs_enrolled e;
	struct vs_why why = {0};
	struct registering g = {
		.job = {.run = run}, .request = r, .enrolled = &e};

	if (!vs_request_body(r, &body))
		return;
	vs_status status = vs_registration_parse(body, &said, &why);
	if (!status)
		status = vs_device_certificate_read(said.certificate, said.id,
		                                    &certificate, &why);
	if (status) {
		vs_request_fail(r, status, &why);
		return;
	}
	g.certificate = said.certificate;
	status = vs_registration_spell(&said, &certificate, &texts, &e);
	if (!status)
		status = in_scope(&r->person, &e);
	if (!status)
		status = vs_writer_call(r->server->writer, &g.job);
	answer(r, status, &e);
}

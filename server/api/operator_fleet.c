/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_fleet.c - people ask what the whole fleet runs.
 */
#include "base/hex.h"
#include "server/api/operator_api.h"
#include "server/api/page.h"
#include "server/campaigns/requires.h"
#include "server/campaigns/scope.h"
#include "server/monitor/compliance.h"
#include "trust/time.h"

void vs_operator_versions(struct vs_request *r)
{
	json_t *list;

	pthread_rwlock_rdlock(&r->server->lock);
	vs_status status = vs_versions(r->server, &r->person, &list);
	pthread_rwlock_unlock(&r->server->lock);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, list);
}

void vs_operator_forecast(struct vs_request *r)
{
	json_t *shown;
	vs_status status = vs_forecast(r->server, &r->person, &shown);

	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, shown);
}

static json_t *overdue_json(const struct vs_server *s,
                            const struct vs_device *d,
                            const struct vs_overdue *o, uint64_t now_s)
{
	char lacks[VS_LACKS_LEN] = "";
	const char *kind = json_string_value(
		json_object_get(o->target->custom, "updateType"));
	char since[VS_TIME_LEN];

	vs_time_format(o->since_s, since);
	(void)vs_device_lacks(d, &s->image.releases, o->target->release, lacks);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:s}", "id", d->id,
		"site", d->site, "component", o->ecu->component, "runs",
		o->ecu->version, "wants", o->target->release, "update_type",
		kind ? kind : "", "overdue_since", since, "days",
		(json_int_t)((now_s - o->since_s) / 86400), "lacks", lacks);
}

/* One more of a list; NULL if there is no memory. */
static void append(json_t **list, json_t *one)
{
	if (!json_array_append_new(*list, one))
		return;
	json_decref(*list);
	*list = NULL;
}

void vs_operator_overdue(struct vs_request *r)
{
	struct vs_server *s = r->server;
	uint64_t now_s = vs_server_now();
	struct vs_page page;
	struct vs_overdue o;
	json_t *list;

	if (!vs_page_parse(r, &page))
		return;
	list = json_array();
	pthread_rwlock_rdlock(&s->lock);
	for (size_t i = 0; list && !page.more && i < s->fleet.count; i++) {
		const struct vs_device *d = vs_fleet_at(&s->fleet, i);

		/* a page may begin after one that is not overdue any more */
		if (!vs_scope_device(&r->person, d) ||
		    (!vs_device_overdue(s, d, now_s, &o) && page.begun))
			continue;
		if (vs_page_step(&page, d->id) == VS_PAGE_TAKE)
			append(&list, overdue_json(s, d, &o, now_s));
	}
	pthread_rwlock_unlock(&s->lock);
	vs_page_answer(r, &page, list);
}

void vs_operator_running(struct vs_request *r)
{
	struct vs_server *s = r->server;
	struct vs_page page;
	json_t *list;

	if (!vs_hex_is_sha256(r->parts[0])) {
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "a seal is named by its SHA-256");
		return;
	}
	if (!vs_page_parse(r, &page))
		return;
	uint64_t seal = vs_seal_short(r->parts[0]);
	list = json_array();
	pthread_rwlock_rdlock(&s->lock);
	for (size_t i = 0; list && !page.more && i < s->fleet.count; i++) {
		const struct vs_device *d = vs_fleet_at(&s->fleet, i);
		bool runs = vs_device_runs_seal(d, seal);

		if ((!runs && page.begun) || !vs_scope_device(&r->person, d))
			continue;
		if (vs_page_step(&page, d->id) == VS_PAGE_TAKE)
			append(&list, json_string(d->id));
	}
	pthread_rwlock_unlock(&s->lock);
	vs_page_answer(r, &page, list);
}

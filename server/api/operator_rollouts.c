/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_rollouts.c - rehearsals, sending back, the freeze; and
 * what is asked about a campaign beside its state.
 */
#include <stdio.h>
#include <string.h>

#include "campaign/forecast.h"
#include "campaign/stuck.h"
#include "server/api/identify.h"
#include "server/api/operator_api.h"
#include "server/api/operator_campaigns.h"
#include "server/api/page.h"
#include "server/campaigns/requires.h"
#include "server/campaigns/scope.h"
#include "trust/json.h"
#include "trust/time.h"

enum { stuck_max = 1000, stuck_after_s = 3600, page_max = 1000 };

struct rehearsing {
	struct vs_job job;
	struct vs_request *request;
	json_t *body, *out; /* owned */
	struct vs_why why;
};

/* In the writer's thread, so that nothing changes meanwhile. */
static vs_status run_rehearse(struct vs_job *job, struct vs_store *store)
{
	struct rehearsing *g = (struct rehearsing *)job;
	struct vs_server *s = g->request->server;
	struct vs_rollout_with with = vs_server_rollout(s, store);
	struct vs_rollout *r = NULL;
	vs_status status = vs_operator_campaign_make(g->request, g->body, &with,
	                                             &r, &g->why);

	if (!status)
		status = vs_rollout_rehearse(r, with.releases, &g->out);
	vs_rollout_free(&r);
	return status;
}

void vs_operator_dry_run(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *asked = NULL;
	struct rehearsing g = {.job = {.run = run_rehearse}, .request = r};
	struct vs_plan plan;

	if (!vs_request_body(r, &asked))
		return;
	/* A rehearsal needs no name. */
	if (!json_object_get(asked, "name") &&
	    json_object_set_new(asked, "name", json_string("dry-run"))) {
		vs_request_fail(r, VS_ERR_NOMEM, NULL);
		return;
	}
	vs_status status = vs_rollout_parse(asked, &plan, &g.body, &g.why);
	if (!status)
		status = vs_writer_call(r->server->writer, &g.job);
	json_decref(g.body);
	if (status)
		vs_operator_campaign_fail(r, status, &g.why, asked);
	else
		vs_request_json(r, 200, g.out);
}

struct sending {
	struct vs_job job;
	struct vs_request *request;
	json_t *body; /* owned */
	struct vs_why why;
	char id[VS_ROLLOUT_ID_LEN];
};

/* Whoever has, or may have, what is to be taken back. */
static vs_status take_touched(const struct vs_rollout *from, json_t *ids)
{
	for (size_t i = 0; i < vs_rollout_count(from); i++)
		if (from->run.seats[i].attempts &&
		    json_array_append_new(
			    ids, json_string(vs_rollout_device(from, i)->id)))
			return VS_ERR_NOMEM;
	return VS_OK;
}

static vs_status check_send(struct sending *g, const struct vs_rollout *from,
                            const struct vs_rollout_with *with)
{
	const struct vs_release *old =
		vs_releases_find(with->releases, from->release);
	const struct vs_release *back = vs_releases_find(
		with->releases,
		json_string_value(json_object_get(g->body, "release")));

	if (!back)
		return vs_fail(VS_ERR_INPUT, &g->why, VS_REASON_NOT_LISTED,
		               "release: none of this name is published", 0);
	if (!old || back->seq <= old->seq)
		return vs_fail(VS_ERR_INPUT, &g->why,
		               VS_REASON_RELEASE_ROLLBACK,
		               "release: the old code is to be released again "
		               "under a higher release_seq than this "
		               "campaign's",
		               0);
	return VS_OK;
}

static vs_status run_send(struct vs_job *job, struct vs_store *store)
{
	struct sending *g = (struct sending *)job;
	struct vs_request *q = g->request;
	struct vs_server *s = q->server;
	struct vs_rollout_with with = vs_server_rollout(s, store);
	struct vs_rollout *from = vs_rollouts_find(&s->rollouts, q->parts[0]);
	json_t *ids = json_array(), *filter = json_object();

	if (!from || !vs_scope_rollout(&q->person, from)) {
		json_decref(ids);
		json_decref(filter);
		return VS_ERR_ABSENT;
	}
	vs_status status = check_send(g, from, &with);
	if (!status)
		status = take_touched(from, ids);
	if (!status && json_array_size(ids) == 0)
		status = vs_fail(VS_ERR_INPUT, &g->why, VS_REASON_NOT_LISTED,
		                 "this campaign has told nobody", 0);
	if (!status && (json_object_set(filter, "ids", ids) ||
	                json_object_set(g->body, "filter", filter)))
		status = VS_ERR_NOMEM;
	json_decref(ids);
	json_decref(filter);
	return status ? status
	              : vs_operator_campaign_create(q, g->body, &with, g->id,
	                                            &g->why);
}

/* What is not said is as a send-back wants it: everybody, as soon as sites
 * and feeder groups allow.
 */
static vs_status preset(json_t *asked, const char *id)
{
	char name[48];

	snprintf(name, sizeof name, "send-back-%s", id);
	if (!json_object_get(asked, "name") &&
	    json_object_set_new(asked, "name", json_string(name)))
		return VS_ERR_NOMEM;
	if (!json_object_get(asked, "waves") &&
	    json_object_set_new(asked, "waves",
	                        json_pack("[{s:i}]", "percent", 100)))
		return VS_ERR_NOMEM;
	return json_object_set_new(asked, "sends_back", json_string(id))
	               ? VS_ERR_NOMEM
	               : VS_OK;
}

void vs_operator_send_back(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *asked = NULL;
	struct sending g = {.job = {.run = run_send}, .request = r};
	struct vs_plan plan;

	if (!vs_request_body(r, &asked))
		return;
	if (json_object_get(asked, "filter")) {
		vs_request_error(r, 400, VS_REASON_MALFORMED,
		                 "filter: a send-back goes to whom the "
		                 "campaign told");
		return;
	}
	vs_status status = preset(asked, r->parts[0]);
	if (!status)
		status = vs_rollout_parse(asked, &plan, &g.body, &g.why);
	if (!status)
		status = vs_writer_call(r->server->writer, &g.job);
	json_decref(g.body);
	if (status)
		vs_operator_campaign_fail(r, status, &g.why, asked);
	else
		vs_operator_campaign_show(r, 201, g.id);
}

/* One that does not move, and why. */
struct stuck {
	size_t place;
	enum vs_stuck kind;
	char lacks[VS_LACKS_LEN];
};

/* Only of who may still be told, or goes on being told. */
static bool lacks(const struct vs_rollout *r,
                  const struct vs_releases *releases, struct stuck *s)
{
	const struct vs_device *d = vs_rollout_device(r, s->place);
	uint8_t state = r->run.seats[s->place].state;

	return (state == VS_MEMBER_WAITING || state == VS_MEMBER_STARTED) &&
	       !vs_device_runs(d, releases, r->release) &&
	       vs_device_lacks(d, releases, r->release, s->lacks);
}

static struct vs_stuck_facts facts_of(const struct vs_rollout *r, size_t place,
                                      uint64_t now_s)
{
	const struct vs_device *d = vs_rollout_device(r, place);
	const struct vs_device_state *s = d->state;
	const struct vs_seat *seat = &r->run.seats[place];

	return (struct vs_stuck_facts){
		.state = (enum vs_member_state)seat->state,
		.block = vs_run_may_start(&r->run, place, now_s),
		.since_s = seat->since_s,
		.last_report_s = d->counter ? d->received_s : 0,
		.soak_s = r->plan.soak_s,
		.charging = s->charging,
		.fetching = strncmp(s->status, "Download", 8) == 0 ||
	                    vs_device_fetched(d) < s->bytes_total,
		.installing = seat->past,
		.refuses = s->reason != VS_REASON_NONE,
	};
}

static int add_stuck(json_t *list, json_t *counts, const struct vs_rollout *r,
                     const struct stuck *s)
{
	const char *name = vs_stuck_name(s->kind);
	const char *why = s->kind == VS_STUCK_REQUIRES ? s->lacks
	                                               : vs_stuck_text(s->kind);
	json_int_t n = json_integer_value(json_object_get(counts, name));
	json_t *one;

	if (json_object_set_new(counts, name, json_integer(n + 1)))
		return -1;
	if (json_array_size(list) >= stuck_max)
		return 0;
	if (vs_rollout_member_json(r, s->place, &one))
		return -1;
	return json_object_set_new(one, "stuck", json_string(name)) ||
	                       json_object_set_new(one, "why",
	                                           json_string(why)) ||
	                       json_object_set_new(
				       one, "advice",
				       json_string(vs_stuck_advice(s->kind))) ||
	                       json_array_append_new(list, one)
	               ? -1
	               : 0;
}

static vs_status stuck_json(const struct vs_rollout *r,
                            const struct vs_releases *releases, json_t **out)
{
	json_t *list = json_array(), *counts = json_object();
	uint64_t now_s = vs_server_now();
	vs_status status = list && counts ? VS_OK : VS_ERR_NOMEM;

	for (size_t i = 0; !status && i < vs_rollout_count(r); i++) {
		struct vs_stuck_facts f = facts_of(r, i, now_s);
		struct stuck s = {.place = i};

		f.lacks = lacks(r, releases, &s);
		s.kind = vs_stuck_find(&f, now_s, stuck_after_s);
		if (s.kind != VS_STUCK_NOT && add_stuck(list, counts, r, &s))
			status = VS_ERR_NOMEM;
	}
	*out = status ? NULL
	              : json_pack("{s:O, s:O}", "counts", counts, "members",
	                          list);
	json_decref(list);
	json_decref(counts);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

static vs_status forecast_json(const struct vs_rollout *r,
                               const struct vs_releases *releases, json_t **out)
{
	struct vs_forecast f;
	char end[VS_TIME_LEN] = "";
	vs_status status = vs_forecast_make(&r->run, vs_server_now(), &f);

	(void)releases;
	*out = NULL;
	if (status)
		return status;
	if (f.end_s)
		vs_time_format(f.end_s, end);
	*out = json_pack("{s:s, s:I, s:b, s:I}", "ends", end, "cycle_s",
	                 (json_int_t)f.cycle_s, "observed", (int)f.observed,
	                 "overdue", (json_int_t)f.overdue);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

static void view(struct vs_request *r,
                 vs_status (*make)(const struct vs_rollout *,
                                   const struct vs_releases *, json_t **))
{
	vs_status status = VS_ERR_ABSENT;
	json_t *out = NULL;

	pthread_rwlock_rdlock(&r->server->lock);
	const struct vs_rollout *found =
		vs_rollouts_find(&r->server->rollouts, r->parts[0]);
	if (found && vs_scope_rollout(&r->person, found))
		status = make(found, &r->server->image.releases, &out);
	pthread_rwlock_unlock(&r->server->lock);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, out);
}

void vs_operator_campaign_stuck(struct vs_request *r)
{
	view(r, stuck_json);
}

void vs_operator_campaign_forecast(struct vs_request *r)
{
	view(r, forecast_json);
}

/* Pages in the order in which they start; ?state= narrows. */
void vs_operator_campaign_members(struct vs_request *r)
{
	const char *wanted = MHD_lookup_connection_value(
		r->connection, MHD_GET_ARGUMENT_KIND, "state");
	vs_status status = VS_ERR_ABSENT;
	json_t *list = json_array();
	uint64_t skip, limit;

	if (!vs_request_number(r, "after", 0, &skip) ||
	    !vs_request_number(r, "limit", 100, &limit)) {
		json_decref(list);
		return;
	}
	if (limit > page_max)
		limit = page_max;
	pthread_rwlock_rdlock(&r->server->lock);
	const struct vs_rollout *found =
		vs_rollouts_find(&r->server->rollouts, r->parts[0]);
	if (found && vs_scope_rollout(&r->person, found))
		status = VS_OK;
	for (size_t i = (size_t)skip; !status && i < vs_rollout_count(found) &&
	                              json_array_size(list) < limit;
	     i++) {
		const char *state = vs_member_state_name(
			(enum vs_member_state)found->run.seats[i].state);
		json_t *one;

		if (wanted && strcmp(wanted, state) != 0)
			continue;
		status = vs_rollout_member_json(found, i, &one);
		if (!status &&
		    (json_object_set_new(one, "place",
		                         json_integer((json_int_t)i + 1)) ||
		     json_array_append_new(list, one)))
			status = VS_ERR_NOMEM;
	}
	pthread_rwlock_unlock(&r->server->lock);
	if (status) {
		json_decref(list);
		vs_request_fail(r, status, NULL);
	} else {
		vs_request_json(r, 200, list);
	}
}

void vs_operator_freeze_show(struct vs_request *r)
{
	json_t *out;

	pthread_rwlock_rdlock(&r->server->lock);
	vs_status status = vs_freeze_json(&r->server->rollouts.freeze, &out);
	pthread_rwlock_unlock(&r->server->lock);
	if (status)
		vs_request_fail(r, status, NULL);
	else
		vs_request_json(r, 200, out);
}

struct freezing {
	struct vs_job job;
	struct vs_request *request;
	struct vs_freeze to;
};

static vs_status run_freeze(struct vs_job *job, struct vs_store *store)
{
	struct freezing *g = (struct freezing *)job;
	struct vs_server *s = g->request->server;
	struct vs_rollout_with with = vs_server_rollout(s, store);

	g->to.since_s = with.now_s;
	return vs_rollouts_freeze(&s->rollouts, &with, &g->to,
	                          g->request->person.name);
}

static bool parse_freeze(struct vs_request *r, const json_t *asked,
                         struct vs_freeze *out)
{
	const json_t *on = json_object_get(asked, "frozen");
	const char *because =
		json_string_value(json_object_get(asked, "because"));

	*out = (struct vs_freeze){.on = json_is_true(on)};
	snprintf(out->by, sizeof out->by, "%s", r->person.name);
	snprintf(out->because, sizeof out->because, "%s",
	         because ? because : "");
	if (json_is_boolean(on) && because && *because &&
	    strlen(because) < sizeof out->because &&
	    json_object_size(asked) == 2)
		return true;
	vs_request_error(r, 400, VS_REASON_MALFORMED,
	                 "{\"frozen\": true or false, \"because\": TEXT of up "
	                 "to 159 bytes} is wanted");
	return false;
}

void vs_operator_freeze(struct vs_request *r)
{
	VS_AUTO(vs_json_drop) json_t *asked = NULL;
	struct freezing g = {.job = {.run = run_freeze}, .request = r};

	if (!vs_request_body(r, &asked) || !parse_freeze(r, asked, &g.to))
		return;
	vs_status status = vs_writer_call(r->server->writer, &g.job);
	if (status == VS_ERR_DENIED) {
		if (vs_identify_note(r->server, r->person.name, "denied",
		                     r->path, VS_REASON_FOUR_EYES, "unfreeze"))
			vs_request_fail(r, VS_ERR_IO, NULL);
		else
			vs_request_error(r, 403, VS_REASON_FOUR_EYES,
			                 "who froze everything does not lift "
			                 "it: another person does");
	} else if (status == VS_ERR_STATE) {
		vs_request_error(r, 409, VS_REASON_CONFLICT,
		                 g.to.on ? "everything is frozen already"
		                         : "nothing is frozen");
	} else if (status) {
		vs_request_fail(r, status, NULL);
	} else {
		vs_operator_freeze_show(r);
	}
}

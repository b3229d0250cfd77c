/* SPDX-License-Identifier: Apache-2.0
 *
 * server/rollout.c - making campaigns and moving them.
 */
#include "server/rollout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit.h"
#include "server/rollout_store.h"
#include "trust/json.h"
#include "trust/time.h"

static bool listed(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) ==
		    0)
			return true;
	return false;
}

/* An empty list means everybody; both lists together narrow. */
static bool selected(const json_t *filter, const struct vs_device *d)
{
	const json_t *sites = json_object_get(filter, "sites");
	const json_t *ids = json_object_get(filter, "ids");

	return (!json_array_size(sites) || listed(sites, d->site)) &&
	       (!json_array_size(ids) || listed(ids, d->id));
}

static vs_status select_members(struct vs_rollout *r,
                                const struct vs_fleet *fleet, uint64_t last_seq)
{
	const json_t *filter = json_object_get(r->body, "filter");
	size_t room = fleet->count ? fleet->count : 1;

	r->members = calloc(room, sizeof *r->members);
	r->more = calloc(room, sizeof *r->more);
	if (!r->members || !r->more)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < fleet->count; i++) {
		struct vs_device *d = fleet->all[i];

		if (d->seq > last_seq || !selected(filter, d))
			continue;
		r->members[r->count++] = (struct vs_member){
			.id = d->id,
			.site = d->site,
			.feeder = d->feeder,
			.utc_offset_min = d->utc_offset_min,
			.healthy = d->state.healthy,
			.last_report_s = d->state.received_s,
		};
	}
	vs_campaign_order(&r->plan, r->members, r->count);
	for (size_t i = 0; i < r->count; i++)
		r->more[i].device = vs_fleet_find(fleet, r->members[i].id);
	return VS_OK;
}

static vs_status copy_texts(struct vs_rollout *r, uint64_t *last_seq,
                            struct vs_why *why)
{
	const char *name, *release, *who;
	vs_status status = vs_json_string(r->body, "name", &name, why);

	if (!status)
		status = vs_json_string(r->body, "release", &release, why);
	if (!status)
		status = vs_json_string(r->body, "created_by", &who, why);
	if (!status)
		status = vs_json_uint(r->body, "last_device", last_seq, why);
	if (status)
		return status;
	snprintf(r->name, sizeof r->name, "%s", name);
	snprintf(r->release, sizeof r->release, "%s", release);
	snprintf(r->created_by, sizeof r->created_by, "%s", who);
	return VS_OK;
}

vs_status vs_rollout_new(uint64_t number, json_t *body,
                         const struct vs_fleet *fleet, struct vs_rollout **out,
                         struct vs_why *why)
{
	struct vs_rollout *r = calloc(1, sizeof *r);
	uint64_t last_seq = 0;

	*out = NULL;
	if (!r) {
		json_decref(body);
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	}
	r->number = number;
	r->body = body;
	snprintf(r->id, sizeof r->id, "%llu", (unsigned long long)number);
	vs_status status = vs_rollout_read(body, &r->plan, why);
	if (!status)
		status = copy_texts(r, &last_seq, why);
	if (!status) {
		status = select_members(r, fleet, last_seq);
		if (status)
			vs_fail(status, why, VS_REASON_NONE, "memory", 0);
	}
	if (status)
		vs_rollout_free(&r);
	else
		r->progress.members = r->progress.waiting = r->count;
	*out = r;
	return status;
}

void vs_rollout_free(struct vs_rollout **rollout)
{
	struct vs_rollout *r = *rollout;

	*rollout = NULL;
	if (!r)
		return;
	json_decref(r->body);
	free(r->members);
	free(r->more);
	free(r);
}

void vs_rollouts_drop(struct vs_rollouts *all)
{
	for (size_t i = 0; i < all->count; i++)
		vs_rollout_free(&all->all[i]);
	free(all->all);
	*all = (struct vs_rollouts){0};
}

struct vs_rollout *vs_rollouts_find(const struct vs_rollouts *all,
                                    const char *id)
{
	for (size_t i = 0; i < all->count; i++)
		if (strcmp(all->all[i]->id, id) == 0)
			return all->all[i];
	return NULL;
}

vs_status vs_rollouts_create(struct vs_rollouts *all,
                             const struct vs_rollout_with *with,
                             struct vs_rollout *r)
{
	char detail[192];

	snprintf(detail, sizeof detail, "%s: release %s for %zu chargers",
	         r->name, r->release, r->count);
	const struct vs_audit record = {r->created_by, "campaign-created",
	                                r->id, "", detail};
	vs_status status = vs_rollout_insert(with->store, r);
	if (!status)
		status = vs_audit_append(with->store, with->now_s, &record);
	if (status)
		return status;
	pthread_rwlock_wrlock(with->lock);
	struct vs_rollout **more =
		realloc(all->all, (all->count + 1) * sizeof(*more));
	if (more) {
		all->all = more;
		all->all[all->count++] = r;
	}
	pthread_rwlock_unlock(with->lock);
	return more ? VS_OK : VS_ERR_NOMEM;
}

/* Who needs or may have nothing is out from the start. */
static const char *skip_reason(const struct vs_rollout *r, size_t i,
                               const struct vs_releases *releases)
{
	const struct vs_device *d = r->more[i].device;

	if (vs_device_runs(d, releases, r->release))
		return "runs it already";
	if (vs_device_later(d, releases, r->release))
		return "runs a later release";
	return vs_device_unfit(d, releases, r->release);
}

static vs_status store_skips(const struct vs_rollout *r,
                             const struct vs_rollout_with *with)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < r->count; i++) {
		const char *why = skip_reason(r, i, with->releases);
		struct vs_member m = r->members[i];

		if (!why)
			continue;
		m.state = VS_MEMBER_SKIPPED;
		m.since_s = with->now_s;
		const struct vs_member_row row = {r, &m, "", why, "", ""};
		status = vs_member_store(with->store, &row);
	}
	return status;
}

static void apply_skips(struct vs_rollout *r,
                        const struct vs_rollout_with *with)
{
	for (size_t i = 0; i < r->count; i++) {
		const char *why = skip_reason(r, i, with->releases);

		if (!why)
			continue;
		r->members[i].state = VS_MEMBER_SKIPPED;
		r->members[i].since_s = with->now_s;
		snprintf(r->more[i].detail, sizeof r->more[i].detail, "%s",
		         why);
	}
}

static const char *const done_words[] = {
	[VS_MOVE_APPROVE] = "campaign-approved",
	[VS_MOVE_START] = "campaign-started",
	[VS_MOVE_PAUSE] = "campaign-paused",
	[VS_MOVE_RESUME] = "campaign-resumed",
	[VS_MOVE_ABORT] = "campaign-aborted",
	[VS_MOVE_HALT] = "campaign-halted",
	[VS_MOVE_FINISH] = "campaign-done",
};

static vs_status store_move(const struct vs_rollout *r,
                            const struct vs_rollout_with *with,
                            enum vs_campaign_move move,
                            enum vs_campaign_state state, const char *who)
{
	const struct vs_audit record = {who, done_words[move], r->id, "",
	                                r->name};
	vs_status status = vs_rollout_update(
		with->store, r, state, r->because,
		move == VS_MOVE_APPROVE ? who : r->approved_by);

	if (!status && move == VS_MOVE_START)
		status = store_skips(r, with);
	return status ? status
	              : vs_audit_append(with->store, with->now_s, &record);
}

vs_status vs_rollout_move(struct vs_rollout *r,
                          const struct vs_rollout_with *with,
                          enum vs_campaign_move move, const char *who)
{
	enum vs_campaign_state state = r->state;
	vs_status status = vs_campaign_move(&state, move);

	if (status)
		return status;
	if (move == VS_MOVE_APPROVE && strcmp(who, r->created_by) == 0)
		return VS_ERR_DENIED;
	if (move == VS_MOVE_START &&
	    !vs_releases_find(with->releases, r->release))
		return VS_ERR_ABSENT;
	status = store_move(r, with, move, state, who);
	if (status)
		return status;
	pthread_rwlock_wrlock(with->lock);
	r->state = state;
	if (move == VS_MOVE_APPROVE)
		snprintf(r->approved_by, sizeof r->approved_by, "%s", who);
	if (move == VS_MOVE_START)
		apply_skips(r, with);
	pthread_rwlock_unlock(with->lock);
	return VS_OK;
}

static json_t *member_json(const struct vs_rollout *r, size_t i)
{
	const struct vs_member *m = &r->members[i];
	char since[VS_TIME_LEN] = "";

	if (m->since_s)
		vs_time_format(m->since_s, since);
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:s}", "id", m->id, "site",
	                 m->site, "state", vs_member_state_name(m->state),
	                 "since", since, "reason", r->more[i].reason, "detail",
	                 r->more[i].detail);
}

static json_t *progress_json(const struct vs_rollout *r)
{
	size_t n[VS_MEMBER_SKIPPED + 1] = {0};

	for (size_t i = 0; i < r->count; i++)
		n[r->members[i].state]++;
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "members",
	                 (json_int_t)r->count, "waiting",
	                 (json_int_t)n[VS_MEMBER_WAITING], "started",
	                 (json_int_t)n[VS_MEMBER_STARTED], "soaking",
	                 (json_int_t)n[VS_MEMBER_SOAKING], "updated",
	                 (json_int_t)n[VS_MEMBER_UPDATED], "failed",
	                 (json_int_t)n[VS_MEMBER_FAILED], "skipped",
	                 (json_int_t)n[VS_MEMBER_SKIPPED]);
}

static vs_status add_members(json_t *out, const struct vs_rollout *r)
{
	json_t *list = json_array();

	if (json_object_set_new(out, "members", list))
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < r->count; i++)
		if (json_array_append_new(list, member_json(r, i)))
			return VS_ERR_NOMEM;
	return json_object_set(out, "plan", r->body) ? VS_ERR_NOMEM : VS_OK;
}

vs_status vs_rollout_json(const struct vs_rollout *r, bool members,
                          json_t **out)
{
	const char *because = r->because;

	if (!because[0] && r->state == VS_CAMPAIGN_RUNNING)
		because = r->progress.because;
	*out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:o}",
	                 "id", r->id, "name", r->name, "release", r->release,
	                 "state", vs_campaign_state_name(r->state), "because",
	                 because, "created_by", r->created_by, "approved_by",
	                 r->approved_by, "wave", (json_int_t)r->progress.wave,
	                 "waves", (json_int_t)r->plan.wave_count, "progress",
	                 progress_json(r));
	vs_status status = *out ? VS_OK : VS_ERR_NOMEM;
	if (!status && members)
		status = add_members(*out, r);
	if (status) {
		json_decref(*out);
		*out = NULL;
	}
	return status;
}

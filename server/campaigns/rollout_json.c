/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout_json.c - campaigns as the API shows them.
 */
#include <stdio.h>
#include <string.h>

#include "server/campaigns/rollout.h"
#include "trust/time.h"

static void time_text(uint64_t s, char out[static VS_TIME_LEN])
{
	out[0] = 0;
	if (s)
		vs_time_format(s, out);
}

vs_status vs_rollout_member_json(const struct vs_rollout *r, size_t place,
                                 json_t **out)
{
	const struct vs_device *d = vs_rollout_device(r, place);
	const struct vs_seat *s = &r->run.seats[place];
	char since[VS_TIME_LEN], started[VS_TIME_LEN];
	struct vs_rollout_note note;

	vs_rollout_note(r, place, &note);
	time_text(s->since_s, since);
	time_text(s->started_s, started);
	*out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:i, s:i}", "id",
	                 d->id, "site", d->site, "state",
	                 vs_member_state_name((enum vs_member_state)s->state),
	                 "since", since, "started", started, "reason",
	                 note.reason, "detail", note.detail, "wave",
	                 s->wave < r->plan.wave_count ? (int)s->wave : -1,
	                 "attempts", (int)s->attempts);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

static json_t *progress_json(const struct vs_rollout *r)
{
	const struct vs_progress *p = &r->run.progress;
	size_t n[VS_MEMBER_STATES] = {0};

	for (size_t w = 0; w <= VS_WAVES_MAX; w++)
		for (size_t s = 0; s < VS_MEMBER_STATES; s++)
			n[s] += r->run.waves[w].n[s];
	return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I, s:I}", "members",
	                 (json_int_t)p->members, "waiting",
	                 (json_int_t)n[VS_MEMBER_WAITING], "started",
	                 (json_int_t)n[VS_MEMBER_STARTED], "soaking",
	                 (json_int_t)n[VS_MEMBER_SOAKING], "updated",
	                 (json_int_t)n[VS_MEMBER_UPDATED], "failed",
	                 (json_int_t)n[VS_MEMBER_FAILED], "skipped",
	                 (json_int_t)n[VS_MEMBER_SKIPPED]);
}

static json_t *waves_json(const struct vs_rollout *r)
{
	json_t *list = json_array();

	for (size_t w = 0; list && w < r->plan.wave_count; w++) {
		const struct vs_tally *t = &r->run.waves[w];
		json_t *one = json_pack(
			"{s:I, s:I, s:I, s:I}", "size", (json_int_t)t->size,
			"updated", (json_int_t)t->n[VS_MEMBER_UPDATED],
			"failed", (json_int_t)t->n[VS_MEMBER_FAILED],
			"under_way",
			(json_int_t)t->n[VS_MEMBER_STARTED] +
				t->n[VS_MEMBER_SOAKING]);

		if (json_array_append_new(list, one)) {
			json_decref(list);
			return NULL;
		}
	}
	return list;
}

static vs_status add_members(json_t *out, const struct vs_rollout *r)
{
	json_t *list = json_array(), *waves = waves_json(r);
	size_t n = vs_rollout_count(r);
	vs_status status = VS_OK;

	if (json_object_set_new(out, "wave_progress", waves) ||
	    json_object_set(out, "plan", r->body)) {
		json_decref(list);
		return VS_ERR_NOMEM;
	}
	/* Pages of them are to be had beside it. */
	for (size_t i = 0; !status && n <= VS_MEMBERS_SHOWN && i < n; i++) {
		json_t *one;

		status = vs_rollout_member_json(r, i, &one);
		if (!status && json_array_append_new(list, one))
			status = VS_ERR_NOMEM;
	}
	if (json_object_set_new(out, "members", list))
		status = VS_ERR_NOMEM;
	return status;
}

/* Names the charger that the plan's own words leave out. */
static void because_of(const struct vs_rollout *r, char *out, size_t cap)
{
	const struct vs_progress *p = &r->run.progress;

	if (r->because[0] || r->state != VS_CAMPAIGN_RUNNING)
		snprintf(out, cap, "%s", r->because);
	else if (p->block == VS_BLOCK_NONE || p->place >= vs_rollout_count(r))
		snprintf(out, cap, "%s", p->because);
	else
		snprintf(out, cap, "%s: %s of site %s", p->because,
		         vs_rollout_device(r, p->place)->id,
		         vs_rollout_device(r, p->place)->site);
}

vs_status vs_rollout_json(const struct vs_rollout *r, bool members,
                          json_t **out)
{
	char because[320], deadline[VS_TIME_LEN];

	because_of(r, because, sizeof because);
	time_text(r->plan.deadline_s, deadline);
	*out = json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:I, s:I, s:b, "
	                 "s:s, s:o}",
	                 "id", r->id, "name", r->name, "release", r->release,
	                 "state", vs_campaign_state_name(r->state), "because",
	                 because, "created_by", r->created_by, "approved_by",
	                 r->approved_by, "wave",
	                 (json_int_t)r->run.progress.wave, "waves",
	                 (json_int_t)r->plan.wave_count, "emergency",
	                 (int)r->plan.emergency, "deadline", deadline,
	                 "progress", progress_json(r));
	vs_status status = *out ? VS_OK : VS_ERR_NOMEM;
	if (!status && members)
		status = add_members(*out, r);
	if (status) {
		json_decref(*out);
		*out = NULL;
	}
	return status;
}

vs_status vs_freeze_json(const struct vs_freeze *f, json_t **out)
{
	char since[VS_TIME_LEN];

	time_text(f->since_s, since);
	*out = json_pack("{s:b, s:s, s:s, s:s}", "frozen", (int)f->on, "by",
	                 f->by, "because", f->because, "since", since);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/rollout_store.c - campaigns and their members as rows.
 */
#include "server/rollout_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "trust/json.h"

enum { body_max = 1024 * 1024 };

vs_status vs_rollout_insert(struct vs_store *s, const struct vs_rollout *r)
{
	VS_AUTO(vs_free_drop) char *text = NULL;
	size_t len;
	vs_status status = vs_json_canonical(r->body, &text, &len);

	if (status)
		return status;
	const struct vs_value row[] = {
		vs_text(r->id),      vs_uint(r->number),
		vs_text(text),       vs_uint((uint64_t)r->state),
		vs_text(r->because), vs_text(r->approved_by),
	};
	return vs_store_query(s,
	                      "INSERT INTO campaign (id, number, body, state, "
	                      "because, approved_by) "
	                      "VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
	                      row, 6, NULL, NULL);
}

vs_status vs_rollout_update(struct vs_store *s, const struct vs_rollout *r,
                            enum vs_campaign_state state, const char *because,
                            const char *approved_by)
{
	const struct vs_value row[] = {vs_text(r->id), vs_uint((uint64_t)state),
	                               vs_text(because), vs_text(approved_by)};

	return vs_store_query(s,
	                      "UPDATE campaign SET state = ?2, because = ?3, "
	                      "approved_by = ?4 WHERE id = ?1",
	                      row, 4, NULL, NULL);
}

vs_status vs_member_store(struct vs_store *s, const struct vs_member_row *m)
{
	const struct vs_value row[] = {
		vs_text(m->rollout->id),
		vs_text(m->member->id),
		vs_uint((uint64_t)m->member->state),
		vs_uint(m->member->since_s),
		vs_text(m->reason),
		vs_text(m->detail),
		vs_text(m->before_release),
		vs_text(m->before_campaign),
	};

	return vs_store_query(
		s,
		"INSERT INTO member (campaign, device, state, since_s, reason, "
		"detail, before_release, before_campaign) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) "
		"ON CONFLICT (campaign, device) DO UPDATE SET "
		"state = excluded.state, since_s = excluded.since_s, "
		"reason = excluded.reason, detail = excluded.detail, "
		"before_release = excluded.before_release, "
		"before_campaign = excluded.before_campaign",
		row, 8, NULL, NULL);
}

vs_status vs_assignment_store(struct vs_store *s, const char *device,
                              const char *release, const char *campaign)
{
	const struct vs_value row[] = {vs_text(device), vs_text(release),
	                               vs_text(campaign)};

	return vs_store_query(
		s,
		"INSERT INTO assignment (device, release, campaign) "
		"VALUES (?1, ?2, ?3) ON CONFLICT (device) DO UPDATE SET "
		"release = excluded.release, campaign = excluded.campaign",
		row, 3, NULL, NULL);
}

struct loading {
	struct vs_store *store;
	const struct vs_fleet *fleet;
	struct vs_rollouts *out;
	struct vs_why *why;
};

static vs_status load_campaign(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	const char *text = vs_row_text(s, row, 1);
	struct vs_rollout *r;
	json_t *body;
	vs_status status =
		vs_json_parse(text, strlen(text), body_max, &body, l->why);

	if (!status)
		status = vs_rollout_new(vs_row_uint(s, row, 0), body, l->fleet,
		                        &r, l->why);
	if (status)
		return status;
	uint64_t state = vs_row_uint(s, row, 2);
	r->state = state > VS_CAMPAIGN_ABORTED ? VS_CAMPAIGN_ABORTED
	                                       : (enum vs_campaign_state)state;
	snprintf(r->because, sizeof r->because, "%s", vs_row_text(s, row, 3));
	snprintf(r->approved_by, sizeof r->approved_by, "%s",
	         vs_row_text(s, row, 4));
	struct vs_rollout **more =
		realloc(l->out->all, (l->out->count + 1) * sizeof(*more));
	if (!more) {
		vs_rollout_free(&r);
		return VS_ERR_NOMEM;
	}
	l->out->all = more;
	l->out->all[l->out->count++] = r;
	return VS_OK;
}

static vs_status load_member(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	struct vs_rollout *r = vs_rollouts_find(l->out, vs_row_text(s, row, 0));
	const char *id = vs_row_text(s, row, 1);
	uint64_t state = vs_row_uint(s, row, 2);

	for (size_t i = 0; r && i < r->count; i++) {
		struct vs_rollout_member *m = &r->more[i];

		if (strcmp(m->device->id, id) != 0 || state > VS_MEMBER_SKIPPED)
			continue;
		r->members[i].state = (enum vs_member_state)state;
		r->members[i].since_s = vs_row_uint(s, row, 3);
		snprintf(m->reason, sizeof m->reason, "%s",
		         vs_row_text(s, row, 4));
		snprintf(m->detail, sizeof m->detail, "%s",
		         vs_row_text(s, row, 5));
		snprintf(m->before_release, sizeof m->before_release, "%s",
		         vs_row_text(s, row, 6));
		snprintf(m->before_campaign, sizeof m->before_campaign, "%s",
		         vs_row_text(s, row, 7));
		return VS_OK;
	}
	return vs_fail(VS_ERR_INPUT, l->why, VS_REASON_MALFORMED,
	               "a member of no campaign", 0);
}

/* Where a campaign stands, without moving anybody. */
static vs_status observe(struct vs_rollout *r, uint64_t now_s)
{
	size_t size = (r->count ? r->count : 1) * sizeof *r->members;
	struct vs_member *scratch = malloc(size);

	if (!scratch)
		return VS_ERR_NOMEM;
	memcpy(scratch, r->members, r->count * sizeof *scratch);
	vs_campaign_step(&r->plan, scratch, r->count, now_s, &r->progress);
	free(scratch);
	return VS_OK;
}

vs_status vs_rollouts_load(struct vs_store *s, const struct vs_fleet *fleet,
                           uint64_t now_s, struct vs_rollouts *out,
                           struct vs_why *why)
{
	struct loading l = {s, fleet, out, why};

	*out = (struct vs_rollouts){0};
	vs_fail(VS_OK, why, VS_REASON_UNREADABLE, "campaigns", 0);
	vs_status status = vs_store_query(
		s,
		"SELECT number, body, state, because, approved_by "
		"FROM campaign ORDER BY number",
		NULL, 0, load_campaign, &l);
	if (!status)
		status = vs_store_query(
			s,
			"SELECT campaign, device, state, since_s, reason, "
			"detail, before_release, before_campaign FROM member",
			NULL, 0, load_member, &l);
	for (size_t i = 0; !status && i < out->count; i++)
		status = observe(out->all[i], now_s);
	return status;
}

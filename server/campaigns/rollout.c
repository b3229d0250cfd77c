/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout.c - making campaigns and moving them.
 */
#include "server/campaigns/rollout.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit/audit.h"
#include "server/campaigns/rollout_store.h"
#include "trust/json.h"

enum { kinds_max = 32 };

static vs_status copy_texts(struct vs_rollout *r, struct vs_why *why)
{
	const char *name, *release, *who;
	uint64_t last_seq;
	vs_status status = vs_json_string(r->body, "name", &name, why);

	if (!status)
		status = vs_json_string(r->body, "release", &release, why);
	if (!status)
		status = vs_json_string(r->body, "created_by", &who, why);
	if (!status)
		status = vs_json_uint(r->body, "last_device", &last_seq, why);
	if (status)
		return status;
	snprintf(r->name, sizeof r->name, "%s", name);
	snprintf(r->release, sizeof r->release, "%s", release);
	snprintf(r->created_by, sizeof r->created_by, "%s", who);
	return VS_OK;
}

vs_status vs_rollout_new(uint64_t number, json_t *body, struct vs_rollout **out,
                         struct vs_why *why)
{
	struct vs_rollout *r = calloc(1, sizeof *r);

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
		status = copy_texts(r, why);
	if (status)
		vs_rollout_free(&r);
	*out = r;
	return status;
}

void vs_rollout_free(struct vs_rollout **rollout)
{
	struct vs_rollout *r = *rollout;

	*rollout = NULL;
	if (!r)
		return;
	for (size_t i = 0; r->notes && i < r->run.count; i++)
		free(r->notes[i]);
	free(r->notes);
	vs_run_drop(&r->run);
	json_decref(r->body);
	free(r);
}

void vs_rollouts_drop(struct vs_rollouts *all)
{
	for (size_t i = 0; i < all->count; i++)
		vs_rollout_free(&all->all[i]);
	free(all->all);
	vs_grid_drop(&all->grid);
	vs_rollout_zones_drop(&all->zones);
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

size_t vs_rollout_count(const struct vs_rollout *r)
{
	return r->run.count;
}

struct vs_device *vs_rollout_device(const struct vs_rollout *r, size_t place)
{
	return vs_fleet_at(r->fleet, r->run.seats[place].device);
}

/* The fleet is in the order of seq, mostly without gaps. */
uint32_t vs_rollouts_number(const struct vs_rollouts *all,
                            const struct vs_device *d)
{
	size_t low = 0, high = all->grid.count;

	if (d->seq && d->seq <= high &&
	    vs_fleet_at(all->fleet, d->seq - 1)->seq == d->seq)
		return (uint32_t)(d->seq - 1);
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (vs_fleet_at(all->fleet, middle)->seq < d->seq)
			low = middle + 1;
		else
			high = middle;
	}
	return low < all->grid.count &&
	                       vs_fleet_at(all->fleet, low)->seq == d->seq
	               ? (uint32_t)low
	               : UINT32_MAX;
}

static size_t place_of(const struct vs_rollout *r, uint32_t number)
{
	return number == UINT32_MAX ? VS_NO_PLACE
	                            : vs_run_find(&r->run, number);
}

size_t vs_rollout_place(const struct vs_rollout *r, const struct vs_device *d)
{
	const struct vs_rollouts view = {.grid = *r->run.grid,
	                                 .fleet = r->fleet};

	return place_of(r, vs_rollouts_number(&view, d));
}

/* The value of a label that comes once, or "". */
static void label(const struct vs_device *d, const char *kind,
                  char out[static VS_NAME_LEN])
{
	size_t len = strlen(kind), line;

	out[0] = 0;
	for (const char *at = d->kind->labels; *at; at += line) {
		line = strcspn(at, "\n");
		if (line > len && strncmp(at, kind, len) == 0 && at[len] == '=')
			snprintf(out, VS_NAME_LEN, "%.*s",
			         (int)(line - len - 1), at + len + 1);
		line += at[line] == '\n';
	}
}

static vs_status take_in(struct vs_rollouts *all, const struct vs_device *d)
{
	const struct vs_zone *z;
	char name[VS_NAME_LEN];
	uint16_t zone;
	uint32_t number;

	label(d, "zone", name);
	vs_status status = vs_rollout_zone_take(&all->zones, name,
	                                        d->kind->utc_offset_min, &z);
	/* A zone that has left the system's database is no reason not to
	 * serve: the offset that was told with it holds. */
	if (status == VS_ERR_ABSENT || status == VS_ERR_INPUT)
		status = vs_rollout_zone_take(&all->zones, "",
		                              d->kind->utc_offset_min, &z);
	if (!status)
		status = vs_grid_zone(&all->grid, z, &zone);
	if (!status)
		status = vs_grid_add(&all->grid, d->site, d->feeder, zone,
		                     &number);
	if (!status && d->counter) {
		const struct vs_grid_report last = {
			.healthy = d->state->healthy,
			.has_faults = d->faults != 0,
			.faults = d->faults,
			.time_s = d->received_s};

		vs_grid_report(&all->grid, number, &last);
	}
	return status;
}

vs_status vs_rollouts_sync(struct vs_rollouts *all, pthread_rwlock_t *lock)
{
	vs_status status = VS_OK;

	if (all->grid.count == all->fleet->count)
		return VS_OK;
	if (lock)
		pthread_rwlock_wrlock(lock);
	for (size_t i = all->grid.count; !status && i < all->fleet->count; i++)
		status = take_in(all, vs_fleet_at(all->fleet, i));
	if (lock)
		pthread_rwlock_unlock(lock);
	return status;
}

void vs_rollout_note(const struct vs_rollout *r, size_t place,
                     struct vs_rollout_note *out)
{
	const char *at = r->notes[place];

	*out = (struct vs_rollout_note){0};
	if (!at)
		return;
	snprintf(out->reason, sizeof out->reason, "%s", at);
	at += strlen(at) + 1;
	snprintf(out->detail, sizeof out->detail, "%s", at);
	at += strlen(at) + 1;
	snprintf(out->before_release, sizeof out->before_release, "%s", at);
	at += strlen(at) + 1;
	snprintf(out->before_campaign, sizeof out->before_campaign, "%s", at);
}

/* Four texts, each with its zero: most of them are short. */
vs_status vs_rollout_keep(struct vs_rollout *r, size_t place,
                          const struct vs_rollout_note *note)
{
	const char *const texts[] = {note->reason, note->detail,
	                             note->before_release,
	                             note->before_campaign};
	size_t len = 0;

	for (size_t i = 0; i < 4; i++)
		len += strlen(texts[i]) + 1;
	char *out = realloc(r->notes[place], len);
	if (!out)
		return VS_ERR_NOMEM;
	r->notes[place] = out;
	for (size_t i = 0; i < 4; i++) {
		memcpy(out, texts[i], strlen(texts[i]) + 1);
		out += strlen(texts[i]) + 1;
	}
	return VS_OK;
}

vs_status vs_rollouts_create(struct vs_rollouts *all,
                             const struct vs_rollout_with *with,
                             struct vs_rollout *r)
{
	char detail[192];

	snprintf(detail, sizeof detail, "%s: release %s for %zu chargers%s",
	         r->name, r->release, vs_rollout_count(r),
	         r->plan.emergency ? ", an emergency" : "");
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

/* Who needs or may have nothing is out from the start, by reason. */
struct skips {
	struct {
		const char *why;
		struct vs_rollout_set set; /* owned */
	} of[kinds_max];
	size_t count;
};

static void skips_drop(struct skips *s)
{
	for (size_t i = 0; i < s->count; i++)
		vs_rollout_set_drop(&s->of[i].set);
}

static const char *skip_reason(const struct vs_rollout *r, size_t place,
                               const struct vs_rollout_with *with)
{
	const char *kind;

	return r->run.seats[place].state != VS_MEMBER_WAITING
	               ? NULL
	               : vs_rollout_refusal(vs_rollout_device(r, place),
	                                    with->releases, r->release, &kind);
}

static vs_status add_skip(struct skips *s, const char *why, uint64_t seq)
{
	size_t i = 0;

	while (i < s->count && strcmp(s->of[i].why, why) != 0)
		i++;
	if (i == kinds_max)
		return VS_ERR_LIMIT;
	if (i == s->count)
		s->of[s->count++].why = why;
	return vs_rollout_set_add(&s->of[i].set, seq);
}

static vs_status store_skips(const struct vs_rollout *r,
                             const struct vs_rollout_with *with)
{
	VS_AUTO(skips_drop) struct skips all = {0};
	vs_status status = VS_OK;
	char kind[208];

	for (size_t i = 0; !status && i < vs_rollout_count(r); i++) {
		const char *why = skip_reason(r, i, with);

		if (why)
			status = add_skip(&all, why,
			                  vs_rollout_device(r, i)->seq);
	}
	for (size_t i = 0; !status && i < all.count; i++) {
		snprintf(kind, sizeof kind, "skip %s", all.of[i].why);
		status = vs_rollout_set_store(with->store, r->id, kind,
		                              &all.of[i].set);
	}
	return status;
}

static vs_status apply_skips(struct vs_rollout *r,
                             const struct vs_rollout_with *with)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < vs_rollout_count(r); i++) {
		const char *why = skip_reason(r, i, with);
		struct vs_rollout_note note = {0};
		struct vs_change c;

		if (!why ||
		    vs_run_change(&r->run, i, VS_CAUSE_SKIP, with->now_s, &c))
			continue;
		snprintf(note.detail, sizeof note.detail, "%s", why);
		vs_run_apply(&r->run, &c);
		status = vs_rollout_keep(r, i, &note);
	}
	return status;
}

static const char *const done_words[VS_MOVES] = {
	[VS_MOVE_APPROVE] = "campaign-approved",
	[VS_MOVE_START] = "campaign-started",
	[VS_MOVE_PAUSE] = "campaign-paused",
	[VS_MOVE_RESUME] = "campaign-resumed",
	[VS_MOVE_ABORT] = "campaign-aborted",
	[VS_MOVE_HALT] = "campaign-halted",
	[VS_MOVE_FINISH] = "campaign-done",
	[VS_MOVE_RETRY] = "campaign-retried",
};

/* Who failed waits again; what it was assigned went back when it failed. */
static vs_status make_retries(struct vs_rollout *r,
                              const struct vs_rollout_with *with,
                              struct vs_rollout_changes *out)
{
	for (size_t i = 0; i < vs_rollout_count(r); i++) {
		struct vs_change c;

		if (r->run.seats[i].state != VS_MEMBER_FAILED ||
		    vs_run_change(&r->run, i, VS_CAUSE_RETRY, with->now_s, &c))
			continue;
		struct vs_rollout_change *next = vs_rollout_changes_add(out);
		if (!next)
			return VS_ERR_NOMEM;
		*next = (struct vs_rollout_change){.rollout = r, .change = c};
	}
	return out->count ? VS_OK : VS_ERR_STATE;
}

static vs_status make_changes(struct vs_rollout *r,
                              const struct vs_rollout_with *with,
                              enum vs_campaign_move move, const char *who,
                              struct vs_rollout_changes *out)
{
	vs_status status = VS_OK;

	if (move == VS_MOVE_RETRY)
		status = make_retries(r, with, out);
	else if (move == VS_MOVE_ABORT)
		status = vs_rollout_withdraw(r, with, "aborted", out);
	for (size_t i = 0; !status && i < out->count; i++)
		status = vs_rollout_change_write(&out->at[i], with, who);
	return status;
}

static vs_status store_move(const struct vs_rollout *r,
                            const struct vs_rollout_with *with,
                            enum vs_campaign_move move,
                            enum vs_campaign_state state, const char *who)
{
	const struct vs_audit record = {who, done_words[move], r->id, "",
	                                r->name};
	const char *approved_by = r->approved_by;

	if (move == VS_MOVE_APPROVE)
		approved_by = who;
	else if (state == VS_CAMPAIGN_DRAFT)
		approved_by = "";
	vs_status status = vs_rollout_update(
		with->store, r, state, move == VS_MOVE_RETRY ? "" : r->because,
		approved_by);
	if (!status && move == VS_MOVE_START)
		status = store_skips(r, with);
	return status ? status
	              : vs_audit_append(with->store, with->now_s, &record);
}

static vs_status apply_move(struct vs_rollout *r,
                            const struct vs_rollout_with *with,
                            enum vs_campaign_move move,
                            enum vs_campaign_state state, const char *who)
{
	vs_status status = VS_OK;

	r->state = state;
	if (move == VS_MOVE_APPROVE)
		snprintf(r->approved_by, sizeof r->approved_by, "%s", who);
	else if (state == VS_CAMPAIGN_DRAFT)
		r->approved_by[0] = 0;
	if (move == VS_MOVE_RETRY)
		r->because[0] = 0;
	if (move == VS_MOVE_START)
		status = apply_skips(r, with);
	vs_run_judge(&r->run);
	vs_run_explain(&r->run, with->now_s);
	return status;
}

vs_status vs_rollout_move(struct vs_rollout *r,
                          const struct vs_rollout_with *with,
                          enum vs_campaign_move move, const char *who)
{
	struct vs_rollout_changes changes = {0};
	enum vs_campaign_state state = r->state;
	vs_status status = vs_campaign_move(&state, move);

	if (status)
		return status;
	if (move == VS_MOVE_APPROVE && strcmp(who, r->created_by) == 0)
		return VS_ERR_DENIED;
	if (move == VS_MOVE_START &&
	    !vs_releases_find(with->releases, r->release))
		return VS_ERR_ABSENT;
	status = make_changes(r, with, move, who, &changes);
	if (!status)
		status = store_move(r, with, move, state, who);
	if (!status) {
		pthread_rwlock_wrlock(with->lock);
		vs_rollout_apply(&changes);
		status = apply_move(r, with, move, state, who);
		pthread_rwlock_unlock(with->lock);
	}
	vs_rollout_changes_drop(&changes);
	return status;
}

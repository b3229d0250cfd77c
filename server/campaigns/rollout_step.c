/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout_step.c - campaigns as time passes, and who is told.
 *
 * A decision is made out, written, and only then made true in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit/audit.h"
#include "server/campaigns/requires.h"
#include "server/campaigns/rollout.h"
#include "server/campaigns/rollout_store.h"

/* So many changes a step and campaign: a step must not hold reports up. */
enum { step_max = 512 };

static const char *member_word(const struct vs_change *c)
{
	if (c->cause == VS_CAUSE_RETRY)
		return "update-retried";
	switch ((enum vs_member_state)c->next.state) {
	case VS_MEMBER_STARTED:
		return "update-started";
	case VS_MEMBER_SOAKING:
		return "update-soaking";
	case VS_MEMBER_UPDATED:
		return "update-confirmed";
	case VS_MEMBER_FAILED:
		return "update-failed";
	case VS_MEMBER_WAITING:
		return "update-taken-back";
	case VS_MEMBER_SKIPPED:
	case VS_MEMBER_STATES:
		break;
	}
	return "update-skipped";
}

struct vs_rollout_change *vs_rollout_changes_add(struct vs_rollout_changes *all)
{
	size_t n = all->count;

	/* Doubled whenever the count is a power of two. */
	if ((n & (n - 1)) == 0) {
		struct vs_rollout_change *more =
			realloc(all->at, (n ? 2 * n : 1) * sizeof *more);

		if (!more)
			return NULL;
		all->at = more;
	}
	all->at[n] = (struct vs_rollout_change){0};
	all->count++;
	return &all->at[n];
}

void vs_rollout_changes_drop(struct vs_rollout_changes *all)
{
	for (size_t i = 0; i < all->count; i++)
		if (all->at[i].to)
			vs_pool_give(&all->at[i].rollout->fleet->pool,
			             all->at[i].to);
	free(all->at);
	*all = (struct vs_rollout_changes){0};
}

static vs_status write_back(struct vs_rollout_change *c,
                            const struct vs_rollout_with *with)
{
	const struct vs_rollout *r = c->rollout;
	const char *id = vs_rollout_device(r, c->change.place)->id;
	const char *to = c->note.before_release;
	char detail[192];

	snprintf(detail, sizeof detail, "release %s, back to %s", r->release,
	         to[0] ? to : "none");
	const struct vs_audit record = {"server", "update-withdrawn", id, "",
	                                detail};
	vs_status status = vs_device_told_take(r->fleet, c->note.before_release,
	                                       c->note.before_campaign, &c->to);
	if (!status)
		status = vs_assignment_store(with->store, id,
		                             c->note.before_release,
		                             c->note.before_campaign);
	return status ? status
	              : vs_audit_append(with->store, with->now_s, &record);
}

vs_status vs_rollout_change_write(struct vs_rollout_change *c,
                                  const struct vs_rollout_with *with,
                                  const char *actor)
{
	const struct vs_rollout *r = c->rollout;
	const char *id = vs_rollout_device(r, c->change.place)->id;
	const struct vs_member_row row = {r, id, &c->change.next, &c->note};
	char detail[320];

	snprintf(detail, sizeof detail, "campaign %s, release %s%s%s", r->id,
	         r->release, c->note.detail[0] ? ": " : "", c->note.detail);
	const struct vs_audit record = {actor, member_word(&c->change), id,
	                                c->note.reason, detail};
	vs_status status = vs_member_store(with->store, &row);
	if (!status)
		status = vs_audit_append(with->store, with->now_s, &record);
	if (!status && c->back)
		status = write_back(c, with);
	return status;
}

/* What a failed charger was assigned goes back to what it was before, unless
 * it runs the new release: that would ask it for a rollback it must refuse.
 */
static bool goes_back(const struct vs_rollout *r, size_t place,
                      const struct vs_rollout_with *with)
{
	const struct vs_device *d = vs_rollout_device(r, place);

	return strcmp(d->told->campaign, r->id) == 0 &&
	       !vs_device_runs(d, with->releases, r->release);
}

static vs_status make_due(struct vs_rollout *r, const struct vs_change *due,
                          const struct vs_rollout_with *with,
                          struct vs_rollout_changes *out)
{
	struct vs_rollout_change *c = vs_rollout_changes_add(out);

	if (!c)
		return VS_ERR_NOMEM;
	c->rollout = r;
	c->change = *due;
	c->past = due->next.past;
	vs_rollout_note(r, due->place, &c->note);
	if (due->next.state != VS_MEMBER_FAILED)
		return VS_OK;
	bool ill = due->cause == VS_CAUSE_ILL;
	c->back = goes_back(r, due->place, with);
	snprintf(c->note.reason, sizeof c->note.reason, "%s",
	         vs_reason_name(ill ? VS_REASON_HEALTH_FAILED
	                            : VS_REASON_HEALTH_TIMEOUT));
	snprintf(c->note.detail, sizeof c->note.detail, "%s",
	         ill ? "unhealthy in its soak" : "timed out");
	return VS_OK;
}

vs_status vs_rollout_withdraw(struct vs_rollout *r,
                              const struct vs_rollout_with *with,
                              const char *why, struct vs_rollout_changes *out)
{
	for (size_t i = 0; i < r->run.open_count; i++) {
		size_t place = r->run.open[i];
		const struct vs_device *d = vs_rollout_device(r, place);
		struct vs_change made;

		if (r->run.seats[place].past ||
		    vs_rollout_past(r, d, with->releases) ||
		    vs_run_change(&r->run, place, VS_CAUSE_WITHDRAW,
		                  with->now_s, &made))
			continue;
		struct vs_rollout_change *c = vs_rollout_changes_add(out);
		if (!c)
			return VS_ERR_NOMEM;
		c->rollout = r;
		c->change = made;
		c->back = goes_back(r, place, with);
		vs_rollout_note(r, place, &c->note);
		snprintf(c->note.detail, sizeof c->note.detail,
		         "told no more: %s", why);
	}
	return VS_OK;
}

static void take_back(struct vs_rollout_change *c)
{
	struct vs_rollout *r = c->rollout;

	vs_device_told_put(r->fleet, vs_rollout_device(r, c->change.place),
	                   c->to);
	c->to = NULL;
}

void vs_rollout_apply(struct vs_rollout_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		struct vs_rollout_change *c = &changes->at[i];
		struct vs_rollout *r = c->rollout;

		if (c->change.cause != VS_CAUSE_NONE) {
			vs_run_apply(&r->run, &c->change);
			/* Without memory a restart still shows it. */
			if (vs_rollout_keep(r, c->change.place, &c->note))
				continue;
		}
		vs_run_reported(&r->run, c->change.place, c->past);
		if (c->to)
			take_back(c);
		vs_run_judge(&r->run);
	}
}

/* The move that the plan asks for by itself, if any. */
static bool own_move(const struct vs_rollout *r, enum vs_campaign_move *move,
                     enum vs_campaign_state *state)
{
	const struct vs_progress *p = &r->run.progress;

	*state = r->state;
	if (r->state != VS_CAMPAIGN_RUNNING && r->state != VS_CAMPAIGN_PAUSED)
		return false;
	if (!p->halt && !p->done)
		return false;
	*move = p->halt ? VS_MOVE_HALT : VS_MOVE_FINISH;
	return vs_campaign_move(state, *move) == VS_OK;
}

static vs_status write_own_move(const struct vs_rollout *r,
                                const struct vs_rollout_with *with,
                                enum vs_campaign_state state,
                                const char *because)
{
	const struct vs_audit record = {"server",
	                                state == VS_CAMPAIGN_HALTED
	                                        ? "campaign-halted"
	                                        : "campaign-done",
	                                r->id, "", because};
	vs_status status = vs_rollout_update(with->store, r, state, because,
	                                     r->approved_by);

	return status ? status
	              : vs_audit_append(with->store, with->now_s, &record);
}

static vs_status step_members(struct vs_rollout *r,
                              const struct vs_rollout_with *with)
{
	struct vs_rollout_changes changes = {0};
	struct vs_change due;
	size_t iter = 0;
	vs_status status = VS_OK;

	while (!status && changes.count < step_max &&
	       vs_run_due(&r->run, with->now_s, &iter, &due))
		status = make_due(r, &due, with, &changes);
	for (size_t i = 0; !status && i < changes.count; i++)
		status =
			vs_rollout_change_write(&changes.at[i], with, "server");
	if (!status && changes.count) {
		pthread_rwlock_wrlock(with->lock);
		vs_rollout_apply(&changes);
		pthread_rwlock_unlock(with->lock);
	}
	vs_rollout_changes_drop(&changes);
	return status;
}

static vs_status step_one(struct vs_rollout *r,
                          const struct vs_rollout_with *with)
{
	enum vs_campaign_move move;
	enum vs_campaign_state state;
	vs_status status = step_members(r, with);

	if (status)
		return status;
	/* What is judged only keeps chargers from starting, so it may be true
	 * before it is written. */
	pthread_rwlock_wrlock(with->lock);
	vs_run_judge(&r->run);
	vs_run_explain(&r->run, with->now_s);
	pthread_rwlock_unlock(with->lock);
	if (!own_move(r, &move, &state))
		return VS_OK;
	const char *because =
		move == VS_MOVE_HALT ? r->run.progress.because : "";
	status = write_own_move(r, with, state, because);
	if (status)
		return status;
	pthread_rwlock_wrlock(with->lock);
	r->state = state;
	snprintf(r->because, sizeof r->because, "%s", because);
	pthread_rwlock_unlock(with->lock);
	return VS_OK;
}

/* Who has ended still follows those it had told. */
static bool to_be_stepped(const struct vs_rollout *r)
{
	if (r->state == VS_CAMPAIGN_RUNNING || r->state == VS_CAMPAIGN_PAUSED)
		return true;
	if (r->state == VS_CAMPAIGN_DRAFT || r->state == VS_CAMPAIGN_APPROVED)
		return false;
	return r->run.open_count > 0;
}

vs_status vs_rollouts_step(struct vs_rollouts *all,
                           const struct vs_rollout_with *with)
{
	vs_status status = vs_rollouts_sync(all, with->lock);

	for (size_t i = 0; !status && i < all->count; i++)
		if (to_be_stepped(all->all[i]))
			status = step_one(all->all[i], with);
	return status;
}

/* A charger that still soaks for a campaign that was stopped is free for
 * another: a send-back must not wait for that.
 */
static bool soaks_in_vain(const struct vs_rollout *r, size_t place)
{
	return r->run.seats[place].state == VS_MEMBER_SOAKING &&
	       r->state != VS_CAMPAIGN_RUNNING &&
	       r->state != VS_CAMPAIGN_PAUSED;
}

/* Only for one that the grid counts as busy. */
static bool taken(const struct vs_rollouts *all, uint32_t number)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct vs_rollout *r = all->all[i];
		size_t place = vs_run_find(&r->run, number);
		uint8_t state;

		if (place == VS_NO_PLACE)
			continue;
		state = r->run.seats[place].state;
		if (state == VS_MEMBER_STARTED ||
		    (state == VS_MEMBER_SOAKING && !soaks_in_vain(r, place)))
			return true;
	}
	return false;
}

struct vs_rollout *vs_rollouts_offer(const struct vs_rollouts *all,
                                     const struct vs_releases *releases,
                                     const struct vs_device *d, uint64_t now_s,
                                     size_t *place)
{
	char lacks[VS_LACKS_LEN];
	uint32_t number;

	/* Nobody is sent anything before it has said what it runs. */
	if (!d->counter || all->freeze.on)
		return NULL;
	number = vs_rollouts_number(all, d);
	if (number == UINT32_MAX ||
	    (all->grid.devices[number].busy && taken(all, number)))
		return NULL;
	for (size_t i = 0; i < all->count; i++) {
		struct vs_rollout *r = all->all[i];

		if (r->state != VS_CAMPAIGN_RUNNING)
			continue;
		*place = vs_run_find(&r->run, number);
		if (*place != VS_NO_PLACE &&
		    vs_run_may_start(&r->run, *place, now_s) == VS_BLOCK_NONE &&
		    !vs_device_lacks(d, releases, r->release, lacks))
			return r;
	}
	return NULL;
}

/* What it soaked for ends when another campaign takes it. */
static vs_status make_replaced(const struct vs_rollout *by, uint32_t number,
                               const struct vs_rollout_with *with,
                               struct vs_rollout_changes *out)
{
	const struct vs_rollouts *all = by->among;
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < all->count; i++) {
		struct vs_rollout *r = all->all[i];
		size_t place = vs_run_find(&r->run, number);
		struct vs_change made;

		if (place == VS_NO_PLACE || !soaks_in_vain(r, place) ||
		    vs_run_change(&r->run, place, VS_CAUSE_BROKE, with->now_s,
		                  &made))
			continue;
		struct vs_rollout_change *c = vs_rollout_changes_add(out);
		if (!c)
			return VS_ERR_NOMEM;
		c->rollout = r;
		c->change = made;
		vs_rollout_note(r, place, &c->note);
		snprintf(c->note.detail, sizeof c->note.detail,
		         "replaced by campaign %s", by->id);
		status = vs_rollout_change_write(c, with, "server");
	}
	return status;
}

static vs_status make_start(struct vs_rollout *r, size_t place,
                            const struct vs_rollout_with *with,
                            struct vs_rollout_changes *out)
{
	const struct vs_device *d = vs_rollout_device(r, place);
	struct vs_rollout_change *c = vs_rollout_changes_add(out);

	if (!c)
		return VS_ERR_NOMEM;
	c->rollout = r;
	memcpy(c->note.before_release, d->told->release,
	       sizeof d->told->release);
	memcpy(c->note.before_campaign, d->told->campaign,
	       sizeof d->told->campaign);
	vs_status status = vs_run_change(&r->run, place, VS_CAUSE_START,
	                                 with->now_s, &c->change);
	if (!status)
		status = vs_rollout_change_write(c, with, "server");
	if (!status)
		status = vs_assignment_store(with->store, d->id, r->release,
		                             r->id);
	return status ? status
	              : make_replaced(r, r->run.seats[place].device, with, out);
}

vs_status vs_rollout_start(struct vs_rollout *r,
                           const struct vs_rollout_with *with, size_t place)
{
	struct vs_device *d = vs_rollout_device(r, place);
	struct vs_rollout_changes changes = {0};
	const struct vs_device_told *told;
	vs_status status = make_start(r, place, with, &changes);

	if (!status)
		status =
			vs_device_told_take(r->fleet, r->release, r->id, &told);
	if (!status) {
		pthread_rwlock_wrlock(with->lock);
		vs_rollout_apply(&changes);
		vs_device_told_put(r->fleet, d, told);
		pthread_rwlock_unlock(with->lock);
	}
	vs_rollout_changes_drop(&changes);
	return status;
}

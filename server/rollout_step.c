/* SPDX-License-Identifier: Apache-2.0
 *
 * server/rollout_step.c - campaigns as time passes and reports come in.
 *
 * A decision is taken on a copy, written, and only then made true in memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit.h"
#include "server/rollout.h"
#include "server/rollout_store.h"

static bool open_member(enum vs_member_state s)
{
	return s == VS_MEMBER_STARTED || s == VS_MEMBER_SOAKING;
}

static const char *member_word(enum vs_member_state s)
{
	switch (s) {
	case VS_MEMBER_STARTED:
		return "update-started";
	case VS_MEMBER_SOAKING:
		return "update-soaking";
	case VS_MEMBER_UPDATED:
		return "update-confirmed";
	case VS_MEMBER_FAILED:
		return "update-failed";
	case VS_MEMBER_WAITING:
	case VS_MEMBER_SKIPPED:
		break;
	}
	return "update-skipped";
}

/* What a failed charger was assigned goes back to what it was before, unless
 * it runs the new release: that would ask it for a rollback it must refuse.
 */
static bool goes_back(const struct vs_rollout *r, const struct vs_device *d,
                      enum vs_member_state state,
                      const struct vs_releases *releases)
{
	return state == VS_MEMBER_FAILED && strcmp(d->campaign, r->id) == 0 &&
	       !vs_device_runs(d, releases, r->release);
}

static vs_status write_back(const struct vs_rollout *r, size_t place,
                            const struct vs_rollout_with *with)
{
	const struct vs_rollout_member *more = &r->more[place];
	char detail[192];

	snprintf(detail, sizeof detail, "release %s, back to %s", r->release,
	         more->before_release[0] ? more->before_release : "none");
	const struct vs_audit record = {"server", "update-withdrawn",
	                                r->members[place].id, "", detail};
	vs_status status = vs_assignment_store(
		with->store, r->members[place].id, more->before_release,
		more->before_campaign);
	return status ? status
	              : vs_audit_append(with->store, with->now_s, &record);
}

static vs_status write_change(const struct vs_rollout_change *c,
                              const struct vs_rollout_with *with,
                              const char *actor)
{
	const struct vs_rollout *r = c->rollout;
	const struct vs_rollout_member *more = &r->more[c->place];
	const struct vs_member_row row = {
		r,         &c->member,           c->reason,
		c->detail, more->before_release, more->before_campaign,
	};
	char detail[320];

	snprintf(detail, sizeof detail, "campaign %s, release %s%s%s", r->id,
	         r->release, c->detail[0] ? ": " : "", c->detail);
	const struct vs_audit record = {actor, member_word(c->member.state),
	                                c->member.id, c->reason, detail};
	vs_status status = vs_member_store(with->store, &row);
	if (!status)
		status = vs_audit_append(with->store, with->now_s, &record);
	if (!status && c->back)
		status = write_back(r, c->place, with);
	return status;
}

void vs_rollout_apply(const struct vs_rollout_changes *changes)
{
	for (size_t i = 0; i < changes->count; i++) {
		const struct vs_rollout_change *c = &changes->at[i];
		struct vs_rollout_member *more = &c->rollout->more[c->place];
		struct vs_device *d = more->device;

		c->rollout->members[c->place] = c->member;
		memcpy(more->reason, c->reason, sizeof more->reason);
		memcpy(more->detail, c->detail, sizeof more->detail);
		if (!c->back)
			continue;
		memcpy(d->release, more->before_release, sizeof d->release);
		memcpy(d->campaign, more->before_campaign, sizeof d->campaign);
		d->director_stale = true;
	}
}

/* Room for one more change, or NULL. */
static struct vs_rollout_change *add_change(struct vs_rollout_changes *all)
{
	struct vs_rollout_change *more =
		realloc(all->at, (all->count + 1) * sizeof *more);

	if (!more)
		return NULL;
	all->at = more;
	more[all->count] = (struct vs_rollout_change){0};
	return &more[all->count++];
}

static vs_status note_step(struct vs_rollout *r, size_t i,
                           const struct vs_member *now_is,
                           const struct vs_rollout_with *with,
                           struct vs_rollout_changes *changes)
{
	const struct vs_member *was = &r->members[i];
	struct vs_rollout_change *c = add_change(changes);

	if (!c)
		return VS_ERR_NOMEM;
	c->rollout = r;
	c->place = i;
	c->member = *now_is;
	c->back =
		goes_back(r, r->more[i].device, now_is->state, with->releases);
	if (now_is->state == VS_MEMBER_FAILED) {
		bool sick = was->state == VS_MEMBER_SOAKING && !was->healthy;

		snprintf(c->reason, sizeof c->reason, "%s",
		         vs_reason_name(sick ? VS_REASON_HEALTH_FAILED
		                             : VS_REASON_HEALTH_TIMEOUT));
		snprintf(c->detail, sizeof c->detail, "%s",
		         sick ? "unhealthy in its soak" : "timed out");
	}
	return write_change(c, with, "server");
}

/* The move that the plan asks for by itself, if any. */
static bool own_move(const struct vs_rollout *r,
                     const struct vs_progress *progress,
                     enum vs_campaign_move *move, enum vs_campaign_state *state)
{
	*state = r->state;
	if (r->state != VS_CAMPAIGN_RUNNING && r->state != VS_CAMPAIGN_PAUSED)
		return false;
	if (!progress->halt && !progress->done)
		return false;
	*move = progress->halt ? VS_MOVE_HALT : VS_MOVE_FINISH;
	return vs_campaign_move(state, *move) == VS_OK;
}

static vs_status write_own_move(const struct vs_rollout *r,
                                const struct vs_rollout_with *with,
                                enum vs_campaign_move move,
                                enum vs_campaign_state state,
                                const char *because)
{
	const struct vs_audit record = {"server",
	                                move == VS_MOVE_HALT ? "campaign-halted"
	                                                     : "campaign-done",
	                                r->id, "", because};
	vs_status status = vs_rollout_update(with->store, r, state, because,
	                                     r->approved_by);

	return status ? status
	              : vs_audit_append(with->store, with->now_s, &record);
}

static vs_status step_members(struct vs_rollout *r,
                              const struct vs_member *next,
                              const struct vs_rollout_with *with,
                              struct vs_rollout_changes *changes)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < r->count; i++)
		if (next[i].state != r->members[i].state)
			status = note_step(r, i, &next[i], with, changes);
	return status;
}

static vs_status step_on(struct vs_rollout *r, struct vs_member *next,
                         const struct vs_rollout_with *with)
{
	struct vs_rollout_changes changes = {0};
	struct vs_progress progress;
	enum vs_campaign_move move = VS_MOVE_HALT;
	enum vs_campaign_state state;

	vs_campaign_step(&r->plan, next, r->count, with->now_s, &progress);
	bool moves = own_move(r, &progress, &move, &state);
	const char *because = progress.halt ? progress.because : "";
	vs_status status = step_members(r, next, with, &changes);
	if (!status && moves)
		status = write_own_move(r, with, move, state, because);
	if (!status) {
		pthread_rwlock_wrlock(with->lock);
		vs_rollout_apply(&changes);
		r->progress = progress;
		r->state = state;
		if (moves)
			snprintf(r->because, sizeof r->because, "%s", because);
		pthread_rwlock_unlock(with->lock);
	}
	free(changes.at);
	return status;
}

/* Who has ended still follows those it had told. */
static bool to_be_stepped(const struct vs_rollout *r)
{
	if (r->state == VS_CAMPAIGN_RUNNING || r->state == VS_CAMPAIGN_PAUSED)
		return true;
	if (r->state == VS_CAMPAIGN_DRAFT || r->state == VS_CAMPAIGN_APPROVED)
		return false;
	for (size_t i = 0; i < r->count; i++)
		if (open_member(r->members[i].state))
			return true;
	return false;
}

vs_status vs_rollouts_step(struct vs_rollouts *all,
                           const struct vs_rollout_with *with)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < all->count; i++) {
		struct vs_rollout *r = all->all[i];

		if (!to_be_stepped(r))
			continue;
		size_t size = (r->count ? r->count : 1) * sizeof *r->members;
		struct vs_member *next = malloc(size);
		if (!next)
			return VS_ERR_NOMEM;
		memcpy(next, r->members, r->count * sizeof *next);
		status = step_on(r, next, with);
		free(next);
	}
	return status;
}

static size_t place_of(const struct vs_rollout *r, const struct vs_device *d)
{
	size_t i = 0;

	while (i < r->count && r->more[i].device->seq != d->seq)
		i++;
	return i;
}

/* Under way for another campaign. */
static bool busy(const struct vs_rollouts *all, const struct vs_device *d)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct vs_rollout *r = all->all[i];

		if (r->state == VS_CAMPAIGN_DRAFT ||
		    r->state == VS_CAMPAIGN_APPROVED ||
		    r->state == VS_CAMPAIGN_DONE ||
		    r->state == VS_CAMPAIGN_ABORTED)
			continue;
		size_t k = place_of(r, d);
		if (k < r->count && open_member(r->members[k].state))
			return true;
	}
	return false;
}

struct vs_rollout *vs_rollouts_offer(const struct vs_rollouts *all,
                                     const struct vs_device *d, uint64_t now_s,
                                     size_t *place)
{
	/* Nobody is sent anything before it has said what it runs. */
	if (!d->state.counter)
		return NULL;
	for (size_t i = 0; i < all->count; i++) {
		struct vs_rollout *r = all->all[i];

		if (r->state != VS_CAMPAIGN_RUNNING)
			continue;
		*place = place_of(r, d);
		if (*place < r->count &&
		    vs_campaign_may_start(&r->plan, r->members, r->count,
		                          *place, now_s, &r->progress) &&
		    !busy(all, d))
			return r;
	}
	return NULL;
}

vs_status vs_rollout_start(struct vs_rollout *r,
                           const struct vs_rollout_with *with, size_t place)
{
	struct vs_rollout_member *more = &r->more[place];
	struct vs_device *d = more->device;
	struct vs_member m = r->members[place];

	m.state = VS_MEMBER_STARTED;
	m.since_s = with->now_s;
	const struct vs_member_row row = {r,  &m,         "",
	                                  "", d->release, d->campaign};
	char detail[192];
	snprintf(detail, sizeof detail, "campaign %s, release %s", r->id,
	         r->release);
	const struct vs_audit record = {"server", "update-started", d->id, "",
	                                detail};
	vs_status status = vs_member_store(with->store, &row);
	if (!status)
		status = vs_assignment_store(with->store, d->id, r->release,
		                             r->id);
	if (!status)
		status = vs_audit_append(with->store, with->now_s, &record);
	if (status)
		return status;
	pthread_rwlock_wrlock(with->lock);
	r->members[place] = m;
	memcpy(more->before_release, d->release, sizeof d->release);
	memcpy(more->before_campaign, d->campaign, sizeof d->campaign);
	snprintf(d->release, sizeof d->release, "%s", r->release);
	snprintf(d->campaign, sizeof d->campaign, "%s", r->id);
	d->director_stale = true;
	pthread_rwlock_unlock(with->lock);
	return VS_OK;
}

static bool one_of(const char *status, const char *const *list, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (strcmp(status, list[i]) == 0)
			return true;
	return false;
}

static bool failing(const char *status)
{
	static const char *const list[] = {
		"InstallVerificationFailed", "InstallationFailed",
		"InvalidSignature", "DownloadFailed"};

	return one_of(status, list, sizeof list / sizeof *list);
}

/* In the middle of writing and starting the new image. */
static bool installing(const char *status)
{
	static const char *const list[] = {"Installing", "InstallRebooting",
	                                   "Installed"};

	return one_of(status, list, sizeof list / sizeof *list);
}

/* A fall back counts when it is news: the flag stays set until the next
 * start, also while a later release is downloaded.
 */
static bool fell_back(const struct vs_device *next,
                      const struct vs_device_state *before)
{
	const struct vs_device_state *s = &next->state;

	if (!s->fell_back)
		return false;
	return !before->fell_back ||
	       (before->campaign_seq == s->campaign_seq &&
	        installing(before->status) && !installing(s->status));
}

static enum vs_member_state judge(const struct vs_rollout *r, size_t i,
                                  const struct vs_rollout_with *with,
                                  const struct vs_device *next,
                                  const struct vs_device_state *before)
{
	const struct vs_device_state *s = &next->state;
	const struct vs_release *release =
		vs_releases_find(with->releases, r->release);
	bool ours = release && s->campaign_seq == release->seq;
	bool runs = vs_device_runs(next, with->releases, r->release);

	if (!open_member(r->members[i].state))
		return r->members[i].state == VS_MEMBER_WAITING && runs
		               ? VS_MEMBER_SKIPPED
		               : r->members[i].state;
	if (ours && (failing(s->status) || (!runs && fell_back(next, before))))
		return VS_MEMBER_FAILED;
	if (r->members[i].state == VS_MEMBER_STARTED && runs && s->healthy &&
	    !s->trial &&
	    (strcmp(s->status, "Idle") == 0 ||
	     (ours && strcmp(s->status, "Installed") == 0)))
		return VS_MEMBER_SOAKING;
	return r->members[i].state;
}

static void explain(struct vs_rollout_change *c,
                    const struct vs_device_state *s)
{
	vs_reason reason = s->fell_back && s->fallback_reason
	                           ? s->fallback_reason
	                           : s->reason;

	if (c->member.state == VS_MEMBER_SKIPPED)
		snprintf(c->detail, sizeof c->detail, "runs it already");
	if (c->member.state != VS_MEMBER_FAILED)
		return;
	if (reason)
		snprintf(c->reason, sizeof c->reason, "%s",
		         vs_reason_name(reason));
	snprintf(c->detail, sizeof c->detail, "%s",
	         s->detail[0] ? s->detail : s->status);
}

static vs_status report_one(struct vs_rollout *r, size_t i,
                            const struct vs_rollout_with *with,
                            const struct vs_device *next,
                            const struct vs_device_state *before,
                            struct vs_rollout_changes *out)
{
	bool begun = r->state != VS_CAMPAIGN_DRAFT &&
	             r->state != VS_CAMPAIGN_APPROVED;
	enum vs_member_state state =
		begun ? judge(r, i, with, next, before) : r->members[i].state;
	struct vs_rollout_change *c = add_change(out);

	if (!c)
		return VS_ERR_NOMEM;
	c->rollout = r;
	c->place = i;
	c->member = r->members[i];
	c->member.healthy = next->state.healthy;
	c->member.last_report_s = next->state.received_s;
	memcpy(c->reason, r->more[i].reason, sizeof c->reason);
	memcpy(c->detail, r->more[i].detail, sizeof c->detail);
	if (state == c->member.state)
		return VS_OK; /* nothing that needs a row */
	c->member.state = state;
	c->member.since_s = with->now_s;
	explain(c, &next->state);
	c->back = goes_back(r, next, state, with->releases);
	return write_change(c, with, next->id);
}

vs_status vs_rollouts_report(const struct vs_rollouts *all,
                             const struct vs_rollout_with *with,
                             const struct vs_device *next,
                             const struct vs_device_state *before,
                             struct vs_rollout_changes *out)
{
	vs_status status = VS_OK;

	*out = (struct vs_rollout_changes){0};
	for (size_t i = 0; !status && i < all->count; i++) {
		struct vs_rollout *r = all->all[i];
		size_t place = place_of(r, next);

		if (place < r->count)
			status = report_one(r, place, with, next, before, out);
	}
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout_report.c - what a signed report means for campaigns.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/campaigns/rollout.h"
#include "server/campaigns/rollout_store.h"

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

bool vs_rollout_past(const struct vs_rollout *r, const struct vs_device *d,
                     const struct vs_releases *releases)
{
	const struct vs_release *release =
		vs_releases_find(releases, r->release);
	const struct vs_device_state *s = d->state;

	return release && s->campaign_seq == release->seq &&
	       (s->trial || installing(s->status));
}

/* A fall back counts when it is news: the flag stays set until the next
 * start, also while a later release is downloaded.
 */
static bool fell_back(const struct vs_device *next,
                      const struct vs_device_state *before)
{
	const struct vs_device_state *s = next->state;

	if (!s->fell_back)
		return false;
	return !before->fell_back ||
	       (before->campaign_seq == s->campaign_seq &&
	        installing(before->status) && !installing(s->status));
}

static enum vs_cause judge(const struct vs_rollout *r,
                           const struct vs_seat *seat,
                           const struct vs_rollout_with *with,
                           const struct vs_device *next,
                           const struct vs_device_state *before)
{
	const struct vs_device_state *s = next->state;
	const struct vs_release *release =
		vs_releases_find(with->releases, r->release);
	bool ours = release && s->campaign_seq == release->seq;
	bool runs = vs_device_runs(next, with->releases, r->release);
	bool told = seat->state == VS_MEMBER_STARTED ||
	            seat->state == VS_MEMBER_SOAKING;

	if (seat->state == VS_MEMBER_WAITING && !seat->attempts)
		return runs ? VS_CAUSE_SKIP : VS_CAUSE_NONE;
	if (told && ours &&
	    (failing(s->status) || (!runs && fell_back(next, before))))
		return VS_CAUSE_BROKE;
	if (seat->state != VS_MEMBER_SOAKING && runs && s->healthy &&
	    !s->trial &&
	    (strcmp(s->status, "Idle") == 0 ||
	     (ours && strcmp(s->status, "Installed") == 0)))
		return VS_CAUSE_ARRIVED;
	return VS_CAUSE_NONE;
}

static void explain(struct vs_rollout_change *c,
                    const struct vs_device_state *s)
{
	vs_reason reason = s->fell_back && s->fallback_reason
	                           ? s->fallback_reason
	                           : s->reason;

	if (c->change.next.state == VS_MEMBER_SKIPPED)
		snprintf(c->note.detail, sizeof c->note.detail,
		         "runs it already");
	if (c->change.next.state != VS_MEMBER_FAILED)
		return;
	if (reason)
		snprintf(c->note.reason, sizeof c->note.reason, "%s",
		         vs_reason_name(reason));
	snprintf(c->note.detail, sizeof c->note.detail, "%s",
	         s->detail[0] ? s->detail : s->status);
}

/* Not begun, or over and nobody left to be heard of. */
static bool deaf(const struct vs_rollout *r)
{
	switch (r->state) {
	case VS_CAMPAIGN_DRAFT:
	case VS_CAMPAIGN_APPROVED:
		return true;
	case VS_CAMPAIGN_DONE:
	case VS_CAMPAIGN_ABORTED:
		return !r->run.open_count;
	case VS_CAMPAIGN_RUNNING:
	case VS_CAMPAIGN_PAUSED:
	case VS_CAMPAIGN_HALTED:
	case VS_CAMPAIGN_STATES:
		break;
	}
	return false;
}

static vs_status report_one(struct vs_rollout *r, size_t place,
                            const struct vs_rollout_with *with,
                            const struct vs_device *next,
                            const struct vs_device_state *before,
                            struct vs_rollout_changes *out)
{
	const struct vs_seat *seat = &r->run.seats[place];
	struct vs_rollout_change *c = vs_rollout_changes_add(out);
	enum vs_cause cause = judge(r, seat, with, next, before);

	if (!c)
		return VS_ERR_NOMEM;
	c->rollout = r;
	c->change = (struct vs_change){place, VS_CAUSE_NONE, *seat};
	c->past = vs_rollout_past(r, next, with->releases);
	vs_rollout_note(r, place, &c->note);
	/* No row in the table of moves: the report changes nothing here. */
	if (cause == VS_CAUSE_NONE ||
	    vs_run_change(&r->run, place, cause, with->now_s, &c->change))
		return VS_OK;
	explain(c, next->state);
	c->back = c->change.next.state == VS_MEMBER_FAILED &&
	          strcmp(next->told->campaign, r->id) == 0 &&
	          !vs_device_runs(next, with->releases, r->release);
	return vs_rollout_change_write(c, with, next->id);
}

static vs_status report_all(struct vs_rollouts *all, uint32_t number,
                            const struct vs_rollout_with *with,
                            const struct vs_device *next,
                            const struct vs_device_state *before,
                            struct vs_rollout_changes *out)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < all->count; i++) {
		struct vs_rollout *r = all->all[i];
		size_t place =
			deaf(r) ? VS_NO_PLACE : vs_run_find(&r->run, number);

		if (place != VS_NO_PLACE)
			status = report_one(r, place, with, next, before, out);
	}
	return status;
}

/* The grid hears of the report first, for a soak begins with what it says; if
 * it cannot be written, the grid has not heard.
 */
vs_status vs_rollouts_report(struct vs_rollouts *all,
                             const struct vs_rollout_with *with,
                             const struct vs_device *next,
                             const struct vs_device_state *before,
                             struct vs_rollout_changes *out)
{
	const struct vs_grid_report report = {
		.healthy = next->state->healthy,
		.has_faults = next->faults != 0,
		.faults = next->faults,
		.time_s = next->received_s,
	};
	vs_status status = vs_rollouts_sync(all, with->lock);
	uint32_t number = vs_rollouts_number(all, next);

	*out = (struct vs_rollout_changes){0};
	if (status || number == UINT32_MAX)
		return status ? status : VS_ERR_ABSENT;
	const struct vs_grid_device was = all->grid.devices[number];
	pthread_rwlock_wrlock(with->lock);
	vs_grid_report(&all->grid, number, &report);
	pthread_rwlock_unlock(with->lock);
	status = vs_marks_store(with->store, next->id, &was,
	                        &all->grid.devices[number]);
	if (!status)
		status = report_all(all, number, with, next, before, out);
	if (status) {
		pthread_rwlock_wrlock(with->lock);
		vs_grid_restore(&all->grid, number, &was);
		pthread_rwlock_unlock(with->lock);
	}
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/report_job.c - taking a charger's signed report.
 */
#include "server/api/report_job.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/api/identify.h"
#include "server/audit/audit.h"
#include "server/campaigns/requires.h"
#include "server/fleet/device_row.h"

struct report_job {
	struct vs_job job;
	struct vs_request *request;
	struct vs_report report;
	char nonce[65];
	vs_reason refused; /* NONE: it was taken */
	const char *why;
	struct vs_device_next next;      /* the charger after this report */
	struct vs_image_versions beyond; /* what the image repository is to */
	bool overtaken;                  /* go past, if that is news */
	const char *ecus[VS_ECUS_MAX];
	struct vs_watch_with watch;
	char flagged[VS_FLAGS][160];
};

vs_status vs_director_store(struct vs_store *s, const char *device,
                            uint64_t version)
{
	const struct vs_value row[] = {vs_text(device), vs_uint(version)};

	return vs_store_query(s,
	                      "INSERT INTO director (device, version) "
	                      "VALUES (?1, ?2) ON CONFLICT (device) "
	                      "DO UPDATE SET version = excluded.version",
	                      row, 2, NULL, NULL);
}

static vs_status note(struct vs_store *store, const char *id,
                      const char *action, vs_reason reason, const char *detail)
{
	const struct vs_audit a = {
		id, action, id,
		reason == VS_REASON_NONE ? "" : vs_reason_name(reason), detail};

	return vs_audit_append(store, vs_server_now(), &a);
}

/* The nonce that the next report must show: the one that stands, for a replay
 * must not take it from the charger.
 */
static vs_status give_nonce(struct report_job *j, struct vs_device *d)
{
	struct vs_server *s = j->request->server;

	pthread_rwlock_wrlock(&s->lock);
	if (!d->counter)
		d->nonce_ours = true;
	vs_status status = vs_device_nonce(&s->fleet, d, j->nonce);
	pthread_rwlock_unlock(&s->lock);
	return status;
}

/* A refused report changes nothing but the log, once for each reason in a
 * row: a charger that repeats itself must not fill it.
 */
static vs_status refuse(struct report_job *j, struct vs_store *store,
                        struct vs_device *d, vs_reason reason, const char *why)
{
	struct vs_server *s = j->request->server;
	vs_status status = VS_OK;

	j->refused = reason;
	j->why = why;
	if (reason == VS_REASON_REPLAY)
		status = give_nonce(j, d);
	if (status || d->refused == reason)
		return status;
	status = note(store, d->id, "report-refused", reason, why);
	if (status)
		return status;
	pthread_rwlock_wrlock(&s->lock);
	d->refused = (uint8_t)reason;
	pthread_rwlock_unlock(&s->lock);
	return VS_OK;
}

static vs_status store_report(const struct report_job *j,
                              struct vs_store *store, uint64_t now_s)
{
	const struct vs_value row[] = {
		vs_text(j->request->device),
		vs_uint(j->report.counter),
		vs_text(j->nonce),
		vs_uint(now_s),
		vs_blob(j->request->body.data, j->request->body.len),
	};

	return vs_store_query(
		store,
		"INSERT INTO report (device, counter, nonce, received_s, body) "
		"VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT (device) DO UPDATE "
		"SET counter = excluded.counter, nonce = excluded.nonce, "
		"received_s = excluded.received_s, body = excluded.body",
		row, 5, NULL, NULL);
}

/* Who trusts a later director than ours met an intruder with our keys. */
static vs_status store_overtaken(const struct report_job *j,
                                 struct vs_store *store,
                                 const struct vs_device *d)
{
	uint64_t trusts = j->next.state.director_trusted;
	uint64_t version = j->next.device.director_version;
	vs_status status = VS_OK;

	if (version != d->director_version) {
		status = vs_director_store(store, d->id, version);
		if (!status)
			status = note(store, d->id, "director-overtaken",
			              VS_REASON_WRONG_VERSION,
			              "trusts a later director than ours");
	} else if (trusts > d->director_version &&
	           trusts != d->state->director_trusted) {
		status = note(store, d->id, "director-out-of-reach",
		              VS_REASON_WRONG_VERSION,
		              "trusts a director that leaves no versions: its "
		              "keys must be rotated");
	}
	return status;
}

/* One image repository serves all chargers, and one that lies can lead it
 * ahead, though not so far that versions run out.
 */
static void see_image(struct report_job *j)
{
	const struct vs_image_repo *image = &j->request->server->image;
	const uint64_t trusts = j->report.image_version;
	const uint64_t snapshot = j->report.image_snapshot_version;

	const uint64_t most = trusts > snapshot ? trusts : snapshot;

	if (most > VS_DIRECTOR_FOLLOW_MAX)
		j->next.state.image_trusted = most;
	if (!most || !image->renew_s)
		return;
	const struct vs_image_versions reached = vs_image_reached(image);
	j->beyond = image->beyond;
	if (trusts > reached.timestamp && trusts <= VS_DIRECTOR_FOLLOW_MAX) {
		j->beyond.timestamp = trusts;
		j->overtaken = true;
	}
	if (snapshot > reached.snapshot && snapshot <= VS_DIRECTOR_FOLLOW_MAX) {
		j->beyond.snapshot = snapshot;
		j->overtaken = true;
	}
}

static vs_status store_image(const struct report_job *j, struct vs_store *store,
                             const struct vs_device *d)
{
	uint64_t trusts = j->next.state.image_trusted;
	vs_status status = VS_OK;

	if (j->overtaken)
		status = note(store, d->id, "image-overtaken",
		              VS_REASON_WRONG_VERSION,
		              "trusts a later image repository than ours");
	if (!status && trusts > VS_DIRECTOR_FOLLOW_MAX &&
	    trusts != d->state->image_trusted &&
	    j->request->server->image.renew_s)
		status = note(store, d->id, "image-out-of-reach",
		              VS_REASON_WRONG_VERSION,
		              "trusts an image repository that leaves no "
		              "versions: its keys must be rotated");
	return status;
}

/* What is news in this report, for the log. */
static vs_status store_news(const struct report_job *j, struct vs_store *store,
                            const struct vs_device *d)
{
	const struct vs_device_state *was = d->state, *is = &j->next.state;
	vs_status status = VS_OK;

	if (is->reason != VS_REASON_NONE && is->about[0] &&
	    (is->reason != was->reason || strcmp(is->about, was->about) != 0 ||
	     is->campaign_seq != was->campaign_seq))
		status = note(store, d->id, "refused", is->reason, is->about);
	if (!status && is->fell_back && !was->fell_back)
		status = note(store, d->id, "fell-back", is->fallback_reason,
		              is->detail);
	if (!status && (strcmp(is->status, was->status) != 0 ||
	                is->campaign_seq != was->campaign_seq ||
	                (is->reason != VS_REASON_NONE && !is->about[0] &&
	                 is->reason != was->reason)))
		status = note(store, d->id, "status", is->reason, is->status);
	if (!status)
		status = store_overtaken(j, store, d);
	return status ? status : store_image(j, store, d);
}

/* An older agent does not say which versions it trusts, only that ours are
 * older: signing anew may take us past them.  Only when it is news: a charger
 * that repeats itself must not have us sign without end.
 */
static bool image_overtaken(const struct vs_device_state *was,
                            const struct vs_device_state *is)
{
	return is->reason == VS_REASON_ROLLBACK &&
	       strncmp(is->about, "image/", 6) == 0 &&
	       (was->reason != is->reason ||
	        strcmp(was->about, is->about) != 0);
}

static void apply(struct report_job *j, struct vs_device *d,
                  struct vs_rollout_changes *changes)
{
	struct vs_server *s = j->request->server;

	pthread_rwlock_wrlock(&s->lock);
	if (j->overtaken)
		s->image.beyond = j->beyond;
	if (j->overtaken ||
	    (s->image.renew_s && image_overtaken(d->state, &j->next.state)))
		s->image.renew_s = VS_RENEW_NOW;
	vs_device_become(&s->fleet, d, &j->next);
	vs_rollout_apply(changes);
	pthread_rwlock_unlock(&s->lock);
}

/* The charger as it is after this report. */
static vs_status make_next(struct report_job *j, const struct vs_device *d,
                           uint64_t now_s)
{
	struct vs_server *s = j->request->server;
	const struct vs_releases *releases = &s->image.releases;
	struct vs_device *next = &j->next.device;
	vs_status status =
		vs_device_report(&s->fleet, d, &j->report, now_s, &j->next);

	if (!status)
		status = vs_device_nonce(&s->fleet, next, j->nonce);
	if (status)
		return status;
	see_image(j);
	j->watch = vs_device_watch(d, j->ecus, now_s, s->settings->floor_due_s);
	vs_watch_report(&j->next.state.watch, &j->report, &j->watch,
	                j->flagged);
	if (strcmp(vs_device_named(next, releases),
	           vs_device_named(d, releases)) != 0)
		next->director_stale = true;
	return VS_OK;
}

static vs_status store_next(struct report_job *j, struct vs_store *store,
                            const struct vs_device *d, uint64_t now_s)
{
	vs_status status = store_report(j, store, now_s);

	if (!status)
		status = vs_device_state_store(store, &j->next, d);
	if (!status)
		status = store_news(j, store, d);
	return status ? status
	              : vs_watch_note(store, d->id, &d->state->watch,
	                              &j->next.state.watch, now_s, j->flagged);
}

static vs_status take(struct report_job *j, struct vs_store *store,
                      struct vs_device *d)
{
	struct vs_server *s = j->request->server;
	struct vs_rollout_with with = vs_server_rollout(s, store);
	struct vs_rollout_changes changes = {0};
	vs_status status = make_next(j, d, with.now_s);

	if (!status)
		status = store_next(j, store, d, with.now_s);
	if (!status)
		status = vs_device_prepare(&s->fleet, &j->next);
	if (status)
		return status;
	status = vs_rollouts_report(&s->rollouts, &with, &j->next.device,
	                            d->state, &changes);
	if (status)
		vs_device_forget(&s->fleet, &j->next);
	else
		apply(j, d, &changes);
	vs_rollout_changes_drop(&changes);
	return status;
}

static vs_status run(struct vs_job *job, struct vs_store *store)
{
	struct report_job *j = (struct report_job *)job;
	struct vs_server *s = j->request->server;
	struct vs_device *d = vs_fleet_find(&s->fleet, j->request->device);
	struct vs_why why = {0};

	if (!d)
		return VS_ERR_ABSENT;
	if (j->refused != VS_REASON_NONE)
		return refuse(j, store, d, j->refused, j->why);
	vs_status status = vs_device_check(&s->fleet, d, &j->report, &why);
	if (status == VS_ERR_REFUSED)
		return refuse(j, store, d, why.code, why.what);
	return status ? status : take(j, store, d);
}

static unsigned code_of(vs_reason reason)
{
	switch (reason) {
	case VS_REASON_REPLAY:
		return 409;
	case VS_REASON_BAD_SIGNATURE:
	case VS_REASON_WRONG_VEHICLE:
	case VS_REASON_UNKNOWN_ECU:
	case VS_REASON_WRONG_HARDWARE:
	case VS_REASON_INCOMPLETE_SET:
		return 403;
	case VS_REASON_TOO_LARGE:
		return 413;
	default:
		return 400;
	}
}

static void done(struct vs_job *job, vs_status status)
{
	struct report_job *j = (struct report_job *)job;
	struct vs_request *r = j->request;

	if (status)
		vs_request_fail(r, status, NULL);
	else if (j->refused == VS_REASON_REPLAY)
		vs_request_json(r, 409,
		                json_pack("{s:s, s:s, s:s}", "error", j->why,
		                          "reason", vs_reason_name(j->refused),
		                          "nonce", j->nonce));
	else if (j->refused != VS_REASON_NONE)
		vs_request_error(r, code_of(j->refused), j->refused, "%s",
		                 j->why);
	else
		vs_request_json(r, 200, json_pack("{s:s}", "nonce", j->nonce));
	free(j);
	vs_request_resume(r);
}

static vs_status verify(struct vs_request *r, struct report_job *j,
                        struct vs_why *why)
{
	const void *bytes = r->body.data ? (const void *)r->body.data : "";
	const struct vs_key *key;
	vs_status status = vs_identify_key(r, &key);

	if (!status)
		status = vs_report_decode(bytes, r->body.len, key, &j->report,
		                          why);
	if (status == VS_ERR_REFUSED || status == VS_ERR_INPUT ||
	    status == VS_ERR_LIMIT) {
		j->refused = why->code != VS_REASON_NONE ? why->code
		                                         : VS_REASON_MALFORMED;
		j->why = why->what;
		status = VS_OK;
	}
	return status;
}

void vs_report_handle(struct vs_request *r)
{
	struct report_job *j = calloc(1, sizeof *j);
	struct vs_why why = {0};
	vs_status status = j ? verify(r, j, &why) : VS_ERR_NOMEM;

	if (status) {
		vs_request_fail(r, status, &why);
		free(j);
		return;
	}
	j->job = (struct vs_job){.run = run, .done = done};
	j->request = r;
	vs_request_wait(r, &j->job);
}

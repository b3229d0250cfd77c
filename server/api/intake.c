/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/intake.c - a report into fleet, campaigns, log and store.
 */
#include "server/api/intake.h"

#include <openssl/sha.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "server/audit/audit.h"
#include "server/campaigns/requires.h"
#include "server/fleet/device_row.h"
#include "server/hold/server.h"

/* One report on its way in. */
struct taking {
	struct vs_intake *in;
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

/* Who reads the log sees which installations did not come from this server. */
static vs_status note_status(struct vs_store *store, const char *id,
                             const struct vs_device_state *is,
                             const char *source)
{
	char detail[80];

	snprintf(detail, sizeof detail, "%s%s%s", is->status,
	         *source ? ", source " : "", source);
	return note(store, id, "status", is->reason, detail);
}

/* The nonce that the next report must show: the one that stands, for a replay
 * must not take it from the charger.
 */
static vs_status give_nonce(struct taking *t, struct vs_device *d)
{
	struct vs_server *s = t->in->server;

	pthread_rwlock_wrlock(&s->lock);
	if (!d->counter)
		d->nonce_ours = true;
	vs_status status = vs_device_nonce(&s->fleet, d, t->in->nonce);
	pthread_rwlock_unlock(&s->lock);
	return status;
}

/* A refused report changes nothing but the log, once for each reason in a
 * row: a charger that repeats itself must not fill it.
 */
static vs_status refuse(struct taking *t, struct vs_store *store,
                        struct vs_device *d, vs_reason reason, const char *why)
{
	struct vs_server *s = t->in->server;
	vs_status status = VS_OK;

	t->in->refused = reason;
	t->in->why = why;
	if (reason == VS_REASON_REPLAY)
		status = give_nonce(t, d);
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

static vs_status store_report(const struct taking *t, struct vs_store *store,
                              uint64_t now_s)
{
	const struct vs_value row[] = {
		vs_text(t->in->device),
		vs_uint(t->in->report.counter),
		vs_text(t->in->nonce),
		vs_uint(now_s),
		vs_blob(t->in->body, t->in->body_len),
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
static vs_status store_overtaken(const struct taking *t, struct vs_store *store,
                                 const struct vs_device *d)
{
	uint64_t trusts = t->next.state.director_trusted;
	uint64_t version = t->next.device.director_version;
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
static void see_image(struct taking *t)
{
	const struct vs_image_repo *image = &t->in->server->image;
	const uint64_t trusts = t->in->report.image_version;
	const uint64_t snapshot = t->in->report.image_snapshot_version;

	const uint64_t most = trusts > snapshot ? trusts : snapshot;

	if (most > VS_DIRECTOR_FOLLOW_MAX)
		t->next.state.image_trusted = most;
	if (!most || !image->renew_s)
		return;
	const struct vs_image_versions reached = vs_image_reached(image);
	t->beyond = image->beyond;
	if (trusts > reached.timestamp && trusts <= VS_DIRECTOR_FOLLOW_MAX) {
		t->beyond.timestamp = trusts;
		t->overtaken = true;
	}
	if (snapshot > reached.snapshot && snapshot <= VS_DIRECTOR_FOLLOW_MAX) {
		t->beyond.snapshot = snapshot;
		t->overtaken = true;
	}
}

static vs_status store_image(const struct taking *t, struct vs_store *store,
                             const struct vs_device *d)
{
	uint64_t trusts = t->next.state.image_trusted;
	vs_status status = VS_OK;

	if (t->overtaken)
		status = note(store, d->id, "image-overtaken",
		              VS_REASON_WRONG_VERSION,
		              "trusts a later image repository than ours");
	if (!status && trusts > VS_DIRECTOR_FOLLOW_MAX &&
	    trusts != d->state->image_trusted && t->in->server->image.renew_s)
		status = note(store, d->id, "image-out-of-reach",
		              VS_REASON_WRONG_VERSION,
		              "trusts an image repository that leaves no "
		              "versions: its keys must be rotated");
	return status;
}

/* What is news in this report, for the log. */
static vs_status store_news(const struct taking *t, struct vs_store *store,
                            const struct vs_device *d)
{
	const struct vs_device_state *was = d->state, *is = &t->next.state;
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
		status = note_status(store, d->id, is, t->in->report.source);
	if (!status)
		status = store_overtaken(t, store, d);
	return status ? status : store_image(t, store, d);
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

static void apply(struct taking *t, struct vs_device *d,
                  struct vs_rollout_changes *changes)
{
	struct vs_server *s = t->in->server;

	pthread_rwlock_wrlock(&s->lock);
	if (t->overtaken)
		s->image.beyond = t->beyond;
	if (t->overtaken ||
	    (s->image.renew_s && image_overtaken(d->state, &t->next.state)))
		s->image.renew_s = VS_RENEW_NOW;
	vs_device_become(&s->fleet, d, &t->next);
	vs_rollout_apply(changes);
	pthread_rwlock_unlock(&s->lock);
}

/* The charger as it is after this report. */
static vs_status make_next(struct taking *t, const struct vs_device *d,
                           uint64_t now_s)
{
	struct vs_server *s = t->in->server;
	const struct vs_releases *releases = &s->image.releases;
	struct vs_device *next = &t->next.device;
	vs_status status =
		vs_device_report(&s->fleet, d, &t->in->report, now_s, &t->next);

	if (!status)
		status = vs_device_nonce(&s->fleet, next, t->in->nonce);
	if (status)
		return status;
	see_image(t);
	t->watch = vs_device_watch(d, t->ecus, now_s, s->settings->floor_due_s);
	vs_watch_report(&t->next.state.watch, &t->in->report, &t->watch,
	                t->flagged);
	if (strcmp(vs_device_named(next, releases),
	           vs_device_named(d, releases)) != 0)
		next->director_stale = true;
	return VS_OK;
}

static vs_status store_next(struct taking *t, struct vs_store *store,
                            const struct vs_device *d, uint64_t now_s)
{
	vs_status status = store_report(t, store, now_s);

	if (!status)
		status = vs_device_state_store(store, &t->next, d);
	if (!status)
		status = store_news(t, store, d);
	return status ? status
	              : vs_watch_note(store, d->id, &d->state->watch,
	                              &t->next.state.watch, now_s, t->flagged);
}

/* What the log says of a charger can be held against what it signed: the
 * record names the report's bytes, and so the chain holds them too.
 */
static vs_status keep(const struct taking *t, struct vs_store *store)
{
	const struct vs_intake *in = t->in;
	uint8_t digest[SHA256_DIGEST_LENGTH];
	char hex[2 * sizeof digest + 1];
	uint64_t seq;

	if (!SHA256(in->body, in->body_len, digest))
		return VS_ERR_CRYPTO;
	vs_hex_encode(digest, sizeof digest, hex);
	vs_status status =
		note(store, in->device, "report-kept", VS_REASON_NONE, hex);
	if (!status)
		status = vs_audit_last(store, &seq);
	if (status)
		return status;
	const struct vs_value row[] = {vs_uint(seq), vs_text(in->device),
	                               vs_blob(in->body, in->body_len)};
	return vs_store_query(store,
	                      "INSERT INTO report_kept (seq, device, body) "
	                      "VALUES (?1, ?2, ?3)",
	                      row, 3, NULL, NULL);
}

/* A report after which the log is longer is kept. */
static vs_status store_all(struct taking *t, struct vs_store *store,
                           struct vs_device *d,
                           const struct vs_rollout_with *with,
                           struct vs_rollout_changes *changes)
{
	uint64_t before, after;
	vs_status status = vs_audit_last(store, &before);

	if (!status)
		status = store_next(t, store, d, with->now_s);
	if (!status)
		status = vs_rollouts_report(&t->in->server->rollouts, with,
		                            &t->next.device, d->state, changes);
	if (!status)
		status = vs_audit_last(store, &after);
	return status || after == before ? status : keep(t, store);
}

static vs_status take(struct taking *t, struct vs_store *store,
                      struct vs_device *d)
{
	struct vs_server *s = t->in->server;
	struct vs_rollout_with with = vs_server_rollout(s, store);
	struct vs_rollout_changes changes = {0};
	vs_status status = make_next(t, d, with.now_s);

	if (!status)
		status = vs_device_prepare(&s->fleet, &t->next);
	if (status)
		return status;
	status = store_all(t, store, d, &with, &changes);
	if (status)
		vs_device_forget(&s->fleet, &t->next);
	else
		apply(t, d, &changes);
	vs_rollout_changes_drop(&changes);
	return status;
}

vs_status vs_intake_run(struct vs_intake *in, struct vs_store *store)
{
	struct vs_server *s = in->server;
	struct vs_device *d = vs_fleet_find(&s->fleet, in->device);
	struct taking t = {.in = in};
	struct vs_why why = {0};

	if (!d)
		return VS_ERR_ABSENT;
	if (in->refused != VS_REASON_NONE)
		return refuse(&t, store, d, in->refused, in->why);
	vs_status status = vs_device_check(&s->fleet, d, &in->report, &why);
	if (status == VS_ERR_REFUSED)
		return refuse(&t, store, d, why.code, why.what);
	return status ? status : take(&t, store, d);
}

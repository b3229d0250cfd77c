/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/device_api.c - what chargers ask for.
 *
 * A poll is answered from memory.  It goes to the writer only when this
 * charger's director files have to be made: a campaign lets it start, half
 * of their life is over, or its report showed that it trusts newer ones.
 *
 * A person who makes a bundle for a charger asks in its place: what he is
 * given has its whole life before it, and the charger's next poll is answered
 * with files of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "server/api/intake.h"
#include "server/api/operator_api.h"
#include "server/api/report_job.h"
#include "server/api/route.h"
#include "server/audit/audit.h"
#include "server/campaigns/requires.h"
#include "server/campaigns/scope.h"
#include "server/publish/seallog.h"

static void give(struct vs_request *r, const void *bytes, size_t len)
{
	vs_request_bytes(r, 200, "application/json", bytes, len);
}

static void give_timestamp(struct vs_request *r,
                           const struct vs_director_text *t)
{
	char seconds[24];

	give(r, t->bytes, t->len);
	snprintf(seconds, sizeof seconds, "%llu",
	         (unsigned long long)r->server->settings->poll_s);
	vs_request_header(r, "Retry-After", seconds);
}

static void absent(struct vs_request *r)
{
	vs_request_fail(r, VS_ERR_ABSENT, NULL);
}

/* A poll that has to go to the writer: first the start, if a campaign allows
 * it, then the files.  Each is durable before the charger is told.
 */
struct poll {
	struct vs_job job;
	struct vs_request *request;
	struct vs_director *made; /* owned */
	struct vs_why why;
};

static void say_poll(struct poll *p, vs_status status)
{
	struct vs_request *r = p->request;

	if (status) {
		vs_error("director files for %s: %s (%s)", r->device,
		         p->why.what ? p->why.what : vs_status_name(status),
		         vs_reason_name(p->why.code));
		vs_request_fail(r, VS_ERR_IO, NULL);
	}
	vs_director_free(&p->made);
}

static void end_poll(struct poll *p, vs_status status)
{
	struct vs_request *r = p->request;

	say_poll(p, status);
	free(p);
	vs_request_resume(r);
}

static vs_status make(struct vs_server *s, const struct vs_device *d,
                      struct poll *p)
{
	struct vs_director_ecu ecus[VS_ECUS_MAX];
	struct vs_director_order order = {
		.vehicle = d->id,
		.ecus = ecus,
		.ecu_count = d->ecu_count,
		.release = vs_device_named(d, &s->image.releases),
		.campaign = d->told->campaign,
		.now_s = vs_server_now(),
		.timestamp_ttl_s = p->request->people
	                                   ? s->settings->director_ttl_s
	                                   : s->settings->timestamp_ttl_s,
		.ttl_s = s->settings->director_ttl_s,
	};

	for (size_t i = 0; i < d->ecu_count; i++)
		ecus[i] = (struct vs_director_ecu){vs_device_ecu_id(d, i),
		                                   d->ecus[i].component,
		                                   d->ecus[i].hardware};
	order.version = vs_director_next(d->director_version, order.now_s);
	if (!order.version)
		return vs_fail(VS_ERR_LIMIT, &p->why, VS_REASON_WRONG_VERSION,
		               "no version is left; rotate the director's keys",
		               0);
	return vs_director_make(&s->keys, &s->director_signers,
	                        &s->image.releases, &order, p->made, &p->why);
}

static vs_status note_bundle(const struct poll *p, struct vs_store *store,
                             const struct vs_device *d)
{
	const struct vs_request *r = p->request;
	const char *release = vs_device_named(d, &r->server->image.releases);
	const struct vs_audit record = {r->person.name, "bundle-made", d->id,
	                                "", *release ? release : "nothing"};

	return r->people ? vs_audit_append(store, vs_server_now(), &record)
	                 : VS_OK;
}

static vs_status run_make(struct vs_job *job, struct vs_store *store)
{
	struct poll *p = (struct poll *)job;
	struct vs_server *s = p->request->server;
	struct vs_device *d = vs_fleet_find(&s->fleet, p->request->device);

	if (!d)
		return VS_ERR_ABSENT;
	vs_status status = make(s, d, p);
	if (!status)
		status = vs_director_store(store, d->id, p->made->version);
	if (!status)
		status = note_bundle(p, store, d);
	if (status)
		return status;
	pthread_rwlock_wrlock(&s->lock);
	d->director_version = p->made->version;
	d->director_stale = p->request->people;
	pthread_rwlock_unlock(&s->lock);
	return VS_OK;
}

static void hand_over(struct poll *p)
{
	struct vs_server *s = p->request->server;

	pthread_rwlock_wrlock(&s->lock);
	struct vs_device *d = vs_fleet_find(&s->fleet, p->request->device);
	struct vs_director *old = d ? d->director : p->made;
	if (d) {
		d->director = p->made;
		give_timestamp(p->request, &d->director->timestamp);
	} else {
		absent(p->request);
	}
	p->made = old;
	pthread_rwlock_unlock(&s->lock);
}

static void made(struct vs_job *job, vs_status status)
{
	struct poll *p = (struct poll *)job;

	if (!status)
		hand_over(p);
	end_poll(p, status);
}

static vs_status run_start(struct vs_job *job, struct vs_store *store)
{
	struct poll *p = (struct poll *)job;
	struct vs_server *s = p->request->server;
	struct vs_rollout_with with = vs_server_rollout(s, store);
	const struct vs_device *d =
		vs_fleet_find(&s->fleet, p->request->device);
	size_t place;
	struct vs_rollout *rollout =
		d ? vs_rollouts_offer(&s->rollouts, with.releases, d,
	                              with.now_s, &place)
		  : NULL;

	return rollout ? vs_rollout_start(rollout, &with, place) : VS_OK;
}

static void started(struct vs_job *job, vs_status status)
{
	struct poll *p = (struct poll *)job;

	if (!status) {
		p->job = (struct vs_job){.run = run_make, .done = made};
		status = vs_writer_submit(p->request->server->writer, &p->job);
		if (!status)
			return;
	}
	end_poll(p, status);
}

/* Answers from memory, if memory has the answer. */
static bool poll_memory(struct vs_request *r)
{
	struct vs_server *s = r->server;
	uint64_t now_s = vs_server_now();
	size_t place;

	pthread_rwlock_rdlock(&s->lock);
	const struct vs_device *d = vs_fleet_find(&s->fleet, r->device);
	bool fresh = d && !d->director_stale && d->director &&
	             now_s < d->director->renew_s &&
	             !vs_rollouts_offer(&s->rollouts, &s->image.releases, d,
	                                now_s, &place);
	if (fresh)
		give_timestamp(r, &d->director->timestamp);
	pthread_rwlock_unlock(&s->lock);
	return fresh;
}

/* The people's listener waits where it stands. */
static void poll_for_person(struct vs_request *r)
{
	struct poll p = {.job = {.run = run_start}, .request = r};
	vs_status status = VS_ERR_NOMEM;

	p.made = calloc(1, sizeof *p.made);
	if (p.made)
		status = vs_writer_call(r->server->writer, &p.job);
	p.job = (struct vs_job){.run = run_make};
	if (!status)
		status = vs_writer_call(r->server->writer, &p.job);
	if (!status)
		hand_over(&p);
	say_poll(&p, status);
}

static void poll(struct vs_request *r)
{
	if (poll_memory(r)) {
		vs_metrics_count(&r->server->metrics, VS_COUNT_POLL_MEMORY);
		return;
	}
	if (vs_request_overloaded(r))
		return;
	vs_metrics_count(&r->server->metrics, VS_COUNT_POLL_MADE);
	struct poll *p = calloc(1, sizeof *p);
	if (p)
		p->made = calloc(1, sizeof *p->made);
	if (!p || !p->made) {
		free(p);
		vs_request_fail(r, VS_ERR_NOMEM, NULL);
		return;
	}
	p->job = (struct vs_job){.run = run_start, .done = started};
	p->request = r;
	vs_request_wait(r, &p->job);
}

static void get_director(struct vs_request *r)
{
	struct vs_server *s = r->server;
	const char *name = r->parts[0];
	const struct vs_file *root = vs_fileset_find(&s->director_roots, name);
	char snapshot[48], targets[48];

	if (strcmp(name, "timestamp.json") == 0) {
		(r->people ? poll_for_person : poll)(r);
		return;
	}
	if (root) {
		give(r, root->bytes, root->len);
		return;
	}
	pthread_rwlock_rdlock(&s->lock);
	const struct vs_device *d = vs_fleet_find(&s->fleet, r->device);
	unsigned long long n = d && d->director ? d->director->version : 0;
	snprintf(snapshot, sizeof snapshot, "%llu.snapshot.json", n);
	snprintf(targets, sizeof targets, "%llu.targets.json", n);
	if (n && strcmp(name, snapshot) == 0)
		give(r, d->director->snapshot.bytes, d->director->snapshot.len);
	else if (n && strcmp(name, targets) == 0)
		give(r, d->director->targets.bytes, d->director->targets.len);
	else
		absent(r);
	pthread_rwlock_unlock(&s->lock);
}

static void get_image(struct vs_request *r)
{
	struct vs_server *s = r->server;

	pthread_rwlock_rdlock(&s->lock);
	const struct vs_file *f = vs_fileset_find(&s->image.files, r->parts[0]);
	if (f)
		give(r, f->bytes, f->len);
	else
		absent(r);
	pthread_rwlock_unlock(&s->lock);
}

/* The hash of the artifact that a released name stands for; false if no
 * release names it.
 */
static bool released(struct vs_server *s, const char *name, bool pack,
                     char sha256[static 65])
{
	bool found = false;

	pthread_rwlock_rdlock(&s->lock);
	const struct vs_releases *all = &s->image.releases;
	for (size_t i = 0; !found && i < all->target_count; i++) {
		const struct vs_release_target *t = &all->targets[i];
		char file[80];

		snprintf(file, sizeof file, "%s.pack", t->pack_sha256);
		found = strcmp(name, pack ? file : t->name) == 0;
		if (found)
			memcpy(sha256, pack ? t->pack_sha256 : t->seal_sha256,
			       65);
	}
	pthread_rwlock_unlock(&s->lock);
	return found;
}

/* The newest proof of a seal. */
static void give_proof(struct vs_request *r, const char *sha256)
{
	const struct vs_seallog log = vs_server_seallog(r->server);
	uint64_t len;
	int fd;
	vs_status status = vs_seallog_open_proof(&log, sha256, &fd, &len);

	if (status) {
		vs_request_fail(r, status, NULL);
		return;
	}
	vs_request_file(r, fd, len, "text/plain; charset=utf-8");
	vs_request_header(r, "Cache-Control", "no-cache");
}

/* "SEAL.tlog-proof" beside a seal. */
static bool get_proof(struct vs_request *r)
{
	static const char end[] = ".tlog-proof";
	const char *name = r->parts[0];
	size_t len = strlen(name);
	char sha256[65];
	bool found = false;

	if (len < sizeof end || strcmp(name + len - sizeof end + 1, end) != 0)
		return false;
	len -= sizeof end - 1;
	pthread_rwlock_rdlock(&r->server->lock);
	const struct vs_releases *all = &r->server->image.releases;
	for (size_t i = 0; !found && i < all->target_count; i++) {
		const struct vs_release_target *t = &all->targets[i];

		found = strlen(t->name) == len &&
		        memcmp(t->name, name, len) == 0;
		if (found)
			memcpy(sha256, t->seal_sha256, sizeof sha256);
	}
	pthread_rwlock_unlock(&r->server->lock);
	if (found)
		give_proof(r, sha256);
	return found;
}

static void get_target(struct vs_request *r)
{
	char sha256[65];

	if (get_proof(r))
		return;
	if (released(r->server, r->parts[0], false, sha256))
		vs_request_artifact(r, sha256);
	else
		absent(r);
}

static void get_pack(struct vs_request *r)
{
	char sha256[65];

	if (released(r->server, r->parts[0], true, sha256))
		vs_request_artifact(r, sha256);
	else
		absent(r);
}

/* Its name is known to whom knows both images' root hashes, which are in their
 * seals: no more is asked.
 */
static void get_delta(struct vs_request *r)
{
	vs_request_delta(r, r->parts[0]);
}

/* The boot keyring of a version: a charger asks for the one after its own. */
static void get_keyring(struct vs_request *r)
{
	const struct vs_file *f =
		vs_fileset_find(&r->server->keyrings, r->parts[0]);

	if (f)
		vs_request_bytes(r, 200, "application/octet-stream", f->bytes,
		                 f->len);
	else
		absent(r);
}

const struct vs_route vs_device_routes[] = {
	{.method = "GET",         .pattern = "/log/**", .handle = vs_log_get},
	{.method = "GET",   .pattern = "/director/*", .handle = get_director},
	{.method = "GET",         .pattern = "/image/*", .handle = get_image},
	{.method = "GET", .pattern = "/targets/**", .handle = get_target},
	{.method = "GET",         .pattern = "/packs/*", .handle = get_pack},
	{.method = "GET",    .pattern = "/deltas/*", .handle = get_delta},
	{.method = "GET",         .pattern = "/keyring/*", .handle = get_keyring},
	{.method = "POST",
         .pattern = "/report",
         .body_max = VS_REPORT_MAX,
         .handle = vs_report_handle},
	{0        },
};

static bool is_mine(const struct vs_request *r, const char *id)
{
	pthread_rwlock_rdlock(&r->server->lock);
	const struct vs_device *d = vs_fleet_find(&r->server->fleet, id);
	bool mine = d && vs_scope_device(&r->person, d);
	pthread_rwlock_unlock(&r->server->lock);
	return mine;
}

/* "/v1/devices/ID/bundle/director/timestamp.json": what that charger would be
 * given for "/director/timestamp.json".
 */
void vs_operator_bundle(struct vs_request *r)
{
	char path[VS_PATH_MAX];
	int n = snprintf(path, sizeof path, "/%s", r->parts[1]);

	if (n < 0 || (size_t)n >= sizeof path || !is_mine(r, r->parts[0])) {
		absent(r);
		return;
	}
	snprintf(r->device, sizeof r->device, "%s", r->parts[0]);
	for (const struct vs_route *to = vs_device_routes; to->method; to++) {
		if (strcmp(to->method, "GET") == 0 &&
		    vs_route_fits(to->pattern, path, r->text, r->parts)) {
			to->handle(r);
			return;
		}
	}
	absent(r);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/tick.c - the ticker.
 */
#include "server/work/tick.h"

#include <time.h>

#include "base/log.h"

enum { tick_ms = 200, complain_s = 60, head_ticks = 5 };

static vs_status renew(struct vs_server *s, struct vs_store *store)
{
	struct vs_image_with with = vs_server_image(s);
	struct vs_image_repo next = {0};
	struct vs_why why = {0};
	vs_status status = vs_image_renew(&s->image, &with, &next, &why);

	if (!status)
		status = vs_image_store(store, &s->image, &next, "server",
		                        with.now_s);
	if (!status) {
		struct vs_image_repo old = s->image;

		pthread_rwlock_wrlock(&s->lock);
		s->image = next;
		pthread_rwlock_unlock(&s->lock);
		next = old;
	}
	vs_image_drop(&next);
	return status;
}

struct tick {
	struct vs_job job;
	struct vs_server *server;
};

static vs_status run_renew(struct vs_job *job, struct vs_store *store)
{
	struct vs_server *s = ((struct tick *)job)->server;

	if (!s->image.renew_s || vs_server_now() < s->image.renew_s)
		return VS_OK;
	return renew(s, store);
}

static vs_status run_step(struct vs_job *job, struct vs_store *store)
{
	struct vs_server *s = ((struct tick *)job)->server;
	struct vs_rollout_with with = vs_server_rollout(s, store);

	return vs_rollouts_step(&s->rollouts, &with);
}

static vs_status run_head(struct vs_job *job, struct vs_store *store)
{
	struct vs_server *s = ((struct tick *)job)->server;

	return vs_audit_head_sign(store, &s->audit, vs_server_now(),
	                          s->settings->audit_head_s);
}

/* One line a minute at most: a full disk fails five times a second. */
static void complain(const char *what, vs_status status, uint64_t *last_s)
{
	uint64_t now_s = vs_server_now();

	if (!status || now_s < *last_s + complain_s)
		return;
	vs_error("%s: %s", what, vs_status_name(status));
	*last_s = now_s;
}

/* True when the server is to stop. */
static bool rest(struct vs_server *s)
{
	struct timespec until;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += tick_ms * 1000000L;
	if (until.tv_nsec >= 1000000000L) {
		until.tv_nsec -= 1000000000L;
		until.tv_sec++;
	}
	pthread_mutex_lock(&s->tick_lock);
	if (!s->stopping)
		pthread_cond_timedwait(&s->tick_end, &s->tick_lock, &until);
	bool stopping = s->stopping;
	pthread_mutex_unlock(&s->tick_lock);
	return stopping;
}

static void *tick(void *ctx)
{
	struct vs_server *s = ctx;
	uint64_t renew_s = 0, step_s = 0, head_s = 0, ticks = 0;

	do {
		struct tick r = {.job = {.run = run_renew}, .server = s};
		struct tick t = {.job = {.run = run_step}, .server = s};

		complain("signing the image repository anew",
		         vs_writer_call(s->writer, &r.job), &renew_s);
		struct tick h = {.job = {.run = run_head}, .server = s};

		if (ticks++ % head_ticks == 0)
			complain("signing the audit log's head",
			         vs_writer_call(s->writer, &h.job), &head_s);
		complain("campaigns", vs_writer_call(s->writer, &t.job),
		         &step_s);
	} while (!rest(s));
	return NULL;
}

vs_status vs_tick_start(struct vs_server *s)
{
	if (pthread_create(&s->ticker, NULL, tick, s))
		return VS_ERR_IO;
	s->ticking = true;
	return VS_OK;
}

void vs_tick_stop(struct vs_server *s)
{
	pthread_mutex_lock(&s->tick_lock);
	s->stopping = true;
	pthread_cond_signal(&s->tick_end);
	pthread_mutex_unlock(&s->tick_lock);
	if (s->ticking)
		pthread_join(s->ticker, NULL);
	s->ticking = false;
}

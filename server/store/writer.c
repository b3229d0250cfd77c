/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/writer.c - group commit.
 *
 * While one commit waits for the disk the next jobs gather, so that the
 * batch grows with the load and a lone job waits for nobody.
 */
#include "server/store/writer.h"

#include <pthread.h>
#include <stdlib.h>

#include "base/log.h"

enum { batch_max = 1000 };

struct vs_writer {
	pthread_t thread;
	pthread_mutex_t lock; /* guards what follows */
	pthread_cond_t work;
	struct vs_job *first, **last;
	bool stopping;
	struct vs_writer_figures figures;

	struct vs_store *store; /* the thread's own from here on */
	void (*lost)(void *ctx);
	void *ctx;
};

static struct vs_job *take(struct vs_writer *w)
{
	pthread_mutex_lock(&w->lock);
	while (!w->first && !w->stopping)
		pthread_cond_wait(&w->work, &w->lock);
	struct vs_job *batch = w->first, **end = &w->first;
	for (size_t n = 0; *end && n < batch_max; n++)
		end = &(*end)->next;
	w->first = *end;
	*end = NULL;
	if (!w->first)
		w->last = &w->first;
	pthread_mutex_unlock(&w->lock);
	return batch;
}

static vs_status run_one(struct vs_writer *w, struct vs_job *job)
{
	vs_status status = vs_store_mark(w->store);

	if (status)
		return status;
	status = job->run(job, w->store);
	if (status) {
		vs_store_back(w->store);
		return status;
	}
	return vs_store_release(w->store);
}

static void finish(struct vs_writer *w, struct vs_job *batch, vs_status failure)
{
	while (batch) {
		struct vs_job *job = batch;

		atomic_fetch_sub(&w->figures.queued, 1);
		atomic_fetch_add(&w->figures.jobs, 1);
		batch = job->next; /* done may free the job */
		job->done(job, failure ? failure : job->status);
	}
}

static void run_batch(struct vs_writer *w, struct vs_job *batch)
{
	uint64_t began_us = vs_histogram_us();
	vs_status status = vs_store_begin(w->store);

	if (status) {
		vs_error("database: %s", w->store->error);
		atomic_fetch_add(&w->figures.failures, 1);
		finish(w, batch, VS_ERR_IO);
		return;
	}
	for (struct vs_job *j = batch; j; j = j->next)
		j->status = run_one(w, j);
	status = vs_store_commit(w->store);
	vs_histogram_add(&w->figures.took, vs_histogram_us() - began_us);
	atomic_fetch_add(status ? &w->figures.failures : &w->figures.commits,
	                 1);
	if (status) {
		vs_error("database: commit: %s", w->store->error);
		w->lost(w->ctx);
	}
	finish(w, batch, status ? VS_ERR_IO : VS_OK);
}

static void *work(void *ctx)
{
	struct vs_writer *w = ctx;
	struct vs_job *batch;

	while ((batch = take(w)))
		run_batch(w, batch);
	return NULL;
}

vs_status vs_writer_start(struct vs_store *store, void (*lost)(void *ctx),
                          void *ctx, struct vs_writer **out)
{
	struct vs_writer *w = calloc(1, sizeof *w);

	*out = NULL;
	if (!w)
		return VS_ERR_NOMEM;
	w->store = store;
	w->lost = lost;
	w->ctx = ctx;
	w->last = &w->first;
	pthread_mutex_init(&w->lock, NULL);
	pthread_cond_init(&w->work, NULL);
	if (pthread_create(&w->thread, NULL, work, w)) {
		free(w);
		return VS_ERR_IO;
	}
	*out = w;
	return VS_OK;
}

struct vs_writer_figures *vs_writer_figures(struct vs_writer *w)
{
	return &w->figures;
}

vs_status vs_writer_submit(struct vs_writer *w, struct vs_job *job)
{
	vs_status status = VS_ERR_STATE;

	job->next = NULL;
	pthread_mutex_lock(&w->lock);
	if (!w->stopping) {
		atomic_fetch_add(&w->figures.queued, 1);
		*w->last = job;
		w->last = &job->next;
		pthread_cond_signal(&w->work);
		status = VS_OK;
	}
	pthread_mutex_unlock(&w->lock);
	return status;
}

/* A job that somebody waits for. */
struct waiter {
	struct vs_job job;
	struct vs_job *inner;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool over;
	vs_status status;
};

static vs_status run_inner(struct vs_job *job, struct vs_store *store)
{
	struct waiter *c = (struct waiter *)job;

	return c->inner->run(c->inner, store);
}

static void end_wait(struct vs_job *job, vs_status status)
{
	struct waiter *c = (struct waiter *)job;

	pthread_mutex_lock(&c->lock);
	c->status = status;
	c->over = true;
	pthread_cond_signal(&c->ended);
	pthread_mutex_unlock(&c->lock);
}

vs_status vs_writer_call(struct vs_writer *w, struct vs_job *job)
{
	struct waiter c = {
		.job = {.run = run_inner, .done = end_wait},
		.inner = job,
		.lock = PTHREAD_MUTEX_INITIALIZER,
		.ended = PTHREAD_COND_INITIALIZER
        };
	vs_status status = vs_writer_submit(w, &c.job);

	if (status)
		return status;
	pthread_mutex_lock(&c.lock);
	while (!c.over)
		pthread_cond_wait(&c.ended, &c.lock);
	pthread_mutex_unlock(&c.lock);
	return c.status;
}

void vs_writer_stop(struct vs_writer **writer)
{
	struct vs_writer *w = *writer;

	*writer = NULL;
	if (!w)
		return;
	pthread_mutex_lock(&w->lock);
	w->stopping = true;
	pthread_cond_signal(&w->work);
	pthread_mutex_unlock(&w->lock);
	pthread_join(w->thread, NULL);
	pthread_cond_destroy(&w->work);
	pthread_mutex_destroy(&w->lock);
	free(w);
}

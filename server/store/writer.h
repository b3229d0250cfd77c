/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/writer.h - the one thread that changes anything.
 *
 * Jobs are queued, run in order in one transaction for as many as wait, and
 * are told the outcome after the commit: who was told VS_OK finds its rows
 * again after a power cut.  Memory that mirrors the database is changed only
 * here, each job after its own statements succeeded; if a commit then fails,
 * lost() rebuilds that memory from the database.
 */
#ifndef VS_SERVER_STORE_WRITER_H
#define VS_SERVER_STORE_WRITER_H

#include <stdatomic.h>

#include "server/count/histogram.h"
#include "server/store/store.h"

struct vs_writer;

/* Embedded first in what the job needs; its owner frees it after done. */
struct vs_job {
	/* Statements first, then memory.  Another status than VS_OK takes
	 * back the statements of this job alone; it must not have touched
	 * memory then.
	 */
	vs_status (*run)(struct vs_job *job, struct vs_store *store);
	/* After the commit, in the writer's thread; may free the job. */
	void (*done)(struct vs_job *job, vs_status status);
	struct vs_job *next; /* the writer's */
	vs_status status;    /* the writer's */
};

/* store and ctx are kept.  lost: rebuilds memory after a failed commit.
 * VS_OK and *out: vs_writer_stop().  VS_ERR_NOMEM; VS_ERR_IO (no thread).
 */
vs_status vs_writer_start(struct vs_store *store, void (*lost)(void *ctx),
                          void *ctx, struct vs_writer **out) VS_MUST_CHECK;

/* VS_OK: done will be called.  VS_ERR_STATE: stopping, it will not. */
vs_status vs_writer_submit(struct vs_writer *w,
                           struct vs_job *job) VS_MUST_CHECK;

/* Submits a job, waits for its end and gives its status; done is ours. */
vs_status vs_writer_call(struct vs_writer *w, struct vs_job *job) VS_MUST_CHECK;

/* What it has done; borrowed. */
struct vs_writer_figures {
	_Atomic uint64_t commits, failures, jobs, queued;
	struct vs_histogram took;
};
struct vs_writer_figures *vs_writer_figures(struct vs_writer *w);

/* Refuses new jobs, ends those that wait, joins and frees. */
void vs_writer_stop(struct vs_writer **w);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/rebuild.c - missing clusters out of the running slot and a
 * delta.
 *
 * A delta is a guess.  At the first cluster that does not hash right, or the
 * first word that has no meaning, nothing more is asked of it: the clusters
 * that were right stand, the others are fetched.
 */
#include "agent/install/rebuild.h"

#include <stdlib.h>
#include <string.h>

#include "agent/install/fetch.h"

#define PROBE_LEN 4096 /* what it costs to learn a delta's length */
#define ATTEMPTS 3

/* The delta that is read, and how far. */
struct reader {
	struct vs_job *job;
	struct vs_pool *pool;
	uint64_t at, len;
	uint64_t open_to; /* end of the open range; 0: none */
};

struct rebuild {
	struct vs_job *job;
	struct reader reader;
};

static vs_status open_at(struct reader *r, uint64_t end, uint64_t *total)
{
	const struct vs_source *source = r->job->in->source;
	vs_status status = source->open_delta(
		source->ctx, r->job->running_root,
		r->job->in->seal->header.root_hash, r->at, end - 1, total);

	r->job->requests++;
	r->open_to = status == VS_OK ? end : 0;
	return status;
}

/* Somebody else may be there by now: a file of another length is another. */
static vs_status open_rest(struct reader *r)
{
	uint64_t total = 0;
	vs_status status = open_at(r, r->len, &total);

	if (status == VS_OK && total != r->len)
		return VS_ERR_INPUT;
	return status == VS_ERR_ABSENT ? VS_ERR_INPUT : status;
}

static vs_status read_once(struct reader *r, void *out, size_t len)
{
	const struct vs_source *source = r->job->in->source;
	vs_status status = VS_OK;

	if (r->open_to <= r->at)
		status = open_rest(r);
	if (status == VS_OK)
		status = source->read(source->ctx, out, len);
	if (status != VS_OK) {
		source->close(source->ctx);
		r->open_to = 0;
	}
	return status;
}

static size_t piece_of(const struct reader *r, size_t len)
{
	uint64_t end = r->open_to > r->at ? r->open_to : r->len;

	return end - r->at < len ? (size_t)(end - r->at) : len;
}

/* The lane's feed.  A link that breaks is taken up where it broke. */
static vs_status read_delta(void *ctx, void *out, size_t len, size_t *got)
{
	struct reader *r = ctx;
	struct vs_job *job = r->job;
	vs_status status = VS_ERR_IO;

	*got = piece_of(r, len);
	if (*got == 0)
		return VS_OK;
	for (int n = 0; n < ATTEMPTS && status == VS_ERR_IO; n++)
		status = read_once(r, out, *got);
	if (status != VS_OK)
		return status;
	r->at += *got;
	pthread_mutex_lock(&r->pool->lock);
	job->bytes += *got;
	job->stats.bytes_fetched = job->bytes;
	job->stats.requests = job->requests;
	pthread_mutex_unlock(&r->pool->lock);
	return VS_OK;
}

static uint64_t last_missing(const struct vs_job *job)
{
	uint64_t i = job->tree->clusters - 1;

	while (!vs_job_is_missing(job, i))
		i--;
	return i;
}

static vs_status place(struct vs_job *job, struct vs_pool *pool,
                       const struct vs_crypto *crypto, uint64_t i,
                       struct vs_job_buffers *b, struct vs_why *why)
{
	vs_status status = vs_job_place(job, crypto, i, b, why);

	if (status != VS_OK)
		return status;
	pthread_mutex_lock(&pool->lock);
	vs_job_set_rebuilt(job, i);
	pthread_mutex_unlock(&pool->lock);
	return VS_OK;
}

/* vs_pool_fn of one worker. */
static vs_status work(void *ctx, struct vs_pool *pool,
                      const struct vs_crypto *crypto, struct vs_why *why)
{
	struct rebuild *rebuild = ctx;
	struct vs_job *job = rebuild->job;
	const struct vs_lane_feed feed = {&rebuild->reader, read_delta};
	struct vs_lane *lane = &job->unpack.lanes[0];
	struct vs_job_buffers *b = malloc(sizeof(*b));
	uint64_t last = last_missing(job);
	vs_status status = b ? VS_OK : VS_ERR_NOMEM;

	rebuild->reader.pool = pool;
	lane->go_on = vs_job_goes_on;
	lane->ctx = pool;
	if (status == VS_OK)
		status = vs_lane_apply(lane, job->running_tree.image_len, &feed,
		                       why);
	for (uint64_t i = 0; status == VS_OK && i <= last; i++) {
		bool wanted = vs_job_is_missing(job, i);

		status = vs_lane_next(lane, &feed, wanted ? b->data : NULL,
		                      vs_tree_cluster_len(job->tree, i), why);
		if (status == VS_OK && wanted)
			status = place(job, pool, crypto, i, b, why);
	}
	free(b);
	return status;
}

/* What is wrong with a delta is no fault of the pack's: no status of the
 * install's.
 */
static vs_status drop(struct vs_job *job, vs_status status,
                      const struct vs_why *why)
{
	if (status != VS_ERR_INPUT && status != VS_ERR_REFUSED)
		return status;
	job->stats.deltas_dropped++;
	job->stats.delta_why = *why;
	return VS_OK;
}

static vs_status apply(struct rebuild *rebuild, struct vs_why *why)
{
	struct vs_job *job = rebuild->job;
	struct vs_why inner = {VS_REASON_UNREADABLE, "the delta failed", 0};
	vs_status status = vs_unpack_start_delta(&job->unpack, job->in->unpack,
	                                         job->in->running->fd, &inner);

	job->stats.bytes_planned = job->bytes + rebuild->reader.len;
	if (status == VS_OK)
		status = vs_job_pass(job, 1, work, rebuild, &inner);
	vs_unpack_end(&job->unpack);
	*why = inner;
	return drop(job, status, &inner);
}

/* What the missing clusters cost if all are alike: the pack's length is the
 * release team's word.  UINT64_MAX: nobody said.
 */
static uint64_t estimate(const struct vs_job *job)
{
	uint64_t clusters = job->tree->clusters;

	if (job->in->pack_len == 0)
		return UINT64_MAX;
	return VS_PACK_HEAD_LEN + 4 * clusters +
	       (job->in->pack_len / clusters + 1) * job->missing_count;
}

/* Whether a delta of this length is worth it.  Where it is not far below what
 * was estimated, the pack's index says what the clusters cost.
 */
static vs_status weigh(struct vs_job *job, uint64_t len, bool *worth,
                       struct vs_why *why)
{
	uint64_t bound = estimate(job);
	vs_status status;

	*worth = len > 0 && len < bound;
	if (!*worth || (bound < UINT64_MAX && len <= bound / 4))
		return VS_OK;
	status = vs_job_read_index(job, why);
	*worth = status == VS_OK && len < job->stats.bytes_planned - job->bytes;
	return status;
}

/* Asks for the delta's first bytes, which tell its length. */
static vs_status probe(struct reader *r, struct vs_why *why)
{
	vs_status status = open_at(r, PROBE_LEN, &r->len);

	if (status == VS_ERR_ABSENT)
		return status;
	if (status != VS_OK)
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               "the delta cannot be read", 0);
	if (r->open_to > r->len)
		r->open_to = r->len;
	return VS_OK;
}

vs_status vs_job_rebuild(struct vs_job *job, struct vs_why *why)
{
	const struct vs_source *source = job->in->source;
	struct rebuild rebuild = {.job = job, .reader = {.job = job}};
	struct reader *r = &rebuild.reader;
	bool worth = false;
	vs_status status;

	if (!job->has_running || !source->open_delta)
		return VS_OK;
	status = probe(r, why);
	if (status == VS_OK)
		status = weigh(job, r->len, &worth, why);
	if (job->index.at)
		r->open_to = 0; /* reading the index closed it */
	if (status == VS_OK && worth)
		status = apply(&rebuild, why);
	source->close(source->ctx);
	return status == VS_ERR_ABSENT ? VS_OK : status;
}

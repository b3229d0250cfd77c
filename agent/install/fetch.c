/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/fetch.c - the last pass: missing clusters, from pack to slot.
 *
 * Neighbours, and those with less than 16 KiB between them, come in one
 * range.  Each worker reads the next frame under a lock, has it decoded by its
 * lane (agent/line/lane.h), and hashes and writes its copy of the cluster
 * alone, in any order.
 */
#include "agent/install/fetch.h"

#include <stdlib.h>
#include <string.h>

#define GAP_MAX 16384
#define ATTEMPTS 3

static vs_status unreadable(struct vs_why *why, vs_status status)
{
	return vs_fail(status, why, VS_REASON_UNREADABLE,
	               "the pack cannot be read", 0);
}

/* One range of its own: head, index. */
static vs_status read_range(const struct vs_source *source, uint64_t at,
                            uint8_t *out, size_t len)
{
	vs_status status = source->open(source->ctx, at, at + len - 1);

	if (status == VS_OK)
		status = source->read(source->ctx, out, len);
	source->close(source->ctx);
	return status;
}

static vs_status check_head(const struct vs_job *job,
                            const struct vs_pack_head *head, struct vs_why *why)
{
	const struct vs_seal_header *h = &job->in->seal->header;

	if (head->image_len != h->image_len ||
	    head->clusters != job->tree->clusters ||
	    memcmp(head->root_hash, h->root_hash, VS_SHA256_LEN) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_HASH_MISMATCH,
		               "the pack is of another image", 0);
	return VS_OK;
}

/* Foresees what will be asked for, gaps left out. */
static void plan(struct vs_job *job)
{
	uint64_t bytes = job->bytes;

	for (uint64_t i = 0; i < job->tree->clusters; i++)
		if (vs_job_is_missing(job, i))
			bytes += job->index.at[i + 1] - job->index.at[i];
	job->stats.bytes_planned = bytes;
}

static vs_status read_index(struct vs_job *job, struct vs_why *why)
{
	const struct vs_source *source = job->in->source;
	uint8_t head_bytes[VS_PACK_HEAD_LEN];
	struct vs_pack_head head;
	uint8_t *raw;
	size_t len;
	vs_status status =
		read_range(source, 0, head_bytes, sizeof(head_bytes));

	if (status != VS_OK)
		return unreadable(why, status);
	status = vs_pack_head_decode(head_bytes, &head, why);
	if (status == VS_OK)
		status = check_head(job, &head, why);
	if (status != VS_OK)
		return status;
	/* At most 4 bytes for each of VS_PACK_CLUSTERS_MAX clusters. */
	len = vs_pack_index_len(&head) - VS_PACK_HEAD_LEN;
	raw = malloc(len);
	if (!raw)
		return VS_ERR_NOMEM;
	status = read_range(source, VS_PACK_HEAD_LEN, raw, len);
	if (status != VS_OK)
		status = unreadable(why, status);
	else
		status =
			vs_pack_index_decode(&head, raw, len, &job->index, why);
	free(raw);
	job->bytes += VS_PACK_HEAD_LEN + len;
	job->requests += 2;
	job->stats.bytes_fetched = job->bytes;
	return status;
}

vs_status vs_job_read_index(struct vs_job *job, struct vs_why *why)
{
	vs_status status = job->index.at ? VS_OK : read_index(job, why);

	if (status == VS_OK)
		plan(job);
	return status;
}

/* Where the range that begins with cluster i should end. */
static uint64_t end_of_run(const struct vs_job *job, uint64_t i)
{
	const uint64_t *at = job->index.at;
	uint64_t end = at[i + 1];

	for (uint64_t k = i + 1; k < job->tree->clusters; k++) {
		if (at[k] - end > GAP_MAX)
			break;
		if (vs_job_is_missing(job, k))
			end = at[k + 1];
	}
	return end;
}

static vs_status open_run(struct vs_job *job, uint64_t i)
{
	const struct vs_source *source = job->in->source;
	uint64_t end = end_of_run(job, i);
	vs_status status = source->open(source->ctx, job->index.at[i], end - 1);

	job->run_end = status == VS_OK ? end : 0;
	job->at = job->index.at[i];
	job->requests++;
	return status;
}

static vs_status read_on(struct vs_job *job, uint8_t *out, size_t len)
{
	const struct vs_source *source = job->in->source;
	vs_status status = source->read(source->ctx, out, len);

	if (status == VS_OK) {
		job->at += len;
		job->bytes += len;
	} else {
		source->close(source->ctx);
		job->run_end = 0;
	}
	return status;
}

/* Reads frame i into frame, over the gap before it if there is one. */
static vs_status read_frame(struct vs_job *job, uint64_t i, uint8_t *frame)
{
	uint64_t first = job->index.at[i];
	size_t len = (size_t)(job->index.at[i + 1] - first);
	vs_status status = VS_OK;

	if (job->run_end < first + len || job->at > first)
		status = open_run(job, i);
	if (status == VS_OK && job->at < first)
		status = read_on(job, frame, (size_t)(first - job->at));
	if (status == VS_OK)
		status = read_on(job, frame, len);
	return status;
}

static vs_status read_frame_again(struct vs_job *job, uint64_t i,
                                  uint8_t *frame, struct vs_why *why)
{
	vs_status status = VS_ERR_IO;

	for (int n = 0; n < ATTEMPTS && status == VS_ERR_IO; n++)
		status = read_frame(job, i, frame);
	return status == VS_OK ? VS_OK : unreadable(why, status);
}

/* The next missing cluster; clusters if there is none or somebody stopped. */
static uint64_t next_missing(struct vs_job *job, struct vs_pool *pool)
{
	uint64_t i;

	pthread_mutex_lock(&pool->lock);
	while (job->next < job->tree->clusters &&
	       !vs_job_is_missing(job, job->next))
		job->next++;
	i = pool->stop ? job->tree->clusters : job->next;
	if (i < job->tree->clusters)
		job->next++;
	pthread_mutex_unlock(&pool->lock);
	return i;
}

static void count_read(struct vs_job *job, struct vs_pool *pool)
{
	pthread_mutex_lock(&pool->lock);
	job->stats.bytes_fetched = job->bytes;
	job->stats.requests = job->requests;
	pthread_mutex_unlock(&pool->lock);
}

/* Takes the next missing cluster *i and its frame: a source has one reader,
 * so that frames come in their order.
 */
static vs_status take(struct vs_job *job, struct vs_pool *pool, uint8_t *frame,
                      uint64_t *i, struct vs_why *why)
{
	vs_status status = VS_OK;

	pthread_mutex_lock(&job->reading);
	*i = next_missing(job, pool);
	if (*i < job->tree->clusters) {
		status = read_frame_again(job, *i, frame, why);
		count_read(job, pool);
	}
	pthread_mutex_unlock(&job->reading);
	return status;
}

static vs_status decode(const struct vs_job *job, struct vs_lane *lane,
                        uint64_t i, struct vs_job_buffers *b,
                        struct vs_why *why)
{
	const uint64_t *at = job->index.at;

	return vs_lane_decode(lane, (size_t)(at[i + 1] - at[i]), b->data,
	                      vs_tree_cluster_len(job->tree, i), why);
}

/* A worker's own lane: there is one for each. */
static struct vs_lane *take_lane(struct vs_job *job, struct vs_pool *pool)
{
	struct vs_lane *lane;

	pthread_mutex_lock(&pool->lock);
	lane = &job->unpack.lanes[job->lanes_taken++];
	pthread_mutex_unlock(&pool->lock);
	lane->go_on = vs_job_goes_on;
	lane->ctx = pool;
	return lane;
}

vs_status vs_job_fetch(void *ctx, struct vs_pool *pool,
                       const struct vs_crypto *crypto, struct vs_why *why)
{
	struct vs_job *job = ctx;
	struct vs_job_buffers *b = malloc(sizeof(*b));
	struct vs_lane *lane = take_lane(job, pool);
	vs_status status = b ? VS_OK : VS_ERR_NOMEM;

	while (status == VS_OK) {
		uint64_t i;

		status = take(job, pool, lane->frame, &i, why);
		if (status != VS_OK || i == job->tree->clusters)
			break;
		status = decode(job, lane, i, b, why);
		if (status == VS_OK)
			status = vs_job_place(job, crypto, i, b, why);
		pthread_mutex_lock(&pool->lock);
		job->stats.clusters_fetched += status == VS_OK;
		pthread_mutex_unlock(&pool->lock);
	}
	free(b);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/job.c - what every pass does with a cluster.
 *
 * vs_job_write() is the one way into a slot for data: whoever calls it has
 * just seen the cluster hash right.
 */
#include "agent/install/job.h"

#define LEAVES_STEP 16 /* 8 MiB of image */

size_t vs_job_padded_len(const struct vs_tree *t, uint64_t i)
{
	size_t len = vs_tree_cluster_len(t, i);

	return (len + VS_BLOCK_LEN - 1) / VS_BLOCK_LEN * VS_BLOCK_LEN;
}

bool vs_job_is_missing(const struct vs_job *job, uint64_t i)
{
	return job->missing[i / 8] >> (i % 8) & 1;
}

void vs_job_set_missing(struct vs_job *job, uint64_t i)
{
	job->missing[i / 8] |= (uint8_t)(1u << (i % 8));
	job->missing_count++;
}

void vs_job_set_rebuilt(struct vs_job *job, uint64_t i)
{
	job->missing[i / 8] &= (uint8_t) ~(1u << (i % 8));
	job->missing_count--;
	job->stats.clusters_rebuilt++;
}

vs_status vs_job_fault(vs_status status, struct vs_why *why)
{
	return vs_fail(status, why, VS_REASON_UNREADABLE, vs_disk_fault(), 0);
}

vs_status vs_job_write(const struct vs_job *job, uint64_t i,
                       const uint8_t *data, const uint8_t *leaves,
                       struct vs_why *why)
{
	const struct vs_disk *disk = job->in->target;
	static const uint8_t zeros[VS_BLOCK_LEN];
	size_t len = vs_tree_cluster_len(job->tree, i);
	size_t pad = vs_job_padded_len(job->tree, i) - len;
	uint64_t at = i * VS_CLUSTER_LEN;
	uint64_t leaves_at =
		job->layout.tree_at + vs_tree_leaves_at(job->tree, i);
	vs_status status = vs_disk_write(disk, data, len, at);

	if (status == VS_OK && pad > 0)
		status = vs_disk_write(disk, zeros, pad, at + len);
	if (status == VS_OK && job->tree->levels > 0)
		status = vs_disk_write(disk, leaves, VS_BLOCK_LEN, leaves_at);
	if (status != VS_OK)
		return vs_job_fault(status, why);
	vs_disk_behind(disk, at + len);
	/* Leaves are the hints of a resume: early on the disk as well. */
	if (i % LEAVES_STEP == LEAVES_STEP - 1)
		vs_disk_push(disk, leaves_at, LEAVES_STEP * VS_BLOCK_LEN);
	return VS_OK;
}

vs_status vs_job_place(const struct vs_job *job, const struct vs_crypto *crypto,
                       uint64_t i, struct vs_job_buffers *b, struct vs_why *why)
{
	const struct vs_seal *seal = job->in->seal;
	vs_status status =
		vs_tree_check_cluster(job->tree, crypto, &seal->header,
	                              seal->upper, i, b->data, b->leaves, why);

	if (status != VS_OK)
		return status;
	return vs_job_write(job, i, b->data, b->leaves, why);
}

struct ticker {
	const struct vs_install *in;
	const struct vs_job *job;
};

static bool tick(void *ctx, struct vs_pool *pool)
{
	const struct ticker *t = ctx;
	struct vs_install_stats so_far;

	pthread_mutex_lock(&pool->lock);
	so_far = t->job->stats;
	pthread_mutex_unlock(&pool->lock);
	return !t->in->tick || t->in->tick(t->in->tick_ctx, &so_far);
}

bool vs_job_goes_on(void *pool)
{
	struct vs_pool *p = pool;
	bool on;

	pthread_mutex_lock(&p->lock);
	on = !p->stop;
	pthread_mutex_unlock(&p->lock);
	return on;
}

unsigned vs_job_workers(const struct vs_job *job)
{
	return job->in->workers ? job->in->workers : vs_pool_size();
}

vs_status vs_job_pass(struct vs_job *job, unsigned size, vs_pool_fn pass,
                      void *ctx, struct vs_why *why)
{
	struct ticker ticker = {job->in, job};

	job->next = 0;
	return vs_pool_run(size, pass, ctx, tick, &ticker, why);
}

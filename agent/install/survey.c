/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/survey.c - the first pass: what need not be fetched.
 *
 * A leaf block on disk is only a hint, and a cheap one: 4 KiB say whether it
 * is worth reading and hashing 512 KiB.
 */
#include "agent/install/survey.h"

#include <stdlib.h>
#include <string.h>

enum found { MISSING, KEPT, COPIED };

/* The hash that cluster i's leaf block must have. */
static const uint8_t *node_of(const struct vs_job *job, uint64_t i)
{
	const struct vs_seal *seal = job->in->seal;

	if (job->tree->levels < 2)
		return seal->header.root_hash;
	return seal->upper + job->tree->level_at[1] + i * VS_SHA256_LEN;
}

static bool hint_fits(const struct vs_job *job, const struct vs_crypto *crypto,
                      uint64_t i, const uint8_t *leaves)
{
	uint8_t digest[VS_SHA256_LEN];

	return vs_tree_hash_block(crypto, job->in->seal->header.salt, leaves,
	                          VS_BLOCK_LEN, digest) == VS_OK &&
	       memcmp(digest, node_of(job, i), sizeof(digest)) == 0;
}

/* Whether cluster i stands on a slot whose tree is at tree_at.  A slot that
 * cannot be read there only means that the cluster is fetched.
 */
static bool stands(const struct vs_job *job, const struct vs_crypto *crypto,
                   const struct vs_disk *disk, const struct vs_tree *tree,
                   uint64_t tree_at, uint64_t i, struct vs_job_buffers *b)
{
	size_t len = vs_job_padded_len(job->tree, i);
	size_t used = vs_tree_cluster_len(job->tree, i);

	if (tree->levels > 0) {
		uint64_t at = tree_at + vs_tree_leaves_at(tree, i);

		if (vs_disk_read(disk, b->leaves, VS_BLOCK_LEN, at) != VS_OK ||
		    !hint_fits(job, crypto, i, b->leaves))
			return false;
	}
	if (vs_disk_read(disk, b->data, len, i * VS_CLUSTER_LEN) != VS_OK)
		return false;
	for (size_t k = used; k < len; k++)
		if (b->data[k] != 0)
			return false;
	return vs_tree_check_cluster(job->tree, crypto, &job->in->seal->header,
	                             job->in->seal->upper, i, b->data,
	                             b->leaves, NULL) == VS_OK;
}

static enum found look(const struct vs_job *job, const struct vs_crypto *crypto,
                       uint64_t i, struct vs_job_buffers *b)
{
	if (stands(job, crypto, job->in->target, job->tree, job->layout.tree_at,
	           i, b))
		return KEPT;
	/* Where the running image is as small as one block there is no leaf
	 * block, and where it ends before cluster i, nothing. */
	if (job->read_only || !job->has_running ||
	    i >= job->running_tree.clusters ||
	    (job->tree->levels > 0) != (job->running_tree.levels > 0))
		return MISSING;
	if (stands(job, crypto, job->in->running, &job->running_tree,
	           job->running_layout.tree_at, i, b))
		return COPIED;
	return MISSING;
}

static bool take(struct vs_job *job, struct vs_pool *pool, uint64_t *i)
{
	bool more;

	pthread_mutex_lock(&pool->lock);
	more = !pool->stop && job->next < job->tree->clusters;
	if (more)
		*i = job->next++;
	pthread_mutex_unlock(&pool->lock);
	return more;
}

static void count(struct vs_job *job, struct vs_pool *pool, uint64_t i,
                  enum found found)
{
	pthread_mutex_lock(&pool->lock);
	if (found == KEPT)
		job->stats.clusters_kept++;
	else if (found == COPIED)
		job->stats.clusters_copied++;
	else
		vs_job_set_missing(job, i);
	pthread_mutex_unlock(&pool->lock);
}

vs_status vs_job_survey(void *ctx, struct vs_pool *pool,
                        const struct vs_crypto *crypto, struct vs_why *why)
{
	struct vs_job *job = ctx;
	/* as a read past the page cache wants it */
	struct vs_job_buffers *b = aligned_alloc(VS_BLOCK_LEN, sizeof(*b));
	vs_status status = b ? VS_OK : VS_ERR_NOMEM;
	uint64_t i;

	while (status == VS_OK && take(job, pool, &i)) {
		enum found found = look(job, crypto, i, b);

		if (found == COPIED)
			status = vs_job_write(job, i, b->data, b->leaves, why);
		if (status == VS_OK)
			count(job, pool, i, found);
	}
	free(b);
	return status;
}

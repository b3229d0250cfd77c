/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/job.h - what the passes of one install share.
 *
 * First pass (survey.h): which clusters stand already, here or in the running
 * slot.  If a delta is worth it (rebuild.h): what it gives.  Last pass
 * (fetch.h): the others.  Each knows this file, and this one none of them.
 */
#ifndef VS_AGENT_JOB_H
#define VS_AGENT_JOB_H

#include "agent/install/install.h"
#include "agent/install/unpack.h"
#include "seal/pack.h"
#include "seal/slot.h"

struct vs_job {
	const struct vs_install *in;
	const struct vs_tree *tree;
	struct vs_slot_layout layout;
	bool has_running; /* there is a seal in the running slot */
	struct vs_tree running_tree;
	uint8_t running_root[VS_SHA256_LEN];
	struct vs_slot_layout running_layout;
	bool read_only; /* survey: look, but write nothing */

	/* guarded by the pool's lock */
	uint64_t next;
	uint8_t *missing; /* one bit a cluster */
	uint64_t missing_count;
	struct vs_install_stats stats;
	struct vs_unpack unpack; /* of the pass at hand */
	unsigned lanes_taken;    /* last pass: one by each worker */

	/* guarded by reading: a slow source must not hold up the pool */
	pthread_mutex_t reading;
	struct vs_pack_index index; /* not changed in the last pass */
	uint64_t at;                /* where the source stands in the pack */
	uint64_t run_end;           /* end of the open range; 0: none */
	uint64_t bytes, requests;   /* asked of the source so far */
};

/* A worker's own memory. */
struct vs_job_buffers {
	uint8_t data[VS_CLUSTER_LEN];
	uint8_t leaves[VS_BLOCK_LEN];
};

/* Bytes of cluster i on the slot: whole blocks. */
size_t vs_job_padded_len(const struct vs_tree *t, uint64_t i);
bool vs_job_is_missing(const struct vs_job *job, uint64_t i);
/* With the pool's lock held. */
void vs_job_set_missing(struct vs_job *job, uint64_t i);
void vs_job_set_rebuilt(struct vs_job *job, uint64_t i);

/* Writes a cluster that vs_tree_check_cluster() has just passed, zeros after
 * its last byte included, and its leaves.
 */
vs_status vs_job_write(const struct vs_job *job, uint64_t i,
                       const uint8_t *data, const uint8_t *leaves,
                       struct vs_why *why) VS_MUST_CHECK;

/* Judges the cluster in b->data, and writes it if it hashes right.
 * VS_OK; VS_ERR_REFUSED (CLUSTER_MISMATCH); VS_ERR_CRYPTO; what
 * vs_job_write() gives.
 */
vs_status vs_job_place(const struct vs_job *job, const struct vs_crypto *crypto,
                       uint64_t i, struct vs_job_buffers *b,
                       struct vs_why *why) VS_MUST_CHECK;

/* A disk that failed, and what the system said of it; gives status. */
vs_status vs_job_fault(vs_status status, struct vs_why *why);

/* How many compute at once. */
unsigned vs_job_workers(const struct vs_job *job);

/* Runs a pass with so many workers, and the install's tick; ctx is the
 * pass's.
 */
vs_status vs_job_pass(struct vs_job *job, unsigned size, vs_pool_fn pass,
                      void *ctx, struct vs_why *why) VS_MUST_CHECK;
/* Whether nobody has stopped the pass: a lane's go_on. */
bool vs_job_goes_on(void *pool);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/fetch.h - the last pass: missing clusters, from pack to slot.
 */
#ifndef VS_AGENT_FETCH_H
#define VS_AGENT_FETCH_H

#include "agent/install/job.h"

/* Reads head and index of the pack, once, and plans.
 * VS_OK; VS_ERR_REFUSED (HASH_MISMATCH: a pack of another image);
 * VS_ERR_INPUT; VS_ERR_NOMEM; what the source gives.
 */
vs_status vs_job_read_index(struct vs_job *job,
                            struct vs_why *why) VS_MUST_CHECK;
/* vs_pool_fn; ctx is the job, whose unpack runs and whose index is read. */
vs_status vs_job_fetch(void *ctx, struct vs_pool *pool,
                       const struct vs_crypto *crypto,
                       struct vs_why *why) VS_MUST_CHECK;

#endif

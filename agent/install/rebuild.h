/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/rebuild.h - missing clusters out of the running slot and a
 * delta.
 */
#ifndef VS_AGENT_REBUILD_H
#define VS_AGENT_REBUILD_H

#include "agent/install/job.h"

/* Has clusters made by a delta, if there is one that costs less than they do.
 * VS_OK, whatever came of it; VS_ERR_IO (the source); VS_ERR_STATE (stopped);
 * what writing gives.
 */
vs_status vs_job_rebuild(struct vs_job *job, struct vs_why *why) VS_MUST_CHECK;

#endif

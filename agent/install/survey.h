/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/survey.h - the first pass: what need not be fetched.
 */
#ifndef VS_AGENT_SURVEY_H
#define VS_AGENT_SURVEY_H

#include "agent/install/job.h"

/* vs_pool_fn; ctx is the job. */
vs_status vs_job_survey(void *ctx, struct vs_pool *pool,
                        const struct vs_crypto *crypto,
                        struct vs_why *why) VS_MUST_CHECK;

#endif

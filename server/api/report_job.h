/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/report_job.h - taking a charger's signed report.
 *
 * Verified with the key of the registered certificate before anything else;
 * acknowledged only when it and all that follows from it is on disk.
 */
#ifndef VS_SERVER_API_REPORT_JOB_H
#define VS_SERVER_API_REPORT_JOB_H

#include "server/api/request.h"

/* POST /report */
void vs_report_handle(struct vs_request *r);

/* The row of a charger's director version. */
vs_status vs_director_store(struct vs_store *s, const char *device,
                            uint64_t version) VS_MUST_CHECK;

#endif

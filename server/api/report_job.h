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

#endif

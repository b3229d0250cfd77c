/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/delta_work.h - deltas made in the background.
 *
 * For what chargers really run, to releases that are not retired, the most
 * common first; one at a time, by a process of its own (voltseal-delta) that
 * is nice and has bounds of memory, time and disk; where the disk's is reached,
 * the delta goes that the fewest would fetch.  What is to be done follows from
 * what lies in DATA/deltas, so a restart goes on where the last one stopped.  A
 * delta that is longer than the clusters is not kept (a file .useless-NAME says
 * so), nor is one for which nobody is left.
 */
#ifndef VS_SERVER_WORK_DELTA_WORK_H
#define VS_SERVER_WORK_DELTA_WORK_H

#include "server/hold/server.h"

/* Begins, unless the settings say that none are made.  VS_ERR_IO. */
vs_status vs_delta_work_start(struct vs_server *s) VS_MUST_CHECK;
/* Ends it, and the process that is at one. */
void vs_delta_work_stop(struct vs_server *s);

#endif

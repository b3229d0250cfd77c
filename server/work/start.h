/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/start.h - what a server does by itself.
 */
#ifndef VS_SERVER_WORK_START_H
#define VS_SERVER_WORK_START_H

#include "server/hold/server.h"

/* Sweeps up after broken uploads; starts writer, ticker, reading thread, deltas
 * and webhooks.  VS_OK; else a line in error[].
 */
vs_status vs_server_start(struct vs_server *s,
                          char error[static 256]) VS_MUST_CHECK;
/* Ends all of them; after all waiting jobs, the writer.  Also what never
 * started.
 */
void vs_server_stop(struct vs_server *s);

#endif

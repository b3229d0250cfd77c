/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/hook_run.h - the thread that sends what webhooks want.
 *
 * It alone opens connections: over TLS, to addresses that vs_network_allows,
 * and follows no redirect.
 */
#ifndef VS_SERVER_WORK_HOOK_RUN_H
#define VS_SERVER_WORK_HOOK_RUN_H

#include "server/hold/server.h"

/* VS_OK; else a line in error[]. */
vs_status vs_hooks_start(struct vs_server *s,
                         char error[static 256]) VS_MUST_CHECK;
void vs_hooks_stop(struct vs_server *s); /* also if it never started */

#endif

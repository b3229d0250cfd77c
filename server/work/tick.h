/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/tick.h - what happens because time passes.
 *
 * Five times a second: campaigns step, and the image repository's snapshot
 * and timestamp are signed anew when half of their life is over.
 */
#ifndef VS_SERVER_WORK_TICK_H
#define VS_SERVER_WORK_TICK_H

#include "server/hold/server.h"

vs_status vs_tick_start(struct vs_server *s) VS_MUST_CHECK;
void vs_tick_stop(struct vs_server *s); /* also if it never started */

#endif

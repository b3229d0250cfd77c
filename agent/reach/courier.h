/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/courier.h - the process that talks to the network: voltseal-net.
 *
 * One for all lines, started by the runner with the first and again when it
 * breaks off; it runs as another user and is believed by nobody.  Any thread.
 */
#ifndef VS_AGENT_COURIER_H
#define VS_AGENT_COURIER_H

#include "agent/reach/runner.h"

#define VS_COURIER_USER "voltseal-net"
#define VS_COURIER_UID 65531
#define VS_COURIER_MEMORY_MAX (UINT64_C(512) << 20)

/* VS_OK: *line; VS_ERR_LIMIT: there are no more. */
vs_status vs_courier_take(unsigned *line) VS_MUST_CHECK;
/* Gives a line back; the process ends with the last. */
void vs_courier_give(unsigned line);

/* A connection for that line to a process that is not number `broken` (0:
 * none is): the caller's own, to be closed by it.  *number: of the process.
 * VS_OK; VS_ERR_IO, VS_ERR_NOMEM, with *what for a person.
 */
vs_status vs_courier_connect(unsigned line, unsigned broken, int *fd,
                             unsigned *number, const char **what) VS_MUST_CHECK;

/* How long net may take longer than the network. */
uint64_t vs_courier_spare_ms(void);

/* Who starts it, and how long it may take longer than the network (0: 10 s);
 * without a runner it is not started.  Keeps runner.
 */
void vs_courier_use(struct vs_runner *runner, uint64_t spare_ms);

#endif

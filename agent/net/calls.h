/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/net/calls.h - the system calls that voltseal-net may make.
 */
#ifndef VS_AGENT_NET_CALLS_H
#define VS_AGENT_NET_CALLS_H

#include "base/status.h"

/* From now on this thread, and those that it starts, open files for reading
 * alone and sockets to the network alone, and start no program.
 * VS_OK; VS_ERR_DENIED: there is no such filter.
 */
vs_status vs_net_calls(void) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/deliver.h - what the server is told, when it is due.
 */
#ifndef VS_AGENT_DELIVER_H
#define VS_AGENT_DELIVER_H

#include "agent/run/agent.h"

/* Delivers what is in the outbox, then a report if one is due. */
void vs_agent_deliver(struct vs_agent *a);

#endif

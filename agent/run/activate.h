/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/activate.h - from a written slot to a confirmed one.
 */
#ifndef VS_AGENT_ACTIVATE_H
#define VS_AGENT_ACTIVATE_H

#include "agent/run/agent.h"

/* One step of what is due in WAITING and the phases after it. */
void vs_agent_activate(struct vs_agent *a);
/* Runs the health checks. */
void vs_agent_check_health(struct vs_agent *a, struct vs_why *why);

#endif

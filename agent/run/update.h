/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/update.h - from a look at the repositories to a written slot.
 */
#ifndef VS_AGENT_UPDATE_H
#define VS_AGENT_UPDATE_H

#include "agent/run/agent.h"

/* One look at the repositories, and what follows from it. */
void vs_agent_poll(struct vs_agent *a);

#endif

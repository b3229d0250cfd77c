/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/seek.h - asks the server for the boot keyring after the one in
 * force.
 */
#ifndef VS_AGENT_SEEK_H
#define VS_AGENT_SEEK_H

#include "agent/run/agent.h"

/* Asks at the start and a few times a day; stores what it gets if the keyring
 * in force has signed it and what runs is signed for it.  It comes into force
 * at the agent's next start.  Logs what is news; nothing is given up for it.
 */
void vs_agent_seek_ring(struct vs_agent *a);

#endif

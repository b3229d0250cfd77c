/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/move.h - what time it is, and the one way to another phase.
 */
#ifndef VS_AGENT_MOVE_H
#define VS_AGENT_MOVE_H

#include "agent/run/agent.h"

uint64_t vs_agent_now_ms(void);
/* The system's clock, which anybody on the network may have set. */
uint64_t vs_agent_clock_s(void);
/* That clock, within what the floor of trusted time allows. */
uint64_t vs_agent_now_s(const struct vs_agent *a);

/* Makes a move; a move that cannot be persisted is not made, and said so. */
vs_status vs_agent_move(struct vs_agent *a, enum vs_event on, vs_reason reason,
                        const char *about, const char *detail) VS_MUST_CHECK;

#endif

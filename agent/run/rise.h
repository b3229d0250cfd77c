/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/rise.h - a restart for the floor, once an update is confirmed.
 *
 * The loader raises floors at the start after the confirmation: until then the
 * image of before would still start.  Chargers run for months, so the agent
 * asks for that start itself, through the same gates as for an update.
 */
#ifndef VS_AGENT_RISE_H
#define VS_AGENT_RISE_H

#include "agent/run/agent.h"

/* Asks for the reboot floor_restart_ms after it was first looked at, if this
 * start was a trial that is confirmed by now and nothing else is under way.
 * Never more than one for an update.
 */
void vs_agent_rise(struct vs_agent *a);

#endif

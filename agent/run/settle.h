/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/settle.h - after a start: what was under way.
 */
#ifndef VS_AGENT_SETTLE_H
#define VS_AGENT_SETTLE_H

#include "agent/run/agent.h"

/* Compares the persisted phase with what the loader did, and sees to it that
 * the newest keyring is kept.
 */
vs_status vs_agent_settle(struct vs_agent *a) VS_MUST_CHECK;

#endif

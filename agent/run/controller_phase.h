/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/controller_phase.h - what the agent's phases ask of controllers.
 *
 * The gateway's boot record stays the one commit point.  Before it is armed
 * the controllers run the new images on trial; after it is confirmed they are;
 * whatever else they run is taken back when the gateway rests.
 */
#ifndef VS_AGENT_CONTROLLER_PHASE_H
#define VS_AGENT_CONTROLLER_PHASE_H

#include "agent/controllers/controllers.h"
#include "agent/run/agent.h"

/* All: VS_OK at once if there are no controllers; else as controllers.h, and
 * a line for a person in detail.
 */

/* CHECKING: writes the new images beside those that run. */
vs_status vs_agent_write_controllers(struct vs_agent *a,
                                     char detail[static VS_CONTROLLER_LINE_LEN],
                                     struct vs_why *why) VS_MUST_CHECK;

/* ARMING: starts them.  A set that a controller refuses has failed here. */
vs_status vs_agent_start_controllers(struct vs_agent *a,
                                     char detail[static VS_CONTROLLER_LINE_LEN],
                                     struct vs_why *why) VS_MUST_CHECK;

/* With the health checks: whether they run what belongs to the running slot.
 * In IDLE, with a confirmed gateway, what they run is set right too.
 * VS_ERR_REFUSED (HEALTH_FAILED) for whatever is wrong.
 */
vs_status vs_agent_check_controllers(struct vs_agent *a,
                                     char detail[static VS_CONTROLLER_LINE_LEN],
                                     struct vs_why *why) VS_MUST_CHECK;

/* COMMITTING, GIVING_UP: right after the record says so.  What fails here is
 * done when the gateway rests.
 */
void vs_agent_confirm_controllers(struct vs_agent *a);
void vs_agent_give_up_controllers(struct vs_agent *a);

#endif

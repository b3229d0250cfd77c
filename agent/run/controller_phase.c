/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/controller_phase.c - what the agent's phases ask of controllers.
 */
#include "agent/run/controller_phase.h"

#include <stdio.h>

#include "agent/run/deliver.h"
#include "agent/run/idle.h"
#include "agent/run/move.h"
#include "base/log.h"

#define AGAIN_MS (5 * UINT64_C(60000)) /* after one refused an image */

static bool goes_on(void *ctx)
{
	struct vs_agent *a = ctx;

	return !a->stopped();
}

/* Minutes on a slow line: reports go out meanwhile. */
static bool goes_on_reporting(void *ctx)
{
	vs_agent_deliver(ctx);
	return goes_on(ctx);
}

static struct vs_controllers of(struct vs_agent *a)
{
	return (struct vs_controllers){.charger = &a->charger,
	                               .tick = goes_on,
	                               .tick_ctx = a,
	                               .reason = a->state.reason};
}

static bool is_idle(struct vs_agent *a)
{
	return vs_idle_held(&a->conf, &a->session) == NULL;
}

static void copy(char out[static VS_CONTROLLER_LINE_LEN],
                 const struct vs_controllers *cs)
{
	snprintf(out, VS_CONTROLLER_LINE_LEN, "%s", cs->detail);
}

vs_status vs_agent_write_controllers(struct vs_agent *a,
                                     char detail[static VS_CONTROLLER_LINE_LEN],
                                     struct vs_why *why)
{
	struct vs_controllers cs = of(a);
	vs_status status;

	if (!vs_controllers_any(&a->charger))
		return VS_OK;
	cs.tick = goes_on_reporting;
	status = vs_controllers_write(&cs, a->state.target, why);
	copy(detail, &cs);
	return status;
}

vs_status vs_agent_start_controllers(struct vs_agent *a,
                                     char detail[static VS_CONTROLLER_LINE_LEN],
                                     struct vs_why *why)
{
	struct vs_controllers cs = of(a);
	vs_status status;

	if (!vs_controllers_any(&a->charger))
		return VS_OK;
	cs.reason = VS_REASON_NONE;
	status = vs_controllers_start(&cs, a->state.target, (int)a->conf.tries,
	                              why);
	copy(detail, &cs);
	if (status == VS_ERR_REFUSED && vs_state_add_failed(&a->state) != VS_OK)
		return VS_ERR_NOMEM;
	return status;
}

/* Whether the gateway rests with the slot that runs. */
static bool rests(const struct vs_agent *a)
{
	struct vs_record record;
	int slot = a->charger.slot;

	return a->state.phase == VS_PHASE_IDLE && slot >= 0 &&
	       vs_record_load(&a->charger.ops.record, &record) == VS_OK &&
	       record.slot == slot && record.slots[slot].state == VS_SLOT_GOOD;
}

/* The charger is asked whether it is idle only if that matters. */
static vs_status settle(struct vs_agent *a, struct vs_controllers *cs,
                        struct vs_why *why)
{
	int slot = a->charger.slot;
	int tries = (int)a->conf.tries;
	vs_status status = vs_controllers_settle(cs, slot, tries, why);

	if (!cs->waits || vs_agent_now_ms() < a->controllers_at)
		return status;
	cs->idle = is_idle(a);
	if (!cs->idle)
		return status;
	status = vs_controllers_settle(cs, slot, tries, why);
	if (status == VS_ERR_REFUSED || status == VS_ERR_INPUT)
		a->controllers_at = vs_agent_now_ms() + AGAIN_MS;
	return status;
}

vs_status vs_agent_check_controllers(struct vs_agent *a,
                                     char detail[static VS_CONTROLLER_LINE_LEN],
                                     struct vs_why *why)
{
	struct vs_controllers cs = of(a);
	vs_status status;

	if (!vs_controllers_any(&a->charger) || a->charger.slot < 0 ||
	    a->state.phase == VS_PHASE_ARMING ||
	    a->state.phase == VS_PHASE_REBOOTING)
		return VS_OK; /* in these two they are ahead of the gateway */
	if (rests(a))
		status = settle(a, &cs, why);
	else
		status = vs_controllers_check(&cs, a->charger.slot, why);
	copy(detail, &cs);
	if (status == VS_OK)
		return VS_OK;
	return vs_fail(VS_ERR_REFUSED, why, VS_REASON_HEALTH_FAILED,
	               "a controller is not as it should be", 0);
}

void vs_agent_confirm_controllers(struct vs_agent *a)
{
	struct vs_controllers cs = of(a);
	struct vs_why why;

	if (vs_controllers_any(&a->charger) &&
	    vs_controllers_settle(&cs, a->charger.slot, (int)a->conf.tries,
	                          &why) != VS_OK)
		vs_warn("commit: %s", cs.detail);
}

void vs_agent_give_up_controllers(struct vs_agent *a)
{
	struct vs_controllers cs = of(a);
	struct vs_why why;

	if (!vs_controllers_any(&a->charger))
		return;
	cs.idle = is_idle(a);
	if (vs_controllers_give_up(&cs, &why) != VS_OK)
		vs_warn("give up: %s", cs.detail);
}

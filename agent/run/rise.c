/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/rise.c - a restart for the floor, once an update is confirmed.
 *
 * That this start was a trial is the loader's word, and false at the next one:
 * a loader that raises nothing is not restarted again and again.
 */
#include "agent/run/rise.h"

#include "agent/run/idle.h"
#include "agent/run/move.h"
#include "base/log.h"

#define GATE_MS 10000

static bool is_due(const struct vs_agent *a)
{
	struct vs_record record;

	return a->conf.floor_restart_ms > 0 && !a->charger.recovery &&
	       a->charger.storage.start.trial && !a->charger.trial &&
	       vs_record_load(&a->charger.ops.record, &record) == VS_OK &&
	       record.raise_floor == 1;
}

void vs_agent_rise(struct vs_agent *a)
{
	uint64_t now = vs_agent_now_ms();

	if (a->state.phase != VS_PHASE_IDLE || now < a->rise_at)
		return;
	if (!is_due(a)) {
		a->rise_at = now + GATE_MS;
		a->rise_due = false;
		return;
	}
	if (!a->rise_due) {
		a->rise_due = true;
		a->rise_at = now + a->conf.floor_restart_ms;
		return;
	}
	a->rise_at = now + GATE_MS;
	if (vs_idle_held(&a->conf, &a->session))
		return;
	vs_info("restart, for the floor to rise to what is confirmed");
	a->reboot = true;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/activate.c - from a written slot to a confirmed one.
 *
 * Each step does the effect of the phase that is already persisted, so that
 * a restart in any phase does it again.
 */
#include "agent/run/activate.h"

#include <stdio.h>
#include <string.h>

#include "agent/reach/runner.h"
#include "agent/run/controller_phase.h"
#include "agent/run/idle.h"
#include "agent/run/move.h"
#include "base/log.h"

#define GATE_MS 500
#define RETRY_MS 2000

static void wait_for_gates(struct vs_agent *a)
{
	/* In recovery there is no charger program to ask, and no session. */
	const char *held = a->charger.recovery
	                           ? NULL
	                           : vs_idle_held(&a->conf, &a->session);
	bool news = held != a->held;

	a->gate_at = vs_agent_now_ms() + GATE_MS;
	a->held = held;
	if (!held) {
		if (vs_agent_move(a, VS_EVENT_OPENED, VS_REASON_NONE, NULL,
		                  NULL) != VS_OK)
			a->gate_at += RETRY_MS;
	} else if (news && vs_agent_move(a, VS_EVENT_HELD, VS_REASON_NONE, NULL,
	                                 held) != VS_OK) {
		a->held = NULL; /* said once it can be persisted */
	}
}

/* The record names the slot, on the disk or not yet. */
static bool is_armed(const struct vs_agent *a, struct vs_record *record)
{
	int slot = a->state.target;

	return vs_record_load(&a->charger.ops.record, record) == VS_OK &&
	       record->slot == slot &&
	       record->slots[slot].state == VS_SLOT_TRIAL;
}

/* Once more, if that was cut off by a disk that failed. */
static vs_status arm_record(const struct vs_agent *a, struct vs_why *why)
{
	struct vs_record record;

	if (is_armed(a, &record))
		return vs_record_store(&a->charger.ops.record, &record);
	return vs_set_arm(&a->charger, a->state.target, (int)a->conf.tries,
	                  why);
}

/* Controllers first: they can be taken back as long as the record does not
 * name the slot.
 */
static void arm(struct vs_agent *a)
{
	struct vs_why why = {VS_REASON_UNREADABLE, "", 0};
	char detail[VS_CONTROLLER_LINE_LEN] = "";
	struct vs_record record;
	vs_status status = vs_agent_start_controllers(a, detail, &why);

	if (status != VS_OK && a->stopped())
		return; /* armed once more at the next start */
	if (status == VS_OK)
		status = arm_record(a, &why);
	if (status != VS_OK && is_armed(a, &record)) {
		/* nobody knows whether a cut would undo it */
		a->gate_at = vs_agent_now_ms() + RETRY_MS;
		return;
	}
	if (status == VS_OK) {
		status = vs_agent_move(a, VS_EVENT_ARMED, VS_REASON_NONE, NULL,
		                       NULL);
	} else {
		if (detail[0] != '\0')
			a->retry_at =
				vs_agent_now_ms() + a->conf.backoff_max_ms;
		status = vs_agent_move(a, VS_EVENT_FAILED, why.code,
		                       a->state.parts[0].path,
		                       detail[0] ? detail : why.what);
	}
	if (status != VS_OK)
		a->gate_at = vs_agent_now_ms() + RETRY_MS;
}

/* A charger in recovery is not well, whatever else it is. */
static void say_recovery(struct vs_agent *a)
{
	char detail[VS_PROBE_LINE_LEN];

	a->healthy = false;
	a->health_at = vs_agent_now_ms() + a->conf.health_interval_ms;
	vs_charger_say_recovery(&a->charger, detail, sizeof(detail));
	if (strcmp(detail, a->health_detail) != 0)
		vs_warn("%s", detail);
	snprintf(a->health_detail, sizeof(a->health_detail), "%s", detail);
}

void vs_agent_check_health(struct vs_agent *a, struct vs_why *why)
{
	const struct vs_health_how how = {
		.root = a->image, .timeout_ms = a->conf.health_check_ms};
	char detail[VS_PROBE_LINE_LEN] = "VOLTSEAL_IMAGE is not set";
	bool was = a->healthy;
	vs_status status = vs_fail(VS_ERR_REFUSED, why, VS_REASON_HEALTH_FAILED,
	                           "no image", 0);

	if (a->charger.recovery) {
		say_recovery(a);
		return;
	}
	if (a->image && a->conf.runner)
		status = vs_runner_check(a->conf.runner, detail, why);
	else if (a->image)
		status = vs_health_check(&how, detail, why);
	if (status == VS_OK)
		status = vs_agent_check_controllers(a, detail, why);
	a->healthy = status == VS_OK;
	snprintf(a->health_detail, sizeof(a->health_detail), "%s",
	         a->healthy ? "" : detail);
	a->health_at = vs_agent_now_ms() + a->conf.health_interval_ms;
	if (was != a->healthy) {
		a->report_at = 0;
		vs_info("health: %s", a->healthy ? "well" : detail);
	}
}

static void trial_round(struct vs_agent *a)
{
	const struct vs_trial_rules rules = {a->conf.health_checks,
	                                     a->conf.health_interval_ms,
	                                     a->conf.health_timeout_ms};
	struct vs_why why = {VS_REASON_NONE, "", 0};
	enum vs_trial_verdict verdict;
	enum vs_event on = VS_EVENT_HEALTHY;

	if (vs_agent_now_ms() < a->trial.next_ms)
		return;
	vs_agent_check_health(a, &why);
	if (a->conf.runner && vs_runner_lost(a->conf.runner))
		return;
	verdict = vs_trial_step(&a->trial, &rules, vs_agent_now_ms(),
	                        a->healthy ? VS_REASON_NONE : why.code,
	                        a->health_detail);
	if (verdict == VS_TRIAL_GOES_ON)
		return;
	if (verdict == VS_TRIAL_FAILED) {
		on = VS_EVENT_SICK;
		a->state.reason = a->trial.reason;
		snprintf(a->state.detail, sizeof(a->state.detail), "%s",
		         a->trial.detail);
	}
	if (vs_agent_move(a, on, VS_REASON_NONE, NULL, NULL) != VS_OK)
		a->trial.next_ms = vs_agent_now_ms() + RETRY_MS;
}

static void commit(struct vs_agent *a)
{
	const struct vs_record_ops *at = &a->charger.ops.record;
	struct vs_record record;
	vs_status status = vs_record_load(at, &record);

	if (status == VS_OK)
		status = vs_record_confirm(&record, a->charger.slot);
	if (status == VS_OK)
		status = vs_record_store(at, &record);
	if (status == VS_OK) {
		vs_agent_confirm_controllers(a);
		a->charger.trial = false;
		a->state.reason = VS_REASON_NONE;
		a->state.detail[0] = '\0';
		status = vs_agent_move(a, VS_EVENT_COMMITTED, VS_REASON_NONE,
		                       NULL, NULL);
	}
	if (status != VS_OK) {
		vs_error("commit: %s", vs_status_name(status));
		a->gate_at = vs_agent_now_ms() + RETRY_MS;
	}
}

/* If the record cannot say it, the tries that are left will. */
static void give_up(struct vs_agent *a)
{
	const struct vs_record_ops *at = &a->charger.ops.record;
	struct vs_record record;
	vs_status status = vs_record_load(at, &record);

	if (status == VS_OK)
		status = vs_record_give_up(&record, a->charger.slot,
		                           a->state.reason);
	if (status == VS_OK)
		status = vs_record_store(at, &record);
	if (status != VS_OK)
		vs_error("give up: %s", vs_status_name(status));
	vs_warn("slot %c is given up: %s: %s", 'a' + a->charger.slot,
	        vs_reason_name(a->state.reason), a->state.detail);
	vs_agent_give_up_controllers(a);
	a->reboot = true;
}

void vs_agent_activate(struct vs_agent *a)
{
	if (a->state.phase != VS_PHASE_TRIAL && vs_agent_now_ms() < a->gate_at)
		return;
	switch (a->state.phase) {
	case VS_PHASE_WAITING:
		wait_for_gates(a);
		return;
	case VS_PHASE_ARMING:
		arm(a);
		return;
	case VS_PHASE_REBOOTING:
		a->reboot = true;
		return;
	case VS_PHASE_TRIAL:
		trial_round(a);
		return;
	case VS_PHASE_COMMITTING:
		commit(a);
		return;
	case VS_PHASE_GIVING_UP:
		give_up(a);
		return;
	default:
		return; /* nothing to activate */
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/move.c - the agent's time, and its moves.
 */
#include "agent/run/move.h"

#include <time.h>

#include "base/log.h"

uint64_t vs_agent_now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t vs_agent_clock_s(void)
{
	time_t clock = time(NULL);

	return clock > 0 ? (uint64_t)clock : 0;
}

uint64_t vs_agent_now_s(const struct vs_agent *a)
{
	return vs_uptane_now(a->floor_s, vs_agent_clock_s());
}

vs_status vs_agent_move(struct vs_agent *a, enum vs_event on, vs_reason reason,
                        const char *about, const char *detail)
{
	enum vs_phase from = a->state.phase;
	const struct vs_move_info info = {
		.reason = reason,
		.about = about,
		.detail = detail,
		.bundle = a->net.bundle ||
	                  (from != VS_PHASE_IDLE && a->state.bundle),
		.now_s = vs_agent_now_s(a),
	};
	size_t waiting = a->state.outbox.count;
	vs_status status = vs_state_move(&a->state, &a->io, on, &info);

	if (status != VS_OK)
		vs_error("%s on %s: %s: %s", vs_phase_name(from),
		         vs_event_name(on), vs_status_name(status),
		         status == VS_ERR_STATE ? "not in the table"
		                                : a->state_file);
	if (a->state.outbox.count != waiting)
		a->report_at = a->report_failures = 0;
	if (status == VS_OK && a->state.phase == VS_PHASE_TRIAL &&
	    from != VS_PHASE_TRIAL)
		vs_trial_init(&a->trial, vs_agent_now_ms());
	return status;
}

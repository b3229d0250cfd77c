/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/deliver.c - news first, then where things stand.
 */
#include "agent/run/deliver.h"

#include "agent/run/idle.h"
#include "agent/run/move.h"
#include "base/log.h"

static void report_later(struct vs_agent *a)
{
	uint64_t ms = a->conf.report_ms;

	for (unsigned i = 0;
	     i < a->report_failures && ms < a->conf.backoff_max_ms; i++)
		ms *= 2;
	if (a->report_failures > 0 && ms > a->conf.backoff_max_ms)
		ms = a->conf.backoff_max_ms;
	/* A server with too much to do says how long to leave it alone. */
	if (a->report_failures > 0) {
		uint64_t least = (uint64_t)a->net.retry_after_s * 1000;

		least = least < a->conf.poll_max_ms ? least
		                                    : a->conf.poll_max_ms;
		ms = ms < least ? least : ms;
	}
	a->report_at = vs_agent_now_ms() + ms;
}

/* Sends the oldest note and takes it out of the outbox when the server has
 * it.  A cut between the two sends it twice, which harms nobody.
 */
static vs_status send_note(struct vs_agent *a, const struct vs_live *live)
{
	struct vs_news note = a->state.outbox.notes[0];
	vs_status status = vs_reporter_send(&a->reporter, &a->net, &a->charger,
	                                    &a->state, &note, live);

	if (status != VS_OK)
		return status;
	vs_outbox_pop(&a->state.outbox);
	return vs_state_save(&a->state, &a->io);
}

static void deliver(struct vs_agent *a)
{
	const struct vs_live live = {
		.healthy = a->healthy,
		.charging = a->session && a->state.phase == VS_PHASE_WAITING,
		.faults = vs_idle_faults(&a->conf),
		.detail = a->state.phase == VS_PHASE_WAITING && a->held
	                          ? a->held
	                  : a->waits ? a->waits
	                             : a->health_detail,
		.director_version = a->director_version,
		.image_version = a->image_version,
		.image_snapshot_version = a->image_snapshot_version,
		.now_s = vs_agent_now_s(a),
	};
	bool more = a->state.outbox.count > 0;
	vs_status status = VS_OK;

	while (status == VS_OK && a->state.outbox.count > 0)
		status = send_note(a, &live);
	/* After news, one plain report: where things stand now. */
	if (status == VS_OK)
		status = vs_reporter_send(&a->reporter, &a->net, &a->charger,
		                          &a->state, NULL, &live);
	if (status != VS_OK && !a->report_held)
		vs_warn("report: %s%s", a->net.error,
		        more ? "; kept in the outbox" : "");
	a->report_held = status != VS_OK;
	a->report_failures = status == VS_OK ? 0 : a->report_failures + 1;
	report_later(a);
}

void vs_agent_deliver(struct vs_agent *a)
{
	if (vs_agent_now_ms() >= a->report_at)
		deliver(a);
}

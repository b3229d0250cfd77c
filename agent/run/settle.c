/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/run/settle.c - after a start: what was under way, and what became of
 * it.
 *
 * The loader's decision and the boot record are believed before the phase.
 */
#include "agent/run/settle.h"

#include <stdio.h>
#include <string.h>

#include "agent/believe/successor.h"
#include "agent/run/move.h"
#include "base/log.h"

/* Why the tried slot does not run: what the agent there wrote, else what the
 * loader saw, else what the record says.
 */
static vs_reason find_reason(const struct vs_agent *a,
                             const struct vs_record *record)
{
	int target = a->state.target;

	if (a->state.phase == VS_PHASE_GIVING_UP &&
	    a->state.reason != VS_REASON_NONE)
		return a->state.reason;
	if (a->charger.seen[target] != VS_REASON_NONE &&
	    a->charger.seen[target] != VS_REASON_MARKED_BAD)
		return a->charger.seen[target];
	if (record->slots[target].state == VS_SLOT_BAD &&
	    record->slots[target].reason != VS_REASON_NONE &&
	    record->slots[target].reason < VS_REASON_COUNT)
		return (vs_reason)record->slots[target].reason;
	return VS_REASON_BOOT_FAILED;
}

static vs_status fell_back(struct vs_agent *a, const struct vs_record *record)
{
	struct vs_state *s = &a->state;
	vs_reason reason = find_reason(a, record);
	vs_status status;

	if (s->phase != VS_PHASE_GIVING_UP)
		snprintf(s->detail, sizeof(s->detail),
		         "the loader did not start slot %c", 'a' + s->target);
	s->reason = reason;
	status = vs_state_add_failed(s);
	if (status != VS_OK)
		return status;
	return vs_agent_move(a, VS_EVENT_FELL_BACK, reason,
	                     s->part_count ? s->parts[0].path : NULL,
	                     s->detail);
}

/* The recovery image runs.  Whether the set failed, or its bytes did, or
 * nobody has restarted the machine yet: only a set that was tried is not tried
 * again.
 */
static vs_status settle_recovery(struct vs_agent *a,
                                 const struct vs_record *record)
{
	struct vs_state *s = &a->state;
	uint8_t state = record->slots[s->target].state;
	vs_reason reason = a->charger.seen[s->target];

	if (s->phase == VS_PHASE_ARMING && state == VS_SLOT_EMPTY)
		return VS_OK; /* cut before the record: armed once more */
	if (s->phase == VS_PHASE_GIVING_UP || state == VS_SLOT_BAD ||
	    (state == VS_SLOT_TRIAL && record->slots[s->target].tries == 0))
		return fell_back(a, record);
	s->reason = reason == VS_REASON_NONE ? VS_REASON_UNREADABLE : reason;
	snprintf(s->detail, sizeof(s->detail),
	         "the loader did not start slot %c", 'a' + s->target);
	return vs_agent_move(a, VS_EVENT_FELL_BACK, s->reason,
	                     s->part_count ? s->parts[0].path : NULL,
	                     s->detail);
}

/* The slot that was to be tried runs. */
static vs_status target_runs(struct vs_agent *a, bool on_trial)
{
	switch (a->state.phase) {
	case VS_PHASE_ARMING:
	case VS_PHASE_REBOOTING:
		return vs_agent_move(
			a, on_trial ? VS_EVENT_TRIED : VS_EVENT_COMMITTED,
			VS_REASON_NONE, NULL, NULL);
	case VS_PHASE_TRIAL:
		return on_trial ? VS_OK
		                : vs_agent_move(a, VS_EVENT_COMMITTED,
		                                VS_REASON_NONE, NULL, NULL);
	default:
		return VS_OK; /* COMMITTING, GIVING_UP: done again */
	}
}

static vs_status after_arming(struct vs_agent *a,
                              const struct vs_record *record)
{
	uint8_t state = record->slots[a->state.target].state;
	bool arming = a->state.phase == VS_PHASE_ARMING;

	if (a->charger.slot == a->state.target)
		return target_runs(a, state == VS_SLOT_TRIAL);
	if (arming && state == VS_SLOT_EMPTY)
		return VS_OK; /* cut before the record: armed once more */
	if (state == VS_SLOT_TRIAL && !a->charger.fell_back &&
	    (arming || a->state.phase == VS_PHASE_REBOOTING))
		return arming ? vs_agent_move(a, VS_EVENT_ARMED, VS_REASON_NONE,
		                              NULL, NULL)
		              : VS_OK; /* armed, not yet restarted */
	return fell_back(a, record);
}

/* Nobody may come back with the bundle, and the server may never be reached:
 * what it brought was believed, and waits on.  It is verified once more before
 * it is armed.
 */
static bool waits_on(const struct vs_agent *a, const struct vs_record *record)
{
	const struct vs_state *s = &a->state;

	return s->phase == VS_PHASE_WAITING && s->bundle &&
	       !a->charger.recovery && a->charger.slot != s->target &&
	       !a->charger.trial &&
	       record->slots[s->target].state == VS_SLOT_EMPTY;
}

static vs_status adopt_trial(struct vs_agent *a, const struct vs_record *record)
{
	int slot = a->charger.slot;

	if (a->charger.recovery || record->slots[slot].state != VS_SLOT_TRIAL)
		return VS_OK;
	/* The state was lost, or the image was armed by hand. */
	a->state.target = slot;
	a->state.part_count = 0;
	a->state.campaign_seq = a->charger.running[0].header.release_seq;
	return vs_agent_move(a, VS_EVENT_TRIED, VS_REASON_NONE, NULL,
	                     "a trial that the agent did not arm");
}

/* What cannot be mended now is tried again at the next start. */
static void settle_keyrings(const struct vs_agent *a)
{
	struct vs_why why = {VS_REASON_NONE, "", 0};

	if (vs_successor_settle(&a->charger, &why) != VS_OK)
		vs_warn("keyring: %s", why.what);
}

vs_status vs_agent_settle(struct vs_agent *a)
{
	struct vs_record record;
	vs_status status = vs_record_load(&a->charger.ops.record, &record);

	settle_keyrings(a);
	/* In recovery that is one more thing to mend, and it is all zeros. */
	if (status != VS_OK && !a->charger.recovery)
		return status;
	/* The loader's word is that of the start; it was confirmed since. */
	if (!a->charger.recovery &&
	    record.slots[a->charger.slot].state == VS_SLOT_GOOD)
		a->charger.trial = false;
	switch (a->state.phase) {
	case VS_PHASE_IDLE:
		return adopt_trial(a, &record);
	case VS_PHASE_SCHEDULED:
	case VS_PHASE_DOWNLOADING:
	case VS_PHASE_CHECKING:
	case VS_PHASE_WAITING:
		if (waits_on(a, &record))
			return VS_OK;
		status = vs_agent_move(a, VS_EVENT_RESTARTED, VS_REASON_NONE,
		                       NULL, NULL);
		return status == VS_OK ? adopt_trial(a, &record) : status;
	default:
		return a->charger.recovery ? settle_recovery(a, &record)
		                           : after_arming(a, &record);
	}
}

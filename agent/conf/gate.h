/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/conf/gate.h - may this charger be restarted now?
 *
 * Deny by default: a status that is missing, stale or not understood closes
 * the gate.  Nothing overrides a closed safety gate.
 */
#ifndef VS_AGENT_GATE_H
#define VS_AGENT_GATE_H

#include "base/status.h"

#define VS_GATE_STATUS_MAX 4096

/* Local time of day, in minutes; the same twice: always open. */
struct vs_gate_window {
	unsigned start_min, end_min;
	bool any; /* no window was set */
};

struct vs_gate_rules {
	bool require_idle;
	uint64_t min_battery;
	struct vs_gate_window window;
};

/* What the charger program says of itself. */
struct vs_gate_status {
	bool session;
	bool contactors_closed;
	bool has_battery;
	uint64_t battery_percent;
	uint64_t faults; /* counted by the charger from 1 on; 0: not said */
};

/* "HH:MM-HH:MM", or "" for any time.  VS_OK; VS_ERR_INPUT. */
vs_status vs_gate_window_parse(const char *text,
                               struct vs_gate_window *out) VS_MUST_CHECK;

/* {"session": bool, "contactors": "open"|"closed", "battery_percent": N}
 * with or without more, "faults": N among it.
 * VS_OK; VS_ERR_INPUT; VS_ERR_LIMIT.
 */
vs_status vs_gate_status_parse(const void *in, size_t len,
                               struct vs_gate_status *out,
                               struct vs_why *why) VS_MUST_CHECK;

/* Whether any of these rules asks for the charger's status. */
bool vs_gate_asks(const struct vs_gate_rules *rules);

/* NULL if every gate is open, else what holds the update up, for a person.
 * status NULL: not known.  minute: of the local day.
 */
const char *vs_gate_closed(const struct vs_gate_rules *rules,
                           const struct vs_gate_status *status,
                           unsigned minute);

#endif

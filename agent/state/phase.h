/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/state/phase.h - the one way from an offer to a commit, as a table of
 * moves.
 *
 * What is not in the table cannot happen.  A move is persisted by
 * vs_state_move() (agent/state/state.h) before its effect is begun.
 *
 * Standard: statuses are OCPP 2.0.1 FirmwareStatusEnumType.
 */
#ifndef VS_AGENT_PHASE_H
#define VS_AGENT_PHASE_H

#include "base/status.h"

enum vs_phase {
	VS_PHASE_IDLE = 0,    /* nothing is under way */
	VS_PHASE_SCHEDULED,   /* a release is believed, not yet begun */
	VS_PHASE_DOWNLOADING, /* the other slot is being written */
	VS_PHASE_CHECKING,    /* it is written; the whole set is verified */
	VS_PHASE_WAITING,     /* for the gates */
	VS_PHASE_ARMING,      /* the boot record is about to name it */
	VS_PHASE_REBOOTING,   /* the loader has to start it */
	VS_PHASE_TRIAL,       /* it runs and must show its health */
	VS_PHASE_COMMITTING,  /* it is about to be recorded GOOD */
	VS_PHASE_GIVING_UP,   /* it is about to be recorded BAD */
	VS_PHASE_COUNT
};

enum vs_event {
	VS_EVENT_OFFERED,   /* both repositories name a new release */
	VS_EVENT_BEGUN,     /* its download starts */
	VS_EVENT_WRITTEN,   /* the slot holds every byte of it */
	VS_EVENT_VERIFIED,  /* the set verifies as the loader does it */
	VS_EVENT_HELD,      /* a gate is closed */
	VS_EVENT_OPENED,    /* every gate is open */
	VS_EVENT_CANCELLED, /* the director no longer names it */
	VS_EVENT_ARMED,     /* the boot record names it */
	VS_EVENT_TRIED,     /* the loader started it */
	VS_EVENT_HEALTHY,   /* it has shown its health */
	VS_EVENT_COMMITTED, /* it is recorded GOOD */
	VS_EVENT_SICK,      /* it has not */
	VS_EVENT_FELL_BACK, /* the loader started the other slot */
	VS_EVENT_REFUSED,   /* something is not to be believed */
	VS_EVENT_FAILED,    /* storage or network failed */
	VS_EVENT_RESTARTED, /* the agent was started again */
	VS_EVENT_COUNT
};

struct vs_move {
	enum vs_phase from;
	enum vs_event on;
	enum vs_phase to;
	const char *status; /* what the server is told; NULL: nothing */
};

/* The row for an event in a phase; NULL if it is not in the table. */
const struct vs_move *vs_phase_next(enum vs_phase from, enum vs_event on);

/* "Downloading" and so on; these words are in state.json and reports. */
const char *vs_phase_name(enum vs_phase phase);
/* VS_OK; VS_ERR_INPUT if there is no such phase. */
vs_status vs_phase_parse(const char *name, enum vs_phase *out) VS_MUST_CHECK;
const char *vs_event_name(enum vs_event event);

/* What a charger in this phase answers when asked (OCPP). */
const char *vs_phase_status(enum vs_phase phase);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/controllers/controllers.h - the components that controllers run, at the
 * end of serial lines (machine.conf: driver = serial).
 *
 * The gateway's slot is what counts.  Slot A and slot B hold a controller's
 * image like any other component, written and verified the same way, so which
 * image belongs to which slot needs no note.  A controller is brought to what
 * the gateway's slot holds; nothing else about it is remembered, and every
 * step can be done again.
 */
#ifndef VS_AGENT_CONTROLLERS_H
#define VS_AGENT_CONTROLLERS_H

#include "agent/controllers/controller.h"
#include "agent/slots/charger.h"

struct vs_controllers {
	struct vs_charger *charger; /* told[] is kept up to date */
	/* Between questions; false stops with VS_ERR_STATE.  May be NULL. */
	bool (*tick)(void *ctx);
	void *tick_ctx;
	bool idle;        /* a controller may be restarted now */
	vs_reason reason; /* why what is on trial is given up; NONE: other */
	bool waits;       /* out: for idle, to restart one */
	int failed;       /* out: the component that failed */
	char detail[VS_CONTROLLER_LINE_LEN]; /* out: about it; "" = none */
};

/* Whether there are any. */
bool vs_controllers_any(const struct vs_charger *c);

/* All below: VS_OK for all of them; else the status, why and detail of the
 * first that failed, as controller.h's functions have them, or VS_ERR_ABSENT
 * and VS_ERR_DENIED from opening its line.  slot is the gateway's.
 */

/* Writes what slot holds beside what runs there; starts nothing. */
vs_status vs_controllers_write(struct vs_controllers *cs, int slot,
                               struct vs_why *why) VS_MUST_CHECK;

/* Brings them to run what slot holds, on trial or not, before the gateway is
 * armed.  Restarts them: cs->idle is not asked.
 */
vs_status vs_controllers_start(struct vs_controllers *cs, int slot, int tries,
                               struct vs_why *why) VS_MUST_CHECK;

/* Whether they run what slot holds; changes nothing.
 * VS_ERR_REFUSED (HEALTH_FAILED) if one runs something else.
 */
vs_status vs_controllers_check(struct vs_controllers *cs, int slot,
                               struct vs_why *why) VS_MUST_CHECK;

/* The gateway has come to rest with slot, which runs and is GOOD: what a
 * controller runs of it is confirmed, and what it does not is brought to run.
 * Without cs->idle nothing is restarted.
 * Also what vs_controllers_check() gives, while that waits for idle.
 */
vs_status vs_controllers_settle(struct vs_controllers *cs, int slot, int tries,
                                struct vs_why *why) VS_MUST_CHECK;

/* The gateway gives its trial up: so do they, and start again if cs->idle. */
vs_status vs_controllers_give_up(struct vs_controllers *cs,
                                 struct vs_why *why) VS_MUST_CHECK;

#endif

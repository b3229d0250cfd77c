/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/health.h - is the running image well?
 *
 * The checks are programs in the sealed image itself, so an image is judged
 * by what was released and signed with it.  The server is not asked: its
 * outage never rolls a charger back.
 */
#ifndef VS_AGENT_HEALTH_H
#define VS_AGENT_HEALTH_H

#include "agent/reach/probe.h"
#include "base/status.h"

#define VS_HEALTH_DIR "/usr/lib/voltseal/health.d"
#define VS_HEALTH_CHECKS_MAX 32

struct vs_health_how {
	const char *root;    /* of the image */
	uint64_t timeout_ms; /* of each check */
	const int *watch;    /* as struct vs_probe has it */
};

/* Runs every executable of root's health.d in the order of their names, each
 * with the argument "/run" and at most timeout_ms long, and stops at the
 * first that says no.  An image without checks is well.
 *
 * VS_OK; VS_ERR_REFUSED (HEALTH_FAILED, HEALTH_TIMEOUT) or VS_ERR_IO, with
 * the check's name and last line in detail.
 */
vs_status vs_health_check(const struct vs_health_how *how,
                          char detail[static VS_PROBE_LINE_LEN],
                          struct vs_why *why) VS_MUST_CHECK;

/* A trial: so many good rounds in a row, in time. */
struct vs_trial {
	uint64_t started_ms;
	uint64_t next_ms; /* when the next round is due */
	uint64_t passed;  /* in a row */
	vs_reason reason; /* of the last round that failed */
	char detail[VS_PROBE_LINE_LEN];
};

enum vs_trial_verdict { VS_TRIAL_GOES_ON, VS_TRIAL_PASSED, VS_TRIAL_FAILED };

struct vs_trial_rules {
	uint64_t checks;
	uint64_t interval_ms;
	uint64_t timeout_ms;
};

void vs_trial_init(struct vs_trial *t, uint64_t now_ms);

/* Takes the result of a round (well, or reason and detail) into account.
 * FAILED only when the time is over: t->reason and detail say why then.
 */
enum vs_trial_verdict vs_trial_step(struct vs_trial *t,
                                    const struct vs_trial_rules *rules,
                                    uint64_t now_ms, vs_reason reason,
                                    const char *detail);

#endif

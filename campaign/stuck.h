/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/stuck.h - which chargers hold a campaign up, why, and what to do.
 */
#ifndef VS_CAMPAIGN_STUCK_H
#define VS_CAMPAIGN_STUCK_H

#include "campaign/run.h"

enum vs_stuck {
	VS_STUCK_NOT = 0,
	VS_STUCK_UNSEEN,     /* waits, and never reported */
	VS_STUCK_SILENT,     /* no report for long */
	VS_STUCK_FEEDER,     /* may start but for its feeder group */
	VS_STUCK_SITE,       /* may start but for its site */
	VS_STUCK_REQUIRES,   /* another of its components is too old */
	VS_STUCK_REFUSES,    /* told; its reports name a reason */
	VS_STUCK_CHARGING,   /* told; a session holds it up */
	VS_STUCK_FETCHING,   /* told; still downloads */
	VS_STUCK_INSTALLING, /* told; began to install and did not come back */
	VS_STUCK_IDLE,       /* told; reports, and does nothing about it */
	VS_STUCK_SOAKING,    /* new version; no report after its soak */
	VS_STUCK_FAILED,     /* failed; waits for a person */
	VS_STUCKS,
};

/* What is known of one member. */
struct vs_stuck_facts {
	enum vs_member_state state;
	enum vs_block block;    /* of one that waits */
	uint64_t since_s;       /* in this state */
	uint64_t last_report_s; /* 0: never */
	uint64_t soak_s;
	bool charging, fetching, installing, refuses;
	bool lacks; /* what the release requires beside it */
};

/* after_s: what lasts less long is no trouble yet. */
enum vs_stuck vs_stuck_find(const struct vs_stuck_facts *f, uint64_t now_s,
                            uint64_t after_s);

const char *vs_stuck_name(enum vs_stuck s);   /* "silent" */
const char *vs_stuck_text(enum vs_stuck s);   /* why, a sentence */
const char *vs_stuck_advice(enum vs_stuck s); /* what a person can do */

#endif

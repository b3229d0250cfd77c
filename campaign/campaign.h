/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/campaign.h - who is next, when, and when to stop.
 *
 * A campaign is a plan, and its state is a pure function of the plan, the
 * chargers' states and the time: nothing here reads a clock, draws a random
 * number or does I/O, so a fleet can be simulated in virtual time.
 *
 * Success is not a message: a charger counts as updated when a signed report
 * after its reboot names the new version and it stayed healthy through the
 * soak time.
 */
#ifndef VS_CAMPAIGN_CAMPAIGN_H
#define VS_CAMPAIGN_CAMPAIGN_H

#include "base/status.h"

#define VS_WAVES_MAX 16
#define VS_ID_LEN 64 /* with the closing zero */

enum vs_wave_kind {
	VS_WAVE_COUNT,   /* so many chargers in all, this wave included */
	VS_WAVE_PERCENT, /* so many per cent in all, rounded up; of those who
	                  * are not SKIPPED, as a count is too */
};

struct vs_wave {
	enum vs_wave_kind kind;
	uint32_t amount; /* cumulative; never below the wave before */
};

struct vs_window {
	uint16_t start_min; /* minutes after local midnight, 0..1439 */
	uint16_t end_min;   /* may be before start: over midnight */
};

struct vs_plan {
	struct vs_wave waves[VS_WAVES_MAX];
	size_t wave_count;
	char salt[VS_ID_LEN];  /* orders the chargers: hash(salt, id) */
	uint32_t per_site;     /* away at once on one site; from 1 */
	uint32_t soak_s;       /* healthy so long before it counts */
	uint32_t fail_percent; /* of the wave's chargers, 1..100 */
	uint32_t fail_count;   /* halts at so many failures; from 1 */
	uint32_t timeout_s;    /* started so long ago = failed; 0 = never */
	bool has_window;
	struct vs_window window; /* when a start is allowed */
};

enum vs_member_state {
	VS_MEMBER_WAITING = 0, /* not told yet */
	VS_MEMBER_STARTED,     /* told; downloading, waiting, installing ... */
	VS_MEMBER_SOAKING,     /* reports the new version, healthy */
	VS_MEMBER_UPDATED,     /* healthy through the soak time */
	VS_MEMBER_FAILED,      /* fell back, refused, unhealthy or timed out */
	VS_MEMBER_SKIPPED,     /* has the version already, or may not have it */
};

/* One charger as the campaign sees it. */
struct vs_member {
	const char *id;         /* keeps */
	const char *site;       /* keeps */
	const char *feeder;     /* keeps; "" = none */
	int32_t utc_offset_min; /* local time, for windows */
	enum vs_member_state state;
	uint64_t since_s;       /* when it came into this state */
	bool healthy;           /* by its last signed report */
	uint64_t last_report_s; /* 0 = never */
};

enum vs_campaign_state {
	VS_CAMPAIGN_DRAFT = 0, /* created, waits for approval */
	VS_CAMPAIGN_APPROVED,  /* approved by another, not started */
	VS_CAMPAIGN_RUNNING,
	VS_CAMPAIGN_PAUSED, /* by a person: nobody new starts */
	VS_CAMPAIGN_HALTED, /* by itself: nobody new starts */
	VS_CAMPAIGN_DONE,
	VS_CAMPAIGN_ABORTED,
};

struct vs_progress {
	size_t wave; /* the wave now open, from 0 */
	size_t members, waiting, started, soaking, updated, failed, skipped;
	bool halt;         /* the plan says: stop */
	bool done;         /* nobody is left to be told or under way */
	char because[160]; /* why halt or why nobody may start now, or "" */
};

/* Checks a plan.  VS_OK; VS_ERR_INPUT with why naming the field. */
vs_status vs_plan_check(const struct vs_plan *p,
                        struct vs_why *why) VS_MUST_CHECK;

/* Orders members by hash(plan->salt, id), the order in which they start.  The
 * hash is a plain mixing one (campaign/order.c): it spreads, and no more.
 */
void vs_campaign_order(const struct vs_plan *p, struct vs_member *m, size_t n);

/* Moves members whose time has come (soak over, timed out), in place, and
 * reports; members are in vs_campaign_order()'s order.
 *
 * SOAKING becomes UPDATED on a healthy report (last_report_s) made soak_s or
 * more after since_s: who went silent in the soak has not passed it.  It
 * becomes FAILED when a report is unhealthy, or timeout_s after the soak.
 * The next wave opens when nobody of the open one is WAITING, STARTED or
 * SOAKING and the failures do not halt the campaign.
 */
void vs_campaign_step(const struct vs_plan *p, struct vs_member *m, size_t n,
                      uint64_t now_s, struct vs_progress *out);

/* Whether member i may be told to start now, by waves, sites, feeders and
 * window; the caller sets it to STARTED before it asks about another.  Away
 * from its site and feeder is who is STARTED, SOAKING, or FAILED and unhealthy
 * by its last report.
 */
bool vs_campaign_may_start(const struct vs_plan *p, const struct vs_member *m,
                           size_t n, size_t i, uint64_t now_s,
                           const struct vs_progress *progress);

/* The moves a person can make; one table.
 * VS_ERR_STATE if the move is not in it, with *state unchanged.
 */
enum vs_campaign_move {
	VS_MOVE_APPROVE,
	VS_MOVE_START,
	VS_MOVE_PAUSE,
	VS_MOVE_RESUME,
	VS_MOVE_ABORT,
	VS_MOVE_HALT,
	VS_MOVE_FINISH,
};
vs_status vs_campaign_move(enum vs_campaign_state *state,
                           enum vs_campaign_move move) VS_MUST_CHECK;
const char *vs_campaign_state_name(enum vs_campaign_state s);
const char *vs_member_state_name(enum vs_member_state s);

#endif

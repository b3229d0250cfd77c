/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/run.h - a campaign under way: who is next, when, and when to stop.
 *
 * All of it follows from the plan, the chargers' seats and the time: nothing
 * here reads a clock, draws a random number or does I/O.  A change of a seat
 * is first made out (a copy, for whoever makes it durable), then applied;
 * counters go along with it, so that nothing asked by a poll counts chargers.
 *
 * Success is not a message: a charger counts as updated when a signed report
 * after its reboot names the new version and it stayed healthy through the
 * soak time.
 */
#ifndef VS_CAMPAIGN_RUN_H
#define VS_CAMPAIGN_RUN_H

#include "campaign/grid.h"
#include "campaign/plan.h"

#define VS_NO_PLACE SIZE_MAX
#define VS_NO_WAVE VS_WAVES_MAX
#define VS_ATTEMPTS_MAX 100

enum vs_member_state {
	VS_MEMBER_WAITING = 0, /* not told, or told no more */
	VS_MEMBER_STARTED,     /* told; downloading, waiting, installing ... */
	VS_MEMBER_SOAKING,     /* reports the new version, healthy */
	VS_MEMBER_UPDATED,     /* healthy through the soak time */
	VS_MEMBER_FAILED,      /* fell back, refused, unhealthy or timed out */
	VS_MEMBER_SKIPPED,     /* has the version already, or may not have it */
	VS_MEMBER_STATES,
};

/* What happens to a charger in a campaign; kept in the database. */
enum vs_cause {
	VS_CAUSE_NONE = 0,
	VS_CAUSE_START,    /* it is told */
	VS_CAUSE_ARRIVED,  /* a signed report: it runs the new version */
	VS_CAUSE_BROKE,    /* a signed report: it failed or fell back */
	VS_CAUSE_LATE,     /* told, and timeout_s long no result */
	VS_CAUSE_SOAKED,   /* healthy through the soak */
	VS_CAUSE_ILL,      /* unhealthy in its soak */
	VS_CAUSE_SILENT,   /* no report after its soak */
	VS_CAUSE_WITHDRAW, /* told no more: abort or freeze */
	VS_CAUSE_RETRY,    /* a person gives it another chance */
	VS_CAUSE_SKIP,     /* has it already, or may not have it */
	VS_CAUSES,
};

/* One charger in a campaign. */
struct vs_seat {
	uint32_t device;             /* in the grid */
	uint32_t since_s, started_s; /* in this state; told last */
	uint32_t base_s; /* when its soak began: faults count from then */
	uint32_t base_faults, before_faults, before_s;
	uint32_t seen_s, after_faults; /* counted so far, since base_s */
	uint32_t open_at;              /* in the list of those under way */
	uint16_t fits;                 /* bit w: wave w's filter takes it */
	uint8_t state, cause, wave, attempts;
	bool past;     /* past the point of no return */
	bool has_base; /* its reports counted faults when the soak began */
};

struct vs_tally {
	uint32_t size, n[VS_MEMBER_STATES];
};

/* What keeps a member from starting. */
enum vs_block {
	VS_BLOCK_NONE = 0,
	VS_BLOCK_ENDED,  /* the campaign halts or is done */
	VS_BLOCK_STATE,  /* it does not wait */
	VS_BLOCK_WINDOW, /* no window is open there */
	VS_BLOCK_WAVE,   /* a later wave's, or in none */
	VS_BLOCK_FEEDER, /* another of its feeder group is away */
	VS_BLOCK_SITE,   /* its site has lent enough */
	VS_BLOCK_HOUR,   /* enough starts within the hour */
	VS_BLOCK_AWAY,   /* enough are under way */
};

struct vs_progress {
	size_t wave; /* the wave now open, from 0 */
	size_t members, waiting, started, soaking, updated, failed, skipped;
	bool halt;           /* the plan says: stop */
	bool done;           /* nobody is left to be told or under way */
	char because[160];   /* why halt or why nobody may start now, or "" */
	enum vs_block block; /* NONE, or what keeps the member at place */
	size_t place;
};

/* Faults of the chargers with the new version, and what the same ones had
 * before: each at its own rate, for as long as it has the new version.
 */
struct vs_fault_sums {
	uint64_t after, after_s;
	uint64_t expected_u; /* millionths of a fault */
	uint64_t spread_u;   /* its variance, of counting before, millionths */
};

#define VS_STARTS_SLOTS 61 /* minutes; the oldest one counts in full */

struct vs_run {
	const struct vs_plan *plan; /* keeps */
	struct vs_grid *grid;       /* keeps */
	struct vs_seat *seats;      /* owned, in their order */
	size_t count, cap;
	struct vs_index *index; /* owned: places by device */
	uint32_t *open;         /* owned: places of those under way */
	size_t open_count;
	struct vs_tally waves[VS_WAVES_MAX + 1]; /* the last: in none */
	uint32_t starts[VS_STARTS_SLOTS];
	uint64_t start_min[VS_STARTS_SLOTS];
	struct vs_fault_sums faults;
	bool refill;                 /* waves are to be made up anew */
	size_t cursor;               /* nobody before it waits */
	struct vs_progress progress; /* of the last vs_run_judge() */
};

/* A change that is made out and not yet true. */
struct vs_change {
	size_t place;
	enum vs_cause cause;
	struct vs_seat next;
};

void vs_run_init(struct vs_run *r, const struct vs_plan *p,
                 struct vs_grid *grid);
void vs_run_drop(struct vs_run *r); /* takes itself out of the grid */

/* Adds a charger, in any order.  fits: bit w if wave w's filter takes it.
 * VS_OK; VS_ERR_NOMEM; VS_ERR_LIMIT.
 */
vs_status vs_run_add(struct vs_run *r, uint32_t device,
                     uint16_t fits) VS_MUST_CHECK;
/* Orders those added by vs_plan_rank(salt, id(ctx, device)) and makes up the
 * waves; nobody can be added any more.  VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_run_order(struct vs_run *r,
                       const char *(*id)(void *ctx, uint32_t device),
                       void *ctx) VS_MUST_CHECK;

/* The place of a charger; VS_NO_PLACE: it is no member. */
size_t vs_run_find(const struct vs_run *r, uint32_t device);

/* Puts a kept seat back at its place, after vs_run_order(): state, cause,
 * attempts, past and the times and faults are read from it.  Once all are
 * back: vs_run_restored().
 */
void vs_run_restore(struct vs_run *r, size_t place, const struct vs_seat *kept);
void vs_run_restored(struct vs_run *r);

/* Makes out what a cause does to a seat.  VS_OK and *out; VS_ERR_STATE if the
 * table of moves has no such row.
 */
vs_status vs_run_change(const struct vs_run *r, size_t place,
                        enum vs_cause cause, uint64_t now_s,
                        struct vs_change *out) VS_MUST_CHECK;
/* Makes it true.  The seat must not have changed since. */
void vs_run_apply(struct vs_run *r, const struct vs_change *c);

/* The next change that time alone has brought about: soaks that ended, those
 * who are late.  *iter starts at 0; nothing may be applied in between.
 */
bool vs_run_due(const struct vs_run *r, uint64_t now_s, size_t *iter,
                struct vs_change *out);

/* After vs_grid_report() of a member: its faults since the update, and whether
 * it is past the point of no return.
 */
void vs_run_reported(struct vs_run *r, size_t place, bool past);

/* Where the campaign stands; opens the next wave if it may.  To be called
 * after each change: what it finds is what vs_run_may_start() goes by.
 */
void vs_run_judge(struct vs_run *r);
/* Finds words for why nobody may start, after vs_run_judge(). */
void vs_run_explain(struct vs_run *r, uint64_t now_s);

/* Whether a member may be told to start now, by the last judgement.  The
 * caller applies VS_CAUSE_START before it asks about another.
 */
enum vs_block vs_run_may_start(const struct vs_run *r, size_t place,
                               uint64_t now_s);

/* So many chargers of the device's site may be away at once. */
uint32_t vs_run_site_cap(const struct vs_run *r, uint32_t device);
uint32_t vs_run_hour_cap(const struct vs_run *r); /* 0: none */

/* Whether faults rose, so that chance explains it at z standard deviations
 * only, if faults come as Poisson said.
 */
bool vs_faults_rose(const struct vs_fault_sums *f, double z);

const char *vs_member_state_name(enum vs_member_state s);
const char *vs_cause_name(enum vs_cause c);
const char *vs_block_name(enum vs_block b);

#endif

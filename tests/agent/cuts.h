/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/cuts.h - what a charger does, cut at every operation of it, and
 * what must be true of it then.
 *
 * A scenario runs once and is recorded (storage_model.h).  Then its power goes
 * before, in the midst of and after each write, flush, rename and counter; the
 * loader's own code starts what survived, and a fresh agent goes on to the
 * end.  At each start: a slot verifies and starts, whole, of one release,
 * never below the floor; the floor is never above what is confirmed; at the
 * end, within so many boots, all is as without a cut, and what the charger
 * had noted for the server was heard.
 */
#ifndef VS_TESTS_AGENT_CUTS_H
#define VS_TESTS_AGENT_CUTS_H

#include "tests/agent/life.h"
#include "tests/agent/specimens.h"
#include "tests/agent/storage_model.h"

#define RELEASES 5 /* from 1 on; 0 is none */

/* What stands ready before a scenario, made once. */
struct stage {
	struct maker maker;
	struct server server;
	struct made gateway[RELEASES], controller[RELEASES];
	bool on_gateway;    /* storage and loader are gateway.h's */
	enum specimen kind; /* of the images of releases 2 and 3 */
	unsigned boots;     /* since the last cut */
};
extern struct stage stage;

struct scenario {
	const char *name;
	void (*prepare)(void); /* up to where the recording begins */
	void (*run)(void);     /* from any cut of it to the end; asserts */
	unsigned boots_max;
	bool on_gateway;
	enum specimen kind; /* of its images; NONE: they are noise */
};
extern const struct scenario scenarios[];
extern const size_t scenario_count;

void stage_make(void);
void stage_drop(void);

/* Starts the loader once, and judges what it chose. */
struct vs_boot_decision stage_boot(enum vs_reset_cause cause);
/* Lives with the agent until done. */
void stage_live(bool (*done)(const struct vs_agent *a), int sick);
/* A footer is written last: what it speaks of stands there whole. */
void stage_check_footers(void);
/* What slots must hold, and floors be, at the end; release 0: anything. */
void stage_check(int slot, int gateway, int controller, uint32_t floor);
/* From now on the server has deltas from 2 to 3, which it may have spoilt. */
void stage_deltas(bool lying);
void stage_drop_deltas(void);
size_t stage_deltas_len(void); /* of both together */
/* Whether the gateway's is in units: its file system is one that is known. */
bool stage_delta_in_units(void);
/* Releases 2 and 3 are images of stage.kind, and of the controller's, until
 * they are given back.
 */
void stage_take(void);
void stage_give_back(void);
/* Of release 1 and 2 the floor is 1; of 3, 2; of 4, 3. */
uint32_t stage_security(int release);
/* A charger that runs 2, and release 3 in files beside it. */
void stage_stick(void);
/* voltseal-agent install --arm of these; gives its exit code. */
int stage_install(void);
/* "charger/slot-a/gateway", wherever that is. */
const char *stage_slot(int component, int slot, char out[static 64]);

struct tally {
	uint64_t points;  /* operations, before, within and after */
	uint64_t cuts;    /* disks that survived */
	uint64_t skipped; /* of them, like another one */
};

enum how_deep {
	CUT_ONCE,
	CUT_TWICE,  /* each cut's recovery is cut at each point too */
	CUT_THRICE, /* at 200 random triples */
};

/* Cuts a scenario; seed chooses what survives.  Asserts. */
void cuts_make(const struct scenario *s, enum how_deep deep, uint64_t seed,
               struct tally *tally);
/* After one that failed. */
void cuts_end(void);
/* The cut at hand, for a person; "" if there is none. */
extern char cuts_where[1024];

#endif

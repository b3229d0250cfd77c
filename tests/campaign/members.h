/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/campaign/members.h - eight chargers in a campaign, for the tests.
 */
#ifndef VS_TESTS_CAMPAIGN_MEMBERS_H
#define VS_TESTS_CAMPAIGN_MEMBERS_H

#include "campaign/run.h"

#define MEMBERS 8

extern const struct vs_plan usual;

/* Chargers of one grid; device i is the member at place i. */
struct members {
	struct vs_plan plan;
	const char *site[MEMBERS], *feeder[MEMBERS];
	uint16_t fits[MEMBERS];
	struct vs_zone_change offset;
	struct vs_zone zone;
	struct vs_grid grid;
	struct vs_run run;
};
extern struct members w;

const char *id_of(void *ctx, uint32_t device);
/* Sites "S" and no feeders, to be changed before begin(); fresh(): both. */
void prepare(const struct vs_plan *p);
void begin(void);
void fresh(const struct vs_plan *p);
/* A test's teardown. */
int finish(void **state);

void set(size_t from, size_t to, enum vs_member_state state, uint32_t since_s);
void report(size_t place, bool healthy, uint64_t time_s);
/* Lets time pass, as whoever keeps a campaign does. */
void step(uint64_t now_s);
/* step(), and how many may start then. */
size_t startable(uint64_t now_s);
void happen(size_t place, enum vs_cause cause, uint64_t now_s);
enum vs_member_state state_of(size_t place);

#define T(name) cmocka_unit_test_teardown(name, finish)

#endif

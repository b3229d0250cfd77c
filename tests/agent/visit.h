/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/visit.h - a charger on release 2 that has seen an honest server
 * once, and is about to see it, or another one, again.
 *
 * One charger at a time, in `visit`; each test has a fresh one.
 */
#ifndef VS_TESTS_AGENT_VISIT_H
#define VS_TESTS_AGENT_VISIT_H

#include "tests/agent/life.h"
#include "tests/agent/power.h"

#define VISIT_GATEWAY_LEN ((size_t)VS_CLUSTER_LEN + 5000)
#define VISIT_CONTROLLER_LEN 9000

struct visit {
	struct maker maker;
	struct server server;
	struct made gateway_1, gateway_2, gateway_3, controller_2;
	struct life life;
};

extern struct visit visit;

/* For a group of tests, and for each of them. */
int visit_setup(void **state);
int visit_teardown(void **state);
int visit_begin(void **state);
int visit_end(void **state);

/* One look, and its reports. */
void visit_look(void);
/* The agent starts anew, over what it has stored. */
void visit_restart(void);

/* A look that is refused for this reason, said so to the server, and nothing
 * is begun.
 */
void visit_must_refuse(vs_reason reason, const char *about);
/* Offers release 3 honestly: it is taken and written, in one look. */
void visit_must_go_on(void);
/* Whether the last look was refused for this reason about this. */
bool visit_was_refused(vs_reason reason, const char *about);

#endif

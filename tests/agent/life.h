/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/life.h - a charger's lives, from one power-on to the next.
 *
 * Loader and agent are the real code, in one process; only the server is in
 * memory (server.h), and time passes without waiting (power.h).
 */
#ifndef VS_TESTS_AGENT_LIFE_H
#define VS_TESTS_AGENT_LIFE_H

#include "agent/run/agent.h"
#include "tests/agent/server.h"

/* When the agent was made: a while before the tests are played. */
#define LIFE_BUILT (NOW - 100 * DAY)

struct life {
	struct maker *maker;
	struct server *server;
	struct vs_agent *agent; /* owned */
	/* Whether there is nothing left to wait for. */
	bool (*done)(const struct vs_agent *a);
	int sick; /* a slot whose image shows no health; -1: none */
	bool stuck;
	/* Plays the loader; NULL: life_boot() */
	void (*boot)(enum vs_reset_cause cause);
};

/* An agent.conf with short times, and a charger program that is idle. */
void life_configure(const struct maker *m);

/* Plays the loader, once: decides, checks what may never happen, writes
 * decision.json.  Gives what it chose.
 */
struct vs_boot_decision life_boot(const struct maker *m,
                                  enum vs_reset_cause cause);

/* Powers the charger on: boots, runs the agent, boots again when it asks for
 * it, until done.  False if that takes minutes.
 */
bool life_run(struct life *l);

/* One look at the server by an agent that is started for it, and delivers
 * what it has to say.
 */
void life_look(struct life *l);
void life_open(struct life *l);
void life_close(struct life *l);

/* Whether a component's slot holds just this image, all its bytes. */
bool life_holds(const struct maker *m, const char *slot, const struct made *r);
/* The same of slot 'a' or 'b' of both components. */
bool life_holds_both(const struct maker *m, char slot,
                     const struct made *gateway, const struct made *controller);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/visit.c - the charger that looks at a server.
 */
#include "tests/agent/visit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/run/deliver.h"
#include "agent/run/update.h"

struct visit visit;

static bool never(const struct vs_agent *a)
{
	(void)a;
	return false;
}

int visit_setup(void **state)
{
	struct maker *m = &visit.maker;
	uint8_t *image = malloc(VISIT_GATEWAY_LEN);

	(void)state;
	assert_non_null(image);
	/* Nothing of this needs a disk. */
	maker_init_in(m, access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp");
	noise(image, VISIT_GATEWAY_LEN, 1);
	maker_seal(m, &visit.gateway_1, "gateway", 1, 1, image,
	           VISIT_GATEWAY_LEN);
	maker_seal(m, &visit.gateway_2, "gateway", 2, 1, image,
	           VISIT_GATEWAY_LEN);
	noise(image, VISIT_GATEWAY_LEN, 2);
	maker_seal(m, &visit.gateway_3, "gateway", 3, 1, image,
	           VISIT_GATEWAY_LEN);
	maker_seal(m, &visit.controller_2, "controller", 2, 1, image,
	           VISIT_CONTROLLER_LEN);
	free(image);
	return 0;
}

int visit_teardown(void **state)
{
	(void)state;
	made_drop(&visit.gateway_1);
	made_drop(&visit.gateway_2);
	made_drop(&visit.gateway_3);
	made_drop(&visit.controller_2);
	maker_drop(&visit.maker);
	return 0;
}

int visit_begin(void **state)
{
	struct server *s = &visit.server;

	(void)state;
	power_set_time(NOW);
	maker_charger(&visit.maker, &visit.gateway_2, &visit.controller_2, 1);
	server_init(s);
	server_provision(s, &visit.maker);
	server_offer(s, &visit.gateway_2, NULL);
	server_publish(s);
	life_configure(&visit.maker);
	visit.life = (struct life){
		.maker = &visit.maker, .server = s, .done = never, .sick = -1};
	life_look(&visit.life);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	assert_string_equal(s->heard->last.status, "Idle");
	return 0;
}

int visit_end(void **state)
{
	(void)state;
	life_close(&visit.life);
	server_drop(&visit.server);
	maker_scrap_charger(&visit.maker);
	return 0;
}

/* As if the time for it had come, after a failure too. */
void visit_look(void)
{
	visit.life.agent->retry_at = 0;
	vs_agent_poll(visit.life.agent);
	visit.life.agent->report_at = 0;
	vs_agent_deliver(visit.life.agent);
}

void visit_restart(void)
{
	life_close(&visit.life);
	life_open(&visit.life);
}

bool visit_was_refused(vs_reason reason, const char *about)
{
	const struct vs_outbox *o = &visit.life.agent->state.outbox;

	for (size_t i = 0; i < o->seen_count; i++)
		if (o->seen[i].reason == reason && !o->seen[i].settled &&
		    strcmp(o->seen[i].about, about) == 0)
			return true;
	return false;
}

void visit_must_refuse(vs_reason reason, const char *about)
{
	struct heard *heard = visit.server.heard;

	memset(heard->refused, 0, sizeof(heard->refused));
	visit_look();
	if (!heard->refused[reason])
		fail_msg("not refused as %s but %s", vs_reason_name(reason),
		         vs_reason_name(heard->last.reason));
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	if (!visit_was_refused(reason, about))
		fail_msg("nothing is said about %s", about);
}

void visit_must_go_on(void)
{
	struct server *s = &visit.server;

	server_offer(s, &visit.gateway_3, NULL);
	server_heal(s, s->heard->last.director_version);
	visit_look();
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_WAITING);
	assert_true(life_holds(&visit.maker, "charger/slot-b/gateway",
	                       &visit.gateway_3));
	assert_true(life_holds(&visit.maker, "charger/slot-b/controller",
	                       &visit.controller_2));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/requires_test.c - an image that requires another component is
 * installed beside one that is new enough, and refused before anything of it
 * is fetched beside any other.
 *
 * The charger runs gateway 1.2.0 and controller 1.2.0; offered is gateway
 * 1.3.0.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/run/deliver.h"
#include "agent/run/update.h"
#include "tests/agent/visit.h"

#define ABOUT "image/gateway/1.3.0.seal"
#define SLOT_B "charger/slot-b/gateway"

enum { GATEWAY, CONTROLLER };

static struct made controller_3;

static int group_set_up(void **state)
{
	uint8_t image[VISIT_CONTROLLER_LEN];

	visit_setup(state);
	noise(image, sizeof(image), 3);
	maker_seal(&visit.maker, &controller_3, "controller", 3, 1, image,
	           sizeof(image));
	return 0;
}

static int group_tear_down(void **state)
{
	made_drop(&controller_3);
	return visit_teardown(state);
}

static json_t *custom(struct repo *r)
{
	json_t *all = json_object_get(r->targets, "targets");
	json_t *entry = json_object_get(all, "gateway/1.3.0.seal");

	assert_non_null(entry);
	return json_object_get(entry, "custom");
}

/* Offers gateway 1.3.0, which requires this, and controller or NULL. */
static void offer(const char *component, const char *least,
                  const struct made *controller)
{
	server_offer(&visit.server, &visit.gateway_3, controller);
	json_object_set_new(custom(&visit.server.image), "requires",
	                    json_pack("{s:s}", component, least));
	server_publish(&visit.server);
}

static void must_be_taken(void)
{
	visit_look();
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_WAITING);
	assert_true(life_holds(&visit.maker, SLOT_B, &visit.gateway_3));
}

/* A record that is not written keeps its number. */
static uint32_t record_seq(void)
{
	struct vs_record record;

	assert_int_equal(
		vs_record_load(&visit.life.agent->charger.ops.record, &record),
		VS_OK);
	return record.seq;
}

/* One note says it, and it reaches the server in a signed report. */
static void must_be_refused(const char *detail)
{
	const struct vs_outbox *o = &visit.life.agent->state.outbox;
	uint32_t before = record_seq();

	vs_agent_poll(visit.life.agent);
	assert_int_equal(o->count, 1);
	assert_int_equal(o->notes[0].reason, VS_REASON_REQUIRES_UNMET);
	assert_string_equal(o->notes[0].about, ABOUT);
	assert_string_equal(o->notes[0].detail, detail);
	assert_string_equal(o->notes[0].phase, "Idle");
	visit.life.agent->report_at = 0;
	vs_agent_deliver(visit.life.agent);
	assert_int_equal(o->count, 0);
	assert_true(visit.server.heard->refused[VS_REASON_REQUIRES_UNMET]);
	assert_int_equal(record_seq(), before);
	assert_int_equal(visit.server.heard->pack_bytes, 0);
	assert_false(life_holds(&visit.maker, SLOT_B, &visit.gateway_3));
	assert_false(visit.server.heard->bad);
}

/* S0.23 S0.25 A8 */
static void a_component_that_is_too_old_is_refused_and_told(void **state)
{
	(void)state;
	offer("controller", "1.2.1", NULL);
	must_be_refused("requires controller 1.2.1, has 1.2.0");
	visit_must_go_on();
}

/* The seal would be refused for its bytes, if it was fetched. */
static void it_is_refused_before_anything_is_fetched(void **state)
{
	struct vs_agent *a = visit.life.agent;

	(void)state;
	offer("controller", "1.2.1", NULL);
	visit.gateway_3.seal[600] ^= 1;
	vs_agent_poll(a);
	visit.gateway_3.seal[600] ^= 1;
	assert_int_equal(a->state.outbox.count, 1);
	assert_int_equal(a->state.outbox.notes[0].reason,
	                 VS_REASON_REQUIRES_UNMET);
	visit_must_go_on();
}

static void a_refusal_that_repeats_is_told_once(void **state)
{
	uint64_t reports;

	(void)state;
	offer("controller", "1.2.1", NULL);
	must_be_refused("requires controller 1.2.1, has 1.2.0");
	reports = visit.server.heard->reports;
	vs_agent_poll(visit.life.agent);
	assert_int_equal(visit.life.agent->state.outbox.count, 0);
	assert_int_equal(visit.server.heard->reports, reports);
}

static void a_component_that_is_new_enough_lets_it_in(void **state)
{
	(void)state;
	offer("controller", "1.2", NULL);
	must_be_taken();
}

static void what_comes_with_it_counts(void **state)
{
	(void)state;
	offer("controller", "1.3.0", &controller_3);
	must_be_taken();
	assert_true(life_holds(&visit.maker, "charger/slot-b/controller",
	                       &controller_3));
}

static void what_comes_with_it_counts_and_not_what_runs(void **state)
{
	struct vs_told *t = &visit.life.agent->charger.told[CONTROLLER];

	(void)state;
	*t = (struct vs_told){.known = true, .version = "1.4.0"};
	offer("controller", "1.3.1", &controller_3);
	must_be_refused("requires controller 1.3.1, has 1.3.0");
}

static void a_component_this_charger_lacks_is_refused(void **state)
{
	(void)state;
	offer("safety", "0", NULL);
	must_be_refused("requires safety 0, has none");
	visit_must_go_on();
}

/* What it says itself, and not what the slot holds for it. */
static void a_controller_counts_with_what_it_says(void **state)
{
	struct vs_told *t = &visit.life.agent->charger.told[CONTROLLER];

	(void)state;
	*t = (struct vs_told){.known = true, .version = "1.1.0"};
	offer("controller", "1.2.0", NULL);
	must_be_refused("requires controller 1.2.0, has 1.1.0");
	*t = (struct vs_told){.known = true, .version = "1.3.0"};
	offer("controller", "1.2.1", NULL);
	must_be_taken();
}

/* In recovery. */
static void what_nothing_runs_of_is_refused(void **state)
{
	struct vs_charger *c = &visit.life.agent->charger;

	(void)state;
	c->running[CONTROLLER].header.version[0] = '\0';
	offer("controller", "0", NULL);
	must_be_refused("requires controller 0, has none");
}

/* Written, and not yet armed. */
static void what_waits_is_given_up_beside_an_older_component(void **state)
{
	struct vs_charger *c = &visit.life.agent->charger;

	(void)state;
	offer("controller", "1.2.0", NULL);
	must_be_taken();
	c->told[CONTROLLER] =
		(struct vs_told){.known = true, .version = "1.1.0"};
	visit_must_refuse(VS_REASON_REQUIRES_UNMET, ABOUT);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	c->told[CONTROLLER].known = false;
	must_be_taken();
}

/* A stolen director: it neither drops nor adds it. S3.12 */
static void a_director_that_says_what_is_required_is_refused(void **state)
{
	(void)state;
	offer("controller", "1.2.0", NULL);
	json_object_set_new(custom(&visit.server.director), "requires",
	                    json_pack("{s:s}", "controller", "1.2.0"));
	server_publish(&visit.server);
	visit_must_refuse(VS_REASON_CUSTOM_MISMATCH, ABOUT);
	visit_must_go_on();
}

#define EACH(test) cmocka_unit_test_setup_teardown(test, visit_begin, visit_end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		EACH(a_component_that_is_too_old_is_refused_and_told),
		EACH(it_is_refused_before_anything_is_fetched),
		EACH(a_refusal_that_repeats_is_told_once),
		EACH(a_component_that_is_new_enough_lets_it_in),
		EACH(what_comes_with_it_counts),
		EACH(what_comes_with_it_counts_and_not_what_runs),
		EACH(a_component_this_charger_lacks_is_refused),
		EACH(a_controller_counts_with_what_it_says),
		EACH(what_nothing_runs_of_is_refused),
		EACH(what_waits_is_given_up_beside_an_older_component),
		EACH(a_director_that_says_what_is_required_is_refused),
	};

	return cmocka_run_group_tests_name("agent requires", tests,
	                                   group_set_up, group_tear_down);
}

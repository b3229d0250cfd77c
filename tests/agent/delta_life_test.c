/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/delta_life_test.c - the whole agent and a server that has
 * deltas: what they cost of a month's data budget, and what it says of one
 * that it dropped.
 *
 * S0.31 S2.6
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "delta/head.h"
#include "tests/agent/delta_maker.h"
#include "tests/agent/specimens.h"
#include "tests/agent/visit.h"

#define NEXT_MONTH (NOW + 20 * DAY) /* what is signed is good for it */

static struct made from, to, noise_from, noise_to;
static uint8_t *delta; /* from from to to, or what a test made of it */
static size_t delta_len;
static char delta_name[2 * 64 + 2];

static const uint8_t *find(const char *name, size_t *len)
{
	*len = delta_len;
	return strcmp(name, delta_name) == 0 ? delta : NULL;
}

static void seal(struct made *out, uint64_t seq)
{
	struct bytes b = specimen_image(SPECIMEN_ZSTD, seq == 3);

	maker_seal(&visit.maker, out, "gateway", seq, 1, b.data, b.len);
	free(b.data);
}

static int setup(void **state)
{
	int failed = visit_setup(state);

	seal(&from, 2);
	seal(&to, 3);
	noise_from = visit.gateway_2;
	noise_to = visit.gateway_3;
	visit.gateway_2 = from;
	visit.gateway_3 = to;
	return failed;
}

static int teardown(void **state)
{
	made_drop(&noise_from);
	made_drop(&noise_to);
	return visit_teardown(state);
}

static int begin(void **state)
{
	char old_root[65], new_root[65];
	int failed = visit_begin(state);

	vs_hex_encode(from.opened.header.root_hash, VS_SHA256_LEN, old_root);
	vs_hex_encode(to.opened.header.root_hash, VS_SHA256_LEN, new_root);
	snprintf(delta_name, sizeof(delta_name), "%s-%s", old_root, new_root);
	delta = delta_make(&from, &to, &delta_len);
	visit.server.delta = find;
	return failed;
}

static int end(void **state)
{
	free(delta);
	return visit_end(state);
}

/* The charger's agent anew, with so much to fetch in a month, of which this
 * month has seen some.
 */
static void restart_with(uint64_t budget, uint64_t used)
{
	char path[PATH_MAX], line[64];
	uint8_t *text;
	size_t len;
	struct vs_buffer conf;

	assert_int_equal(vs_file_read(maker_path(&visit.maker,
	                                         "charger/agent.conf", path),
	                              65536, &text, &len),
	                 VS_OK);
	vs_buffer_init(&conf, 65536);
	snprintf(line, sizeof(line), "budget_bytes_month = %" PRIu64 "\n",
	         budget);
	assert_int_equal(vs_buffer_add(&conf, text, len), VS_OK);
	assert_int_equal(vs_buffer_add(&conf, line, strlen(line)), VS_OK);
	maker_put(&visit.maker, "charger/agent.conf", conf.data, conf.len);
	vs_buffer_drop(&conf);
	free(text);
	snprintf(line, sizeof(line), "2027-01 %" PRIu64 "\n", used);
	maker_put(&visit.maker, "charger/agent/budget", line, strlen(line));
	visit_restart();
}

static void offer(void)
{
	server_offer(&visit.server, &visit.gateway_3, NULL);
	server_heal(&visit.server, visit.server.heard->last.director_version);
}

static void assert_written(void)
{
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_WAITING);
	assert_true(life_holds(&visit.maker, "charger/slot-b/gateway", &to));
}

/* S2.6: what it takes of the month is what came of it. */
static void a_delta_counts_its_bytes(void **state)
{
	const struct heard *heard = visit.server.heard;

	(void)state;
	restart_with(1000000, 0);
	visit_must_go_on();
	assert_true(heard->delta_bytes > 0 && heard->delta_bytes <= delta_len);
	assert_int_equal(vs_budget_left(&visit.life.agent->budget),
	                 1000000 - heard->pack_bytes);
}

/* S2.6: half of one is of no use. */
static void a_delta_that_the_month_has_no_room_for_waits(void **state)
{
	const struct heard *heard = visit.server.heard;

	(void)state;
	restart_with(delta_len * 2, delta_len + 10);
	offer();
	visit_look();
	assert_int_equal(heard->pack_bytes, 0);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	assert_string_equal(visit.life.agent->outcome.detail,
	                    "the month's data budget is spent");
	power_set_time(NEXT_MONTH);
	visit_look();
	assert_written();
	assert_int_equal(heard->pack_bytes, heard->delta_bytes);
}

/* S2.6: what failed has cost what it cost; clusters wait for the next month,
 * and no delta is asked for then.
 */
static void a_delta_that_failed_buys_no_clusters_beyond_the_month(void **state)
{
	const struct heard *heard = visit.server.heard;
	uint64_t before;

	(void)state;
	restart_with(700000, 700000 - delta_len - 300);
	delta[delta_len / 2] ^= 1;
	offer();
	visit_look();
	before = heard->pack_bytes;
	assert_true(heard->delta_bytes > 0);
	assert_true(before < heard->delta_bytes + 300);
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_IDLE);
	assert_true(heard->refused[VS_REASON_NOT_ALLOWED]);
	assert_string_equal(visit.life.agent->outcome.detail,
	                    "the month's data budget is spent");
	power_set_time(NEXT_MONTH);
	visit_look();
	assert_written();
	assert_true(heard->delta_bytes < before);
	/* the index once more, and the cluster */
	assert_in_range(heard->pack_bytes - before, 60000, 80000);
}

/* Else no month would have room for it. */
static void a_delta_longer_than_any_month_is_as_none(void **state)
{
	const struct heard *heard = visit.server.heard;
	uint8_t *longer = calloc(1, 710000);

	(void)state;
	assert_non_null(longer);
	memcpy(longer, delta, delta_len);
	free(delta);
	delta = longer;
	delta_len = 710000;
	restart_with(700000, 0);
	visit_must_go_on();
	assert_int_equal(heard->delta_bytes, 0);
}

/* S2.6: while it waits for a gate each look costs metadata alone; another
 * release has another seal.
 */
static void a_seal_is_not_asked_for_twice(void **state)
{
	const struct server *s = &visit.server;

	(void)state;
	visit_must_go_on();
	assert_int_equal(s->seals_asked, 1);
	for (int i = 0; i < 3; i++)
		visit_look();
	assert_int_equal(visit.life.agent->state.phase, VS_PHASE_WAITING);
	assert_int_equal(s->seals_asked, 1);
	server_offer(&visit.server, &noise_to, NULL);
	server_heal(&visit.server, s->heard->last.director_version);
	visit_look();
	assert_int_equal(s->seals_asked, 2);
	visit_restart();
	visit_look();
	assert_int_equal(s->seals_asked, 3);
}

/* A note of this status and detail. */
static bool was_told(const char *status, const char *phase, const char *detail)
{
	struct vs_report r = {.campaign_seq = 3};

	snprintf(r.status, sizeof(r.status), "%s", status);
	snprintf(r.phase, sizeof(r.phase), "%s", phase);
	snprintf(r.detail, sizeof(r.detail), "%s", detail);
	return server_heard(server_note(&r));
}

/* S0.31: of who packs otherwise the server hears; of what went well, nothing.
 */
static void a_delta_that_was_dropped_is_reported_with_its_reason(void **state)
{
	static const char said[] = "a delta was dropped: other-packer: the "
				   "delta needs another version of the library "
				   "that packs; clusters instead";

	(void)state;
	visit_must_go_on();
	assert_int_equal(visit.server.heard->pack_bytes,
	                 visit.server.heard->delta_bytes);
	assert_true(was_told("Downloaded", "Checking", ""));
	visit_end(NULL);
	visit_begin(NULL);
	visit.server.delta = find;
	delta[96] ^= 1;
	visit_must_go_on();
	assert_true(was_told("Downloaded", "Checking", said));
	assert_false(was_told("Downloaded", "Checking", ""));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_delta_counts_its_bytes, begin,
	                                        end),
		cmocka_unit_test_setup_teardown(
			a_delta_that_the_month_has_no_room_for_waits, begin,
			end),
		cmocka_unit_test_setup_teardown(
			a_delta_that_failed_buys_no_clusters_beyond_the_month,
			begin, end),
		cmocka_unit_test_setup_teardown(
			a_delta_longer_than_any_month_is_as_none, begin, end),
		cmocka_unit_test_setup_teardown(a_seal_is_not_asked_for_twice,
	                                        begin, end),
		cmocka_unit_test_setup_teardown(
			a_delta_that_was_dropped_is_reported_with_its_reason,
			begin, end),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

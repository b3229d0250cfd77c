/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/lane_test.c - what may pass between disk and unpack: each
 * request in its phase, each answer to its question, and nothing after a
 * breach.
 *
 * S1.17
 */
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#include "agent/line/lane.h"

#define ANSWER_MS 200

static uint8_t frame[VS_LANE_FRAME_LEN], cluster[VS_LANE_CLUSTER_LEN];
static uint8_t out[VS_LANE_CLUSTER_LEN];
static int peer;

static void open_lane(struct vs_lane *l, enum vs_lane_phase phase)
{
	int pair[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair), 0);
	peer = pair[1];
	*l = (struct vs_lane){.fd = pair[0],
	                      .frame = frame,
	                      .cluster = cluster,
	                      .phase = phase,
	                      .answer_ms = ANSWER_MS};
}

static void close_lane(struct vs_lane *l)
{
	close(l->fd);
	if (peer >= 0)
		close(peer);
}

static void say(uint32_t what, uint32_t number, size_t len)
{
	const uint32_t words[4] = {what, number, 0, 0};

	assert_int_equal(send(peer, words, len, 0), len);
}

static void a_request_passes_in_its_phase_alone(void **state)
{
	unsigned passed = 0;

	(void)state;
	for (int from = VS_PARTY_DISK; from <= VS_PARTY_UNPACK; from++)
		for (uint32_t what = 0; what < 14; what++)
			for (int p = VS_LANE_STARTING; p <= VS_LANE_BROKEN;
			     p++) {
				enum vs_lane_phase phase =
					(enum vs_lane_phase)p;
				bool may = vs_request_pass((enum vs_party)from,
				                           what, &phase);

				passed += may;
				assert_true(may || phase == VS_LANE_BROKEN);
				/* Disk asks when nothing is open, unpack
				 * speaks only when asked. */
				assert_true(!may ||
				            (from == VS_PARTY_DISK) ==
				                    (p == VS_LANE_WAITING ||
				                     p == VS_LANE_APPLYING ||
				                     p == VS_LANE_HUNGRY));
			}
	assert_int_equal(passed, 14);
}

static void who_is_not_ready_in_its_words_is_not_asked(void **state)
{
	static const struct {
		uint32_t what, number;
		size_t len;
		vs_status status;
	} cases[] = {
		{VS_REQUEST_READY,   0, 8,  VS_OK    },
		{VS_REQUEST_READY,   1, 8,  VS_ERR_IO},
		{VS_REQUEST_READY,   0, 7,  VS_ERR_IO},
		{VS_REQUEST_READY,   0, 12, VS_ERR_IO},
		{VS_REQUEST_DECODED, 0, 8,  VS_ERR_IO},
		{VS_REQUEST_DECODE,  0, 8,  VS_ERR_IO},
		{0,                  0, 8,  VS_ERR_IO},
		{0,                  0, 0,  VS_ERR_IO},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_lane l;

		open_lane(&l, VS_LANE_STARTING);
		if (cases[i].len > 0)
			say(cases[i].what, cases[i].number, cases[i].len);
		assert_int_equal(vs_lane_start(&l), cases[i].status);
		assert_int_equal(l.phase, cases[i].status == VS_OK
		                                  ? VS_LANE_WAITING
		                                  : VS_LANE_BROKEN);
		close_lane(&l);
	}
}

static void an_answer_to_another_question_breaks_the_lane(void **state)
{
	static const struct {
		uint32_t what, number;
		size_t len;
		vs_status status;
		bool broken;
	} cases[] = {
		{VS_REQUEST_DECODED,       1, 8,  VS_OK,        false},
		{VS_REQUEST_NO_FRAME,      1, 8,  VS_ERR_INPUT, false},
		{VS_REQUEST_NO_MEMORY,     1, 8,  VS_ERR_NOMEM, false},
		{VS_REQUEST_DECODED,       0, 8,  VS_ERR_INPUT, true },
		{VS_REQUEST_DECODED,       2, 8,  VS_ERR_INPUT, true },
		{VS_REQUEST_READY,         1, 8,  VS_ERR_INPUT, true },
		{VS_REQUEST_DECODE,        1, 8,  VS_ERR_INPUT, true },
		{VS_REQUEST_NO_MEMORY + 1, 1, 8,  VS_ERR_INPUT, true },
		{VS_REQUEST_DECODED,       1, 4,  VS_ERR_INPUT, true },
		{VS_REQUEST_DECODED,       1, 12, VS_ERR_INPUT, true },
		{VS_REQUEST_DECODED,       1, 0,  VS_ERR_INPUT, true },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_lane l;
		struct vs_why why = {VS_REASON_NONE, NULL, 0};

		memset(cluster, 0x5a, sizeof(cluster));
		memset(out, 0, sizeof(out));
		open_lane(&l, VS_LANE_WAITING);
		if (cases[i].len > 0)
			say(cases[i].what, cases[i].number, cases[i].len);
		assert_int_equal(vs_lane_decode(&l, 100, out, 5000, &why),
		                 cases[i].status);
		assert_int_equal(l.phase == VS_LANE_BROKEN, cases[i].broken);
		assert_int_equal(out[4999] == 0x5a, cases[i].status == VS_OK);
		assert_int_equal(out[5000], 0);
		if (cases[i].status != VS_OK)
			assert_non_null(why.what);
		if (cases[i].broken) {
			say(VS_REQUEST_DECODED, 2, 8);
			assert_int_equal(
				vs_lane_decode(&l, 100, out, 5000, &why),
				VS_ERR_INPUT);
		}
		close_lane(&l);
	}
}

static vs_status no_feed(void *ctx, void *feed, size_t len, size_t *got)
{
	(void)ctx;
	(void)feed;
	(void)len;
	*got = 0;
	return VS_OK;
}

/* S0.31: why a delta goes no further is one of these, in disk's own words. */
static void a_delta_that_fails_says_which_way(void **state)
{
	static const struct {
		uint32_t what;
		vs_reason code;
		const char *text;
	} cases[] = {
		{VS_REQUEST_NO_FRAME,     VS_REASON_MALFORMED,
	         "the delta has no meaning here"                            },
		{VS_REQUEST_NO_MEMORY,    VS_REASON_MALFORMED,
	         "the delta asks for more memory than there is"             },
		{VS_REQUEST_OTHER_PACKER, VS_REASON_OTHER_PACKER,
	         "the delta needs another version of the library that packs"},
		{VS_REQUEST_UNREADABLE,   VS_REASON_UNREADABLE,
	         "the running slot cannot be read"                          },
		{VS_REQUEST_READY,        VS_REASON_MALFORMED,
	         "unpack answers what it was not asked"                     },
	};
	const struct vs_lane_feed feed = {NULL, no_feed};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct vs_lane l;
		struct vs_why why = {VS_REASON_NONE, "", 0};

		open_lane(&l, VS_LANE_WAITING);
		say(cases[i].what, 1, 8);
		assert_int_equal(vs_lane_apply(&l, 5000, &feed, &why),
		                 VS_ERR_INPUT);
		assert_int_equal(why.code, cases[i].code);
		assert_string_equal(why.what, cases[i].text);
		assert_int_equal(l.phase, VS_LANE_BROKEN);
		close_lane(&l);
		/* no such word where no delta is open */
		open_lane(&l, VS_LANE_WAITING);
		say(VS_REQUEST_OTHER_PACKER, 1, 8);
		assert_int_equal(vs_lane_decode(&l, 1, out, 1, NULL),
		                 VS_ERR_INPUT);
		assert_int_equal(l.phase, VS_LANE_BROKEN);
		close_lane(&l);
	}
}

/* Said twice, the second is the answer to what nobody has asked yet. */
static void an_answer_that_comes_twice_answers_nothing_more(void **state)
{
	struct vs_lane l;

	(void)state;
	open_lane(&l, VS_LANE_WAITING);
	say(VS_REQUEST_DECODED, 1, 8);
	say(VS_REQUEST_DECODED, 1, 8);
	assert_int_equal(vs_lane_decode(&l, 1, out, 1, NULL), VS_OK);
	assert_int_equal(vs_lane_decode(&l, 1, out, 1, NULL), VS_ERR_INPUT);
	assert_int_equal(l.phase, VS_LANE_BROKEN);
	close_lane(&l);
}

static void one_that_is_gone_fails_the_question(void **state)
{
	struct vs_lane l;
	struct vs_why why;

	(void)state;
	open_lane(&l, VS_LANE_WAITING);
	close(peer);
	peer = -1;
	assert_int_equal(vs_lane_decode(&l, 1, out, 1, &why), VS_ERR_INPUT);
	assert_string_equal(why.what, "unpack is gone");
	close_lane(&l);
}

static void no_question_is_longer_than_its_memory(void **state)
{
	struct vs_lane l;

	(void)state;
	open_lane(&l, VS_LANE_WAITING);
	assert_int_equal(
		vs_lane_decode(&l, VS_LANE_FRAME_LEN + 1, out, 1, NULL),
		VS_ERR_INPUT);
	assert_int_equal(
		vs_lane_decode(&l, 1, out, VS_LANE_CLUSTER_LEN + 1, NULL),
		VS_ERR_INPUT);
	close_lane(&l);
}

static unsigned asked;

static bool twice(void *ctx)
{
	(void)ctx;
	return ++asked < 2;
}

static void a_wait_ends_when_it_is_asked_to(void **state)
{
	struct vs_lane l;
	struct vs_why why;

	(void)state;
	open_lane(&l, VS_LANE_WAITING);
	l.answer_ms = 60000;
	l.go_on = twice;
	asked = 0;
	assert_int_equal(vs_lane_decode(&l, 1, out, 1, &why), VS_ERR_STATE);
	assert_int_equal(asked, 2);
	close_lane(&l);
}

/* Unpack's end: it is disk that asks, but a breach is a breach. */
static void unpack_answers_only_what_fits_its_memory(void **state)
{
	static const uint32_t questions[][4] = {
		{VS_REQUEST_DECODE,  1, VS_LANE_FRAME_LEN + 1, 1                      },
		{VS_REQUEST_DECODE,  1, 1,                     VS_LANE_CLUSTER_LEN + 1},
		{VS_REQUEST_DECODED, 1, 1,                     1                      },
		{VS_REQUEST_READY,   1, 1,                     1                      },
	};
	struct vs_pack_decoder *decoder;

	(void)state;
	assert_int_equal(vs_pack_decoder_new(&decoder), VS_OK);
	for (size_t i = 0; i < sizeof(questions) / sizeof(questions[0]); i++) {
		struct vs_lane l;

		open_lane(&l, VS_LANE_WAITING);
		assert_int_equal(send(peer, questions[i], 16, 0), 16);
		assert_int_equal(vs_lane_serve(l.fd, decoder, frame, cluster),
		                 VS_ERR_INPUT);
		close_lane(&l);
		open_lane(&l, VS_LANE_WAITING);
		assert_int_equal(send(peer, questions[i], 12, 0), 12);
		assert_int_equal(vs_lane_serve(l.fd, decoder, frame, cluster),
		                 VS_ERR_INPUT);
		close_lane(&l);
	}
	vs_pack_decoder_free(&decoder);
}

static void a_frame_becomes_its_cluster(void **state)
{
	struct vs_pack_decoder *decoder;
	struct vs_pack_encoder *encoder;
	uint32_t question[4] = {VS_REQUEST_DECODE, 1, 0, 5000};
	uint32_t words[2];
	struct vs_lane l;
	size_t len;

	(void)state;
	memset(out, 0x33, 5000);
	assert_int_equal(vs_pack_encoder_new(3, &encoder), VS_OK);
	assert_int_equal(vs_pack_encode(encoder, out, 5000, frame, &len),
	                 VS_OK);
	vs_pack_encoder_free(&encoder);
	assert_int_equal(vs_pack_decoder_new(&decoder), VS_OK);
	open_lane(&l, VS_LANE_WAITING);
	question[2] = (uint32_t)len;
	memset(cluster, 0, sizeof(cluster));
	assert_int_equal(send(peer, question, 16, 0), 16);
	question[1] = 2;
	question[3] = 4999;
	assert_int_equal(send(peer, question, 16, 0), 16);
	assert_int_equal(shutdown(peer, SHUT_WR), 0);
	assert_int_equal(vs_lane_serve(l.fd, decoder, frame, cluster), VS_OK);
	assert_memory_equal(cluster, out, 5000);
	assert_int_equal(recv(peer, words, 8, 0), 8);
	assert_int_equal(words[0], VS_REQUEST_READY);
	assert_int_equal(recv(peer, words, 8, 0), 8);
	assert_int_equal(words[0], VS_REQUEST_DECODED);
	assert_int_equal(words[1], 1);
	assert_int_equal(recv(peer, words, 8, 0), 8);
	assert_int_equal(words[0], VS_REQUEST_NO_FRAME);
	assert_int_equal(words[1], 2);
	close_lane(&l);
	vs_pack_decoder_free(&decoder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_passes_in_its_phase_alone),
		cmocka_unit_test(who_is_not_ready_in_its_words_is_not_asked),
		cmocka_unit_test(an_answer_to_another_question_breaks_the_lane),
		cmocka_unit_test(a_delta_that_fails_says_which_way),
		cmocka_unit_test(
			an_answer_that_comes_twice_answers_nothing_more),
		cmocka_unit_test(one_that_is_gone_fails_the_question),
		cmocka_unit_test(no_question_is_longer_than_its_memory),
		cmocka_unit_test(a_wait_ends_when_it_is_asked_to),
		cmocka_unit_test(unpack_answers_only_what_fits_its_memory),
		cmocka_unit_test(a_frame_becomes_its_cluster),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/policy_test.c - which witnesses make a quorum, and what is no
 * policy.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/policy.h"

enum { witness_count = 6 };

static struct log tree;
static struct signer witnesses[witness_count];
static char vkeys[witness_count][VS_VKEY_LEN], log_vkey[VS_VKEY_LEN];
static struct vs_tlog_policy policy;

static int group_set_up(void **state)
{
	(void)state;
	log_init(&tree, LOG_ORIGIN, 1);
	log_fill(&tree, 9, "entry");
	vs_vkey_encode(&tree.key.vkey, log_vkey);
	for (uint8_t i = 0; i < witness_count; i++) {
		char name[32];

		snprintf(name, sizeof name, "witness%u.example", i);
		witnesses[i] =
			signer_make(name, VS_NOTE_COSIGNER, (uint8_t)(20 + i));
		vs_vkey_encode(&witnesses[i].vkey, vkeys[i]);
	}
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	for (size_t i = 0; i < witness_count; i++)
		signer_drop(&witnesses[i]);
	log_drop(&tree);
	return 0;
}

/* L stands for the log's key, 0 to 5 for a witness's, after a "$". */
static struct vs_text expand(const char *text)
{
	struct vs_text t = text_make(1 << 18);

	for (; *text; text++) {
		if (*text != '$') {
			assert_int_equal(vs_text_add(&t, text, 1), VS_OK);
			continue;
		}
		text++;
		assert_int_equal(
			vs_text_string(&t, *text == 'L' ? log_vkey
		                                        : vkeys[*text - '0']),
			VS_OK);
	}
	return t;
}

static void load(const char *text)
{
	const struct vs_text t = expand(text);
	struct vs_why why;

	if (vs_tlog_policy_parse(t.at, t.len, &policy, &why))
		fail_msg("%s: %s", t.at + why.at, why.what);
}

/* A checkpoint cosigned by the witnesses whose bits are set. */
static struct vs_text cosigned(unsigned bits)
{
	struct vs_text t = text_make(8192);

	log_checkpoint(&tree, 9, &t);
	for (unsigned i = 0; i < witness_count; i++)
		if (bits >> i & 1)
			log_cosign(&t, &witnesses[i], 1700000000 + i);
	return t;
}

static vs_reason verdict(const struct vs_text *t)
{
	struct vs_tlog_valid valid;
	struct vs_why why = {0};

	return vs_tlog_policy_check(&policy, t->at, t->len, &valid, &why)
	               ? why.code
	               : VS_REASON_NONE;
}

#define TWO_LEVELS                                                             \
	"# X must be two of three, and Y any\n"                                \
	"log $L https://log.example/\n\n"                                      \
	"witness X1 $0\n  witness\tX2   $1  https://w.example/x2\n"            \
	"witness X3 $2\n"                                                      \
	"group X-witnesses 2 X1 X2 X3\n"                                       \
	"\t# Y\n"                                                              \
	"witness Y1 $3\nwitness Y2 $4\nwitness Y3 $5\n"                        \
	"group Y-witnesses any Y1 Y2 Y3\n"                                     \
	"group X-and-Y all X-witnesses Y-witnesses\n"                          \
	"quorum X-and-Y\n"

static void a_quorum_of_groups_counts_as_it_is_written(void **state)
{
	(void)state;
	load(TWO_LEVELS);
	assert_string_equal(policy.logs[0].url, "https://log.example/");
	assert_string_equal(policy.nodes[1].url, "https://w.example/x2");
	for (unsigned bits = 0; bits < 64; bits++) {
		const struct vs_text t = cosigned(bits);
		unsigned x = (bits & 1) + (bits >> 1 & 1) + (bits >> 2 & 1);
		bool enough = x >= 2 && bits >> 3;

		assert_int_equal(verdict(&t),
		                 enough ? VS_REASON_NONE : VS_REASON_WITNESSES);
	}
}

static void a_quorum_is_one_witness_or_none(void **state)
{
	const struct vs_text none = cosigned(0), first = cosigned(1),
			     second = cosigned(2);

	(void)state;
	load("log $L\nquorum none\n");
	assert_int_equal(verdict(&none), VS_REASON_NONE);
	load("log $L\nwitness a $0\nwitness b $1\nquorum b\n");
	assert_int_equal(verdict(&none), VS_REASON_WITNESSES);
	assert_int_equal(verdict(&first), VS_REASON_WITNESSES);
	assert_int_equal(verdict(&second), VS_REASON_NONE);
}

static void witnesses_and_their_latest_time_are_told(void **state)
{
	const struct vs_text t = cosigned(0x29);
	struct vs_tlog_valid valid;

	(void)state;
	load(TWO_LEVELS);
	assert_int_equal(
		vs_tlog_policy_check(&policy, t.at, t.len, &valid, NULL),
		VS_ERR_REFUSED);
	load("log $L\nwitness a $0\nwitness b $5\nquorum a\n");
	assert_int_equal(
		vs_tlog_policy_check(&policy, t.at, t.len, &valid, NULL),
		VS_OK);
	assert_int_equal(valid.witnesses, 2);
	assert_int_equal(valid.time_s, 1700000005);
	assert_int_equal(valid.checkpoint.head.size, 9);
	/* it is as signed without any of them */
	assert_int_equal(
		vs_tlog_policy_signed(&policy, t.at, t.len, &valid, NULL),
		VS_OK);
	assert_int_equal(valid.witnesses, 0);
}

/* One reason for each way to be wrong. */
static void each_wrong_checkpoint_has_its_own_reason(void **state)
{
	struct log other;
	struct vs_text t = text_make(8192);

	(void)state;
	load("log $L\nwitness a $0\nquorum a\n");
	log_init(&other, "other.example/seals", 1);
	log_fill(&other, 9, "entry");
	log_checkpoint(&other, 9, &t);
	assert_int_equal(verdict(&t), VS_REASON_WRONG_ORIGIN);
	log_drop(&other);

	log_init(&other, LOG_ORIGIN, 2); /* the origin, another key */
	log_fill(&other, 9, "entry");
	log_checkpoint(&other, 9, &t);
	assert_int_equal(verdict(&t), VS_REASON_UNKNOWN_KEY);
	log_drop(&other);

	t = cosigned(1);
	t.at[strlen(LOG_ORIGIN) + 1] = '8'; /* the size */
	assert_int_equal(verdict(&t), VS_REASON_BAD_SIGNATURE);

	t = cosigned(1);
	char *line = strstr(t.at, "witness0.example ");
	line[40] = line[40] == 'A' ? 'B' : 'A';
	assert_int_equal(verdict(&t), VS_REASON_BAD_SIGNATURE);

	t.len -= 1;
	assert_int_equal(verdict(&t), VS_REASON_MALFORMED);
}

/* One known witness lies: the note is refused, though others suffice. */
static void a_bad_line_of_a_known_witness_refuses_despite_a_quorum(void **state)
{
	struct vs_text t = cosigned(1);
	uint8_t stamped[VS_COSIGN_LEN] = {0};

	(void)state;
	load("log $L\nwitness a $0\nwitness b $1\nquorum a\n");
	assert_int_equal(verdict(&t), VS_REASON_NONE);
	assert_int_equal(vs_note_add_line(&t, &witnesses[1].vkey, stamped,
	                                  sizeof stamped),
	                 VS_OK);
	assert_int_equal(verdict(&t), VS_REASON_BAD_SIGNATURE);
}

static void a_log_may_have_two_keys(void **state)
{
	struct log old;
	char vkey[VS_VKEY_LEN];
	struct vs_text t = text_make(8192), text = text_make(8192);

	(void)state;
	log_init(&old, LOG_ORIGIN, 2);
	log_fill(&old, 9, "entry");
	vs_vkey_encode(&old.key.vkey, vkey);
	text.len = (size_t)snprintf(text.at, text.cap,
	                            "log %s\nlog %s\nquorum none\n", vkey,
	                            log_vkey);
	assert_int_equal(vs_tlog_policy_parse(text.at, text.len, &policy, NULL),
	                 VS_OK);
	log_checkpoint(&old, 9, &t);
	assert_int_equal(verdict(&t), VS_REASON_NONE);
	log_checkpoint(&tree, 9, &t);
	assert_int_equal(verdict(&t), VS_REASON_NONE);
	log_drop(&old);
}

static void what_is_no_policy_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"log $L\n",
		"quorum none\nquorum none\n",
		"quorum\n",
		"quorum none more\n",
		"quorum a\nwitness a $0\n",
		"quorum a\n",
		"quorum none",
		"log\nquorum none\n",
		"log $L u v\nquorum none\n",
		"log $L\nlog $L\nquorum none\n",
		"log $0\nquorum none\n",
		"log x\nquorum none\n",
		"logs $L\nquorum none\n",
		"witness a\nquorum none\n",
		"witness a $L\nquorum none\n",
		"witness none $0\nquorum none\n",
		"witness a $0\nwitness a $1\nquorum none\n",
		"witness a $0\nwitness b $0\nquorum none\n",
		"witness a $0 u v\nquorum none\n",
		"group g all\nquorum none\n",
		"group g any\nquorum none\n",
		"group g\nquorum none\n",
		"group g 1 a\nwitness a $0\nquorum none\n",
		"witness a $0\ngroup g 0 a\nquorum none\n",
		"witness a $0\ngroup g 2 a\nquorum none\n",
		"witness a $0\ngroup g 01 a\nquorum none\n",
		"witness a $0\ngroup g -1 a\nquorum none\n",
		"witness a $0\ngroup g most a\nquorum none\n",
		"witness a $0\ngroup g all a a\nquorum none\n",
		"witness a $0\ngroup g all g\nquorum none\n",
		"witness a $0\ngroup a all a\nquorum none\n",
		"witness a $0\ngroup g all none\nquorum none\n",
		"witness a $0\ngroup g all a\ngroup h all a\nquorum none\n",
		"quorum none\r\n",
		"# a comment with a \x01\nquorum none\n",
		"quorum none # a comment\n",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		const struct vs_text t = expand(bad[i]);

		if (vs_tlog_policy_parse(t.at ? t.at : "", t.len, &policy,
		                         NULL) != VS_ERR_INPUT)
			fail_msg("%s: read", bad[i]);
	}
}

static void a_key_of_another_type_is_unsupported(void **state)
{
	const struct vs_text log = expand("log $0\nquorum none\n"),
			     witness = expand("witness a $L\nquorum none\n");
	struct vs_why why;

	(void)state;
	assert_int_equal(vs_tlog_policy_parse(log.at, log.len, &policy, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_UNSUPPORTED);
	assert_int_equal(
		vs_tlog_policy_parse(witness.at, witness.len, &policy, &why),
		VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_UNSUPPORTED);
}

static void names_are_octets_and_nothing_more(void **state)
{
	(void)state;
	load("witness K $0\nwitness \xe2\x84\xaa $1\nwitness \xff $2\n"
	     "group # 2 K \xe2\x84\xaa \xff\nquorum #\n");
	assert_int_equal(policy.node_count, 4);
}

static void too_much_is_a_limit(void **state)
{
	struct vs_text t = text_make(1 << 20);
	struct vs_why why;

	(void)state;
	memset(t.at, '\n', VS_POLICY_LEN_MAX + 1);
	assert_int_equal(vs_tlog_policy_parse(t.at, VS_POLICY_LEN_MAX + 1,
	                                      &policy, &why),
	                 VS_ERR_LIMIT);
	t.len = 0;
	for (uint8_t i = 0; i <= VS_POLICY_NODES_MAX; i++) {
		struct signer s = signer_make("w", VS_NOTE_COSIGNER, i);
		char vkey[VS_VKEY_LEN], line[VS_VKEY_LEN + 32];

		vs_vkey_encode(&s.vkey, vkey);
		snprintf(line, sizeof line, "witness w%u %s\n", i, vkey);
		assert_int_equal(vs_text_string(&t, line), VS_OK);
		signer_drop(&s);
	}
	assert_int_equal(vs_tlog_policy_parse(t.at, t.len, &policy, &why),
	                 VS_ERR_LIMIT);
	assert_int_equal(why.code, VS_REASON_TOO_LARGE);
	assert_int_equal(policy.node_count, VS_POLICY_NODES_MAX);

	t.len = 0;
	for (uint8_t i = 0; i <= VS_POLICY_LOGS_MAX; i++) {
		struct signer s = signer_make("l", VS_NOTE_ED25519, i);
		char vkey[VS_VKEY_LEN];

		vs_vkey_encode(&s.vkey, vkey);
		assert_int_equal(vs_text_string(&t, "log "), VS_OK);
		assert_int_equal(vs_text_string(&t, vkey), VS_OK);
		assert_int_equal(vs_text_string(&t, "\n"), VS_OK);
		signer_drop(&s);
	}
	assert_int_equal(vs_tlog_policy_parse(t.at, t.len, &policy, &why),
	                 VS_ERR_LIMIT);
	assert_int_equal(policy.log_count, VS_POLICY_LOGS_MAX);
}

static void a_line_that_is_too_long_is_a_limit(void **state)
{
	struct vs_text words = expand("group g all"), url = expand("log $L ");
	struct vs_why why;

	(void)state;
	for (unsigned i = 0; i < VS_POLICY_NODES_MAX + 2; i++)
		assert_int_equal(vs_text_string(&words, " a"), VS_OK);
	assert_int_equal(vs_text_string(&words, "\n"), VS_OK);
	assert_int_equal(
		vs_tlog_policy_parse(words.at, words.len, &policy, &why),
		VS_ERR_LIMIT);
	for (unsigned i = 0; i < VS_POLICY_URL_LEN; i++)
		assert_int_equal(vs_text_string(&url, "u"), VS_OK);
	assert_int_equal(vs_text_string(&url, "\n"), VS_OK);
	assert_int_equal(vs_tlog_policy_parse(url.at, url.len, &policy, &why),
	                 VS_ERR_LIMIT);
	assert_int_equal(why.code, VS_REASON_TOO_LARGE);
}

static void what_is_wrong_is_told_with_its_line(void **state)
{
	const struct vs_text t = expand("quorum none \t\n\nlog x\n");
	struct vs_why why;

	(void)state;
	assert_int_equal(vs_tlog_policy_parse(t.at, t.len, &policy, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.at, strlen("quorum none \t\n\n"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_quorum_of_groups_counts_as_it_is_written),
		cmocka_unit_test(a_quorum_is_one_witness_or_none),
		cmocka_unit_test(witnesses_and_their_latest_time_are_told),
		cmocka_unit_test(each_wrong_checkpoint_has_its_own_reason),
		cmocka_unit_test(
			a_bad_line_of_a_known_witness_refuses_despite_a_quorum),
		cmocka_unit_test(a_log_may_have_two_keys),
		cmocka_unit_test(what_is_no_policy_is_refused),
		cmocka_unit_test(a_key_of_another_type_is_unsupported),
		cmocka_unit_test(names_are_octets_and_nothing_more),
		cmocka_unit_test(too_much_is_a_limit),
		cmocka_unit_test(a_line_that_is_too_long_is_a_limit),
		cmocka_unit_test(what_is_wrong_is_told_with_its_line),
	};

	return cmocka_run_group_tests_name("policy", tests, group_set_up,
	                                   group_tear_down);
}

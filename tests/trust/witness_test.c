/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/witness_test.c - what a witness signs, and what it answers to
 * the rest.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/witness.h"

static struct log tree, forked, foreign, other_key;
static struct vs_tlog_policy logs;

static int group_set_up(void **state)
{
	static char text[1024];
	char vkey[VS_VKEY_LEN];

	(void)state;
	log_init(&tree, LOG_ORIGIN, 1);
	log_init(&forked, LOG_ORIGIN, 1);
	log_init(&foreign, "foreign.example", 3);
	log_init(&other_key, LOG_ORIGIN, 4);
	log_fill(&tree, 20, "entry");
	log_fill(&forked, 6, "entry");
	log_fill(&forked, 14, "other");
	log_fill(&foreign, 20, "entry");
	log_fill(&other_key, 20, "entry");
	vs_vkey_encode(&tree.key.vkey, vkey);
	snprintf(text, sizeof text, "log %s\nquorum none\n", vkey);
	assert_int_equal(vs_tlog_policy_parse(text, strlen(text), &logs, NULL),
	                 VS_OK);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	log_drop(&tree);
	log_drop(&forked);
	log_drop(&foreign);
	log_drop(&other_key);
	return 0;
}

/* A request to go from old to size, proven by l's own tree. */
static struct vs_text request(struct log *l, uint64_t old, uint64_t size)
{
	const struct vs_merkle_source source = log_source(l);
	struct vs_text c = text_make(4096), t = text_make(8192);
	struct vs_witness_request r = {.old_size = old};

	log_checkpoint(l, size, &c);
	r.checkpoint = (struct vs_span){c.at, c.len};
	if (old <= size)
		assert_int_equal(
			vs_merkle_connect(&source, old, size, &r.proof), VS_OK);
	assert_int_equal(vs_witness_encode(&r, &t), VS_OK);
	return t;
}

static enum vs_witness_answer answer(const struct vs_text *t, uint64_t kept,
                                     vs_reason *reason)
{
	const struct vs_merkle_head last = log_head(&tree, kept);
	struct vs_witness_request r;
	struct vs_tlog_valid valid;
	struct vs_why why = {0};
	enum vs_witness_answer a =
		vs_witness_open(&logs, t->at, t->len, &r, &valid, &why);

	if (a == VS_WITNESS_COSIGN)
		a = vs_witness_judge(&r, &valid.checkpoint.head, &last, &why);
	*reason = why.code;
	return a;
}

static void every_step_forward_is_cosigned(void **state)
{
	vs_reason reason;

	(void)state;
	for (uint64_t kept = 0; kept <= 20; kept++) {
		for (uint64_t size = kept; size <= 20; size++) {
			const struct vs_text t = request(&tree, kept, size);

			assert_int_equal(answer(&t, kept, &reason),
			                 VS_WITNESS_COSIGN);
		}
	}
}

static void each_refusal_has_its_answer(void **state)
{
	const struct {
		struct vs_text request;
		uint64_t kept;
		enum vs_witness_answer answer;
		vs_reason reason;
	} rows[] = {
		{request(&foreign,   0, 5),  0, VS_WITNESS_UNKNOWN,
	         VS_REASON_WRONG_ORIGIN},
		{request(&other_key, 0, 5),  0, VS_WITNESS_FORBIDDEN,
	         VS_REASON_UNKNOWN_KEY },
		{request(&tree,      5, 9),  7, VS_WITNESS_CONFLICT,
	         VS_REASON_CONFLICT    },
		{request(&tree,      0, 9),  7, VS_WITNESS_CONFLICT,
	         VS_REASON_CONFLICT    },
 /* back: the old size is true, the checkpoint is smaller */
		{request(&tree,      9, 5),  9, VS_WITNESS_MALFORMED,
	         VS_REASON_MALFORMED   },
		{request(&tree,      5, 5),  9, VS_WITNESS_CONFLICT,
	         VS_REASON_CONFLICT    },
 /* a fork: larger, and of one size */
		{request(&forked,    9, 12), 9, VS_WITNESS_INCONSISTENT,
	         VS_REASON_LOG_FORKED  },
		{request(&forked,    9, 9),  9, VS_WITNESS_CONFLICT,
	         VS_REASON_LOG_FORKED  },
	};
	vs_reason reason;

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(
			answer(&rows[i].request, rows[i].kept, &reason),
			rows[i].answer);
		assert_string_equal(vs_reason_name(reason),
		                    vs_reason_name(rows[i].reason));
	}
}

static void a_bad_signature_is_forbidden(void **state)
{
	struct vs_text t = request(&tree, 0, 5);
	vs_reason reason;

	(void)state;
	*strstr(t.at, "\n5\n") = '\n';
	strstr(t.at, "\n5\n")[1] = '6';
	assert_int_equal(answer(&t, 0, &reason), VS_WITNESS_FORBIDDEN);
	assert_int_equal(reason, VS_REASON_BAD_SIGNATURE);
}

static void a_proof_where_none_belongs_is_refused(void **state)
{
	const struct vs_text honest = request(&tree, 3, 9);
	struct vs_text t = text_make(8192);
	vs_reason reason;

	(void)state;
	/* from size 0; and from a size to itself */
	assert_int_equal(vs_text_string(&t, "old 0"), VS_OK);
	assert_int_equal(vs_text_string(&t, honest.at + 5), VS_OK);
	assert_int_equal(answer(&t, 0, &reason), VS_WITNESS_INCONSISTENT);
	t = text_make(8192);
	assert_int_equal(vs_text_string(&t, "old 9"), VS_OK);
	assert_int_equal(vs_text_string(&t, honest.at + 5), VS_OK);
	assert_int_equal(answer(&t, 9, &reason), VS_WITNESS_INCONSISTENT);
}

static void an_empty_tree_has_one_root(void **state)
{
	struct vs_checkpoint c = {.origin = LOG_ORIGIN};
	struct vs_text t = text_make(4096);
	uint8_t sig[VS_NOTE_SIG_LEN];
	vs_reason reason;
	size_t head;

	(void)state;
	assert_int_equal(vs_text_string(&t, "old 0\n\n"), VS_OK);
	head = t.len;
	assert_int_equal(vs_checkpoint_encode(&c, &t), VS_OK);
	assert_int_equal(signer_sign(&tree.key, t.at + head, t.len - head, sig),
	                 VS_OK);
	assert_int_equal(vs_text_string(&t, "\n"), VS_OK);
	assert_int_equal(vs_note_add_line(&t, &tree.key.vkey, sig, sizeof sig),
	                 VS_OK);
	assert_int_equal(answer(&t, 0, &reason), VS_WITNESS_INCONSISTENT);
	assert_int_equal(reason, VS_REASON_LOG_FORKED);
}

static void what_is_no_request_is_malformed(void **state)
{
	static const char *const bad[] = {
		"",
		"old\n\nx",
		"old 01\n\nx",
		"old -1\n\nx",
		"old 1",
		"old 1\nnot a hash\n\nx",
		"old 1\n\n",
		"new 1\n\nx",
		"old 0\n\nno note",
	};
	struct vs_text t;
	vs_reason reason;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		t = text_make(256);
		assert_int_equal(vs_text_string(&t, bad[i]), VS_OK);
		assert_int_equal(answer(&t, 0, &reason), VS_WITNESS_MALFORMED);
	}
	t = text_make(VS_WITNESS_REQUEST_MAX + 2);
	memset(t.at, 'a', VS_WITNESS_REQUEST_MAX + 1);
	t.len = VS_WITNESS_REQUEST_MAX + 1;
	assert_int_equal(answer(&t, 0, &reason), VS_WITNESS_MALFORMED);
	assert_int_equal(reason, VS_REASON_TOO_LARGE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_forward_is_cosigned),
		cmocka_unit_test(each_refusal_has_its_answer),
		cmocka_unit_test(a_bad_signature_is_forbidden),
		cmocka_unit_test(a_proof_where_none_belongs_is_refused),
		cmocka_unit_test(an_empty_tree_has_one_root),
		cmocka_unit_test(what_is_no_request_is_malformed),
	};

	return cmocka_run_group_tests_name("witness", tests, group_set_up,
	                                   group_tear_down);
}

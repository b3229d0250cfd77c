/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/checkpoint_test.c - checkpoints of other people's logs, and
 * what a checkpoint may be to the one before it.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/checkpoint.h"

#define TESSERA                                                                \
	"example.com/log/testdata+33d7b496+"                                   \
	"AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx"
#define ROOT "rKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383cs="
#define SIGNED                                                                 \
	"— example.com/log/testdata M9e0luh4jTG+UMBqOUo9/q+yAEvx1ilBEniMvj"  \
	"f1zfcBOhg+CKubMt53MvIt/uEWP6zdkdIQzd/fmwlM/dlPWF74ewI=\n"
#define CHECKPOINT "example.com/log/testdata\n15\n" ROOT "\n\n" SIGNED

static struct vs_vkey tessera(void)
{
	struct vs_vkey key;

	assert_int_equal(vs_vkey_parse(TESSERA, strlen(TESSERA), &key, NULL),
	                 VS_OK);
	return key;
}

static vs_status open_text(const char *text, struct vs_checkpoint *out,
                           struct vs_why *why)
{
	const struct vs_vkey key = tessera();
	struct vs_note note;

	return vs_checkpoint_open(text, strlen(text), &key, &note, out, why);
}

static void a_checkpoint_of_another_log_implementation_is_read(void **state)
{
	struct vs_checkpoint c;
	struct vs_text t = text_make(VS_CHECKPOINT_TEXT_LEN);
	struct vs_why why;

	(void)state;
	if (open_text(CHECKPOINT, &c, &why))
		fail_msg("%s", why.what);
	assert_string_equal(c.origin, "example.com/log/testdata");
	assert_int_equal(c.head.size, 15);
	assert_int_equal(vs_checkpoint_encode(&c, &t), VS_OK);
	assert_string_equal(t.at, "example.com/log/testdata\n15\n" ROOT "\n");
}

static void what_is_no_checkpoint_is_refused(void **state)
{
	static const char *const bad[] = {
		"\n15\n" ROOT "\n",
		"o\n15\n",
		"o\n15\n\n",
		"o\n015\n" ROOT "\n",
		"o\n-15\n" ROOT "\n",
		"o\n\n" ROOT "\n",
		"o\n15 \n" ROOT "\n",
		"o\n18446744073709551615\n" ROOT "\n",
		"o\n15\n" ROOT "A\n",
		"o\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383c==\n",
		"o\n15\nrKbDipCvhuX1GZ7g5BBe8sA6BbJ7ja/1nk427v383ct=\n",
		"o\n15\n" ROOT "\n\nmore\n",
		"o\n",
	};
	struct vs_checkpoint c;
	struct vs_text t = text_make(4096);
	struct vs_note note;
	struct vs_why why;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		t.len = 0;
		assert_int_equal(vs_text_string(&t, bad[i]), VS_OK);
		assert_int_equal(vs_text_string(&t, "\n— a AAAAAAAA\n"), VS_OK);
		assert_int_equal(vs_note_parse(t.at, t.len, &note, &why),
		                 VS_OK);
		if (vs_checkpoint_parse(&note, &c, &why) != VS_ERR_INPUT)
			fail_msg("%s: read", bad[i]);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
	}
}

static void lines_after_the_root_mean_nothing_but_are_signed(void **state)
{
	struct signer s = signer_make("o", VS_NOTE_ED25519, 3);
	static const char text[] = "o\n15\n" ROOT "\nmore\nand more\n";
	struct vs_text t = text_make(4096);
	uint8_t sig[VS_NOTE_SIG_LEN];
	struct vs_checkpoint c;
	struct vs_note note;
	struct vs_why why;

	(void)state;
	assert_int_equal(signer_sign(&s, text, strlen(text), sig), VS_OK);
	assert_int_equal(vs_text_string(&t, text), VS_OK);
	assert_int_equal(vs_text_string(&t, "\n"), VS_OK);
	assert_int_equal(vs_note_add_line(&t, &s.vkey, sig, sizeof sig), VS_OK);
	assert_int_equal(
		vs_checkpoint_open(t.at, t.len, &s.vkey, &note, &c, NULL),
		VS_OK);
	*strstr(t.at, "more") = 'M';
	assert_int_equal(
		vs_checkpoint_open(t.at, t.len, &s.vkey, &note, &c, &why),
		VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_BAD_SIGNATURE);
	signer_drop(&s);
}

static void each_wrong_signer_has_its_own_reason(void **state)
{
	static const struct {
		const char *text;
		vs_reason code;
	} rows[] = {
		{"example.com/log/other\n15\n" ROOT "\n\n" SIGNED,
	         VS_REASON_WRONG_ORIGIN },
		{"example.com/log/testdata\n15\n" ROOT "\n\n— a AAAAAAAA\n",
	         VS_REASON_UNKNOWN_KEY  },
		{"example.com/log/testdata\n16\n" ROOT "\n\n" SIGNED,
	         VS_REASON_BAD_SIGNATURE},
	};
	struct vs_checkpoint c;
	struct vs_why why;

	(void)state;
	assert_int_equal(open_text("no note", &c, &why), VS_ERR_INPUT);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		assert_int_equal(open_text(rows[i].text, &c, &why),
		                 VS_ERR_REFUSED);
		assert_string_equal(vs_reason_name(why.code),
		                    vs_reason_name(rows[i].code));
	}
}

static struct log tree, fork_tree;

static struct vs_checkpoint_seen seen(struct log *l, uint64_t size,
                                      uint64_t time_s)
{
	return (struct vs_checkpoint_seen){log_head(l, size), time_s};
}

/* What a newer checkpoint is to an older one, with a proof of the log l. */
static vs_reason relation(const struct vs_checkpoint_seen *older,
                          const struct vs_checkpoint_seen *newer, struct log *l)
{
	uint64_t a = older->head.size, b = newer->head.size;
	struct vs_merkle_proof proof;
	struct vs_why why = {0};
	vs_status status;

	if (l) {
		const struct vs_merkle_source source = log_source(l);

		assert_int_equal(vs_merkle_connect(&source, a < b ? a : b,
		                                   a < b ? b : a, &proof),
		                 VS_OK);
	}
	status = vs_checkpoint_follows(older, newer, l ? &proof : NULL, &why);
	assert_int_equal(status, why.code == VS_REASON_LOG_GAP ? VS_ERR_ABSENT
	                         : why.code                    ? VS_ERR_REFUSED
	                                                       : VS_OK);
	return why.code;
}

static void a_newer_checkpoint_continues_or_says_what_is_wrong(void **state)
{
	struct vs_checkpoint_seen at0, at5, at9, fork5, fork9, late5;

	(void)state;
	log_init(&tree, LOG_ORIGIN, 1);
	log_init(&fork_tree, LOG_ORIGIN, 1);
	log_fill(&tree, 9, "entry");
	log_fill(&fork_tree, 4, "entry");
	log_fill(&fork_tree, 5, "other");
	at0 = seen(&tree, 0, 0);
	at5 = seen(&tree, 5, 100);
	at9 = seen(&tree, 9, 200);
	fork5 = seen(&fork_tree, 5, 300);
	fork9 = seen(&fork_tree, 9, 300);
	late5 = seen(&tree, 5, 201);

	assert_int_equal(relation(&at5, &at9, &tree), VS_REASON_NONE);
	assert_int_equal(relation(&at5, &at5, NULL), VS_REASON_NONE);
	assert_int_equal(relation(&at0, &at9, NULL), VS_REASON_NONE);
	assert_int_equal(relation(&at5, &at9, NULL), VS_REASON_LOG_GAP);
	/* a split view: of one size, and of a larger one */
	assert_int_equal(relation(&at5, &fork5, NULL), VS_REASON_LOG_FORKED);
	assert_int_equal(relation(&at5, &fork9, &fork_tree),
	                 VS_REASON_LOG_FORKED);
	assert_int_equal(relation(&at5, &fork9, &tree), VS_REASON_LOG_FORKED);
	/* backwards: an old copy, a log that was cut, a split view again */
	assert_int_equal(relation(&at9, &at5, NULL), VS_REASON_LOG_REPLAYED);
	assert_int_equal(relation(&at9, &at5, &tree), VS_REASON_LOG_REPLAYED);
	assert_int_equal(relation(&at9, &late5, NULL), VS_REASON_LOG_TRUNCATED);
	assert_int_equal(relation(&at9, &late5, &tree),
	                 VS_REASON_LOG_TRUNCATED);
	assert_int_equal(relation(&at9, &fork5, &tree), VS_REASON_LOG_FORKED);
	assert_int_equal(relation(&at9, &at0, &tree), VS_REASON_LOG_REPLAYED);
	log_drop(&tree);
	log_drop(&fork_tree);
}

static void third_party_checkpoints_are_verified(void **state)
{
	const struct vs_vkey key = tessera();
	const char *dir = vectors();

	(void)state;
	for (unsigned i = 0; i <= 15; i++) {
		char name[64];
		struct vs_checkpoint c;
		struct vs_note note;
		struct vs_why why;
		size_t len;

		snprintf(name, sizeof name, "tlog-log/checkpoint.%u", i);
		char *text = slurp(dir, name, &len);
		if (vs_checkpoint_open(text, len, &key, &note, &c, &why))
			fail_msg("%s: %s", name, why.what);
		assert_int_equal(c.head.size, i);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_checkpoint_of_another_log_implementation_is_read),
		cmocka_unit_test(what_is_no_checkpoint_is_refused),
		cmocka_unit_test(
			lines_after_the_root_mean_nothing_but_are_signed),
		cmocka_unit_test(each_wrong_signer_has_its_own_reason),
		cmocka_unit_test(
			a_newer_checkpoint_continues_or_says_what_is_wrong),
		cmocka_unit_test(third_party_checkpoints_are_verified),
	};

	without_vectors();
	return cmocka_run_group_tests_name("checkpoint", tests, NULL, NULL);
}

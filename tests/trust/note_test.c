/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/note_test.c - signed notes of other people's tools, and what
 * is no note.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/note.h"

/* The note and keys of golang.org/x/mod/sumdb/note. */
#define PETER                                                                  \
	"PeterNeumann+c74f20a3+"                                               \
	"ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
#define TEXT                                                                   \
	"If you think cryptography is the answer to your problem,\n"           \
	"then you don't know what your problem is.\n"
#define LINE                                                                    \
	"— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN" \
	"1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"

static struct vs_vkey key_of(const char *text)
{
	struct vs_vkey key;
	struct vs_why why;

	if (vs_vkey_parse(text, strlen(text), &key, &why))
		fail_msg("%s: %s", text, why.what);
	return key;
}

static vs_status parse(const char *text, struct vs_note *out)
{
	return vs_note_parse(text, strlen(text), out, NULL);
}

static void a_note_of_another_tool_is_verified(void **state)
{
	const struct vs_vkey peter = key_of(PETER);
	struct vs_note note;

	(void)state;
	assert_int_equal(parse(TEXT "\n" LINE, &note), VS_OK);
	assert_int_equal(note.count, 1);
	assert_true(vs_span_is(&note.text, TEXT));
	assert_int_equal(vs_note_verify(&note, &peter, NULL), VS_OK);
}

static void an_altered_note_is_refused_as_such(void **state)
{
	const struct vs_vkey peter = key_of(PETER);
	char text[] = TEXT "\n" LINE;
	struct vs_why why;
	struct vs_note note;

	(void)state;
	for (size_t i = 0; i < strlen(TEXT) - 1; i++) {
		if (text[i] == '\n') /* no note any more */
			continue;
		text[i] ^= 1;
		assert_int_equal(parse(text, &note), VS_OK);
		assert_int_equal(vs_note_verify(&note, &peter, &why),
		                 VS_ERR_REFUSED);
		assert_int_equal(why.code, VS_REASON_BAD_SIGNATURE);
		text[i] ^= 1;
	}
}

/* Keys that others published; each comes out as it went in. */
static void verifier_keys_come_out_as_they_went_in(void **state)
{
	static const char *const known[] = {
		PETER,
		"EnochRoot+af0cfe78+ATtqJ7zOtqQtYqOo0CpvDXNlMhV3HeJDpjrASKGLWd"
		"op",
		"TEST+7997405c+AQcC+FTVKf0jlTdHDY3rbevmnKxxPjigCXlVtGe6RIr6",
		"remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7o"
		"nlmtw2",
		"example.com/log/testdata+33d7b496+"
		"AeHTu4Q3hEIMHNqc6fASMsq3rKNx280NI+oO5xCFkkSx",
		"witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4"
		"oYJJ+kAvLKLSimDhoxMO",
	};
	char out[VS_VKEY_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		struct vs_vkey key = key_of(known[i]);

		vs_vkey_encode(&key, out);
		assert_string_equal(out, known[i]);
	}
}

static void no_piece_of_a_verifier_key_is_one(void **state)
{
	struct vs_vkey key;
	char text[] = PETER;
	size_t len = strlen(text);

	(void)state;
	for (size_t i = 0; i < len; i++)
		for (size_t j = i; j <= len; j++)
			if (i > 0 || j < len)
				assert_int_not_equal(vs_vkey_parse(text + i,
				                                   j - i, &key,
				                                   NULL),
				                     VS_OK);
	for (size_t i = 0; i < len; i++) {
		text[i]++;
		assert_int_not_equal(vs_vkey_parse(text, len, &key, NULL),
		                     VS_OK);
		text[i]--;
	}
}

static void an_unfit_verifier_key_is_refused(void **state)
{
	/* clang-format off */
	static const struct {
		const char *text;
		vs_reason code;
	} bad[] = {
		/* the id right, and a type or length that we do not know */
		{"PeterNeumann+173116ae+"
		 "ZRpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		 VS_REASON_UNSUPPORTED},
		{"PeterNeumann+cc469956+"
		 "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TWBADKEY==",
		 VS_REASON_UNSUPPORTED},
		{"a+00000000+AQ==", VS_REASON_UNSUPPORTED},
		{"a+00000000+",     VS_REASON_MALFORMED},
		{"a+00000000",      VS_REASON_MALFORMED},
		/* the id of another key; upper case */
		{"PeterNeumann+c74f20a4+"
		 "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		 VS_REASON_MALFORMED},
		{"PeterNeumann+C74F20A3+"
		 "ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
		 VS_REASON_MALFORMED},
		/* the point of order 1: one signature fits every message */
		{"a+00000000+AQEAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
		 VS_REASON_MALFORMED},
	};
	/* clang-format on */
	struct vs_vkey key;
	struct vs_why why;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		assert_int_equal(vs_vkey_parse(bad[i].text, strlen(bad[i].text),
		                               &key, &why),
		                 VS_ERR_INPUT);
		if (why.code != bad[i].code)
			fail_msg("%s: %s", bad[i].text,
			         vs_reason_name(why.code));
	}
}

/* Under such a key one signature fits every message. */
static void a_low_order_point_is_no_key(void **state)
{
	uint8_t point[VS_NOTE_KEY_LEN] = {0};
	struct vs_vkey key;

	(void)state;
	for (uint8_t first = 0; first < 2; first++) {
		for (unsigned sign = 0; sign < 2; sign++) {
			point[0] = first;
			point[31] = sign ? 0x80 : 0;
			assert_int_equal(vs_vkey_make("a", VS_NOTE_ED25519,
			                              point, &key, NULL),
			                 VS_ERR_INPUT);
		}
	}
}

static void a_key_whose_name_has_spaces_is_refused(void **state)
{
	static const char *const names[] = {
		"",
		"a b",
		"a+b",
		"a\tb",
		("a\xc2\xa0"
	         "b"),
		"\xe2\x80\x8a",
		"a\xe3\x80\x80",
		"a\xe2\x80\xa9",
		"\xe1\x9a\x80",
		"a\xff",
		"a\x01",
	};
	const struct vs_vkey peter = key_of(PETER);
	struct vs_vkey key;
	char name[VS_NOTE_NAME_LEN + 1];

	(void)state;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		assert_int_equal(vs_vkey_make(names[i], VS_NOTE_ED25519,
		                              peter.key, &key, NULL),
		                 VS_ERR_INPUT);
	memset(name, 'a', VS_NOTE_NAME_LEN);
	name[VS_NOTE_NAME_LEN] = '\0';
	assert_int_equal(
		vs_vkey_make(name, VS_NOTE_ED25519, peter.key, &key, NULL),
		VS_ERR_INPUT);
	name[VS_NOTE_NAME_LEN - 1] = '\0';
	assert_int_equal(
		vs_vkey_make(name, VS_NOTE_ED25519, peter.key, &key, NULL),
		VS_OK);
	/* no space: the euro sign and the em dash share bytes with some */
	assert_int_equal(vs_vkey_make("\xe2\x82\xac\xe2\x80\x94",
	                              VS_NOTE_ED25519, peter.key, &key, NULL),
	                 VS_OK);
}

static void what_is_no_note_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"\n",
		"\n\n",
		"text\n",
		"text\n\n",
		LINE,
		"\n" LINE,
		"text" LINE,
		"text\n" LINE,
		"text\n\n— PeterNeumann x08go/Zj",   /* no newline */
		"text\n\n— PeterNeumann\n",          /* no signature */
		"text\n\n— PeterNeumann x08go/Z\n",  /* odd base64 */
		"text\n\n— PeterNeumann x08goA==\n", /* an id only */
		"text\n\n— PeterNeumann x08g====\n",
		"text\n\n— PeterNeumann x08go/Z=\n", /* spare bits */
		"text\n\n— PeterNeumann x0==o/Zj\n",
		"text\n\n—  x08go/Zj\n", /* no name */
		"text\n\n— a+b x08go/Zj\n",
		"text\n\n- PeterNeumann x08go/Zj\n",
		"text\n\n—PeterNeumann x08go/Zj\n",
		"text\n\n— PeterNeumann x08go/Zj \n",
		"text\n\n— PeterNeumann x08go/Zj\nmore\n",
		"te\tt\n\n" LINE,
		"te\x7f\xfft\n\n" LINE,
		"te\xc0\xaft\n\n" LINE,     /* overlong */
		"te\xed\xa0\x80t\n\n" LINE, /* a surrogate */
		"te\xf4\x90\x80\x80t\n\n" LINE,
		"te\xe2\x80\n\n" LINE,
		"text\r\n\r\n" LINE,
	};
	struct vs_note note;
	struct vs_why why;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (vs_note_parse(bad[i], strlen(bad[i]), &note, &why) !=
		    VS_ERR_INPUT)
			fail_msg("%s: read", bad[i]);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
	}
	/* a zero is a control character too */
	assert_int_equal(
		vs_note_parse("t\0t\n\n" LINE, 5 + strlen(LINE), &note, NULL),
		VS_ERR_INPUT);
}

static void empty_lines_may_stand_in_the_text(void **state)
{
	struct vs_note note;

	(void)state;
	assert_int_equal(parse("a\n\nb\n\n\n" LINE, &note), VS_OK);
	assert_true(vs_span_is(&note.text, "a\n\nb\n\n"));
}

/* Real lines of types that we do not read: ignored, whatever they say. */
static void lines_of_unknown_keys_are_ignored(void **state)
{
	static const char text[] =
		"arche2025h1.staging.ct.transparency.dev\n1432088532\n"
		"U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n"
		"— arche2025h1.staging.ct.transparency.dev zTM8sQAAAZ5W0WdjBA"
		"MARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEr"
		"oeW2BXaHAI4kJXFbon5Ch9MNL5zRNZ55lvGt0=\n"
		"— arche2025h1.staging.ct.transparency.dev ui8GwCF1+kWqZrxGdh"
		"j4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23o"
		"HP7Ry1k3ZFWwQ=\n";
	const struct vs_vkey arche =
		key_of("arche2025h1.staging.ct.transparency.dev+ba2f06c0+"
	               "AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f");
	const struct vs_vkey peter = key_of(PETER);
	struct vs_note note;
	struct vs_why why;

	(void)state;
	assert_int_equal(parse(text, &note), VS_OK);
	assert_int_equal(note.count, 2);
	assert_int_equal(vs_note_verify(&note, &arche, NULL), VS_OK);
	assert_int_equal(vs_note_verify(&note, &peter, &why), VS_ERR_ABSENT);
	assert_int_equal(why.code, VS_REASON_UNKNOWN_KEY);
}

static void sign_into(struct vs_text *t, const char *text,
                      const struct signer *who)
{
	struct signer copy = *who;
	uint8_t sig[VS_NOTE_SIG_LEN];

	assert_int_equal(signer_sign(&copy, text, strlen(text), sig), VS_OK);
	assert_int_equal(vs_note_add_line(t, &who->vkey, sig, sizeof sig),
	                 VS_OK);
}

/* The name alone, or the id alone, is not the key. */
static void a_key_is_known_by_name_and_id_together(void **state)
{
	struct signer a = signer_make("a", VS_NOTE_ED25519, 1);
	struct signer b = signer_make("a", VS_NOTE_ED25519, 2);
	struct vs_vkey crossed = a.vkey;
	struct vs_text t = text_make(4096);
	struct vs_note note;

	(void)state;
	assert_int_equal(vs_text_string(&t, "t\n\n"), VS_OK);
	sign_into(&t, "t\n", &a);
	assert_int_equal(vs_note_parse(t.at, t.len, &note, NULL), VS_OK);
	assert_int_equal(vs_note_verify(&note, &a.vkey, NULL), VS_OK);
	assert_int_equal(vs_note_verify(&note, &b.vkey, NULL), VS_ERR_ABSENT);
	crossed.name[0] = 'b';
	assert_int_equal(vs_note_verify(&note, &crossed, NULL), VS_ERR_ABSENT);
	signer_drop(&a);
	signer_drop(&b);
}

static void a_second_bad_line_of_a_known_key_refuses_the_note(void **state)
{
	struct signer a = signer_make("a", VS_NOTE_ED25519, 1);
	struct vs_text t = text_make(4096);
	uint8_t sig[VS_NOTE_SIG_LEN] = {7};
	struct vs_note note;
	struct vs_why why;

	(void)state;
	assert_int_equal(vs_text_string(&t, "t\n\n"), VS_OK);
	sign_into(&t, "t\n", &a);
	sign_into(&t, "t\n", &a);
	assert_int_equal(vs_note_parse(t.at, t.len, &note, NULL), VS_OK);
	assert_int_equal(vs_note_verify(&note, &a.vkey, NULL), VS_OK);
	assert_int_equal(vs_note_add_line(&t, &a.vkey, sig, sizeof sig), VS_OK);
	assert_int_equal(vs_note_parse(t.at, t.len, &note, NULL), VS_OK);
	assert_int_equal(vs_note_verify(&note, &a.vkey, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_BAD_SIGNATURE);
	signer_drop(&a);
}

static void a_known_keys_line_of_another_length_is_refused(void **state)
{
	struct signer a = signer_make("a", VS_NOTE_ED25519, 1);
	struct vs_text t = text_make(4096);
	uint8_t sig[72] = {0};
	struct vs_note note;

	(void)state;
	/* a good one, with less of it or more behind it */
	assert_int_equal(signer_sign(&a, "t\n", 2, sig), VS_OK);
	for (size_t len = 1; len <= 72; len++) {
		t.len = 0;
		assert_int_equal(vs_text_string(&t, "t\n\n"), VS_OK);
		assert_int_equal(vs_note_add_line(&t, &a.vkey, sig, len),
		                 VS_OK);
		assert_int_equal(vs_note_parse(t.at, t.len, &note, NULL),
		                 VS_OK);
		assert_int_equal(vs_note_verify(&note, &a.vkey, NULL),
		                 len == 64 ? VS_OK : VS_ERR_REFUSED);
	}
	signer_drop(&a);
}

static void sixty_four_signatures_are_read_and_one_more_is_not(void **state)
{
	struct signer a = signer_make("a", VS_NOTE_ED25519, 1);
	struct vs_text t = text_make(65536);
	struct vs_note note;
	struct vs_why why;

	(void)state;
	assert_int_equal(vs_text_string(&t, "t\n\n"), VS_OK);
	for (size_t i = 0; i < VS_NOTE_LINES_MAX; i++)
		sign_into(&t, "t\n", &a);
	assert_int_equal(vs_note_parse(t.at, t.len, &note, NULL), VS_OK);
	assert_int_equal(vs_note_verify(&note, &a.vkey, NULL), VS_OK);
	sign_into(&t, "t\n", &a);
	assert_int_equal(vs_note_parse(t.at, t.len, &note, &why), VS_ERR_LIMIT);
	assert_int_equal(why.code, VS_REASON_TOO_LARGE);
	t = text_make(VS_NOTE_LEN_MAX + 2);
	memset(t.at, 'a', VS_NOTE_LEN_MAX + 1);
	assert_int_equal(vs_note_parse(t.at, VS_NOTE_LEN_MAX + 1, &note, NULL),
	                 VS_ERR_LIMIT);
	signer_drop(&a);
}

static void a_line_that_does_not_fit_is_not_begun(void **state)
{
	struct signer a = signer_make("a", VS_NOTE_ED25519, 1);
	uint8_t sig[VS_NOTE_SIG_LEN] = {0};
	char room[99];

	(void)state;
	for (size_t cap = 1; cap < 99; cap++) {
		struct vs_text t = {room, cap, 0};

		assert_int_equal(vs_note_add_line(&t, &a.vkey, sig, 64),
		                 VS_ERR_LIMIT);
		assert_int_equal(t.len, 0);
	}
	struct vs_text t = {room, sizeof room, 0};
	assert_int_equal(vs_note_add_line(&t, &a.vkey, sig, 64), VS_ERR_LIMIT);
	signer_drop(&a);
}

static void text_has_one_spelling(void **state)
{
	static const char *const numbers[] = {"",
	                                      "00",
	                                      "01",
	                                      "-1",
	                                      "+1",
	                                      "1 ",
	                                      "1a",
	                                      "9223372036854775808",
	                                      "99999999999999999999"};
	static const char *const base64[] = {
		"A",    "AA",   "AAA",  "A===", "AB==", "AAB=",
		"AA=A", "A A=", "AA*A", "====", "AAAA="};
	struct vs_span s;
	uint64_t n;
	uint8_t bytes[8];
	size_t len;

	(void)state;
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		s = (struct vs_span){numbers[i], strlen(numbers[i])};
		assert_int_equal(vs_span_number(&s, &n), VS_ERR_INPUT);
	}
	s = (struct vs_span){"9223372036854775807", 19};
	assert_int_equal(vs_span_number(&s, &n), VS_OK);
	assert_true(n == INT64_MAX);
	for (size_t i = 0; i < sizeof base64 / sizeof *base64; i++) {
		s = (struct vs_span){base64[i], strlen(base64[i])};
		if (vs_span_base64(&s, bytes, sizeof bytes, &len) !=
		    VS_ERR_INPUT)
			fail_msg("%s: read", base64[i]);
	}
	s = (struct vs_span){"AAAAAAAAAAAA", 12};
	assert_int_equal(vs_span_base64(&s, bytes, sizeof bytes, &len),
	                 VS_ERR_LIMIT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_note_of_another_tool_is_verified),
		cmocka_unit_test(an_altered_note_is_refused_as_such),
		cmocka_unit_test(verifier_keys_come_out_as_they_went_in),
		cmocka_unit_test(no_piece_of_a_verifier_key_is_one),
		cmocka_unit_test(an_unfit_verifier_key_is_refused),
		cmocka_unit_test(a_low_order_point_is_no_key),
		cmocka_unit_test(a_key_whose_name_has_spaces_is_refused),
		cmocka_unit_test(what_is_no_note_is_refused),
		cmocka_unit_test(empty_lines_may_stand_in_the_text),
		cmocka_unit_test(lines_of_unknown_keys_are_ignored),
		cmocka_unit_test(a_key_is_known_by_name_and_id_together),
		cmocka_unit_test(
			a_second_bad_line_of_a_known_key_refuses_the_note),
		cmocka_unit_test(
			a_known_keys_line_of_another_length_is_refused),
		cmocka_unit_test(
			sixty_four_signatures_are_read_and_one_more_is_not),
		cmocka_unit_test(a_line_that_does_not_fit_is_not_begun),
		cmocka_unit_test(text_has_one_spelling),
	};

	return cmocka_run_group_tests_name("note", tests, NULL, NULL);
}

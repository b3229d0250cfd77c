/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/json_test.c - strict JSON in, canonical JSON out.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "trust/json.h"

static void must_refuse(const char *text, size_t len)
{
	struct vs_why why = {0};
	json_t *v = (json_t *)1;

	if (vs_json_parse(text, len, 4096, &v, &why) != VS_ERR_INPUT)
		fail_msg("%s", text);
	assert_null(v);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	assert_non_null(why.what);
}

/* S0.25 */
static void what_is_not_strict_json_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"7",
		"[]",
		"null",
		"{",
		"{}{}",
		"{} x",
		"{\"a\":1,}",
		"{\"a\":1,\"a\":2}",
		"{\"a\":1,\"\\u0061\":2}",
		"{\"x\":{\"a\":1,\"a\":2}}",
		"{\"a\":1.5}",
		"{\"a\":1.0}",
		"{\"a\":1e3}",
		"{\"a\":-0.0}",
		"{\"a\":[{\"b\":1e400}]}",
		"{\"a\":9007199254740992}",
		"{\"a\":-9007199254740992}",
		"{\"a\":9223372036854775808}",
		"{\"a\":01}",
		"{\"a\":+1}",
		"{\"a\":0x1}",
		"{\"a\":NaN}",
		"{\"a\":'b'}",
		"{a:1}",
		"{\"a\":\"\x01\"}",
		"{\"a\":\"\\u0000\"}",
		"{\"\\u0000\":1}",
		"{\"a\":\"\\ud800\"}",
		"{\"a\":\"\\x\"}",
		"{\"a\":\"\xff\"}",
		"{\"a\":\"\xc0\x80\"}",
		"{\"a\":\"\xed\xa0\x80\"}",
		"{\"a\":\"\xf4\x90\x80\x80\"}",
		"\xef\xbb\xbf{}",
		"// comment\n{}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		must_refuse(bad[i], strlen(bad[i]));
	must_refuse("{}\0", 3);
	must_refuse("{\"a\":1\0}", 8);
}

static size_t nest(char *out, int levels)
{
	size_t at = 5;

	memcpy(out, "{\"a\":", at);
	for (int i = 1; i < levels; i++)
		out[at++] = '[';
	if (levels == 1)
		out[at++] = '1';
	for (int i = 1; i < levels; i++)
		out[at++] = ']';
	out[at++] = '}';
	out[at] = '\0';
	return at;
}

static void nesting_ends_at_32(void **state)
{
	char text[128];
	json_t *v;

	(void)state;
	assert_int_equal(vs_json_parse(text, nest(text, 32), 4096, &v, NULL),
	                 VS_OK);
	json_decref(v);
	must_refuse(text, nest(text, 33));
}

/* S0.25 */
static void deep_nesting_is_no_danger(void **state)
{
	size_t len = 1000000;
	char *text = malloc(len);
	json_t *v;

	(void)state;
	assert_non_null(text);
	memset(text, '[', len);
	memcpy(text, "{\"a\":", 5);
	assert_int_equal(vs_json_parse(text, len, len, &v, NULL), VS_ERR_INPUT);
	free(text);
}

/* A5 */
static void a_text_over_its_maximum_is_not_parsed(void **state)
{
	struct vs_why why = {0};
	json_t *v;

	(void)state;
	assert_int_equal(vs_json_parse("{ }", 3, 2, &v, &why), VS_ERR_LIMIT);
	assert_int_equal(why.code, VS_REASON_TOO_LARGE);
	assert_int_equal(vs_json_parse("{ }", 3, 3, &v, &why), VS_OK);
	json_decref(v);
}

static void must_become(const char *text, const char *canonical)
{
	json_t *v;
	char *out;
	size_t len;

	assert_int_equal(vs_json_parse(text, strlen(text), 4096, &v, NULL),
	                 VS_OK);
	assert_int_equal(vs_json_canonical(v, &out, &len), VS_OK);
	assert_string_equal(out, canonical);
	assert_int_equal(len, strlen(canonical));
	free(out);
	json_decref(v);
}

static void canonical_form_is_the_specification_s(void **state)
{
	(void)state;
	must_become("{ }", "{}");
	must_become("{\"b\": [1, -2, 0, true, false, null], \"a\": \"x\"}",
	            "{\"a\":\"x\",\"b\":[1,-2,0,true,false,null]}");
	must_become("{\"a\":9007199254740991,\"b\":-9007199254740991}",
	            "{\"a\":9007199254740991,\"b\":-9007199254740991}");
	/* Only " and \ are escaped; control characters stay raw. */
	must_become("{\"a\":\"\\\"\\\\\\/\\n\\t\\u001f\\u007f\\u00e4\"}",
	            "{\"a\":\"\\\"\\\\/\n\t\x1f\x7f\xc3\xa4\"}");
	must_become("{\"\\\"k\\\\\":{}}", "{\"\\\"k\\\\\":{}}");
}

/* By bytes, where UTF-16 order (JavaScript) would differ. */
static void keys_are_sorted_by_their_utf8_bytes(void **state)
{
	(void)state;
	must_become("{\"\\ud800\\udc00\":1,\"\\uffff\":2,\"a\":3,\"Z\":4,"
	            "\"aa\":5,\"\":6}",
	            "{\"\":6,\"Z\":4,\"a\":3,\"aa\":5,\"\xef\xbf\xbf\":2,"
	            "\"\xf0\x90\x80\x80\":1}");
}

static void a_real_has_no_canonical_form(void **state)
{
	json_t *v = json_pack("{s:[f]}", "a", 1.0);
	char *out;
	size_t len;

	(void)state;
	assert_int_equal(vs_json_canonical(v, &out, &len), VS_ERR_INPUT);
	assert_null(out);
	vs_json_drop(&v);
	assert_null(v);
}

static void members_are_asked_by_name_and_kind(void **state)
{
	json_t *o = json_pack("{s:s, s:i, s:i, s:{}, s:[]}", "text", "t",
	                      "number", 7, "negative", -7, "object", "array");
	struct vs_why why = {0};
	const char *text;
	uint64_t number;
	json_t *v;

	(void)state;
	assert_int_equal(vs_json_string(o, "text", &text, &why), VS_OK);
	assert_string_equal(text, "t");
	assert_int_equal(vs_json_uint(o, "number", &number, &why), VS_OK);
	assert_int_equal(number, 7);
	assert_int_equal(vs_json_object(o, "object", &v, &why), VS_OK);
	assert_int_equal(vs_json_array(o, "array", &v, &why), VS_OK);
	assert_int_equal(vs_json_uint(o, "negative", &number, &why),
	                 VS_ERR_INPUT);
	assert_string_equal(why.what, "negative");
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	assert_int_equal(vs_json_string(o, "number", &text, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(vs_json_uint(o, "text", &number, &why), VS_ERR_INPUT);
	assert_int_equal(vs_json_object(o, "array", &v, &why), VS_ERR_INPUT);
	assert_int_equal(vs_json_array(o, "object", &v, &why), VS_ERR_INPUT);
	assert_int_equal(vs_json_array(o, "missing", &v, &why), VS_ERR_INPUT);
	assert_int_equal(vs_json_array(NULL, "missing", &v, NULL),
	                 VS_ERR_INPUT);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_not_strict_json_is_refused),
		cmocka_unit_test(nesting_ends_at_32),
		cmocka_unit_test(deep_nesting_is_no_danger),
		cmocka_unit_test(a_text_over_its_maximum_is_not_parsed),
		cmocka_unit_test(canonical_form_is_the_specification_s),
		cmocka_unit_test(keys_are_sorted_by_their_utf8_bytes),
		cmocka_unit_test(a_real_has_no_canonical_form),
		cmocka_unit_test(members_are_asked_by_name_and_kind),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/operate/chain_test.c - an audit log that was tampered with is found.
 *
 * The vector's hashes were computed with Python's json and hashlib.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "operate/chain.h"

#define RECORDS 3

static const char *const texts[RECORDS] = {
	"{\"seq\": 1, \"time\": \"2026-12-01T22:00:01Z\", \"a"
	"ctor\": \"anna\", \"action\": \"release-upload\", \""
	"subject\": \"1.1.0\", \"reason\": \"none\", \"detail"
	"\": \"two \\\"targets\\\"\", \"prev\": \"00000000000"
	"0000000000000000000000000000000000000000000000000000"
	"0\", \"hash\": \"9979ab85b13a51da115425566b7dfe6110b"
	"33d4d6578f5b8ea71d022c91d64de\"}",
	"{\"seq\": 2, \"time\": \"2026-12-01T22:00:02Z\", \"a"
	"ctor\": \"anna\", \"action\": \"campaign-create\", "
	"\"subject\": \"1\", \"reason\": \"none\", \"detail\""
	": \"\", \"prev\": \"9979ab85b13a51da115425566b7dfe61"
	"10b33d4d6578f5b8ea71d022c91d64de\", \"hash\": \"da5a"
	"946fb9dfc9a136b8651a20038bab072797d4069582db20a3c8de"
	"7d9b4533\"}",
	"{\"seq\": 3, \"time\": \"2026-12-01T22:00:03Z\", \"a"
	"ctor\": \"anna\", \"action\": \"campaign-approve\", "
	"\"subject\": \"1\", \"reason\": \"four-eyes\", \"det"
	"ail\": \"created by the same person\", \"prev\": \"d"
	"a5a946fb9dfc9a136b8651a20038bab072797d4069582db20a3c"
	"8de7d9b4533\", \"hash\": \"482963dd7ed0f5de310ecdc69"
	"6e825ae6855a8a33ce83e3e702345ec2732d071\"}",
};

struct log {
	json_t *records[RECORDS];
};

static int load(void **state)
{
	static struct log l;

	for (size_t i = 0; i < RECORDS; i++) {
		l.records[i] = json_loads(texts[i], 0, NULL);
		if (!l.records[i])
			return -1;
	}
	*state = &l;
	return 0;
}

static int drop(void **state)
{
	struct log *l = *state;

	for (size_t i = 0; i < RECORDS; i++)
		json_decref(l->records[i]);
	return 0;
}

static void an_unbroken_log_is_counted(void **state)
{
	struct log *l = *state;
	struct vs_chain c = {0};
	struct vs_why why;

	for (size_t i = 0; i < RECORDS; i++)
		assert_int_equal(vs_chain_add(&c, l->records[i], &why), VS_OK);
	assert_int_equal(c.count, 3);
	assert_int_equal(c.first, 1);
	assert_int_equal(c.last, 3);
	assert_string_equal(c.head, json_string_value(json_object_get(
					    l->records[2], "hash")));
}

static void a_log_may_begin_in_the_middle(void **state)
{
	struct log *l = *state;
	struct vs_chain c = {0};
	struct vs_why why;

	assert_int_equal(vs_chain_add(&c, l->records[1], &why), VS_OK);
	assert_int_equal(vs_chain_add(&c, l->records[2], &why), VS_OK);
	assert_int_equal(c.first, 2);
}

/* S0.27 */
static void a_dropped_or_doubled_record_is_found(void **state)
{
	struct log *l = *state;
	struct vs_chain c = {0};
	struct vs_why why;

	assert_int_equal(vs_chain_add(&c, l->records[0], &why), VS_OK);
	assert_int_equal(vs_chain_add(&c, l->records[2], &why), VS_ERR_REFUSED);
	assert_int_equal(vs_chain_add(&c, l->records[0], &why), VS_ERR_REFUSED);
	assert_int_equal(c.count, 1); /* as it was */
	assert_int_equal(vs_chain_add(&c, l->records[1], &why), VS_OK);
}

/* S0.27 */
static void any_altered_member_is_found(void **state)
{
	static const char *const members[] = {"time",   "actor",  "action",
	                                      "detail", "reason", "added"};
	struct log *l = *state;
	struct vs_why why;

	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		struct vs_chain c = {0};
		json_t *changed = json_copy(l->records[0]);

		assert_int_equal(json_object_set_new(changed, members[i],
		                                     json_string("else")),
		                 0);
		assert_int_equal(vs_chain_add(&c, changed, &why),
		                 VS_ERR_REFUSED);
		assert_int_equal(why.code, VS_REASON_HASH_MISMATCH);
		assert_int_equal(c.count, 0);
		json_decref(changed);
	}
}

static void a_record_without_its_hash_is_malformed(void **state)
{
	struct log *l = *state;
	struct vs_chain c = {0};
	struct vs_why why;
	json_t *changed = json_copy(l->records[0]);

	assert_int_equal(json_object_del(changed, "hash"), 0);
	assert_int_equal(vs_chain_add(&c, changed, &why), VS_ERR_INPUT);
	json_decref(changed);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(an_unbroken_log_is_counted,
	                                        load, drop),
		cmocka_unit_test_setup_teardown(a_log_may_begin_in_the_middle,
	                                        load, drop),
		cmocka_unit_test_setup_teardown(
			a_dropped_or_doubled_record_is_found, load, drop),
		cmocka_unit_test_setup_teardown(any_altered_member_is_found,
	                                        load, drop),
		cmocka_unit_test_setup_teardown(
			a_record_without_its_hash_is_malformed, load, drop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

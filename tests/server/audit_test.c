/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/audit_test.c - the chain holds, and breaks where it was
 * touched.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "server/audit/audit.h"
#include "tests/server/scratch.h"

enum { records = 9 };

static void append(struct scratch *s, unsigned n)
{
	char subject[16];
	const struct vs_audit a = {"otto", "status", subject, "", "a \"line\""};

	snprintf(subject, sizeof subject, "CP-%04u", n);
	assert_int_equal(vs_audit_append(s->store, 1700000000 + n, &a), VS_OK);
}

static int fill(void **state)
{
	scratch_make(state);
	for (unsigned n = 1; n <= records; n++)
		append(*state, n);
	return 0;
}

/* A record's hash is known from outside: docs/formats/audit.md. */
static void the_first_record_has_the_documented_hash(void **state)
{
	struct scratch *s = *state;
	const struct vs_audit a = {"host", "server-initialised", "", "", ""};
	json_t *list;

	assert_int_equal(vs_audit_append(s->store, 1767225600, &a), VS_OK);
	assert_int_equal(vs_audit_list(s->store, 0, 10, &list), VS_OK);
	assert_int_equal(json_array_size(list), 1);
	assert_string_equal(json_string_value(json_object_get(
				    json_array_get(list, 0), "hash")),
	                    "00a3f4c52936a80c1045578700d830d7ae9484d2bf5698d110"
	                    "e58db0692f1536");
	json_decref(list);
}

static void an_untouched_chain_is_good_to_its_end(void **state)
{
	struct scratch *s = *state;
	struct vs_why why;
	uint64_t seq;

	assert_int_equal(vs_audit_check(s->store, &seq, &why), VS_OK);
	assert_int_equal(seq, records);
}

static void an_empty_log_is_good(void **state)
{
	struct scratch *s = *state;
	struct vs_why why;
	uint64_t seq;

	assert_int_equal(vs_audit_check(s->store, &seq, &why), VS_OK);
	assert_int_equal(seq, 0);
}

static void broken_at(struct scratch *s, const char *sql, uint64_t where)
{
	struct vs_why why = {0};
	uint64_t seq;

	scratch_sql(s, sql);
	assert_int_equal(vs_audit_check(s->store, &seq, &why), VS_ERR_REFUSED);
	assert_int_equal(why.code, VS_REASON_HASH_MISMATCH);
	assert_int_equal(seq, where);
}

/* S0.27: delete, alter or reorder any record is detected. */
static void any_field_of_any_record_breaks_it_there(void **state)
{
	static const char *const fields[] = {"actor",  "action", "subject",
	                                     "reason", "detail", "prev",
	                                     "hash"};
	struct scratch *s = *state;
	char there[160], back[160];

	for (unsigned n = 1; n <= records; n++)
		for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
			struct vs_why why;
			uint64_t seq;

			snprintf(there, sizeof there,
			         "UPDATE audit SET %s = 'x' || %s "
			         "WHERE seq = %u",
			         fields[i], fields[i], n);
			snprintf(back, sizeof back,
			         "UPDATE audit SET %s = substr(%s, 2) "
			         "WHERE seq = %u",
			         fields[i], fields[i], n);
			broken_at(s, there, n);
			scratch_sql(s, back);
			assert_int_equal(vs_audit_check(s->store, &seq, &why),
			                 VS_OK);
		}
}

static void another_time_breaks_it(void **state)
{
	broken_at(*state, "UPDATE audit SET time_s = time_s + 1 WHERE seq = 4",
	          4);
}

static void a_record_taken_out_breaks_it(void **state)
{
	broken_at(*state, "DELETE FROM audit WHERE seq = 4", 4);
}

static void two_records_swapped_break_it(void **state)
{
	broken_at(*state,
	          "UPDATE audit SET seq = CASE seq WHEN 4 THEN 100 ELSE seq "
	          "END; UPDATE audit SET seq = 4 WHERE seq = 5; "
	          "UPDATE audit SET seq = 5 WHERE seq = 100",
	          4);
}

static void a_cut_end_breaks_it(void **state)
{
	broken_at(*state, "DELETE FROM audit WHERE seq > 6", 7);
}

static void a_log_without_its_head_breaks_it(void **state)
{
	broken_at(*state, "DELETE FROM meta WHERE name = 'audit_head'",
	          records + 1);
}

static void what_is_taken_back_leaves_no_gap(void **state)
{
	struct scratch *s = *state;
	struct vs_why why;
	uint64_t seq;

	assert_int_equal(vs_store_begin(s->store), VS_OK);
	append(s, 10);
	assert_int_equal(vs_store_mark(s->store), VS_OK);
	append(s, 11);
	vs_store_back(s->store);
	append(s, 12);
	assert_int_equal(vs_store_commit(s->store), VS_OK);
	assert_int_equal(vs_audit_check(s->store, &seq, &why), VS_OK);
	assert_int_equal(seq, records + 2);
}

static void text_that_is_no_utf8_is_not_taken(void **state)
{
	struct scratch *s = *state;
	const struct vs_audit a = {"otto", "status", "\xff", "", ""};

	assert_int_equal(vs_audit_append(s->store, 1, &a), VS_ERR_INPUT);
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM audit"),
	                 records);
}

static void a_page_begins_after_and_ends_at_its_limit(void **state)
{
	struct scratch *s = *state;
	json_t *list;

	assert_int_equal(vs_audit_list(s->store, 4, 3, &list), VS_OK);
	assert_int_equal(json_array_size(list), 3);
	assert_int_equal(json_integer_value(json_object_get(
				 json_array_get(list, 0), "seq")),
	                 5);
	json_decref(list);
	assert_int_equal(vs_audit_list(s->store, records, 3, &list), VS_OK);
	assert_int_equal(json_array_size(list), 0);
	json_decref(list);
}

int main(void)
{
#define WITH(make, test)                                                       \
	cmocka_unit_test_setup_teardown(test, make, scratch_remove)
	const struct CMUnitTest tests[] = {
		WITH(scratch_make, the_first_record_has_the_documented_hash),
		WITH(scratch_make, an_empty_log_is_good),
		WITH(fill, an_untouched_chain_is_good_to_its_end),
		WITH(fill, any_field_of_any_record_breaks_it_there),
		WITH(fill, another_time_breaks_it),
		WITH(fill, a_record_taken_out_breaks_it),
		WITH(fill, two_records_swapped_break_it),
		WITH(fill, a_cut_end_breaks_it),
		WITH(fill, a_log_without_its_head_breaks_it),
		WITH(fill, what_is_taken_back_leaves_no_gap),
		WITH(fill, text_that_is_no_utf8_is_not_taken),
		WITH(fill, a_page_begins_after_and_ends_at_its_limit),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/schema_test.c - databases of older servers are taken over.
 *
 * usage: server_schema_test FOLDER with 1.sql, 2.sql ...: each schema as it
 * was, with rows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/server/scratch.h"

static const char *folder;

/* A database as the SQL in FOLDER/N.sql makes it, not yet opened. */
static void make(struct scratch *s, unsigned version)
{
	char path[1024], *sql = calloc(1, 65536);

	snprintf(path, sizeof path, "%s/%u.sql", folder, version);
	FILE *f = fopen(path, "re");
	assert_non_null(f);
	assert_true(fread(sql, 1, 65535, f) > 0);
	fclose(f);
	vs_store_close(&s->store);
	assert_int_equal(remove(s->db), 0);
	scratch_sql(s, sql);
	free(sql);
}

static void open_it(struct scratch *s)
{
	char error[256];

	assert_int_equal(vs_store_open_sqlite(s->db, true, &s->store, error),
	                 VS_OK);
}

struct shape {
	struct vs_store *store;
	char text[16384];
	size_t used;
};

static vs_status add_column(void *ctx, const struct vs_row *row)
{
	struct shape *s = ctx;
	int n = snprintf(s->text + s->used, sizeof s->text - s->used,
	                 "%s.%s %s %u\n", vs_row_text(s->store, row, 0),
	                 vs_row_text(s->store, row, 1),
	                 vs_row_text(s->store, row, 2),
	                 (unsigned)vs_row_uint(s->store, row, 3));

	assert_true(n > 0 && (size_t)n < sizeof s->text - s->used);
	s->used += (size_t)n;
	return VS_OK;
}

/* Tables and columns, but for those that only vs_fleet_upgrade() drops. */
static void shape_of(struct vs_store *store, struct shape *out)
{
	*out = (struct shape){.store = store};
	assert_int_equal(
		vs_store_query(
			store,
			"SELECT m.name, c.name, c.type, c.pk "
			"FROM sqlite_schema m, pragma_table_info(m.name) "
			"c WHERE m.type = 'table' AND m.name NOT IN "
			"('ecu', 'label', 'watch') "
			"ORDER BY m.name, c.cid",
			NULL, 0, add_column, out),
		VS_OK);
}

static void every_older_schema_becomes_this_one(void **state)
{
	struct scratch *s = *state;
	static struct shape fresh, taken;

	shape_of(s->store, &fresh);
	for (unsigned v = 1; v < VS_SCHEMA_VERSION; v++) {
		make(s, v);
		open_it(s);
		shape_of(s->store, &taken);
		assert_string_equal(taken.text, fresh.text);
		assert_int_equal(scratch_number(s, "SELECT value FROM meta "
		                                   "WHERE name = 'schema'"),
		                 VS_SCHEMA_VERSION);
	}
}

static void what_older_servers_kept_is_still_there(void **state)
{
	static const char *const counts[] = {
		"SELECT count(*) FROM person WHERE name = 'vera'",
		"SELECT count(*) FROM token WHERE id = 'vera.1' AND "
		"person = 'vera' AND hash = x'0102' AND roles = 'viewer'",
		"SELECT count(*) FROM device WHERE id = 'CP-1' AND seq = 1 AND "
		"site = 'north' AND utc_offset = '-60' AND expires_s = 0 AND "
		"registered_s = 1700000001",
		"SELECT count(*) FROM certificate WHERE device = 'CP-1' AND "
		"pem = 'PEM'",
		"SELECT count(*) FROM ecu WHERE device = 'CP-1'",
		"SELECT count(*) FROM campaign WHERE because = 'no reason'",
		"SELECT count(*) FROM member WHERE state = 3 AND detail = 'x'",
	};
	struct scratch *s = *state;

	for (unsigned v = 1; v < VS_SCHEMA_VERSION; v++) {
		make(s, v);
		/* again and again: it is done once */
		for (unsigned n = 0; n < 3; n++) {
			open_it(s);
			for (size_t i = 0; i < sizeof counts / sizeof *counts;
			     i++)
				assert_int_equal(scratch_number(s, counts[i]),
				                 1);
			vs_store_close(&s->store);
		}
		open_it(s);
	}
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM frozen WHERE "
	                                   "is_on = 1 AND person = 'otto' AND "
	                                   "since_s = 1700000003"),
	                 1);
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM member WHERE "
	                                   "seat = '1 2 3'"),
	                 1);
}

/* The step that fails leaves the database as it was, for the old program. */
static void a_step_that_fails_changes_nothing(void **state)
{
	struct scratch *s = *state;
	char error[256];

	make(s, 3);
	scratch_sql(s, "CREATE TABLE certificate (other TEXT)");
	assert_int_equal(vs_store_open_sqlite(s->db, true, &s->store, error),
	                 VS_ERR_IO);
	assert_true(error[0] != 0);
	assert_int_equal(
		scratch_number(s,
	                       "SELECT value FROM meta WHERE name = 'schema'"),
		3);
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM device WHERE "
	                                   "certificate = 'PEM'"),
	                 1);
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM freeze"), 1);
	assert_int_equal(scratch_number(s, "SELECT count(*) FROM sqlite_schema "
	                                   "WHERE name = 'frozen'"),
	                 0);
}

#define TEST(name)                                                             \
	cmocka_unit_test_setup_teardown(name, scratch_make, scratch_remove)

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		TEST(every_older_schema_becomes_this_one),
		TEST(what_older_servers_kept_is_still_there),
		TEST(a_step_that_fails_changes_nothing),
	};

	if (argc != 2)
		return 2;
	folder = argv[1];
	return cmocka_run_group_tests(tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/scratch.c - a folder and a database of a test's own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/server/scratch.h"

#define HEX64 "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"

int scratch_make(void **state)
{
	struct scratch *s = calloc(1, sizeof *s);
	char error[256];

	assert_non_null(s);
	snprintf(s->dir, sizeof s->dir, "/tmp/voltseal-server-test-XXXXXX");
	assert_non_null(mkdtemp(s->dir));
	snprintf(s->db, sizeof s->db, "%s/voltseal.db", s->dir);
	assert_int_equal(vs_store_open_sqlite(s->db, true, &s->store, error),
	                 VS_OK);
	*state = s;
	return 0;
}

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *ftw)
{
	(void)st;
	(void)flag;
	(void)ftw;
	return remove(path);
}

int scratch_remove(void **state)
{
	struct scratch *s = *state;

	vs_store_close(&s->store);
	nftw(s->dir, remove_one, 8, FTW_DEPTH | FTW_PHYS);
	free(s);
	return 0;
}

void scratch_sql(const struct scratch *s, const char *sql)
{
	sqlite3 *db;

	assert_int_equal(sqlite3_open(s->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(db);
}

uint64_t scratch_number(const struct scratch *s, const char *sql)
{
	sqlite3_stmt *st;
	sqlite3 *db;

	assert_int_equal(sqlite3_open(s->db, &db), SQLITE_OK);
	assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &st, NULL), SQLITE_OK);
	assert_int_equal(sqlite3_step(st), SQLITE_ROW);
	uint64_t n = (uint64_t)sqlite3_column_int64(st, 0);
	sqlite3_finalize(st);
	sqlite3_close(db);
	return n;
}

void scratch_release(struct vs_releases *r, const struct scratch_target *t)
{
	char path[128];
	struct vs_why why;
	json_t *hashes = json_pack("{s:s}", "sha256", HEX64);
	json_t *custom =
		json_pack("{s:s, s:s, s:s, s:i, s:i, s:[s], s:{s:s}, s:s}",
	                  "release", t->release, "component", t->component,
	                  "version", t->release, "releaseCounter", (int)t->seq,
	                  "rollbackIndex", 1, "hardwareIds", t->hardware,
	                  "pack", "sha256", HEX64, "updateType", "security");

	assert_non_null(hashes);
	assert_non_null(custom);
	if (t->set)
		assert_int_equal(
			json_object_set_new(custom, "releaseSet",
		                            json_loads(t->set, 0, NULL)),
			0);
	snprintf(path, sizeof path, "%s/%s-%s.seal", t->component, t->component,
	         t->release);
	const struct vs_target target = {.path = path,
	                                 .length = 700,
	                                 .hashes = hashes,
	                                 .custom = custom};
	assert_int_equal(vs_releases_add(r, &target, &why), VS_OK);
	json_decref(hashes);
	json_decref(custom);
}

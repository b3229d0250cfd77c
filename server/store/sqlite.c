/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/sqlite.c - a store in one SQLite file, WAL, synchronous=FULL.
 */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/store/store.h"

enum { statements_max = 160, busy_ms = 10000 };

struct sqlite {
	struct vs_store base;
	sqlite3 *db;
	size_t count;
	struct {
		const char *sql; /* a constant: the pointer is the key */
		sqlite3_stmt *statement;
	} cache[statements_max];
};

static struct sqlite *of(struct vs_store *s)
{
	return (struct sqlite *)s;
}

static sqlite3_stmt *stmt_of(const struct vs_row *row)
{
	union {
		const struct vs_row *row;
		sqlite3_stmt *stmt;
	} u = {.row = row};

	return u.stmt;
}

static vs_status failed(struct sqlite *q)
{
	int code = sqlite3_extended_errcode(q->db);

	snprintf(q->base.error, sizeof q->base.error, "%s",
	         sqlite3_errmsg(q->db));
	if (code == SQLITE_CONSTRAINT_PRIMARYKEY ||
	    code == SQLITE_CONSTRAINT_UNIQUE)
		return VS_ERR_STATE;
	return code == SQLITE_NOMEM ? VS_ERR_NOMEM : VS_ERR_IO;
}

static vs_status prepare(struct sqlite *q, const char *sql, sqlite3_stmt **out)
{
	for (size_t i = 0; i < q->count; i++)
		if (q->cache[i].sql == sql) {
			*out = q->cache[i].statement;
			return VS_OK;
		}
	*out = NULL;
	if (q->count == statements_max) {
		snprintf(q->base.error, sizeof q->base.error,
		         "more than %d statements", (int)statements_max);
		return VS_ERR_LIMIT;
	}
	if (sqlite3_prepare_v3(q->db, sql, -1, SQLITE_PREPARE_PERSISTENT, out,
	                       NULL) != SQLITE_OK)
		return failed(q);
	q->cache[q->count].sql = sql;
	q->cache[q->count++].statement = *out;
	return VS_OK;
}

static int bind(sqlite3_stmt *st, int at, const struct vs_value *v)
{
	switch (v->kind) {
	case VS_VALUE_UINT:
		return sqlite3_bind_int64(st, at, (sqlite3_int64)v->number);
	case VS_VALUE_TEXT:
		return sqlite3_bind_text64(st, at, v->bytes, v->len,
		                           SQLITE_STATIC, SQLITE_UTF8);
	case VS_VALUE_BLOB:
		return sqlite3_bind_blob64(st, at, v->len ? v->bytes : "",
		                           v->len, SQLITE_STATIC);
	}
	return SQLITE_MISUSE;
}

static vs_status step(struct sqlite *q, sqlite3_stmt *st, vs_row_fn each,
                      void *ctx)
{
	int code;

	while ((code = sqlite3_step(st)) == SQLITE_ROW) {
		union {
			sqlite3_stmt *stmt;
			const struct vs_row *row;
		} u = {.stmt = st};
		vs_status status = each ? each(ctx, u.row) : VS_OK;

		if (status)
			return status;
	}
	return code == SQLITE_DONE ? VS_OK : failed(q);
}

static vs_status query(struct vs_store *s, const char *sql,
                       const struct vs_value *args, size_t count,
                       vs_row_fn each, void *ctx)
{
	struct sqlite *q = of(s);
	sqlite3_stmt *st;
	vs_status status = prepare(q, sql, &st);

	if (status)
		return status;
	for (size_t i = 0; !status && i < count; i++)
		if (bind(st, (int)i + 1, &args[i]) != SQLITE_OK)
			status = failed(q);
	if (!status)
		status = step(q, st, each, ctx);
	sqlite3_reset(st);
	sqlite3_clear_bindings(st);
	return status;
}

static vs_status begin(struct vs_store *s)
{
	return query(s, "BEGIN IMMEDIATE", NULL, 0, NULL, NULL);
}

static void undo(struct vs_store *s)
{
	/* Some failures end the transaction by themselves. */
	if (!sqlite3_get_autocommit(of(s)->db) &&
	    query(s, "ROLLBACK", NULL, 0, NULL, NULL))
		snprintf(s->error, sizeof s->error, "rollback failed");
}

static vs_status commit(struct vs_store *s)
{
	vs_status status = query(s, "COMMIT", NULL, 0, NULL, NULL);

	if (status)
		undo(s);
	return status;
}

static vs_status mark(struct vs_store *s)
{
	return query(s, "SAVEPOINT job", NULL, 0, NULL, NULL);
}

static vs_status release(struct vs_store *s)
{
	return query(s, "RELEASE job", NULL, 0, NULL, NULL);
}

static void back(struct vs_store *s)
{
	/* If even that fails, the commit of the batch will fail too. */
	if (query(s, "ROLLBACK TO job", NULL, 0, NULL, NULL) ||
	    query(s, "RELEASE job", NULL, 0, NULL, NULL))
		undo(s);
}

/* One step takes all of it under one lock for reading, which keeps no writer
 * from writing.
 */
static int copy(sqlite3 *from, sqlite3 *to)
{
	sqlite3_backup *b = sqlite3_backup_init(to, "main", from, "main");

	if (!b)
		return sqlite3_errcode(to);
	int code = sqlite3_backup_step(b, -1);
	int end = sqlite3_backup_finish(b);
	return code == SQLITE_DONE ? end : code;
}

static vs_status backup(struct vs_store *s, const char *path)
{
	sqlite3 *to = NULL;
	int code = sqlite3_open_v2(
		path, &to, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL);

	if (!code)
		code = copy(of(s)->db, to);
	/* One file, without a log of changes beside it. */
	if (!code)
		code = sqlite3_exec(to, "PRAGMA journal_mode = DELETE", NULL,
		                    NULL, NULL);
	if (code)
		snprintf(s->error, sizeof s->error, "%s", sqlite3_errstr(code));
	sqlite3_close(to);
	return code ? VS_ERR_IO : VS_OK;
}

static vs_status read_verdict(void *ctx, const struct vs_row *row)
{
	const unsigned char *t = sqlite3_column_text(stmt_of(row), 0);

	snprintf(ctx, 160, "%s", t ? (const char *)t : "");
	return VS_OK;
}

static vs_status check(struct vs_store *s)
{
	char verdict[160] = "";
	vs_status status = query(s, "PRAGMA quick_check(1)", NULL, 0,
	                         read_verdict, verdict);

	if (!status && strcmp(verdict, "ok") == 0)
		return VS_OK;
	if (!status)
		snprintf(s->error, sizeof s->error, "%s", verdict);
	return VS_ERR_REFUSED;
}

static void close_sqlite(struct vs_store *s)
{
	struct sqlite *q = of(s);

	for (size_t i = 0; i < q->count; i++)
		sqlite3_finalize(q->cache[i].statement);
	sqlite3_close(q->db);
	free(q);
}

static uint64_t row_uint(const struct vs_row *row, int column)
{
	sqlite3_int64 n = sqlite3_column_int64(stmt_of(row), column);

	return n < 0 ? 0 : (uint64_t)n;
}

static const char *row_text(const struct vs_row *row, int column)
{
	const unsigned char *t = sqlite3_column_text(stmt_of(row), column);

	return t ? (const char *)t : "";
}

static const void *row_blob(const struct vs_row *row, int column, size_t *len)
{
	const void *b = sqlite3_column_blob(stmt_of(row), column);

	*len = (size_t)sqlite3_column_bytes(stmt_of(row), column);
	return b ? b : "";
}

static const struct vs_store_ops ops = {
	.query = query,
	.begin = begin,
	.commit = commit,
	.undo = undo,
	.mark = mark,
	.release = release,
	.back = back,
	.backup = backup,
	.check = check,
	.close = close_sqlite,
	.row_uint = row_uint,
	.row_text = row_text,
	.row_blob = row_blob,
};

static vs_status read_version(void *ctx, const struct vs_row *row)
{
	*(uint64_t *)ctx = row_uint(row, 0);
	return VS_OK;
}

/* Only after there is a table of them. */
static vs_status version_of(struct vs_store *s, uint64_t *out)
{
	vs_status status = query(s,
	                         "SELECT CAST(value AS BIGINT) FROM meta "
	                         "WHERE name = 'schema'",
	                         NULL, 0, read_version, out);

	if (!status && (*out < 1 || *out > VS_SCHEMA_VERSION)) {
		snprintf(s->error, sizeof s->error,
		         "made by another version of voltseal-server");
		status = VS_ERR_STATE;
	}
	return status;
}

vs_status vs_store_older(struct vs_store *s, bool *out)
{
	uint64_t version = 0;
	vs_status status = version_of(s, &version);

	*out = !status && version < VS_SCHEMA_VERSION;
	return status;
}

/* From an older version to ours. */
static vs_status step_up(struct vs_store *s, uint64_t from)
{
	char text[24];
	vs_status status = VS_OK;

	for (uint64_t v = from; v < VS_SCHEMA_VERSION; v++)
		for (size_t i = 0; !status && vs_schema_steps[v - 1][i]; i++)
			status = query(s, vs_schema_steps[v - 1][i], NULL, 0,
			               NULL, NULL);
	snprintf(text, sizeof text, "%d", VS_SCHEMA_VERSION);
	return status ? status
	              : query(s,
	                      "UPDATE meta SET value = ?1 "
	                      "WHERE name = 'schema'",
	                      (struct vs_value[]){vs_text(text)}, 1, NULL,
	                      NULL);
}

static vs_status make_tables(struct vs_store *s)
{
	uint64_t version = VS_SCHEMA_VERSION;
	char text[24];
	vs_status status = begin(s);

	snprintf(text, sizeof text, "%d", VS_SCHEMA_VERSION);
	for (size_t i = 0; !status && vs_schema[i]; i++)
		status = query(s, vs_schema[i], NULL, 0, NULL, NULL);
	if (!status)
		status = query(s,
		               "INSERT INTO meta (name, value) VALUES "
		               "('schema', ?1) ON CONFLICT (name) DO NOTHING",
		               (struct vs_value[]){vs_text(text)}, 1, NULL,
		               NULL);
	if (!status)
		status = version_of(s, &version);
	if (!status && version < VS_SCHEMA_VERSION)
		status = step_up(s, version);
	if (status) {
		undo(s);
		return status;
	}
	return commit(s);
}

static vs_status prepare_file(struct sqlite *q, bool writer)
{
	if (sqlite3_busy_timeout(q->db, busy_ms) != SQLITE_OK ||
	    sqlite3_extended_result_codes(q->db, 1) != SQLITE_OK ||
	    sqlite3_exec(q->db,
	                 "PRAGMA synchronous = FULL;"
	                 "PRAGMA foreign_keys = ON;"
	                 "PRAGMA trusted_schema = OFF;",
	                 NULL, NULL, NULL) != SQLITE_OK)
		return failed(q);
	if (!writer)
		return VS_OK;
	if (sqlite3_exec(q->db, "PRAGMA journal_mode = WAL;", NULL, NULL,
	                 NULL) != SQLITE_OK)
		return failed(q);
	return make_tables(&q->base);
}

vs_status vs_store_open_sqlite(const char *path, bool writer,
                               struct vs_store **out, char error[static 256])
{
	int flags = writer ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
	                   : SQLITE_OPEN_READONLY;
	struct sqlite *q = calloc(1, sizeof *q);

	*out = NULL;
	error[0] = 0;
	if (!q)
		return VS_ERR_NOMEM;
	q->base.ops = &ops;
	vs_status status = VS_OK;
	if (sqlite3_open_v2(path, &q->db, flags | SQLITE_OPEN_NOMUTEX, NULL) !=
	    SQLITE_OK)
		status = q->db ? failed(q) : VS_ERR_NOMEM;
	if (!status)
		status = prepare_file(q, writer);
	if (status) {
		snprintf(error, 256, "%s: %s", path, q->base.error);
		close_sqlite(&q->base);
		return status;
	}
	*out = &q->base;
	return VS_OK;
}

vs_status vs_store_open_copy(const char *path, struct vs_store **out,
                             char error[static 256])
{
	VS_AUTO(vs_store_close) struct vs_store *from = NULL;
	vs_status status = vs_store_open_sqlite(path, false, &from, error);

	*out = NULL;
	if (!status)
		status = vs_store_open_sqlite(":memory:", true, out, error);
	if (status)
		return status;
	if (copy(of(from)->db, of(*out)->db)) {
		snprintf(error, 256, "%s: %s", path,
		         sqlite3_errmsg(of(*out)->db));
		status = VS_ERR_IO;
	} else {
		status = make_tables(*out);
		if (status)
			snprintf(error, 256, "%s: %s", path, (*out)->error);
	}
	if (status)
		vs_store_close(out);
	return status;
}

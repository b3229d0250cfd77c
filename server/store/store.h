/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/store.h - rows that survive, in a small common SQL.
 *
 * What is committed is on disk: a commit that returned VS_OK is there after a
 * power cut.  The SQL is kept to what every engine understands: own keys,
 * ON CONFLICT (key) DO UPDATE or NOTHING, keyset paging; no sequences, no
 * triggers, no locks.  Placeholders are ?1, ?2 ...
 *
 * One thread at a time uses a store; a reader opens its own.
 */
#ifndef VS_SERVER_STORE_STORE_H
#define VS_SERVER_STORE_STORE_H

#include "base/status.h"

struct vs_store;
struct vs_row; /* the row a callback is shown; only during the call */

enum vs_value_kind { VS_VALUE_UINT, VS_VALUE_TEXT, VS_VALUE_BLOB };

/* One argument of a statement; borrows its bytes. */
struct vs_value {
	enum vs_value_kind kind;
	uint64_t number; /* at most 2^63-1 */
	const void *bytes;
	size_t len;
};

struct vs_value vs_uint(uint64_t number);
struct vs_value vs_text(const char *text);
struct vs_value vs_blob(const void *bytes, size_t len);

/* Called for each row; another status than VS_OK ends the query with it. */
typedef vs_status (*vs_row_fn)(void *ctx, const struct vs_row *row);

/* What an engine is. */
struct vs_store_ops {
	vs_status (*query)(struct vs_store *s, const char *sql,
	                   const struct vs_value *args, size_t count,
	                   vs_row_fn each, void *ctx);
	vs_status (*begin)(struct vs_store *s);
	vs_status (*commit)(struct vs_store *s);
	void (*undo)(struct vs_store *s);
	vs_status (*mark)(struct vs_store *s);
	vs_status (*release)(struct vs_store *s);
	void (*back)(struct vs_store *s);
	vs_status (*backup)(struct vs_store *s, const char *path);
	vs_status (*check)(struct vs_store *s);
	void (*close)(struct vs_store *s);
	uint64_t (*row_uint)(const struct vs_row *row, int column);
	const char *(*row_text)(const struct vs_row *row, int column);
	const void *(*row_blob)(const struct vs_row *row, int column,
	                        size_t *len);
};

struct vs_store {
	const struct vs_store_ops *ops;
	char error[160]; /* what the last failure was, for a person */
};

/* Opens the database file; writer makes it and its tables if they are
 * missing.  Gives *out: vs_store_close().
 * VS_OK; VS_ERR_IO with a line in error[]; VS_ERR_STATE if the file was made
 * by a newer version; VS_ERR_NOMEM.
 */
vs_status vs_store_open_sqlite(const char *path, bool writer,
                               struct vs_store **out,
                               char error[static 256]) VS_MUST_CHECK;
void vs_store_close(struct vs_store **s); /* also for VS_AUTO */

/* Opens a copy of it in memory, with the tables of this version: what a
 * writer would make of it.  VS_OK; as vs_store_open_sqlite().
 */
vs_status vs_store_open_copy(const char *path, struct vs_store **out,
                             char error[static 256]) VS_MUST_CHECK;
/* Whether an older version wrote it last.
 * VS_OK; VS_ERR_STATE (a newer one did); VS_ERR_IO.
 */
vs_status vs_store_older(struct vs_store *s, bool *out) VS_MUST_CHECK;

/* Runs one statement.  each may be NULL.  sql is kept: a string constant.
 * VS_OK; VS_ERR_STATE if a key is taken already; VS_ERR_IO; what each gives.
 */
vs_status vs_store_query(struct vs_store *s, const char *sql,
                         const struct vs_value *args, size_t count,
                         vs_row_fn each, void *ctx) VS_MUST_CHECK;

/* A transaction that others see whole or not at all.  After another status
 * than VS_OK of commit nothing of it is there; undo ends it likewise.
 */
vs_status vs_store_begin(struct vs_store *s) VS_MUST_CHECK;
vs_status vs_store_commit(struct vs_store *s) VS_MUST_CHECK;
void vs_store_undo(struct vs_store *s);

/* Within a transaction: a mark to go back to, one at a time.  Each mark ends
 * with a release or a back.
 */
vs_status vs_store_mark(struct vs_store *s) VS_MUST_CHECK;
vs_status vs_store_release(struct vs_store *s) VS_MUST_CHECK;
void vs_store_back(struct vs_store *s);

/* Writes all of it, as it is at one moment, to a new file, durably; others
 * may write meanwhile.  VS_OK; VS_ERR_IO: the file may be there in part.
 */
vs_status vs_store_backup(struct vs_store *s, const char *path) VS_MUST_CHECK;
/* Whether the engine finds its own files in order.  VS_OK; VS_ERR_REFUSED. */
vs_status vs_store_check(struct vs_store *s) VS_MUST_CHECK;

/* Columns count from 0; text and blob borrow, text is never NULL. */
uint64_t vs_row_uint(const struct vs_store *s, const struct vs_row *row,
                     int column);
const char *vs_row_text(const struct vs_store *s, const struct vs_row *row,
                        int column);
const void *vs_row_blob(const struct vs_store *s, const struct vs_row *row,
                        int column, size_t *len);

/* The statements that make the tables, in order; NULL ends. */
extern const char *const vs_schema[];
#define VS_SCHEMA_VERSION 4

/* What takes a database of version i + 1 to the next; NULL ends. */
#define VS_SCHEMA_STEP_MAX 12
extern const char *const vs_schema_steps[VS_SCHEMA_VERSION][VS_SCHEMA_STEP_MAX];

#endif

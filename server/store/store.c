/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/store.c - what all engines share: arguments and dispatch.
 */
#include <string.h>

#include "server/store/store.h"

struct vs_value vs_uint(uint64_t number)
{
	return (struct vs_value){.kind = VS_VALUE_UINT, .number = number};
}

struct vs_value vs_text(const char *text)
{
	return (struct vs_value){
		.kind = VS_VALUE_TEXT, .bytes = text, .len = strlen(text)};
}

struct vs_value vs_blob(const void *bytes, size_t len)
{
	return (struct vs_value){
		.kind = VS_VALUE_BLOB, .bytes = bytes, .len = len};
}

void vs_store_close(struct vs_store **s)
{
	if (*s)
		(*s)->ops->close(*s);
	*s = NULL;
}

vs_status vs_store_query(struct vs_store *s, const char *sql,
                         const struct vs_value *args, size_t count,
                         vs_row_fn each, void *ctx)
{
	return s->ops->query(s, sql, args, count, each, ctx);
}

vs_status vs_store_begin(struct vs_store *s)
{
	return s->ops->begin(s);
}

vs_status vs_store_commit(struct vs_store *s)
{
	return s->ops->commit(s);
}

void vs_store_undo(struct vs_store *s)
{
	s->ops->undo(s);
}

vs_status vs_store_mark(struct vs_store *s)
{
	return s->ops->mark(s);
}

vs_status vs_store_release(struct vs_store *s)
{
	return s->ops->release(s);
}

void vs_store_back(struct vs_store *s)
{
	s->ops->back(s);
}

vs_status vs_store_backup(struct vs_store *s, const char *path)
{
	return s->ops->backup(s, path);
}

vs_status vs_store_check(struct vs_store *s)
{
	return s->ops->check(s);
}

uint64_t vs_row_uint(const struct vs_store *s, const struct vs_row *row,
                     int column)
{
	return s->ops->row_uint(row, column);
}

const char *vs_row_text(const struct vs_store *s, const struct vs_row *row,
                        int column)
{
	return s->ops->row_text(row, column);
}

const void *vs_row_blob(const struct vs_store *s, const struct vs_row *row,
                        int column, size_t *len)
{
	return s->ops->row_blob(row, column, len);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/store/pool.h - equal bytes are held once.
 *
 * A fleet says few things, each of them many times: sites, versions, what a
 * report says.  Who takes bytes gets the one copy of them and counts as one
 * of its users; when the last has given it back it is freed.  A copy never
 * changes and never moves, so equal bytes have equal addresses.
 *
 * One thread changes a pool; others may read copies that are in use.
 */
#ifndef VS_SERVER_STORE_POOL_H
#define VS_SERVER_STORE_POOL_H

#include "base/status.h"

struct vs_pool_entry;

/* All zero: empty.  Whoever lets others choose what is held sets a seed that
 * they do not know, before the first is taken.
 */
struct vs_pool {
	struct vs_pool_entry **slots; /* by hash; owned */
	size_t slot_count;            /* 0 or a power of two */
	size_t count;
	uint64_t seed;
};

/* The copy of len bytes, aligned for any object; one use more of it.
 * VS_OK; VS_ERR_NOMEM; VS_ERR_LIMIT (over 4 GiB).
 */
vs_status vs_pool_take(struct vs_pool *p, const void *bytes, size_t len,
                       const void **out) VS_MUST_CHECK;
/* A text with its zero. */
vs_status vs_pool_text(struct vs_pool *p, const char *text,
                       const char **out) VS_MUST_CHECK;
/* One use more of a copy that is in use. */
const void *vs_pool_again(const void *copy);
/* One use less; NULL is nothing. */
void vs_pool_give(struct vs_pool *p, const void *copy);
void vs_pool_drop(struct vs_pool *p);

#endif

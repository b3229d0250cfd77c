/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/delta_spent.h - what a delta's bytes are spent on, by the new image's
 * files.
 *
 * Nothing is lost on the way: the rows' sum is the blocks'.
 */
#ifndef VS_SIGN_DELTA_SPENT_H
#define VS_SIGN_DELTA_SPENT_H

#include "delta/layout.h"
#include "delta/make/names.h"
#include "delta/spent.h"

struct vs_spent_row {
	const char *name; /* the names', or a constant */
	uint64_t bits[VS_SPENT_COUNT];
};

struct vs_spent_rows {
	struct vs_spent_row *list; /* owned; the most expensive first */
	size_t count;
};

/* Shares each block's bits among those whose bytes it has.  Rows that cost
 * nothing are left out.  VS_OK; VS_ERR_NOMEM.  free() the list in every case.
 */
vs_status vs_spent_by_name(const struct vs_names *names,
                           const struct vs_layout *layout,
                           const struct vs_spent *blocks,
                           struct vs_spent_rows *out) VS_MUST_CHECK;
/* The name at a block of the view; NULL if it has none. */
const char *vs_names_at(const struct vs_names *names, uint32_t block);

/* Bits in 1/65536 as bytes. */
uint64_t vs_spent_bytes(uint64_t bits);
uint64_t vs_spent_sum(const uint64_t bits[static VS_SPENT_COUNT]);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/spent.h - what the bytes of a delta were spent on, for people.
 */
#ifndef VS_DELTA_SPENT_H
#define VS_DELTA_SPENT_H

#include "base/status.h"

enum vs_spent_on {
	VS_SPENT_COVERS = 0, /* and the new section table */
	VS_SPENT_HITS,       /* whether predictions hold */
	VS_SPENT_OPERANDS,   /* bytes of addresses that were not foreseen */
	VS_SPENT_MISSES,     /* other bytes within covers */
	VS_SPENT_LITERALS,   /* bytes that no cover has */
	VS_SPENT_COUNT,
};

/* Of one block of the new view, or of a file's. */
struct vs_spent {
	uint64_t bits[VS_SPENT_COUNT]; /* in 1/65536 */
	uint64_t misses, literals;     /* bytes */
	size_t covers;
};

#endif

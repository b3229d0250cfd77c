/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/match.h - which stretches of a new file look like old ones.
 *
 * A suffix array of the old view, and a walk through the new one that leaves
 * an alignment only for a much better one.
 */
#ifndef VS_DELTA_MAKE_MATCH_H
#define VS_DELTA_MAKE_MATCH_H

#include "delta/map.h"

struct vs_covers {
	struct vs_cover *list; /* owned: free() */
	size_t count, cap;
};

/* Finds covers between two views of at most 2^31 - 1 bytes.
 * VS_OK and *out; VS_ERR_NOMEM.
 */
vs_status vs_match(const uint8_t *old, size_t old_len, const uint8_t *new,
                   size_t new_len, struct vs_covers *out) VS_MUST_CHECK;

#endif

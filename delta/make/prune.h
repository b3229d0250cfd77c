/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/prune.h - covers that cost more than they save go.
 */
#ifndef VS_DELTA_MAKE_PRUNE_H
#define VS_DELTA_MAKE_PRUNE_H

#include "delta/make/match.h"

/* Drops covers, or lets a neighbour grow over them, in place. */
void vs_prune(const uint8_t *old, size_t old_len, const uint8_t *new,
              size_t new_len, struct vs_covers *covers);

#endif

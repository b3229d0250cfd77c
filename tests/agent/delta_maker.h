/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/delta_maker.h - deltas between what maker.h makes.
 */
#ifndef VS_TESTS_AGENT_DELTA_MAKER_H
#define VS_TESTS_AGENT_DELTA_MAKER_H

#include "tests/agent/maker.h"

/* Gives *len bytes: free(). */
uint8_t *delta_make(const struct made *from, const struct made *to,
                    size_t *len);
/* One that says it is between these, and asks its applier for all the memory
 * that the format allows, and then for more than that.  Gives the same.
 */
uint8_t *delta_bomb(const struct made *from, const struct made *to,
                    size_t *len);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/clock.h - what the clock on the wall shows, worked out by rule.
 *
 * The campaign looks offsets up in tables; here they follow from the rules of
 * the EU and the USA, so that one can judge the other.
 */
#ifndef VS_FLEET_CLOCK_H
#define VS_FLEET_CLOCK_H

#include "campaign/zone.h"

enum vs_clock { VS_BERLIN, VS_LONDON, VS_NEW_YORK, VS_KOLKATA, VS_CLOCKS };

extern const char *const vs_clock_names[VS_CLOCKS];

/* Local time less UTC, in seconds. */
int32_t vs_clock_offset(enum vs_clock c, uint64_t now_s);
/* Minutes after local midnight. */
unsigned vs_clock_minute(enum vs_clock c, uint64_t now_s);

#define VS_CLOCK_CHANGES 16

/* A table for the years from from_s on, by trying each hour; gives its length,
 * 1 at least.
 */
size_t vs_clock_table(enum vs_clock c, uint64_t from_s,
                      struct vs_zone_change out[static VS_CLOCK_CHANGES]);

#endif

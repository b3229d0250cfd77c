/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/window.h - the hours in which chargers may start, in local time.
 *
 * A window is what the clock on the wall shows.  On the day the clock goes
 * forward a window within the hour that is left out does not open; on the day
 * it goes back one within the hour that comes twice opens twice.
 */
#ifndef VS_CAMPAIGN_WINDOW_H
#define VS_CAMPAIGN_WINDOW_H

#include "campaign/zone.h"

#define VS_WINDOWS_MAX 8
#define VS_EVERY_DAY 0x7f

struct vs_window {
	uint16_t start_min; /* minutes after local midnight, 0..1439 */
	uint16_t end_min;   /* not included; before start: over midnight */
	uint8_t days;       /* on which it begins; bit 0: Monday */
};

/* VS_OK; VS_ERR_INPUT with why. */
vs_status vs_window_check(const struct vs_window *w,
                          struct vs_why *why) VS_MUST_CHECK;

/* Whether one of count windows is open; none at all: always. */
bool vs_window_open(const struct vs_window *w, size_t count,
                    const struct vs_zone *z, uint64_t now_s);

/* When the next one opens, to the minute: now_s if one is open, 0 if none
 * opens within eight days.
 */
uint64_t vs_window_next(const struct vs_window *w, size_t count,
                        const struct vs_zone *z, uint64_t now_s);

/* How many seconds a window is open in the week from from_s on. */
uint32_t vs_window_week(const struct vs_window *w, size_t count,
                        const struct vs_zone *z, uint64_t from_s);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/zone.h - how far a place's clock is from UTC, and since when.
 *
 * The table is passed in, as is the time: whoever calls has read the IANA
 * database.
 */
#ifndef VS_CAMPAIGN_ZONE_H
#define VS_CAMPAIGN_ZONE_H

#include "base/status.h"

struct vs_zone_change {
	int64_t from_s;   /* seconds since 1970, the first one included */
	int32_t offset_s; /* local time less UTC from then on */
};

/* A place's changes in time's order; before the first one its offset holds
 * too.  count 0 is UTC.
 */
struct vs_zone {
	const struct vs_zone_change *at; /* keeps */
	size_t count;
};

int32_t vs_zone_offset(const struct vs_zone *z, uint64_t now_s);

#endif

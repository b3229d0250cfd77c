/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/zone.c - the offset in force.
 */
#include "campaign/zone.h"

int32_t vs_zone_offset(const struct vs_zone *z, uint64_t now_s)
{
	size_t low = 0, high = z->count;

	if (!z->count)
		return 0;
	/* low: all before it have begun. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (z->at[middle].from_s < 0 ||
		    (uint64_t)z->at[middle].from_s <= now_s)
			low = middle + 1;
		else
			high = middle;
	}
	return z->at[low ? low - 1 : 0].offset_s;
}

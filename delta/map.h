/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/map.h - where the bytes of an old file went in the new one.
 *
 * A cover says: new [at, at + len) looks like old [from, from + len).  Covers
 * may overlap in the old file; at each old place the longest one counts.
 */
#ifndef VS_DELTA_MAP_H
#define VS_DELTA_MAP_H

#include "base/status.h"

struct vs_cover {
	uint32_t at;   /* in the new file; covers are sorted by it, apart */
	uint32_t from; /* in the old file */
	uint32_t len;  /* not 0 */
};

/* One stretch of the old file with one shift. */
struct vs_map_row {
	uint32_t from, len;
	int32_t shift;   /* new place - old place */
	uint32_t weight; /* the cover's whole length */
};

struct vs_map {
	struct vs_map_row *rows; /* by from, not overlapping; owned */
	size_t count;
};

/* Gives *m: vs_map_drop().  VS_OK; VS_ERR_NOMEM. */
vs_status vs_map_init(struct vs_map *m, const struct vs_cover *covers,
                      size_t count) VS_MUST_CHECK;
void vs_map_drop(struct vs_map *m); /* also of a zeroed one */

/* The row that holds an old place; NULL if none does. */
const struct vs_map_row *vs_map_find(const struct vs_map *m, uint32_t from);
/* The weightier one of its neighbours; NULL if the map is empty. */
const struct vs_map_row *vs_map_near(const struct vs_map *m, uint32_t from);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/grid.h - which chargers are away now, by site and feeder group.
 *
 * One grid is shared by all campaigns, so that two of them cannot take two
 * chargers of one feeder group.  Everything asked of it takes the same time,
 * however many chargers there are.  Times are kept to the year 2106.
 */
#ifndef VS_CAMPAIGN_GRID_H
#define VS_CAMPAIGN_GRID_H

#include "campaign/zone.h"

#define VS_NO_GROUP UINT32_MAX

struct vs_group {
	uint32_t size; /* chargers in it */
	uint32_t away; /* of them */
};

struct vs_grid_device {
	uint32_t site, feeder; /* groups; feeder may be VS_NO_GROUP */
	uint16_t zone;
	uint16_t busy;   /* campaigns in which it is under way */
	uint16_t failed; /* campaigns in which it failed */
	bool ill;        /* by its last signed report */
	bool away;       /* counted in its groups */
	bool has_faults; /* its reports count them */
	uint32_t last_report_s;
	/* Faults as the reports count them: now, and at two moments before,
	 * the older one at least VS_MARK_S ago once there is such a one.
	 */
	uint32_t faults, old_faults, new_faults;
	uint32_t old_s, new_s;
};

#define VS_MARK_S (7 * 86400)

struct vs_names; /* groups by name */

struct vs_grid {
	struct vs_grid_device *devices; /* owned */
	size_t count, cap;
	struct vs_group *sites, *feeders; /* owned */
	struct vs_names *site_names, *feeder_names;
	const struct vs_zone **zones; /* owned; what they point to is kept */
	size_t zone_count;
};

void vs_grid_drop(struct vs_grid *g);

/* Gives a zone a number; the same pointer gets the same one.
 * VS_OK; VS_ERR_NOMEM; VS_ERR_LIMIT (more than 65535).
 */
vs_status vs_grid_zone(struct vs_grid *g, const struct vs_zone *z,
                       uint16_t *out) VS_MUST_CHECK;

/* Adds a charger, numbered from 0 on.  feeder "": none.
 * VS_OK; VS_ERR_NOMEM; VS_ERR_LIMIT.
 */
vs_status vs_grid_add(struct vs_grid *g, const char *site, const char *feeder,
                      uint16_t zone, uint32_t *out) VS_MUST_CHECK;

/* What a charger's last signed report said. */
struct vs_grid_report {
	bool healthy, has_faults;
	uint64_t faults; /* since it was made */
	uint64_t time_s; /* when it came in */
};
void vs_grid_report(struct vs_grid *g, uint32_t device,
                    const struct vs_grid_report *r);

/* Puts back what reports had said: ill, last_report_s, faults and marks. */
void vs_grid_restore(struct vs_grid *g, uint32_t device,
                     const struct vs_grid_device *kept);

/* Under way in one campaign more (1) or less (-1); failed likewise. */
void vs_grid_count(struct vs_grid *g, uint32_t device, int busy, int failed);

/* Chargers of its site or feeder group that are away, without itself. */
uint32_t vs_grid_site_away(const struct vs_grid *g, uint32_t device);
uint32_t vs_grid_feeder_away(const struct vs_grid *g, uint32_t device);
uint32_t vs_grid_site_size(const struct vs_grid *g, uint32_t device);
const struct vs_zone *vs_grid_zone_of(const struct vs_grid *g, uint32_t device);

#endif

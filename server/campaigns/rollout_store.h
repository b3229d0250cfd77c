/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout_store.h - campaigns and their members as rows.
 *
 * Sets of chargers are bitmaps over their seq: 125 kB for a million.
 */
#ifndef VS_SERVER_CAMPAIGNS_ROLLOUT_STORE_H
#define VS_SERVER_CAMPAIGNS_ROLLOUT_STORE_H

#include "server/campaigns/rollout.h"

/* A set of chargers by seq. */
struct vs_rollout_set {
	uint8_t *bits; /* owned */
	size_t len;
};
/* VS_ERR_NOMEM. */
vs_status vs_rollout_set_add(struct vs_rollout_set *s,
                             uint64_t seq) VS_MUST_CHECK;
bool vs_rollout_set_has(const struct vs_rollout_set *s, uint64_t seq);
void vs_rollout_set_drop(struct vs_rollout_set *s); /* also for VS_AUTO */

/* kind: "members", or "skip WHY". */
vs_status vs_rollout_set_store(struct vs_store *s, const char *campaign,
                               const char *kind,
                               const struct vs_rollout_set *set) VS_MUST_CHECK;
/* VS_OK, and an empty set with bits NULL if there is none. */
vs_status vs_rollout_set_load(struct vs_store *s, const char *campaign,
                              const char *kind,
                              struct vs_rollout_set *out) VS_MUST_CHECK;

vs_status vs_rollout_insert(struct vs_store *s,
                            const struct vs_rollout *r) VS_MUST_CHECK;
vs_status vs_rollout_update(struct vs_store *s, const struct vs_rollout *r,
                            enum vs_campaign_state state, const char *because,
                            const char *approved_by) VS_MUST_CHECK;

/* A member as it is to be written. */
struct vs_member_row {
	const struct vs_rollout *rollout;
	const char *device;
	const struct vs_seat *seat;
	const struct vs_rollout_note *note;
};
vs_status vs_member_store(struct vs_store *s,
                          const struct vs_member_row *row) VS_MUST_CHECK;
vs_status vs_assignment_store(struct vs_store *s, const char *device,
                              const char *release,
                              const char *campaign) VS_MUST_CHECK;

/* The moments that a charger's faults are compared with, if they moved. */
vs_status vs_marks_store(struct vs_store *s, const char *device,
                         const struct vs_grid_device *was,
                         const struct vs_grid_device *is) VS_MUST_CHECK;

vs_status vs_freeze_store(struct vs_store *s,
                          const struct vs_freeze *f) VS_MUST_CHECK;

#endif

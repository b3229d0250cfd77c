/* SPDX-License-Identifier: Apache-2.0
 *
 * server/rollout_store.h - campaigns and their members as rows.
 */
#ifndef VS_SERVER_ROLLOUT_STORE_H
#define VS_SERVER_ROLLOUT_STORE_H

#include "server/rollout.h"

/* A member as it is to be written. */
struct vs_member_row {
	const struct vs_rollout *rollout;
	const struct vs_member *member;
	const char *reason, *detail, *before_release, *before_campaign;
};

vs_status vs_rollout_insert(struct vs_store *s,
                            const struct vs_rollout *r) VS_MUST_CHECK;
vs_status vs_rollout_update(struct vs_store *s, const struct vs_rollout *r,
                            enum vs_campaign_state state, const char *because,
                            const char *approved_by) VS_MUST_CHECK;
vs_status vs_member_store(struct vs_store *s,
                          const struct vs_member_row *row) VS_MUST_CHECK;
vs_status vs_assignment_store(struct vs_store *s, const char *device,
                              const char *release,
                              const char *campaign) VS_MUST_CHECK;

#endif

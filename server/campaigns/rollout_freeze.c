/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout_freeze.c - stopping everything at once.
 *
 * One person stops; another lets it go on.  Who was told and can still be
 * reached is told no more, and waits.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/audit/audit.h"
#include "server/campaigns/rollout.h"
#include "server/campaigns/rollout_store.h"

static vs_status withdraw_all(struct vs_rollouts *all,
                              const struct vs_rollout_with *with,
                              const char *who,
                              struct vs_rollout_changes *changes)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < all->count; i++)
		status = vs_rollout_withdraw(all->all[i], with, "frozen",
		                             changes);
	for (size_t i = 0; !status && i < changes->count; i++)
		status = vs_rollout_change_write(&changes->at[i], with, who);
	return status;
}

vs_status vs_rollouts_freeze(struct vs_rollouts *all,
                             const struct vs_rollout_with *with,
                             const struct vs_freeze *to, const char *who)
{
	struct vs_rollout_changes changes = {0};
	const struct vs_audit record = {who, to->on ? "frozen" : "unfrozen",
	                                "all", "", to->because};
	vs_status status = VS_OK;

	if (to->on == all->freeze.on)
		return VS_ERR_STATE;
	if (!to->on && strcmp(who, all->freeze.by) == 0)
		return VS_ERR_DENIED;
	if (to->on)
		status = withdraw_all(all, with, who, &changes);
	if (!status)
		status = vs_freeze_store(with->store, to);
	if (!status)
		status = vs_audit_append(with->store, with->now_s, &record);
	if (!status) {
		pthread_rwlock_wrlock(with->lock);
		all->freeze = *to;
		vs_rollout_apply(&changes);
		pthread_rwlock_unlock(with->lock);
	}
	vs_rollout_changes_drop(&changes);
	return status;
}

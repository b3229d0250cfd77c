/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/scope.h - which chargers and campaigns a person has to do
 * with.
 *
 * A person without scopes has to do with all.  One with scopes has to do with
 * a charger that one of them fits, and with a campaign all of whose chargers
 * he has to do with.  What he has nothing to do with is not there for him.
 */
#ifndef VS_SERVER_CAMPAIGNS_SCOPE_H
#define VS_SERVER_CAMPAIGNS_SCOPE_H

#include "server/campaigns/rollout.h"
#include "server/people/people.h"

bool vs_scope_device(const struct vs_person *p, const struct vs_device *d);
bool vs_scope_rollout(const struct vs_person *p, const struct vs_rollout *r);

/* Takes out of a page of audit records those about what p has nothing to do
 * with; his own deeds stay.  Under the server's lock.  VS_OK; VS_ERR_NOMEM.
 */
vs_status vs_scope_audit(const struct vs_person *p, const struct vs_fleet *f,
                         const struct vs_rollouts *all,
                         json_t *records) VS_MUST_CHECK;

#endif

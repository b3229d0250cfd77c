/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/operator_campaigns.h - making and showing campaigns, shared.
 */
#ifndef VS_SERVER_API_OPERATOR_CAMPAIGNS_H
#define VS_SERVER_API_OPERATOR_CAMPAIGNS_H

#include "server/api/request.h"

/* Makes a campaign of a parsed body, with members, in no table yet.
 * VS_OK and *out (vs_rollout_free); VS_ERR_INPUT; VS_ERR_DENIED (scopes).
 */
vs_status vs_operator_campaign_make(struct vs_request *q, json_t *body,
                                    const struct vs_rollout_with *with,
                                    struct vs_rollout **out,
                                    struct vs_why *why) VS_MUST_CHECK;
/* Makes it, writes it, takes it into the table; its id. */
vs_status vs_operator_campaign_create(struct vs_request *q, json_t *body,
                                      const struct vs_rollout_with *with,
                                      char id[static VS_ROLLOUT_ID_LEN],
                                      struct vs_why *why) VS_MUST_CHECK;
/* The answer that shows it. */
void vs_operator_campaign_show(struct vs_request *r, unsigned code,
                               const char *id);
/* The answer to a plan that does not do; a filter's error has its column. */
void vs_operator_campaign_fail(struct vs_request *r, vs_status status,
                               const struct vs_why *why, const json_t *asked);

#endif

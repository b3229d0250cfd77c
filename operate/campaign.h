/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/campaign.h - voltseal campaign's commands, over several files.
 */
#ifndef VS_OPERATE_CAMPAIGN_H
#define VS_OPERATE_CAMPAIGN_H

#include <jansson.h>

#include "operate/args.h"

/* The path of the campaign that the first word names. */
enum vs_exit vs_campaign_path(const struct vs_args *a, char *out,
                              size_t cap) VS_MUST_CHECK;
/* A campaign as a table of fields and one of members, or as JSON. */
void vs_campaign_print(const struct vs_args *a, const json_t *v);

enum vs_exit vs_campaign_watch(const struct vs_args *a);
/* --wait: until none of its chargers installs; until another person has
 * approved it (VS_EXIT_ABORTED: it was aborted); until none of any campaign
 * installs.
 */
enum vs_exit vs_campaign_wait_quiet(const struct vs_args *a) VS_MUST_CHECK;
enum vs_exit vs_campaign_wait_decided(const struct vs_args *a,
                                      const char *id) VS_MUST_CHECK;
enum vs_exit vs_campaigns_wait_quiet(const struct vs_args *a) VS_MUST_CHECK;
enum vs_exit vs_campaign_dry_run(const struct vs_args *a);
enum vs_exit vs_campaign_send_back(const struct vs_args *a);
enum vs_exit vs_campaign_members(const struct vs_args *a);
enum vs_exit vs_campaign_stuck(const struct vs_args *a);
enum vs_exit vs_campaign_forecast(const struct vs_args *a);

#endif

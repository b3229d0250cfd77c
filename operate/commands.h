/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/commands.h - the groups of subcommands; operate/main.c loops over
 * them.
 */
#ifndef VS_OPERATE_COMMANDS_H
#define VS_OPERATE_COMMANDS_H

#include "operate/args.h"

/* All groups, in the order of --help, and the options of every command. */
extern const struct vs_group vs_groups[];
extern const struct vs_option vs_globals[];

extern const struct vs_option vs_completion_options[];
extern const struct vs_command vs_completion_commands[];
extern const struct vs_option vs_release_options[];
extern const struct vs_command vs_release_commands[];
extern const struct vs_option vs_device_options[];
extern const struct vs_command vs_device_commands[];
extern const struct vs_option vs_bundle_options[];
extern const struct vs_command vs_bundle_commands[];
extern const struct vs_option vs_campaign_options[];
extern const struct vs_command vs_campaign_commands[];
extern const struct vs_option vs_audit_options[];
extern const struct vs_command vs_audit_commands[];
extern const struct vs_option vs_events_options[];
extern const struct vs_command vs_events_commands[];
extern const struct vs_option vs_fleet_options[];
extern const struct vs_command vs_fleet_commands[];
extern const struct vs_option vs_freeze_options[];
extern const struct vs_command vs_freeze_commands[];
extern const struct vs_option vs_forecast_options[];
extern const struct vs_command vs_forecast_commands[];
extern const struct vs_option vs_hook_options[];
extern const struct vs_command vs_hook_commands[];
extern const struct vs_option vs_token_options[];
extern const struct vs_command vs_token_commands[];
extern const struct vs_option vs_whoami_options[];
extern const struct vs_command vs_whoami_commands[];
extern const struct vs_option vs_tuf_options[];
extern const struct vs_command vs_tuf_commands[];
extern const struct vs_option vs_uptane_options[];
extern const struct vs_command vs_uptane_commands[];
extern const struct vs_option vs_witness_options[];
extern const struct vs_command vs_witness_commands[];
extern const struct vs_option vs_monitor_options[];
extern const struct vs_command vs_monitor_commands[];

#endif

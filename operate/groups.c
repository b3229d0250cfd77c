/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/groups.c - every group of commands, and the options of all.
 */
#include "operate/commands.h"

/* clang-format off */
const struct vs_group vs_groups[] = {
	{"release",  "what the signing room made",
	 vs_release_options, vs_release_commands},
	{"campaign", "bring a release to chargers, wave by wave",
	 vs_campaign_options, vs_campaign_commands},
	{"freeze",   "stop everything, and let it go on",
	 vs_freeze_options, vs_freeze_commands},
	{"device",   "the chargers and how they are",
	 vs_device_options, vs_device_commands},
	{"bundle",   "a release on a stick",
	 vs_bundle_options, vs_bundle_commands},
	{"audit",    "who did what, in a chain of hashes",
	 vs_audit_options, vs_audit_commands},
	{"fleet",    "who runs what, and who should run something else",
	 vs_fleet_options, vs_fleet_commands},
	{"forecast", "which certificates and metadata end when",
	 vs_forecast_options, vs_forecast_commands},
	{"events",   "what happens, as it happens",
	 vs_events_options, vs_events_commands},
	{"hook",     "programs that the server tells what happens",
	 vs_hook_options, vs_hook_commands},
	{"whoami",   "who you are to the server",
	 vs_whoami_options, vs_whoami_commands},
	{"token",    "your own tokens, for pipelines and other machines",
	 vs_token_options, vs_token_commands},
	{"tuf",      "a plain TUF client, for any TUF 1.0 repository",
	 vs_tuf_options, vs_tuf_commands},
	{"uptane",   "what a charger would do with two repositories",
	 vs_uptane_options, vs_uptane_commands},
	{"witness",  "cosigns checkpoints of transparency logs",
	 vs_witness_options, vs_witness_commands},
	{"monitor",  "follows a transparency log",
	 vs_monitor_options, vs_monitor_commands},
	{"completion", "what bash completes, for your own shell's start",
	 vs_completion_options, vs_completion_commands},
	{0},
};

const struct vs_option vs_globals[] = {
	{"server",     "URL",  NULL, false, "the server's https:// address"},
	{"ca",         "FILE", NULL, false, "PEM file of the CA it is under"},
	{"token-file", "FILE", NULL, false,
	 "your token, in a file of mode 0600"},
	{"config",     "FILE", NULL, false,
	 "instead of ~/.config/voltseal/operator.conf"},
	{"json",       NULL,   NULL, false, "print JSON for other programs"},
	{0},
};
/* clang-format on */

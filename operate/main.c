/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/main.c - voltseal, the operator's command line.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/config.h"
#include "base/log.h"
#include "operate/client.h"
#include "operate/commands.h"

/* clang-format off */
static const struct vs_group groups[] = {
	{"release",  "what the signing room made",
	 vs_release_options, vs_release_commands},
	{"campaign", "bring a release to chargers, wave by wave",
	 vs_campaign_options, vs_campaign_commands},
	{"device",   "the chargers and how they are",
	 vs_device_options, vs_device_commands},
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
	{"tuf",      "a plain TUF client, for any TUF 1.0 repository",
	 vs_tuf_options, vs_tuf_commands},
	{"uptane",   "what a charger would do with two repositories",
	 vs_uptane_options, vs_uptane_commands},
	{"witness",  "cosigns checkpoints of transparency logs",
	 vs_witness_options, vs_witness_commands},
	{"monitor",  "follows a transparency log",
	 vs_monitor_options, vs_monitor_commands},
	{0},
};

static const struct vs_option globals[] = {
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

static void print_options(const struct vs_option *o, const char *command)
{
	char left[64];

	for (; o->name; o++) {
		if (command && !vs_option_fits(o, command))
			continue;
		(void)snprintf(left, sizeof left, "--%s%s%s", o->name,
		               o->value ? " " : "", o->value ? o->value : "");
		printf("  %-26s %s\n", left, o->help);
	}
}

static void print_commands(const struct vs_group *g)
{
	char left[64];

	for (const struct vs_command *c = g->commands; c->run; c++) {
		(void)snprintf(left, sizeof left, "%s%s%s%s%s", g->name,
		               *c->name ? " " : "", c->name,
		               *c->args ? " " : "", c->args);
		printf("  %-28s %s\n", left, c->summary);
	}
}

static void help_all(void)
{
	printf("usage: voltseal COMMAND [OPTION...]\n\n"
	       "Brings signed releases to chargers and shows what happens.  "
	       "Nothing you can do\nhere makes a charger run what the release "
	       "team did not sign.\n");
	for (const struct vs_group *g = groups; g->name; g++) {
		printf("\n%s: %s\n", g->name, g->summary);
		print_commands(g);
	}
	printf("\noptions of every command:\n");
	print_options(globals, NULL);
	printf("  %-26s %s\n", "--help",
	       "this, or more: voltseal campaign create --help");
	printf("\na first rollout:\n"
	       "  voltseal release upload out/\n"
	       "  voltseal release promote 1.1.0 --to pilot "
	       "--evidence sbom=1.1.0.spdx.json\n"
	       "  voltseal campaign create --name spring --release 1.1.0 \\\n"
	       "      --wave 1 --wave 50%% --wave 100%% --per-site 1 "
	       "--soak 10m\n"
	       "  voltseal campaign approve 1      (another person)\n"
	       "  voltseal campaign start 1\n"
	       "  voltseal campaign watch 1\n"
	       "\nexit status: 0 done, 1 refused or failed, 2 wrong command "
	       "line, 3 no answer\nfrom the server\n");
}

static void help_group(const struct vs_group *g)
{
	printf("usage: voltseal %s COMMAND [OPTION...]\n\n%s: %s\n", g->name,
	       g->name, g->summary);
	print_commands(g);
	if (g->options->name) {
		printf("\noptions:\n");
		print_options(g->options, NULL);
	}
}

static void help_config(void)
{
	printf("\nThe first three can stand in VOLTSEAL_SERVER, VOLTSEAL_CA, "
	       "VOLTSEAL_TOKEN_FILE,\nor in the config file as lines of "
	       "key = value:\n");
	for (size_t i = 0; i < vs_client_key_count; i++)
		printf("  %-26s %s\n", vs_client_keys[i].name,
		       vs_client_keys[i].help);
}

static void help_command(const struct vs_group *g, const struct vs_command *c)
{
	bool some = false;

	printf("usage: voltseal %s%s%s%s%s [OPTION...]\n\n%s\n", g->name,
	       *c->name ? " " : "", c->name, *c->args ? " " : "", c->args,
	       c->summary);
	if (c->help)
		printf("\n%s", c->help);
	for (const struct vs_option *o = g->options; o->name; o++)
		some = some || vs_option_fits(o, c->name);
	if (some) {
		printf("\noptions:\n");
		print_options(g->options, c->name);
	}
	printf("\noptions of every command:\n");
	print_options(globals, NULL);
	if (strcmp(g->name, "tuf") != 0 && strcmp(g->name, "uptane") != 0)
		help_config();
}

static enum vs_exit run(const struct vs_args *a)
{
	if (a->version)
		printf("voltseal " VOLTSEAL_VERSION "\n");
	else if (a->help && !a->group)
		help_all();
	else if (a->help && !a->command)
		help_group(a->group);
	else if (a->help)
		help_command(a->group, a->command);
	else
		return a->command->run(a);
	return VS_EXIT_OK;
}

int main(int argc, char **argv)
{
	struct vs_args args;

	vs_log_init("voltseal");
	enum vs_exit e = vs_args_parse(argc, argv, groups, globals, &args);
	if (!e)
		e = run(&args);
	if ((fflush(stdout) || ferror(stdout)) && !e) {
		vs_error("standard output: %s", strerror(errno));
		e = VS_EXIT_FAILED;
	}
	return (int)e;
}

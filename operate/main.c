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
	for (const struct vs_group *g = vs_groups; g->name; g++) {
		printf("\n%s: %s\n", g->name, g->summary);
		print_commands(g);
	}
	printf("\noptions of every command:\n");
	print_options(vs_globals, NULL);
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
	       "line, 3 no answer\nfrom the server; a campaign that was "
	       "followed: 4 halted, 5 aborted, 6 went on too long\n");
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
	print_options(vs_globals, NULL);
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
	enum vs_exit e =
		vs_args_parse(argc, argv, vs_groups, vs_globals, &args);
	if (!e)
		e = run(&args);
	if ((fflush(stdout) || ferror(stdout)) && !e) {
		vs_error("standard output: %s", strerror(errno));
		e = VS_EXIT_FAILED;
	}
	return (int)e;
}

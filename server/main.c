/* SPDX-License-Identifier: Apache-2.0
 *
 * server/main.c - voltseal-server's command line.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/people.h"

/* clang-format off */
static const struct command {
	const char *words[2]; /* the second may be NULL */
	bool takes_name, takes_roles;
	int (*run)(const struct vs_arguments *a);
	const char *help;
} commands[] = {
	{{"run", NULL}, false, false, vs_command_run, "serve until SIGTERM"},
	{{"init", NULL}, false, false, vs_command_init,
	 "make data folder, database and online keys"},
	{{"check-config", NULL}, false, false, vs_command_check,
	 "read all that run would read, and say what is wrong"},
	{{"user", "add"}, true, true, vs_command_user_add,
	 "NAME --role ROLE...: add a person, print the token once"},
	{{"user", "list"}, false, false, vs_command_user_list,
	 "who may do what"},
	{{"user", "remove"}, true, false, vs_command_user_remove,
	 "NAME: the token is void at once"},
};
/* clang-format on */

enum { command_count = sizeof commands / sizeof *commands };

/* The command line or the configuration file is wrong. */
enum { exit_wrong = 2 };

static void help(FILE *to)
{
	const struct vs_config_key *keys;
	size_t count = vs_settings_keys(&keys);

	fprintf(to, "usage: voltseal-server COMMAND --config FILE\n"
	            "       voltseal-server --routes\n"
	            "       voltseal-server --help\n\ncommands:\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];
		char name[32];

		snprintf(name, sizeof name, "%s%s%s", c->words[0],
		         c->words[1] ? " " : "",
		         c->words[1] ? c->words[1] : "");
		fprintf(to, "  %-14s %s\n", name, c->help);
	}
	fprintf(to, "\nroles: viewer operator approver auditor admin\n\n"
	            "settings in FILE:\n");
	for (size_t i = 0; i < count; i++)
		fprintf(to, "  %-22s %s%s%s%s\n", keys[i].name, keys[i].help,
		        keys[i].preset ? " (" : "",
		        keys[i].preset ? keys[i].preset : "",
		        keys[i].preset ? ")" : "");
}

static int wrong(const char *what, const char *which)
{
	char quoted[128];

	vs_error("%s%s%s; see --help", what, which ? ": " : "",
	         which ? vs_log_quote(which, quoted, sizeof quoted) : "");
	return exit_wrong;
}

/* The command and how many words name it; NULL if there is none. */
static const struct command *find(int argc, char **argv, int *used)
{
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];

		*used = c->words[1] ? 2 : 1;
		if (argc > *used && strcmp(argv[1], c->words[0]) == 0 &&
		    (!c->words[1] || strcmp(argv[2], c->words[1]) == 0))
			return c;
	}
	return NULL;
}

static int parse(const struct command *c, int argc, char **argv, int at,
                 struct vs_arguments *out)
{
	for (; at < argc; at++) {
		const char *word = argv[at];
		bool more = at + 1 < argc;

		if (strcmp(word, "--config") == 0 && more) {
			out->config = argv[++at];
		} else if (strcmp(word, "--role") == 0 && more &&
		           c->takes_roles) {
			unsigned bit = vs_people_role(argv[++at]);

			if (!bit)
				return wrong("no such role", argv[at]);
			out->roles |= bit;
		} else if (word[0] != '-' && c->takes_name && !out->name) {
			out->name = word;
		} else {
			return wrong("not understood", word);
		}
	}
	if (!out->config)
		return wrong("--config FILE is missing", NULL);
	if (c->takes_name && !out->name)
		return wrong("NAME is missing", NULL);
	if (c->takes_roles && !out->roles)
		return wrong("--role ROLE is missing", NULL);
	return 0;
}

static int run(const struct command *c, const struct vs_arguments *a)
{
	struct vs_settings settings;
	struct vs_arguments all = *a;
	char error[256];
	int code = exit_wrong;

	all.settings = &settings;
	if (vs_settings_load(a->config, &settings, error))
		vs_error("%s", error);
	else
		code = c->run(&all);
	vs_settings_drop(&settings);
	return code;
}

int main(int argc, char **argv)
{
	struct vs_arguments a = {0};
	int used;

	vs_log_init("voltseal-server");
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		help(stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--routes") == 0)
		return vs_command_routes();
	const struct command *c = find(argc, argv, &used);
	if (!c)
		return wrong(argc < 2 ? "a command is missing"
		                      : "no such command",
		             argc < 2 ? NULL : argv[1]);
	int code = parse(c, argc, argv, used + 1, &a);
	return code ? code : run(c, &a);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/main.c - voltseal-server's command line.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/completion.h"
#include "base/log.h"
#include "server/commands.h"
#include "server/config.h"
#include "server/people/people.h"

/* clang-format off */
static const struct command {
	const char *words[2]; /* the second may be NULL */
	bool takes_name;
	enum { NOTHING, ROLES, NEEDS_ROLES } takes; /* --role, --days, ... */
	int (*run)(const struct vs_arguments *a);
	const char *help;
} commands[] = {
	{{"run", NULL}, false, NOTHING, vs_command_run, "serve until SIGTERM"},
	{{"init", NULL}, false, NOTHING, vs_command_init,
	 "make data folder, database and online keys"},
	{{"check-config", NULL}, false, NOTHING, vs_command_check,
	 "read all that run would read, and say what is wrong"},
	{{"backup", NULL}, true, NOTHING, vs_command_backup,
	 "FILE: write the database to a new file, also while the server runs"},
	{{"restore", NULL}, true, NOTHING, vs_command_restore,
	 "FILE: put it back; the server must not run"},
	{{"user", "add"}, true, NEEDS_ROLES, vs_command_user_add,
	 "NAME --role ROLE... [--scope KIND=VALUE...] [--days N]: add a person, "
	 "print a token once"},
	{{"user", "token"}, true, ROLES, vs_command_user_token,
	 "NAME [--role ROLE...] [--days N]: print one more token"},
	{{"user", "password"}, true, NOTHING, vs_command_user_password,
	 "NAME: read a password, print the second factor once"},
	{{"user", "list"}, false, NOTHING, vs_command_user_list,
	 "who may do what"},
	{{"user", "remove"}, true, NOTHING, vs_command_user_remove,
	 "NAME: all tokens are void at once"},
};
/* clang-format on */

enum { command_count = sizeof commands / sizeof *commands };

/* The command line or the configuration file is wrong. */
enum { exit_wrong = 2 };

enum { preset_days = 365, most_days = 3650 };

static void help(FILE *to)
{
	const struct vs_config_key *keys;
	size_t count = vs_settings_keys(&keys);

	fprintf(to, "usage: voltseal-server COMMAND --config FILE\n"
	            "       voltseal-server --check-config --config FILE\n"
	            "       voltseal-server --routes\n"
	            "       voltseal-server completion [bash]\n"
	            "       voltseal-server --help\n\ncommands:\n");
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];
		char name[32];

		snprintf(name, sizeof name, "%s%s%s", c->words[0],
		         c->words[1] ? " " : "",
		         c->words[1] ? c->words[1] : "");
		fprintf(to, "  %-14s %s\n", name, c->help);
	}
	fprintf(to, "  %-14s %s\n", "completion",
	        "print what bash reads to complete voltseal-server");
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

/* --role ROLE, --scope KIND=VALUE, --days N. */
static int parse_person(const char *option, const char *value,
                        struct vs_arguments *out)
{
	unsigned bit = vs_people_role(value);
	char *end = NULL;

	if (strcmp(option, "--role") == 0) {
		out->person.roles |= bit;
		return bit ? 0 : wrong("no such role", value);
	}
	if (strcmp(option, "--scope") == 0)
		return vs_person_scope(&out->person, value)
		               ? wrong("not site=, tenant= or tag= and a name",
		                       value)
		               : 0;
	unsigned long days = strtoul(value, &end, 10);
	if (strcmp(option, "--days") != 0)
		return wrong("not understood", option);
	if (value[0] < '0' || value[0] > '9' || *end || days == 0 ||
	    days > most_days)
		return wrong("not a number of days", value);
	out->days = (unsigned)days;
	return 0;
}

static int parse(const struct command *c, int argc, char **argv, int at,
                 struct vs_arguments *out)
{
	for (; at < argc; at++) {
		const char *word = argv[at];
		bool more = at + 1 < argc;

		if (strcmp(word, "--config") == 0 && more) {
			out->config = argv[++at];
		} else if (word[0] == '-' && more && c->takes != NOTHING) {
			int code = parse_person(word, argv[++at], out);

			if (code)
				return code;
		} else if (word[0] != '-' && c->takes_name && !out->name) {
			out->name = word;
		} else {
			return wrong("not understood", word);
		}
	}
	if (!out->config)
		return wrong("--config FILE is missing", NULL);
	if (c->takes_name && !out->name)
		return wrong(c->words[1] ? "NAME is missing"
		                         : "FILE is missing",
		             NULL);
	if (c->takes == ROLES && out->person.scope_count)
		return wrong("a token has its person's scopes", "--scope");
	if (c->takes == NEEDS_ROLES && !out->person.roles)
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

/* A script for bash out of the table above; the options of a person are those
 * that parse_person() knows.
 */
static int complete(int argc, char **argv)
{
	VS_AUTO(vs_completion_drop) struct vs_completion s;

	vs_completion_init(&s, "voltseal-server");
	if (argc > 3 || (argc == 3 && strcmp(argv[2], "bash") != 0))
		return wrong("completion: there is one for bash only", NULL);
	vs_completion_command(&s, "", NULL, false);
	vs_completion_option(&s, "check-config", false);
	vs_completion_option(&s, "routes", false);
	for (size_t i = 0; i < command_count; i++) {
		const struct command *c = &commands[i];

		vs_completion_command(&s, c->words[0], c->words[1],
		                      c->takes_name && !c->words[1]);
		vs_completion_option(&s, "config", true);
		if (c->takes != NOTHING)
			vs_completion_option(&s, "role", true);
		if (c->takes == NEEDS_ROLES)
			vs_completion_option(&s, "scope", true);
		if (c->takes != NOTHING)
			vs_completion_option(&s, "days", true);
	}
	vs_completion_command(&s, "completion", NULL, false);
	vs_status status = vs_completion_write(&s, stdout);
	if (status)
		vs_error("completion: %s", vs_status_name(status));
	return status ? 1 : 0;
}

int main(int argc, char **argv)
{
	struct vs_arguments a = {.days = preset_days};
	int used;

	vs_log_init("voltseal-server");
	/* A limit on files is a full disk: an error, not the end. */
	signal(SIGXFSZ, SIG_IGN);
	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		help(stdout);
		return 0;
	}
	if (argc == 2 && strcmp(argv[1], "--routes") == 0)
		return vs_command_routes();
	if (argc > 1 && strcmp(argv[1], "completion") == 0)
		return complete(argc, argv);
	/* as many programs have it */
	if (argc > 1 && strcmp(argv[1], "--check-config") == 0)
		argv[1] += 2;
	const struct command *c = find(argc, argv, &used);
	if (!c)
		return wrong(argc < 2 ? "a command is missing"
		                      : "no such command",
		             argc < 2 ? NULL : argv[1]);
	int code = parse(c, argc, argv, used + 1, &a);
	return code ? code : run(c, &a);
}

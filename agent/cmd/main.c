/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/main.c - voltseal-agent: a table of subcommands.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "agent/cmd/commands.h"
#include "base/completion.h"
#include "base/file.h"
#include "base/log.h"

#define LOCK_TRIES 20
#define LOCK_PAUSE_MS 100

static int completion(int argc, char **argv);

/* clang-format off */
static const struct command {
	const char *name;
	int (*run)(int argc, char **argv);
	const struct option *options;
	const char *help;
	const char *operand; /* NULL: it takes none */
} commands[] = {
	{"run",          vs_cmd_run,          vs_dir_options,
	 "keep this charger up to date (started by the loader)", NULL},
	{"status",       vs_cmd_status,       vs_status_options,
	 "say what runs and what is under way", NULL},
	{"install",      vs_cmd_install,      vs_install_options,
	 "write a release from a bundle or local files", "BUNDLE"},
	{"provision",    vs_cmd_provision,    vs_provision_options,
	 "make a new charger's folder (factory)", NULL},
	{"keyring",      vs_cmd_keyring,      vs_keyring_options,
	 "say or change whom the loader believes", "FILE"},
	{"mark-reset",   vs_cmd_mark_reset,   vs_mark_reset_options,
	 "tell the loader why the machine restarts", "CAUSE"},
	{"check-config", vs_cmd_check_config, vs_dir_options,
	 "read the configuration and say what is wrong", NULL},
	{"completion",   completion,          NULL,
	 "print what bash reads to complete voltseal-agent", NULL},
};
/* clang-format on */

static const char completion_help[] =
	"usage: voltseal-agent completion [bash]\n"
	"\n"
	"It is installed already; for a program that is not:\n"
	"  source <(voltseal-agent completion)\n";

static int completion(int argc, char **argv)
{
	VS_AUTO(vs_completion_drop) struct vs_completion s;

	vs_completion_init(&s, "voltseal-agent");
	if (argc == 2 && strcmp(argv[1], "--help") == 0)
		return fputs(completion_help, stdout) < 0;
	if (argc > 2 || (argc == 2 && strcmp(argv[1], "bash") != 0))
		return vs_cmd_usage(argv[0], "there is one for bash only");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++) {
		const struct option *o = commands[i].options;

		vs_completion_command(&s, commands[i].name, NULL,
		                      commands[i].operand);
		for (; o && o->name; o++)
			vs_completion_option(&s, o->name, o->has_arg);
	}
	vs_status status = vs_completion_write(&s, stdout);
	return status ? vs_cmd_fail(status, argv[0], NULL) : VS_EXIT_OK;
}

static void help(void)
{
	puts("usage: voltseal-agent COMMAND --dir DIR [OPTION...]\n"
	     "\n"
	     "Keeps a charger up to date: believes only what both "
	     "repositories\n"
	     "and the seals' signatures say, writes the slot that does not "
	     "run,\n"
	     "and tries the new image before it is kept.\n");
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		printf("  %-14s%s\n", commands[i].name, commands[i].help);
	puts("\nvoltseal-agent COMMAND --help tells more.");
}

int vs_cmd_usage(const char *command, const char *what)
{
	fprintf(stderr,
	        "voltseal-agent %s: %s\n"
	        "Try: voltseal-agent %s --help\n",
	        command, what, command);
	return VS_EXIT_USAGE;
}

int vs_cmd_fail(vs_status status, const char *about, const struct vs_why *why)
{
	bool refused = status == VS_ERR_REFUSED || status == VS_ERR_INPUT ||
	               status == VS_ERR_LIMIT;

	if (why && why->code != VS_REASON_NONE)
		vs_error("%s: %s: %s", about, vs_reason_name(why->code),
		         why->what);
	else
		vs_error("%s: %s", about, vs_status_name(status));
	return refused ? VS_EXIT_REFUSED : VS_EXIT_FAILED;
}

bool vs_cmd_lock(const char *dir, int *fd)
{
	char path[PATH_MAX];

	*fd = -1;
	if (vs_path_join(path, sizeof(path), dir, "agent/lock") != VS_OK) {
		vs_error("%s: path is too long", dir);
		return false;
	}
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	/* A part of one that was killed may hold it until it sees that. */
	for (int i = 0; *fd >= 0 && i < LOCK_TRIES; i++) {
		const struct timespec pause = {0, LOCK_PAUSE_MS * 1000000L};

		if (flock(*fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK)
			break;
		nanosleep(&pause, NULL);
		errno = EWOULDBLOCK;
	}
	if (*fd >= 0 && errno == EWOULDBLOCK)
		vs_error("%s: another voltseal-agent is at work here", dir);
	else
		vs_error("%s: %s", path, strerror(errno));
	return false;
}

int main(int argc, char **argv)
{
	vs_log_init("voltseal-agent");
	if (argc < 2 || strcmp(argv[1], "--help") == 0 ||
	    strcmp(argv[1], "-h") == 0) {
		help();
		return argc < 2 ? VS_EXIT_USAGE : VS_EXIT_OK;
	}
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return commands[i].run(argc - 1, argv + 1);
	fprintf(stderr, "voltseal-agent: no command of that name\n"
	                "Try: voltseal-agent --help\n");
	return VS_EXIT_USAGE;
}

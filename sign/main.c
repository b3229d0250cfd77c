/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/main.c - voltseal-sign: the offline signing room.
 *
 * Exit codes: 0 done, 1 refused or failed, 2 wrongly called, 3 who asks was
 * not let in (PIN), 4 something that was named is not there.
 */
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/log.h"
#include "sign/commands.h"
#include "sign/offline.h"

const struct vs_command *const vs_commands[] = {
	&vs_cmd_token_init,
	&vs_cmd_key_generate,
	&vs_cmd_key_list,
	&vs_cmd_key_export,
	&vs_cmd_lms_generate,
	&vs_cmd_lms_show,
	&vs_cmd_lms_export,
	&vs_cmd_lms_reserve,
	&vs_cmd_room_init,
	&vs_cmd_propose_release,
	&vs_cmd_propose_renew,
	&vs_cmd_propose_policy,
	&vs_cmd_seal,
	&vs_cmd_show,
	&vs_cmd_approve,
	&vs_cmd_export,
	&vs_cmd_sign,
	&vs_cmd_merge,
	&vs_cmd_transcript_show,
	&vs_cmd_transcript_witness,
	&vs_cmd_publish,
	&vs_cmd_verify,
	&vs_cmd_inspect,
	&vs_cmd_delta_inspect, /* the longer name first */
	&vs_cmd_delta,
	&vs_cmd_forecast,
	&vs_cmd_ca_init,
	&vs_cmd_ca_issue,
	&vs_cmd_log_init,
	&vs_cmd_log_policy,
	&vs_cmd_log_append,
	&vs_cmd_log_checkpoint,
	&vs_cmd_log_request,
	&vs_cmd_log_cosign,
	&vs_cmd_log_prove,
	&vs_cmd_log_verify,
	&vs_cmd_completion,
	NULL,
};

static void help(void)
{
	printf("voltseal-sign - the offline signing room\n\n"
	       "The way of a release:\n"
	       "  token init, key generate, key export   once per person\n"
	       "  lms generate, lms export               and against quantum "
	       "computers\n"
	       "  room init, approve, publish            once per fleet\n"
	       "  propose release                        one person\n"
	       "  show, approve                          m of n people\n"
	       "  export, sign, merge                    or on machines "
	       "apart\n"
	       "  publish                                files for the "
	       "server\n"
	       "  propose renew, propose policy          before an expiry, "
	       "for other keys\n\nCommands:\n");
	for (size_t i = 0; vs_commands[i]; i++)
		printf("  %-19s %s\n", vs_commands[i]->name,
		       vs_commands[i]->summary);
	printf("\nvoltseal-sign COMMAND --help tells each command's "
	       "options.\n"
	       "Exit status: 0 done, 1 refused or failed, 2 wrongly called, "
	       "3 PIN not\naccepted or not confirmed, 4 something that was "
	       "named is not there.\n");
}

/* Whether argv begins with the command's words; *words is their number. */
static bool names(const struct vs_command *c, int argc, char *const *argv,
                  int *words)
{
	const char *rest = c->name;

	for (*words = 0; *rest; ++*words) {
		size_t len = strcspn(rest, " ");

		if (*words == argc || strlen(argv[*words]) != len ||
		    memcmp(argv[*words], rest, len) != 0)
			return false;
		rest += len + (rest[len] == ' ');
	}
	return true;
}

static bool asks_help(int argc, char *const *argv)
{
	for (int i = 0; i < argc; i++)
		if (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))
			return true;
	return false;
}

static int run(const struct vs_command *c, int argc, char *const *argv)
{
	struct vs_args args;
	char error[256] = "";

	if (asks_help(argc, argv)) {
		vs_args_help(c);
		return 0;
	}
	if (vs_args_parse(c, argc, argv, &args, error)) {
		vs_error("%s: %s", c->name, error);
		return 2;
	}
	if (vs_offline_enter(error)) {
		vs_error("%s", error);
		return 1;
	}
	vs_status status = c->run(&args);
	if (fflush(stdout) && !status) {
		vs_error("standard output: cannot be written");
		return 1;
	}
	switch (status) {
	case VS_OK:
		return 0;
	case VS_ERR_DENIED:
		return 3;
	case VS_ERR_ABSENT:
		return 4;
	default:
		return 1;
	}
}

int main(int argc, char **argv)
{
	int words;

	vs_log_init("voltseal-sign");
	signal(SIGPIPE, SIG_IGN);
	signal(SIGXFSZ, SIG_IGN); /* a file too large is an error, no death */
	umask(022); /* nothing in a room is secret; see vs_token_module() */
	for (size_t i = 0; vs_commands[i]; i++)
		if (names(vs_commands[i], argc - 1, argv + 1, &words))
			return run(vs_commands[i], argc - 1 - words,
			           argv + 1 + words);
	if (argc < 2 || asks_help(argc - 1, argv + 1)) {
		help();
		return argc < 2 ? 2 : 0;
	}
	char quoted[64];
	vs_error("%s: no such command; voltseal-sign --help lists them",
	         vs_log_quote(argv[1], quoted, sizeof quoted));
	return 2;
}

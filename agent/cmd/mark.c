/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/mark.c - voltseal-agent mark-reset: why the machine starts next.
 *
 * For hooks of the init system, at whatever moment: it takes no lock and reads
 * nothing but machine.conf.
 */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "agent/cmd/commands.h"
#include "base/log.h"

static const char help[] =
	"usage: voltseal-agent mark-reset --dir DIR CAUSE\n"
	"\n"
	"Leaves the loader a word why the machine is about to restart: CAUSE\n"
	"is request, watchdog or crash.  The loader takes it away; without "
	"one\n"
	"the cause is unknown.  Meant for hooks of the init system, such as a\n"
	"unit that systemd starts by OnFailure=.  Where the loader knows by\n"
	"itself (storage = files) nothing is done.\n"
	"\n"
	"Exit: 0 done; 1 failed; 2 usage.\n";

static const struct {
	const char *name;
	enum vs_reset_cause cause;
} causes[] = {
	{"request",  VS_RESET_REQUEST },
	{"watchdog", VS_RESET_WATCHDOG},
	{"crash",    VS_RESET_CRASH   },
};

static int mark(const char *dir, enum vs_reset_cause cause)
{
	struct vs_machine machine;
	struct vs_storage storage = {.kind = NULL};
	struct vs_division division;
	char error[VS_STORAGE_ERROR_LEN];
	vs_status status;

	if (!vs_cmd_divide(dir, VS_STAYS_NOBODY, &division))
		return VS_EXIT_FAILED;
	status = vs_machine_load(dir, &machine, error);
	if (status == VS_OK)
		status = vs_storage_open(&storage, dir, &machine, error);
	if (status == VS_OK) {
		snprintf(error, sizeof(error),
		         "the word cannot be left in partition record");
		status = vs_storage_put_cause(&storage, cause);
	}
	vs_storage_close(&storage);
	if (status == VS_OK)
		return VS_EXIT_OK;
	vs_error("%s", error);
	return VS_EXIT_FAILED;
}

const struct option vs_mark_reset_options[] = {
	{"dir",  required_argument, NULL, 'd'},
	{"help", no_argument,       NULL, 'h'},
	{NULL,   0,                 NULL, 0  },
};

int vs_cmd_mark_reset(int argc, char **argv)
{
	const char *dir = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "h", vs_mark_reset_options,
	                             NULL)) != -1) {
		if (option == 'h')
			return fputs(help, stdout) < 0;
		if (option != 'd')
			return vs_cmd_usage("mark-reset", "unknown option");
		dir = optarg;
	}
	if (!dir || optind + 1 != argc)
		return vs_cmd_usage("mark-reset", "--dir DIR and a CAUSE");
	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++)
		if (strcmp(argv[optind], causes[i].name) == 0)
			return mark(dir, causes[i].cause);
	return vs_cmd_usage("mark-reset", "CAUSE: request, watchdog or crash");
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/run.c - voltseal-agent run and check-config.
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>

#include "agent/believe/mode.h"
#include "agent/cmd/commands.h"
#include "agent/key/identity.h"
#include "agent/reach/courier.h"
#include "agent/run/agent.h"
#include "base/file.h"
#include "base/log.h"

static volatile sig_atomic_t asked_to_stop;

static void on_signal(int number)
{
	(void)number;
	asked_to_stop = 1;
}

static bool stopped(void)
{
	return asked_to_stop != 0;
}

/* The loader keeps its signals blocked, and that is inherited. */
static bool catch_signals(void)
{
	struct sigaction action = {.sa_handler = on_signal};
	sigset_t none;

	sigemptyset(&none);
	return sigaction(SIGTERM, &action, NULL) == 0 &&
	       sigaction(SIGINT, &action, NULL) == 0 &&
	       signal(SIGPIPE, SIG_IGN) != SIG_ERR &&
	       sigprocmask(SIG_SETMASK, &none, NULL) == 0;
}

const struct option vs_dir_options[] = {
	{"dir",  required_argument, NULL, 'd'},
	{"help", no_argument,       NULL, 'h'},
	{NULL,   0,                 NULL, 0  },
};

/* The directory option that all commands have; NULL after usage or help. */
static const char *only_dir(int argc, char **argv, const char *text, int *code)
{
	const char *dir = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "h", vs_dir_options, NULL)) !=
	       -1) {
		if (option == 'h') {
			fputs(text, stdout);
			*code = VS_EXIT_OK;
			return NULL;
		}
		if (option != 'd') {
			*code = vs_cmd_usage(argv[0], "unknown option");
			return NULL;
		}
		dir = optarg;
	}
	if (!dir || optind != argc)
		*code = vs_cmd_usage(argv[0], "--dir DIR is what it takes");
	return optind == argc ? dir : NULL;
}

static const char run_help[] =
	"usage: voltseal-agent run --dir DIR\n"
	"\n"
	"Runs until SIGTERM (exit 0) or until a reboot is wanted (exit 75).\n"
	"The root of the running image, whose usr/lib/voltseal/health.d holds\n"
	"the health checks, is / on a machine with its own loader (storage =\n"
	"uefi); voltseal-boot says it in VOLTSEAL_IMAGE.\n"
	"Settings are in DIR/agent.conf: see voltseal-agent check-config "
	"--help.\n";

static int live(const char *dir, const struct vs_division *division)
{
	static struct vs_agent agent;
	char error[VS_ERROR_LEN], how[96];
	int code = VS_EXIT_FAILED;

	if (vs_agent_open(&agent, dir, BUILD_TIME_S, error) != VS_OK) {
		vs_error("%s", error);
	} else {
		vs_info("without a network: %s",
		        vs_secluded_say(&division->secluded, how));
		agent.stopped = stopped;
		agent.image = vs_storage_image(&agent.charger.machine);
		agent.conf.runner = division->runner;
		code = vs_agent_run(&agent);
	}
	vs_agent_close(&agent);
	return code;
}

static int run(const char *dir)
{
	VS_AUTO(vs_fd_drop) int lock = -1;
	struct vs_division division;
	int code;

	if (!vs_cmd_lock(dir, &lock) ||
	    !vs_cmd_divide(dir, VS_STAYS_ALL, &division))
		return VS_EXIT_FAILED;
	vs_courier_use(division.runner, 0);
	code = live(dir, &division);
	vs_division_end(&division);
	return code;
}

int vs_cmd_run(int argc, char **argv)
{
	int code = VS_EXIT_USAGE;
	const char *dir = only_dir(argc, argv, run_help, &code);

	if (!dir)
		return code;
	if (!catch_signals()) {
		vs_error("signals cannot be caught");
		return VS_EXIT_FAILED;
	}
	return run(dir);
}

static void print_keys(void)
{
	const struct vs_config_key *keys;
	size_t count = vs_conf_keys(&keys);

	puts("usage: voltseal-agent check-config --dir DIR\n"
	     "\n"
	     "Reads DIR/machine.conf, DIR/keyring, DIR/tlog-policy, "
	     "DIR/agent.conf\n"
	     "and the files it names, looks for the slots, and says what is "
	     "wrong.  Settings of "
	     "agent.conf, KEY = "
	     "VALUE:\n");
	for (size_t i = 0; i < count; i++)
		printf("  %-20s %s%s%s%s\n", keys[i].name, keys[i].help,
		       keys[i].preset ? " [" : " [required",
		       keys[i].preset ? keys[i].preset : "", "]");
}

static int judge(const struct vs_charger *charger, const struct vs_conf *conf,
                 const struct vs_logged *log)
{
	char error[VS_ERROR_LEN];

	for (int i = 0; i < charger->machine.count * VS_SLOTS; i++) {
		int c = i / VS_SLOTS, slot = i % VS_SLOTS;

		if (charger->ops.slot_len(charger->ops.ctx, c, slot) > 0)
			continue;
		vs_error("%s, slot %c: is not there",
		         charger->components[c].name, 'a' + slot);
		return VS_EXIT_FAILED;
	}
	if (vs_identity_check(conf, error) != VS_OK ||
	    vs_mode_check(charger, conf, log, error) != VS_OK) {
		vs_error("%s", error);
		return VS_EXIT_FAILED;
	}
	printf("%s: %d components, server %s: in order%s\n",
	       charger->machine.vehicle, charger->machine.count,
	       conf->server_url, conf->demo ? ", as a demo" : "");
	return VS_EXIT_OK;
}

int vs_cmd_check_config(int argc, char **argv)
{
	int code = VS_EXIT_USAGE;
	const char *dir;
	struct vs_charger charger;
	struct vs_conf conf;
	struct vs_logged log = {.policy = NULL};
	struct vs_division division;
	char error[VS_ERROR_LEN];

	if (argc == 2 && strcmp(argv[1], "--help") == 0) {
		print_keys();
		return VS_EXIT_OK;
	}
	dir = only_dir(argc, argv, "", &code);
	if (!dir)
		return code;
	code = VS_EXIT_FAILED;
	if (!vs_cmd_divide(dir, VS_STAYS_NOBODY, &division))
		return code;
	if (vs_charger_open_blank(&charger, dir, error) != VS_OK) {
		vs_error("%s", error);
	} else if (vs_logged_open(&log, charger.dir, error) != VS_OK ||
	           vs_conf_load(charger.dir, &conf, error) != VS_OK) {
		vs_error("%s", error);
	} else {
		code = judge(&charger, &conf, &log);
		vs_conf_drop(&conf);
	}
	vs_logged_close(&log);
	vs_charger_close(&charger);
	return code;
}

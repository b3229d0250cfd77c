/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/install.c - voltseal-agent install: a release from local files.
 */
#include <getopt.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/believe/believe.h"
#include "agent/believe/local.h"
#include "agent/cmd/commands.h"
#include "agent/conf/conf.h"
#include "agent/controllers/controllers.h"
#include "agent/install/set.h"
#include "agent/run/idle.h"
#include "base/file.h"
#include "base/log.h"

static const char help[] =
	"usage: voltseal-agent install --dir DIR [--workers N] [--arm] "
	"[--json] BUNDLE\n"
	"       voltseal-agent install --dir DIR --seal FILE --pack FILE...\n"
	"                              [--component NAME] [--workers N]\n"
	"                              [--arm] [--json]\n"
	"\n"
	"Writes the slot that does not run.  BUNDLE is a folder or a tar file "
	"that\n"
	"`voltseal bundle make` made for this charger: both repositories are "
	"verified\n"
	"as from the server, and the server is told at the next contact.  The "
	"agent\n"
	"tries the slot when it runs and every gate is open.\n"
	"\n"
	"With --seal there are no repositories.  Each has its --pack; "
	"components\n"
	"without one are copied from the running slot.\n"
	"\n"
	"Either way the boot keys must have signed, release_seq must be above "
	"what\n"
	"runs, security_version at or above the floor; every cluster is "
	"checked\n"
	"before it is written.  What the slot holds already is kept.  If\n"
	"DIR/tlog-policy asks for a log's word, it is in the bundle, or in\n"
	"FILE.tlog-proof beside each seal.\n"
	"\n"
	"  --component NAME  refuse a seal of another component\n"
	"  --workers N       threads, 1 or 2; by default as there are cores\n"
	"  --arm             then let the loader try it at the next boot, if\n"
	"                    every gate is open\n"
	"  --json            figures as one JSON object\n"
	"\n"
	"Exit: 0 done; 1 failed; 2 usage; 4 refused.\n";

struct args {
	const char *dir, *bundle;
	const char *seals[VS_BOOT_COMPONENTS_MAX];
	const char *packs[VS_BOOT_COMPONENTS_MAX];
	const char *component;
	int seal_count, pack_count;
	unsigned workers;
	bool arm;
	bool json;
};

static bool take_option(struct args *a, int option, const char *value)
{
	switch (option) {
	case 'd':
		a->dir = value;
		return true;
	case 's':
		if (a->seal_count == VS_BOOT_COMPONENTS_MAX)
			return false;
		a->seals[a->seal_count++] = value;
		return true;
	case 'p':
		if (a->pack_count == VS_BOOT_COMPONENTS_MAX)
			return false;
		a->packs[a->pack_count++] = value;
		return true;
	case 'c':
		a->component = value;
		return true;
	case 'w':
		a->workers = (unsigned)(value[0] - '0');
		return (a->workers == 1 || a->workers == 2) && !value[1];
	case 'a':
		a->arm = true;
		return true;
	case 'j':
		a->json = true;
		return true;
	default:
		return false;
	}
}

static double seconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void print(const struct args *a, const struct vs_set *set, double took)
{
	const struct vs_install_stats *st = &set->stats;

	if (a->json) {
		printf("{\"slot\": %d, \"image_bytes\": %" PRIu64
		       ", \"bytes_fetched\": %" PRIu64
		       ", \"clusters\": %" PRIu64
		       ", \"clusters_kept\": %" PRIu64
		       ", \"clusters_copied\": %" PRIu64
		       ", \"clusters_fetched\": %" PRIu64
		       ", \"seconds\": %.4f, \"armed\": %s}\n",
		       set->target, st->image_bytes, st->bytes_fetched,
		       st->clusters, st->clusters_kept, st->clusters_copied,
		       st->clusters_fetched, took, a->arm ? "true" : "false");
		return;
	}
	printf("slot %c: %" PRIu64 " bytes in %.2f s: %" PRIu64
	       " clusters kept, %" PRIu64 " copied, %" PRIu64 " from packs%s\n",
	       'a' + set->target, st->image_bytes, took, st->clusters_kept,
	       st->clusters_copied, st->clusters_fetched,
	       a->arm ? "; armed" : "");
}

/* Opens the parts, believes them, writes the set. */
static int write_parts(const struct args *a, const struct vs_logged *log,
                       struct vs_set *set, struct vs_local *parts)
{
	const struct vs_charger *c = set->charger;
	struct vs_why why = {VS_REASON_NONE, "", 0};
	const char *failed;
	vs_status status;

	for (int k = 0; k < a->seal_count; k++) {
		struct vs_local *l = &parts[k];

		status = vs_local_open(l, c, a->seals[k], a->packs[k], &failed,
		                       &why);
		if (status != VS_OK)
			return vs_cmd_fail(status, failed, &why);
		if (a->component &&
		    strcmp(a->component, l->seal.header.component) != 0)
			status = vs_fail(VS_ERR_REFUSED, &why,
			                 VS_REASON_WRONG_COMPONENT,
			                 "sealed for another component", 0);
		if (status == VS_OK)
			status = vs_believe_seal(c, l->component, &l->seal,
			                         l->sha256, &why);
		if (status == VS_OK)
			status = vs_local_logged(l, log, a->seals[k], &why);
		if (status != VS_OK)
			return vs_cmd_fail(status, a->seals[k], &why);
		set->parts[l->component].seal = &l->seal;
		set->parts[l->component].source = &l->source;
	}
	status = vs_set_write(set, &why);
	if (status != VS_OK)
		return vs_cmd_fail(status, c->components[set->failed].name,
		                   &why);
	return VS_EXIT_OK;
}

/* Controllers first, as the running agent does it. */
static int arm_set(struct vs_charger *c, int slot, int tries)
{
	struct vs_controllers controllers = {.charger = c};
	struct vs_why why = {VS_REASON_NONE, "", 0};
	vs_status status =
		vs_controllers_start(&controllers, slot, tries, &why);

	if (status != VS_OK)
		return vs_cmd_fail(status, controllers.detail, &why);
	status = vs_set_arm(c, slot, tries, &why);
	return status == VS_OK ? VS_EXIT_OK
	                       : vs_cmd_fail(status, "boot-record", &why);
}

static int arm(struct vs_charger *c, int slot, struct vs_runner *runner)
{
	struct vs_conf conf;
	char error[VS_ERROR_LEN];
	const char *held;
	bool session;
	int code = VS_EXIT_FAILED;

	if (vs_conf_load(c->dir, &conf, error) != VS_OK) {
		vs_error("%s", error);
		return VS_EXIT_FAILED;
	}
	conf.runner = runner;
	/* In recovery there is no charger program to ask, and no session. */
	held = c->recovery ? NULL : vs_idle_held(&conf, &session);
	if (held)
		vs_error("written, not armed: %s", held);
	else
		code = arm_set(c, slot, (int)conf.tries);
	vs_conf_drop(&conf);
	return code;
}

static int install(const struct args *a, const struct vs_logged *log,
                   struct vs_charger *c, struct vs_runner *runner)
{
	struct vs_local parts[VS_BOOT_COMPONENTS_MAX];
	struct vs_set set = {.charger = c,
	                     .target = vs_charger_target(c),
	                     .workers = a->workers};
	double began = seconds();
	int code;

	memset(parts, 0, sizeof(parts));
	for (int k = 0; k < VS_BOOT_COMPONENTS_MAX; k++)
		parts[k].pack.fd = -1;
	code = write_parts(a, log, &set, parts);
	for (int k = 0; k < VS_BOOT_COMPONENTS_MAX; k++)
		vs_local_close(&parts[k]);
	if (code == VS_EXIT_OK && a->arm)
		code = arm(c, set.target, runner);
	if (code == VS_EXIT_OK)
		print(a, &set, seconds() - began);
	return code;
}

static int locked_install(const struct args *a)
{
	static struct vs_charger charger;
	struct vs_logged log = {.policy = NULL};
	struct vs_division division;
	VS_AUTO(vs_fd_drop) int lock = -1;
	char error[VS_ERROR_LEN];
	int code = VS_EXIT_FAILED;

	if (!vs_cmd_lock(a->dir, &lock) ||
	    !vs_cmd_divide(a->dir, a->arm ? VS_STAYS_COMMAND : VS_STAYS_NOBODY,
	                   &division))
		return VS_EXIT_FAILED;
	if (vs_charger_open(&charger, a->dir, error) != VS_OK ||
	    vs_logged_open(&log, charger.dir, error) != VS_OK)
		vs_error("%s", error);
	else
		code = install(a, &log, &charger, division.runner);
	vs_logged_close(&log);
	vs_charger_close(&charger);
	vs_division_end(&division);
	return code;
}

static int install_bundle(const struct args *a)
{
	const struct vs_bundle_order order = {
		.dir = a->dir,
		.bundle = a->bundle,
		.workers = a->workers,
		.arm = a->arm,
		.json = a->json,
	};

	return vs_cmd_bundle(&order);
}

const struct option vs_install_options[] = {
	{"dir",       required_argument, NULL, 'd'},
	{"seal",      required_argument, NULL, 's'},
	{"pack",      required_argument, NULL, 'p'},
	{"component", required_argument, NULL, 'c'},
	{"workers",   required_argument, NULL, 'w'},
	{"arm",       no_argument,       NULL, 'a'},
	{"json",      no_argument,       NULL, 'j'},
	{"help",      no_argument,       NULL, 'h'},
	{NULL,        0,                 NULL, 0  },
};

int vs_cmd_install(int argc, char **argv)
{
	struct args a = {0};
	int option;

	while ((option = getopt_long(argc, argv, "h", vs_install_options,
	                             NULL)) != -1) {
		if (option == 'h')
			return fputs(help, stdout) < 0;
		if (!take_option(&a, option, optarg))
			return vs_cmd_usage("install", "bad option");
	}
	if (optind + 1 == argc)
		a.bundle = argv[optind];
	if (!a.dir || optind + (a.bundle != NULL) != argc ||
	    a.seal_count != a.pack_count ||
	    (a.bundle ? a.seal_count > 0 || a.component : a.seal_count == 0))
		return vs_cmd_usage("install",
		                    "--dir, and a BUNDLE or a --pack for each "
		                    "--seal");
	return a.bundle ? install_bundle(&a) : locked_install(&a);
}

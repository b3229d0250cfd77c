/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/cmd/commands.h - the subcommands of voltseal-agent.
 */
#ifndef VS_AGENT_COMMANDS_H
#define VS_AGENT_COMMANDS_H

#include <getopt.h>

#include "agent/confine/seclude.h"
#include "agent/slots/charger.h"
#include "base/status.h"

enum {
	VS_EXIT_OK = 0,
	VS_EXIT_FAILED = 1, /* tried, and it did not work out */
	VS_EXIT_USAGE = 2,
	VS_EXIT_REFUSED = 4, /* well formed, not to be believed */
};

/* Each takes the arguments after its name and gives the exit code. */
int vs_cmd_run(int argc, char **argv);
int vs_cmd_provision(int argc, char **argv);
int vs_cmd_status(int argc, char **argv);
int vs_cmd_install(int argc, char **argv);
int vs_cmd_keyring(int argc, char **argv);
int vs_cmd_mark_reset(int argc, char **argv);
int vs_cmd_check_config(int argc, char **argv);

/* install, of a release that lies in a bundle. */
struct vs_bundle_order {
	const char *dir, *bundle;
	unsigned workers; /* 0: as the settings say */
	bool arm;         /* and not only once the agent runs */
	bool json;
};
int vs_cmd_bundle(const struct vs_bundle_order *o);

/* What they read their options with; dir: those that take nothing else. */
extern const struct option vs_dir_options[];
extern const struct option vs_install_options[];
extern const struct option vs_keyring_options[];
extern const struct option vs_mark_reset_options[];
extern const struct option vs_provision_options[];
extern const struct option vs_status_options[];

/* Says what failed, in one line, and gives the exit code for it. */
int vs_cmd_fail(vs_status status, const char *about, const struct vs_why *why);
/* "see voltseal-agent COMMAND --help"; gives VS_EXIT_USAGE. */
int vs_cmd_usage(const char *command, const char *what);

struct vs_runner; /* agent/reach/runner.h */

/* Who stays where the network is, to start what a command has started. */
enum vs_stays {
	VS_STAYS_NOBODY,
	VS_STAYS_COMMAND, /* who starts the status command, */
	VS_STAYS_ALL,     /* and health checks and voltseal-net */
};

struct vs_division {
	struct vs_runner *runner; /* NULL: nobody stays */
	struct vs_secluded secluded;
};

/* This process gives the network up, for good (agent/confine/seclude.h).
 * Before it writes a slot, boot record or floor, uses the device key, or reads
 * what came from outside: all commands that do.  DIR's agent.conf names what
 * may be started; it is not read if nobody stays.
 * True (vs_division_end), or says why not.
 */
bool vs_cmd_divide(const char *dir, enum vs_stays stays,
                   struct vs_division *out) VS_MUST_CHECK;
void vs_division_end(struct vs_division *d);

/* One agent or one install at a time in DIR.  Gives the lock in *fd, or says
 * why not.
 */
bool vs_cmd_lock(const char *dir, int *fd) VS_MUST_CHECK;

#endif

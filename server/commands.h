/* SPDX-License-Identifier: Apache-2.0
 *
 * server/commands.h - what voltseal-server is asked to do on its host.
 */
#ifndef VS_SERVER_COMMANDS_H
#define VS_SERVER_COMMANDS_H

#include "server/config.h"
#include "server/people/people.h"

/* What the command line says beside the command. */
struct vs_arguments {
	const char *config;           /* --config FILE; always there */
	struct vs_settings *settings; /* what it says */
	const char *name;             /* NAME, or NULL */
	struct vs_person person;      /* --role, --scope; no name */
	unsigned days;                /* --days */
	const char *password;         /* read from standard input */
};

/* Keeps others from running over the data.  -1 with a line in error[], or a
 * descriptor that holds the lock until it is closed.
 */
int vs_lock_data(const char *data_dir, char error[static 256]);

/* Each gives the exit code; errors are said in one line. */
int vs_command_routes(void);
int vs_command_run(const struct vs_arguments *a);
int vs_command_init(const struct vs_arguments *a);
int vs_command_check(const struct vs_arguments *a);
int vs_command_backup(const struct vs_arguments *a);
int vs_command_restore(const struct vs_arguments *a);
int vs_command_user_add(const struct vs_arguments *a);
int vs_command_user_password(const struct vs_arguments *a);
int vs_command_user_token(const struct vs_arguments *a);
int vs_command_user_list(const struct vs_arguments *a);
int vs_command_user_remove(const struct vs_arguments *a);

#endif

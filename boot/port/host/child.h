/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/child.h - the two programs a host machine runs.
 *
 * They stay in the loader's process group and die with it.
 */
#ifndef VS_BOOT_PORT_HOST_CHILD_H
#define VS_BOOT_PORT_HOST_CHILD_H

#include <sys/types.h>

#include "base/status.h"

struct vs_child {
	const char *const *argv; /* argv[0] is a path; ends with NULL */
	const char *const *env;  /* NAME=value; ends with NULL */
	const char *root;        /* entered by chroot; NULL: none */
	int output;              /* for its output and errors; -1: ours */
};

/* Blocks SIGCHLD, SIGTERM and SIGINT, which vs_child_wait() then gives, and
 * adopts the orphans of children.  VS_OK or VS_ERR_IO.
 */
vs_status vs_child_init(void) VS_MUST_CHECK;

/* VS_OK and *pid; VS_ERR_IO. */
vs_status vs_child_start(const struct vs_child *what, pid_t *pid) VS_MUST_CHECK;

/* Waits for a signal at most timeout_ms.  Gives its number, 0 after that. */
int vs_child_wait(long timeout_ms);

/* Gives the process that ended, with its status, or 0. */
pid_t vs_child_reap(int *status);

/* Ends every child, children's orphans too: SIGTERM to the count of them at
 * pids (0: not running), SIGKILL to all after grace_ms.  Returns when none is
 * left.
 */
void vs_child_stop(const pid_t *pids, int count, long grace_ms);

#endif

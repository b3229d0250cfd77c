/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/unpack.h - the process that unpacks for one install.
 *
 * It is a program of its own, voltseal-unpack, started for one install and
 * ended with it: another user than root, no system calls but read, write and
 * exit, a limit of memory, and no descriptor but the lanes.  Where it applies a
 * delta it has the old slot to pread from, and a second thread, with which it
 * waits by futex.  Nothing of this process's memory is in it, for it comes by
 * exec.  Its death is the death of a source.
 */
#ifndef VS_AGENT_UNPACK_H
#define VS_AGENT_UNPACK_H

#include "agent/line/lane.h"

#define VS_UNPACK_USER "voltseal-unpack"
/* Whom it runs as where nobody has that name: a number that Debian leaves
 * free. */
#define VS_UNPACK_UID 65532
#define VS_UNPACK_MEMORY_MAX (UINT64_C(64) << 20)
#define VS_UNPACK_DELTA 'd' /* its argument, in place of the lanes' number */

struct vs_unpack_program {
	const char *path;   /* NULL: beside the running program, or installed */
	unsigned answer_ms; /* for a cluster; 0: 30 s */
};

struct vs_unpack {
	int pid;
	unsigned count;
	struct vs_lane lanes[VS_LANES_MAX]; /* fd -1: none */
};

/* Starts it with count lanes and waits until it has given up all that it does
 * not need.  program NULL: as installed.  A lane's go_on may be set after it.
 * VS_OK (vs_unpack_end); VS_ERR_IO, VS_ERR_NOMEM, with nothing left of it.
 */
vs_status vs_unpack_start(struct vs_unpack *u,
                          const struct vs_unpack_program *program,
                          unsigned count, struct vs_why *why) VS_MUST_CHECK;
/* The same for one delta: one lane, and old with it, which is open for reading
 * alone: else VS_ERR_DENIED.
 */
vs_status vs_unpack_start_delta(struct vs_unpack *u,
                                const struct vs_unpack_program *program,
                                int old, struct vs_why *why) VS_MUST_CHECK;
/* Ends it, whatever it is at. */
void vs_unpack_end(struct vs_unpack *u);

#endif

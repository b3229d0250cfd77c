/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/birth.h - starts a part of the agent as a process of its own.
 *
 * By exec, so that nothing of this process's memory is in it; with the
 * descriptors that it is given and no other; as another user than root, but
 * for one that is ours.
 */
#ifndef VS_AGENT_BIRTH_H
#define VS_AGENT_BIRTH_H

#include "base/status.h"

#define VS_BIRTH_FD 3 /* of the first descriptor; the others follow */
#define VS_BIRTH_FDS_MAX 8

/* What can go wrong, and the words for it. */
enum {
	VS_BIRTH_ABSENT,
	VS_BIRTH_ROOT,
	VS_BIRTH_FAILED,
	VS_BIRTH_USER,
	VS_BIRTH_LIMIT,
	VS_BIRTH_PROGRAM,
	VS_BIRTH_HANGS,
	VS_BIRTH_TEXTS,
};
#define VS_BIRTH_SAY(name)                                                     \
	{                                                                      \
		name " is not there", "user " name " is root",                 \
			name " cannot be started",                             \
			name ": may not become another user",                  \
			name ": its limits cannot be set",                     \
			name " cannot be executed", name " does not get ready" \
	}

struct vs_birth {
	const char *const *texts; /* VS_BIRTH_SAY(name) */
	const char *name;         /* of program and user */
	const char *path; /* NULL: beside the running program, or installed */
	unsigned uid;     /* and gid, where nobody has that name */
	uint64_t memory_max, file_max;
	bool ours;        /* stays this user, with this environment */
	bool with_thread; /* it dies with the thread that started it */
	char arg;         /* its one argument */
	int fds[VS_BIRTH_FDS_MAX];
	unsigned count;
};

/* Starts it, with 0 to 2 on /dev/null.
 * VS_OK: *pid; VS_ERR_IO, VS_ERR_NOMEM.
 */
vs_status vs_birth(const struct vs_birth *b, int *pid,
                   struct vs_why *why) VS_MUST_CHECK;

/* Ends it and all that it may have started.  Gives which text says why it was
 * never ready, if it was not.
 */
unsigned vs_birth_end(int *pid);

#endif

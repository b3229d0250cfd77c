/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/confine.h - a process gives up, for good, what it does not
 * need.
 *
 * Of the calling process or thread alone; nothing here can be taken back.
 */
#ifndef VS_AGENT_CONFINE_H
#define VS_AGENT_CONFINE_H

#include <fcntl.h>
#include <sys/types.h>

#include "base/status.h"

#define VS_CONFINE_CALLS_MAX 128
/* All that opens a file for more than reading, or makes one. */
#define VS_CONFINE_CHANGES                                                     \
	((O_WRONLY | O_RDWR | O_CREAT | O_TRUNC | O_APPEND | O_TMPFILE) &      \
	 ~O_DIRECTORY)

/* The user that a part of the agent runs as. */
struct vs_confine_user {
	uid_t uid;
	gid_t gid;
	bool change; /* false: we are not root, and stay who we are */
};

/* The user of that name in /etc/passwd, which no network is asked for; else
 * one of that number, whose name nobody has.
 * VS_OK; VS_ERR_REFUSED: that user is root.
 */
vs_status vs_confine_find_user(const char *name, unsigned number,
                               struct vs_confine_user *out) VS_MUST_CHECK;

/* Becomes that user, without groups and capabilities.  Safe after fork.
 * VS_OK; VS_ERR_DENIED: may not, or is not wholly that user now.
 */
vs_status vs_confine_become(const struct vs_confine_user *user) VS_MUST_CHECK;

/* At most that much memory; no file grows beyond file_max; no core is written.
 * Safe after fork.  VS_OK; VS_ERR_DENIED.
 */
vs_status vs_confine_limit(uint64_t memory_max,
                           uint64_t file_max) VS_MUST_CHECK;

/* A system call that may be made, always or by one of its arguments. */
struct vs_confine_call {
	int number;
	enum {
		VS_CALL_MAY,
		VS_CALL_MAY_WITHOUT, /* none of these bits: else EACCES */
		VS_CALL_MAY_WITH,    /* all of these bits: else EPERM */
		VS_CALL_MAY_IF,      /* just this, or a later row's */
		VS_CALL_FAILS,       /* with EPERM */
		VS_CALL_ABSENT,      /* as in an older kernel */
		VS_CALL_ENDS,        /* whatever the others end with */
	} may;
	unsigned argument; /* 0 is the first */
	uint32_t value;
};

/* From now on this thread, and those it starts, make these system calls and no
 * other: another one ends the process, or (errors) fails with EPERM.
 * VS_OK; VS_ERR_DENIED: there is no such filter.
 */
vs_status vs_confine_calls(const struct vs_confine_call *calls, size_t count,
                           bool errors) VS_MUST_CHECK;

struct vs_confine_filter {
	const struct vs_confine_call *calls, *more; /* more: may be NULL */
	size_t count, more_count; /* at most VS_CONFINE_CALLS_MAX in all */
	enum {
		VS_OTHERS_END,  /* the process, at the first */
		VS_OTHERS_FAIL, /* with EPERM */
		VS_OTHERS_MAY,
	} others; /* what a call comes to that is in neither list */
};

/* The same in more words. */
vs_status vs_confine_filter(const struct vs_confine_filter *f) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine.h - a process gives up, for good, what it does not need.
 *
 * Of the calling process or thread alone; nothing here can be taken back.
 */
#ifndef VS_AGENT_CONFINE_H
#define VS_AGENT_CONFINE_H

#include <sys/types.h>

#include "base/status.h"

#define VS_CONFINE_CALLS_MAX 128

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

/* At most that much memory; no file grows, no core is written.  Safe after
 * fork.  VS_OK; VS_ERR_DENIED.
 */
vs_status vs_confine_limit(uint64_t memory_max) VS_MUST_CHECK;

/* From now on this thread makes these system calls and no other: the kernel
 * ends the process at it.  VS_OK; VS_ERR_DENIED: there is no such filter.
 */
vs_status vs_confine_calls(const int *calls, size_t count) VS_MUST_CHECK;

#endif

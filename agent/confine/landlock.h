/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/confine/landlock.h - a thread gives files and ports up, where the
 * kernel can see to it.
 *
 * Landlock asks for no right and takes none back.  Whoever is in it can also
 * not trace, or write into, a process that is not.  A kernel without it, or
 * with an older one, keeps what it can: users and filters of calls are what
 * the agent relies on, and this is one wall more.
 *
 * Standard: Linux, Documentation/userspace-api/landlock.rst, ABI 1 to 6.
 */
#ifndef VS_AGENT_LANDLOCK_H
#define VS_AGENT_LANDLOCK_H

#include "base/status.h"

enum {
	VS_LANDLOCK_EXECUTE = 1 << 0,
	VS_LANDLOCK_READ_FILE = 1 << 2,
	VS_LANDLOCK_READ_FOLDER = 1 << 3,
	VS_LANDLOCK_MAKE_CHAR = 1 << 6,
	VS_LANDLOCK_MAKE_SOCK = 1 << 9,
	VS_LANDLOCK_MAKE_BLOCK = 1 << 11,
	VS_LANDLOCK_REFER = 1 << 13, /* a name into another folder */
	VS_LANDLOCK_FILES = 0xffff,  /* all that there is */

	VS_LANDLOCK_BIND = 1 << 0, /* TCP ports */
	VS_LANDLOCK_CONNECT = 1 << 1,
};

struct vs_landlock {
	uint32_t files; /* given up: VS_LANDLOCK_... */
	uint32_t ports; /* given up, at all of them */
	/* But these of them are kept, below these folders or of these files;
	 * NULL ends it.  What is not there is passed over. */
	uint32_t kept;
	const char *const *below;
};

/* What this kernel has of it; 0: nothing. */
int vs_landlock_version(void);

/* Of this thread and those it starts, for good.  Signals to processes outside
 * and abstract sockets of theirs are given up too.
 * VS_OK: *abi, 0: this kernel has none; VS_ERR_DENIED.
 */
vs_status vs_landlock_enter(const struct vs_landlock *l,
                            int *abi) VS_MUST_CHECK;

#endif

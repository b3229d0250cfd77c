/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/pairs.h - from which image to which chargers may go.
 */
#ifndef VS_SERVER_WORK_PAIRS_H
#define VS_SERVER_WORK_PAIRS_H

#include "server/hold/server.h"
#include "server/publish/ways.h"

#define VS_PAIRS_MAX 256

/* A component's release and an earlier one of it, for hardware that both fit.
 * Copied, so that files are read without the server's lock.
 */
struct vs_pair {
	struct vs_way_end from, to;
	char component[VS_COMPONENT_LEN], version[VS_VERSION_LEN]; /* from's */
	uint64_t old_seal;              /* as the fleet has it */
	uint64_t release_seq, chargers; /* that run the earlier one */
};

struct vs_pairs {
	struct vs_pair at[VS_PAIRS_MAX];
	size_t count;
};

/* To one release; NULL: to all that are not retired.  By component, those that
 * most chargers run first.  Of more than VS_PAIRS_MAX the newest are kept.
 */
void vs_pairs_collect(struct vs_server *s, const char *release,
                      struct vs_pairs *out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/budget.h - the bytes that came in this month: DIR/agent/budget.
 *
 * A month that goes back, as a clock does that was wrong, frees nothing.  The
 * file is "YYYY-MM BYTES"; lost, the month begins anew.
 */
#ifndef VS_AGENT_BUDGET_H
#define VS_AGENT_BUDGET_H

#include <limits.h>

#include "base/status.h"

struct vs_budget {
	char path[PATH_MAX];
	uint64_t max;   /* 0: none */
	uint64_t month; /* 12 * year + month - 1 */
	uint64_t used, saved;
	uint64_t counted; /* of a counter that only grows, see below */
};

/* VS_OK; VS_ERR_LIMIT: dir is too long.  A file that cannot be read is as
 * none. */
vs_status vs_budget_open(struct vs_budget *b, const char *dir,
                         uint64_t max) VS_MUST_CHECK;
/* Takes up what the counter of received bytes says now. */
void vs_budget_count(struct vs_budget *b, uint64_t received, uint64_t now_s);
/* VS_OK; VS_ERR_IO.  Writes nothing where little has changed or none is set. */
vs_status vs_budget_save(struct vs_budget *b) VS_MUST_CHECK;
/* UINT64_MAX if there is no budget. */
uint64_t vs_budget_left(const struct vs_budget *b);

#endif

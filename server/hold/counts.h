/* SPDX-License-Identifier: Apache-2.0
 *
 * server/hold/counts.h - what is counted while the server works.
 *
 * Counting is an atomic addition.
 */
#ifndef VS_SERVER_HOLD_COUNTS_H
#define VS_SERVER_HOLD_COUNTS_H

#include <stdatomic.h>

#include "server/count/histogram.h"
#include "server/net/guard.h"

/* Rows of counters[] in listen/metrics.c. */
enum vs_count {
	VS_COUNT_POLL_MEMORY,
	VS_COUNT_POLL_MADE,
	VS_COUNT_THROTTLED,
	VS_COUNT_CREDENTIALS,
	VS_COUNT_CERTIFICATE,
	VS_COUNT_HOOK_TAKEN,
	VS_COUNT_HOOK_FAILED,
	VS_COUNT_REHASHED,
	VS_COUNT_DAMAGED,
	VS_COUNT_OVERLOADED,
	VS_COUNT_END,
};

enum { VS_METRIC_TABLES = 3, VS_METRIC_ROUTES = 64, VS_METRIC_CODES = 6 };

struct vs_metrics {
	_Atomic uint64_t counts[VS_COUNT_END];
	/* by routing table (devices, people, public), route, first digit of
	 * the code; 0: no answer */
	_Atomic uint64_t
		answers[VS_METRIC_TABLES][VS_METRIC_ROUTES][VS_METRIC_CODES];
	_Atomic uint64_t lost[2]; /* requests without a route, by listener */
	struct vs_histogram took[2];
	_Atomic uint64_t connected[2], closed[2];
	struct vs_guard_figures guards[2]; /* by listener */
	uint64_t start_s;
};

void vs_metrics_count(struct vs_metrics *m, enum vs_count what);

#endif

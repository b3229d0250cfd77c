/* SPDX-License-Identifier: Apache-2.0
 *
 * server/monitor/metrics.h - what is counted while the server works.
 *
 * Counting is an atomic addition; the text is made when somebody asks for it,
 * on a listener of its own that only this host can reach.
 *
 * Standard: Prometheus text format 0.0.4; docs/operations/monitoring.md.
 */
#ifndef VS_SERVER_MONITOR_METRICS_H
#define VS_SERVER_MONITOR_METRICS_H

#include <stdatomic.h>

#include "base/buffer.h"
#include "server/monitor/histogram.h"
#include "server/net/guard.h"

struct vs_server;

/* Rows of counters[] in metrics.c. */
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

/* Everything, as text.  Takes the server's locks for short times. */
vs_status vs_metrics_text(struct vs_server *s,
                          struct vs_buffer *out) VS_MUST_CHECK;

/* GET /metrics over plain HTTP on metrics_listen, a loopback address. */
struct vs_metrics_listener;
vs_status vs_metrics_open(struct vs_server *s, struct vs_metrics_listener **out,
                          char error[static 256]) VS_MUST_CHECK;
unsigned vs_metrics_port(const struct vs_metrics_listener *l);
void vs_metrics_close(struct vs_metrics_listener **l);

#endif

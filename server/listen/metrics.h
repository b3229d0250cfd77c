/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/metrics.h - what was counted, told.
 *
 * The text is made when somebody asks for it, on a listener of its own that
 * only this host can reach.
 *
 * Standard: Prometheus text format 0.0.4; docs/operations/monitoring.md.
 */
#ifndef VS_SERVER_LISTEN_METRICS_H
#define VS_SERVER_LISTEN_METRICS_H

#include "base/buffer.h"
#include "server/hold/server.h"

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

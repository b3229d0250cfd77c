/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/metrics_families.h - between metrics.c and metrics_fleet.c.
 */
#ifndef VS_SERVER_LISTEN_METRICS_FAMILIES_H
#define VS_SERVER_LISTEN_METRICS_FAMILIES_H

#include "server/listen/metrics.h"

/* One page under way. */
struct vs_metric_page {
	struct vs_server *server;
	struct vs_buffer *out;
	const char *name; /* of the family */
	/* what vs_metric_look() saw */
	uint64_t devices, online, silent, unhealthy, fallen_back, refused;
};

/* "NAME{LABELS} VALUE". */
vs_status vs_metric_print(const struct vs_metric_page *p, const char *labels,
                          uint64_t value) VS_MUST_CHECK;

/* Goes over the chargers once. */
vs_status vs_metric_look(struct vs_metric_page *p) VS_MUST_CHECK;

vs_status vs_metric_audit(const struct vs_metric_page *p) VS_MUST_CHECK;
vs_status vs_metric_devices(const struct vs_metric_page *p) VS_MUST_CHECK;
vs_status vs_metric_releases(const struct vs_metric_page *p) VS_MUST_CHECK;
vs_status vs_metric_campaigns(const struct vs_metric_page *p) VS_MUST_CHECK;
vs_status vs_metric_members(const struct vs_metric_page *p) VS_MUST_CHECK;
vs_status vs_metric_expiries(const struct vs_metric_page *p) VS_MUST_CHECK;
vs_status vs_metric_process(const struct vs_metric_page *p) VS_MUST_CHECK;

#endif

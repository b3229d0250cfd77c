/* SPDX-License-Identifier: Apache-2.0
 *
 * server/count/histogram.c - durations in buckets.
 */
#include "server/count/histogram.h"

#include <inttypes.h>
#include <time.h>

static const uint64_t bounds_us[VS_HISTOGRAM_BOUNDS] = {
	100,   500,    1000,   2500,    5000,    10000,
	25000, 100000, 250000, 1000000, 5000000, 30000000,
};

void vs_histogram_add(struct vs_histogram *h, uint64_t us)
{
	size_t i = 0;

	while (i < VS_HISTOGRAM_BOUNDS && us > bounds_us[i])
		i++;
	atomic_fetch_add_explicit(&h->below[i], 1, memory_order_relaxed);
	atomic_fetch_add_explicit(&h->sum_us, us, memory_order_relaxed);
}

vs_status vs_histogram_print(const struct vs_histogram *h, const char *name,
                             const char *labels, struct vs_buffer *out)
{
	const char *comma = *labels ? "," : "";
	const char *left = *labels ? "{" : "", *right = *labels ? "}" : "";
	uint64_t sum_us = atomic_load(&h->sum_us), n = 0;
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < VS_HISTOGRAM_BOUNDS; i++) {
		n += atomic_load(&h->below[i]);
		status = vs_buffer_printf(
			out, "%s_bucket{%s%sle=\"%g\"} %" PRIu64 "\n", name,
			labels, comma, (double)bounds_us[i] / 1e6, n);
	}
	n += atomic_load(&h->below[VS_HISTOGRAM_BOUNDS]);
	if (!status)
		status = vs_buffer_printf(
			out, "%s_bucket{%s%sle=\"+Inf\"} %" PRIu64 "\n", name,
			labels, comma, n);
	if (!status)
		status =
			vs_buffer_printf(out, "%s_sum%s%s%s %.6f\n", name, left,
		                         labels, right, (double)sum_us / 1e6);
	return status ? status
	              : vs_buffer_printf(out, "%s_count%s%s%s %" PRIu64 "\n",
	                                 name, left, labels, right, n);
}

uint64_t vs_histogram_us(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/count/histogram.h - durations in buckets, counted without a lock.
 */
#ifndef VS_SERVER_COUNT_HISTOGRAM_H
#define VS_SERVER_COUNT_HISTOGRAM_H

#include <stdatomic.h>

#include "base/buffer.h"

#define VS_HISTOGRAM_BOUNDS 12

/* Durations; bounds[] in histogram.c. */
struct vs_histogram {
	_Atomic uint64_t below[VS_HISTOGRAM_BOUNDS + 1]; /* the last: above */
	_Atomic uint64_t sum_us;
};

void vs_histogram_add(struct vs_histogram *h, uint64_t us);
/* "NAME_bucket{LABELS,le=...}" and so on; labels "" or "a=\"b\"". */
vs_status vs_histogram_print(const struct vs_histogram *h, const char *name,
                             const char *labels,
                             struct vs_buffer *out) VS_MUST_CHECK;
/* What durations are the difference of: a clock that only goes on. */
uint64_t vs_histogram_us(void);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/hold/counts.c - counting.
 */
#include "server/hold/counts.h"

void vs_metrics_count(struct vs_metrics *m, enum vs_count what)
{
	atomic_fetch_add_explicit(&m->counts[what], 1, memory_order_relaxed);
}

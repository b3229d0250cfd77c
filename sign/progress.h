/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/progress.h - how far a long piece of work is, on a terminal only.
 */
#ifndef VS_SIGN_PROGRESS_H
#define VS_SIGN_PROGRESS_H

#include "base/status.h"

struct vs_progress {
	const char *what; /* kept */
	const char *unit; /* kept; NULL: bytes, shown as MiB */
	uint64_t done, total;
	uint64_t started_ms, shown_ms;
	bool on;
};

void vs_progress_start(struct vs_progress *p, const char *what, uint64_t total);
void vs_progress_step(struct vs_progress *p, uint64_t by);
void vs_progress_end(struct vs_progress *p);

#endif

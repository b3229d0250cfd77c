/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/progress.c - how far a long piece of work is, on a terminal only.
 */
#include "sign/progress.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

enum { width = 24, pause_ms = 100, mib = 1 << 20 };

static uint64_t now_ms(void)
{
	struct timespec t;

	if (clock_gettime(CLOCK_MONOTONIC, &t))
		return 0;
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

void vs_progress_start(struct vs_progress *p, const char *what, uint64_t total)
{
	*p = (struct vs_progress){
		.what = what,
		.total = total,
		.started_ms = now_ms(),
		.on = isatty(STDERR_FILENO) == 1,
	};
}

static void show(const struct vs_progress *p, uint64_t now)
{
	static const char bar[width + 1] = "########################";
	int full = (int)(p->done * width / (p->total ? p->total : 1));
	uint64_t ms = now > p->started_ms ? now - p->started_ms : 1;
	uint64_t each = p->unit ? 1 : mib;
	uint64_t left_s =
		p->done ? (p->total - p->done) * ms / p->done / 1000 : 0;

	fprintf(stderr,
	        "\r%-24.24s [%-*.*s] %" PRIu64 " of %" PRIu64 " %s, %" PRIu64
	        "/s, %" PRIu64 " s left ",
	        p->what, width, full, bar, p->done / each, p->total / each,
	        p->unit ? p->unit : "MiB", p->done / each * 1000 / ms, left_s);
	fflush(stderr);
}

void vs_progress_step(struct vs_progress *p, uint64_t by)
{
	p->done += by;
	if (!p->on)
		return;
	uint64_t now = now_ms();
	if (now - p->shown_ms < pause_ms && p->done < p->total)
		return;
	p->shown_ms = now;
	show(p, now);
}

void vs_progress_end(struct vs_progress *p)
{
	if (p->on)
		fputc('\n', stderr);
}

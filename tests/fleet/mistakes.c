/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fleet/mistakes.c - campaign code that errs, for voltseal-fleet to find.
 *
 * The linker puts these in the place of the campaign's own functions; the
 * environment says which of them errs.
 */
#include <stdlib.h>
#include <string.h>

#include "campaign/run.h"

bool __real_vs_window_open(const struct vs_window *w, size_t count,
                           const struct vs_zone *z, uint64_t now_s);
bool __wrap_vs_window_open(const struct vs_window *w, size_t count,
                           const struct vs_zone *z, uint64_t now_s);
uint32_t __real_vs_grid_feeder_away(const struct vs_grid *g, uint32_t device);
uint32_t __wrap_vs_grid_feeder_away(const struct vs_grid *g, uint32_t device);
uint32_t __real_vs_grid_site_away(const struct vs_grid *g, uint32_t device);
uint32_t __wrap_vs_grid_site_away(const struct vs_grid *g, uint32_t device);
enum vs_block __real_vs_run_may_start(const struct vs_run *r, size_t place,
                                      uint64_t now_s);
enum vs_block __wrap_vs_run_may_start(const struct vs_run *r, size_t place,
                                      uint64_t now_s);
bool __real_vs_run_due(const struct vs_run *r, uint64_t now_s, size_t *iter,
                       struct vs_change *out);
bool __wrap_vs_run_due(const struct vs_run *r, uint64_t now_s, size_t *iter,
                       struct vs_change *out);
void __real_vs_run_restore(struct vs_run *r, size_t place,
                           const struct vs_seat *kept);
void __wrap_vs_run_restore(struct vs_run *r, size_t place,
                           const struct vs_seat *kept);
void __real_vs_run_judge(struct vs_run *r);
void __wrap_vs_run_judge(struct vs_run *r);
vs_status __real_vs_run_change(const struct vs_run *r, size_t place,
                               enum vs_cause cause, uint64_t now_s,
                               struct vs_change *out);
vs_status __wrap_vs_run_change(const struct vs_run *r, size_t place,
                               enum vs_cause cause, uint64_t now_s,
                               struct vs_change *out);

static bool errs(const char *word)
{
	const char *which = getenv("VS_FLEET_MISTAKE");

	return which && strcmp(which, word) == 0;
}

bool __wrap_vs_window_open(const struct vs_window *w, size_t count,
                           const struct vs_zone *z, uint64_t now_s)
{
	return errs("window") || __real_vs_window_open(w, count, z, now_s);
}

uint32_t __wrap_vs_grid_feeder_away(const struct vs_grid *g, uint32_t device)
{
	return errs("feeder") ? 0 : __real_vs_grid_feeder_away(g, device);
}

uint32_t __wrap_vs_grid_site_away(const struct vs_grid *g, uint32_t device)
{
	return errs("site") ? 0 : __real_vs_grid_site_away(g, device);
}

enum vs_block __wrap_vs_run_may_start(const struct vs_run *r, size_t place,
                                      uint64_t now_s)
{
	enum vs_block b = __real_vs_run_may_start(r, place, now_s);

	if ((b == VS_BLOCK_WAVE && errs("wave")) ||
	    (b == VS_BLOCK_HOUR && errs("hour")) ||
	    (b == VS_BLOCK_AWAY && errs("away")))
		return VS_BLOCK_NONE;
	return b;
}

/* A soak ends as soon as it began. */
bool __wrap_vs_run_due(const struct vs_run *r, uint64_t now_s, size_t *iter,
                       struct vs_change *out)
{
	if (!errs("soak"))
		return __real_vs_run_due(r, now_s, iter, out);
	while (*iter < r->open_count) {
		size_t place = r->open[(*iter)++];

		if (r->seats[place].state == VS_MEMBER_SOAKING)
			return !__real_vs_run_change(r, place, VS_CAUSE_SOAKED,
			                             now_s, out);
	}
	return false;
}

/* A restart forgets who was told. */
void __wrap_vs_run_restore(struct vs_run *r, size_t place,
                           const struct vs_seat *kept)
{
	if (kept->state != VS_MEMBER_STARTED || !errs("restart"))
		__real_vs_run_restore(r, place, kept);
}

void __wrap_vs_run_judge(struct vs_run *r)
{
	__real_vs_run_judge(r);
	if (errs("halt"))
		r->progress.halt = false;
	if (errs("alarm") && r->progress.updated > 5)
		r->progress.halt = true;
	if (errs("count") && r->progress.updated > 5)
		r->progress.updated--;
}

/* Nobody's arrival, or nobody's failure, is believed. */
vs_status __wrap_vs_run_change(const struct vs_run *r, size_t place,
                               enum vs_cause cause, uint64_t now_s,
                               struct vs_change *out)
{
	if (cause == VS_CAUSE_ARRIVED && place % 64 == 63 && errs("deaf"))
		return VS_ERR_STATE;
	if (cause == VS_CAUSE_BROKE && errs("trust"))
		cause = VS_CAUSE_ARRIVED;
	return __real_vs_run_change(r, place, cause, now_s, out);
}

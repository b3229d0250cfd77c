/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/window.c - windows against a local clock.
 */
#include "campaign/window.h"

enum { day_min = 1440, day_s = 86400, week_days = 7, thursday = 3 };
enum { week_min = week_days * day_min };

static vs_status bad(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

vs_status vs_window_check(const struct vs_window *w, struct vs_why *why)
{
	if (w->start_min >= day_min)
		return bad(why, "window.start: not a time of day");
	if (w->end_min >= day_min)
		return bad(why, "window.end: not a time of day");
	if (w->start_min == w->end_min)
		return bad(why, "window: start and end are the same");
	if (w->days == 0 || w->days > VS_EVERY_DAY)
		return bad(why, "window.days: at least one day of the week");
	return VS_OK;
}

static bool on(const struct vs_window *w, unsigned day)
{
	return w->days >> day & 1;
}

/* minute: of the local day; day: 0 is Monday. */
static bool open_at(const struct vs_window *w, unsigned minute, unsigned day)
{
	if (w->start_min < w->end_min)
		return on(w, day) && minute >= w->start_min &&
		       minute < w->end_min;
	if (minute >= w->start_min)
		return on(w, day);
	return minute < w->end_min && on(w, (day + 6) % week_days);
}

bool vs_window_open(const struct vs_window *w, size_t count,
                    const struct vs_zone *z, uint64_t now_s)
{
	/* An offset is less than two days; 1970 lies behind us. */
	int64_t local = (int64_t)(now_s % ((uint64_t)1 << 62)) +
	                vs_zone_offset(z, now_s) + 7 * (int64_t)day_s;
	unsigned minute = (unsigned)(local % day_s / 60);
	unsigned day = (unsigned)((local / day_s + thursday) % week_days);

	for (size_t i = 0; i < count; i++)
		if (open_at(&w[i], minute, day))
			return true;
	return count == 0;
}

uint64_t vs_window_next(const struct vs_window *w, size_t count,
                        const struct vs_zone *z, uint64_t now_s)
{
	if (vs_window_open(w, count, z, now_s))
		return now_s;
	/* Offsets that are no whole minutes are those of before 1972. */
	for (uint64_t at = now_s - now_s % 60 + 60, n = 0;
	     n < week_min + day_min; n++, at += 60)
		if (vs_window_open(w, count, z, at))
			return at;
	return 0;
}

uint32_t vs_window_week(const struct vs_window *w, size_t count,
                        const struct vs_zone *z, uint64_t from_s)
{
	uint32_t open = 0;

	for (uint64_t n = 0; n < week_min; n++)
		open += vs_window_open(w, count, z, from_s + n * 60);
	return open * 60;
}

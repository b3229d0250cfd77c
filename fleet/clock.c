/* SPDX-License-Identifier: Apache-2.0
 *
 * fleet/clock.c - summer time by rule.
 */
#include "fleet/clock.h"

enum { hour_s = 3600, day_s = 86400, years = 2 };

const char *const vs_clock_names[VS_CLOCKS] = {
	[VS_BERLIN] = "Europe/Berlin",
	[VS_LONDON] = "Europe/London",
	[VS_NEW_YORK] = "America/New_York",
	[VS_KOLKATA] = "Asia/Kolkata",
};

/* Days since 1970 of a date (Hinnant's days_from_civil). */
static int64_t days(int64_t y, unsigned m, unsigned d)
{
	y -= m <= 2;
	int64_t era = y / 400;
	unsigned yoe = (unsigned)(y - era * 400);
	unsigned doy = (153 * (m > 2 ? m - 3 : m + 9) + 2) / 5 + d - 1;
	unsigned doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;

	return era * 146097 + (int64_t)doe - 719468;
}

/* The Sunday on or before a day. */
static int64_t sunday(int64_t day)
{
	return day - (day + 4) % 7; /* day 0 was a Thursday */
}

static bool between(uint64_t now_s, int64_t from_s, int64_t to_s)
{
	return (int64_t)now_s >= from_s && (int64_t)now_s < to_s;
}

static int64_t year_of(uint64_t now_s)
{
	int64_t y = 1970 + (int64_t)(now_s / (366 * (uint64_t)day_s));

	while (days(y + 1, 1, 1) * day_s <= (int64_t)now_s)
		y++;
	return y;
}

/* From the last Sunday in March to that in October, at 01:00 UTC. */
static bool eu_summer(uint64_t now_s)
{
	int64_t y = year_of(now_s);

	return between(now_s, sunday(days(y, 3, 31)) * day_s + hour_s,
	               sunday(days(y, 10, 31)) * day_s + hour_s);
}

/* From the second Sunday in March to the first in November, at 02:00 local. */
static bool us_summer(uint64_t now_s, int32_t standard_s)
{
	int64_t y = year_of(now_s);

	return between(now_s,
	               sunday(days(y, 3, 14)) * day_s + 2 * hour_s - standard_s,
	               sunday(days(y, 11, 7)) * day_s + hour_s - standard_s);
}

int32_t vs_clock_offset(enum vs_clock c, uint64_t now_s)
{
	switch (c) {
	case VS_BERLIN:
		return (1 + eu_summer(now_s)) * hour_s;
	case VS_LONDON:
		return eu_summer(now_s) * hour_s;
	case VS_NEW_YORK:
		return (us_summer(now_s, -5 * hour_s) - 5) * hour_s;
	case VS_KOLKATA:
		return 5 * hour_s + hour_s / 2;
	case VS_CLOCKS:
		break;
	}
	return 0;
}

unsigned vs_clock_minute(enum vs_clock c, uint64_t now_s)
{
	int64_t local = (int64_t)now_s + vs_clock_offset(c, now_s);

	return (unsigned)(local % day_s / 60);
}

size_t vs_clock_table(enum vs_clock c, uint64_t from_s,
                      struct vs_zone_change out[static VS_CLOCK_CHANGES])
{
	size_t n = 0;
	uint64_t at_s = from_s - from_s % hour_s;

	out[n++] = (struct vs_zone_change){INT64_MIN, vs_clock_offset(c, at_s)};
	for (int i = 0; i < years * 366 * 24 && n < VS_CLOCK_CHANGES; i++) {
		at_s += hour_s;
		if (vs_clock_offset(c, at_s) != out[n - 1].offset_s)
			out[n++] = (struct vs_zone_change){
				(int64_t)at_s, vs_clock_offset(c, at_s)};
	}
	return n;
}

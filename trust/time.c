/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/time.c - TUF's time text, without the C library's time zones.
 *
 * Days are counted from 1 March of year 0, so that a leap day ends a year.
 */
#include "trust/time.h"

#include <string.h>

#define DAY_S 86400U
#define DAYS_TO_1970 719468U /* from 0000-03-01 */
#define LAST_S 253402300799U /* 9999-12-31T23:59:59Z */

static uint64_t days_from(unsigned year, unsigned month, unsigned day)
{
	uint64_t y = month <= 2 ? year - 1 : year;
	uint64_t m = (month + 9) % 12;

	return y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day -
	       1 - DAYS_TO_1970;
}

static unsigned days_in(unsigned year, unsigned month)
{
	static const unsigned char days[] = {31, 28, 31, 30, 31, 30,
	                                     31, 31, 30, 31, 30, 31};
	bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);

	return month == 2 && leap ? 29 : days[month - 1];
}

static unsigned number(const char *at, size_t digits)
{
	unsigned n = 0;

	while (digits--)
		n = n * 10 + (unsigned)(*at++ - '0');
	return n;
}

static bool has_form(const char *text)
{
	static const char form[] = "dddd-dd-ddTdd:dd:ddZ";

	if (strlen(text) != sizeof form - 1)
		return false;
	for (size_t i = 0; form[i]; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (form[i] == 'd' ? !digit : text[i] != form[i])
			return false;
	}
	return true;
}

vs_status vs_time_parse(const char *text, uint64_t *out)
{
	unsigned year, month, day, hour, minute, second;

	if (!has_form(text))
		return VS_ERR_INPUT;
	year = number(text, 4);
	month = number(text + 5, 2);
	day = number(text + 8, 2);
	hour = number(text + 11, 2);
	minute = number(text + 14, 2);
	second = number(text + 17, 2);
	if (year < 1970 || month < 1 || month > 12 || day < 1 ||
	    day > days_in(year, month) || hour > 23 || minute > 59 ||
	    second > 59)
		return VS_ERR_INPUT;
	*out = days_from(year, month, day) * DAY_S + hour * 3600U +
	       minute * 60U + second;
	return VS_OK;
}

static void digits(char *at, unsigned n, size_t count)
{
	while (count--) {
		at[count] = (char)('0' + n % 10);
		n /= 10;
	}
}

void vs_time_format(uint64_t s, char out[static VS_TIME_LEN])
{
	unsigned year = 1970, month = 1;
	uint64_t day;
	unsigned rest;

	if (s > LAST_S)
		s = LAST_S;
	day = s / DAY_S;
	rest = (unsigned)(s % DAY_S);
	year += (unsigned)(day / 366); /* never too late; then step up */
	while (year < 9999 && days_from(year + 1, 1, 1) <= day)
		year++;
	day -= days_from(year, 1, 1);
	while (day >= days_in(year, month))
		day -= days_in(year, month++);
	memcpy(out, "0000-00-00T00:00:00Z", VS_TIME_LEN);
	digits(out, year, 4);
	digits(out + 5, month, 2);
	digits(out + 8, (unsigned)day + 1, 2);
	digits(out + 11, rest / 3600, 2);
	digits(out + 14, rest / 60 % 60, 2);
	digits(out + 17, rest % 60, 2);
}

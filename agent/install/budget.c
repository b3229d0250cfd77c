/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/budget.c - counts, and a line in a file.
 */
#include "agent/install/budget.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/file.h"

#define LITTLE 65536 /* bytes that are not worth a write to flash */

static uint64_t month_of(uint64_t now_s)
{
	time_t at = (time_t)now_s;
	struct tm tm = {0};

	gmtime_r(&at, &tm);
	return (uint64_t)(tm.tm_year + 1900) * 12 + (uint64_t)tm.tm_mon;
}

static void parse(struct vs_budget *b, const char *text)
{
	char *end;
	uint64_t year = strtoull(text, &end, 10), month;

	if (*end != '-')
		return;
	month = strtoull(end + 1, &end, 10);
	if (*end != ' ' || year > 9999 || month < 1 || month > 12)
		return;
	b->used = b->saved = strtoull(end + 1, &end, 10);
	b->month = year * 12 + month - 1;
}

vs_status vs_budget_open(struct vs_budget *b, const char *dir, uint64_t max)
{
	uint8_t *text = NULL;
	size_t len;
	vs_status status;

	*b = (struct vs_budget){.max = max};
	status = vs_path_join(b->path, sizeof(b->path), dir, "agent/budget");
	if (status != VS_OK || max == 0)
		return status;
	if (vs_file_read(b->path, 64, &text, &len) == VS_OK)
		parse(b, (const char *)text);
	free(text);
	return VS_OK;
}

void vs_budget_count(struct vs_budget *b, uint64_t received, uint64_t now_s)
{
	uint64_t month = month_of(now_s);

	if (b->max == 0)
		return;
	if (month > b->month)
		b->used = b->saved = 0;
	b->month = month;
	b->used += received - b->counted;
	b->counted = received;
}

vs_status vs_budget_save(struct vs_budget *b)
{
	char text[64];
	int n;
	vs_status status;

	if (b->max == 0 || b->used < b->saved + LITTLE)
		return VS_OK;
	n = snprintf(text, sizeof(text),
	             "%04" PRIu64 "-%02" PRIu64 " %" PRIu64 "\n", b->month / 12,
	             b->month % 12 + 1, b->used);
	status = vs_file_replace(b->path, text, (size_t)n, 0600);
	if (status == VS_OK)
		b->saved = b->used;
	return status;
}

uint64_t vs_budget_left(const struct vs_budget *b)
{
	if (b->max == 0)
		return UINT64_MAX;
	return b->used < b->max ? b->max - b->used : 0;
}

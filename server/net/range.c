/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/range.c - the one range of bytes that a request asks for.
 */
#include "server/net/range.h"

#include <string.h>

/* Up to 18 digits; false without one or with more. */
static bool number(const char **at, uint64_t *out)
{
	const char *from = *at;

	*out = 0;
	for (; **at >= '0' && **at <= '9'; (*at)++) {
		if (*at - from == 18)
			return false;
		*out = *out * 10 + (uint64_t)(**at - '0');
	}
	return *at > from;
}

static vs_status suffix(const char *at, uint64_t len, struct vs_range *out)
{
	uint64_t n;

	if (!number(&at, &n) || *at)
		return VS_OK;
	if (n == 0 || len == 0)
		return VS_ERR_LIMIT;
	*out = (struct vs_range){.first = n < len ? len - n : 0,
	                         .last = len - 1};
	return VS_OK;
}

vs_status vs_range_parse(const char *header, uint64_t len, struct vs_range *out)
{
	uint64_t first, last = UINT64_MAX;

	*out = (struct vs_range){.whole = true};
	if (!header || strncmp(header, "bytes=", 6) != 0)
		return VS_OK;
	header += 6;
	if (*header == '-')
		return suffix(header + 1, len, out);
	if (!number(&header, &first) || *header++ != '-')
		return VS_OK;
	if (*header && (!number(&header, &last) || *header || last < first))
		return VS_OK;
	if (first >= len)
		return VS_ERR_LIMIT;
	*out = (struct vs_range){.first = first,
	                         .last = last < len ? last : len - 1};
	return VS_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/net/range.h - the one range of bytes that a request asks for.
 *
 * Standard: RFC 9110 section 14; several ranges, and what does not parse, are
 * answered with the whole, as it permits.
 */
#ifndef VS_SERVER_NET_RANGE_H
#define VS_SERVER_NET_RANGE_H

#include "base/status.h"

struct vs_range {
	bool whole;
	uint64_t first, last; /* inclusive, within the file */
};

/* header may be NULL.  VS_OK; VS_ERR_LIMIT if no byte of it is there. */
vs_status vs_range_parse(const char *header, uint64_t len,
                         struct vs_range *out) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/requests.c - the table.
 */
#include "agent/requests.h"

static const struct row {
	enum vs_party from;
	enum vs_request request;
	enum vs_lane_phase when, then;
} rows[] = {
	{VS_PARTY_UNPACK, VS_REQUEST_READY,     VS_LANE_STARTING, VS_LANE_WAITING},
	{VS_PARTY_DISK,   VS_REQUEST_DECODE,    VS_LANE_WAITING,  VS_LANE_ASKED  },
	{VS_PARTY_UNPACK, VS_REQUEST_DECODED,   VS_LANE_ASKED,    VS_LANE_WAITING},
	{VS_PARTY_UNPACK, VS_REQUEST_NO_FRAME,  VS_LANE_ASKED,    VS_LANE_WAITING},
	{VS_PARTY_UNPACK, VS_REQUEST_NO_MEMORY, VS_LANE_ASKED,    VS_LANE_WAITING},
};

bool vs_request_pass(enum vs_party from, uint32_t request,
                     enum vs_lane_phase *phase)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		if (rows[i].from != from || rows[i].request != request ||
		    rows[i].when != *phase)
			continue;
		*phase = rows[i].then;
		return true;
	}
	*phase = VS_LANE_BROKEN;
	return false;
}

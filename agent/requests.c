/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/requests.c - the table.
 */
#include "agent/requests.h"

#define ROW(from, request, when, then)                                         \
	{                                                                      \
		VS_PARTY_##from, VS_REQUEST_##request, VS_##when, VS_##then    \
	}

static const struct row {
	enum vs_party from;
	enum vs_request request;
	enum vs_lane_phase when, then;
} rows[] = {
	ROW(UNPACK, READY, LANE_STARTING, LANE_WAITING),
	ROW(DISK, DECODE, LANE_WAITING, LANE_ASKED),
	ROW(UNPACK, DECODED, LANE_ASKED, LANE_WAITING),
	ROW(UNPACK, NO_FRAME, LANE_ASKED, LANE_WAITING),
	ROW(UNPACK, NO_MEMORY, LANE_ASKED, LANE_WAITING),
	ROW(KEY, READY, SIGNER_STARTING, SIGNER_BLANK),
	ROW(DISK, OPEN, SIGNER_BLANK, SIGNER_OPENING),
	ROW(KEY, TOLD, SIGNER_OPENING, SIGNER_WAITING),
	ROW(KEY, FAILED, SIGNER_OPENING, LANE_BROKEN),
	ROW(DISK, SIGN, SIGNER_WAITING, SIGNER_ASKED),
	ROW(KEY, SIGNED, SIGNER_ASKED, SIGNER_WAITING),
	ROW(KEY, FAILED, SIGNER_ASKED, LANE_BROKEN),
	ROW(NET, READY, LINE_STARTING, LINE_BLANK),
	ROW(DISK, OPEN, LINE_BLANK, LINE_OPENING),
	ROW(NET, DONE, LINE_OPENING, LINE_WAITING),
	ROW(DISK, GET, LINE_WAITING, LINE_ASKED),
	ROW(DISK, SEND, LINE_WAITING, LINE_ASKED),
	ROW(NET, ANSWER, LINE_ASKED, LINE_WAITING),
	ROW(NET, FAILED, LINE_ASKED, LINE_WAITING),
	ROW(NET, SIGN, LINE_ASKED, LINE_ASKED_SIGN),
	ROW(DISK, SIGNED, LINE_ASKED_SIGN, LINE_ASKED),
	ROW(DISK, STREAM, LINE_WAITING, LINE_SEEKING),
	ROW(NET, DONE, LINE_SEEKING, LINE_STREAMING),
	ROW(NET, FAILED, LINE_SEEKING, LINE_WAITING),
	ROW(NET, SIGN, LINE_SEEKING, LINE_SEEKING_SIGN),
	ROW(DISK, SIGNED, LINE_SEEKING_SIGN, LINE_SEEKING),
	ROW(DISK, READ, LINE_STREAMING, LINE_READING),
	ROW(NET, BYTES, LINE_READING, LINE_STREAMING),
	ROW(NET, FAILED, LINE_READING, LINE_WAITING),
	ROW(DISK, CLOSE, LINE_STREAMING, LINE_CLOSING),
	ROW(NET, DONE, LINE_CLOSING, LINE_WAITING),
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

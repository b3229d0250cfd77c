/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/requests.h - which request may pass between the agent's processes,
 * and when: one table.
 *
 * What is not in the table does not pass: who hears it breaks off.
 *
 * Format: docs/formats/lane.md.
 */
#ifndef VS_AGENT_REQUESTS_H
#define VS_AGENT_REQUESTS_H

#include "base/status.h"

enum vs_party { VS_PARTY_DISK, VS_PARTY_UNPACK };

enum vs_request {
	VS_REQUEST_READY = 1, /* unpack: all it may do from now on is this */
	VS_REQUEST_DECODE,    /* disk: a frame lies there */
	VS_REQUEST_DECODED,   /* unpack: a cluster lies there */
	VS_REQUEST_NO_FRAME,  /* unpack: that is no frame of such a cluster */
	VS_REQUEST_NO_MEMORY, /* unpack: not with this memory */
};

/* Where a lane between the two stands. */
enum vs_lane_phase {
	VS_LANE_STARTING, /* the other side is not ready yet */
	VS_LANE_WAITING,  /* for disk's next question */
	VS_LANE_ASKED,    /* a question is open */
	VS_LANE_BROKEN,   /* nothing passes any more */
};

/* Whether from may say this in *phase.  Moves *phase: to what comes after it,
 * or to VS_LANE_BROKEN.
 */
bool vs_request_pass(enum vs_party from, uint32_t request,
                     enum vs_lane_phase *phase) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/unpack/lane_serve.h - what unpack says to disk, and hears.
 *
 * Only read and write: the kernel allows it no more by then.
 */
#ifndef VS_AGENT_LANE_SERVE_H
#define VS_AGENT_LANE_SERVE_H

#include "agent/line/lane.h"

/* Unpack's side of one lane. */
struct vs_lane_side {
	int fd;
	enum vs_lane_phase phase;
	uint32_t words[VS_LANE_QUESTION]; /* what disk said last */
};

/* Says this, as the answer to what was heard last.
 * VS_OK; VS_ERR_IO: it may not be said now, or did not arrive.
 */
vs_status vs_lane_say(struct vs_lane_side *side, uint32_t what) VS_MUST_CHECK;
/* Waits for what disk says next.
 * VS_OK; VS_ERR_STATE: disk is gone; VS_ERR_INPUT: it may not say that now;
 * VS_ERR_IO.
 */
vs_status vs_lane_hear(struct vs_lane_side *side) VS_MUST_CHECK;

#endif

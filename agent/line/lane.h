/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/lane.h - frames to unpack, clusters back: one at a time.
 *
 * A lane is a socket for questions and answers and a piece of shared memory
 * for bytes.  Disk believes nothing that comes by it: it copies a cluster out
 * and judges the copy, so that what the other side changes meanwhile, or
 * later, changes nothing.  One thread of each side works at a lane.
 *
 * Format: docs/formats/lane.md.
 */
#ifndef VS_AGENT_LANE_H
#define VS_AGENT_LANE_H

#include "agent/line/requests.h"
#include "base/status.h"
#include "seal/pack.h"

/* Shared memory of one lane: a frame, then a cluster, in whole pages. */
#define VS_LANE_FRAME_LEN ((size_t)VS_PACK_FRAME_MAX)
#define VS_LANE_CLUSTER_LEN ((size_t)VS_CLUSTER_LEN)
#define VS_LANE_LEN (VS_LANE_FRAME_LEN + VS_LANE_CLUSTER_LEN)

/* At most this much of a delta is handed over at once: on a slow link the work
 * begins before all of it is there. */
#define VS_LANE_FEED_LEN ((size_t)16384)

/* Where voltseal-unpack finds them. */
#define VS_LANE_SHARED_FD 3
#define VS_LANE_FD 4 /* of the first one; the others follow */
#define VS_LANES_MAX 2
#define VS_LANE_OLD_FD 5 /* of the old slot, where it applies a delta */

/* Two words each way: what, and which question; a question has two more. */
enum {
	VS_LANE_WHAT,
	VS_LANE_NUMBER,
	VS_LANE_FRAME,   /* bytes of the frame */
	VS_LANE_CLUSTER, /* bytes it is to become */
	VS_LANE_QUESTION,
	VS_LANE_ANSWER = VS_LANE_FRAME,
	VS_LANE_OLD_LOW = VS_LANE_FRAME, /* of APPLY: the old image's bytes */
	VS_LANE_OLD_HIGH = VS_LANE_CLUSTER,
};

/* Disk's end. */
struct vs_lane {
	int fd; /* SOCK_SEQPACKET, does not block; owned by who opened it */
	uint8_t *frame;         /* written by disk, never read */
	const uint8_t *cluster; /* copied out, never judged in place */
	enum vs_lane_phase phase;
	uint32_t number; /* of the question at hand */
	unsigned answer_ms;
	/* About five times a second while waiting; false: wait no more. */
	bool (*go_on)(void *ctx);
	void *ctx;
};

/* Waits for the other side to be ready.
 * VS_OK; VS_ERR_STATE (go_on said no); VS_ERR_IO: it is not, in answer_ms.
 */
vs_status vs_lane_start(struct vs_lane *l) VS_MUST_CHECK;

/* Has the len bytes in l->frame decoded and copies want bytes to out, which
 * may be anything.
 * VS_OK; VS_ERR_INPUT: that is no frame of such a cluster, or the other side
 * died of it, said what it may not say, or nothing in answer_ms.  It is asked
 * nothing any more then but in the first case.  VS_ERR_NOMEM: it has not
 * enough; VS_ERR_STATE: go_on said no.
 */
vs_status vs_lane_decode(struct vs_lane *l, size_t len, uint8_t *out,
                         size_t want, struct vs_why *why) VS_MUST_CHECK;

/* Where a delta comes from. */
struct vs_lane_feed {
	void *ctx;
	/* 1 to len bytes; none: it ends here.  Any status but VS_OK is given
	 * back by who asked. */
	vs_status (*read)(void *ctx, void *out, size_t len, size_t *got);
};

/* Begins a delta to an old image of old_len bytes, which the other side has
 * open.  VS_OK; VS_ERR_INPUT: the delta has no meaning, or asks for too much,
 * or the other side died of it, or as above; VS_ERR_STATE: go_on said no; what
 * the feed gives.  But for VS_OK it is asked nothing any more.
 */
vs_status vs_lane_apply(struct vs_lane *l, uint64_t old_len,
                        const struct vs_lane_feed *feed,
                        struct vs_why *why) VS_MUST_CHECK;
/* Copies the want bytes of the next cluster to out, which may be anything;
 * out NULL: passes over them.  Gives the same.
 */
vs_status vs_lane_next(struct vs_lane *l, const struct vs_lane_feed *feed,
                       uint8_t *out, size_t want,
                       struct vs_why *why) VS_MUST_CHECK;

/* Unpack's end: answers until disk is gone.  frame and cluster are the
 * lane's memory.  VS_OK then; VS_ERR_INPUT: disk asks what it may not;
 * VS_ERR_IO.
 */
vs_status vs_lane_serve(int fd, struct vs_pack_decoder *decoder,
                        const uint8_t *frame, uint8_t *cluster) VS_MUST_CHECK;
/* The same of one delta, with the old image open for reading as old.  helper
 * packs on another core; NULL: nobody does.
 */
struct vs_delta_helper;
vs_status vs_lane_serve_delta(int fd, int old,
                              const struct vs_delta_helper *helper,
                              const uint8_t *frame,
                              uint8_t *cluster) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/unpack/lane_serve.c - unpack's end: read, decode, write, nothing else.
 *
 * It has its memory before it begins: the calls here are all that the kernel
 * allows it (agent/confine/confine.h).
 */
#include "agent/unpack/lane_serve.h"

#include <errno.h>
#include <unistd.h>

vs_status vs_lane_say(struct vs_lane_side *side, uint32_t what)
{
	const uint32_t words[VS_LANE_ANSWER] = {what,
	                                        side->words[VS_LANE_NUMBER]};

	return vs_request_pass(VS_PARTY_UNPACK, what, &side->phase) &&
	                       write(side->fd, words, sizeof(words)) ==
	                               (ssize_t)sizeof(words)
	               ? VS_OK
	               : VS_ERR_IO;
}

vs_status vs_lane_hear(struct vs_lane_side *side)
{
	ssize_t n;

	do
		n = read(side->fd, side->words, sizeof(side->words));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? VS_ERR_STATE : VS_ERR_IO;
	if (n != (ssize_t)sizeof(side->words) ||
	    !vs_request_pass(VS_PARTY_DISK, side->words[VS_LANE_WHAT],
	                     &side->phase))
		return VS_ERR_INPUT;
	return VS_OK;
}

static uint32_t decode(struct vs_pack_decoder *decoder, const uint8_t *frame,
                       uint8_t *cluster, const uint32_t *words)
{
	switch (vs_pack_decode(decoder, frame, words[VS_LANE_FRAME], cluster,
	                       words[VS_LANE_CLUSTER], NULL)) {
	case VS_OK:
		return VS_REQUEST_DECODED;
	case VS_ERR_NOMEM:
		return VS_REQUEST_NO_MEMORY;
	default:
		return VS_REQUEST_NO_FRAME;
	}
}

vs_status vs_lane_serve(int fd, struct vs_pack_decoder *decoder,
                        const uint8_t *frame, uint8_t *cluster)
{
	struct vs_lane_side side = {.fd = fd, .phase = VS_LANE_STARTING};
	uint32_t what = VS_REQUEST_READY;
	vs_status status;

	for (;;) {
		status = vs_lane_say(&side, what);
		if (status == VS_OK)
			status = vs_lane_hear(&side);
		if (status != VS_OK)
			return status == VS_ERR_STATE ? VS_OK : status;
		/* of deltas it knows nothing */
		if (side.words[VS_LANE_WHAT] != VS_REQUEST_DECODE ||
		    side.words[VS_LANE_FRAME] > VS_LANE_FRAME_LEN ||
		    side.words[VS_LANE_CLUSTER] > VS_LANE_CLUSTER_LEN)
			return VS_ERR_INPUT;
		what = decode(decoder, frame, cluster, side.words);
	}
}

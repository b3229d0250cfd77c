/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/unpack/lane_serve.c - unpack's end: read, decode, write, nothing else.
 *
 * It has its memory before it begins: the calls here are all that the kernel
 * allows it (agent/confine/confine.h).
 */
#include <errno.h>
#include <unistd.h>

#include "agent/line/lane.h"

static vs_status say(int fd, uint32_t what, uint32_t number)
{
	const uint32_t words[VS_LANE_ANSWER] = {what, number};

	return write(fd, words, sizeof(words)) == (ssize_t)sizeof(words)
	               ? VS_OK
	               : VS_ERR_IO;
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
	enum vs_lane_phase phase = VS_LANE_STARTING;
	uint32_t what = VS_REQUEST_READY;
	uint32_t words[VS_LANE_QUESTION] = {0};

	for (;;) {
		ssize_t n;

		if (!vs_request_pass(VS_PARTY_UNPACK, what, &phase) ||
		    say(fd, what, words[VS_LANE_NUMBER]) != VS_OK)
			return VS_ERR_IO;
		do
			n = read(fd, words, sizeof(words));
		while (n < 0 && errno == EINTR);
		if (n <= 0)
			return n == 0 ? VS_OK : VS_ERR_IO;
		if (n != (ssize_t)sizeof(words) ||
		    !vs_request_pass(VS_PARTY_DISK, words[VS_LANE_WHAT],
		                     &phase) ||
		    words[VS_LANE_FRAME] > VS_LANE_FRAME_LEN ||
		    words[VS_LANE_CLUSTER] > VS_LANE_CLUSTER_LEN)
			return VS_ERR_INPUT;
		what = decode(decoder, frame, cluster, words);
	}
}

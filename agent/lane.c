/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/lane.c - disk's end: asks, waits, copies out.
 */
#include "agent/lane.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#define TICK_MS 200

static vs_status broken(struct vs_lane *l, vs_status status, struct vs_why *why,
                        const char *what)
{
	l->phase = VS_LANE_BROKEN;
	return vs_fail(status, why, VS_REASON_MALFORMED, what, 0);
}

/* What there is to hear, or that there will be nothing.  The waits are
 * counted, not the clock: who sets the clock ends nothing early.
 */
static vs_status wait_readable(const struct vs_lane *l)
{
	unsigned rounds = (l->answer_ms + TICK_MS - 1) / TICK_MS;

	for (unsigned i = 0; i < rounds; i++) {
		struct pollfd fd = {l->fd, POLLIN, 0};
		int n = poll(&fd, 1, TICK_MS);

		if (n > 0)
			return VS_OK;
		if (n < 0 && errno != EINTR)
			return VS_ERR_IO;
		if (l->go_on && !l->go_on(l->ctx))
			return VS_ERR_STATE;
	}
	return VS_ERR_IO;
}

/* One message of just this length: a word more is none. */
static bool hear(struct vs_lane *l, uint32_t words[static VS_LANE_ANSWER])
{
	uint32_t heard[VS_LANE_QUESTION];
	const size_t len = VS_LANE_ANSWER * sizeof(heard[0]);

	if (recv(l->fd, heard, sizeof(heard), MSG_DONTWAIT) != (ssize_t)len)
		return false;
	memcpy(words, heard, len);
	return true;
}

vs_status vs_lane_start(struct vs_lane *l)
{
	uint32_t words[VS_LANE_ANSWER];
	vs_status status = wait_readable(l);

	if (status == VS_OK &&
	    (!hear(l, words) || words[VS_LANE_NUMBER] != 0 ||
	     !vs_request_pass(VS_PARTY_UNPACK, words[VS_LANE_WHAT], &l->phase)))
		status = VS_ERR_IO;
	if (status != VS_OK)
		l->phase = VS_LANE_BROKEN;
	return status;
}

static bool ask(struct vs_lane *l, size_t len, size_t want)
{
	const uint32_t words[VS_LANE_QUESTION] = {
		[VS_LANE_WHAT] = VS_REQUEST_DECODE,
		[VS_LANE_NUMBER] = ++l->number,
		[VS_LANE_FRAME] = (uint32_t)len,
		[VS_LANE_CLUSTER] = (uint32_t)want,
	};

	return vs_request_pass(VS_PARTY_DISK, VS_REQUEST_DECODE, &l->phase) &&
	       send(l->fd, words, sizeof(words), MSG_DONTWAIT | MSG_NOSIGNAL) ==
	               (ssize_t)sizeof(words);
}

/* The answer to the question at hand, or nothing more from there. */
static vs_status answer(struct vs_lane *l, uint32_t *what, struct vs_why *why)
{
	uint32_t words[VS_LANE_ANSWER];
	vs_status status = wait_readable(l);

	if (status == VS_ERR_STATE)
		return broken(l, status, why, "stopped");
	if (status != VS_OK)
		return broken(l, VS_ERR_INPUT, why,
		              "unpack does not come to an end of it");
	if (!hear(l, words))
		return broken(l, VS_ERR_INPUT, why, "unpack broke off at it");
	if (words[VS_LANE_NUMBER] != l->number ||
	    !vs_request_pass(VS_PARTY_UNPACK, words[VS_LANE_WHAT], &l->phase))
		return broken(l, VS_ERR_INPUT, why,
		              "unpack answers what it was not asked");
	*what = words[VS_LANE_WHAT];
	return VS_OK;
}

vs_status vs_lane_decode(struct vs_lane *l, size_t len, uint8_t *out,
                         size_t want, struct vs_why *why)
{
	uint32_t what = 0;
	vs_status status;

	if (len > VS_LANE_FRAME_LEN || want > VS_LANE_CLUSTER_LEN)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "no frame is of this length", 0);
	if (!ask(l, len, want))
		return broken(l, VS_ERR_INPUT, why, "unpack is gone");
	status = answer(l, &what, why);
	if (status != VS_OK)
		return status;
	if (what == VS_REQUEST_NO_MEMORY)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
		               "no memory to unpack", 0);
	if (what != VS_REQUEST_DECODED)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "a frame does not decode to its cluster", 0);
	memcpy(out, l->cluster, want);
	return VS_OK;
}

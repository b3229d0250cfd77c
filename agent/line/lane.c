/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/lane.c - disk's end: asks, waits, copies out.
 */
#include "agent/line/lane.h"

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

static bool ask(struct vs_lane *l, uint32_t what, size_t len, size_t want)
{
	const uint32_t words[VS_LANE_QUESTION] = {
		[VS_LANE_WHAT] = what,
		[VS_LANE_NUMBER] = ++l->number,
		[VS_LANE_FRAME] = (uint32_t)len,
		[VS_LANE_CLUSTER] = (uint32_t)want,
	};

	return vs_request_pass(VS_PARTY_DISK, what, &l->phase) &&
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
	if (!ask(l, VS_REQUEST_DECODE, len, want))
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

/* Puts the next piece of the delta where the other side looks for it.  After
 * its end it is not asked for more.
 */
static vs_status feed_on(struct vs_lane *l, const struct vs_lane_feed *feed,
                         bool *ended, struct vs_why *why)
{
	size_t got = 0;
	vs_status status = VS_OK;

	if (*ended)
		return broken(l, VS_ERR_INPUT, why, "the delta is cut short");
	status = feed->read(feed->ctx, l->frame, VS_LANE_FEED_LEN, &got);
	if (status != VS_OK)
		return broken(l, status, why, "the delta cannot be read");
	*ended = got == 0;
	if (!ask(l, VS_REQUEST_FED, got, 0))
		return broken(l, VS_ERR_INPUT, why, "unpack is gone");
	return VS_OK;
}

/* What unpack says of a delta that it cannot go on with. */
static const struct end {
	uint32_t what;
	vs_reason code;
	const char *text;
} ends[] = {
	{VS_REQUEST_NO_MEMORY,    VS_REASON_MALFORMED,
         "the delta asks for more memory than there is"             },
	{VS_REQUEST_OTHER_PACKER, VS_REASON_OTHER_PACKER,
         "the delta needs another version of the library that packs"},
	{VS_REQUEST_UNREADABLE,   VS_REASON_UNREADABLE,
         "the running slot cannot be read"                          },
	{VS_REQUEST_NO_FRAME,     VS_REASON_MALFORMED,
         "the delta has no meaning here"                            },
};

static vs_status no_more(struct vs_lane *l, uint32_t what, struct vs_why *why)
{
	size_t i = 0;

	while (i + 1 < sizeof(ends) / sizeof(ends[0]) && ends[i].what != what)
		i++;
	l->phase = VS_LANE_BROKEN;
	return vs_fail(VS_ERR_INPUT, why, ends[i].code, ends[i].text, 0);
}

static vs_status have_applied(struct vs_lane *l,
                              const struct vs_lane_feed *feed,
                              struct vs_why *why)
{
	uint32_t what = 0;
	bool ended = false;
	vs_status status = answer(l, &what, why);

	while (status == VS_OK && what == VS_REQUEST_MORE) {
		status = feed_on(l, feed, &ended, why);
		if (status == VS_OK)
			status = answer(l, &what, why);
	}
	if (status != VS_OK)
		return status;
	return what == VS_REQUEST_DECODED ? VS_OK : no_more(l, what, why);
}

vs_status vs_lane_apply(struct vs_lane *l, uint64_t old_len,
                        const struct vs_lane_feed *feed, struct vs_why *why)
{
	if (!ask(l, VS_REQUEST_APPLY, old_len & UINT32_MAX, old_len >> 32))
		return broken(l, VS_ERR_INPUT, why, "unpack is gone");
	return have_applied(l, feed, why);
}

vs_status vs_lane_next(struct vs_lane *l, const struct vs_lane_feed *feed,
                       uint8_t *out, size_t want, struct vs_why *why)
{
	vs_status status;

	if (want > VS_LANE_CLUSTER_LEN)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "no cluster is of this length", 0);
	if (!ask(l, VS_REQUEST_NEXT, 0, want))
		return broken(l, VS_ERR_INPUT, why, "unpack is gone");
	status = have_applied(l, feed, why);
	if (status == VS_OK && out)
		memcpy(out, l->cluster, want);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/unpack/lane_delta.c - unpack's end where it applies a delta.
 *
 * It has all its memory before it begins, and of the old image no more than a
 * descriptor to read from: the calls here are all that the kernel allows it.
 */
#include <errno.h>
#include <unistd.h>

#include "agent/line/lane.h"
#include "delta/apply/apply.h"

struct work {
	int fd, old;
	const uint8_t *frame;
	uint8_t *cluster;
	enum vs_lane_phase phase;
	uint32_t words[VS_LANE_QUESTION]; /* what disk said last */
	size_t fed, eaten;                /* of the frame */
	vs_status line;                   /* what became of it to disk */
	struct vs_old_image image;
	struct vs_apply *apply;
};

static vs_status say(struct work *w, uint32_t what)
{
	const uint32_t words[VS_LANE_ANSWER] = {what, w->words[VS_LANE_NUMBER]};

	return vs_request_pass(VS_PARTY_UNPACK, what, &w->phase) &&
	                       write(w->fd, words, sizeof(words)) ==
	                               (ssize_t)sizeof(words)
	               ? VS_OK
	               : VS_ERR_IO;
}

/* VS_ERR_STATE: disk is gone. */
static vs_status hear(struct work *w)
{
	ssize_t n;

	do
		n = read(w->fd, w->words, sizeof(w->words));
	while (n < 0 && errno == EINTR);
	if (n <= 0)
		return n == 0 ? VS_ERR_STATE : VS_ERR_IO;
	if (n != (ssize_t)sizeof(w->words) ||
	    !vs_request_pass(VS_PARTY_DISK, w->words[VS_LANE_WHAT], &w->phase))
		return VS_ERR_INPUT;
	return VS_OK;
}

/* The delta, as disk hands it over. */
static vs_status eat(void *ctx, uint8_t *out, size_t len, size_t *got)
{
	struct work *w = ctx;

	if (w->eaten == w->fed) {
		w->line = say(w, VS_REQUEST_MORE);
		if (w->line == VS_OK)
			w->line = hear(w);
		if (w->line == VS_OK &&
		    w->words[VS_LANE_FRAME] > VS_LANE_FRAME_LEN)
			w->line = VS_ERR_INPUT;
		if (w->line != VS_OK)
			return VS_ERR_IO;
		w->fed = w->words[VS_LANE_FRAME];
		w->eaten = 0;
		if (w->fed == 0)
			return VS_ERR_ABSENT;
	}
	for (*got = 0; *got < len && w->eaten < w->fed; ++*got)
		out[*got] = w->frame[w->eaten++];
	return VS_OK;
}

static vs_status read_old(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct work *w = ctx;
	uint8_t *bytes = out;

	if (at > w->image.len || len > w->image.len - at)
		return VS_ERR_IO;
	while (len > 0) {
		ssize_t n = pread(w->old, bytes, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return VS_ERR_IO;
		bytes += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return VS_OK;
}

static vs_status begin(struct work *w)
{
	w->image = (struct vs_old_image){
		.ctx = w,
		.len = w->words[VS_LANE_OLD_LOW] |
	               (uint64_t)w->words[VS_LANE_OLD_HIGH] << 32,
		.read = read_old};
	return vs_apply_new(&w->image, eat, w, &w->apply, NULL);
}

static uint32_t answer(struct work *w)
{
	size_t want = w->words[VS_LANE_CLUSTER];
	vs_status status = VS_ERR_INPUT;

	if (w->words[VS_LANE_WHAT] == VS_REQUEST_APPLY)
		status = begin(w);
	else if (want <= VS_LANE_CLUSTER_LEN)
		status = vs_apply_next(w->apply, w->cluster, want, NULL);
	switch (status) {
	case VS_OK:
		return VS_REQUEST_DECODED;
	case VS_ERR_NOMEM:
		return VS_REQUEST_NO_MEMORY;
	default:
		return VS_REQUEST_NO_FRAME;
	}
}

vs_status vs_lane_serve_delta(int fd, int old, const uint8_t *frame,
                              uint8_t *cluster)
{
	struct work w = {.fd = fd,
	                 .old = old,
	                 .frame = frame,
	                 .cluster = cluster,
	                 .phase = VS_LANE_STARTING};
	uint32_t what = VS_REQUEST_READY;
	vs_status status;

	for (;;) {
		status = say(&w, what);
		if (status == VS_OK)
			status = hear(&w);
		if (status != VS_OK)
			break;
		/* of frames it knows nothing */
		if (w.words[VS_LANE_WHAT] == VS_REQUEST_DECODE) {
			status = VS_ERR_INPUT;
			break;
		}
		what = answer(&w);
		status = w.line;
		if (status != VS_OK)
			break;
	}
	vs_apply_free(&w.apply);
	return status == VS_ERR_STATE ? VS_OK : status;
}

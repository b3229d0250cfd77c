/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/unpack/lane_delta.c - unpack's end where it applies a delta.
 *
 * It has all its memory before it begins, and of the old image no more than a
 * descriptor to read from: the calls here are all that the kernel allows it.
 */
#include <errno.h>
#include <unistd.h>

#include "agent/unpack/lane_serve.h"
#include "delta/apply/apply.h"

struct work {
	struct vs_lane_side side;
	int old;
	const uint8_t *frame;
	uint8_t *cluster;
	size_t fed, eaten; /* of the frame */
	vs_status line;    /* what became of it to disk */
	struct vs_old_image image;
	const struct vs_delta_helper *helper;
	struct vs_apply *apply;
};

/* The delta, as disk hands it over. */
static vs_status eat(void *ctx, uint8_t *out, size_t len, size_t *got)
{
	struct work *w = ctx;

	if (w->eaten == w->fed) {
		w->line = vs_lane_say(&w->side, VS_REQUEST_MORE);
		if (w->line == VS_OK)
			w->line = vs_lane_hear(&w->side);
		if (w->line == VS_OK &&
		    w->side.words[VS_LANE_FRAME] > VS_LANE_FRAME_LEN)
			w->line = VS_ERR_INPUT;
		if (w->line != VS_OK)
			return VS_ERR_IO;
		w->fed = w->side.words[VS_LANE_FRAME];
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

static vs_status begin(struct work *w, struct vs_why *why)
{
	vs_status status;

	w->image = (struct vs_old_image){
		.ctx = w,
		.len = w->side.words[VS_LANE_OLD_LOW] |
	               (uint64_t)w->side.words[VS_LANE_OLD_HIGH] << 32,
		.read = read_old};
	status = vs_apply_new(&w->image, eat, w, &w->apply, why);
	if (status == VS_OK && w->helper)
		vs_apply_help(w->apply, w->helper);
	return status;
}

static uint32_t answer(struct work *w)
{
	size_t want = w->side.words[VS_LANE_CLUSTER];
	struct vs_why why = {VS_REASON_MALFORMED, "", 0};
	vs_status status = VS_ERR_INPUT;

	if (w->side.words[VS_LANE_WHAT] == VS_REQUEST_APPLY)
		status = begin(w, &why);
	else if (want <= VS_LANE_CLUSTER_LEN)
		status = vs_apply_next(w->apply, w->cluster, want, &why);
	if (status == VS_OK)
		return VS_REQUEST_DECODED;
	if (status == VS_ERR_NOMEM)
		return VS_REQUEST_NO_MEMORY;
	switch (why.code) {
	case VS_REASON_OTHER_PACKER:
		return VS_REQUEST_OTHER_PACKER;
	case VS_REASON_UNREADABLE:
		return VS_REQUEST_UNREADABLE;
	default:
		return VS_REQUEST_NO_FRAME;
	}
}

vs_status vs_lane_serve_delta(int fd, int old,
                              const struct vs_delta_helper *helper,
                              const uint8_t *frame, uint8_t *cluster)
{
	struct work w = {
		.side = {.fd = fd, .phase = VS_LANE_STARTING},
		.old = old,
		.helper = helper,
		.frame = frame,
		.cluster = cluster
        };
	uint32_t what = VS_REQUEST_READY;
	vs_status status;

	for (;;) {
		status = vs_lane_say(&w.side, what);
		if (status == VS_OK)
			status = vs_lane_hear(&w.side);
		if (status != VS_OK)
			break;
		/* of frames it knows nothing */
		if (w.side.words[VS_LANE_WHAT] == VS_REQUEST_DECODE) {
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

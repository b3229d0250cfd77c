/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/state/outbox.h - what the server has yet to be told, in order.
 *
 * Notes wait here through restarts and outages.  A refusal that repeats word
 * for word is noted once until something changes.  When the outbox is full
 * the oldest note goes: news matters more than history.
 */
#ifndef VS_AGENT_OUTBOX_H
#define VS_AGENT_OUTBOX_H

#include <jansson.h>

#include "base/status.h"

#define VS_OUTBOX_MAX 64
#define VS_OUTBOX_SEEN_MAX 32
#define VS_NEWS_STATUS_LEN 32
#define VS_NEWS_ABOUT_LEN 128
#define VS_NEWS_DETAIL_LEN 160

struct vs_news {
	char status[VS_NEWS_STATUS_LEN]; /* OCPP 2.0.1 */
	char phase[VS_NEWS_STATUS_LEN];
	vs_reason reason;                /* NONE if nothing went wrong */
	char about[VS_NEWS_ABOUT_LEN];   /* file or target; "" = none */
	char detail[VS_NEWS_DETAIL_LEN]; /* for a person; "" = none */
	uint64_t campaign_seq;
	bool bundle; /* the release came from one, not from the server */
	uint64_t time_s;
};

struct vs_outbox {
	size_t count;
	struct vs_news notes[VS_OUTBOX_MAX]; /* oldest first */
	size_t seen_count;
	struct {
		vs_reason reason;
		char about[VS_NEWS_ABOUT_LEN];
		uint64_t time_s;
		bool settled;       /* history: the same again is news */
	} seen[VS_OUTBOX_SEEN_MAX]; /* refusals, oldest first */
	uint64_t dropped;           /* notes lost to the maximum */
};

/* Appends a note; a refusal (reason not NONE) that was seen since the last
 * vs_outbox_settle() is left out.  Gives whether it was appended.
 */
bool vs_outbox_add(struct vs_outbox *o, const struct vs_news *note);
/* Something changed: the same refusals are news again. */
void vs_outbox_settle(struct vs_outbox *o);
/* Takes the oldest note away, delivered. */
void vs_outbox_pop(struct vs_outbox *o);

/* As a member of state.json.  encode gives *out (json_decref).
 * decode: VS_OK; VS_ERR_INPUT with *o undefined.
 */
vs_status vs_outbox_encode(const struct vs_outbox *o,
                           json_t **out) VS_MUST_CHECK;
vs_status vs_outbox_decode(const json_t *in, struct vs_outbox *o,
                           struct vs_why *why) VS_MUST_CHECK;

/* The reason of that name; NONE if there is no such. */
vs_reason vs_reason_parse(const char *name);

#endif

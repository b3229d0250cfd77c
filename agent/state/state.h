/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/state/state.h - what the agent knows across restarts: agent/state.json.
 *
 * One file holds the phase and the outbox, so that a move and what the server
 * will be told of it are one write.  A state that cannot be read is as none:
 * slots, boot record and seals say what is true.
 */
#ifndef VS_AGENT_STATE_H
#define VS_AGENT_STATE_H

#include "agent/state/outbox.h"
#include "agent/state/phase.h"
#include "base/status.h"
#include "boot/boot.h"
#include "boot/record.h"

#define VS_STATE_MAX (256 * 1024)
#define VS_FAILED_MAX 16
#define VS_TARGET_PATH_LEN 256

/* One image of the release at hand. */
struct vs_state_part {
	char component[VS_COMPONENT_LEN];
	char path[VS_TARGET_PATH_LEN];
	char sha256[65]; /* of the seal file */
	char version[VS_VERSION_LEN];
	uint64_t release_seq;
};

struct vs_state {
	enum vs_phase phase;
	int target;            /* the slot that is written or tried */
	uint64_t campaign_seq; /* highest release_seq of the release at hand */
	bool bundle;           /* it came from one, not from the server */
	size_t part_count;
	struct vs_state_part parts[VS_BOOT_COMPONENTS_MAX];
	vs_reason reason; /* why it was given up, or fell back last */
	char detail[VS_NEWS_DETAIL_LEN];
	uint64_t bytes_fetched; /* of packs, for this release */
	uint64_t bytes_total;   /* of the images named */
	size_t failed_count;    /* sets whose trial failed, newest last */
	char failed[VS_FAILED_MAX][65];
	/* target path of what stands in each slot; "" = unknown */
	char paths[VS_SLOTS][VS_BOOT_COMPONENTS_MAX][VS_TARGET_PATH_LEN];
	struct vs_outbox outbox;
};

/* Where the state is kept; passed in so that tests own it. */
struct vs_state_io {
	void *ctx;
	/* Replaces it, atomically and durably. */
	vs_status (*save)(void *ctx, const void *bytes, size_t len);
};

/* What a move says beside its phase; zero for nothing. */
struct vs_move_info {
	vs_reason reason;
	const char *about;  /* NULL: none */
	const char *detail; /* NULL: none */
	bool bundle;        /* it is about what a bundle brought */
	uint64_t now_s;
};

/* Gives *out (free()). */
vs_status vs_state_encode(const struct vs_state *s, char **out,
                          size_t *len) VS_MUST_CHECK;
/* VS_OK; VS_ERR_INPUT with *s undefined. */
vs_status vs_state_decode(const void *in, size_t len, struct vs_state *s,
                          struct vs_why *why) VS_MUST_CHECK;

vs_status vs_state_save(const struct vs_state *s,
                        const struct vs_state_io *io) VS_MUST_CHECK;

/* Makes the one move the table has for this event: notes it in the outbox,
 * persists, and only then changes *s.  The caller begins the effect after.
 * VS_OK; VS_ERR_STATE (no such move), VS_ERR_IO - *s unchanged.
 */
vs_status vs_state_move(struct vs_state *s, const struct vs_state_io *io,
                        enum vs_event on,
                        const struct vs_move_info *info) VS_MUST_CHECK;

/* Names the set of s->parts: SHA-256 over their seals' hashes. */
vs_status vs_state_set_id(const struct vs_state *s,
                          char out[static 65]) VS_MUST_CHECK;
/* A set that failed its trial is remembered, in memory until the next save. */
vs_status vs_state_add_failed(struct vs_state *s) VS_MUST_CHECK;
bool vs_state_has_failed(const struct vs_state *s, const char *set_id);

#endif

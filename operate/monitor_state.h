/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor_state.h - how far a monitor has followed a log.
 *
 * The last checkpoint that was verified, and the right edge of its tree: the
 * next one is verified from the new entries alone.  One file, replaced whole.
 */
#ifndef VS_OPERATE_MONITOR_STATE_H
#define VS_OPERATE_MONITOR_STATE_H

#include "trust/checkpoint.h"

struct vs_monitor_state {
	char *note; /* owned; NULL: nothing was seen yet */
	size_t note_len;
	struct vs_checkpoint checkpoint;
	uint64_t time_s; /* the latest witness's on it */
	struct vs_merkle_edge edge;
};

/* VS_OK, also if there is no file yet; VS_ERR_INPUT if it does not hang
 * together; VS_ERR_IO; VS_ERR_NOMEM.  Drop *out in every case.
 */
vs_status vs_monitor_load(const char *dir,
                          struct vs_monitor_state *out) VS_MUST_CHECK;
vs_status vs_monitor_store(const char *dir,
                           const struct vs_monitor_state *s) VS_MUST_CHECK;
void vs_monitor_drop(struct vs_monitor_state *s);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/tlog.h - a transparency log as a folder of static files.
 *
 * DIR/tile/ is what everybody may read and what never changes; DIR/state
 * says how much of it counts.  Files are written first and the state last,
 * so that a cut leaves the old log, whole; what lies beyond is written over.
 *
 * Standard: C2SP tlog-tiles.  Format: docs/formats/tlog.md.
 * Each function says by itself what is wrong.
 */
#ifndef VS_SIGN_TLOG_H
#define VS_SIGN_TLOG_H

#include <limits.h>

#include "base/buffer.h"
#include "trust/leaf.h"
#include "trust/note.h"
#include "trust/tile.h"

struct vs_tlog {
	char dir[PATH_MAX];
	struct vs_vkey key; /* the log's: its name is the origin */
	struct vs_merkle_edge edge;
	uint64_t synced;         /* entries that are on the disk */
	struct vs_buffer bundle; /* the last one, while it is partial */
	struct {
		unsigned width; /* the same of each level */
		uint8_t bytes[VS_TILE_LEN_MAX];
	} tails[VS_TILE_LEVELS];
	struct vs_tiles tiles; /* to read with */
};

/* Makes an empty log.  VS_OK; VS_ERR_STATE if there is one. */
vs_status vs_tlog_make(const char *dir,
                       const struct vs_vkey *key) VS_MUST_CHECK;
/* Gives *out: vs_tlog_free().  VS_OK; VS_ERR_ABSENT if there is no log;
 * VS_ERR_REFUSED (HASH_MISMATCH) if its files are not what its state says.
 */
vs_status vs_tlog_open(const char *dir, struct vs_tlog **out) VS_MUST_CHECK;
void vs_tlog_free(struct vs_tlog **t); /* also for VS_AUTO */

/* Appends an entry, in memory until it is synced; full tiles are written at
 * once.  After a failure the log must be opened anew.
 */
vs_status vs_tlog_append(struct vs_tlog *t, const void *entry, size_t len,
                         uint64_t *index) VS_MUST_CHECK;
/* Writes what is missing, the state last. */
vs_status vs_tlog_sync(struct vs_tlog *t) VS_MUST_CHECK;

/* Hashes of the log's first size entries, all synced; t must outlive it. */
struct vs_merkle_source vs_tlog_source(struct vs_tlog *t, uint64_t size);

/* Says why hashing failed, unless reading the files has said it already.
 * Gives status back.
 */
vs_status vs_tlog_failed(const struct vs_tlog *t, vs_status status);

/* Calls each for the synced entries in order until it gives another status
 * than VS_OK, and gives that; VS_OK after the last.
 */
vs_status vs_tlog_each(const struct vs_tlog *t,
                       vs_status (*each)(void *ctx, uint64_t index,
                                         const uint8_t *entry, size_t len),
                       void *ctx) VS_MUST_CHECK;
/* The first entry about a seal.  VS_OK; VS_ERR_ABSENT (not said). */
vs_status vs_tlog_find(const struct vs_tlog *t, const char *seal_sha256,
                       uint64_t *index, struct vs_leaf *out) VS_MUST_CHECK;

/* "DIR/NAME". */
vs_status vs_tlog_path(const struct vs_tlog *t, const char *name,
                       char out[static PATH_MAX]) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/tlog_out.h - a room's log and proofs out of it, for the server.
 *
 * Only what the published checkpoint covers goes out; it never changes, so
 * that a folder that another log went to is refused.  Tiles are written
 * before the checkpoint, and the proofs under it last.
 *
 * Format: docs/formats/tlog.md.  Each function says by itself what is wrong.
 */
#ifndef VS_SIGN_TLOG_OUT_H
#define VS_SIGN_TLOG_OUT_H

#include "sign/room.h"
#include "sign/tlog.h"

/* What a seal lacks on its way into the published log, the worst last. */
enum vs_tlog_lack {
	VS_TLOG_LACKS_NOTHING,
	VS_TLOG_LACKS_WITNESSES, /* signed, not published */
	VS_TLOG_LACKS_CHECKPOINT,
	VS_TLOG_LACKS_ENTRY,
};

/* Seals in force that have no proof yet. */
struct vs_tlog_lacking {
	size_t count;
	enum vs_tlog_lack worst;
};

/* Writes a proof of one seal, with a link from the size from unless it is 0.
 * VS_OK; VS_ERR_REFUSED (NOT_LOGGED); VS_ERR_STATE if no published
 * checkpoint covers it.
 */
vs_status vs_tlog_prove_seal(struct vs_tlog *t, const char *seal_sha256,
                             uint64_t from, const char *path) VS_MUST_CHECK;
/* Writes DIR/NAME.tlog-proof for every target in force; refuses at the first
 * that has none as above.
 */
vs_status vs_tlog_prove_in_force(const struct vs_room *r, struct vs_tlog *t,
                                 const char *dir, uint64_t from) VS_MUST_CHECK;

/* Writes DIR/log and DIR/proofs, of the seals that have one.  Nothing, and
 * VS_OK, if the room has no log.
 */
vs_status vs_tlog_out(const struct vs_room *r, const char *dir,
                      struct vs_tlog_lacking *lacking) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/pieces.h - a long seal without what the running one has.
 *
 * Most of it is hashes over half a megabyte each, and where an update changes
 * little most of them stay.  What comes out is a guess: it counts when it has
 * the length and hash of the target entry.
 */
#ifndef VS_AGENT_PIECES_H
#define VS_AGENT_PIECES_H

#include "base/status.h"
#include "seal/seal.h"

/* Bytes [from, from + len) of the new file.  VS_OK, or what ends it all. */
typedef vs_status (*vs_pieces_read)(void *ctx, uint64_t from, uint8_t *out,
                                    size_t len);

/* Puts a seal file of len bytes together in out, from one that is open.  Asks
 * first for all but the tree below its top, then for the blocks of each level
 * that are not the same, neighbours together, and never for filling zeros.
 * VS_OK; VS_ERR_ABSENT: it is too short to be worth it, or of another image
 * length; read's own.
 */
vs_status vs_pieces_gather(const struct vs_seal *was, size_t len,
                           vs_pieces_read read, void *ctx,
                           uint8_t *out) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/slot.h - where image, tree and footer stand in a slot.
 *
 * Image from offset 0, the whole tree after it at a 4 KiB boundary (root
 * level first, leaves last), header and signatures in the last 16 KiB.  The
 * footer is written last: a slot without a valid footer holds nothing.
 *
 * Format: docs/formats/seal.md section 3, version 1.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_SEAL_SLOT_H
#define VS_SEAL_SLOT_H

#include "base/status.h"
#include "seal/header.h"
#include "seal/signature.h"
#include "seal/tree.h"

#define VS_SLOT_FOOTER_LEN 16384

struct vs_slot_layout {
	uint64_t tree_at;   /* bytes from the slot's start */
	uint64_t footer_at; /* slot length less 16 KiB */
};

/* VS_OK; VS_ERR_REFUSED (TOO_BIG_FOR_SLOT) if it does not fit. */
vs_status vs_slot_layout(const struct vs_tree *t, uint64_t slot_len,
                         struct vs_slot_layout *out,
                         struct vs_why *why) VS_MUST_CHECK;

/* Header bytes, then the signature block, then zeros. */
vs_status
vs_slot_footer_encode(const uint8_t header[static VS_SEAL_HEADER_LEN],
                      const struct vs_signatures *sigs,
                      uint8_t out[static VS_SLOT_FOOTER_LEN]) VS_MUST_CHECK;

/* Finds the parts of a footer; header points into in.  A footer of zeros or
 * without the magic: VS_ERR_ABSENT (NO_SEAL).  VS_OK; VS_ERR_INPUT.
 */
vs_status vs_slot_footer_decode(const uint8_t in[static VS_SLOT_FOOTER_LEN],
                                const uint8_t **header,
                                struct vs_signatures *sigs,
                                struct vs_why *why) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/swap.h - two areas of flash change places, whatever the power does.
 *
 * For controllers that can run an image in one area only.  The logical slots 0
 * and 1 lie in the primary and the secondary area, or the other way round; a
 * journal says which, and how far a swap has come.  A step is journalled after
 * it is done and may be done again from what it did not destroy.
 *
 * Format: docs/formats/boot-record.md section 6.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_SWAP_H
#define VS_BOOT_SWAP_H

#include "boot/flash.h"

/* Sector numbers; nothing overlaps. */
struct vs_swap {
	const struct vs_flash *flash; /* keeps */
	uint32_t primary;             /* the first of the area that runs */
	uint32_t secondary;
	uint32_t sectors; /* of each area, below 2^28 */
	uint32_t scratch; /* one */
	uint32_t journal; /* the first of two */
};

struct vs_swap_state {
	bool swapped;    /* slot 1 is in the primary area, or gets there */
	bool pending;    /* a swap has begun and has not ended */
	uint32_t step;   /* steps done of it, three for a sector */
	uint32_t serial; /* of the newest journal entry; 0: there is none */
	uint32_t at; /* where the next entry goes; 0: a new sector's begin */
	int sector;  /* the journal's sector of the newest entry; 0 or 1 */
};

/* Reads the journal.  One without a valid entry is that of a new device: not
 * swapped, nothing pending.
 */
void vs_swap_load(const struct vs_swap *s, struct vs_swap_state *out);

/* Ends a swap that is pending; what a loader does first.
 * VS_OK, also if none is; VS_ERR_IO, and it is pending still.
 */
vs_status vs_swap_resume(const struct vs_swap *s,
                         struct vs_swap_state *state) VS_MUST_CHECK;

/* Brings slot into the primary area, if it is not there.
 * VS_OK; VS_ERR_IO, and it is pending or has not begun.
 */
vs_status vs_swap_bring(const struct vs_swap *s, struct vs_swap_state *state,
                        int slot) VS_MUST_CHECK;

#endif

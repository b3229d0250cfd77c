/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/place.h - in which sectors a slot lies, and where it runs.
 *
 * Two variants, one of which is linked: place_direct.c runs an image in its
 * slot, for its code does not mind its address; place_swap.c runs images in
 * area A only and brings them there by boot/swap.h.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_CORTEXM_PLACE_H
#define VS_BOOT_PORT_CORTEXM_PLACE_H

#include "boot/swap.h"

struct vs_place {
	struct vs_swap swap;
	struct vs_swap_state state;
};

/* Finds out where the slots are, and ends what the last power cut left.
 * VS_OK or VS_ERR_IO.
 */
vs_status vs_place_init(struct vs_place *p,
                        const struct vs_flash *flash) VS_MUST_CHECK;

/* The first sector of slot 0 or 1. */
uint32_t vs_place_of(const struct vs_place *p, int slot);

/* Makes a slot run where vs_place_of() then says it is.  *moved: its bytes lie
 * elsewhere than before, and were not verified there.
 * VS_OK or VS_ERR_IO.
 */
vs_status vs_place_bring(struct vs_place *p, int slot,
                         bool *moved) VS_MUST_CHECK;

#endif

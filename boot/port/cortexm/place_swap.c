/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/place_swap.c - slots that run in area A only.
 *
 * The decision is made before anything moves, so what is refused never costs
 * an erase.
 */
#include "boot/port/cortexm/board.h"
#include "boot/port/cortexm/place.h"

vs_status vs_place_init(struct vs_place *p, const struct vs_flash *flash)
{
	p->swap.flash = flash;
	p->swap.primary = VS_AT_SLOT_A;
	p->swap.secondary = VS_AT_SLOT_B;
	p->swap.sectors = VS_SLOT_SECTORS;
	p->swap.scratch = VS_AT_SCRATCH;
	p->swap.journal = VS_AT_JOURNAL;
	vs_swap_load(&p->swap, &p->state);
	return vs_swap_resume(&p->swap, &p->state);
}

uint32_t vs_place_of(const struct vs_place *p, int slot)
{
	return (slot == 1) == p->state.swapped ? p->swap.primary
	                                       : p->swap.secondary;
}

vs_status vs_place_bring(struct vs_place *p, int slot, bool *moved)
{
	*moved = (slot == 1) != p->state.swapped;
	return vs_swap_bring(&p->swap, &p->state, slot);
}

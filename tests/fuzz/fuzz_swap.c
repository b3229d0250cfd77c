/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_swap.c - a journal of any contents ends its swap and holds.
 *
 * The input is the journal's two sectors.  Whatever they say, the swap they
 * begin ends, slot 1 can be brought, and the journal then says so.
 */
#include <assert.h>

#include "boot/swap.h"
#include "tests/boot/nor.h"

enum { SECTOR_LEN = 128, AREA = 3, JOURNAL = 2 * AREA + 1 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nor nor;
	const struct vs_swap swap = {&nor.flash, 0,        AREA,
	                             AREA,       2 * AREA, JOURNAL};
	struct vs_swap_state state;

	nor_init(&nor, SECTOR_LEN, JOURNAL + 2);
	nor_fill(&nor, JOURNAL * SECTOR_LEN, data, size);
	vs_swap_load(&swap, &state);
	if (state.serial > UINT32_MAX - 2 * 3 * AREA - 4)
		return 0; /* four thousand million swaps */
	assert(vs_swap_resume(&swap, &state) == VS_OK);
	assert(!state.pending);
	assert(vs_swap_bring(&swap, &state, 1) == VS_OK);
	vs_swap_load(&swap, &state);
	assert(state.swapped && !state.pending && state.step == 0);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_swap.c - a journal of any contents ends its swap and holds.
 *
 * The input is the journal's two sectors.  Whatever they say, the swap they
 * begin ends, slot 1 can be brought, and the journal then says so.
 */
#include <assert.h>
#include <string.h>

#include "boot/crc.h"
#include "boot/swap.h"

enum { SECTOR_LEN = 128, AREA = 3, LEN = (2 * AREA + 3) * SECTOR_LEN };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static vs_status flash_read(void *ctx, uint32_t at, uint8_t *out, size_t len)
{
	assert(at + len <= LEN);
	memcpy(out, (uint8_t *)ctx + at, len);
	return VS_OK;
}

static vs_status flash_program(void *ctx, uint32_t at, const uint8_t *in,
                               size_t len)
{
	assert(at + len <= LEN && at % VS_FLASH_GRAIN == 0);
	for (size_t i = 0; i < len; i++) {
		assert(((uint8_t *)ctx)[at + i] == 0xff);
		((uint8_t *)ctx)[at + i] = in[i];
	}
	return VS_OK;
}

static vs_status flash_erase(void *ctx, uint32_t sector)
{
	assert(sector < 2 * AREA + 3);
	memset((uint8_t *)ctx + sector * SECTOR_LEN, 0xff, SECTOR_LEN);
	return VS_OK;
}

/* Makes words whole, so that what is behind the checksum is reached. */
static void mend(uint8_t *at, size_t len)
{
	for (; len >= 16; at += 16, len -= 16) {
		uint32_t crc;

		for (size_t i = 0; i < 4; i++)
			at[8 + i] = (uint8_t)~at[4 + i];
		crc = vs_crc32(at, 12);
		for (size_t i = 0; i < 4; i++)
			at[12 + i] = (uint8_t)(crc >> 8 * i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t bytes[LEN];
	struct vs_flash flash = {bytes, SECTOR_LEN, flash_read, flash_program,
	                         flash_erase};
	const struct vs_swap swap = {&flash, 0,        AREA,
	                             AREA,   2 * AREA, 2 * AREA + 1};
	struct vs_swap_state state;
	size_t room = 2 * SECTOR_LEN;

	memset(bytes, 0xff, sizeof(bytes));
	if (size > 0)
		memcpy(bytes + LEN - room, data, size < room ? size : room);
	if (size % 2 == 1)
		mend(bytes + LEN - room, size < room ? size : room);
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

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_floor.c - floors in flash of any contents only go up.
 *
 * The input is the two sectors; then one number is raised twice.  Flash that
 * was written by nobody may have no floor, but a floor never sinks.
 */
#include <assert.h>
#include <string.h>

#include "boot/crc.h"
#include "boot/flash_floor.h"

enum { SECTOR_LEN = 256, LEN = 2 * SECTOR_LEN };

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
	assert(sector < 2);
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
	const struct vs_flash_part at = {&flash, 0};
	uint32_t before[VS_FLASH_FLOORS] = {0};
	vs_status had[VS_FLASH_FLOORS];
	uint32_t value = 0;
	int n = size > 0 ? data[0] % VS_FLASH_FLOORS : 0;

	memset(bytes, 0xff, sizeof(bytes));
	if (size > 0)
		memcpy(bytes, data, size < LEN ? size : LEN);
	if (size % 2 == 1)
		mend(bytes, size < LEN ? size : LEN);
	for (int i = 0; i < VS_FLASH_FLOORS; i++)
		had[i] = vs_flash_floor_get(&at, i, &before[i]);
	for (uint32_t up = 1; up < 3; up++) {
		if (before[n] > UINT32_MAX - up)
			return 0;
		assert(vs_flash_floor_raise(&at, n, before[n] + up) == had[n]);
	}
	for (int i = 0; i < VS_FLASH_FLOORS; i++) {
		assert(vs_flash_floor_get(&at, i, &value) == had[i]);
		assert(had[i] != VS_OK ||
		       value == before[i] + (i == n ? 2 : 0));
	}
	return 0;
}

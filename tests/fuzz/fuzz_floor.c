/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_floor.c - floors in flash of any contents only go up.
 *
 * The input is the two sectors; then one number is raised twice.  Flash that
 * was written by nobody may have no floor, but a floor never sinks.
 */
#include <assert.h>

#include "boot/flash_floor.h"
#include "tests/boot/nor.h"

enum { SECTOR_LEN = 256 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct nor nor;
	const struct vs_flash_part at = {&nor.flash, 0};
	uint32_t before[VS_FLASH_FLOORS] = {0};
	vs_status had[VS_FLASH_FLOORS];
	uint32_t value = 0;
	int n = size > 0 ? data[0] % VS_FLASH_FLOORS : 0;

	nor_init(&nor, SECTOR_LEN, 2);
	nor_fill(&nor, 0, data, size);
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

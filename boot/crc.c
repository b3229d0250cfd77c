/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/crc.c - CRC-32 bit by bit: a few hundred bytes need no table.
 */
#include "boot/crc.h"

uint32_t vs_crc32(const uint8_t *in, size_t len)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < len; i++) {
		crc ^= in[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	return ~crc;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/nor.c - NOR flash made of PSRAM, its rules checked.
 *
 * Words are written in order and each as a whole, so a machine that is killed
 * leaves sectors half erased and grains half programmed, as a power cut would.
 */
#include "boot/port/cortexm/nor.h"

#include "boot/memory.h"
#include "boot/port/cortexm/board.h"

#define ALL (VS_NOR_SECTORS * (uint32_t)VS_NOR_SECTOR_LEN)
#define ERASED UINT32_C(0xffffffff)

static bool inside(uint32_t at, size_t len)
{
	return at <= ALL && len <= ALL - at;
}

static volatile uint32_t *word_at(uint32_t at)
{
	return (volatile uint32_t *)(VS_NOR_AT + at);
}

const uint8_t *vs_nor_map(uint32_t at, uint32_t len)
{
	if (!inside(at, len))
		return NULL;
	return (const uint8_t *)(VS_NOR_AT + at);
}

static vs_status nor_read(void *ctx, uint32_t at, uint8_t *out, size_t len)
{
	(void)ctx;
	if (!inside(at, len))
		return VS_ERR_IO;
	memcpy(out, vs_nor_map(at, (uint32_t)len), len);
	return VS_OK;
}

static vs_status nor_program(void *ctx, uint32_t at, const uint8_t *in,
                             size_t len)
{
	uint32_t word;

	(void)ctx;
	if (!inside(at, len) || at % VS_FLASH_GRAIN != 0 ||
	    len % VS_FLASH_GRAIN != 0 ||
	    at % VS_NOR_SECTOR_LEN + len > VS_NOR_SECTOR_LEN)
		return VS_ERR_IO;
	for (uint32_t i = 0; i < len; i += sizeof(word))
		if (*word_at(at + i) != ERASED)
			return VS_ERR_IO;
	for (uint32_t i = 0; i < len; i += sizeof(word)) {
		memcpy(&word, in + i, sizeof(word));
		*word_at(at + i) = word;
	}
	return VS_OK;
}

static vs_status nor_erase(void *ctx, uint32_t sector)
{
	uint32_t at = sector * VS_NOR_SECTOR_LEN;

	(void)ctx;
	if (sector >= VS_NOR_SECTORS)
		return VS_ERR_IO;
	for (uint32_t i = 0; i < VS_NOR_SECTOR_LEN; i += sizeof(uint32_t))
		*word_at(at + i) = ERASED;
	return VS_OK;
}

void vs_nor_init(struct vs_flash *out)
{
	out->ctx = NULL;
	out->sector_len = VS_NOR_SECTOR_LEN;
	out->read = nor_read;
	out->program = nor_program;
	out->erase = nor_erase;
}

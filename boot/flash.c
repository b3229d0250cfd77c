/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/flash.c - NOR flash: write, copy, and a boot record in two sectors.
 */
#include "boot/flash.h"

#include "boot/memory.h"

enum { CHUNK = 128 };

static size_t chunk_of(size_t left)
{
	return left < CHUNK ? left : CHUNK;
}

bool vs_flash_is_blank(const struct vs_flash *flash, uint32_t at)
{
	uint8_t grain[VS_FLASH_GRAIN];

	if (flash->read(flash->ctx, at, grain, sizeof(grain)) != VS_OK)
		return false;
	for (size_t i = 0; i < sizeof(grain); i++)
		if (grain[i] != 0xff)
			return false;
	return true;
}

vs_status vs_flash_write(const struct vs_flash *flash, uint32_t at,
                         const uint8_t *in, size_t len)
{
	uint8_t back[CHUNK];
	size_t n;

	for (; len > 0; at += (uint32_t)n, in += n, len -= n) {
		n = chunk_of(len);
		if (flash->program(flash->ctx, at, in, n) != VS_OK ||
		    flash->read(flash->ctx, at, back, n) != VS_OK ||
		    memcmp(back, in, n) != 0)
			return VS_ERR_IO;
	}
	return VS_OK;
}

vs_status vs_flash_copy(const struct vs_flash *flash, uint32_t from,
                        uint32_t to)
{
	uint8_t chunk[CHUNK];
	size_t n;

	if (flash->erase(flash->ctx, to) != VS_OK)
		return VS_ERR_IO;
	for (uint32_t at = 0; at < flash->sector_len; at += (uint32_t)n) {
		n = chunk_of(flash->sector_len - at);
		if (flash->read(flash->ctx, from * flash->sector_len + at,
		                chunk, n) != VS_OK ||
		    vs_flash_write(flash, to * flash->sector_len + at, chunk,
		                   n) != VS_OK)
			return VS_ERR_IO;
	}
	return VS_OK;
}

static vs_status record_read(void *ctx, int copy,
                             uint8_t out[static VS_RECORD_LEN])
{
	const struct vs_flash_part *p = ctx;

	return p->flash->read(p->flash->ctx,
	                      (p->first + (uint32_t)copy) *
	                              p->flash->sector_len,
	                      out, VS_RECORD_LEN);
}

static vs_status record_write(void *ctx, int copy,
                              const uint8_t in[static VS_RECORD_LEN])
{
	const struct vs_flash_part *p = ctx;
	uint32_t sector = p->first + (uint32_t)copy;

	if (p->flash->erase(p->flash->ctx, sector) != VS_OK)
		return VS_ERR_IO;
	return vs_flash_write(p->flash, sector * p->flash->sector_len, in,
	                      VS_RECORD_LEN);
}

void vs_flash_record_ops(struct vs_flash_part *part, struct vs_record_ops *out)
{
	out->ctx = part;
	out->read = record_read;
	out->write = record_write;
}

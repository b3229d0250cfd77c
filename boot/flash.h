/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/flash.h - NOR flash as a controller's boot stage sees it.
 *
 * The rules everything over it keeps: a sector is erased to 0xff as a whole;
 * programming only clears bits, 16 bytes at a time, and none of these 16 twice
 * before the next erase (flash with error correction allows no more).  A cut
 * may leave anything in what was being erased or programmed, and nothing else.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_FLASH_H
#define VS_BOOT_FLASH_H

#include "base/status.h"
#include "boot/record.h"

#define VS_FLASH_GRAIN 16

struct vs_flash {
	void *ctx;
	uint32_t sector_len; /* a multiple of VS_FLASH_GRAIN */
	/* VS_ERR_IO also for bytes that error correction gives up. */
	vs_status (*read)(void *ctx, uint32_t at, uint8_t *out, size_t len);
	/* at and len are multiples of VS_FLASH_GRAIN, within one sector. */
	vs_status (*program)(void *ctx, uint32_t at, const uint8_t *in,
	                     size_t len);
	vs_status (*erase)(void *ctx, uint32_t sector);
};

/* Some sectors of a flash, from number first on. */
struct vs_flash_part {
	const struct vs_flash *flash; /* keeps */
	uint32_t first;
};

/* A boot record in two sectors of at least VS_RECORD_LEN bytes, a copy in
 * each.  *part must outlive *out.
 */
void vs_flash_record_ops(struct vs_flash_part *part, struct vs_record_ops *out);

/* Programs and reads back.  VS_OK or VS_ERR_IO. */
vs_status vs_flash_write(const struct vs_flash *flash, uint32_t at,
                         const uint8_t *in, size_t len) VS_MUST_CHECK;

/* Erases sector to and fills it with what sector from holds.
 * VS_OK or VS_ERR_IO.
 */
vs_status vs_flash_copy(const struct vs_flash *flash, uint32_t from,
                        uint32_t to) VS_MUST_CHECK;

/* Whether these 16 bytes were programmed since the last erase, as far as one
 * can see.  What cannot be read was.
 */
bool vs_flash_is_blank(const struct vs_flash *flash, uint32_t at);

#endif

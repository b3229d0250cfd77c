/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/nor.h - boot/flash.h's operations on this board.
 *
 * Its PSRAM would take any write; the rules of NOR flash are kept here, and
 * whoever breaks one gets an error: programming only what is erased, within one
 * sector, in whole grains.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_CORTEXM_NOR_H
#define VS_BOOT_PORT_CORTEXM_NOR_H

#include "boot/flash.h"

void vs_nor_init(struct vs_flash *out);

/* len bytes where they lie; NULL if there are none such. */
const uint8_t *vs_nor_map(uint32_t at, uint32_t len);

#endif

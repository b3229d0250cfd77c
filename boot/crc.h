/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/crc.h - finds what a torn write left; proves nothing to an attacker.
 *
 * Standard: CRC-32 of ISO-HDLC, zlib's.
 * For the .c files of this room only.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_CRC_H
#define VS_BOOT_CRC_H

#include <stddef.h>
#include <stdint.h>

uint32_t vs_crc32(const uint8_t *in, size_t len);

#endif

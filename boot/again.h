/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/again.h - one more look at what is about to start, for ports.
 *
 * It shares no code with what decided: it takes numbers from the signed bytes
 * themselves, and compares them byte by byte with those of the floors' store.
 * So a glitch that spoils what a number is decoded with does not spoil this.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_AGAIN_H
#define VS_BOOT_AGAIN_H

#include "base/status.h"

#define VS_AGAIN_FLOOR_LEN 4

/* header: of the seal, whose signatures were checked.  floor: little endian, as
 * it is stored.  hashed: how many blocks of the image were hashed, as the port
 * counted them; UINT32_MAX if dm-verity is to hash them.
 * Whether the version is at or above the floor, and every block was hashed.
 */
bool vs_again_holds(const uint8_t *header,
                    const uint8_t floor[static VS_AGAIN_FLOOR_LEN],
                    uint32_t hashed);

#endif

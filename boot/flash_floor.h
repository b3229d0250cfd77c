/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/flash_floor.h - floors as words that are only ever added to flash.
 *
 * Two sectors.  A floor is the highest valid word with its number; a raise
 * adds a word.  When a sector is full, the other one gets a copy of all floors
 * and then a mark that it is complete: at any instant one complete sector
 * holds every floor.  Without one there is no floor, and nothing starts.
 * Nothing here keeps an attacker from erasing the sectors: the board must lock
 * them before the image runs.
 *
 * Format: docs/formats/boot-record.md section 5.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_FLASH_FLOOR_H
#define VS_BOOT_FLASH_FLOOR_H

#include "boot/boot.h"
#include "boot/flash.h"

/* The components', the epoch's, the recovery image's. */
#define VS_FLASH_FLOORS (VS_BOOT_RECOVERY + 1)

/* In the factory: floors for the numbers in mask (bit 0: component 0).
 * VS_OK; VS_ERR_STATE if the two sectors are not blank; VS_ERR_IO.
 */
vs_status vs_flash_floor_create(const struct vs_flash_part *at, unsigned mask,
                                const uint32_t values[static VS_FLASH_FLOORS])
	VS_MUST_CHECK;

/* VS_OK; VS_ERR_IO if no sector is complete or none names the number. */
vs_status vs_flash_floor_get(const struct vs_flash_part *at, int number,
                             uint32_t *out) VS_MUST_CHECK;

/* Raises it; a lower value than the one there changes nothing.
 * VS_OK; VS_ERR_IO, with the old floor or the new one in force.
 */
vs_status vs_flash_floor_raise(const struct vs_flash_part *at, int number,
                               uint32_t to) VS_MUST_CHECK;

#endif

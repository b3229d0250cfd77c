/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/floors.h - floors in a variable that no system can reach.
 *
 * It is non-volatile and for boot services only: once a system runs, the
 * firmware neither shows nor changes it.  It is made once, when the machine is
 * set up; a loader that does not find it, whole and with just these
 * attributes, has no floors, and never makes new ones.
 *
 * Format: docs/formats/loader.md section 3.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_FLOORS_H
#define VS_BOOT_PORT_UEFI_FLOORS_H

#include "boot/boot.h"
#include "boot/port/uefi/efi.h"

#define VS_FLOORS (VS_BOOT_RECOVERY + 1)

/* the names' vendor: c52002e5-85b0-414a-8449-59f4e4c98f86 */
extern const struct efi_guid vs_vendor_id;

/* VS_OK; VS_ERR_IO if the store is missing, or is not as it was made. */
vs_status vs_floors_get(const struct efi_runtime *runtime, int number,
                        uint32_t *out) VS_MUST_CHECK;

/* Its bytes, little endian, as they are stored; for boot/again.h.
 * VS_OK; VS_ERR_IO.
 */
vs_status vs_floors_raw(const struct efi_runtime *runtime, int number,
                        uint8_t out[static 4]) VS_MUST_CHECK;

/* VS_OK, read back; VS_ERR_IO with the old value or the new one in force. */
vs_status vs_floors_raise(const struct efi_runtime *runtime, int number,
                          uint32_t to) VS_MUST_CHECK;

/* VS_OK; VS_ERR_STATE if there are floors already; VS_ERR_IO. */
vs_status
vs_floors_create(const struct efi_runtime *runtime,
                 const uint32_t floors[static VS_FLOORS]) VS_MUST_CHECK;

#endif

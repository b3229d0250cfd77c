/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/tpm_floors.h - floors in an NV index of the TPM.
 *
 * The index holds them twice, so that a cut write leaves the old ones or the
 * new ones.  It is made once, when the machine is set up, and can be written
 * only before the loader has measured what starts (boot/port/uefi/tpm.h).
 *
 * Format: docs/formats/loader.md section 4.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_TPM_FLOORS_H
#define VS_BOOT_PORT_UEFI_TPM_FLOORS_H

#include "boot/port/uefi/floors.h"
#include "boot/port/uefi/tpm.h"

/* VS_OK; VS_ERR_IO if there is no TPM, or no index as it was made. */
vs_status vs_tpm_floors_get(const struct efi_system *system, int number,
                            uint32_t *out) VS_MUST_CHECK;

/* Its bytes, little endian, as they are stored in the first sound copy, which a
 * raise writes first; for boot/again.h.
 * VS_OK; VS_ERR_IO.
 */
vs_status vs_tpm_floors_raw(const struct efi_system *system, int number,
                            uint8_t out[static 4]) VS_MUST_CHECK;

/* VS_OK, read back; VS_ERR_IO with the old value or the new one in force. */
vs_status vs_tpm_floors_raise(const struct efi_system *system, int number,
                              uint32_t to) VS_MUST_CHECK;

/* VS_OK; VS_ERR_STATE if there are floors already; VS_ERR_IO. */
vs_status
vs_tpm_floors_create(const struct efi_system *system,
                     const uint32_t floors[static VS_FLOORS]) VS_MUST_CHECK;

/* Before a system starts: takes the platform's hierarchy from it. */
void vs_tpm_floors_lock(const struct efi_system *system);

#endif

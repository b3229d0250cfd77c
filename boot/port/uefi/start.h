/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/start.h - starts the kernel that was verified.
 *
 * The firmware believes Authenticode only, which a sealed kernel does not
 * need: for the one call that loads it, the firmware's question "may this
 * run?" is answered here, with yes for exactly the verified bytes and by the
 * firmware's own answer for all others.
 *
 * Freestanding: no heap, no stdio.
 */
#ifndef VS_BOOT_PORT_UEFI_START_H
#define VS_BOOT_PORT_UEFI_START_H

#include "base/status.h"
#include "boot/port/uefi/efi.h"
#include "boot/port/uefi/kernel.h"

/* Has the firmware load it; nothing of it runs.
 * EFI_SUCCESS with *image; else the firmware's status, nothing loaded.
 */
efi_status vs_start_load(const struct efi_system *system, efi_handle parent,
                         const struct vs_kernel *kernel, efi_handle *image);

/* Starts what was loaded.  Returns only if the kernel does: the status it or
 * the firmware gave, and what was loaded is gone.
 * command: text of command_len characters, a zero behind it.
 */
efi_status vs_start_run(const struct efi_system *system, efi_handle image,
                        const struct vs_kernel *kernel, const char *command,
                        size_t command_len);

/* Undoes vs_start_load(). */
void vs_start_unload(const struct efi_system *system, efi_handle image);

#endif

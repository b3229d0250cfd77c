/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/say.h - lines for a person on the firmware's console.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_SAY_H
#define VS_BOOT_PORT_UEFI_SAY_H

#include "boot/port/uefi/efi.h"

void vs_say(const struct efi_system *system, const char *text);
void vs_say_number(const struct efi_system *system, uint64_t n);
void vs_say_hex(const struct efi_system *system, uint64_t n);

/* "voltseal: ", text, end of line. */
void vs_say_line(const struct efi_system *system, const char *text);

/* "voltseal: ", what, ": ", text or "ok", end of line; for failures. */
void vs_say_status(const struct efi_system *system, const char *what,
                   efi_status status);

#endif

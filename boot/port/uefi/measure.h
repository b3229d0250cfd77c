/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/measure.h - tells the TPM what starts.
 *
 * PCR 11: the seal header of each component; PCR 12: the command line, then
 * the decision record.  Without a TPM nothing is told to anybody.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_MEASURE_H
#define VS_BOOT_PORT_UEFI_MEASURE_H

#include "base/status.h"
#include "boot/port/uefi/efi.h"

enum { VS_PCR_SEAL = 11, VS_PCR_COMMAND = 12 };

/* what: the event's text in the log, at most 32 characters.
 * VS_OK, also without a TPM; VS_ERR_IO.
 */
vs_status vs_measure(const struct efi_system *system, uint32_t pcr,
                     const char *what, const uint8_t *in,
                     size_t len) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/tpm.h - as much of a TPM 2.0 as floors need.
 *
 * One kind of NV index, written under one policy: PCR 11 (SHA-256) is zero.  So
 * it is from the reset until the loader measures what it starts; from then on
 * nobody can write the index, whatever authorizations he holds, until the
 * machine is reset.  He may undefine it and define it anew; but not write it,
 * and one that was defined in another way is not taken for ours.
 *
 * Standard: TPM 2.0 Library, parts 2 and 3, revision 1.59.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_TPM_H
#define VS_BOOT_PORT_UEFI_TPM_H

#include "base/status.h"
#include "boot/port/uefi/efi.h"

#define VS_TPM_DATA_MAX 64

struct vs_tpm {
	struct efi_tcg2 *device;     /* keeps */
	const struct efi_boot *boot; /* keeps */
};

/* VS_OK; VS_ERR_ABSENT: the firmware knows of none. */
vs_status vs_tpm_open(const struct efi_system *system,
                      struct vs_tpm *out) VS_MUST_CHECK;

/* Defines index, of len bytes, in the platform's hierarchy if the firmware left
 * that open, else in the owner's.  Whatever was there under that number goes.
 * VS_OK; VS_ERR_IO: the TPM refused or did not answer.
 */
vs_status vs_tpm_define(const struct vs_tpm *tpm, uint32_t index,
                        size_t len) VS_MUST_CHECK;

/* Reads all of it.
 * VS_OK; VS_ERR_IO: there is none, it is not as vs_tpm_define() made it, or it
 * was never written since.
 */
vs_status vs_tpm_read(const struct vs_tpm *tpm, uint32_t index, uint8_t *out,
                      size_t len) VS_MUST_CHECK;

/* VS_OK; VS_ERR_IO: also when PCR 11 is no longer zero. */
vs_status vs_tpm_write(const struct vs_tpm *tpm, uint32_t index, size_t at,
                       const uint8_t *in, size_t len) VS_MUST_CHECK;

/* Closes the platform's hierarchy until the next reset.  One that the firmware
 * closed before, or gave a secret of its own, stays as it is.
 */
void vs_tpm_close_platform(const struct vs_tpm *tpm);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/measure.c - tells the TPM what starts.
 */
#include "boot/port/uefi/measure.h"

#include "seal/bytes.h"

enum {
	AT_LEN = 0,
	AT_HEADER_LEN = 4,
	AT_VERSION = 8,
	AT_PCR = 10,
	AT_TYPE = 14,
	AT_TEXT = 18,
	HEADER_LEN = 14,
	EV_IPL = 13,
	TEXT_MAX = 32,
};

vs_status vs_measure(const struct efi_system *system, uint32_t pcr,
                     const char *what, const uint8_t *in, size_t len)
{
	uint8_t event[AT_TEXT + TEXT_MAX + 1] = {0};
	struct efi_tcg2 *tpm = NULL;
	efi_status status;
	size_t text = 0;

	if (system->boot->locate_protocol(&efi_tcg2_id, NULL, &tpm) !=
	            EFI_SUCCESS ||
	    !tpm)
		return VS_OK;
	for (; text < TEXT_MAX && what[text] != '\0'; text++)
		event[AT_TEXT + text] = (uint8_t)what[text];
	put32(event + AT_LEN, (uint32_t)(AT_TEXT + text + 1));
	put32(event + AT_HEADER_LEN, HEADER_LEN);
	put16(event + AT_VERSION, 1);
	put32(event + AT_PCR, pcr);
	put32(event + AT_TYPE, EV_IPL);
	status = tpm->hash_log_extend(tpm, 0, (uint64_t)(uintptr_t)in, len,
	                              event);
	/* A full log is a log without this event; the PCR has it. */
	return status == EFI_SUCCESS || status == EFI_VOLUME_FULL ? VS_OK
	                                                          : VS_ERR_IO;
}

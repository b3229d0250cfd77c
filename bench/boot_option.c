/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/boot_option.c - makes the firmware start one file, with these options.
 *
 * bench/boot.py writes the option's bytes into the program, behind the magic.
 */
#include "boot/port/uefi/efi.h"

efi_status efi_main(efi_handle image, struct efi_system *system);

enum { LEN_MAX = 4096 };

/* volatile: what it holds is not known when this is compiled */
static const volatile struct {
	char magic[8];
	uint32_t len;
	uint8_t bytes[LEN_MAX];
} option = {
	{'B',  'E', 'N', 'C', 'H', 'O', 'P', 'T'},
        0, {0}
};

efi_status efi_main(efi_handle image, struct efi_system *system)
{
	static const uint16_t order[] = {0xbe};
	static uint8_t bytes[LEN_MAX];
	const uint32_t attributes = EFI_VAR_NV | EFI_VAR_BOOT | EFI_VAR_RUNTIME;
	efi_status status;

	(void)image;
	for (size_t i = 0; i < option.len && i < LEN_MAX; i++)
		bytes[i] = option.bytes[i];
	status = system->runtime->set_variable(u"Boot00BE", &efi_global_id,
	                                       attributes, option.len, bytes);
	if (status == EFI_SUCCESS)
		status = system->runtime->set_variable(
			u"BootOrder", &efi_global_id, attributes, sizeof(order),
			order);
	(void)system->out->output(system->out, status == EFI_SUCCESS
	                                               ? u"option set\r\n"
	                                               : u"option failed\r\n");
	system->runtime->reset_system(EFI_RESET_COLD, status, 0, NULL);
	return status;
}

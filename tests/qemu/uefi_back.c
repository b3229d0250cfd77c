/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/uefi_back.c - what stands where a kernel should, and comes back.
 */
#include "boot/port/uefi/efi.h"

efi_status efi_main(efi_handle image, struct efi_system *system);

efi_status efi_main(efi_handle image, struct efi_system *system)
{
	(void)image;
	(void)system->out->output(system->out, u"guest: comes back\r\n");
	return EFI_DEVICE_ERROR;
}

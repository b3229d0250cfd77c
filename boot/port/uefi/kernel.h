/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/kernel.h - kernel, initrd and command line as one image.
 *
 * One component, one seal: none of the three can be changed alone.  The
 * loader takes the image apart only after all of it was verified.
 *
 * Format: docs/formats/kernel.md, version 1.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_KERNEL_H
#define VS_BOOT_PORT_UEFI_KERNEL_H

#include "base/status.h"

#define VS_KERNEL_HEAD_LEN 4096
#define VS_KERNEL_COMMAND_MAX (VS_KERNEL_HEAD_LEN - 64)

enum vs_kernel_machine { /* as PE/COFF numbers them */
	                 VS_KERNEL_X86_64 = 0x8664,
	                 VS_KERNEL_AARCH64 = 0xaa64,
};

struct vs_kernel {
	uint16_t machine;
	const uint8_t *kernel; /* keeps: these point into the image */
	size_t kernel_len;
	const uint8_t *initrd;
	size_t initrd_len; /* 0: there is none */
	const char *command;
	size_t command_len; /* no zero at its end */
};

/* VS_OK; VS_ERR_INPUT (MALFORMED, UNSUPPORTED). */
vs_status vs_kernel_decode(const uint8_t *in, size_t len, struct vs_kernel *out,
                           struct vs_why *why) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/command.h - the kernel's command line.
 *
 * What the loader verified comes first, then what is sealed in the image:
 *
 *   voltseal.slot=a voltseal.verity=NAME:PARTUUID:LEN:SALT:ROOT ... SEALED
 *
 * The system opens partition NAME with dm-verity and that root hash; so the
 * signatures that the loader checked reach to the last block.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_COMMAND_H
#define VS_BOOT_PORT_UEFI_COMMAND_H

#include "boot/boot.h"
#include "boot/port/uefi/kernel.h"

#define VS_COMMAND_MAX 2047 /* Linux cuts off what is longer */

/* A component that is read while the system runs. */
struct vs_command_root {
	const char *partition; /* its name */
	const uint8_t *id;     /* its own, 16 bytes as the table holds it */
	const struct vs_seal_header *header;
};

/* slot: 'a' or 'b'; 0: the recovery image, then voltseal.recovery=1 comes
 * first.  *len without the closing zero.
 * VS_OK; VS_ERR_LIMIT if it is longer than Linux reads.
 */
vs_status vs_command_build(char slot, const struct vs_command_root *roots,
                           int count, const struct vs_kernel *kernel,
                           char out[static VS_COMMAND_MAX + 1],
                           size_t *len) VS_MUST_CHECK;

#endif

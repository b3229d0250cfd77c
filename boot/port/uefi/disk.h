/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/disk.h - the disk that the loader was started from, and a
 * medium that somebody brings.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_DISK_H
#define VS_BOOT_PORT_UEFI_DISK_H

#include "boot/port/uefi/efi.h"
#include "boot/port/uefi/gpt.h"

#define VS_DISK_UNIT 4096 /* what reads and writes are multiples of */

struct vs_disk {
	struct efi_block_io *io; /* keeps */
	struct vs_gpt table;
};

/* device: where the loader came from.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_INPUT (no partition table); VS_ERR_IO.
 */
vs_status vs_disk_open(const struct efi_system *system, efi_handle device,
                       struct vs_disk *out, struct vs_why *why) VS_MUST_CHECK;

/* Finds the first other disk with a partition of that name.  Wakes every
 * device, which takes a second or more.
 * VS_OK; VS_ERR_ABSENT.
 */
vs_status vs_disk_open_medium(const struct efi_system *system,
                              const struct vs_disk *own, const char *name,
                              struct vs_disk *out,
                              struct vs_gpt_partition *found) VS_MUST_CHECK;

/* Whole units within the partition, from and to memory at a page's start.
 * VS_OK; VS_ERR_IO.  A write is durable before it returns VS_OK.
 */
vs_status vs_disk_read(const struct vs_disk *disk,
                       const struct vs_gpt_partition *from, uint64_t at,
                       uint8_t *out, size_t len) VS_MUST_CHECK;
vs_status vs_disk_write(const struct vs_disk *disk,
                        const struct vs_gpt_partition *to, uint64_t at,
                        const uint8_t *in, size_t len) VS_MUST_CHECK;

#endif

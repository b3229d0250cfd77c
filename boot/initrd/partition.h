/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/initrd/partition.h - finds Voltseal's partitions among the block
 * devices.
 *
 * Where the loader named an id, only the partition of that name and id will
 * do: another disk may carry the same name.
 */
#ifndef VS_BOOT_INITRD_PARTITION_H
#define VS_BOOT_INITRD_PARTITION_H

#include "base/status.h"
#include "boot/port/uefi/gpt.h"

#define VS_PARTITION_PATH_MAX 64

struct vs_partition {
	char device[VS_PARTITION_PATH_MAX]; /* "/dev/nvme0n1p7" */
	char disk[VS_PARTITION_PATH_MAX];   /* "/dev/nvme0n1" */
};

/* Looks through /sys/class/block.  disk: on this one only; NULL: on any.
 * id: with this one only; NULL: with any.  VS_OK; VS_ERR_ABSENT.
 */
vs_status vs_partition_find(const char *name, const char *disk,
                            const uint8_t *id,
                            struct vs_partition *out) VS_MUST_CHECK;

#endif

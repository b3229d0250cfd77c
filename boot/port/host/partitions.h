/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/partitions.h - Voltseal's partitions as Linux shows them.
 *
 * The disk is the one whose partition table names `record`, and a name means
 * there what it means to the UEFI loader, for its own code reads the table:
 * type and name, two of one name count as none.  The kernel is asked only
 * which device lies where the table says.
 *
 * Format: docs/formats/loader.md section 2.
 */
#ifndef VS_BOOT_PORT_HOST_PARTITIONS_H
#define VS_BOOT_PORT_HOST_PARTITIONS_H

#include "boot/port/uefi/gpt.h"

#define VS_NODE_LEN 32 /* a device's name, with the closing zero */

struct vs_partitions {
	const char *sys; /* keeps: "/sys/class/block" */
	const char *dev; /* keeps: "/dev" */
	char disk[VS_NODE_LEN];
	struct vs_gpt table;
};

/* Looks at every disk with partitions for the one that holds `record`.
 * VS_OK; VS_ERR_ABSENT: none does; VS_ERR_INPUT: two do; VS_ERR_IO: there are
 * no disks to look at; VS_ERR_LIMIT; with a line for a person in error.
 */
vs_status vs_partitions_open(struct vs_partitions *p, const char *sys,
                             const char *dev,
                             char error[static 256]) VS_MUST_CHECK;

/* Gives the node of a partition of that disk: "sda3".
 * VS_OK; VS_ERR_ABSENT, with node "", if the table has no such partition, has
 * two, or the kernel shows none there.
 */
vs_status vs_partitions_find(const struct vs_partitions *p, const char *name,
                             char node[static VS_NODE_LEN]) VS_MUST_CHECK;

#endif

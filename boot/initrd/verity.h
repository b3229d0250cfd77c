/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/initrd/verity.h - opens a slot under dm-verity.
 *
 * By ioctl alone: neither libdevmapper nor udev is here.  The device is read
 * only, and a block that does not hash to the sealed root is an I/O error to
 * whoever reads it.
 *
 * Standard: Linux, Documentation/admin-guide/device-mapper/verity.rst.
 */
#ifndef VS_BOOT_INITRD_VERITY_H
#define VS_BOOT_INITRD_VERITY_H

#include "base/status.h"
#include "boot/initrd/cmdline.h"

#define VS_VERITY_TABLE_MAX 512
#define VS_VERITY_PATH_MAX 64

/* dm-verity's parameters for v on a block device; docs/formats/seal.md,
 * section 3, tells where the tree is.  Gives the data's length in *sectors of
 * 512 bytes.  VS_OK; VS_ERR_LIMIT if it does not fit.
 */
vs_status vs_verity_table(const struct vs_cmdline_verity *v, const char *device,
                          char out[static VS_VERITY_TABLE_MAX],
                          uint64_t *sectors) VS_MUST_CHECK;

/* Makes the device-mapper device of that name and gives its node's path.
 * VS_OK; VS_ERR_LIMIT; VS_ERR_IO with errno.
 */
vs_status vs_verity_open(const struct vs_cmdline_verity *v, const char *device,
                         const char *name,
                         char path[static VS_VERITY_PATH_MAX]) VS_MUST_CHECK;

/* Whether a block of it was read that does not hash to the sealed root. */
bool vs_verity_corrupted(const char *name);

#endif

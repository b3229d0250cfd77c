/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/image.h - the chosen image as a root that can be entered.
 *
 * Mounts live in the caller's private mount namespace and loop devices clear
 * themselves, so a killed loader leaves nothing behind.
 */
#ifndef VS_BOOT_PORT_HOST_IMAGE_H
#define VS_BOOT_PORT_HOST_IMAGE_H

#include "base/status.h"

/* Leaves the caller's mounts: whatever is mounted from here on is seen by
 * this process and its children alone.
 * VS_OK; VS_ERR_IO with a line for a person in error.
 */
vs_status vs_image_seclude(char error[static 256]) VS_MUST_CHECK;

/* Mounts the first len bytes of slot (a file, open for reading) on root, read
 * only, run on root/run, and a small /dev, /proc and /tmp where the image has
 * these folders.
 * VS_OK (vs_image_unmount); VS_ERR_ABSENT if there is no loop device to be
 * had; VS_ERR_IO; with a line for a person in error.
 */
vs_status vs_image_mount(int slot, uint64_t len, const char *root,
                         const char *run, char error[static 256]) VS_MUST_CHECK;
void vs_image_unmount(const char *root);

#endif

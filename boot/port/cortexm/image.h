/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/image.h - what an image for this loader is made of.
 *
 * Two words begin it: its stack's top, and where its code begins, counted from
 * the image's first byte.  It runs wherever it lies: compiled with -fropi,
 * without tables of addresses, linked by image.ld.  image.c does that part.
 */
#ifndef VS_BOOT_PORT_CORTEXM_IMAGE_H
#define VS_BOOT_PORT_CORTEXM_IMAGE_H

/* The image's own program; image.c calls it, and it must not come back. */
void vs_image_run(void);

#endif

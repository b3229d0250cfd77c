/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/cortexm_mark.c - an image that tells the instruction-skip sweep
 * that it was started.
 */
#include <stdint.h>

#include "boot/port/cortexm/image.h"

/* skip_started() of cortexm_skip.c, Thumb. */
#define STARTED UINT32_C(0x00100001)

/* Makes the image long enough for a hash tree; kept where the head is kept. */
__attribute__((section(".head"), used)) static const uint8_t blocks[8192] = {1};

void vs_image_run(void)
{
	((void (*)(void))STARTED)();
}

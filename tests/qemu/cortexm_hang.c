/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/cortexm_hang.c - a controller's image that starts and hangs.
 */
#include "boot/port/cortexm/image.h"
#include "boot/port/cortexm/uart.h"

void vs_image_run(void)
{
	vs_uart_init();
	vs_uart_text("hang: here I stay\r\n");
	for (;;)
		;
}

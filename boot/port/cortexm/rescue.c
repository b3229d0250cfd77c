/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/rescue.c - the loader serves, for nothing else may start.
 *
 * On the stack, which verification has left by now.
 */
#include "boot/port/cortexm/loader.h"
#include "boot/port/cortexm/serve.h"
#include "boot/port/cortexm/uart.h"

void vs_loader_serve(const struct vs_flash *flash)
{
	struct vs_serve s;

	vs_board_expect(VS_RESET_UNKNOWN);
	vs_serve_init(&s, flash, vs_board_handover());
	vs_uart_text("loader: nothing starts, serving\r\n");
	vs_uart_put(0); /* lines end, frames begin */
	while (!s.restart) {
		int byte = vs_uart_get();

		if (byte >= 0)
			vs_serve_take(&s, (uint8_t)byte, vs_uart_put);
	}
	vs_board_reset(VS_RESET_REQUEST);
}

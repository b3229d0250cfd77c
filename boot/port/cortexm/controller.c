/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/controller.c - a controller's image: it serves its
 * gateway.
 *
 * It stands for what a charger's metering or safety controller does beside its
 * own work: say what it is, take an update, be confirmed.  Whether it is well
 * is for the gateway to say, which confirms it or gives it up.
 */
#include "boot/port/cortexm/image.h"
#include "boot/port/cortexm/nor.h"
#include "boot/port/cortexm/serve.h"
#include "boot/port/cortexm/uart.h"

void vs_image_run(void)
{
	static struct vs_flash flash;
	static struct vs_serve s;

	vs_uart_init();
	vs_nor_init(&flash);
	vs_serve_init(&s, &flash, vs_board_handover());
	vs_uart_text("controller: version ");
	vs_uart_text((const char *)s.h->decision + 72 + 32);
	vs_uart_text(" in slot ");
	vs_uart_number(s.h->slot);
	vs_uart_text("\r\n");
	vs_uart_put(0); /* lines end, frames begin */
	while (!s.restart) {
		int byte = vs_uart_get();

		vs_board_feed();
		if (byte >= 0)
			vs_serve_take(&s, (uint8_t)byte, vs_uart_put);
		else
			vs_uart_rest();
	}
	vs_board_reset(VS_RESET_REQUEST);
}

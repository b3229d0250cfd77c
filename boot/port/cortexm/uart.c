/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/uart.c - the CMSDK UART of AN385, polled.
 */
#include "boot/port/cortexm/uart.h"

#define UART_AT UINT32_C(0x40004000)
#define DATA (*(volatile uint32_t *)(UART_AT + 0x00))
#define STATE (*(volatile uint32_t *)(UART_AT + 0x04))
#define CONTROL (*(volatile uint32_t *)(UART_AT + 0x08))
#define INTERRUPT (*(volatile uint32_t *)(UART_AT + 0x0c))
#define DIVIDER (*(volatile uint32_t *)(UART_AT + 0x10))
/* Armv7-M: the first 32 interrupts; receiving is number 0. */
#define NVIC_ENABLE (*(volatile uint32_t *)UINT32_C(0xe000e100))
#define NVIC_FORGET (*(volatile uint32_t *)UINT32_C(0xe000e280))

enum {
	STATE_TX_FULL = 1,
	STATE_RX_FULL = 2,
	CONTROL_TX = 1,
	CONTROL_RX = 2,
	CONTROL_RX_CALLS = 8,
	INTERRUPT_RX = 2,
	NVIC_RX = 1,
	BAUD_DIVIDER = 217, /* 115200 of 25 MHz */
};

void vs_uart_init(void)
{
	DIVIDER = BAUD_DIVIDER;
	CONTROL = CONTROL_TX | CONTROL_RX;
}

void vs_uart_put(uint8_t byte)
{
	while (STATE & STATE_TX_FULL)
		;
	DATA = byte;
}

int vs_uart_get(void)
{
	return STATE & STATE_RX_FULL ? (int)(DATA & 0xff) : -1;
}

/* What is pending wakes, though it is not taken; and if it came before, the
 * processor does not even fall asleep.
 */
void vs_uart_rest(void)
{
	__asm__ volatile("cpsid i" ::: "memory");
	CONTROL = CONTROL_TX | CONTROL_RX | CONTROL_RX_CALLS;
	NVIC_ENABLE = NVIC_RX;
	if (!(STATE & STATE_RX_FULL))
		__asm__ volatile("wfi" ::: "memory");
	INTERRUPT = INTERRUPT_RX;
	NVIC_FORGET = NVIC_RX;
}

void vs_uart_text(const char *text)
{
	while (*text != '\0')
		vs_uart_put((uint8_t)*text++);
}

void vs_uart_number(uint32_t value)
{
	uint32_t unit = 1;

	while (value / unit >= 10)
		unit *= 10;
	for (; unit > 0; unit /= 10)
		vs_uart_put((uint8_t)('0' + value / unit % 10));
}

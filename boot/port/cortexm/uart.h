/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/uart.h - the serial line: bytes in and out, lines out.
 *
 * Polled: nothing is lost as long as somebody asks.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_CORTEXM_UART_H
#define VS_BOOT_PORT_CORTEXM_UART_H

#include <stddef.h>
#include <stdint.h>

void vs_uart_init(void);

void vs_uart_put(uint8_t byte);

/* The next byte; -1 if there is none. */
int vs_uart_get(void);

/* Sleeps until there is a byte, or something else wakes the processor: the
 * watchdog's first call does.  Interrupts are off from then on.
 */
void vs_uart_rest(void);

void vs_uart_text(const char *text);
void vs_uart_number(uint32_t value);

#endif

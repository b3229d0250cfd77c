/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/cortexm_time.c - how long a controller verifies one slot, by the
 * loader's own objects.
 *
 * The slot lies in PSRAM, the factory's page behind it; its first word is the
 * slot's length.  QEMU counts one nanosecond for an instruction
 * (-icount shift=0), the timer 25 million ticks a second: 40 instructions each.
 */
#include "boot/boot.h"
#include "boot/memory.h"
#include "boot/port/bearssl.h"
#include "boot/port/cortexm/board.h"
#include "boot/port/cortexm/uart.h"

#define SLOT_AT UINT32_C(0x21000000)
#define LEN_AT UINT32_C(0x21800000)
#define FACTORY_AT UINT32_C(0x21801000)
#define REG(at) (*(volatile uint32_t *)UINT32_C(at))
#define TIMER_CONTROL REG(0x40000000)
#define TIMER_VALUE REG(0x40000004)
#define TIMER_RELOAD REG(0x40000008)

void time_main(void);
extern uint32_t time_stack_top[];

__attribute__((section(".vectors"),
               used)) static const void *const vectors[16] = {
	time_stack_top, (const void *)time_main};

static uint64_t slot_len(void *ctx, int component, int slot)
{
	(void)ctx;
	(void)component;
	(void)slot;
	return *(const uint32_t *)LEN_AT;
}

static const uint8_t *map(void *ctx, int component, int slot, uint64_t at,
                          size_t len)
{
	uint64_t all = slot_len(ctx, component, slot);

	return at > all || len > all - at
	               ? NULL
	               : (const uint8_t *)(SLOT_AT + (uint32_t)at);
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	(void)ctx;
	(void)component;
	*out = 1;
	return VS_OK;
}

void time_main(void)
{
	const struct vs_factory *factory =
		(const struct vs_factory *)FACTORY_AT;
	const struct vs_boot_component what = {factory->component,
	                                       factory->hardware, true};
	static struct vs_seal_header header;
	static struct vs_boot_ops ops;
	struct vs_why why;
	uint32_t began;
	uint32_t ended;
	vs_status status;

	vs_uart_init();
	vs_bearssl_i15(&ops.crypto);
	ops.slot_len = slot_len;
	ops.map = map;
	ops.floor_get = floor_get;
	TIMER_RELOAD = UINT32_MAX;
	TIMER_VALUE = UINT32_MAX;
	TIMER_CONTROL = 1;
	began = TIMER_VALUE;
	status = vs_boot_verify_component(&ops, &what, 0, 0, &factory->ring,
	                                  NULL, &header, &why);
	ended = TIMER_VALUE;
	vs_uart_text(status == VS_OK ? "verified " : "refused ");
	vs_uart_number(began - ended);
	vs_uart_text("\r\n");
	for (;;)
		__asm__ volatile("wfi");
}

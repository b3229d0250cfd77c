/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/start.c - from reset to vs_loader_run().
 *
 * The stack is painted first, so that the deepest use of it can be told.
 */
#include "boot/port/cortexm/board.h"
#include "boot/port/cortexm/loader.h"

/* From loader.ld. */
extern uint32_t vs_bss_begin[], vs_bss_end[], vs_stack_top[];

#define PAINT UINT32_C(0xa5c35a3c)

enum { VECTORS = 16, OWN = 16 /* words of this stack frame */ };

void vs_loader_reset(void) __attribute__((noreturn));
void vs_loader_fault(void) __attribute__((noreturn));

void vs_loader_fault(void)
{
	vs_board_reset(VS_RESET_CRASH);
}

void vs_loader_reset(void)
{
	volatile uint32_t *p = (volatile uint32_t *)VS_RAM_AT;
	const uint32_t *here = __builtin_frame_address(0);

	for (; p < here - OWN; p++)
		*p = PAINT;
	for (p = vs_bss_begin; p < vs_bss_end; p++)
		*p = 0;
	vs_loader_run();
	for (;;)
		vs_board_reset(VS_RESET_CRASH);
}

uint32_t vs_loader_used(void)
{
	const volatile uint32_t *p = (const volatile uint32_t *)VS_RAM_AT;

	while (p < vs_stack_top && *p == PAINT)
		p++;
	return VS_RAM_AT + VS_RAM_LEN - (uint32_t)(uintptr_t)p;
}

#define HANDLER(f) ((const void *)(f))

__attribute__((section(".vectors"),
               used)) static const void *const vectors[VECTORS] = {
	vs_stack_top, HANDLER(vs_loader_reset),
	HANDLER(vs_loader_fault), /* NMI */
	HANDLER(vs_loader_fault), /* hard fault, and all others */
};

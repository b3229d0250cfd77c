/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/image.c - from the loader's jump to vs_image_run().
 *
 * The vector table is made here: it holds addresses, which only the running
 * image knows.
 */
#include "boot/port/cortexm/image.h"

#include "boot/port/cortexm/board.h"

extern uint32_t vs_bss_begin[], vs_bss_end[], vs_stack_top[];

#define VECTOR_TABLE (*(volatile uint32_t *)UINT32_C(0xe000ed08))

enum { VECTORS = 64, AT_NMI = 2 };

void vs_image_start(void) __attribute__((noreturn));

__attribute__((section(".head"), used)) static void *const head[2] = {
	vs_stack_top, (void *)vs_image_start};

static void fault(void)
{
	vs_board_reset(VS_RESET_CRASH);
}

/* The watchdog's first call: the second one resets. */
static void ignore(void)
{
}

void vs_image_start(void)
{
	static uint32_t vectors[VECTORS] __attribute__((aligned(256)));

	for (volatile uint32_t *p = vs_bss_begin; p < vs_bss_end; p++)
		*p = 0;
	for (int i = 0; i < VECTORS; i++)
		vectors[i] = (uint32_t)(uintptr_t)fault;
	vectors[AT_NMI] = (uint32_t)(uintptr_t)ignore;
	VECTOR_TABLE = (uint32_t)(uintptr_t)vectors;
	vs_image_run();
	for (;;)
		vs_board_reset(VS_RESET_CRASH);
}

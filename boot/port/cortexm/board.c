/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/board.c - resets, their causes, and the watchdog.
 *
 * AN385 has no register that tells why the machine started.  Two words of RAM
 * do it: a reset leaves them, and a power cut does not.  Whoever runs says
 * beforehand what a reset from now on would mean.
 */
#include "boot/port/cortexm/board.h"

#define AIRCR (*(volatile uint32_t *)UINT32_C(0xe000ed0c))
#define AIRCR_RESET UINT32_C(0x05fa0004)

/* Armv7-M memory protection: the last of eight regions covers the flash. */
#define MPU_CONTROL (*(volatile uint32_t *)UINT32_C(0xe000ed94))
#define MPU_NUMBER (*(volatile uint32_t *)UINT32_C(0xe000ed98))
#define MPU_BASE (*(volatile uint32_t *)UINT32_C(0xe000ed9c))
#define MPU_SIZE (*(volatile uint32_t *)UINT32_C(0xe000eda0))
/* Never execute; read and write; 2^24 bytes; on. */
#define MPU_DATA_ONLY (UINT32_C(1) << 28 | UINT32_C(3) << 24 | 23 << 1 | 1)

enum { MPU_FLASH = 7, MPU_ON = 1, MPU_REST_AS_EVER = 4 };

/* CMSDK watchdog: the first timeout is an interrupt, the second a reset. */
#define DOG_AT UINT32_C(0x40008000)
#define DOG_LOAD (*(volatile uint32_t *)(DOG_AT + 0x000))
#define DOG_CONTROL (*(volatile uint32_t *)(DOG_AT + 0x008))
#define DOG_CLEAR (*(volatile uint32_t *)(DOG_AT + 0x00c))
#define DOG_LOCK (*(volatile uint32_t *)(DOG_AT + 0xc00))
#define DOG_KEY UINT32_C(0x1acce551)
#define DOG_TICKS UINT32_C(25000000) /* 1 s of 25 MHz, twice */

enum { DOG_COUNT = 1, DOG_RESET = 2 };

enum vs_reset_cause vs_board_cause(void)
{
	const volatile struct vs_handover *h = vs_board_handover();
	uint32_t cause = h->cause;

	if (h->cause_not != ~cause || cause > VS_RESET_CRASH ||
	    cause == VS_RESET_UNKNOWN)
		return VS_RESET_POWER;
	return (enum vs_reset_cause)cause;
}

void vs_board_expect(enum vs_reset_cause cause)
{
	volatile struct vs_handover *h = vs_board_handover();

	h->cause = cause;
	h->cause_not = ~(uint32_t)cause;
}

void vs_board_reset(enum vs_reset_cause cause)
{
	vs_board_expect(cause);
	__asm__ volatile("dsb" ::: "memory");
	AIRCR = AIRCR_RESET;
	for (;;)
		;
}

void vs_board_guard(bool on)
{
	MPU_NUMBER = MPU_FLASH;
	MPU_BASE = VS_NOR_AT;
	MPU_SIZE = on ? MPU_DATA_ONLY : 0;
	MPU_CONTROL = MPU_ON | MPU_REST_AS_EVER;
	__asm__ volatile("dsb\n\tisb" ::: "memory");
}

void vs_board_watch(void)
{
	DOG_LOCK = DOG_KEY;
	DOG_LOAD = DOG_TICKS;
	DOG_CONTROL = DOG_COUNT | DOG_RESET;
	DOG_LOCK = 0;
}

void vs_board_feed(void)
{
	DOG_LOCK = DOG_KEY;
	DOG_CLEAR = 1;
	DOG_LOCK = 0;
}

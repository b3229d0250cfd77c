/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/cortexm_skip.c - runs the loader again and again, each time with
 * another of its instructions made a no-operation.
 *
 * Lives beside the loader in the machine's memory.  cortexm_skip.py loads the
 * loader's code, a flash and the list of instructions; the loader's faults, its
 * resets, its serving and a timer lead back here, and so does the image.
 * Each run gives one letter on the second serial line.
 */
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "boot/memory.h"

#define CODE_AT UINT32_C(0x00200000) /* the loader, 64 KiB */
#define LIST_AT UINT32_C(0x00210000) /* limit, count, then count words */
#define FLASH_AT UINT32_C(0x00280000)
#define FLASH_LEN (72 * 4096)
#define OWN_AT UINT32_C(0x00300000) /* variables and stack, 64 KiB */
#define NOR_AT UINT32_C(0x21000000)
#define NOR_END UINT32_C(0x22000000)
#define RAM_AT UINT32_C(0x20000000)
#define RAM_LEN 8192

#define REG(at) (*(volatile uint32_t *)UINT32_C(at))
#define UART_DATA REG(0x40005000)
#define UART_STATE REG(0x40005004)
#define UART_CONTROL REG(0x40005008)
#define UART_DIVIDER REG(0x40005010)
#define TICK_CONTROL REG(0xe000e010)
#define TICK_LOAD REG(0xe000e014)
#define TICK_NOW REG(0xe000e018)
#define VECTOR_TABLE REG(0xe000ed08)
#define FAULT_STATUS REG(0xe000ed28) /* bit 0: not to be executed */
#define MPU_CONTROL REG(0xe000ed94)
#define MPU_NUMBER REG(0xe000ed98)
#define MPU_BASE REG(0xe000ed9c)
#define MPU_SIZE REG(0xe000eda0)

enum {
	REFUSED = '.', /* the loader serves */
	RESET = 'r',
	FAULT = 'f',
	HANG = 'h',
	IN_SLOT = '?',
	CODE_LEN = 65536,
	LEN_SHIFT = 16, /* in a word of the list: address, length */
	NOP = 0xbf00,
	TICK_MAX = 0xffffff,
};

void skip_main(void);
void skip_started(void);
void skip_refused(void);
void skip_reset(void);
void skip_fault(void);
void skip_tick(void);
uint32_t skip_fault_at(const uint32_t *frame);
uint32_t skip_tick_at(const uint32_t *frame);
uint32_t skip_run(uint32_t top, uint32_t entry);

extern uint32_t skip_stack_top[];
uint32_t skip_sp;
static volatile uint32_t ticks;

__attribute__((section(".vectors"),
               used)) static const void *const vectors[16] = {
	skip_stack_top, (const void *)skip_main};

/* At 0x00100000, where the image finds it. */
__attribute__((section(".started"), naked)) void skip_started(void)
{
	__asm__ volatile("movs r0, #'!'\n\tb skip_back");
}

/* Thread mode again, whatever the loader left. */
__attribute__((naked, used)) static void skip_back(void)
{
	__asm__ volatile("ldr r1, =skip_sp\n\t"
	                 "ldr r1, [r1]\n\t"
	                 "msr msp, r1\n\t"
	                 "pop {r4-r11, pc}\n\t"
	                 ".ltorg");
}

__attribute__((naked)) uint32_t skip_run(uint32_t top, uint32_t entry)
{
	__asm__ volatile("push {r4-r11, lr}\n\t"
	                 "ldr r2, =skip_sp\n\t"
	                 "mrs r3, msp\n\t"
	                 "str r3, [r2]\n\t"
	                 "msr msp, r0\n\t"
	                 "bx r1\n\t"
	                 ".ltorg");
}

__attribute__((naked)) void skip_refused(void)
{
	__asm__ volatile("movs r0, #'.'\n\tb skip_back");
}

__attribute__((naked)) void skip_reset(void)
{
	__asm__ volatile("movs r0, #'r'\n\tb skip_back");
}

/* Leaves the exception to skip_back with r0, on a frame of its own. */
#define LEAVE                                                                  \
	"ldr r1, =skip_stack_top - 2048\n\t"                                   \
	"msr msp, r1\n\t"                                                      \
	"str r0, [r1, #0]\n\t"                                                 \
	"ldr r2, =skip_back\n\t"                                               \
	"bic r2, #1\n\t"                                                       \
	"str r2, [r1, #24]\n\t"                                                \
	"mov r2, #0x01000000\n\t"                                              \
	"str r2, [r1, #28]\n\t"                                                \
	"mvn lr, #6\n\t"                                                       \
	"bx lr\n\t"                                                            \
	".ltorg"

__attribute__((naked)) void skip_fault(void)
{
	__asm__ volatile("mrs r0, msp\n\t"
	                 "ldr r1, =skip_stack_top - 1024\n\t"
	                 "msr msp, r1\n\t"
	                 "bl skip_fault_at\n\t" LEAVE);
}

__attribute__((naked)) void skip_tick(void)
{
	__asm__ volatile("mrs r0, msp\n\t"
	                 "push {r4, lr}\n\t"
	                 "bl skip_tick_at\n\t"
	                 "pop {r4, lr}\n\t"
	                 "cbnz r0, 1f\n\t"
	                 "bx lr\n\t"
	                 "1:\n\t" LEAVE);
}

/* A fault in the slots' memory: something there was executed, unless it was the
 * first instruction and the fault said that it may not be.
 */
uint32_t skip_fault_at(const uint32_t *frame)
{
	uint32_t sp = (uint32_t)(uintptr_t)frame;
	uint32_t status = FAULT_STATUS;
	uint32_t pc;

	FAULT_STATUS = status;
	if (sp < RAM_AT || sp >= RAM_AT + 0x10000)
		return FAULT;
	pc = frame[6];
	if (status & 1)
		return FAULT;
	return pc >= NOR_AT && pc < NOR_END ? IN_SLOT : FAULT;
}

uint32_t skip_tick_at(const uint32_t *frame)
{
	const volatile uint32_t *list = (const volatile uint32_t *)LIST_AT;
	uint32_t pc = frame[6];

	if (++ticks < list[0])
		return 0;
	return pc >= NOR_AT && pc < NOR_END ? IN_SLOT : HANG;
}

static void put(uint32_t letter)
{
	while (UART_STATE & 1)
		;
	UART_DATA = letter;
}

static void copy_words(uint32_t to, uint32_t from, uint32_t len)
{
	volatile uint32_t *t = (volatile uint32_t *)to;
	const uint32_t *f = (const uint32_t *)from;

	for (uint32_t i = 0; i < len / 4; i++)
		if (t[i] != f[i])
			t[i] = f[i];
}

/* Makes all of this memory read-only, as flash is, but for our variables. */
static void protect(bool on)
{
	const uint32_t read_only = 6, all = 3, size_4m = 21, size_64k = 15;

	MPU_NUMBER = 0;
	MPU_BASE = 0;
	MPU_SIZE = read_only << 24 | size_4m << 1 | 1;
	MPU_NUMBER = 1;
	MPU_BASE = OWN_AT;
	MPU_SIZE = all << 24 | size_64k << 1 | 1;
	MPU_NUMBER = 7; /* the loader's own */
	MPU_SIZE = 0;
	MPU_CONTROL = on ? 5 : 0; /* the rest as it is without */
	__asm__ volatile("dsb\n\tisb" ::: "memory");
}

static uint32_t run_without(uint32_t word)
{
	volatile uint16_t *code =
		(volatile uint16_t *)(uintptr_t)(word & 0xffff);
	const uint32_t *vector = (const uint32_t *)CODE_AT;
	uint32_t outcome;

	copy_words(0, CODE_AT, CODE_LEN);
	copy_words(NOR_AT, FLASH_AT, FLASH_LEN);
	for (uint32_t i = 0; i < RAM_LEN; i += 4)
		*(volatile uint32_t *)(RAM_AT + i) = 0;
	for (uint32_t n = word >> LEN_SHIFT; n > 0; n -= 2)
		*code++ = NOP;
	ticks = 0;
	TICK_LOAD = TICK_MAX;
	TICK_NOW = 0;
	TICK_CONTROL = 7;
	protect(true);
	__asm__ volatile("dsb\n\tisb" ::: "memory");
	outcome = skip_run(vector[0], vector[1]);
	protect(false);
	TICK_CONTROL = 0;
	VECTOR_TABLE = 0;
	__asm__ volatile("cpsie i" ::: "memory");
	return outcome;
}

void skip_main(void)
{
	const volatile uint32_t *list = (const volatile uint32_t *)LIST_AT;

	UART_DIVIDER = 16;
	UART_CONTROL = 1;
	for (uint32_t i = 0; i < list[1]; i++)
		put(run_without(list[2 + i]));
	put('\n');
	for (;;)
		__asm__ volatile("wfi");
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/board.h - the board: what lies where, and who may touch it.
 *
 * Arm's MPS2 with the AN385 image (Cortex-M3), as QEMU has it.  Its 16 MB of
 * PSRAM stand in for NOR flash, which this board lacks: boot/port/cortexm/nor.h
 * keeps the rules of NOR.  The loader's own memory is below 32 KiB.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_CORTEXM_BOARD_H
#define VS_BOOT_PORT_CORTEXM_BOARD_H

#include "boot/decision.h"
#include "boot/record.h"

/* The loader's flash, which nothing writes after the factory: code, then a
 * page of what this one board is (struct vs_factory).
 */
#define VS_FACTORY_AT UINT32_C(0x00007000)
#define VS_FACTORY_LEN 4096

/* The flash that is written: sectors, by number. */
#define VS_NOR_AT UINT32_C(0x21000000)
#define VS_NOR_SECTOR_LEN 4096
#define VS_NOR_SECTORS 256

enum {
	VS_AT_RECORD = 0, /* two copies */
	VS_AT_FLOOR = 2,  /* two sectors; lock them before an image runs */
	VS_AT_JOURNAL = 4,
	VS_AT_SCRATCH = 6,
	VS_AT_SLOT_A = 8,
	VS_AT_SLOT_B = 40,
	VS_SLOT_SECTORS = 32,
};

/* The loader's RAM: its stack, which would fall off the memory's end and not
 * into something, its variables, and what it hands over.  A reset leaves the
 * handover as it is, a power cut does not.
 */
#define VS_RAM_AT UINT32_C(0x20000000)
#define VS_RAM_LEN 8192
#define VS_HANDOVER_AT UINT32_C(0x20001e80)

/* Where an image may have its memory. */
#define VS_IMAGE_RAM_AT UINT32_C(0x20002000)
#define VS_IMAGE_RAM_END UINT32_C(0x20010000)

/* What the factory writes.  The keyring stands there as the processor has it,
 * for this RAM has no room for a second one: docs/boot.md has the offsets.
 */
struct vs_factory {
	char component[VS_COMPONENT_LEN];
	char hardware[VS_HARDWARE_LEN];
	struct vs_keyring ring;
};

/* What the loader tells the image, and what both tell the next boot. */
struct vs_handover {
	uint32_t cause;     /* enum vs_reset_cause of the next start ... */
	uint32_t cause_not; /* ... and its complement; else it was power */
	uint32_t slot;      /* that runs; UINT32_MAX: the loader itself */
	uint32_t target;    /* the other slot ... */
	uint32_t target_at; /* ... and the first of its sectors */
	char component[VS_COMPONENT_LEN];
	char hardware[VS_HARDWARE_LEN];
	uint32_t decision_len;
	uint8_t decision[VS_DECISION_LEN(1)]; /* boot/decision.h */
};

static inline const struct vs_factory *vs_board_factory(void)
{
	return (const struct vs_factory *)(uintptr_t)VS_FACTORY_AT;
}

static inline struct vs_handover *vs_board_handover(void)
{
	return (struct vs_handover *)(uintptr_t)VS_HANDOVER_AT;
}

/* Why the machine last started, from what the last run left behind. */
enum vs_reset_cause vs_board_cause(void);

/* What vs_board_cause() will say if the machine resets from now on. */
void vs_board_expect(enum vs_reset_cause cause);

/* Resets the machine, and so that vs_board_cause() says cause. */
void vs_board_reset(enum vs_reset_cause cause) __attribute__((noreturn));

/* Whether code may run from the flash that is written.  Slots are mapped, so a
 * return address that a glitch spoils could be a pointer into one.
 */
void vs_board_guard(bool on);

/* A watchdog that resets unless it is fed; two seconds. */
void vs_board_watch(void);
void vs_board_feed(void);

#endif

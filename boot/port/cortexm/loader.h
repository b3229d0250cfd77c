/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/loader.h - what start.c calls, and what tells how much
 * memory was used.
 */
#ifndef VS_BOOT_PORT_CORTEXM_LOADER_H
#define VS_BOOT_PORT_CORTEXM_LOADER_H

#include "boot/flash.h"

/* The loader's way from reset to image.  Comes back if nothing may go on. */
void vs_loader_run(void);

/* Speaks the serial update protocol until it is asked to restart. */
void vs_loader_serve(const struct vs_flash *flash) __attribute__((noreturn));

/* Bytes of RAM that were used so far, the handover included. */
uint32_t vs_loader_used(void);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/memory.h - the four functions that even a freestanding compiler needs.
 *
 * Declared here so that a board without a libc needs no header of one; a port
 * supplies them.  For the .c files of this room only.
 */
#ifndef VS_BOOT_MEMORY_H
#define VS_BOOT_MEMORY_H

#include <stddef.h>

void *memcpy(void *restrict to, const void *restrict from, size_t len);
void *memmove(void *to, const void *from, size_t len);
void *memset(void *to, int byte, size_t len);
int memcmp(const void *a, const void *b, size_t len);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/memory.c - what a freestanding compiler calls by itself.
 *
 * Compiled with -fno-builtin, or the loops would become calls of themselves.
 */
#include <stdint.h>

#include "boot/memory.h"

/* Names of Arm's run-time ABI: AAPCS32 RTABI section 4.3.4.
 * NOLINTBEGIN(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */
void __aeabi_memcpy(void *to, const void *from, size_t len);
void __aeabi_memcpy4(void *to, const void *from, size_t len);
void __aeabi_memcpy8(void *to, const void *from, size_t len);
void __aeabi_memmove(void *to, const void *from, size_t len);
void __aeabi_memset(void *to, size_t len, int byte);
void __aeabi_memset4(void *to, size_t len, int byte);
void __aeabi_memset8(void *to, size_t len, int byte);
void __aeabi_memclr(void *to, size_t len);
void __aeabi_memclr4(void *to, size_t len);
void __aeabi_memclr8(void *to, size_t len);
/* NOLINTEND(bugprone-reserved-identifier,cert-dcl37-c,cert-dcl51-cpp) */

void *memcpy(void *restrict to, const void *restrict from, size_t len)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	while (len-- > 0)
		*t++ = *f++;
	return to;
}

void *memmove(void *to, const void *from, size_t len)
{
	uint8_t *t = to;
	const uint8_t *f = from;

	if ((uintptr_t)to <= (uintptr_t)from)
		return memcpy(to, from, len);
	while (len-- > 0)
		t[len] = f[len];
	return to;
}

void *memset(void *to, int byte, size_t len)
{
	uint8_t *t = to;

	while (len-- > 0)
		*t++ = (uint8_t)byte;
	return to;
}

int memcmp(const void *a, const void *b, size_t len)
{
	const uint8_t *x = a;
	const uint8_t *y = b;

	for (; len > 0; len--, x++, y++)
		if (*x != *y)
			return *x - *y;
	return 0;
}

void __aeabi_memcpy(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
}

void __aeabi_memcpy4(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
}

void __aeabi_memcpy8(void *to, const void *from, size_t len)
{
	memcpy(to, from, len);
}

void __aeabi_memmove(void *to, const void *from, size_t len)
{
	memmove(to, from, len);
}

void __aeabi_memset(void *to, size_t len, int byte)
{
	memset(to, byte, len);
}

void __aeabi_memset4(void *to, size_t len, int byte)
{
	memset(to, byte, len);
}

void __aeabi_memset8(void *to, size_t len, int byte)
{
	memset(to, byte, len);
}

void __aeabi_memclr(void *to, size_t len)
{
	memset(to, 0, len);
}

void __aeabi_memclr4(void *to, size_t len)
{
	memset(to, 0, len);
}

void __aeabi_memclr8(void *to, size_t len)
{
	memset(to, 0, len);
}

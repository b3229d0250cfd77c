/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/bare.c - a vector table, and the address that fits most pointers.
 */
#include "delta/make/bare.h"

#include "delta/operand.h"

#define IMAGE_MAX (UINT32_C(16) << 20)
#define STEP 256 /* a vector table is aligned at least so */
#define ENOUGH 3 /* pointers that hit a function */

static uint32_t word(const uint8_t *image, size_t at)
{
	return (uint32_t)vs_le(image + at, 4);
}

/* The stack's end lies in RAM, the handlers are Thumb code near each other. */
static bool is_table(const uint8_t *image, size_t at)
{
	uint32_t stack = word(image, at), reset = word(image, at + 4);

	if ((stack >> 28 != 2 && stack >> 28 != 1) || stack % 4 != 0 ||
	    reset % 2 == 0)
		return false;
	for (size_t i = 8; i < 16; i += 4) {
		uint32_t handler = word(image, at + i);

		if (handler % 2 == 0 ||
		    handler - reset + IMAGE_MAX / 2 > IMAGE_MAX)
			return false;
	}
	return true;
}

/* push with lr in it, in either form. */
static bool is_function(const uint8_t *image, size_t at)
{
	return image[at + 1] == 0xb5 ||
	       (image[at] == 0x2d && image[at + 1] == 0xe9);
}

/* How many pointers hit a function if the image lies at addr. */
static size_t hits(const uint8_t *image, size_t len, uint32_t addr)
{
	size_t count = 0;

	for (size_t i = 0; i + 4 <= len; i += 4) {
		uint32_t target = word(image, i) - addr;

		if (target % 2 == 1 && target < len - 4)
			count += is_function(image, target - 1);
	}
	return count;
}

bool vs_bare_find(const uint8_t *image, size_t len, uint32_t *addr)
{
	static const size_t tables[] = {0, 0x100, 0x200, 0x400};
	size_t best = ENOUGH - 1, table = 0;
	uint32_t reset, low, step = STEP;

	if (len < 0x410 || len > IMAGE_MAX)
		return false;
	while (table < 4 && !is_table(image, tables[table]))
		table++;
	if (table == 4)
		return false;
	/* a large image is tried at fewer places */
	while (len / step > 1024)
		step *= 2;
	reset = word(image, tables[table] + 4);
	low = reset > len ? reset - (uint32_t)len : 0;
	for (uint64_t at = (low + step - 1) / step * (uint64_t)step;
	     at <= reset; at += step) {
		size_t count = hits(image, len, (uint32_t)at);

		if (count > best) {
			best = count;
			*addr = (uint32_t)at;
		}
	}
	return best >= ENOUGH;
}

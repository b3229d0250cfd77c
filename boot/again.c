/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/again.c - one more look at what is about to start.
 *
 * Deliberately without seal/bytes.h and seal/header.h.
 */
#include "boot/again.h"

/* docs/formats/seal.md section 1 */
enum {
	AT_SECURITY = 216,
	AT_IMAGE_LEN = 224,
	IMAGE_LEN_LEN = 8,
	BLOCK_SHIFT = 12,
};

static bool at_or_above(const uint8_t *version, const uint8_t *floor)
{
	for (int i = VS_AGAIN_FLOOR_LEN - 1; i >= 0; i--)
		if (version[i] != floor[i])
			return version[i] > floor[i];
	return true;
}

static bool all_hashed(const uint8_t *image_len, uint32_t hashed)
{
	uint64_t len = 0;
	uint64_t blocks;

	for (int i = IMAGE_LEN_LEN - 1; i >= 0; i--)
		len = len << 8 | image_len[i];
	blocks = (len >> BLOCK_SHIFT) + (len % (1u << BLOCK_SHIFT) != 0);
	return len > 0 && hashed >= blocks;
}

bool vs_again_holds(const uint8_t *header,
                    const uint8_t floor[static VS_AGAIN_FLOOR_LEN],
                    uint32_t hashed)
{
	volatile int held = 0;

	if (at_or_above(header + AT_SECURITY, floor))
		held += 5;
	if (hashed == UINT32_MAX || all_hashed(header + AT_IMAGE_LEN, hashed))
		held += 11;
	if (held != 16)
		return false;
	return at_or_above(header + AT_SECURITY, floor);
}

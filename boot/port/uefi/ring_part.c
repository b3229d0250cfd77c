/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/ring_part.c - how keyrings lie in a partition.
 */
#include "boot/port/uefi/ring_part.h"

#include "seal/bytes.h"

enum { AT_LEN = 8, AT_RESERVED = 12 };

static const uint8_t magic[8] = {'V', 'S', 'R', 'I', 'N', 'G', 'S', '1'};

vs_status vs_ring_part_decode(const uint8_t *in, size_t len,
                              const uint8_t **file, size_t *file_len)
{
	*file = NULL;
	*file_len = 0;
	if (len < VS_RING_PART_HEAD)
		return VS_ERR_IO;
	if (first_nonzero(in, VS_RING_PART_HEAD) == VS_RING_PART_HEAD)
		return VS_ERR_ABSENT;
	if (memcmp(in, magic, sizeof(magic)) != 0 ||
	    get32(in + AT_RESERVED) != 0 ||
	    get32(in + AT_LEN) > len - VS_RING_PART_HEAD)
		return VS_ERR_IO;
	*file = in + VS_RING_PART_HEAD;
	*file_len = get32(in + AT_LEN);
	return VS_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_squash.c - any tables of a squashfs.
 *
 * Eight bytes say how long inodes, folders and fragments are and of which
 * length blocks of data; then they follow, exports behind them.  What can be
 * brought into normal form comes out of it as it was.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "delta/operand.h"
#include "delta/squash.h"

#define AT 4096 /* the tables, in their image */
#define ROOM (1 << 20)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* The parts in blocks that are not packed, with the right indices. */
static size_t store(const uint8_t *data, const size_t *lens, uint8_t *out)
{
	size_t n = 0;

	for (int part = 0; part < VS_SQUASH_REST; part++) {
		uint64_t index[ROOM / VS_SQUASH_META];
		size_t count = 0;

		for (size_t at = 0; at < lens[part]; at += VS_SQUASH_META) {
			size_t len = lens[part] - at < VS_SQUASH_META
			                     ? lens[part] - at
			                     : VS_SQUASH_META;

			index[count++] = AT + n;
			vs_put_le(out + n, len | 0x8000, 2);
			memcpy(out + n + 2, data + at, len);
			n += 2 + len;
		}
		data += lens[part];
		for (size_t i = 0; part >= VS_SQUASH_FRAGMENTS && i < count;
		     i++, n += 8)
			vs_put_le(out + n, index[i], 8);
	}
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t in[2 * ROOM], out[2 * ROOM], parts[ROOM];
	struct vs_packer packer = {0};
	struct vs_squash s = {.packing = VS_PACKING_NONE, .packer = &packer};
	const struct vs_squash_known known[2] = {
		{200,  100                    },
                {5000, VS_SQUASH_STORED | 4096}
        };
	size_t len, got = 0, used = 0;

	if (size < 8 || size > ROOM / 2)
		return 0;
	s.block = 4096u << (data[0] & 7);
	s.known = known;
	s.known_count = 2;
	s.lens[0] = (size_t)vs_le(data + 2, 2);
	s.lens[1] = (size_t)vs_le(data + 4, 2);
	s.lens[2] = (size_t)vs_le(data + 6, 2);
	for (int i = 0; i < 3; i++)
		used += s.lens[i];
	if (used > size - 8)
		return 0;
	s.lens[VS_SQUASH_EXPORTS] = size - 8 - used;
	len = store(data + 8, s.lens, in);
	s.parts[0] = parts;
	for (int i = 1; i < VS_TABLE_PARTS; i++)
		s.parts[i] = s.parts[i - 1] + s.lens[i - 1];
	if (vs_squash_unpack(&s, in, len) == VS_OK) {
		assert(vs_squash_pack(&s, AT, out, sizeof(out), &got) == VS_OK);
		assert(got == len && memcmp(in, out, len) == 0);
	}
	vs_packer_drop(&packer);
	return 0;
}

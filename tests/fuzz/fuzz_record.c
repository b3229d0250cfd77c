/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_record.c - a record that decodes has one encoding.
 *
 * The checksum is mended first, so that what is behind it is reached.
 */
#include <assert.h>
#include <stdint.h>
#include <string.h>

#include "boot/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(uint8_t *raw)
{
	uint32_t crc = UINT32_MAX;

	for (size_t i = 0; i < VS_RECORD_LEN - 4; i++) {
		crc ^= raw[i];
		for (int bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	for (size_t i = 0; i < 4; i++)
		raw[VS_RECORD_LEN - 4 + i] = (uint8_t)(~crc >> 8 * i);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t raw[VS_RECORD_LEN] = {0};
	uint8_t again[VS_RECORD_LEN];
	struct vs_record rec;
	struct vs_why why = {VS_REASON_NONE, NULL, 0};

	memcpy(raw, data, size < sizeof(raw) ? size : sizeof(raw));
	if (size % 2 == 0)
		mend(raw);
	if (vs_record_decode(raw, &rec, &why) != VS_OK) {
		assert(why.what && why.at < VS_RECORD_LEN);
		return 0;
	}
	vs_record_encode(&rec, again);
	assert(memcmp(raw, again, sizeof(raw)) == 0);
	assert(rec.slot < VS_SLOTS && rec.slots[0].tries <= VS_TRIES_MAX);
	return 0;
}

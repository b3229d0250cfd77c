/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_gpt.c - a partition that is found lies on its disk.
 *
 * The input's last byte says which checksums are mended and how long a block
 * is; before it come the two headers, 96 bytes each, then a table for both.
 */
#include <assert.h>
#include <string.h>

#include "boot/crc.h"
#include "boot/port/uefi/gpt.h"
#include "seal/bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { BLOCKS = 160, HEADER = 96, TABLE_AT = 2 };

static uint8_t disk[BLOCKS * VS_GPT_BLOCK_MAX];

static vs_status read_disk(void *ctx, uint64_t block, uint8_t *out, size_t len)
{
	const uint32_t *block_len = ctx;

	assert(len % *block_len == 0 && block < BLOCKS);
	assert(len / *block_len <= BLOCKS - block);
	memcpy(out, disk + block * *block_len, len);
	return VS_OK;
}

/* What is behind the checksums is to be reached. */
static void mend(uint8_t *header, const uint8_t *table)
{
	uint32_t count = get32(header + 80);

	if (count <= VS_GPT_ENTRIES_MAX)
		put32(header + 88, vs_crc32(table, count * VS_GPT_ENTRY_LEN));
	put32(header + 12, 92);
	put32(header + 16, 0);
	put32(header + 16, vs_crc32(header, 92));
}

static void fill_disk(const uint8_t *data, size_t size, uint32_t block_len)
{
	uint8_t *first = disk + block_len;
	uint8_t *last = disk + (size_t)(BLOCKS - 1) * block_len;
	uint8_t *table = disk + (size_t)TABLE_AT * block_len;
	size_t room = VS_GPT_ENTRIES_MAX * VS_GPT_ENTRY_LEN;
	size_t rest = size - 1 - 2 * HEADER;

	memset(disk, 0, sizeof(disk));
	memcpy(first, data, HEADER);
	memcpy(last, data + HEADER, HEADER);
	memcpy(table, data + 2 * HEADER, rest < room ? rest : room);
	if (data[size - 1] & 1)
		mend(first, table);
	if (data[size - 1] & 2)
		mend(last, table);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const char *const names[] = {
		"record", "keyring-0", "kernel-a", "",
		"rootfs-bcdefghijklmnopqrstuvwxyz01"};
	static struct vs_gpt gpt;
	struct vs_gpt_partition p;
	struct vs_why why = {VS_REASON_NONE, NULL, 0};
	uint32_t block_len;
	struct vs_gpt_disk device = {
		.ctx = &block_len, .blocks = BLOCKS, .read = read_disk};

	if (size < 2 * HEADER + 1)
		return 0;
	block_len = data[size - 1] & 4 ? VS_GPT_BLOCK_MAX : 512;
	device.block_len = block_len;
	fill_disk(data, size, block_len);
	if (vs_gpt_load(&device, &gpt, &why) != VS_OK) {
		assert(why.what && gpt.count == 0);
		return 0;
	}
	assert(gpt.count > 0 && gpt.count <= VS_GPT_ENTRIES_MAX);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (vs_gpt_find(&gpt, names[i], &p, &why) != VS_OK) {
			assert(p.len == 0 && why.what);
			continue;
		}
		assert(p.len > 0 && p.len % block_len == 0);
		assert(p.at <= (uint64_t)BLOCKS * block_len);
		assert(p.len <= (uint64_t)BLOCKS * block_len - p.at);
	}
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/gpt.c - Voltseal's partitions on a disk.
 */
#include "boot/port/uefi/gpt.h"

#include "boot/crc.h"
#include "seal/bytes.h"

const uint8_t vs_gpt_type[VS_GPT_ID_LEN] = {0xb0, 0x8e, 0xd7, 0xe3, 0xf7, 0xf8,
                                            0x50, 0x4d, 0x9f, 0xfe, 0xbd, 0x10,
                                            0x5b, 0x7e, 0x34, 0x59};

enum {
	AT_SIGNATURE = 0,
	AT_REVISION = 8,
	AT_HEADER_LEN = 12,
	AT_HEADER_CRC = 16,
	AT_OWN_BLOCK = 24,
	AT_FIRST = 40,
	AT_LAST = 48,
	AT_ENTRIES = 72,
	AT_COUNT = 80,
	AT_ENTRY_LEN = 84,
	AT_ENTRIES_CRC = 88,
	HEADER_LEN = 92,
	IN_TYPE = 0,
	IN_ID = 16,
	IN_FIRST = 32,
	IN_LAST = 40,
	IN_NAME = 56,
};

static const uint8_t signature[8] = {'E', 'F', 'I', ' ', 'P', 'A', 'R', 'T'};

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

static vs_status check_header(const struct vs_gpt_disk *disk, uint64_t block,
                              uint8_t *raw, struct vs_why *why)
{
	uint32_t crc = get32(raw + AT_HEADER_CRC);
	uint32_t len = get32(raw + AT_HEADER_LEN);

	if (memcmp(raw + AT_SIGNATURE, signature, sizeof(signature)) != 0 ||
	    get32(raw + AT_REVISION) != 0x00010000)
		return malformed(why, "no partition table", 0);
	if (len < HEADER_LEN || len > disk->block_len)
		return malformed(why, "bad header length", AT_HEADER_LEN);
	put32(raw + AT_HEADER_CRC, 0);
	if (vs_crc32(raw, len) != crc)
		return malformed(why, "header's checksum does not match",
		                 AT_HEADER_CRC);
	if (get64(raw + AT_OWN_BLOCK) != block)
		return malformed(why, "header of another place", AT_OWN_BLOCK);
	if (get32(raw + AT_ENTRY_LEN) != VS_GPT_ENTRY_LEN ||
	    get32(raw + AT_COUNT) == 0 ||
	    get32(raw + AT_COUNT) > VS_GPT_ENTRIES_MAX)
		return malformed(why, "unusual table", AT_COUNT);
	if (get64(raw + AT_LAST) >= disk->blocks ||
	    get64(raw + AT_FIRST) > get64(raw + AT_LAST))
		return malformed(why, "usable blocks are not on the disk",
		                 AT_FIRST);
	return VS_OK;
}

static vs_status load_entries(const struct vs_gpt_disk *disk,
                              const uint8_t *raw, struct vs_gpt *out,
                              struct vs_why *why)
{
	uint64_t at = get64(raw + AT_ENTRIES);
	size_t len = (size_t)out->count * VS_GPT_ENTRY_LEN;
	size_t whole =
		(len + disk->block_len - 1) / disk->block_len * disk->block_len;

	if (whole > sizeof(out->entries) ||
	    at > disk->blocks - whole / disk->block_len)
		return malformed(why, "entries are not on the disk",
		                 AT_ENTRIES);
	if (disk->read(disk->ctx, at, out->entries, whole) != VS_OK)
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "partition table cannot be read", 0);
	if (vs_crc32(out->entries, len) != get32(raw + AT_ENTRIES_CRC))
		return malformed(why, "entries' checksum does not match",
		                 AT_ENTRIES_CRC);
	return VS_OK;
}

static vs_status load_at(const struct vs_gpt_disk *disk, uint64_t block,
                         struct vs_gpt *out, struct vs_why *why)
{
	uint8_t raw[VS_GPT_BLOCK_MAX];
	vs_status status;

	if (disk->read(disk->ctx, block, raw, disk->block_len) != VS_OK)
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "partition table cannot be read", 0);
	status = check_header(disk, block, raw, why);
	if (status != VS_OK)
		return status;
	out->block_len = disk->block_len;
	out->count = get32(raw + AT_COUNT);
	out->first = get64(raw + AT_FIRST);
	out->last = get64(raw + AT_LAST);
	return load_entries(disk, raw, out, why);
}

vs_status vs_gpt_load(const struct vs_gpt_disk *disk, struct vs_gpt *out,
                      struct vs_why *why)
{
	out->count = 0;
	if (disk->block_len < 512 || disk->block_len > VS_GPT_BLOCK_MAX ||
	    disk->block_len % 512 != 0 ||
	    disk->blocks < VS_GPT_ENTRIES_MAX + 2 ||
	    disk->blocks > UINT64_MAX / disk->block_len)
		return malformed(why, "no disk for a partition table", 0);
	if (load_at(disk, 1, out, why) == VS_OK ||
	    load_at(disk, disk->blocks - 1, out, why) == VS_OK)
		return VS_OK;
	out->count = 0;
	return VS_ERR_INPUT;
}

static bool has_name(const uint8_t *entry, const char *name)
{
	size_t i = 0;

	for (; i < VS_GPT_NAME_MAX && name[i] != '\0'; i++)
		if (get16(entry + IN_NAME + 2 * i) != (uint8_t)name[i])
			return false;
	return name[i] == '\0' && get16(entry + IN_NAME + 2 * i) == 0;
}

vs_status vs_gpt_find(const struct vs_gpt *table, const char *name,
                      struct vs_gpt_partition *out, struct vs_why *why)
{
	const uint8_t *found = NULL;
	uint64_t first;
	uint64_t last;

	memset(out, 0, sizeof(*out));
	for (uint32_t i = 0; i < table->count; i++) {
		const uint8_t *entry = table->entries + i * VS_GPT_ENTRY_LEN;

		if (memcmp(entry + IN_TYPE, vs_gpt_type, VS_GPT_ID_LEN) != 0 ||
		    !has_name(entry, name))
			continue;
		if (found)
			return malformed(why, "two partitions of one name", i);
		found = entry;
	}
	if (!found)
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_UNREADABLE,
		               "no such partition", 0);
	first = get64(found + IN_FIRST);
	last = get64(found + IN_LAST);
	if (first < table->first || first > last || last > table->last)
		return malformed(why, "partition is not on the disk", 0);
	memcpy(out->id, found + IN_ID, VS_GPT_ID_LEN);
	out->at = first * table->block_len;
	out->len = (last - first + 1) * table->block_len;
	return VS_OK;
}

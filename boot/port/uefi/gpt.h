/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/gpt.h - Voltseal's partitions on a disk.
 *
 * A partition counts by its type and its name, so that others may stand beside
 * them in any order.  The table is believed no more than any other byte of the
 * disk: it says where to look, and what is found there is verified.
 *
 * Standard: UEFI Specification 2.10, 5.3.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_GPT_H
#define VS_BOOT_PORT_UEFI_GPT_H

#include "base/status.h"

#define VS_GPT_ENTRIES_MAX 128
#define VS_GPT_ENTRY_LEN 128
#define VS_GPT_BLOCK_MAX 4096
#define VS_GPT_ID_LEN 16
#define VS_GPT_NAME_MAX 35 /* characters */

/* e3d78eb0-f8f7-4d50-9ffe-bd105b7e3459, as a table holds it */
extern const uint8_t vs_gpt_type[VS_GPT_ID_LEN];

struct vs_gpt_disk {
	void *ctx;
	uint32_t block_len; /* 512 to VS_GPT_BLOCK_MAX */
	uint64_t blocks;
	/* Reads len bytes, whole blocks.  VS_OK or VS_ERR_IO. */
	vs_status (*read)(void *ctx, uint64_t block, uint8_t *out, size_t len);
};

struct vs_gpt {
	uint32_t count;
	uint32_t block_len;
	uint64_t first; /* usable blocks */
	uint64_t last;
	uint8_t entries[VS_GPT_ENTRIES_MAX * VS_GPT_ENTRY_LEN];
};

struct vs_gpt_partition {
	uint8_t id[VS_GPT_ID_LEN]; /* its own, as the table holds it */
	uint64_t at;               /* bytes from the disk's start */
	uint64_t len;
};

/* Reads the first table, or the one at the disk's end if that is not whole.
 * VS_OK; VS_ERR_INPUT if neither is; VS_ERR_IO.
 */
vs_status vs_gpt_load(const struct vs_gpt_disk *disk, struct vs_gpt *out,
                      struct vs_why *why) VS_MUST_CHECK;

/* VS_OK; VS_ERR_ABSENT; VS_ERR_INPUT if there are two of the name, or one that
 * is not within the disk.
 */
vs_status vs_gpt_find(const struct vs_gpt *table, const char *name,
                      struct vs_gpt_partition *out,
                      struct vs_why *why) VS_MUST_CHECK;

#endif

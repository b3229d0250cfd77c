/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/initrd/cmdline.h - what the loader told the kernel, taken apart.
 *
 * The loader's words and the sealed ones after them were verified before the
 * kernel started, so a word that does not follow its page is a mistake in the
 * image and starts nothing.
 *
 * Format: docs/formats/kernel.md, "The command line that the kernel sees".
 * No heap, no globals.
 */
#ifndef VS_BOOT_INITRD_CMDLINE_H
#define VS_BOOT_INITRD_CMDLINE_H

#include "base/status.h"
#include "boot/port/uefi/gpt.h"

#define VS_CMDLINE_MAX 4096
#define VS_CMDLINE_VERITY_MAX 4
#define VS_CMDLINE_HEX_LEN 64 /* of salt and root hash */
#define VS_CMDLINE_WATCHDOG_MAX 600

/* voltseal.verity=NAME:PARTUUID:LENGTH:SALT:ROOT */
struct vs_cmdline_verity {
	char partition[VS_GPT_NAME_MAX + 1]; /* "rootfs-a" */
	uint8_t id[VS_GPT_ID_LEN];           /* as a partition table holds it */
	uint64_t image_len;                  /* bytes */
	char salt[VS_CMDLINE_HEX_LEN + 1];
	char root[VS_CMDLINE_HEX_LEN + 1];
};

struct vs_cmdline {
	int slot;            /* voltseal.slot: 0 or 1; -1: none */
	bool recovery;       /* voltseal.recovery=1 */
	uint32_t watchdog_s; /* voltseal.watchdog; 0: none */
	int verity_count;
	struct vs_cmdline_verity verity[VS_CMDLINE_VERITY_MAX];
};

/* Reads a line of len bytes without a closing zero; a line end may close it.
 * Words of others are passed over.  A word of ours stands once, but for
 * voltseal.verity.  VS_OK; VS_ERR_INPUT (why->what) if one of ours is wrong,
 * if there are slot and recovery or neither, or a slot without a verity;
 * VS_ERR_LIMIT: too many of them, or a line over VS_CMDLINE_MAX.
 */
vs_status vs_cmdline_decode(const char *line, size_t len,
                            struct vs_cmdline *out,
                            struct vs_why *why) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * base/tar.h - the heads of a plain tar file: names and lengths, no more.
 *
 * A file is a head of 512 bytes, the file's bytes, and zeros up to the next
 * 512; a head of zeros ends the whole.  Files and folders alone: no links, no
 * devices, no extended heads.
 *
 * Standard: POSIX.1-2017 pax, section "ustar Interchange Format".
 */
#ifndef VS_BASE_TAR_H
#define VS_BASE_TAR_H

#include "base/status.h"

#define VS_TAR_BLOCK 512
#define VS_TAR_NAME_LEN 257
#define VS_TAR_FILE_MAX ((UINT64_C(1) << 33) - 1) /* 8 GiB - 1 */

struct vs_tar_entry {
	char name[VS_TAR_NAME_LEN]; /* without "./" before or "/" behind */
	uint64_t len;               /* of its bytes; 0 of a folder */
	bool folder;
};

/* Makes a head; the same entry gives the same bytes, whenever and by whom.
 * VS_OK; VS_ERR_LIMIT: the name does not fit (100 bytes, or 155 more up to one
 * of its slashes), or the length.
 */
vs_status vs_tar_encode(const struct vs_tar_entry *e,
                        uint8_t out[static VS_TAR_BLOCK]) VS_MUST_CHECK;
/* VS_OK; VS_ERR_ABSENT: the end; VS_ERR_INPUT: no head, or of something else
 * than a file or folder.
 */
vs_status vs_tar_decode(const uint8_t in[static VS_TAR_BLOCK],
                        struct vs_tar_entry *out,
                        struct vs_why *why) VS_MUST_CHECK;
/* How far it is from the end of a head to the next one. */
uint64_t vs_tar_padded(uint64_t len);

#endif

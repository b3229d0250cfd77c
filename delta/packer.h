/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/packer.h - one unit of a file system, packed and unpacked again.
 *
 * The same bytes come out only of the same version of a library: a delta
 * names the one that it was tried with, and no other one applies it.
 */
#ifndef VS_DELTA_PACKER_H
#define VS_DELTA_PACKER_H

#include "base/status.h"

/* Bytes of a unit that is packed, on either side. */
#define VS_UNIT_LEN_MAX (UINT32_C(1) << 20)

enum vs_packing {
	VS_PACKING_NONE = 0, /* bytes as they are */
	VS_PACKING_ZSTD,     /* levels 1 to 22 */
	/* its level says how long the dictionary is, in LZMA2's own byte: 2 is
	 * 8 KiB, 3 is 12, 4 is 16, to 16 for 1 MiB */
	VS_PACKING_XZ,
	VS_PACKING_GZIP, /* levels 1 to 9 */
	/* files in clusters alone (delta/batch.h); level 0 is lz4, 1 to 12 are
	 * lz4hc's */
	VS_PACKING_LZ4,
	VS_PACKING_COUNT,
};

/* Room for what len bytes may be packed to: never so tight that it matters. */
#define VS_PACKED_ROOM(len) ((size_t)(len) + (len) / 128 + 1024)

/* The library's version here, as a number (zlib's: a byte for each part of
 * it); 0: needs none. */
uint32_t vs_packing_version(enum vs_packing packing);
/* Whether the packing has such a level. */
bool vs_packing_has(enum vs_packing packing, int level);
/* Which one a squashfs's tables have where its data has that one. */
int vs_packing_tables_level(enum vs_packing packing, int level);
/* The longest unit for which memory is taken twice: packed on two cores. */
uint32_t vs_packing_helped_max(enum vs_packing packing);

/* One at a time; zeroed is empty.  vs_packer_drop() in every case. */
struct vs_packer {
	void *pack, *unpack, *deflate; /* owned: the libraries' */
	int deflate_level;
};
void vs_packer_drop(struct vs_packer *p);

/* Packs len bytes into at most room.
 * VS_OK and *out_len; VS_ERR_LIMIT (more than room); VS_ERR_NOMEM.
 */
vs_status vs_packer_pack(struct vs_packer *p, enum vs_packing packing,
                         int level, const uint8_t *in, size_t len, uint8_t *out,
                         size_t room, size_t *out_len) VS_MUST_CHECK;
/* Unpacks into exactly out_len bytes.
 * VS_OK; VS_ERR_INPUT (not so packed, or of another length); VS_ERR_NOMEM.
 */
vs_status vs_packer_unpack(struct vs_packer *p, enum vs_packing packing,
                           const uint8_t *in, size_t len, uint8_t *out,
                           size_t out_len) VS_MUST_CHECK;
/* The same of a unit of unknown length, of at most room bytes. */
vs_status vs_packer_open(struct vs_packer *p, enum vs_packing packing,
                         const uint8_t *in, size_t len, uint8_t *out,
                         size_t room, size_t *out_len) VS_MUST_CHECK;

#endif

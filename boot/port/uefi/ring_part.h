/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/ring_part.h - how keyrings lie in a partition.
 *
 * A partition is longer than what it holds, so its length stands first.  None
 * of it is believed: a length that leads beyond what was read is refused.
 *
 * Format: docs/formats/loader.md section 2.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_RING_PART_H
#define VS_BOOT_PORT_UEFI_RING_PART_H

#include "base/status.h"
#include "seal/keyring.h"

#define VS_RING_PART_HEAD 16
/* All that is ever read of a partition; a chain of some ten in front. */
#define VS_RING_PART_MAX (VS_RING_PART_HEAD + 8 * VS_KEYRING_LEN_MAX)

/* in: the first len bytes of a partition.  *file points into them.
 * VS_OK; VS_ERR_ABSENT if nothing was ever written to it; VS_ERR_IO if it is
 * damaged or too short.
 */
vs_status vs_ring_part_decode(const uint8_t *in, size_t len,
                              const uint8_t **file,
                              size_t *file_len) VS_MUST_CHECK;

#endif

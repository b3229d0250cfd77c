/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/uefi/store.h - the boot decision's operations on a disk's
 * partitions and the firmware's variables.
 *
 * What is verified is read once, into memory that nothing else writes to, and
 * that memory is what starts: no byte is read a second time.
 *
 * Format: docs/formats/loader.md section 2.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_PORT_UEFI_STORE_H
#define VS_BOOT_PORT_UEFI_STORE_H

#include "boot/boot.h"
#include "boot/port/uefi/disk.h"
#include "boot/port/uefi/floors.h"
#include "boot/port/uefi/settings.h"
#include "seal/slot.h"

#define VS_STORE_CHUNK VS_CLUSTER_LEN /* read at a time */
#define VS_STORE_CHUNKS_MAX 512       /* images up to 256 MiB start */
#define VS_STORE_NAME_LEN (VS_COMPONENT_LEN + 2)

/* A slot's bytes before its footer, as far as they were asked for. */
struct vs_store_body {
	uint8_t *bytes; /* NULL: none yet */
	uint64_t len;
	int slot;
	uint32_t hashed; /* blocks */
	bool loaded[VS_STORE_CHUNKS_MAX];
};

struct vs_store {
	_Alignas(VS_DISK_UNIT) uint8_t unit[VS_DISK_UNIT];
	_Alignas(VS_DISK_UNIT)
		uint8_t footers[VS_FLOORS][VS_SLOTS][VS_SLOT_FOOTER_LEN];
	bool footer_loaded[VS_FLOORS][VS_SLOTS];
	const struct efi_system *system;    /* keeps */
	const struct vs_settings *settings; /* keeps */
	struct vs_crypto crypto;            /* beneath the one that counts */
	struct vs_disk disk;
	struct vs_gpt_partition record; /* len 0: there is none */
	struct vs_gpt_partition slots[VS_FLOORS][VS_SLOTS];
	char names[VS_FLOORS][VS_SLOTS][VS_STORE_NAME_LEN];
	struct vs_store_body bodies[VS_FLOORS];
	struct {
		vs_status status;
		const uint8_t *file;
		size_t len;
	} rings[VS_BOOT_RINGS];
	struct vs_disk medium;
};

/* device: where the loader came from.  A partition that is not there is no
 * error here: the decision will say so.
 * VS_OK; VS_ERR_ABSENT, VS_ERR_INPUT, VS_ERR_IO: no disk, no table.
 */
vs_status vs_store_open(const struct efi_system *system, efi_handle device,
                        const struct vs_settings *settings,
                        struct vs_store *out, struct vs_why *why) VS_MUST_CHECK;

/* Looks for the keyring's third place, a medium that somebody brought.  For
 * the time after a DENY: the next decision counts it.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_IO.
 */
vs_status vs_store_look_at_media(struct vs_store *s) VS_MUST_CHECK;

/* The operations over s, which must outlive them.  crypto needs no context. */
void vs_store_ops(struct vs_store *s, const struct vs_crypto *crypto,
                  struct vs_boot_ops *out);

/* The rows vs_boot_decide() wants; they point into the settings. */
int vs_store_components(
	const struct vs_settings *settings,
	struct vs_boot_component out[static VS_BOOT_COMPONENTS_MAX]);

/* boot/again.h's look at what was decided: the floor read anew from its store,
 * against the header that lies in memory, and the blocks that were hashed.
 * whole: they must have been, here.
 */
bool vs_store_holds(const struct vs_store *s, int component, int slot,
                    bool whole);

/* Why the machine started, if the last system left a word; takes it away. */
enum vs_reset_cause vs_store_cause(struct vs_store *s);

/* The image that was just verified, where it lies; NULL if it was another
 * slot's, or if not all of it was read.
 */
const uint8_t *vs_store_image(const struct vs_store *s, int component, int slot,
                              uint64_t image_len);

#endif

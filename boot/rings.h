/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/rings.h - which keyrings stand at this boot.
 *
 * The built-in keyring is the only one that is believed by itself.  Another
 * one stands if a chain of keyrings leads to it, each signed by the threshold
 * of the one before, and if its version is not below the epoch, which only
 * rises: so a key that was revoked stays revoked, whoever writes the disk.
 *
 * For the .c files of this room, and for the agent, which must judge a seal by
 * the keyrings that the loader will judge it by.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_RINGS_H
#define VS_BOOT_RINGS_H

#include "boot/boot.h"

struct vs_rings {
	const struct vs_keyring *at[VS_BOOT_RINGS + 1]; /* newest first */
	int count;
	bool readable;  /* the epoch could be read, or there is none */
	uint32_t epoch; /* 0 if there is none */
};

/* Fills *out, d->rings, d->epoch_floor and d->keyring_version.  Without an
 * epoch that can be read none stands.  The rings lie in scratch.
 */
void vs_rings_load(const struct vs_boot_ops *ops,
                   const struct vs_keyring *built_in,
                   struct vs_boot_scratch *scratch, struct vs_rings *out,
                   struct vs_boot_decision *d);

/* Whether the epoch may rise to version: no single sector holds it alone. */
bool vs_rings_kept(const struct vs_keyring *built_in,
                   const struct vs_boot_decision *d, uint32_t version);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/verify.h - one component's verification, with a proof that it was done.
 *
 * For the .c files of this room only.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_VERIFY_H
#define VS_BOOT_VERIFY_H

#include "boot/boot.h"

/* Counts checks.  due is what an image of this length demands, done what the
 * checks themselves said when they were passed.  A check that a glitch jumped
 * over leaves done behind due.
 */
struct vs_boot_proof {
	volatile uint32_t due;
	volatile uint32_t done;
};

/* Whether there was something to do, and all of it was done. */
static inline bool vs_boot_proven(const struct vs_boot_proof *p)
{
	return p->due != 0 && p->done == p->due;
}

/* Where the bytes are. */
struct vs_boot_source {
	const struct vs_boot_ops *ops;
	struct vs_boot_scratch *scratch;
	int component;
	int slot;
};

/* vs_boot_verify_component(), counted in *proof. */
vs_status vs_boot_check(const struct vs_boot_source *from,
                        const struct vs_boot_component *what,
                        const struct vs_keyring *ring,
                        struct vs_seal_header *header,
                        struct vs_boot_proof *proof,
                        struct vs_why *why) VS_MUST_CHECK;

#endif

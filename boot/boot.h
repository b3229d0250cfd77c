/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot.h - choose a slot, verify it, say why.
 *
 * A slot holds every component of a release (gateway image, controller image
 * ...), each in its own storage; a slot boots only if all of its components
 * verify and stand at or above their floors.  So a release of several
 * components is all or nothing with one record as the single commit point.
 *
 * The verdict is one of two Hamming-distant values, deny by default.  A try
 * is taken before the start.  The floor is raised here, at the boot after
 * the confirmation, before that slot starts.
 *
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_BOOT_H
#define VS_BOOT_BOOT_H

#include "base/status.h"
#include "boot/record.h"
#include "seal/crypto.h"
#include "seal/keyring.h"

#define VS_BOOT_COMPONENTS_MAX 4

enum vs_verdict {
	VS_VERDICT_DENY = 0x5a3c96e1,
	VS_VERDICT_BOOT = 0x25c3691e, /* the complement's neighbour: 30 bits */
};

/* One component: what it is and where its two slots are. */
struct vs_boot_component {
	const char *name;     /* "gateway": must equal the seal's */
	const char *hardware; /* "gw-rev3": must be in the seal's list */
	bool hash_whole;      /* hash all blocks now; else the root hash is
	                       * handed on to dm-verity */
};

struct vs_boot_ops {
	void *ctx;
	struct vs_record_ops record;
	struct vs_crypto crypto;

	/* Length in bytes of component c's slot; 0 if it has none. */
	uint64_t (*slot_len)(void *ctx, int component, int slot);
	/* Reads exactly len bytes.  VS_OK or VS_ERR_IO. */
	vs_status (*read)(void *ctx, int component, int slot, uint64_t at,
	                  uint8_t *out, size_t len);
	/* The floor of component c; a missing store is VS_ERR_IO, never 0. */
	vs_status (*floor_get)(void *ctx, int component, uint32_t *out);
	/* Raises it; never lowers.  Durable before it returns VS_OK. */
	vs_status (*floor_raise)(void *ctx, int component, uint32_t to);
	/* One line for a person; may be NULL. */
	void (*log)(void *ctx, const char *what, int component, int slot,
	            vs_reason reason);
};

/* Why a slot was passed over, and what was seen in it.  The slot that was not
 * needed, because the first one boots, is judged without hashing its image.
 */
struct vs_boot_slot_view {
	vs_reason refused; /* NONE if it could have booted */
	int component;     /* the one that was refused; 0 if all were */
	uint64_t release_seq[VS_BOOT_COMPONENTS_MAX]; /* 0: not readable */
	uint32_t security_version[VS_BOOT_COMPONENTS_MAX];
};

/* What was decided and why: handed to the system, reported signed. */
struct vs_boot_decision {
	uint32_t verdict; /* enum vs_verdict */
	int slot;         /* the slot to start, if VERDICT_BOOT */
	bool trial;       /* it must be confirmed */
	uint8_t tries_left;
	bool fell_back;   /* not the slot the record named first */
	bool record_lost; /* neither copy of the record was readable */
	bool floor_raised;
	uint32_t keyring_version;
	uint32_t floor[VS_BOOT_COMPONENTS_MAX];
	struct vs_boot_slot_view seen[VS_SLOTS];
	/* of the chosen slot, verified: */
	struct vs_seal_header header[VS_BOOT_COMPONENTS_MAX];
};

/* Hash blocks above the leaves that fit: images up to 3.9 GiB can be hashed
 * whole; a larger one is refused (TOO_LARGE) unless dm-verity does it.
 */
#define VS_BOOT_UPPER_BLOCKS 64

/* Scratch the caller lends: one cluster, one leaf block, the tree above the
 * leaves, one footer.
 */
struct vs_boot_scratch {
	uint8_t cluster[VS_CLUSTER_LEN];
	uint8_t leaves[VS_BLOCK_LEN];
	uint8_t upper[VS_BLOCK_LEN * VS_BOOT_UPPER_BLOCKS];
	uint8_t footer[16384];
};

/* Decides.  cause: why the machine started.
 *
 * With a record: the named slot if TRIAL with tries left or GOOD, else the
 * other one, likewise.  A try is written down before VERDICT_BOOT is given,
 * unless cause is VS_RESET_POWER.  If the record cannot be read: the slot
 * that verifies with the highest release_seq, as GOOD, never with new tries.
 * If raise_floor is set and the slot to start is GOOD and verifies, the
 * floors rise to its security_versions first.
 *
 * After a fallback the record names the slot that starts; a TRIAL slot that
 * was passed over is BAD with the reason, a GOOD one stays GOOD, for a read
 * error may pass.  With DENY the record stays as it was.
 *
 * VS_OK with d->verdict BOOT or DENY (nothing may start: recovery);
 * VS_ERR_IO if the record or a floor could not be written: DENY too;
 * VS_ERR_LIMIT if count is not 1..VS_BOOT_COMPONENTS_MAX: DENY too.
 * last_reset alone is written as far as it goes: a worn-out record does not
 * stop a GOOD slot.
 */
vs_status vs_boot_decide(const struct vs_boot_ops *ops,
                         const struct vs_boot_component *components, int count,
                         const struct vs_keyring *ring,
                         enum vs_reset_cause cause,
                         struct vs_boot_scratch *scratch,
                         struct vs_boot_decision *d) VS_MUST_CHECK;

/* Verifies one component of one slot as vs_boot_decide does; for the agent,
 * before it arms a slot.  Reads the tree from the slot: a stored tree that is
 * not the image's is refused too (TREE_MISMATCH), as dm-verity would use it.
 * VS_OK and *header; else *header is what was signed, or all zero;
 * VS_ERR_ABSENT (NO_SEAL); VS_ERR_INPUT; VS_ERR_REFUSED;
 * VS_ERR_IO.
 */
vs_status vs_boot_verify_component(const struct vs_boot_ops *ops,
                                   const struct vs_boot_component *c,
                                   int component, int slot,
                                   const struct vs_keyring *ring,
                                   struct vs_boot_scratch *scratch,
                                   struct vs_seal_header *header,
                                   struct vs_why *why) VS_MUST_CHECK;

#endif

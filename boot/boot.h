/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot.h - choose a slot, verify it, say why.
 *
 * A slot holds every component of a release (gateway image, controller image
 * ...), each in its own storage; a slot boots only if all of its components
 * verify and stand at or above their floors.  So a release of several
 * components is all or nothing with one record as the single commit point.
 *
 * The verdict is one of three Hamming-distant values, deny by default, checked
 * twice.  A try is taken before the start.  Floors are raised here, at the
 * boot after the confirmation, before that slot starts.  What decides is
 * inside signed bytes or in a store that never goes back; the boot record is
 * neither, and can only choose among slots that verify.
 *
 * Freestanding: no heap, no stdio, no globals.  docs/boot.md tells how a board
 * gets these operations.
 */
#ifndef VS_BOOT_BOOT_H
#define VS_BOOT_BOOT_H

#include "base/status.h"
#include "boot/record.h"
#include "seal/crypto.h"
#include "seal/keyring.h"

#define VS_BOOT_COMPONENTS_MAX 4

/* Two numbers beyond the components': the keyring's epoch, which has a floor
 * as components have, and the recovery image, which has one slot, 0.
 */
#define VS_BOOT_EPOCH VS_BOOT_COMPONENTS_MAX
#define VS_BOOT_RECOVERY (VS_BOOT_COMPONENTS_MAX + 1)

/* Places where a keyring may be: two that the agent writes, and a medium that
 * somebody brings.
 */
#define VS_BOOT_RINGS 3

enum vs_verdict { /* at least 16 bits from one to another */
	          VS_VERDICT_DENY = 0x5a3c96e1,
	          VS_VERDICT_BOOT = 0x25c3691e,
	          VS_VERDICT_RECOVER =
	                  0x16f0a5d2, /* the recovery image, nothing else */
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
	/* Gives the file that place 0..VS_BOOT_RINGS - 1 holds: keyrings, one
	 * after the other, each signed by the one before it and the first by
	 * the built-in one.  The bytes stay as they are until the decision is
	 * made.  VS_OK; VS_ERR_ABSENT; VS_ERR_IO.  NULL: the built-in keyring
	 * is the only one there can be, and there is no epoch.
	 */
	vs_status (*keyring)(void *ctx, int place, const uint8_t **file,
	                     size_t *len);
	/* len bytes of a slot where they lie, not to change until they are
	 * started; NULL if they cannot be given.  If the operation itself is
	 * NULL, slots are read into the scratch.  A port that starts an image
	 * from memory gives that memory here: what was verified is what runs.
	 */
	const uint8_t *(*map)(void *ctx, int component, int slot, uint64_t at,
	                      size_t len);
	/* Bit s: slot s was started since the reset, and came back.  It is
	 * passed over (BOOT_FAILED): a port that can tell asks again.
	 */
	uint32_t came_back;
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
	uint32_t epoch;    /* version of the keyring that stands behind it */
	uint64_t release_seq[VS_BOOT_COMPONENTS_MAX]; /* 0: not readable */
	uint32_t security_version[VS_BOOT_COMPONENTS_MAX];
};

/* What a keyring's place held. */
struct vs_boot_ring_view {
	uint32_t version;  /* of the last one in it; 0: none */
	vs_reason refused; /* NONE if it counts, or if there is none */
};

/* What was decided and why: handed to the system, reported signed. */
struct vs_boot_decision {
	uint32_t verdict; /* enum vs_verdict */
	int slot;         /* the slot to start, if VERDICT_BOOT; else -1 */
	bool trial;       /* it must be confirmed */
	uint8_t tries_left;
	bool fell_back;   /* not the slot the record named first */
	bool record_lost; /* neither copy of the record was readable */
	bool floor_raised;
	enum vs_reset_cause cause;
	uint32_t keyring_version; /* behind what starts; else the newest that
	                           * stands; 0: none does */
	uint32_t epoch_floor;     /* UINT32_MAX: not readable */
	uint32_t floor[VS_BOOT_COMPONENTS_MAX]; /* likewise */
	struct vs_boot_ring_view rings[VS_BOOT_RINGS];
	struct vs_boot_slot_view seen[VS_SLOTS];
	vs_reason recovery; /* why the recovery image was refused */
	/* of the chosen slot, verified: */
	struct vs_seal_header header[VS_BOOT_COMPONENTS_MAX];
};

/* Hash blocks above the leaves that fit: images up to 3.9 GiB can be hashed
 * whole; a larger one is refused (TOO_LARGE) unless dm-verity does it, or it
 * is mapped.
 */
#define VS_BOOT_UPPER_BLOCKS 64

/* Scratch the caller lends: one cluster, one leaf block, the tree above the
 * leaves, one footer; keyrings.  With map and without keyring operations none
 * is needed: NULL.
 */
struct vs_boot_scratch {
	uint8_t cluster[VS_CLUSTER_LEN];
	uint8_t leaves[VS_BLOCK_LEN];
	uint8_t upper[VS_BLOCK_LEN * VS_BOOT_UPPER_BLOCKS];
	uint8_t footer[16384];
	struct vs_keyring rings[VS_BOOT_RINGS];
};

/* Decides.  cause: why the machine started.  ring: the built-in keyring.
 *
 * A keyring stands if the built-in one leads to it, signature by signature,
 * and its version is not below the epoch.  The newest that accepts a slot is
 * the one behind it; without any that stands nothing starts.
 *
 * With a record: the named slot if TRIAL with tries left or GOOD, else the
 * other one, likewise.  A try is written down before VERDICT_BOOT is given,
 * unless cause is VS_RESET_POWER.  If the record cannot be read: the slot
 * that verifies with the highest release_seq, as GOOD, never with new tries.
 * If raise_floor is set and the slot to start is GOOD and verifies, the
 * floors rise to its security_versions first, and the epoch to its keyring's
 * version if that one is built in or in both of the agent's places: what one
 * bad sector could take away must not become the only one.
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

/* After DENY: whether the recovery image may start.  what names it; its floor
 * is VS_BOOT_RECOVERY's, and a floor or epoch that cannot be read does not
 * stop it, for it is what repairs them: the built-in keyring is behind it
 * then.  Turns d->verdict into VS_VERDICT_RECOVER and gives header, or says in
 * d->recovery why not.
 * VS_OK with either; VS_ERR_STATE if *d is not a DENY of vs_boot_decide().
 */
vs_status vs_boot_recover(const struct vs_boot_ops *ops,
                          const struct vs_boot_component *what,
                          const struct vs_keyring *ring,
                          struct vs_boot_scratch *scratch,
                          struct vs_boot_decision *d,
                          struct vs_seal_header *header) VS_MUST_CHECK;

/* After BOOT of a slot that is not on trial, before it starts: raises the
 * recovery image's floor to the image's security_version, if it is above it and
 * the image verifies whole under a keyring that stands.  So an older recovery
 * image, which somebody kept, does not start any more.  There is no second one
 * to fall back to, so nothing is lost by raising it at once.
 * VS_OK, raised (d->floor_raised) or not; VS_ERR_IO if the floor cannot be read
 * or raised, which need not stop the slot; VS_ERR_STATE if *d is no such BOOT.
 */
vs_status vs_boot_recovery_raise(const struct vs_boot_ops *ops,
                                 const struct vs_boot_component *what,
                                 const struct vs_keyring *ring,
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

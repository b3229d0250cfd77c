/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/charger.h - this charger as its storage shows it.
 *
 * What runs and what it is comes from the loader's decision and from sealed
 * slots, never from what the agent remembers.
 */
#ifndef VS_AGENT_CHARGER_H
#define VS_AGENT_CHARGER_H

#include <limits.h>

#include "agent/slots/disk.h"
#include "agent/slots/storage.h"
#include "base/status.h"
#include "boot/port/host/machine.h"
#include "boot/rings.h"
#include "seal/keyring.h"
#include "seal/seal.h"

#define VS_ERROR_LEN 256

/* What one component of the running slot is.  In recovery nothing runs from a
 * slot: then only the last two are set.
 */
struct vs_running {
	struct vs_seal_header header; /* verified */
	char sha256[65];              /* of its seal file, as slots hold it */
	uint64_t seal_len;
	uint64_t above; /* a new image's release_seq must be */
	uint32_t floor; /* UINT32_MAX: not readable, in recovery */
};

/* What a controller last said that it runs (agent/controllers/controllers.h).
 */
struct vs_told {
	bool known; /* it has said something since the agent's start */
	char version[VS_VERSION_LEN];
	uint64_t release_seq;
	uint32_t security_version;
	uint32_t floor; /* its own; UINT32_MAX: not readable */
	int slot;       /* of the gateway, whose image it is; -1: neither's */
};

struct vs_charger {
	char dir[PATH_MAX];
	struct vs_machine machine;
	struct vs_boot_component components[VS_BOOT_COMPONENTS_MAX];
	struct vs_storage storage; /* slots read only */
	struct vs_boot_ops ops;
	struct vs_keyring built_in;
	struct vs_rings rings; /* that stand, as the loader sees them */
	struct vs_boot_ring_view places[VS_BOOT_RINGS];
	struct vs_keyring ring; /* the newest: what is new is judged by it */
	struct vs_boot_scratch *scratch; /* owned */
	int slot;                        /* the running one; -1: recovery */
	bool recovery;                   /* the loader said so */
	bool trial;                      /* likewise */
	bool fell_back;                  /* likewise */
	vs_reason seen[VS_SLOTS];        /* why the loader passed a slot over */
	struct vs_running running[VS_BOOT_COMPONENTS_MAX];
	struct vs_told told[VS_BOOT_COMPONENTS_MAX];
};

/* Opens DIR: machine, keyrings, storage, decision.  Without a decision a
 * folder's boot record names the slot that runs; with a loader of its own
 * nothing does.  Verifies the running slot's seals, if one runs.
 * VS_OK (vs_charger_close); else a line for a person in error, safe to close.
 */
vs_status vs_charger_open(struct vs_charger *c, const char *dir,
                          char error[static VS_ERROR_LEN]) VS_MUST_CHECK;
/* The same without a running slot, and with the built-in keyring alone: for
 * provisioning.
 */
vs_status vs_charger_open_blank(struct vs_charger *c, const char *dir,
                                char error[static VS_ERROR_LEN]) VS_MUST_CHECK;
void vs_charger_close(struct vs_charger *c); /* also for VS_AUTO */

/* The slot to write next: the one that does not run.  In recovery the one that
 * the boot record does not call GOOD, for the other may be readable again;
 * slot A if both are alike.
 */
int vs_charger_target(const struct vs_charger *c);

/* "recovery: slot a: no-tries-left, kernel; slot b: ...": why neither slot
 * started.
 */
void vs_charger_say_recovery(const struct vs_charger *c, char *out, size_t cap);

/* "DIR/name" into out, or name itself if it begins with a slash. */
vs_status vs_charger_path(const struct vs_charger *c, const char *name,
                          char *out, size_t cap) VS_MUST_CHECK;

/* Opens component i's slot; for writing only one that does not run, and in
 * recovery only the one to write next.
 */
vs_status vs_charger_open_slot(const struct vs_charger *c, int i, int slot,
                               const struct vs_disk_ops *ops,
                               struct vs_disk *out) VS_MUST_CHECK;

/* The seal file of a slot, put together again from footer and tree and
 * opened against the newest keyring that accepts it.  Gives *file (free()),
 * which *out points into. VS_OK; VS_ERR_ABSENT; VS_ERR_INPUT; VS_ERR_REFUSED;
 * VS_ERR_IO.
 */
vs_status vs_charger_seal(const struct vs_charger *c, int i, int slot,
                          uint8_t **file, size_t *len, struct vs_seal *out,
                          struct vs_why *why) VS_MUST_CHECK;

/* Whether a keyring accepts all that runs; false if nothing does. */
bool vs_charger_runs_under(const struct vs_charger *c,
                           const struct vs_keyring *ring);

/* Verifies a slot's set as the loader will, without hashing every block:
 * for a slot whose every cluster was checked as it was written.
 */
vs_status vs_charger_verify(const struct vs_charger *c, int slot,
                            struct vs_why *why) VS_MUST_CHECK;

/* SHA-256 as 64 hex digits. */
vs_status vs_charger_digest(const struct vs_charger *c, const uint8_t *in,
                            size_t len, char out[static 65]) VS_MUST_CHECK;

#endif

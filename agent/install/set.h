/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/set.h - a whole slot: every component, the named ones and the
 * rest.
 *
 * All or nothing: the boot record calls the slot EMPTY before the first write
 * and names it only after every component of the set verifies.  Components a
 * release does not name are copied from the running slot, by the same way and
 * with the same checks.
 */
#ifndef VS_AGENT_SET_H
#define VS_AGENT_SET_H

#include "agent/install/install.h"
#include "agent/slots/charger.h"

/* One component of a release: its seal, opened, and where its pack is. */
struct vs_set_part {
	const struct vs_seal *seal;     /* NULL: copy what runs */
	const struct vs_source *source; /* NULL with a seal: as copied */
	uint64_t pack_len;              /* see install.h */
};

struct vs_set {
	const struct vs_charger *charger; /* its running slot is read */
	int target;
	struct vs_set_part parts[VS_BOOT_COMPONENTS_MAX]; /* by component */
	unsigned workers;              /* 0: as many as there are cores */
	bool never_full;               /* see install.h */
	const struct vs_disk_ops *ops; /* NULL: the real ones */
	/* Figures of all components so far; false stops.  May be NULL. */
	bool (*tick)(void *ctx, const struct vs_install_stats *so_far);
	void *tick_ctx;
	struct vs_install_stats stats; /* out: the sum */
	int failed;                    /* out: the component that failed */
};

/* Takes the slot out of the record, then writes it.
 * VS_OK; VS_ERR_STATE (the slot runs, or the other one is not GOOD, or
 * stopped); what vs_install_run() gives, with set->failed.
 */
vs_status vs_set_write(struct vs_set *set, struct vs_why *why) VS_MUST_CHECK;

/* Puts the slot in the record: TRIAL with tries, boots next.
 * VS_OK; VS_ERR_IO; VS_ERR_STATE.  Refuses a set that does not verify.
 */
vs_status vs_set_arm(const struct vs_charger *c, int slot, int tries,
                     struct vs_why *why) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/recover.c - whether the recovery image may start.
 *
 * It is verified as slots are, twice, but for one thing: a floor or an epoch
 * that cannot be read does not stop it.  Its floor follows what lies in its
 * place, for there is no other image of it that could be fallen back to.
 */
#include "boot/memory.h"
#include "boot/rings.h"
#include "boot/verify.h"

struct recovery {
	struct vs_boot_source from;
	const struct vs_boot_component *what;
	const struct vs_keyring *built_in;
	struct vs_boot_decision *d;
	struct vs_rings rings;
	struct vs_boot_proof proof;
};

static vs_status look(struct recovery *r, bool hash,
                      struct vs_seal_header *header)
{
	struct vs_boot_component what = *r->what;
	struct vs_why why = {VS_REASON_KEYRING_ROLLBACK, "", 0};
	vs_status status = VS_ERR_REFUSED;

	what.hash_whole = what.hash_whole && hash;
	r->proof.due = 0;
	r->proof.done = 0;
	vs_rings_load(r->from.ops, r->built_in, r->from.scratch, &r->rings,
	              r->d);
	if (!r->rings.readable) {
		r->rings.at[0] = r->built_in;
		r->rings.count = 1;
	}
	for (int i = 0; i < r->rings.count && status != VS_OK; i++)
		status = vs_boot_check(&r->from, &what, r->rings.at[i], header,
		                       &r->proof, &why);
	if (status != VS_OK)
		r->d->recovery = why.code ? why.code : VS_REASON_UNREADABLE;
	return status;
}

vs_status vs_boot_recover(const struct vs_boot_ops *ops,
                          const struct vs_boot_component *what,
                          const struct vs_keyring *ring,
                          struct vs_boot_scratch *scratch,
                          struct vs_boot_decision *d,
                          struct vs_seal_header *header)
{
	struct recovery r = {
		.from = {ops, scratch, VS_BOOT_RECOVERY, 0},
		.what = what,
		.built_in = ring,
		.d = d,
	};
	struct vs_seal_header again;
	volatile uint32_t same = 0;

	memset(header, 0, sizeof(*header));
	if (d->verdict != VS_VERDICT_DENY)
		return VS_ERR_STATE;
	d->recovery = VS_REASON_NONE;
	if (look(&r, true, header) != VS_OK) {
		memset(header, 0, sizeof(*header));
		return VS_OK;
	}
	if (vs_boot_proven(&r.proof))
		same++;
	if (look(&r, false, &again) == VS_OK && vs_boot_proven(&r.proof) &&
	    vs_seal_header_equal(&again, header))
		same++;
	if (same == 2 && d->recovery == VS_REASON_NONE)
		d->verdict = VS_VERDICT_RECOVER;
	else if (d->recovery == VS_REASON_NONE)
		d->recovery = VS_REASON_UNREADABLE;
	return VS_OK;
}

static vs_status raise(struct recovery *r)
{
	const struct vs_boot_ops *ops = r->from.ops;
	struct vs_seal_header header;
	uint32_t floor = 0;

	if (ops->floor_get(ops->ctx, VS_BOOT_RECOVERY, &floor) != VS_OK)
		return VS_ERR_IO;
	/* Its blocks are hashed only if there is something to raise. */
	if (look(r, false, &header) != VS_OK || !r->rings.readable ||
	    header.security_version <= floor)
		return VS_OK;
	if (look(r, true, &header) != VS_OK || !vs_boot_proven(&r->proof))
		return VS_OK;
	if (ops->floor_raise(ops->ctx, VS_BOOT_RECOVERY,
	                     header.security_version) != VS_OK)
		return VS_ERR_IO;
	r->d->floor_raised = true;
	return VS_OK;
}

vs_status vs_boot_recovery_raise(const struct vs_boot_ops *ops,
                                 const struct vs_boot_component *what,
                                 const struct vs_keyring *ring,
                                 struct vs_boot_scratch *scratch,
                                 struct vs_boot_decision *d)
{
	struct recovery r = {
		.from = {ops, scratch, VS_BOOT_RECOVERY, 0},
		.what = what,
		.built_in = ring,
		.d = d,
	};
	uint32_t version = d->keyring_version;
	vs_status status;

	if (d->verdict != VS_VERDICT_BOOT || d->trial)
		return VS_ERR_STATE;
	status = raise(&r);
	/* What the decision says of its own is what it says of the slot. */
	d->keyring_version = version;
	d->recovery = VS_REASON_NONE;
	return status;
}

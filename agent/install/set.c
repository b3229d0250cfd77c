/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/install/set.c - writing and arming a slot.
 */
#include "agent/install/set.h"

#include <stdlib.h>

static vs_status record_fail(vs_status status, struct vs_why *why,
                             const char *what)
{
	return vs_fail(status, why, VS_REASON_UNREADABLE, what, 0);
}

/* Nothing starts from either slot: what the record says of this one counts no
 * more.  The other one stays as it is, for a read error may pass.
 */
static vs_status begin_recovery(const struct vs_charger *c, int slot,
                                struct vs_why *why)
{
	struct vs_record record;
	bool lost = vs_record_load(&c->ops.record, &record) != VS_OK;

	if (!lost && record.slots[slot].state == VS_SLOT_EMPTY)
		return VS_OK;
	record.slots[slot].state = VS_SLOT_EMPTY;
	record.slots[slot].tries = 0;
	record.slots[slot].reason = 0;
	record.slot = (uint8_t)!slot;
	record.raise_floor = 0;
	if (vs_record_store(&c->ops.record, &record) != VS_OK)
		return record_fail(VS_ERR_IO, why,
		                   "boot record cannot be written");
	return VS_OK;
}

static vs_status begin(const struct vs_charger *c, int slot, struct vs_why *why)
{
	struct vs_record record;
	vs_status status = vs_record_load(&c->ops.record, &record);

	if (c->recovery)
		return begin_recovery(c, slot, why);
	if (status != VS_OK)
		return record_fail(status, why, "boot record is unreadable");
	/* The record is not written again for a slot that is EMPTY. */
	if (record.slot != slot && record.slots[slot].state == VS_SLOT_EMPTY &&
	    record.slots[!slot].state == VS_SLOT_GOOD)
		return VS_OK;
	status = vs_record_begin(&record, slot);
	if (status != VS_OK)
		return vs_fail(status, why, VS_REASON_CONFLICT,
		               "the other slot may not be written now", 0);
	status = vs_record_store(&c->ops.record, &record);
	if (status != VS_OK)
		return record_fail(status, why,
		                   "boot record cannot be written");
	return VS_OK;
}

/* Figures of the components that are done, and of the one at work. */
struct sum {
	struct vs_set *set;
	struct vs_install_stats before;
};

static struct vs_install_stats add(const struct vs_install_stats *a,
                                   const struct vs_install_stats *b)
{
	struct vs_install_stats out = {
		.clusters = a->clusters + b->clusters,
		.clusters_kept = a->clusters_kept + b->clusters_kept,
		.clusters_copied = a->clusters_copied + b->clusters_copied,
		.clusters_rebuilt = a->clusters_rebuilt + b->clusters_rebuilt,
		.clusters_fetched = a->clusters_fetched + b->clusters_fetched,
		.bytes_fetched = a->bytes_fetched + b->bytes_fetched,
		.bytes_planned = a->bytes_planned + b->bytes_planned,
		.image_bytes = a->image_bytes + b->image_bytes,
		.requests = a->requests + b->requests,
		.deltas_dropped = a->deltas_dropped + b->deltas_dropped,
		.delta_why = b->deltas_dropped ? b->delta_why : a->delta_why,
	};

	return out;
}

static bool tick(void *ctx, const struct vs_install_stats *so_far)
{
	const struct sum *sum = ctx;
	struct vs_install_stats all = add(&sum->before, so_far);

	return !sum->set->tick || sum->set->tick(sum->set->tick_ctx, &all);
}

static vs_status install_one(struct vs_set *set, int i,
                             const struct vs_seal *seal, struct vs_why *why)
{
	const struct vs_charger *c = set->charger;
	VS_AUTO(vs_disk_close) struct vs_disk target = {.fd = -1};
	VS_AUTO(vs_disk_close) struct vs_disk running = {.fd = -1};
	struct sum sum = {set, set->stats};
	struct vs_install in = {
		.seal = seal,
		.target = &target,
		.source = set->parts[i].source,
		.workers = set->workers,
		.pack_len = set->parts[i].pack_len,
		.never_full = set->never_full,
		.tick = tick,
		.tick_ctx = &sum,
	};
	struct vs_install_stats stats = {0};
	vs_status status;

	status = vs_charger_open_slot(c, i, set->target, set->ops, &target);
	if (status != VS_OK)
		return record_fail(status, why, "slot cannot be opened");
	/* Clusters that hash right are as good from a slot that does not start.
	 */
	if (vs_charger_open_slot(c, i, !set->target, set->ops, &running) ==
	    VS_OK)
		in.running = &running;
	status = vs_install_run(&in, &stats, why);
	set->stats = add(&sum.before, &stats);
	return status;
}

static vs_status write_one(struct vs_set *set, int i, struct vs_why *why)
{
	struct vs_seal seal;
	uint8_t *file = NULL;
	size_t len;
	vs_status status;

	if (set->parts[i].seal)
		return install_one(set, i, set->parts[i].seal, why);
	status = vs_charger_seal(set->charger, i, set->charger->slot, &file,
	                         &len, &seal, why);
	if (status == VS_OK)
		status = install_one(set, i, &seal, why);
	free(file);
	return status;
}

vs_status vs_set_write(struct vs_set *set, struct vs_why *why)
{
	vs_status status;

	set->stats = (struct vs_install_stats){0};
	set->failed = 0;
	for (int i = 0; i < set->charger->machine.count; i++)
		if (set->charger->recovery && !set->parts[i].seal) {
			set->failed = i;
			return vs_fail(VS_ERR_REFUSED, why,
			               VS_REASON_INCOMPLETE_SET,
			               "in recovery a release must bring every "
			               "component",
			               0);
		}
	if (set->target == set->charger->slot)
		return vs_fail(VS_ERR_STATE, why, VS_REASON_CONFLICT,
		               "the running slot is not written", 0);
	status = begin(set->charger, set->target, why);
	for (int i = 0; status == VS_OK && i < set->charger->machine.count;
	     i++) {
		set->failed = i;
		status = write_one(set, i, why);
	}
	return status;
}

vs_status vs_set_arm(const struct vs_charger *c, int slot, int tries,
                     struct vs_why *why)
{
	struct vs_record record;
	vs_status status = vs_charger_verify(c, slot, why);

	if (status != VS_OK)
		return status;
	status = vs_record_load(&c->ops.record, &record);
	if (status != VS_OK)
		return record_fail(status, why, "boot record is unreadable");
	status = vs_record_arm(&record, slot, tries);
	if (status != VS_OK)
		return vs_fail(status, why, VS_REASON_CONFLICT,
		               "the slot is not one to be armed", 0);
	status = vs_record_store(&c->ops.record, &record);
	if (status != VS_OK)
		return record_fail(status, why,
		                   "boot record cannot be written");
	return VS_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot.c - which slot starts, and what is written down before it does.
 *
 * DENY is where every way begins; BOOT is written in one place, after two
 * checks that share no variable.
 */
#include "boot/boot.h"

#include "boot/memory.h"

struct run {
	const struct vs_boot_ops *ops;
	const struct vs_boot_component *components;
	int count;
	const struct vs_keyring *ring;
	struct vs_boot_scratch *scratch;
	struct vs_boot_decision *d;
	struct vs_record rec;
	bool changed; /* rec must be stored before anything starts */
};

static void say(const struct run *r, const char *what, int component, int slot,
                vs_reason reason)
{
	if (r->ops->log)
		r->ops->log(r->ops->ctx, what, component, slot, reason);
}

/* Why the record alone keeps a slot from starting; NONE if it does not. */
static vs_reason passed_over(const struct vs_record *rec, int slot)
{
	switch (rec->slots[slot].state) {
	case VS_SLOT_GOOD:
		return VS_REASON_NONE;
	case VS_SLOT_TRIAL:
		return rec->slots[slot].tries > 0 ? VS_REASON_NONE
		                                  : VS_REASON_NO_TRIES;
	case VS_SLOT_BAD:
		return VS_REASON_MARKED_BAD;
	default:
		return VS_REASON_NO_SEAL;
	}
}

/* Judges one component and notes what was seen in it. */
static vs_status look(const struct run *r, int slot, int c, bool hash,
                      struct vs_seal_header *header)
{
	struct vs_boot_slot_view *view = &r->d->seen[slot];
	struct vs_boot_component what = r->components[c];
	struct vs_why why = {VS_REASON_NONE, "could not be checked", 0};
	vs_status status;

	what.hash_whole = what.hash_whole && hash;
	status = vs_boot_verify_component(r->ops, &what, c, slot, r->ring,
	                                  r->scratch, header, &why);
	view->release_seq[c] = header->release_seq;
	view->security_version[c] = header->security_version;
	if (status == VS_OK || view->refused != VS_REASON_NONE)
		return status;
	view->refused = why.code ? why.code : VS_REASON_UNREADABLE;
	view->component = c;
	if (hash)
		say(r, why.what, c, slot, view->refused);
	return status;
}

/* Verifies all components of a slot.  After a refusal the others are only
 * looked at, so that a person sees the whole set.
 */
static uint32_t judge(const struct run *r, int slot)
{
	volatile uint32_t verdict = VS_VERDICT_DENY;
	volatile int verified = 0;

	for (int c = 0; c < r->count; c++) {
		bool hash = verified == c;

		if (look(r, slot, c, hash, &r->d->header[c]) == VS_OK && hash)
			verified++;
	}
	if (verified == r->count && r->d->seen[slot].refused == VS_REASON_NONE)
		verdict = VS_VERDICT_BOOT;
	return verdict;
}

/* Judges a slot by its headers only, for the decision's reader. */
static void glance(const struct run *r, int slot, vs_reason refused)
{
	struct vs_seal_header header;

	r->d->seen[slot].refused = refused;
	for (int c = 0; c < r->count; c++)
		(void)look(r, slot, c, false, &header);
}

/* Whether slot 1 was released after slot 0: the first component that differs
 * tells.  A component that is not readable stands at 0.
 */
static int newest(const struct run *r)
{
	const struct vs_boot_slot_view *seen = r->d->seen;

	for (int c = 0; c < r->count; c++)
		if (seen[0].release_seq[c] != seen[1].release_seq[c])
			return seen[1].release_seq[c] > seen[0].release_seq[c];
	return 0;
}

/* Without a record every slot counts as GOOD, the newest first: a trial that
 * began anew at each loss would never end.
 */
static void make_record(struct run *r)
{
	struct vs_boot_slot_view *seen = r->d->seen;

	for (int slot = 0; slot < VS_SLOTS; slot++) {
		glance(r, slot, VS_REASON_NONE);
		r->rec.slots[slot].state = VS_SLOT_GOOD;
	}
	r->rec.slot = (uint8_t)newest(r);
	memset(seen, 0, sizeof(r->d->seen));
	r->d->record_lost = true;
	r->changed = true;
	say(r, "both copies of the boot record are unreadable", 0, r->rec.slot,
	    VS_REASON_UNREADABLE);
}

/* The slot that may start: 0 or 1, or -1. */
static int choose(const struct run *r)
{
	int chosen = -1;

	for (int i = 0; i < VS_SLOTS; i++) {
		int slot = r->rec.slot ^ i;
		vs_reason refused = passed_over(&r->rec, slot);

		if (chosen >= 0 || refused != VS_REASON_NONE) {
			glance(r, slot, refused);
			if (chosen < 0)
				say(r, "slot passed over", 0, slot, refused);
		} else if (judge(r, slot) == VS_VERDICT_BOOT) {
			chosen = slot;
		}
	}
	return chosen;
}

/* The floor has risen over what was seen in the other slot. */
static void look_again(struct run *r, int slot, int c, uint32_t floor)
{
	struct vs_boot_slot_view *view = &r->d->seen[slot];

	if (view->refused != VS_REASON_NONE ||
	    view->security_version[c] >= floor)
		return;
	view->refused = VS_REASON_BELOW_FLOOR;
	view->component = c;
}

static vs_status raise_floors(struct run *r, int slot)
{
	if (!r->rec.raise_floor || r->rec.slots[slot].state != VS_SLOT_GOOD)
		return VS_OK;
	for (int c = 0; c < r->count; c++) {
		uint32_t to = r->d->header[c].security_version;
		uint32_t floor = 0;

		if (r->ops->floor_get(r->ops->ctx, c, &floor) != VS_OK)
			return VS_ERR_IO;
		if (floor >= to)
			continue;
		if (r->ops->floor_raise(r->ops->ctx, c, to) != VS_OK)
			return VS_ERR_IO;
		r->d->floor_raised = true;
		look_again(r, !slot, c, to);
		say(r, "floor raised", c, slot, VS_REASON_NONE);
	}
	r->rec.raise_floor = 0;
	r->changed = true;
	return VS_OK;
}

static void mark_passed_over(struct run *r, int slot)
{
	vs_reason refused = r->d->seen[slot].refused;

	if (refused == VS_REASON_NONE)
		return;
	if (r->d->record_lost && refused == VS_REASON_NO_SEAL) {
		r->rec.slots[slot].state = VS_SLOT_EMPTY;
	} else if (r->d->record_lost ||
	           (r->d->fell_back &&
	            r->rec.slots[slot].state == VS_SLOT_TRIAL)) {
		r->rec.slots[slot].state = VS_SLOT_BAD;
		r->rec.slots[slot].tries = 0;
		r->rec.slots[slot].reason = (uint16_t)refused;
	}
}

/* Writes down what must be durable before slot starts. */
static vs_status write_down(struct run *r, int slot, enum vs_reset_cause cause)
{
	bool trial = r->rec.slots[slot].state == VS_SLOT_TRIAL;
	vs_status status;

	r->d->fell_back = slot != r->rec.slot;
	mark_passed_over(r, !slot);
	if (r->d->fell_back)
		r->changed = true;
	r->rec.slot = (uint8_t)slot;
	if (trial && cause != VS_RESET_POWER) {
		r->rec.slots[slot].tries--;
		r->changed = true;
	}
	r->d->trial = trial;
	r->d->tries_left = r->rec.slots[slot].tries;
	if (!r->changed && r->rec.last_reset == cause)
		return VS_OK;
	r->rec.last_reset = (uint8_t)cause;
	status = vs_record_store(&r->ops->record, &r->rec);
	if (status != VS_OK)
		say(r, "boot record cannot be written", 0, slot,
		    VS_REASON_UNREADABLE);
	return r->changed && status != VS_OK ? VS_ERR_IO : VS_OK;
}

/* The second look: at what will start, not at how it was chosen. */
static uint32_t confirm(const struct run *r, int slot)
{
	volatile uint32_t verdict = VS_VERDICT_DENY;
	int fit = 0;

	for (int c = 0; c < r->count; c++) {
		uint32_t floor = UINT32_MAX;

		if (r->ops->floor_get(r->ops->ctx, c, &floor) != VS_OK)
			return VS_VERDICT_DENY;
		r->d->floor[c] = floor;
		if (r->d->header[c].release_seq == 0 ||
		    r->d->header[c].security_version < floor)
			return VS_VERDICT_DENY;
		fit++;
	}
	if (fit == r->count && r->d->seen[slot].refused == VS_REASON_NONE &&
	    r->rec.slot == slot)
		verdict = VS_VERDICT_BOOT;
	return verdict;
}

static vs_status start(struct run *r, int slot, enum vs_reset_cause cause)
{
	volatile uint32_t first = VS_VERDICT_DENY;
	volatile uint32_t second = VS_VERDICT_DENY;
	vs_status status = raise_floors(r, slot);

	if (status == VS_OK)
		status = write_down(r, slot, cause);
	if (status != VS_OK)
		return status;
	first = confirm(r, slot);
	if (first != VS_VERDICT_BOOT)
		return VS_ERR_IO;
	second = confirm(r, slot);
	if (second != VS_VERDICT_BOOT || first != second)
		return VS_ERR_IO;
	r->d->slot = slot;
	r->d->verdict = second;
	return VS_OK;
}

static void note_floors(const struct run *r)
{
	for (int c = 0; c < r->count; c++)
		if (r->ops->floor_get(r->ops->ctx, c, &r->d->floor[c]) != VS_OK)
			r->d->floor[c] = UINT32_MAX;
}

vs_status vs_boot_decide(const struct vs_boot_ops *ops,
                         const struct vs_boot_component *components, int count,
                         const struct vs_keyring *ring,
                         enum vs_reset_cause cause,
                         struct vs_boot_scratch *scratch,
                         struct vs_boot_decision *d)
{
	struct run r = {
		.ops = ops,
		.components = components,
		.count = count,
		.ring = ring,
		.scratch = scratch,
		.d = d,
	};
	int slot;

	memset(d, 0, sizeof(*d));
	d->verdict = VS_VERDICT_DENY;
	d->slot = -1;
	d->keyring_version = ring->version;
	if (count < 1 || count > VS_BOOT_COMPONENTS_MAX)
		return VS_ERR_LIMIT;
	if (vs_record_load(&ops->record, &r.rec) != VS_OK)
		make_record(&r);
	note_floors(&r);
	slot = choose(&r);
	if (slot < 0) {
		memset(d->header, 0, sizeof(d->header));
		say(&r, "no slot may start", 0, -1, VS_REASON_NONE);
		return VS_OK;
	}
	return start(&r, slot, cause);
}

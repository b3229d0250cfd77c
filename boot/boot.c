/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/boot.c - which slot starts, and what is written down before it does.
 *
 * DENY is where every way begins.  BOOT is written in one place, after a slot
 * was verified, looked at again from the keyrings on, and confirmed twice; no
 * instruction that a glitch skips is the only one that says no.
 */
#include "boot/boot.h"

#include "boot/memory.h"
#include "boot/rings.h"
#include "boot/verify.h"

struct run {
	const struct vs_boot_ops *ops;
	const struct vs_boot_component *components;
	int count;
	const struct vs_keyring *built_in;
	struct vs_boot_scratch *scratch;
	struct vs_boot_decision *d;
	struct vs_rings rings;
	struct vs_record rec;
	struct vs_boot_proof first; /* the chosen slot was verified */
	struct vs_boot_proof again; /* and looked at again, the same */
	bool changed; /* rec must be stored before anything starts */
};

/* One look at one component. */
struct look {
	struct vs_seal_header header;
	struct vs_boot_proof proof;
	struct vs_why why;
	uint32_t epoch; /* version of the keyring behind it */
};

static void say(const struct run *r, const char *what, int component, int slot,
                vs_reason reason)
{
	if (r->ops->log)
		r->ops->log(r->ops->ctx, what, component, slot, reason);
}

/* Why a slot is not even looked at; NONE if it is. */
static vs_reason passed_over(const struct run *r, int slot)
{
	const struct vs_record *rec = &r->rec;

	if (r->ops->came_back >> slot & 1)
		return VS_REASON_BOOT_FAILED;
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

/* Whether another keyring may think otherwise. */
static bool ring_refused(vs_status status, const struct vs_why *why)
{
	return status == VS_ERR_REFUSED &&
	       (why->code == VS_REASON_SEAL_SIGNATURE ||
	        why->code == VS_REASON_WRONG_COMPONENT);
}

/* Asks the keyrings that stand, newest first, until one accepts. */
static vs_status ask_rings(const struct run *r, int c, int slot, bool hash,
                           struct look *l)
{
	const struct vs_boot_source from = {r->ops, r->scratch, c, slot};
	struct vs_boot_component what = r->components[c];
	vs_status status = VS_ERR_REFUSED;

	memset(l, 0, sizeof(*l));
	l->why.what = "no keyring stands";
	l->why.code = r->rings.readable ? VS_REASON_KEYRING_ROLLBACK
	                                : VS_REASON_UNREADABLE;
	what.hash_whole = what.hash_whole && hash;
	for (int i = 0; i < r->rings.count; i++) {
		l->why.what = "could not be checked";
		l->why.code = VS_REASON_NONE;
		status = vs_boot_check(&from, &what, r->rings.at[i], &l->header,
		                       &l->proof, &l->why);
		l->epoch = r->rings.at[i]->version;
		if (!ring_refused(status, &l->why))
			break;
	}
	return status;
}

/* Judges one component and notes what was seen in it. */
static vs_status look(const struct run *r, int slot, int c, bool hash,
                      struct look *l)
{
	struct vs_boot_slot_view *view = &r->d->seen[slot];
	vs_status status = ask_rings(r, c, slot, hash, l);

	view->release_seq[c] = l->header.release_seq;
	view->security_version[c] = l->header.security_version;
	if (c == 0 || l->epoch < view->epoch)
		view->epoch = l->epoch;
	if (status == VS_OK || view->refused != VS_REASON_NONE)
		return status;
	view->refused = l->why.code ? l->why.code : VS_REASON_UNREADABLE;
	view->component = c;
	if (hash)
		say(r, l->why.what, c, slot, view->refused);
	return status;
}

/* Verifies all components of a slot.  After a refusal the others are only
 * looked at, so that a person sees the whole set.
 */
static uint32_t judge(struct run *r, int slot)
{
	volatile uint32_t verdict = VS_VERDICT_DENY;
	struct look l;

	r->first.due = (uint32_t)r->count;
	r->first.done = 0;
	for (int c = 0; c < r->count; c++) {
		bool hash = r->first.done == (uint32_t)c;
		vs_status status = look(r, slot, c, hash, &l);

		r->d->header[c] = l.header;
		if (status == VS_OK && hash && vs_boot_proven(&l.proof))
			r->first.done++;
	}
	if (vs_boot_proven(&r->first) &&
	    r->d->seen[slot].refused == VS_REASON_NONE)
		verdict = VS_VERDICT_BOOT;
	return verdict;
}

/* Judges a slot by its headers only, for the decision's reader. */
static void glance(const struct run *r, int slot, vs_reason refused)
{
	struct look l;

	r->d->seen[slot].refused = refused;
	for (int c = 0; c < r->count; c++)
		(void)look(r, slot, c, false, &l);
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
static int choose(struct run *r)
{
	int chosen = -1;

	for (int i = 0; i < VS_SLOTS; i++) {
		int slot = r->rec.slot ^ i;
		vs_reason refused = passed_over(r, slot);

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

static vs_status raise_floor(struct run *r, int slot, int c)
{
	uint32_t to = r->d->header[c].security_version;
	uint32_t floor = 0;

	if (r->ops->floor_get(r->ops->ctx, c, &floor) != VS_OK)
		return VS_ERR_IO;
	if (floor >= to)
		return VS_OK;
	if (r->ops->floor_raise(r->ops->ctx, c, to) != VS_OK)
		return VS_ERR_IO;
	r->d->floor_raised = true;
	look_again(r, !slot, c, to);
	say(r, "floor raised", c, slot, VS_REASON_NONE);
	return VS_OK;
}

/* Keyrings older than the one behind this slot are revoked. */
static vs_status raise_epoch(struct run *r, int slot)
{
	struct vs_boot_slot_view *other = &r->d->seen[!slot];
	uint32_t to = r->d->seen[slot].epoch;

	if (!r->ops->keyring || to <= r->rings.epoch ||
	    !vs_rings_kept(r->built_in, r->d, to))
		return VS_OK;
	if (r->ops->floor_raise(r->ops->ctx, VS_BOOT_EPOCH, to) != VS_OK)
		return VS_ERR_IO;
	r->d->floor_raised = true;
	r->d->epoch_floor = to;
	if (other->refused == VS_REASON_NONE && other->epoch < to)
		other->refused = VS_REASON_KEYRING_ROLLBACK;
	say(r, "epoch raised", 0, slot, VS_REASON_NONE);
	return VS_OK;
}

static vs_status raise_floors(struct run *r, int slot)
{
	vs_status status = VS_OK;

	if (!r->rec.raise_floor || r->rec.slots[slot].state != VS_SLOT_GOOD)
		return VS_OK;
	for (int c = 0; c < r->count && status == VS_OK; c++)
		status = raise_floor(r, slot, c);
	if (status == VS_OK)
		status = raise_epoch(r, slot);
	if (status != VS_OK)
		return status;
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

/* The second look, from the keyrings on: the same headers must be signed by
 * the same keyring still.  Images are not hashed again.
 */
static void look_twice(struct run *r, int slot)
{
	struct look l;

	r->again.due = (uint32_t)r->count;
	r->again.done = 0;
	vs_rings_load(r->ops, r->built_in, r->scratch, &r->rings, r->d);
	for (int c = 0; c < r->count; c++) {
		vs_status status = ask_rings(r, c, slot, false, &l);

		if (status == VS_OK && vs_boot_proven(&l.proof) &&
		    l.epoch >= r->d->seen[slot].epoch &&
		    vs_seal_header_equal(&l.header, &r->d->header[c]))
			r->again.done++;
	}
}

/* The last look: at what will start, not at how it was chosen. */
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
	    r->rec.slot == slot && vs_boot_proven(&r->first) &&
	    vs_boot_proven(&r->again))
		verdict = VS_VERDICT_BOOT;
	return verdict;
}

static vs_status start(struct run *r, int slot, enum vs_reset_cause cause)
{
	volatile uint32_t first = VS_VERDICT_DENY;
	volatile uint32_t second = VS_VERDICT_DENY;
	vs_status status;

	look_twice(r, slot);
	if (!vs_boot_proven(&r->again))
		return VS_ERR_IO;
	status = raise_floors(r, slot);
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
	r->d->keyring_version = r->d->seen[slot].epoch;
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
		.built_in = ring,
		.scratch = scratch,
		.d = d,
	};
	int slot;

	memset(d, 0, sizeof(*d));
	d->verdict = VS_VERDICT_DENY;
	d->slot = -1;
	d->cause = cause;
	if (count < 1 || count > VS_BOOT_COMPONENTS_MAX)
		return VS_ERR_LIMIT;
	vs_rings_load(ops, ring, scratch, &r.rings, d);
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

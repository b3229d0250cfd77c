/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/record.c - the boot record's 512 bytes, its two copies, its moves.
 *
 * One value has one encoding, and the copy in force is never written to.
 */
#include "boot/record.h"

#include "boot/crc.h"
#include "seal/bytes.h"

enum {
	AT_MAGIC = 0,
	AT_VERSION = 8,
	AT_SEQ = 12,
	AT_SLOT = 16,
	AT_LAST_RESET = 17,
	AT_RAISE_FLOOR = 18,
	AT_SLOTS = 20, /* 4 bytes each: state, tries, reason */
	SLOT_BYTES = 4,
	AT_END = AT_SLOTS + VS_SLOTS * SLOT_BYTES,
	AT_CRC = VS_RECORD_LEN - 4,
	COPIES = 2,
};

static const uint8_t magic[8] = {'V', 'S', 'B', 'O', 'O', 'T', 'R', 'C'};

#define RECORD_VERSION 1

void vs_record_encode(const struct vs_record *in,
                      uint8_t out[static VS_RECORD_LEN])
{
	memset(out, 0, VS_RECORD_LEN);
	memcpy(out + AT_MAGIC, magic, sizeof(magic));
	put16(out + AT_VERSION, RECORD_VERSION);
	put32(out + AT_SEQ, in->seq);
	out[AT_SLOT] = in->slot;
	out[AT_LAST_RESET] = in->last_reset;
	out[AT_RAISE_FLOOR] = in->raise_floor;
	for (int i = 0; i < VS_SLOTS; i++) {
		uint8_t *slot = out + AT_SLOTS + i * SLOT_BYTES;

		slot[0] = in->slots[i].state;
		slot[1] = in->slots[i].tries;
		put16(slot + 2, in->slots[i].reason);
	}
	put32(out + AT_CRC, vs_crc32(out, AT_CRC));
}

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

/* Tries belong to TRIAL and reasons to BAD: one encoding for each value. */
static vs_status decode_slot(const uint8_t *in, int i, struct vs_record *out,
                             struct vs_why *why)
{
	size_t at = AT_SLOTS + (size_t)i * SLOT_BYTES;
	uint8_t state = in[at];
	uint8_t tries = in[at + 1];
	uint16_t reason = get16(in + at + 2);

	if (state > VS_SLOT_BAD)
		return malformed(why, "unknown slot state", at);
	if (tries > (state == VS_SLOT_TRIAL ? VS_TRIES_MAX : 0))
		return malformed(why, "tries out of range", at + 1);
	if (reason != 0 && state != VS_SLOT_BAD)
		return malformed(why, "reason in a slot that is not bad",
		                 at + 2);
	out->slots[i].state = state;
	out->slots[i].tries = tries;
	out->slots[i].reason = reason;
	return VS_OK;
}

static vs_status decode_frame(const uint8_t *in, struct vs_why *why)
{
	if (memcmp(in + AT_MAGIC, magic, sizeof(magic)) != 0)
		return malformed(why, "not a boot record", AT_MAGIC);
	if (get32(in + AT_CRC) != vs_crc32(in, AT_CRC))
		return malformed(why, "checksum does not match", AT_CRC);
	if (get16(in + AT_VERSION) != RECORD_VERSION)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "unknown record version", AT_VERSION);
	if (get16(in + AT_VERSION + 2) != 0 || in[AT_RAISE_FLOOR + 1] != 0)
		return malformed(why, "reserved byte is not zero",
		                 AT_VERSION + 2);
	for (size_t i = AT_END; i < AT_CRC; i++)
		if (in[i] != 0)
			return malformed(why, "reserved byte is not zero", i);
	return VS_OK;
}

vs_status vs_record_decode(const uint8_t in[static VS_RECORD_LEN],
                           struct vs_record *out, struct vs_why *why)
{
	vs_status status = decode_frame(in, why);

	memset(out, 0, sizeof(*out));
	if (status != VS_OK)
		return status;
	if (in[AT_SLOT] >= VS_SLOTS)
		return malformed(why, "no such slot", AT_SLOT);
	if (in[AT_LAST_RESET] > VS_RESET_CRASH)
		return malformed(why, "unknown reset cause", AT_LAST_RESET);
	if (in[AT_RAISE_FLOOR] > 1)
		return malformed(why, "raise_floor is not 0 or 1",
		                 AT_RAISE_FLOOR);
	out->seq = get32(in + AT_SEQ);
	out->slot = in[AT_SLOT];
	out->last_reset = in[AT_LAST_RESET];
	out->raise_floor = in[AT_RAISE_FLOOR];
	for (int i = 0; i < VS_SLOTS && status == VS_OK; i++)
		status = decode_slot(in, i, out, why);
	return status;
}

/* Finds the copy in force: 0 or 1, or -1 if there is none. */
static int find_in_force(const struct vs_record_ops *at,
                         struct vs_record *in_force)
{
	uint8_t raw[VS_RECORD_LEN];
	struct vs_record rec;
	int found = -1;

	for (int copy = 0; copy < COPIES; copy++) {
		/* A copy that cannot be read is a copy that is not valid. */
		if (at->read(at->ctx, copy, raw) != VS_OK)
			continue;
		if (vs_record_decode(raw, &rec, NULL) != VS_OK)
			continue;
		/* RFC 1982: newer if less than half the circle ahead. */
		if (found < 0 || (int32_t)(rec.seq - in_force->seq) > 0) {
			*in_force = rec;
			found = copy;
		}
	}
	return found;
}

vs_status vs_record_load(const struct vs_record_ops *at, struct vs_record *rec)
{
	struct vs_record in_force;

	memset(rec, 0, sizeof(*rec));
	if (find_in_force(at, &in_force) < 0)
		return VS_ERR_ABSENT;
	*rec = in_force;
	return VS_OK;
}

vs_status vs_record_store(const struct vs_record_ops *at, struct vs_record *rec)
{
	uint8_t raw[VS_RECORD_LEN];
	uint8_t back[VS_RECORD_LEN];
	struct vs_record next = *rec;
	struct vs_record in_force;
	int copy = find_in_force(at, &in_force);

	next.seq = copy < 0 ? rec->seq + 1 : in_force.seq + 1;
	copy = copy == 0 ? 1 : 0;
	vs_record_encode(&next, raw);
	if (vs_record_decode(raw, &in_force, NULL) != VS_OK)
		return VS_ERR_INPUT;
	if (at->write(at->ctx, copy, raw) != VS_OK)
		return VS_ERR_IO;
	/* Storage that only says it wrote would give endless tries. */
	if (at->read(at->ctx, copy, back) != VS_OK ||
	    memcmp(raw, back, sizeof(raw)) != 0)
		return VS_ERR_IO;
	*rec = next;
	return VS_OK;
}

static void set_slot(struct vs_record *rec, int slot, uint8_t state,
                     uint8_t tries, uint16_t reason)
{
	rec->slots[slot].state = state;
	rec->slots[slot].tries = tries;
	rec->slots[slot].reason = reason;
}

static bool is_slot(int slot)
{
	return slot >= 0 && slot < VS_SLOTS;
}

vs_status vs_record_begin(struct vs_record *rec, int slot)
{
	/* Only next to a slot that is GOOD, or nothing would be left. */
	if (!is_slot(slot) || rec->slot == slot ||
	    rec->slots[!slot].state != VS_SLOT_GOOD)
		return VS_ERR_STATE;
	set_slot(rec, slot, VS_SLOT_EMPTY, 0, 0);
	return VS_OK;
}

vs_status vs_record_arm(struct vs_record *rec, int slot, int tries)
{
	if (!is_slot(slot) || rec->slots[slot].state != VS_SLOT_EMPTY ||
	    tries < 1 || tries > VS_TRIES_MAX)
		return VS_ERR_STATE;
	set_slot(rec, slot, VS_SLOT_TRIAL, (uint8_t)tries, 0);
	rec->slot = (uint8_t)slot;
	return VS_OK;
}

vs_status vs_record_confirm(struct vs_record *rec, int slot)
{
	if (!is_slot(slot) || rec->slot != slot)
		return VS_ERR_STATE;
	if (rec->slots[slot].state == VS_SLOT_GOOD)
		return VS_OK;
	if (rec->slots[slot].state != VS_SLOT_TRIAL)
		return VS_ERR_STATE;
	set_slot(rec, slot, VS_SLOT_GOOD, 0, 0);
	rec->raise_floor = 1;
	return VS_OK;
}

vs_status vs_record_renew(struct vs_record *rec, int slot)
{
	if (!is_slot(slot) || rec->slot != slot ||
	    rec->slots[slot].state != VS_SLOT_GOOD)
		return VS_ERR_STATE;
	rec->raise_floor = 1;
	return VS_OK;
}

static bool may_boot(const struct vs_record *rec, int slot)
{
	return rec->slots[slot].state == VS_SLOT_GOOD ||
	       (rec->slots[slot].state == VS_SLOT_TRIAL &&
	        rec->slots[slot].tries > 0);
}

vs_status vs_record_give_up(struct vs_record *rec, int slot, vs_reason reason)
{
	if (!is_slot(slot) || !may_boot(rec, !slot))
		return VS_ERR_STATE;
	if (rec->slots[slot].state == VS_SLOT_BAD)
		return rec->slot == slot ? VS_ERR_STATE : VS_OK;
	if (rec->slots[slot].state == VS_SLOT_EMPTY)
		return VS_ERR_STATE;
	/* A floor that was to rise with this slot must not rise. */
	if (rec->slot == slot && rec->slots[slot].state == VS_SLOT_GOOD)
		rec->raise_floor = 0;
	set_slot(rec, slot, VS_SLOT_BAD, 0, (uint16_t)reason);
	rec->slot = (uint8_t)!slot;
	return VS_OK;
}

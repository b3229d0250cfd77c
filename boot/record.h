/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/record.h - which slot boots next, kept safe across power cuts.
 *
 * The record lives twice, one copy per erase sector; the newer valid copy
 * wins.  A store never touches the copy in force, so a power cut at any
 * instant leaves either the old record or the new one.  The record needs no
 * secrecy and no signature: it can only choose among slots that verify.
 *
 * Format: docs/formats/boot-record.md, version 1.
 * Freestanding: no heap, no stdio, no globals.
 */
#ifndef VS_BOOT_RECORD_H
#define VS_BOOT_RECORD_H

#include "base/status.h"

#define VS_RECORD_LEN 512
#define VS_SLOTS 2
#define VS_TRIES_MAX 7

enum vs_slot_state {
	VS_SLOT_EMPTY = 0, /* nothing to boot, or being written */
	VS_SLOT_TRIAL,     /* tries boots are left to prove itself */
	VS_SLOT_GOOD,      /* the agent has vouched for it */
	VS_SLOT_BAD,       /* given up; reason says why */
};

/* Why the machine last started, as far as the platform can tell. */
enum vs_reset_cause {
	VS_RESET_UNKNOWN = 0,
	VS_RESET_POWER,    /* power came back: burns no try */
	VS_RESET_REQUEST,  /* the agent asked for it */
	VS_RESET_WATCHDOG, /* the system hung */
	VS_RESET_CRASH,    /* the system fell over */
};

struct vs_record {
	uint32_t seq; /* serial number; vs_record_store() sets it */
	uint8_t slot; /* 0 or 1: the slot to boot first */
	struct {
		uint8_t state;   /* enum vs_slot_state */
		uint8_t tries;   /* boots left in TRIAL, 0..VS_TRIES_MAX */
		uint16_t reason; /* vs_reason, if BAD */
	} slots[VS_SLOTS];
	uint8_t last_reset;  /* enum vs_reset_cause */
	uint8_t raise_floor; /* 1: confirmed; the next boot raises the floor */
};

/* Where the two copies live.  Every call is all or nothing only for reads;
 * a write that is cut may leave any bytes in that one copy.
 */
struct vs_record_ops {
	void *ctx;
	vs_status (*read)(void *ctx, int copy,
	                  uint8_t out[static VS_RECORD_LEN]);
	/* Writes and makes durable before it returns VS_OK. */
	vs_status (*write)(void *ctx, int copy,
	                   const uint8_t in[static VS_RECORD_LEN]);
};

void vs_record_encode(const struct vs_record *in,
                      uint8_t out[static VS_RECORD_LEN]);

/* VS_OK; VS_ERR_INPUT (checksum, range, reserved bytes). */
vs_status vs_record_decode(const uint8_t in[static VS_RECORD_LEN],
                           struct vs_record *out,
                           struct vs_why *why) VS_MUST_CHECK;

/* VS_OK; VS_ERR_ABSENT if neither copy is valid, with *rec all zero. */
vs_status vs_record_load(const struct vs_record_ops *at,
                         struct vs_record *rec) VS_MUST_CHECK;

/* Makes *rec the record in force and sets rec->seq.
 *
 * VS_OK; VS_ERR_IO if the write failed - then the old record or the new one
 * is in force, whole, and vs_record_load() tells which; VS_ERR_INPUT if *rec
 * has a value out of range, with nothing written.
 */
vs_status vs_record_store(const struct vs_record_ops *at,
                          struct vs_record *rec) VS_MUST_CHECK;

/* The moves the agent makes; pure, the caller stores the result.
 * begin:   the other slot is about to be written: EMPTY, never bootable.
 * arm:     it is written and verified: TRIAL with tries, boots next.
 * confirm: the running slot is GOOD; the floor may rise at the next boot.
 * renew:   the running slot, GOOD already, is vouched for under a keyring that
 *          was just stored; the epoch may rise at the next boot.
 * give_up: the running slot is BAD for reason; the other one boots next.
 *
 * begin needs the other slot, which boots first, to be GOOD; arm needs EMPTY;
 * confirm needs TRIAL in the slot that boots first, renew needs GOOD there;
 * give_up needs another slot that may boot.  begin, confirm and give_up of a
 * slot that is there already are VS_OK and change nothing; arm is not, for that
 * would be new tries. VS_ERR_STATE if the slot is not in a state that allows
 * it, *rec unchanged.
 */
vs_status vs_record_begin(struct vs_record *rec, int slot) VS_MUST_CHECK;
vs_status vs_record_arm(struct vs_record *rec, int slot,
                        int tries) VS_MUST_CHECK;
vs_status vs_record_confirm(struct vs_record *rec, int slot) VS_MUST_CHECK;
vs_status vs_record_renew(struct vs_record *rec, int slot) VS_MUST_CHECK;
vs_status vs_record_give_up(struct vs_record *rec, int slot,
                            vs_reason reason) VS_MUST_CHECK;

#endif

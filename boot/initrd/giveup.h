/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/initrd/giveup.h - tells the loader that a slot did not come up.
 *
 * A GOOD slot has no tries that could run out, so a machine whose root file
 * system cannot be mounted would start it for ever.  So what fails here makes
 * its slot BAD: the loader takes the other one, or recovery, which repairs.
 *
 * Format: docs/formats/boot-record.md, docs/formats/loader.md section 2.
 */
#ifndef VS_BOOT_INITRD_GIVEUP_H
#define VS_BOOT_INITRD_GIVEUP_H

#include "base/status.h"
#include "boot/record.h"

#define VS_GIVEUP_WORD_AT 8192
#define VS_GIVEUP_WORD_LEN 16

/* Makes slot BAD for reason in *rec; the other one boots first if it may.
 * VS_OK; VS_ERR_STATE if it is BAD already: *rec unchanged.
 */
vs_status vs_giveup_slot(struct vs_record *rec, int slot,
                         vs_reason reason) VS_MUST_CHECK;

/* The word that a system leaves before it resets the machine. */
void vs_giveup_word(enum vs_reset_cause cause,
                    uint8_t out[static VS_GIVEUP_WORD_LEN]);

/* Both, on the record's partition, an open file; durable when it returns.
 * slot -1: the word alone.  The word is written even if the record cannot be.
 * VS_OK; VS_ERR_ABSENT: neither copy of the record is valid; VS_ERR_STATE;
 * VS_ERR_IO.
 */
vs_status vs_giveup_write(int fd, int slot, vs_reason reason) VS_MUST_CHECK;

#endif

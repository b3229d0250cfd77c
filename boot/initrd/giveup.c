/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/initrd/giveup.c - the record's move, and the reset's cause.
 */
#include "boot/initrd/giveup.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>

#include "boot/crc.h"
#include "seal/bytes.h"

enum { COPY_LEN = 4096, CAUSE_AT = 8, CRC_AT = 12 };

vs_status vs_giveup_slot(struct vs_record *rec, int slot, vs_reason reason)
{
	if (rec->slots[slot].state == VS_SLOT_BAD)
		return VS_ERR_STATE;
	if (vs_record_give_up(rec, slot, reason) == VS_OK)
		return VS_OK;
	rec->slots[slot].state = VS_SLOT_BAD;
	rec->slots[slot].tries = 0;
	rec->slots[slot].reason = (uint16_t)reason;
	return VS_OK;
}

void vs_giveup_word(enum vs_reset_cause cause,
                    uint8_t out[static VS_GIVEUP_WORD_LEN])
{
	memset(out, 0, VS_GIVEUP_WORD_LEN);
	memcpy(out, "VSRESET1", CAUSE_AT);
	out[CAUSE_AT] = (uint8_t)cause;
	put32(out + CRC_AT, vs_crc32(out, CRC_AT));
}

static vs_status put(int fd, off_t at, const uint8_t *in, size_t len)
{
	while (len > 0) {
		ssize_t n = pwrite(fd, in, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return VS_ERR_IO;
		in += n;
		at += n;
		len -= (size_t)n;
	}
	return fsync(fd) == 0 ? VS_OK : VS_ERR_IO;
}

static vs_status read_copy(void *ctx, int copy,
                           uint8_t out[static VS_RECORD_LEN])
{
	const int *fd = ctx;
	ssize_t n = pread(*fd, out, VS_RECORD_LEN, (off_t)copy * COPY_LEN);

	return n == VS_RECORD_LEN ? VS_OK : VS_ERR_IO;
}

static vs_status write_copy(void *ctx, int copy,
                            const uint8_t in[static VS_RECORD_LEN])
{
	const int *fd = ctx;

	return put(*fd, (off_t)copy * COPY_LEN, in, VS_RECORD_LEN);
}

vs_status vs_giveup_write(int fd, int slot, vs_reason reason)
{
	const struct vs_record_ops ops = {&fd, read_copy, write_copy};
	uint8_t word[VS_GIVEUP_WORD_LEN];
	struct vs_record rec;
	vs_status status = VS_OK;

	if (slot >= 0) {
		status = vs_record_load(&ops, &rec);
		if (status == VS_OK)
			status = vs_giveup_slot(&rec, slot, reason);
		if (status == VS_OK)
			status = vs_record_store(&ops, &rec);
	}
	vs_giveup_word(VS_RESET_CRASH, word);
	if (put(fd, VS_GIVEUP_WORD_AT, word, sizeof(word)) != VS_OK)
		return VS_ERR_IO;
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/uefi_update.c - plays the agent of a machine that is killed.
 *
 * usage: update RECORD SLOT FROM TO FROM TO
 * SLOT (a or b) is the one that runs.  On trial, it is confirmed.  Good, the
 * other one is written: each FROM's bytes, footer last, then it is armed.
 * Steps and their order are docs/formats/boot-record.md's, the moves the
 * product's own.  Linked with a libc, statically, for the machine's initrd.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "boot/record.h"

enum { SECTOR = 4096, FOOTER = 16384, PIECE = 1 << 20, TRIES = 2 };

static int record_fd;

static vs_status record_read(void *ctx, int copy, uint8_t out[VS_RECORD_LEN])
{
	(void)ctx;
	return pread(record_fd, out, VS_RECORD_LEN, (off_t)copy * SECTOR) ==
	                       VS_RECORD_LEN
	               ? VS_OK
	               : VS_ERR_IO;
}

static vs_status record_write(void *ctx, int copy,
                              const uint8_t in[VS_RECORD_LEN])
{
	(void)ctx;
	if (pwrite(record_fd, in, VS_RECORD_LEN, (off_t)copy * SECTOR) !=
	            VS_RECORD_LEN ||
	    fsync(record_fd) != 0)
		return VS_ERR_IO;
	return VS_OK;
}

static const struct vs_record_ops ops = {NULL, record_read, record_write};

static int say(const char *what)
{
	printf("guest: %s\n", what);
	fflush(stdout);
	return 0;
}

static int fail(const char *what)
{
	say(what);
	return 1;
}

/* Bytes at..end of one device to the other; durable. */
static int copy_part(int from, int to, off_t at, off_t end)
{
	static char piece[PIECE];

	while (at < end) {
		size_t want = end - at < PIECE ? (size_t)(end - at) : PIECE;
		ssize_t got = pread(from, piece, want, at);

		if (got <= 0 || pwrite(to, piece, (size_t)got, at) != got)
			return -1;
		at += got;
	}
	return fsync(to);
}

static int copy_slot(const char *from_path, const char *to_path)
{
	static const char none[FOOTER];
	int from = open(from_path, O_RDONLY);
	int to = open(to_path, O_RDWR);
	off_t len = lseek(from, 0, SEEK_END);
	int bad;

	if (from < 0 || to < 0 || len < FOOTER)
		return -1;
	bad = pwrite(to, none, FOOTER, len - FOOTER) != FOOTER ||
	      fsync(to) != 0 || copy_part(from, to, 0, len - FOOTER) != 0 ||
	      copy_part(from, to, len - FOOTER, len) != 0;
	close(from);
	close(to);
	return bad;
}

static int update(struct vs_record *rec, int other, char **words)
{
	if (vs_record_begin(rec, other) != VS_OK ||
	    vs_record_store(&ops, rec) != VS_OK)
		return fail("update: cannot begin");
	say("update: begun");
	if (copy_slot(words[0], words[1]) != 0)
		return fail("update: cannot write the first slot");
	say("update: half");
	if (copy_slot(words[2], words[3]) != 0)
		return fail("update: cannot write the second slot");
	say("update: written");
	if (vs_record_arm(rec, other, TRIES) != VS_OK ||
	    vs_record_store(&ops, rec) != VS_OK)
		return fail("update: cannot arm");
	return say("update: armed");
}

int main(int argc, char **argv)
{
	struct vs_record rec;
	int slot;

	if (argc != 7)
		return fail("update: bad arguments");
	slot = argv[2][0] == 'b';
	record_fd = open(argv[1], O_RDWR);
	if (record_fd < 0 || vs_record_load(&ops, &rec) != VS_OK)
		return fail("update: no record");
	if (rec.slots[slot].state != VS_SLOT_TRIAL)
		return update(&rec, !slot, argv + 3);
	if (vs_record_confirm(&rec, slot) != VS_OK ||
	    vs_record_store(&ops, &rec) != VS_OK)
		return fail("update: cannot confirm");
	return say("update: confirmed");
}

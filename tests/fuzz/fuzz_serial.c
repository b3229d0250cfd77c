/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_serial.c - whatever a line says, a question ends, with an
 * answer that stood there or without; and a frame has one encoding.
 */
#include <assert.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/controllers/serial.h"
#include "boot/crc.h"
#include "seal/bytes.h"

enum { NUMBER = 7, TYPE = 1, LINE_MAX = 4096 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Feeds a piece and its zero.  True if a frame came of it. */
static bool feed(struct vs_frame *f, const uint8_t *in, size_t len)
{
	uint8_t wire[VS_SERIAL_WIRE_MAX];

	for (size_t i = 0; i < len; i++)
		assert(!vs_frame_feed(f, in[i]));
	if (!vs_frame_feed(f, 0))
		return false;
	assert(f->len >= VS_FRAME_HEAD + VS_FRAME_CRC);
	assert(f->len <= VS_FRAME_MAX);
	assert(get32(f->bytes + f->len - VS_FRAME_CRC) ==
	       vs_crc32(f->bytes, f->len - VS_FRAME_CRC));
	assert(vs_serial_stuff(f->bytes, f->len, wire) == len + 1);
	assert(memcmp(wire, in, len) == 0);
	return true;
}

/* Whether a piece of the line is a frame that answers the question. */
static bool answers(const uint8_t *data, size_t size)
{
	struct vs_frame f = {.len = 0};
	size_t from = 0;
	bool found = false;

	for (size_t i = 0; i < size; i++) {
		if (data[i] != 0)
			continue;
		found = (feed(&f, data + from, i - from) && f.bytes[0] == 1 &&
		         f.bytes[1] == (TYPE | 0x80) &&
		         get16(f.bytes + 2) == NUMBER && f.len > 8) ||
		        found;
		from = i + 1;
	}
	return found;
}

/* Head and payload as any bytes: must come back as they are. */
static void there_and_back(const uint8_t *in, size_t len)
{
	uint8_t frame[VS_FRAME_MAX], wire[VS_SERIAL_WIRE_MAX];
	struct vs_frame f = {.len = 0};
	size_t wire_len;

	if (len < VS_FRAME_HEAD || len > VS_FRAME_MAX - VS_FRAME_CRC)
		return;
	memcpy(frame, in, len);
	len = vs_frame_seal(frame, len);
	wire_len = vs_serial_stuff(frame, len, wire);
	assert(wire_len <= sizeof(wire) && wire[wire_len - 1] == 0);
	assert(feed(&f, wire, wire_len - 1));
	assert(f.len == len && memcmp(f.bytes, frame, len) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct vs_serial_answer answer;
	struct vs_serial s;
	int ends[2];

	there_and_back(data, size);
	if (size > LINE_MAX)
		return 0;
	assert(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0);
	assert(vs_serial_init(&s, ends[1]) == VS_OK);
	assert(write(ends[0], data, size) == (ssize_t)size);
	assert(shutdown(ends[0], SHUT_WR) == 0);
	s.number = NUMBER - 1;
	s.attempts = 1;
	if (vs_serial_ask(&s, TYPE, NULL, 0, &answer) == VS_OK) {
		assert(answers(data, size));
		assert(answer.body == s.in.bytes + VS_FRAME_HEAD + 1);
		assert(answer.len + VS_FRAME_HEAD + 1 + VS_FRAME_CRC ==
		       s.in.len);
	} else {
		assert(!answers(data, size));
	}
	vs_serial_close(&s);
	close(ends[0]);
	return 0;
}

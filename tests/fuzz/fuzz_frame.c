/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_frame.c - a serial frame that is taken has one encoding, and
 * what was sent arrives.
 *
 * The input is a line's bytes; then its first half sealed as a frame, with the
 * second half xored over what is on the line, so that checksums hold.
 */
#include <assert.h>
#include <string.h>

#include "boot/port/cortexm/frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { LINE_MAX = 2 * VS_FRAME_MAX };

static uint8_t line[LINE_MAX];
static size_t line_len;

static void put(uint8_t byte)
{
	assert(line_len < sizeof(line));
	line[line_len++] = byte;
}

/* Takes bytes; each frame in them must be what its own bytes would give. */
static int take(const uint8_t *bytes, size_t len, struct vs_frame *f)
{
	size_t begin = 0;
	int taken = 0;

	memset(f, 0, sizeof(*f));
	for (size_t i = 0; i < len; i++) {
		if (vs_frame_feed(f, bytes[i])) {
			assert(f->len <= VS_FRAME_MAX);
			line_len = 0;
			vs_frame_send(f->bytes, f->len, put);
			assert(line_len == i + 1 - begin);
			assert(memcmp(line, bytes + begin, line_len) == 0);
			taken++;
		}
		if (bytes[i] == 0)
			begin = i + 1;
	}
	return taken;
}

static void send(const uint8_t *data, size_t len, uint8_t *out, size_t *out_len)
{
	uint8_t raw[VS_FRAME_MAX];

	memcpy(raw, data, len);
	line_len = 0;
	vs_frame_send(raw, vs_frame_seal(raw, len), put);
	memcpy(out, line, line_len);
	*out_len = line_len;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vs_frame f;
	uint8_t sent[LINE_MAX];
	size_t len = 0;
	size_t half = size / 2;

	if (size < 2 * VS_FRAME_HEAD || size > 4 * VS_FRAME_MAX)
		return 0;
	(void)take(data, size, &f);
	if (half > VS_FRAME_HEAD + VS_FRAME_PAYLOAD_MAX)
		half = VS_FRAME_HEAD + VS_FRAME_PAYLOAD_MAX;
	send(data, half, sent, &len);
	assert(take(sent, len, &f) == 1);
	assert(f.len == half + VS_FRAME_CRC);
	assert(memcmp(f.bytes, data, half) == 0);
	for (size_t i = 0; i < len && half + i < size; i++)
		sent[i] ^= data[half + i];
	(void)take(sent, len, &f);
	return 0;
}

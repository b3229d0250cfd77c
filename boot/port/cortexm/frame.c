/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/cortexm/frame.c - consistent overhead byte stuffing and a CRC.
 *
 * A code says how many bytes follow before the next zero; 255 stands for 254
 * of them and no zero.
 */
#include "boot/port/cortexm/frame.h"

#include "boot/crc.h"
#include "seal/bytes.h"

enum { CODE_FULL = 255 };

static void append(struct vs_frame *f, uint8_t byte)
{
	if (f->len < sizeof(f->bytes))
		f->bytes[f->len++] = byte;
	else
		f->spoilt = true;
}

static bool whole(const struct vs_frame *f)
{
	/* An empty group behind a full one would be a second encoding. */
	if (f->spoilt || f->idle || f->left != 0 ||
	    f->len < VS_FRAME_HEAD + VS_FRAME_CRC)
		return false;
	return get32(f->bytes + f->len - VS_FRAME_CRC) ==
	       vs_crc32(f->bytes, f->len - VS_FRAME_CRC);
}

static void next_group(struct vs_frame *f, uint8_t code)
{
	f->idle = f->code == CODE_FULL && code == 1;
	if (f->code != 0 && f->code != CODE_FULL)
		append(f, 0);
	f->code = code;
	f->left = (uint8_t)(code - 1);
}

bool vs_frame_feed(struct vs_frame *f, uint8_t byte)
{
	bool good;

	if (f->code == 0) {
		f->len = 0;
		f->spoilt = false;
		f->idle = false;
	}
	if (byte == 0) {
		good = whole(f);
		f->code = 0;
		f->left = 0;
		return good;
	}
	if (f->left == 0) {
		next_group(f, byte);
	} else {
		f->left--;
		append(f, byte);
	}
	return false;
}

size_t vs_frame_seal(uint8_t *out, size_t len)
{
	put32(out + len, vs_crc32(out, len));
	return len + VS_FRAME_CRC;
}

/* How many bytes from in on are not zero, 254 at most. */
static size_t run_of(const uint8_t *in, size_t len)
{
	size_t n = 0;

	while (n < len && n < CODE_FULL - 1 && in[n] != 0)
		n++;
	return n;
}

void vs_frame_send(const uint8_t *in, size_t len, void (*put)(uint8_t byte))
{
	bool more = true;

	while (more) {
		size_t n = run_of(in, len);

		put((uint8_t)(n + 1));
		for (size_t i = 0; i < n; i++)
			put(in[i]);
		in += n;
		len -= n;
		more = len > 0;
		if (more && n < CODE_FULL - 1) {
			in++; /* the zero that the code stands for */
			len--;
		}
	}
	put(0);
}

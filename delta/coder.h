/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/coder.h - one arithmetic coder, the same code for both ways.
 *
 * vs_coder_bit() takes the bit when it encodes and gives it when it decodes;
 * whoever models the bits calls it in the same order on both sides.  So maker
 * and applier share all that stands above this file, and cannot differ.
 *
 * A fault is kept until the end: after it every bit is 0, and status says so.
 * Integers only: the same bytes on any machine.
 */
#ifndef VS_DELTA_CODER_H
#define VS_DELTA_CODER_H

#include "base/status.h"

#define VS_CODER_BUFFER 4096

struct vs_coder {
	bool encode;
	uint32_t low, high; /* both inclusive; low <= high */
	uint32_t code;      /* decoding: the four bytes at hand */
	/* Encoding: takes len bytes.  Decoding: gives 1..len bytes, or
	 * VS_ERR_ABSENT at the end. */
	vs_status (*write)(void *ctx, const uint8_t *in, size_t len);
	vs_status (*read)(void *ctx, uint8_t *out, size_t len, size_t *got);
	void *ctx;
	vs_status status; /* VS_ERR_INPUT: the coded bytes ended early */
	uint64_t *meter;  /* kept; adds what bits cost, in 1/65536; or NULL */
	size_t at, end;   /* in buffer */
	uint8_t buffer[VS_CODER_BUFFER];
};

/* Borrows ctx until the end. */
void vs_coder_encode_init(struct vs_coder *c,
                          vs_status (*write)(void *ctx, const uint8_t *in,
                                             size_t len),
                          void *ctx);
void vs_coder_decode_init(struct vs_coder *c,
                          vs_status (*read)(void *ctx, uint8_t *out, size_t len,
                                            size_t *got),
                          void *ctx);

/* One bit; one is how probable a 1 is, of 65536, from 1 to 65535. */
unsigned vs_coder_bit(struct vs_coder *c, unsigned bit, uint32_t one);

/* Encoding: writes what is left.  Gives c->status. */
vs_status vs_coder_finish(struct vs_coder *c) VS_MUST_CHECK;

#endif

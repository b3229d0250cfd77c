/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/coder.c - a carryless range coder of 32 bits.
 */
#include "delta/coder.h"

static void put(struct vs_coder *c, uint8_t byte)
{
	if (c->at == sizeof(c->buffer)) {
		if (c->status == VS_OK)
			c->status = c->write(c->ctx, c->buffer, c->at);
		c->at = 0;
	}
	c->buffer[c->at++] = byte;
}

static uint8_t get(struct vs_coder *c)
{
	if (c->at == c->end && c->status == VS_OK) {
		c->at = c->end = 0;
		c->status =
			c->read(c->ctx, c->buffer, sizeof(c->buffer), &c->end);
		if (c->status == VS_ERR_ABSENT)
			c->status = VS_ERR_INPUT;
	}
	return c->status == VS_OK ? c->buffer[c->at++] : 0;
}

void vs_coder_encode_init(struct vs_coder *c,
                          vs_status (*write)(void *ctx, const uint8_t *in,
                                             size_t len),
                          void *ctx)
{
	c->encode = true;
	c->low = 0;
	c->high = UINT32_MAX;
	c->code = 0;
	c->write = write;
	c->read = NULL;
	c->ctx = ctx;
	c->status = VS_OK;
	c->meter = NULL;
	c->at = c->end = 0;
}

void vs_coder_decode_init(struct vs_coder *c,
                          vs_status (*read)(void *ctx, uint8_t *out, size_t len,
                                            size_t *got),
                          void *ctx)
{
	vs_coder_encode_init(c, NULL, ctx);
	c->encode = false;
	c->read = read;
	for (int i = 0; i < 4; i++)
		c->code = c->code << 8 | get(c);
}

/* Minus the logarithm of p / 65536 to the base 2, in 1/65536. */
static uint32_t cost_of(uint32_t p)
{
	uint32_t shift = 0, fraction = 0;

	while (p < 32768) {
		p <<= 1;
		shift++;
	}
	for (int i = 0; i < 16; i++) {
		p = (uint32_t)((uint64_t)p * p >> 15);
		fraction = fraction << 1 | p >> 16;
		p >>= p >> 16;
	}
	return (shift + 1) * 65536 - fraction;
}

unsigned vs_coder_bit(struct vs_coder *c, unsigned bit, uint32_t one)
{
	uint32_t range = c->high - c->low;
	uint32_t middle = c->low + (uint32_t)((uint64_t)range * one >> 16);

	if (!c->encode)
		bit = c->status == VS_OK && c->code <= middle;
	if (c->meter)
		*c->meter += cost_of(bit ? one : 65536 - one);
	if (bit)
		c->high = middle;
	else
		c->low = middle + 1;
	while ((c->low ^ c->high) >> 24 == 0) {
		if (c->encode)
			put(c, (uint8_t)(c->high >> 24));
		else
			c->code = c->code << 8 | get(c);
		c->low <<= 8;
		c->high = c->high << 8 | 255;
	}
	return bit;
}

vs_status vs_coder_finish(struct vs_coder *c)
{
	if (!c->encode)
		return c->status;
	for (int i = 0; i < 4; i++) {
		put(c, (uint8_t)(c->high >> 24));
		c->high <<= 8;
	}
	if (c->status == VS_OK)
		c->status = c->write(c->ctx, c->buffer, c->at);
	c->at = 0;
	return c->status;
}

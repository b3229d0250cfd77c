/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/unpack_turned.c - a decoder with a bug that a frame has found.
 *
 * It stands for seal/pack.c in voltseal-unpack, which is otherwise the real
 * one: its frames say which attack to try (a byte) and on what (a path).
 */
#include "seal/pack.h"

#include "tests/agent/attack.h"

struct vs_pack_decoder {
	int nothing;
};

vs_status vs_pack_decoder_new(struct vs_pack_decoder **out)
{
	static struct vs_pack_decoder decoder;

	*out = &decoder;
	return VS_OK;
}

vs_status vs_pack_decode(struct vs_pack_decoder *d, const uint8_t *frame,
                         size_t len, uint8_t *out, size_t want,
                         struct vs_why *why)
{
	(void)d;
	(void)why;
	(void)len;
	(void)want;
	out[0] = (uint8_t)attack_try((enum attack)frame[0],
	                             (const char *)frame + 1);
	return VS_OK;
}

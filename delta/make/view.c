/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/view.c - blanks and labels over operands.
 */
#include "delta/make/view.h"

#include <stdlib.h>
#include <string.h>

struct work {
	struct vs_operands operands;
	uint8_t window[VS_WINDOW_BEFORE + VS_DELTA_BLOCK + VS_WINDOW_AFTER];
};

/* The operand's bits are all 0 in *low and all 1 in *high: what differs. */
static void bits_of(const struct vs_operand *o, const uint8_t *bytes,
                    uint8_t *mask)
{
	struct vs_operand same = *o;
	uint8_t low[8], high[8];

	memcpy(low, bytes, o->len);
	memcpy(high, bytes, o->len);
	same.detail = o->kind == VS_OPERAND_CALL ||
	                              o->kind == VS_OPERAND_JUMP ||
	                              o->kind == VS_OPERAND_DATA
	                      ? 0
	                      : o->detail;
	vs_operand_put(&same, 0, 0, 0, low);
	for (size_t i = 0; i < o->len; i++)
		mask[i] = 0xff;
	if (o->kind == VS_OPERAND_BRANCH || o->kind == VS_OPERAND_PAGE ||
	    o->kind == VS_OPERAND_LOW || o->kind >= VS_OPERAND_THUMB) {
		/* by example: which bits some target sets */
		memset(mask, 0, o->len);
		for (unsigned bit = 0; bit < 34; bit++) {
			memcpy(high, bytes, o->len);
			vs_operand_put(&same, 0, 0, UINT64_C(1) << bit, high);
			for (size_t i = 0; i < o->len; i++)
				mask[i] |= low[i] ^ high[i];
		}
	}
}

static uint64_t label(const struct vs_operand *o, const struct vs_pair *pair,
                      bool is_new)
{
	static const struct vs_cover nowhere = {0, 0, 0};
	enum vs_source_of source;
	uint64_t target = o->target, base = o->base;

	if (!is_new) {
		target = vs_pair_translate(pair, &nowhere, target, &source);
		if (o->kind == VS_OPERAND_SIZE64 ||
		    o->kind == VS_OPERAND_SIZE32)
			base = vs_pair_translate(pair, &nowhere, base, &source);
	}
	if (o->kind == VS_OPERAND_SIZE64 || o->kind == VS_OPERAND_SIZE32)
		target -= base;
	return (target + 1) * UINT64_C(0x9e3779b97f4a7c15) >> 24;
}

static void cover_up(struct work *w, const struct vs_pair *pair, bool is_new,
                     uint32_t from, uint8_t *out, size_t room)
{
	for (size_t i = 0; i < w->operands.count; i++) {
		const struct vs_operand *o = &w->operands.list[i];
		uint64_t mark = pair ? label(o, pair, is_new) : 0;
		uint8_t mask[8];

		if (o->place < from || o->place + o->len > room)
			continue;
		bits_of(o, out + o->place, mask);
		for (size_t k = 0; k < o->len; k++) {
			uint8_t *byte = &out[o->place + k];

			*byte = (uint8_t)((*byte & ~mask[k]) |
			                  ((uint8_t)(mark >> 8 * (k & 3)) &
			                   mask[k]));
		}
	}
}

vs_status vs_view_make(const struct vs_old *file, const struct vs_elf *elf,
                       const struct vs_frames *frames,
                       const struct vs_pair *pair, bool is_new, uint8_t *out)
{
	struct work *w = malloc(sizeof(*w));
	vs_status status = w ? VS_OK : VS_ERR_NOMEM;

	for (uint64_t at = 0; status == VS_OK && at < file->len;
	     at += VS_DELTA_BLOCK) {
		uint32_t from = (uint32_t)at;
		uint32_t first = vs_window_first(elf, from);
		const struct vs_window window = {w->window, first,
		                                 from - first + VS_DELTA_BLOCK +
		                                         VS_WINDOW_AFTER,
		                                 from, from + VS_DELTA_BLOCK};

		status = vs_old_read(file, first, w->window, window.len);
		if (status != VS_OK)
			break;
		vs_operands_find(&w->operands, &window, elf, frames);
		cover_up(w, pair, is_new, from, out, file->len);
	}
	free(w);
	return status;
}

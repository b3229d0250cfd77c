/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/delta_spent.c - blocks' bits, handed out to names.
 */
#include "sign/delta_spent.h"

#include <stdlib.h>
#include <string.h>

/* Behind the names' own rows. */
enum { the_rest, no_name, more_rows };

uint64_t vs_spent_bytes(uint64_t bits)
{
	return (bits + (1 << 18)) >> 19;
}

uint64_t vs_spent_sum(const uint64_t bits[static VS_SPENT_COUNT])
{
	uint64_t sum = 0;

	for (int k = 0; k < VS_SPENT_COUNT; k++)
		sum += bits[k];
	return vs_spent_bytes(sum);
}

/* The first piece that ends behind a place. */
static size_t piece_at(const struct vs_names *names, uint64_t at)
{
	size_t low = 0, high = names->piece_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (names->pieces[middle].at + names->pieces[middle].len <= at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* How much of a block is a piece's. */
static uint64_t share_of(const struct vs_name_piece *p, uint64_t block)
{
	uint64_t from = p->at > block ? p->at : block;
	uint64_t to = p->at + p->len < block + VS_DELTA_BLOCK
	                      ? p->at + p->len
	                      : block + VS_DELTA_BLOCK;

	return to > from ? to - from : 0;
}

const char *vs_names_at(const struct vs_names *names, uint32_t block)
{
	uint64_t at = (uint64_t)block * VS_DELTA_BLOCK;
	size_t i = piece_at(names, at);

	return i < names->piece_count && share_of(&names->pieces[i], at) > 0
	               ? names->list[names->pieces[i].name]
	               : NULL;
}

/* The last one gets what does not divide, and the block's padding. */
static void hand_out(const struct vs_names *names, uint64_t block,
                     const struct vs_spent *spent, struct vs_spent_row *rows)
{
	size_t first = piece_at(names, block), end = first;
	uint64_t all = 0, before = 0;

	while (end < names->piece_count &&
	       share_of(&names->pieces[end], block) > 0)
		all += share_of(&names->pieces[end++], block);
	for (size_t i = first; i < end; i++) {
		const struct vs_name_piece *p = &names->pieces[i];
		uint64_t after = before + share_of(p, block);

		for (int k = 0; k < VS_SPENT_COUNT; k++)
			rows[p->name].bits[k] += spent->bits[k] * after / all -
			                         spent->bits[k] * before / all;
		before = after;
	}
	for (int k = 0; k < VS_SPENT_COUNT && all == 0; k++)
		rows[names->count + no_name].bits[k] += spent->bits[k];
}

static int by_bits(const void *a, const void *b)
{
	const struct vs_spent_row *x = a, *y = b;
	uint64_t left = vs_spent_sum(x->bits), right = vs_spent_sum(y->bits);

	if (left != right)
		return left < right ? 1 : -1;
	return strcmp(x->name, y->name);
}

vs_status vs_spent_by_name(const struct vs_names *names,
                           const struct vs_layout *layout,
                           const struct vs_spent *blocks,
                           struct vs_spent_rows *out)
{
	struct vs_spent_row *rows =
		calloc(names->count + more_rows, sizeof(*rows));
	size_t count = 0;

	*out = (struct vs_spent_rows){rows, 0};
	if (!rows)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < names->count; i++)
		rows[i].name = names->list[i];
	rows[names->count + the_rest].name =
		"(where all that is no program comes from)";
	rows[names->count + no_name].name =
		names->count > 0 ? "(no file's)" : "(the image)";
	for (size_t s = 0; s < layout->segment_count; s++) {
		const struct vs_segment *g = &layout->segments[s];

		for (uint32_t b = g->at; b < g->at + g->count; b++) {
			struct vs_spent one = blocks[b];

			if (g->file == 0 && !layout->files[0].predicted) {
				rows[names->count + the_rest]
					.bits[VS_SPENT_COVERS] +=
					one.bits[VS_SPENT_COVERS];
				one.bits[VS_SPENT_COVERS] = 0;
			}
			hand_out(names, (uint64_t)b * VS_DELTA_BLOCK, &one,
			         rows);
		}
	}
	for (size_t i = 0; i < names->count + more_rows; i++)
		if (vs_spent_sum(rows[i].bits) > 0)
			rows[count++] = rows[i];
	out->count = count;
	if (count > 0)
		qsort(rows, count, sizeof(*rows), by_bits);
	return VS_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/prune.c - what a cover costs, against what its neighbours would.
 *
 * Costs are estimates, in half bits, found by trying.
 */
#include "delta/make/prune.h"

#define LITERAL 8
#define MISS 15
#define COVER_SAME 32
#define COVER_NEAR 56
#define COVER_FAR 80
#define LONG 1024 /* never dropped */
#define PASSES 3
#define AROUND 8 /* covers whose diagonals are cheap */

struct prune {
	const uint8_t *old, *new;
	size_t old_len, new_len;
	struct vs_cover *list;
	size_t count; /* kept so far */
};

static int64_t diagonal(const struct vs_cover *c)
{
	return (int64_t)c->from - c->at;
}

static size_t end_of(const struct vs_cover *c)
{
	return (size_t)c->at + c->len;
}

/* Half bits for [at, end) on a diagonal; NEVER if it leaves the old file. */
#define NEVER (INT64_MAX / 4)
static int64_t misses(const struct prune *p, int64_t shift, size_t at,
                      size_t end, int64_t max)
{
	int64_t cost = 0;

	if ((int64_t)at + shift < 0 ||
	    (int64_t)end + shift > (int64_t)p->old_len)
		return NEVER;
	for (size_t i = at; i < end && cost <= max; i++)
		if (p->new[i] != p->old[(int64_t)i + shift])
			cost += MISS;
	return cost;
}

static int64_t cover_cost(const struct prune *p, const struct vs_cover *c)
{
	int64_t nearest = INT64_MAX;

	for (size_t i = 1; i <= AROUND && i <= p->count; i++) {
		int64_t off = diagonal(&p->list[p->count - i]) - diagonal(c);

		if (off < 0)
			off = -off;
		if (off < nearest)
			nearest = off;
	}
	if (nearest == 0)
		return COVER_SAME;
	return nearest < 4096 ? COVER_NEAR : COVER_FAR;
}

/* What to do with a cover between the last one kept and the next. */
enum fate { KEEP, DROP, GROW_LAST, GROW_NEXT, JOIN };

static enum fate decide(const struct prune *p, const struct vs_cover *c,
                        const struct vs_cover *next)
{
	const struct vs_cover *last =
		p->count > 0 ? &p->list[p->count - 1] : NULL;
	size_t left = last ? end_of(last) : 0;
	int64_t gap = (int64_t)(c->at - left) * LITERAL;
	int64_t keep = cover_cost(p, c) +
	               misses(p, diagonal(c), c->at, end_of(c), NEVER);
	int64_t best = keep, cost;
	enum fate fate = KEEP;

	cost = (int64_t)c->len * LITERAL;
	if (cost < best) {
		best = cost;
		fate = DROP;
	}
	if (last) {
		cost = misses(p, diagonal(last), left, end_of(c), best + gap) -
		       gap;
		if (cost < best) {
			best = cost;
			fate = GROW_LAST;
		}
	}
	if (next) {
		int64_t between = (int64_t)(next->at - end_of(c)) * LITERAL;

		cost = misses(p, diagonal(next), c->at, next->at,
		              best + between) -
		       between;
		if (cost < best) {
			best = cost;
			fate = GROW_NEXT;
		}
		if (last && diagonal(last) == diagonal(next)) {
			cost = misses(p, diagonal(last), left, next->at,
			              best + gap + between + COVER_SAME) -
			       gap - between - COVER_SAME;
			if (cost < best)
				fate = JOIN;
		}
	}
	return fate;
}

static void pass(struct prune *p, size_t count)
{
	p->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct vs_cover c = p->list[i];
		struct vs_cover *next = i + 1 < count ? &p->list[i + 1] : NULL;
		struct vs_cover *last =
			p->count > 0 ? &p->list[p->count - 1] : NULL;
		enum fate fate = c.len >= LONG ? KEEP : decide(p, &c, next);

		if (fate == KEEP) {
			p->list[p->count++] = c;
		} else if (fate == GROW_LAST) {
			last->len = (uint32_t)(end_of(&c) - last->at);
		} else if (fate == GROW_NEXT) {
			uint32_t by = next->at - c.at;

			next->at -= by;
			next->from -= by;
			next->len += by;
		} else if (fate == JOIN) {
			last->len = (uint32_t)(end_of(next) - last->at);
			i++;
		}
	}
}

/* Neighbours on one diagonal with little between them are one cover. */
static void join(struct prune *p, size_t count)
{
	p->count = 0;
	for (size_t i = 0; i < count; i++) {
		struct vs_cover c = p->list[i];
		struct vs_cover *last =
			p->count > 0 ? &p->list[p->count - 1] : NULL;

		if (last && diagonal(last) == diagonal(&c)) {
			int64_t gap = (int64_t)(c.at - end_of(last)) * LITERAL;

			if (misses(p, diagonal(&c), end_of(last), c.at,
			           gap + COVER_SAME) <= gap + COVER_SAME) {
				last->len = (uint32_t)(end_of(&c) - last->at);
				continue;
			}
		}
		p->list[p->count++] = c;
	}
}

void vs_prune(const uint8_t *old, size_t old_len, const uint8_t *new,
              size_t new_len, struct vs_covers *covers)
{
	struct prune p = {old, new, old_len, new_len, covers->list, 0};

	for (int i = 0; i < PASSES; i++) {
		pass(&p, covers->count);
		covers->count = p.count;
		join(&p, covers->count);
		covers->count = p.count;
	}
}

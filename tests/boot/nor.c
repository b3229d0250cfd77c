/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/nor.c - NOR flash in memory whose power can be cut in any
 * operation.
 */
#include "tests/boot/nor.h"

#include <assert.h>
#include <string.h>

#include "boot/crc.h"
#include "seal/bytes.h"

enum { GRAIN = VS_FLASH_GRAIN };

static uint32_t rnd(struct nor *n)
{
	n->noise ^= n->noise << 13;
	n->noise ^= n->noise >> 17;
	n->noise ^= n->noise << 5;
	return n->noise;
}

static vs_status flash_read(void *ctx, uint32_t at, uint8_t *out, size_t len)
{
	const struct nor *n = ctx;

	assert(at + len <= n->sectors * n->flash.sector_len);
	if (n->dead)
		return VS_ERR_IO;
	memcpy(out, n->bytes + at, len);
	return VS_OK;
}

/* Which bits of byte i were not reached yet.  fate: 1 and 2 none, 3 any half,
 * 4 and 5 few, 6 and 7 all of the bytes after one of them.
 */
static uint8_t unreached(struct nor *n, uint32_t fate, size_t i, size_t end)
{
	if (fate < 3)
		return 0;
	if (fate == 3)
		return (uint8_t)(rnd(n) >> 9);
	if (fate < 6)
		return (uint8_t)(rnd(n) >> 9 & rnd(n) >> 7 & rnd(n) >> 11 &
		                 rnd(n) >> 5);
	return i < end ? 0 : 0xff;
}

/* What one 16-byte grain of a torn operation holds.  new is what it was to
 * hold; programming (erasing) may have cleared (set) some of the bits only.
 */
static void tear(struct nor *n, uint32_t at, const uint8_t *new, bool erase)
{
	uint8_t *p = n->bytes + at;
	uint32_t fate = rnd(n) >> 5 & 7;
	size_t end = 1 + rnd(n) % (GRAIN - 1);

	if (fate == 0)
		return; /* not reached */
	for (size_t i = 0; i < GRAIN; i++) {
		uint8_t mask = unreached(n, fate, i, end);

		p[i] = erase ? (new[i] & (uint8_t)~mask) | (p[i] & mask)
		             : new[i] | (p[i] & mask);
	}
	n->used[at / GRAIN] = true; /* even if it looks erased */
}

/* Does count grains from at, or what a cut leaves of them. */
static vs_status operate(struct nor *n, uint32_t at, const uint8_t *in,
                         size_t count, bool erase)
{
	uint8_t ones[GRAIN];
	bool cut = n->ops++ == n->cut_at;
	size_t whole = !cut || n->way == NOR_DONE ? count
	               : n->way == NOR_HALF       ? count / 2
	                                          : 0;

	memset(ones, 0xff, sizeof(ones));
	for (size_t i = 0; i < count; i++) {
		const uint8_t *new = erase ? ones : in + i *GRAIN;
		uint32_t to = at + (uint32_t)(i * GRAIN);

		if (i < whole) {
			memcpy(n->bytes + to, new, GRAIN);
			n->used[to / GRAIN] = !erase;
		} else if (n->way >= NOR_TORN) {
			tear(n, to, new, erase);
		}
	}
	n->dead = cut;
	return cut ? VS_ERR_IO : VS_OK;
}

static vs_status flash_program(void *ctx, uint32_t at, const uint8_t *in,
                               size_t len)
{
	struct nor *n = ctx;

	assert(at % GRAIN == 0 && len % GRAIN == 0 && len > 0);
	assert(at + len <= n->sectors * n->flash.sector_len);
	if (n->dead)
		return VS_ERR_IO;
	for (size_t i = 0; i < len; i++) {
		assert(!n->used[(at + i) / GRAIN]);
		assert(n->bytes[at + i] == 0xff);
	}
	return operate(n, at, in, len / GRAIN, false);
}

static vs_status flash_erase(void *ctx, uint32_t sector)
{
	struct nor *n = ctx;

	assert(sector < n->sectors);
	if (n->dead)
		return VS_ERR_IO;
	return operate(n, sector * n->flash.sector_len, NULL,
	               n->flash.sector_len / GRAIN, true);
}

void nor_init(struct nor *n, uint32_t sector_len, uint32_t sectors)
{
	assert(sector_len * sectors <= NOR_LEN_MAX);
	memset(n->used, 0, sizeof(n->used));
	memset(n->acked, 0, sizeof(n->acked));
	n->dead = false;
	n->ops = 0;
	n->flash = (struct vs_flash){n, sector_len, flash_read, flash_program,
	                             flash_erase};
	n->sectors = sectors;
	n->cut_at = -1;
	n->noise = 0x2545f491;
	memset(n->bytes, 0xff, (size_t)sector_len * sectors);
}

static void mend(uint8_t *at, size_t len)
{
	for (; len >= GRAIN; at += GRAIN, len -= GRAIN) {
		for (size_t i = 0; i < 4; i++)
			at[8 + i] = (uint8_t)~at[4 + i];
		put32(at + 12, vs_crc32(at, 12));
	}
}

void nor_fill(struct nor *n, uint32_t at, const uint8_t *in, size_t len)
{
	size_t room = n->flash.sector_len * n->sectors - at;
	size_t held = len < room ? len : room;

	if (held > 0)
		memcpy(n->bytes + at, in, held);
	if (len % 2 == 1)
		mend(n->bytes + at, held);
}

void nor_power_on(struct nor *n)
{
	n->dead = false;
	n->ops = 0;
	n->cut_at = -1;
}

void nor_copy(struct nor *to, const struct nor *from)
{
	size_t len = (size_t)from->sectors * from->flash.sector_len;

	to->sectors = from->sectors;
	to->flash = from->flash;
	to->flash.ctx = to;
	to->noise = from->noise;
	memcpy(to->bytes, from->bytes, len);
	memcpy(to->used, from->used, len / GRAIN);
	memcpy(to->acked, from->acked, sizeof(to->acked));
	nor_power_on(to);
}

/* From the last cut to the end. */
static void finish(struct story *s)
{
	bool ended;

	nor_power_on(s->nor);
	s->check(s, false);
	ended = s->run(s);
	assert(ended);
	(void)ended;
	s->check(s, true);
}

/* The second cuts in what follows a first one, which left what after holds. */
static void cut_again(struct story *s, const struct nor *after, int ways,
                      struct cuts *count)
{
	for (long then = 0;; then++)
		for (int way = 0; way < ways; way++) {
			nor_copy(s->nor, after);
			s->nor->cut_at = then;
			/* not begun, done, and two that are torn */
			s->nor->way = way == 0   ? NOR_NOT_BEGUN
			              : way == 1 ? NOR_DONE
			                         : NOR_TORN;
			s->nor->noise += (uint32_t)(way * 977 + then * 31);
			if (s->run(s))
				return;
			count->twice++;
			finish(s);
		}
}

void story_cut(struct story *s, int then_ways, struct cuts *count)
{
	static struct nor after;

	for (long at = 0;; at++)
		for (int way = 0; way < NOR_WAYS; way++) {
			s->begin(s);
			s->nor->cut_at = at;
			s->nor->way = way;
			s->nor->noise +=
				(uint32_t)(at * 16 + way) * 2654435761u;
			if (s->run(s))
				return;
			count->single++;
			nor_copy(&after, s->nor);
			finish(s);
			if (then_ways > 0)
				cut_again(s, &after, then_ways, count);
		}
}

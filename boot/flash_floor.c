/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/flash_floor.c - floors as words that are only ever added to flash.
 *
 * A sector leads if it is complete and holds the highest word of every number.
 * Only the one that does not lead is ever erased.
 */
#include "boot/flash_floor.h"

#include "boot/crc.h"
#include "seal/bytes.h"

enum {
	SECTORS = 2,
	WORD_LEN = VS_FLASH_GRAIN,
	MARK_FLOOR = 0x46,
	MARK_COMPLETE = 0x43,
	AT_NUMBER = 1,
	AT_VALUE = 4,
	AT_INVERSE = 8,
	AT_CRC = 12,
};

struct floors {
	unsigned mask; /* the numbers that have a floor */
	uint32_t value[VS_FLASH_FLOORS];
};

struct sector {
	struct floors floors;
	bool complete;
	uint32_t free; /* the first byte after all that was programmed */
};

struct store {
	struct sector sectors[SECTORS];
	struct floors floors; /* the highest of both */
	int leads;            /* -1: none */
};

static void encode(uint8_t *out, uint8_t mark, int number, uint32_t value)
{
	memset(out, 0, WORD_LEN);
	out[0] = mark;
	out[AT_NUMBER] = (uint8_t)number;
	put32(out + AT_VALUE, value);
	put32(out + AT_INVERSE, ~value);
	put32(out + AT_CRC, vs_crc32(out, AT_CRC));
}

/* Whether in is a word at all: its only encoding, with a known mark. */
static bool is_word(const uint8_t *in)
{
	uint8_t again[WORD_LEN];

	if (in[0] != MARK_FLOOR && in[0] != MARK_COMPLETE)
		return false;
	if (in[AT_NUMBER] >= VS_FLASH_FLOORS)
		return false;
	encode(again, in[0], in[AT_NUMBER], get32(in + AT_VALUE));
	return memcmp(again, in, WORD_LEN) == 0;
}

static void take(struct floors *f, int number, uint32_t value)
{
	if (!(f->mask >> number & 1) || f->value[number] < value)
		f->value[number] = value;
	f->mask |= 1u << number;
}

static void load_sector(const struct vs_flash *flash, uint32_t sector,
                        struct sector *out)
{
	uint32_t begin = sector * flash->sector_len;
	uint8_t word[WORD_LEN];

	memset(out, 0, sizeof(*out));
	for (uint32_t at = 0; at < flash->sector_len; at += WORD_LEN) {
		if (!vs_flash_is_blank(flash, begin + at))
			out->free = at + WORD_LEN;
		/* A word that a cut tore is no word, and stays as it is. */
		if (flash->read(flash->ctx, begin + at, word, WORD_LEN) !=
		            VS_OK ||
		    !is_word(word))
			continue;
		if (word[0] == MARK_COMPLETE)
			out->complete = true;
		else
			take(&out->floors, word[AT_NUMBER],
			     get32(word + AT_VALUE));
	}
}

static bool holds_all(const struct sector *s, const struct floors *all)
{
	for (int i = 0; i < VS_FLASH_FLOORS; i++)
		if ((all->mask >> i & 1) &&
		    (!(s->floors.mask >> i & 1) ||
		     s->floors.value[i] != all->value[i]))
			return false;
	return s->complete;
}

static void load(const struct vs_flash_part *at, struct store *out)
{
	memset(&out->floors, 0, sizeof(out->floors));
	out->leads = -1;
	for (uint32_t i = 0; i < SECTORS; i++) {
		load_sector(at->flash, at->first + i, &out->sectors[i]);
		for (int n = 0; n < VS_FLASH_FLOORS; n++)
			if (out->sectors[i].floors.mask >> n & 1)
				take(&out->floors, n,
				     out->sectors[i].floors.value[n]);
	}
	/* Of two that lead the one with more room. */
	for (int i = 0; i < SECTORS; i++)
		if (holds_all(&out->sectors[i], &out->floors) &&
		    (out->leads < 0 ||
		     out->sectors[i].free < out->sectors[out->leads].free))
			out->leads = i;
}

static vs_status add(const struct vs_flash_part *at, int sector, uint32_t where,
                     const uint8_t word[static WORD_LEN])
{
	uint32_t begin = (at->first + (uint32_t)sector) * at->flash->sector_len;

	return vs_flash_write(at->flash, begin + where, word, WORD_LEN);
}

/* Fills a blank sector with all floors, then marks it.  Gives where it ends. */
static vs_status fill(const struct vs_flash_part *at, int sector,
                      const struct floors *f, uint32_t *end)
{
	uint8_t word[WORD_LEN];
	vs_status status = VS_OK;

	*end = 0;
	for (int n = 0; n < VS_FLASH_FLOORS && status == VS_OK; n++) {
		if (!(f->mask >> n & 1))
			continue;
		encode(word, MARK_FLOOR, n, f->value[n]);
		status = add(at, sector, *end, word);
		*end += WORD_LEN;
	}
	if (status != VS_OK)
		return status;
	encode(word, MARK_COMPLETE, 0, 0);
	status = add(at, sector, *end, word);
	*end += WORD_LEN;
	return status;
}

vs_status vs_flash_floor_create(const struct vs_flash_part *at, unsigned mask,
                                const uint32_t values[static VS_FLASH_FLOORS])
{
	struct floors f = {.mask = mask & ((1u << VS_FLASH_FLOORS) - 1)};
	struct store s;
	uint32_t end;

	memcpy(f.value, values, sizeof(f.value));
	load(at, &s);
	if (s.sectors[0].free > 0 || s.sectors[1].free > 0)
		return VS_ERR_STATE;
	return fill(at, 0, &f, &end);
}

vs_status vs_flash_floor_get(const struct vs_flash_part *at, int number,
                             uint32_t *out)
{
	struct store s;

	load(at, &s);
	if (s.leads < 0 || number < 0 || number >= VS_FLASH_FLOORS ||
	    !(s.floors.mask >> number & 1))
		return VS_ERR_IO;
	*out = s.floors.value[number];
	return VS_OK;
}

vs_status vs_flash_floor_raise(const struct vs_flash_part *at, int number,
                               uint32_t to)
{
	uint8_t word[WORD_LEN];
	struct store s;
	uint32_t end;
	int sector;

	load(at, &s);
	if (s.leads < 0 || number < 0 || number >= VS_FLASH_FLOORS ||
	    !(s.floors.mask >> number & 1))
		return VS_ERR_IO;
	if (s.floors.value[number] >= to)
		return VS_OK;
	sector = s.leads;
	end = s.sectors[sector].free;
	if (end >= at->flash->sector_len) {
		sector = !sector;
		if (at->flash->erase(at->flash->ctx,
		                     at->first + (uint32_t)sector) != VS_OK ||
		    fill(at, sector, &s.floors, &end) != VS_OK)
			return VS_ERR_IO;
	}
	encode(word, MARK_FLOOR, number, to);
	return add(at, sector, end, word);
}

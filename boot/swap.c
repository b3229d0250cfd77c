/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/swap.c - two areas of flash change places, whatever the power does.
 *
 * The journal is a log over two sectors.  The newest entry is the valid one
 * with the highest serial number; only the sector it is not in is erased.
 */
#include "boot/swap.h"

#include "boot/crc.h"
#include "seal/bytes.h"

enum {
	JOURNALS = 2,
	ENTRY_LEN = VS_FLASH_GRAIN,
	AT_SERIAL = 0,
	AT_STATE = 4,
	AT_INVERSE = 8,
	AT_CRC = 12,
	PHASES = 3, /* primary to scratch, secondary to primary, and back */
};

#define SWAPPED (UINT32_C(1) << 31)
#define PENDING (UINT32_C(1) << 30)

static void encode(uint8_t *out, const struct vs_swap_state *s)
{
	uint32_t word = s->step | (s->swapped ? SWAPPED : 0) |
	                (s->pending ? PENDING : 0);

	put32(out + AT_SERIAL, s->serial);
	put32(out + AT_STATE, word);
	put32(out + AT_INVERSE, ~word);
	put32(out + AT_CRC, vs_crc32(out, AT_CRC));
}

/* False if in is no entry: torn, blank, with steps but nothing pending, or
 * with a step that would reach beyond the areas.
 */
static bool decode(const struct vs_swap *s, const uint8_t *in,
                   struct vs_swap_state *out)
{
	uint32_t word = get32(in + AT_STATE);

	if (get32(in + AT_INVERSE) != ~word ||
	    get32(in + AT_CRC) != vs_crc32(in, AT_CRC))
		return false;
	out->serial = get32(in + AT_SERIAL);
	out->swapped = word & SWAPPED;
	out->pending = word & PENDING;
	out->step = word & (PENDING - 1);
	if (out->serial == 0 || out->serial == UINT32_MAX)
		return false;
	return out->pending ? out->step < s->sectors * PHASES : out->step == 0;
}

/* Reads one sector of the journal into *out, if it has something newer. */
static void load_sector(const struct vs_swap *s, int sector,
                        struct vs_swap_state *out)
{
	uint32_t len = s->flash->sector_len;
	uint32_t begin = (s->journal + (uint32_t)sector) * len;
	uint8_t raw[ENTRY_LEN];
	struct vs_swap_state one = {0};
	uint32_t end = 0;
	bool newer = false;

	for (uint32_t at = 0; at < len; at += ENTRY_LEN) {
		if (!vs_flash_is_blank(s->flash, begin + at))
			end = at + ENTRY_LEN;
		if (s->flash->read(s->flash->ctx, begin + at, raw, ENTRY_LEN) !=
		            VS_OK ||
		    !decode(s, raw, &one) || one.serial <= out->serial)
			continue;
		*out = one;
		out->sector = sector;
		newer = true;
	}
	if (newer)
		out->at = end < len ? end : 0;
}

void vs_swap_load(const struct vs_swap *s, struct vs_swap_state *out)
{
	memset(out, 0, sizeof(*out));
	out->sector = 1; /* the first entry of all begins sector 0 */
	for (int sector = 0; sector < JOURNALS; sector++)
		load_sector(s, sector, out);
}

/* Makes *next the newest entry, and *state what it says. */
static vs_status journal(const struct vs_swap *s, struct vs_swap_state *state,
                         struct vs_swap_state next)
{
	uint32_t len = s->flash->sector_len;
	uint8_t raw[ENTRY_LEN];

	next.serial = state->serial + 1;
	next.sector = state->sector;
	next.at = state->at;
	if (next.at == 0) {
		next.sector = !state->sector;
		if (s->flash->erase(s->flash->ctx,
		                    s->journal + (uint32_t)next.sector) !=
		    VS_OK)
			return VS_ERR_IO;
	}
	encode(raw, &next);
	if (vs_flash_write(s->flash,
	                   (s->journal + (uint32_t)next.sector) * len + next.at,
	                   raw, ENTRY_LEN) != VS_OK)
		return VS_ERR_IO;
	next.at += ENTRY_LEN;
	if (next.at >= len)
		next.at = 0;
	*state = next;
	return VS_OK;
}

static vs_status do_step(const struct vs_swap *s, uint32_t step)
{
	uint32_t i = step / PHASES;

	switch (step % PHASES) {
	case 0:
		return vs_flash_copy(s->flash, s->primary + i, s->scratch);
	case 1:
		return vs_flash_copy(s->flash, s->secondary + i,
		                     s->primary + i);
	default:
		return vs_flash_copy(s->flash, s->scratch, s->secondary + i);
	}
}

vs_status vs_swap_resume(const struct vs_swap *s, struct vs_swap_state *state)
{
	struct vs_swap_state next;
	vs_status status = VS_OK;

	while (state->pending && status == VS_OK) {
		next = *state;
		status = do_step(s, state->step);
		if (status != VS_OK)
			return status;
		next.step++;
		if (next.step >= s->sectors * PHASES) {
			next.pending = false;
			next.step = 0;
		}
		status = journal(s, state, next);
	}
	return status;
}

vs_status vs_swap_bring(const struct vs_swap *s, struct vs_swap_state *state,
                        int slot)
{
	struct vs_swap_state next;
	vs_status status = vs_swap_resume(s, state);

	if (status != VS_OK || state->swapped == (slot == 1))
		return status;
	next = *state;
	next.swapped = slot == 1;
	next.pending = true;
	next.step = 0;
	status = journal(s, state, next);
	return status == VS_OK ? vs_swap_resume(s, state) : status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/repack.c - copies, raw bytes, packed units, tables.
 */
#include "delta/repack.h"

#include <stdlib.h>
#include <string.h>

vs_status vs_repack_init(struct vs_repack *r, const struct vs_old_image *image,
                         const struct vs_units *units, struct vs_walk *walk)
{
	*r = (struct vs_repack){.image = image, .units = units, .walk = walk};
	r->known = malloc((units->count + 1) * sizeof(*r->known));
	return r->known ? VS_OK : VS_ERR_NOMEM;
}

void vs_repack_drop(struct vs_repack *r)
{
	free(r->known);
	free(r->bytes);
	free(r->held);
	vs_packer_drop(&r->packer);
	*r = (struct vs_repack){0};
}

/* What the slices of a unit hold, one after another. */
static vs_status gather(struct vs_repack *r, const struct vs_unit *unit,
                        uint8_t *out)
{
	vs_status status = VS_OK;

	for (uint32_t i = 0; i < unit->slices && status == VS_OK; i++) {
		const struct vs_slice *s = &r->units->slices[unit->slice + i];

		for (uint32_t at = 0; at < s->len && status == VS_OK;
		     at += VS_DELTA_BLOCK) {
			uint32_t n = s->len - at < VS_DELTA_BLOCK
			                     ? s->len - at
			                     : VS_DELTA_BLOCK;

			status = vs_walk_block(r->walk, r->block);
			if (status == VS_OK && out)
				memcpy(out + s->place + at, r->block, n);
		}
	}
	return status;
}

static void remember(struct vs_repack *r, uint64_t len)
{
	r->known[r->known_count++] =
		(struct vs_squash_known){r->done, (uint32_t)len};
}

/* The buffers serve all packed units; tables have their own. */
static vs_status begin_packed(struct vs_repack *r, const struct vs_unit *unit)
{
	size_t room = VS_PACKED_ROOM(r->units->unit_max);
	vs_status status;

	if (!r->bytes)
		r->bytes = malloc(room);
	if (!r->held)
		r->held = malloc(room);
	if (!r->bytes || !r->held)
		return VS_ERR_NOMEM;
	status = gather(r, unit, r->held);
	if (status == VS_OK)
		status = vs_packer_pack(&r->packer,
		                        (enum vs_packing)r->units->packing,
		                        (int)r->units->level, r->held,
		                        unit->len, r->bytes, room, &r->end);
	if (status == VS_ERR_LIMIT)
		status = VS_ERR_INPUT;
	if (status != VS_OK)
		return status;
	r->packed_units++;
	r->packed_bytes += unit->len;
	r->at = 0;
	remember(r, r->end);
	return VS_OK;
}

static vs_status begin_tables(struct vs_repack *r, const struct vs_unit *unit)
{
	size_t room = (size_t)unit->len + unit->len / 256 + 4096;
	struct vs_squash s = {.block = r->units->block,
	                      .packing = (enum vs_packing)r->units->packing,
	                      .level = (int)r->units->level,
	                      .packer = &r->packer,
	                      .known = r->known,
	                      .known_count = r->known_count};
	vs_status status;

	/* the buffers for packed units are not needed at the same time */
	free(r->bytes);
	free(r->held);
	if (room < VS_PACKED_ROOM(r->units->unit_max))
		room = VS_PACKED_ROOM(r->units->unit_max);
	r->bytes = malloc(room);
	r->held = malloc(room);
	if (!r->bytes || !r->held)
		return VS_ERR_NOMEM;
	status = gather(r, unit, r->held);
	for (uint32_t i = 0; i < VS_TABLE_PARTS; i++) {
		const struct vs_slice *slice =
			&r->units->slices[unit->slice + i];

		s.parts[i] = r->held + slice->place;
		s.lens[i] = slice->len;
	}
	r->at = 0;
	if (status == VS_OK)
		status = vs_squash_pack(&s, r->done, r->bytes, room, &r->end);
	return status == VS_ERR_LIMIT ? VS_ERR_INPUT : status;
}

static vs_status begin(struct vs_repack *r)
{
	const struct vs_unit *unit;

	r->at = r->end = 0;
	if (r->unit == r->units->count)
		return VS_ERR_INPUT;
	unit = &r->units->list[r->unit++];
	switch (unit->kind) {
	case VS_UNIT_COPY:
		r->copy = unit->at;
		r->copy_left = unit->packed;
		/* its file's other blocks are predicted through it */
		return gather(r, unit, NULL);
	case VS_UNIT_RAW:
		r->slice = unit->slice;
		r->slices = unit->slices;
		r->slice_left = 0;
		remember(r, unit->len);
		return VS_OK;
	case VS_UNIT_PACKED:
		return begin_packed(r, unit);
	default:
		return begin_tables(r, unit);
	}
}

static size_t smaller(uint64_t a, size_t b)
{
	return a < b ? (size_t)a : b;
}

/* Some bytes of the unit at hand, at least one; *n is how many. */
static vs_status give(struct vs_repack *r, uint8_t *out, size_t len, size_t *n)
{
	vs_status status = VS_OK;

	*n = 0;
	if (r->copy_left > 0) {
		*n = smaller(r->copy_left, len);
		status = r->image->read(r->image->ctx, r->copy, out, *n);
		r->copy += *n;
		r->copy_left -= *n;
	} else if (r->at < r->end) {
		*n = smaller(r->end - r->at, len);
		memcpy(out, r->bytes + r->at, *n);
		r->at += *n;
	} else if (r->slice_left > 0) {
		uint32_t inside =
			(r->units->slices[r->slice].len - r->slice_left) %
			VS_DELTA_BLOCK;

		if (inside == 0)
			status = vs_walk_block(r->walk, r->block);
		*n = smaller(VS_DELTA_BLOCK - inside,
		             smaller(r->slice_left, len));
		if (status == VS_OK)
			memcpy(out, r->block + inside, *n);
		r->slice_left -= (uint32_t)*n;
		if (r->slice_left == 0) {
			r->slice++;
			r->slices--;
		}
	} else if (r->slices > 0) {
		r->slice_left = r->units->slices[r->slice].len;
	} else {
		status = begin(r);
	}
	return status;
}

vs_status vs_repack_next(struct vs_repack *r, uint8_t *out, size_t len)
{
	while (len > 0) {
		size_t n;
		vs_status status = give(r, out, len, &n);

		if (status != VS_OK)
			return status;
		r->done += n;
		out += n;
		len -= n;
	}
	return VS_OK;
}

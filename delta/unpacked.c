/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/unpacked.c - slices, units, and those at hand.
 */
#include "delta/unpacked.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_BYTES (UINT32_C(2) << 20)

/* The one at hand that was not used for longest. */
static struct vs_unpacked_unit *oldest(struct vs_unpacked *v)
{
	struct vs_unpacked_unit *best = &v->kept[0];

	for (size_t i = 1; i < v->keep; i++)
		if (v->kept[i].used < best->used)
			best = &v->kept[i];
	return best;
}

static vs_status read_packed(struct vs_unpacked *v, const struct vs_unit *unit,
                             uint8_t *out)
{
	return v->image->read(v->image->ctx, unit->at, out,
	                      (size_t)unit->packed);
}

static vs_status open_unit(struct vs_unpacked *v, uint32_t number,
                           const uint8_t **out)
{
	const struct vs_unit *unit = &v->units->list[number];
	struct vs_unpacked_unit *k;
	vs_status status;

	for (size_t i = 0; i < v->keep; i++)
		if (v->kept[i].unit == number + 1) {
			v->kept[i].used = ++v->clock;
			*out = v->kept[i].bytes;
			return VS_OK;
		}
	k = oldest(v);
	k->unit = 0;
	if (!k->bytes)
		k->bytes = malloc((size_t)v->units->unit_max + 1);
	if (!v->packed)
		v->packed = malloc((size_t)v->units->packed_max + 1);
	if (!k->bytes || !v->packed)
		return VS_ERR_NOMEM;
	status = read_packed(v, unit, v->packed);
	if (status == VS_OK)
		status = vs_packer_unpack(
			&v->packer, (enum vs_packing)v->units->packing,
			v->packed, (size_t)unit->packed, k->bytes, unit->len);
	if (status != VS_OK)
		return status;
	v->opened++;
	k->unit = number + 1;
	k->used = ++v->clock;
	*out = k->bytes;
	return VS_OK;
}

static vs_status open_tables(struct vs_unpacked *v, uint32_t number,
                             const uint8_t **out)
{
	const struct vs_unit *unit = &v->units->list[number];
	struct vs_squash s = {.block = v->units->block,
	                      .packing = (enum vs_packing)v->units->packing,
	                      .packer = &v->packer};
	uint8_t *packed;
	vs_status status;

	*out = v->tables;
	if (v->tables_unit == number + 1)
		return VS_OK;
	/* one is enough for any image; more of them is malice */
	if (v->tables)
		return VS_ERR_INPUT;
	packed = malloc((size_t)unit->packed + 1);
	v->tables = malloc((size_t)unit->len + 1);
	status = packed && v->tables ? read_packed(v, unit, packed)
	                             : VS_ERR_NOMEM;
	for (uint32_t i = 0; i < VS_TABLE_PARTS && status == VS_OK; i++) {
		const struct vs_slice *slice =
			&v->units->slices[unit->slice + i];

		s.parts[i] = v->tables + slice->place;
		s.lens[i] = slice->len;
	}
	if (status == VS_OK)
		status = vs_squash_unpack(&s, packed, (size_t)unit->packed);
	free(packed);
	if (status != VS_OK)
		return status;
	v->tables_unit = number + 1;
	*out = v->tables;
	return VS_OK;
}

/* Bytes of one slice. */
static vs_status read_slice(struct vs_unpacked *v, const struct vs_slice *s,
                            uint32_t from, uint8_t *out, size_t len)
{
	const struct vs_unit *unit = &v->units->list[s->unit];
	const uint8_t *bytes = NULL;
	vs_status status;

	if (unit->kind == VS_UNIT_FILE)
		return vs_packed_read(&v->files, unit->at, from, out, len);
	if (unit->kind == VS_UNIT_RAW)
		return v->image->read(v->image->ctx, unit->at + s->place + from,
		                      out, len);
	status = unit->kind == VS_UNIT_PACKED ? open_unit(v, s->unit, &bytes)
	                                      : open_tables(v, s->unit, &bytes);
	if (status == VS_OK)
		memcpy(out, bytes + s->place + from, len);
	return status;
}

static vs_status read_view(void *ctx, uint64_t at, void *out, size_t len)
{
	struct vs_unpacked *v = ctx;
	uint8_t *to = out;

	while (len > 0) {
		const struct vs_slice *s = vs_units_find(
			v->units, (uint32_t)(at / VS_DELTA_BLOCK));
		uint32_t from = (uint32_t)(at % VS_DELTA_BLOCK);
		size_t step = VS_DELTA_BLOCK - from;
		vs_status status = VS_OK;
		size_t real = 0;

		if (s) {
			from += ((uint32_t)(at / VS_DELTA_BLOCK) - s->at) *
			        VS_DELTA_BLOCK;
			real = from < s->len ? s->len - from : 0;
			/* more than a block, if the slice has it */
			if (step < real)
				step = real;
		}
		if (step > len)
			step = len;
		if (real > step)
			real = step;
		if (real > 0)
			status = read_slice(v, s, from, to, real);
		if (status != VS_OK)
			return status;
		memset(to + real, 0, step - real);
		to += step;
		at += step;
		len -= step;
	}
	return VS_OK;
}

void vs_unpacked_init(struct vs_unpacked *v, const struct vs_old_image *image,
                      const struct vs_units *units, struct vs_old_image *out)
{
	*v = (struct vs_unpacked){
		.image = image, .units = units, .files = {.image = image}};
	v->keep = KEPT_BYTES / (units->unit_max + 1);
	if (v->keep < 2)
		v->keep = 2;
	if (v->keep > VS_UNPACKED_KEPT)
		v->keep = VS_UNPACKED_KEPT;
	*out = (struct vs_old_image){
		v, (uint64_t)units->blocks * VS_DELTA_BLOCK, read_view};
}

void vs_unpacked_drop(struct vs_unpacked *v)
{
	for (size_t i = 0; i < VS_UNPACKED_KEPT; i++)
		free(v->kept[i].bytes);
	free(v->packed);
	free(v->tables);
	vs_packed_drop(&v->files);
	vs_packer_drop(&v->packer);
	*v = (struct vs_unpacked){0};
}

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

void vs_repack_help(struct vs_repack *r, const struct vs_delta_helper *helper)
{
	enum vs_packing packing = (enum vs_packing)r->units->packing;

	if (r->units->unit_max <= vs_packing_helped_max(packing))
		r->helper = helper;
}

static void tools_drop(struct vs_repack_tools *t)
{
	vs_packer_drop(&t->packer);
	vs_cluster_packer_drop(&t->clusters);
}

void vs_repack_drop(struct vs_repack *r)
{
	if (r->helper)
		r->helper->await(r->helper->ctx, 0);
	for (size_t i = 0; i < VS_REPACK_AHEAD; i++) {
		free(r->ahead[i].bytes);
		free(r->ahead[i].held);
	}
	free(r->known);
	free(r->bytes);
	free(r->seen);
	free(r->fixed);
	tools_drop(&r->tools);
	tools_drop(&r->helpers);
	*r = (struct vs_repack){0};
}

/* What a slice holds; out NULL: the walk goes over it. */
static vs_status gather_slice(struct vs_repack *r, const struct vs_slice *s,
                              uint8_t *out)
{
	vs_status status = VS_OK;

	for (uint32_t at = 0; at < s->len && status == VS_OK;
	     at += VS_DELTA_BLOCK) {
		uint32_t n = s->len - at < VS_DELTA_BLOCK ? s->len - at
		                                          : VS_DELTA_BLOCK;

		status = vs_walk_blocks(r->walk, r->block, 1);
		if (status == VS_OK && out)
			memcpy(out + at, r->block, n);
	}
	return status;
}

/* What the slices of a unit hold, one after another. */
static vs_status gather(struct vs_repack *r, const struct vs_unit *unit,
                        uint8_t *out)
{
	vs_status status = VS_OK;

	for (uint32_t i = 0; i < unit->slices && status == VS_OK; i++) {
		const struct vs_slice *s = &r->units->slices[unit->slice + i];

		status = gather_slice(r, s, out ? out + s->place : NULL);
	}
	return status;
}

/* In the helper, or not. */
static void pack(void *arg)
{
	struct vs_repack_unit *u = arg;

	if (u->batch.len > 0)
		u->status = vs_batch_pack(&u->tools->clusters, &u->batch,
		                          u->bytes, &u->end);
	else
		u->status = vs_packer_pack(
			&u->tools->packer, (enum vs_packing)u->units->packing,
			(int)u->units->level, u->held, u->len, u->bytes,
			VS_PACKED_ROOM(u->len), &u->end);
	if (u->status == VS_ERR_LIMIT)
		u->status = VS_ERR_INPUT;
}

/* Where two are not done yet, this thread is the one with less to do. */
static void have_packed(struct vs_repack *r, struct vs_repack_unit *u)
{
	const struct vs_delta_helper *helper = r->helper;

	u->units = r->units;
	u->helped = helper && helper->busy(helper->ctx) < 2;
	u->tools = u->helped ? &r->helpers : &r->tools;
	if (u->helped)
		helper->give(helper->ctx, pack, u);
	else
		pack(u);
}

/* Memory for what it holds (0: nothing), and for its bytes. */
static vs_status hold(struct vs_repack *r, struct vs_repack_unit *u,
                      size_t held, size_t bytes)
{
	u->cost = held + bytes;
	r->cost += u->cost;
	r->count_held++;
	u->bytes = malloc(bytes);
	if (held > 0)
		u->held = malloc(held);
	return u->bytes && (u->held || held == 0) ? VS_OK : VS_ERR_NOMEM;
}

/* The walk passes a unit. */
static vs_status pass_unit(struct vs_repack *r, const struct vs_unit *unit,
                           struct vs_repack_unit *u)
{
	bool packed = unit->kind == VS_UNIT_PACKED;
	vs_status status;

	u->len = unit->len;
	if (unit->kind == VS_UNIT_COPY) {
		u->copy = unit->at;
		u->copy_len = unit->packed;
		/* its file's other blocks are predicted through it */
		return gather(r, unit, NULL);
	}
	u->begins = true;
	u->end = unit->len;
	status = hold(r, u, packed ? unit->len : 0, VS_PACKED_ROOM(unit->len));
	if (status == VS_OK)
		status = gather(r, unit, packed ? u->held : u->bytes);
	if (status == VS_OK && packed)
		have_packed(r, u);
	return status;
}

static uint32_t looks_ahead(const struct vs_repack *r)
{
	return r->units->ahead * VS_CLUSTER_AHEAD;
}

/* The bytes of a file's fixes come before the file. */
static vs_status enter_file(struct vs_repack *r, const struct vs_unit *unit)
{
	const struct vs_slice *slices = &r->units->slices[unit->slice];
	uint32_t fixed = unit->slices > 1 ? slices[0].len : 0;

	free(r->fixed);
	r->fixed = malloc((size_t)fixed + 1);
	if (!r->seen)
		r->seen = malloc((size_t)looks_ahead(r) + VS_DELTA_BLOCK);
	if (!r->fixed || !r->seen)
		return VS_ERR_NOMEM;
	r->batch = unit->batch;
	r->batches = unit->batches;
	r->file_left = unit->len - fixed;
	r->seen_len = r->fixed_at = 0;
	return fixed > 0 ? gather_slice(r, &slices[0], r->fixed) : VS_OK;
}

/* The file's next bytes: at least so many, or all that are left. */
static vs_status see(struct vs_repack *r, size_t want, uint8_t *out,
                     size_t *out_len)
{
	size_t len = r->seen_len;
	vs_status status = VS_OK;

	memcpy(out, r->seen, len);
	while (len < want && r->file_left > 0 && status == VS_OK) {
		uint32_t n = r->file_left < VS_DELTA_BLOCK ? r->file_left
		                                           : VS_DELTA_BLOCK;

		status = vs_walk_blocks(r->walk, r->block, 1);
		memcpy(out + len, r->block, n);
		len += n;
		r->file_left -= n;
	}
	*out_len = len;
	return status;
}

/* The walk passes a batch, and what is looked at behind it. */
static vs_status pass_batch(struct vs_repack *r, struct vs_repack_unit *u)
{
	const struct vs_batch *s = &r->units->batches[r->batch];
	struct vs_batch_job job = {.level = (int)r->units->level,
	                           .room = r->units->block,
	                           .ahead = looks_ahead(r),
	                           .len = s->len,
	                           .fixes = r->units->fixes + s->fix,
	                           .fix_count = s->fixes};
	size_t fixed = vs_batch_fixed(job.fixes, job.fix_count);
	size_t want = (size_t)s->len + job.ahead, got;
	vs_status status =
		hold(r, u, fixed + want + VS_DELTA_BLOCK, vs_batch_room(&job));

	if (status != VS_OK)
		return status;
	memcpy(u->held, r->fixed + r->fixed_at, fixed);
	status = see(r, want, u->held + fixed, &got);
	if (status != VS_OK)
		return status;
	r->fixed_at += fixed;
	r->seen_len = got - s->len;
	memcpy(r->seen, u->held + fixed + s->len, r->seen_len);
	r->batch++;
	r->batches--;
	job.fixed = u->held;
	job.in = u->held + fixed;
	job.seen = r->seen_len;
	u->batch = job;
	u->len = s->len;
	have_packed(r, u);
	return VS_OK;
}

/* Whether the walk may pass the next unit before its bytes are asked for.
 * What it knows to be wrong comes after what was right.
 */
static bool goes_ahead(const struct vs_repack *r)
{
	const struct vs_unit *next = &r->units->list[r->unit];

	if (r->status != VS_OK ||
	    r->count == (r->helper ? VS_REPACK_AHEAD : 1) ||
	    r->count_held == (r->helper ? VS_REPACK_HELD : 1) ||
	    r->cost >= VS_REPACK_BYTES)
		return false;
	if (r->batches > 0)
		return true;
	if (r->unit == r->units->count)
		return false;
	return next->kind == VS_UNIT_COPY || next->kind == VS_UNIT_PACKED ||
	       next->kind == VS_UNIT_FILE ||
	       (next->kind == VS_UNIT_RAW && next->len <= r->units->unit_max);
}

static vs_status pass(struct vs_repack *r, struct vs_repack_unit *u)
{
	const struct vs_unit *unit = &r->units->list[r->unit];
	vs_status status = VS_OK;

	*u = (struct vs_repack_unit){0};
	if (r->batches == 0) {
		r->unit++;
		if (unit->kind != VS_UNIT_FILE)
			return pass_unit(r, unit, u);
		u->begins = true;
		status = enter_file(r, unit);
	}
	return status == VS_OK ? pass_batch(r, u) : status;
}

static void go_ahead(struct vs_repack *r)
{
	while (goes_ahead(r)) {
		struct vs_repack_unit *u =
			&r->ahead[(r->first + r->count) % VS_REPACK_AHEAD];

		r->status = pass(r, u);
		if (r->status == VS_OK)
			r->count++;
	}
}

static void remember(struct vs_repack *r, uint64_t len)
{
	r->known[r->known_count++] =
		(struct vs_squash_known){r->done, (uint32_t)len};
}

/* The first of those that were passed is to be given. */
static vs_status begin_passed(struct vs_repack *r)
{
	struct vs_repack_unit *u = &r->ahead[r->first];
	unsigned behind = 0;
	vs_status status;

	for (size_t i = 1; i < r->count; i++)
		behind += r->ahead[(r->first + i) % VS_REPACK_AHEAD].helped;
	if (u->helped)
		r->helper->await(r->helper->ctx, behind);
	r->first = (r->first + 1) % VS_REPACK_AHEAD;
	r->count--;
	r->copy = u->copy;
	r->copy_left = u->copy_len;
	status = u->status;
	if (u->bytes) {
		free(r->bytes);
		r->bytes = u->bytes;
		r->end = u->end;
		r->cost -= u->cost;
		r->count_held--;
		if (u->begins)
			remember(r, r->end);
	}
	free(u->held);
	u->bytes = u->held = NULL;
	return status;
}

static vs_status begin_tables(struct vs_repack *r, const struct vs_unit *unit)
{
	size_t room = (size_t)unit->len + unit->len / 256 + 4096;
	struct vs_squash s = {.block = r->units->block,
	                      .packing = (enum vs_packing)r->units->packing,
	                      .level = (int)r->units->level,
	                      .packer = &r->tools.packer,
	                      .known = r->known,
	                      .known_count = r->known_count};
	uint8_t *held = malloc((size_t)unit->len + 1);
	vs_status status;

	free(r->bytes);
	r->bytes = malloc(room);
	status = held && r->bytes ? gather(r, unit, held) : VS_ERR_NOMEM;
	for (uint32_t i = 0; i < VS_TABLE_PARTS; i++) {
		const struct vs_slice *slice =
			&r->units->slices[unit->slice + i];

		s.parts[i] = held + slice->place;
		s.lens[i] = slice->len;
	}
	if (status == VS_OK)
		status = vs_squash_pack(&s, r->done, r->bytes, room, &r->end);
	free(held);
	return status == VS_ERR_LIMIT ? VS_ERR_INPUT : status;
}

static vs_status begin(struct vs_repack *r)
{
	const struct vs_unit *unit;

	r->at = r->end = 0;
	go_ahead(r);
	if (r->count > 0)
		return begin_passed(r);
	if (r->status != VS_OK)
		return r->status;
	if (r->unit == r->units->count)
		return VS_ERR_INPUT;
	unit = &r->units->list[r->unit++];
	if (unit->kind == VS_UNIT_TABLES)
		return begin_tables(r, unit);
	remember(r, unit->len);
	/* raw, and too long to be held */
	r->slice = unit->slice;
	r->slices = unit->slices;
	r->slice_left = 0;
	return VS_OK;
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
			status = vs_walk_blocks(r->walk, r->block, 1);
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

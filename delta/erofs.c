/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/erofs.c - inodes, and the two kinds of indexes of packed files.
 *
 * An index has one entry for each 4096 bytes of the file: a cluster begins in
 * them, or does not.  Compact entries come in packs that share one address.
 */
#include "delta/erofs.h"

#include <stdlib.h>

#include "delta/operand.h"

#define HEADER 8         /* before the entries */
#define LEGACY_HEADER 16 /* before full ones */
#define ADVISE_PACKS_OF_16 1
#define ADVISE_LONG 2 /* clusters of several blocks */
#define ADVISE_KNOWN 7
#define LEN_MARK 0x800 /* in a distance: it is a length in blocks */

enum entry_type { PLAIN = 0, HEAD, NONE };

struct entry {
	uint32_t type, low; /* low: place in its 4096 bytes, or distance */
	uint32_t block;     /* of one that begins a cluster */
};

/* While an index is read. */
struct reader {
	const struct vs_old_image *image;
	struct vs_erofs_file *out;
	size_t cap;
	uint32_t entries; /* of the whole index */
	uint32_t entry;   /* the next one */
	bool is_long, ended;
	bool begun; /* the last entry began a cluster */
};

static uint64_t aligned(uint64_t at)
{
	return (at + 7) / 8 * 8;
}

static vs_status read_at(const struct vs_old_image *image, uint64_t at,
                         void *out, size_t len)
{
	if (at > image->len || len > image->len - at)
		return VS_ERR_INPUT;
	return image->read(image->ctx, at, out, len);
}

vs_status vs_erofs_inode_read(const struct vs_old_image *image, uint64_t at,
                              struct vs_erofs_inode *out)
{
	uint8_t in[32];
	uint32_t format, xattrs;
	vs_status status = read_at(image, at, in, sizeof(in));

	if (status != VS_OK)
		return status;
	format = (uint32_t)vs_le(in, 2);
	xattrs = (uint32_t)vs_le(in + 2, 2);
	out->type = (uint32_t)vs_le(in + 4, 2) & 0xf000;
	out->layout = format >> 1 & 7;
	out->len = vs_le(in + 8, format & 1 ? 8 : 4);
	out->block = (uint32_t)vs_le(in + 16, 4);
	out->behind = at + (format & 1 ? 64 : 32) +
	              (xattrs > 0 ? 12 + (xattrs - 1) * 4 : 0);
	return VS_OK;
}

static vs_status add_cluster(struct reader *r, struct vs_erofs_cluster c)
{
	struct vs_erofs_file *o = r->out;

	if (o->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 16;
		struct vs_erofs_cluster *more =
			realloc(o->list, cap * sizeof(*more));

		if (!more)
			return VS_ERR_NOMEM;
		o->list = more;
		r->cap = cap;
	}
	o->list[o->count++] = c;
	return VS_OK;
}

/* The next entry of the index, whatever kind of index it is. */
static vs_status take(struct reader *r, const struct entry *e)
{
	struct vs_erofs_file *o = r->out;
	uint64_t from = (uint64_t)r->entry++ * VS_DELTA_BLOCK + e->low;
	bool begun = r->begun;

	r->begun = false;
	if (e->type == NONE) {
		if (!(e->low & LEN_MARK) || !r->is_long)
			return VS_OK;
		if (!begun || (e->low & ~(uint32_t)LEN_MARK) == 0)
			return VS_ERR_INPUT;
		o->list[o->count - 1].blocks =
			(uint16_t)(e->low & ~(uint32_t)LEN_MARK);
		return VS_OK;
	}
	if (e->type > NONE || e->low >= VS_DELTA_BLOCK || r->ended)
		return VS_ERR_INPUT;
	/* one behind the file's end says where that is */
	if (from >= o->len) {
		r->ended = true;
		return VS_OK;
	}
	r->begun = true;
	return add_cluster(r,
	                   (struct vs_erofs_cluster){(uint32_t)from, e->block,
	                                             1, e->type == HEAD});
}

static vs_status read_full(struct reader *r, uint64_t at)
{
	vs_status status = VS_OK;

	while (r->entry < r->entries && status == VS_OK) {
		uint8_t in[8];
		struct entry e;

		status = read_at(r->image, at, in, sizeof(in));
		if (status != VS_OK)
			break;
		at += sizeof(in);
		e.type = (uint32_t)vs_le(in, 2) & 3;
		e.low = (uint32_t)vs_le(in + (e.type == NONE ? 4 : 2), 2);
		e.block = (uint32_t)vs_le(in + 4, 4);
		status = take(r, &e);
	}
	return status;
}

/* One pack: count entries of 14 or 16 bits, then their address. */
static vs_status read_pack(struct reader *r, const uint8_t *in, uint32_t count)
{
	uint32_t len = count == 2 ? 8 : 32;
	uint32_t bits = (len - 4) * 8 / count;
	uint32_t base = (uint32_t)vs_le(in + len - 4, 4);
	/* blocks of those before in the pack; the last one may be of one */
	uint32_t blocks = r->is_long ? 0 : 1, last = 0;
	vs_status status = VS_OK;

	for (uint32_t i = 0; i < count && status == VS_OK; i++) {
		uint32_t at = i * bits;
		size_t room = len - at / 8 < 4 ? len - at / 8 : 4;
		uint32_t word = (uint32_t)(vs_le(in + at / 8, room) >> at % 8);
		struct entry e = {.low = word & (VS_DELTA_BLOCK - 1),
		                  .type = word >> 12 & 3};

		if (r->entry == r->entries)
			break;
		if (e.type == NONE && e.low & LEN_MARK && r->is_long) {
			blocks += e.low & ~(uint32_t)LEN_MARK;
			last = 0;
		} else if (e.type != NONE) {
			blocks += last;
			last = 1;
			e.block = base + blocks;
		}
		status = take(r, &e);
	}
	return status;
}

/* Packs of 2 until the place is aligned, packs of 16, packs of 2. */
static vs_status read_compact(struct reader *r, uint64_t at, bool has_16)
{
	uint32_t first = (uint32_t)((32 - at % 32) / 4 % 8);
	uint32_t in_16 = has_16 && first < r->entries
	                         ? (r->entries - first) / 16 * 16
	                         : 0;
	vs_status status = VS_OK;

	while (r->entry < r->entries && status == VS_OK) {
		bool is_16 = r->entry >= first && r->entry < first + in_16;
		uint8_t in[32];
		size_t len = is_16 ? 32 : 8;

		status = read_at(r->image, at, in, len);
		if (status == VS_OK)
			status = read_pack(r, in, is_16 ? 16 : 2);
		at += len;
	}
	return status;
}

/* Whether the clusters make up the file, and lie in the image. */
static vs_status check(const struct vs_old_image *image,
                       struct vs_erofs_file *f)
{
	uint64_t blocks = image->len / VS_DELTA_BLOCK;

	if (f->count == 0 || f->list[0].from != 0)
		return VS_ERR_INPUT;
	for (size_t i = 0; i < f->count; i++) {
		const struct vs_erofs_cluster *c = &f->list[i];
		uint32_t holds;

		if (i + 1 < f->count && f->list[i + 1].from <= c->from)
			return VS_ERR_INPUT;
		holds = vs_erofs_holds(f, i);
		if (holds > f->longest)
			f->longest = holds;
		if (c->block >= blocks || c->blocks > blocks - c->block ||
		    c->blocks * VS_DELTA_BLOCK > VS_EROFS_PACKED_MAX ||
		    (!c->packed && holds > VS_DELTA_BLOCK))
			return VS_ERR_INPUT;
	}
	return f->longest <= VS_EROFS_EXTENT_MAX ? VS_OK : VS_ERR_INPUT;
}

vs_status vs_erofs_file_read(const struct vs_old_image *image, uint64_t at,
                             struct vs_erofs_file *out)
{
	struct reader r = {.image = image, .out = out};
	struct vs_erofs_inode inode;
	uint8_t header[HEADER];
	uint32_t advise;
	vs_status status = vs_erofs_inode_read(image, at, &inode);

	*out = (struct vs_erofs_file){0};
	if (status == VS_OK)
		status = read_at(image, aligned(inode.behind), header,
		                 sizeof(header));
	if (status != VS_OK)
		return status;
	advise = (uint32_t)vs_le(header + 4, 2);
	if ((inode.layout != VS_EROFS_FULL &&
	     inode.layout != VS_EROFS_COMPACT) ||
	    inode.len == 0 || inode.len > VS_EROFS_FILE_MAX ||
	    (advise & ~(uint32_t)ADVISE_KNOWN) != 0 || header[6] != 0 ||
	    header[7] != 0)
		return VS_ERR_INPUT;
	out->len = (uint32_t)inode.len;
	r.entries = (out->len + VS_DELTA_BLOCK - 1) / VS_DELTA_BLOCK;
	r.is_long = (advise & ADVISE_LONG) != 0;
	status = inode.layout == VS_EROFS_FULL
	                 ? read_full(&r, aligned(inode.behind) + LEGACY_HEADER)
	                 : read_compact(&r, aligned(inode.behind) + HEADER,
	                                (advise & ADVISE_PACKS_OF_16) != 0);
	return status == VS_OK ? check(image, out) : status;
}

void vs_erofs_file_drop(struct vs_erofs_file *f)
{
	free(f->list);
	*f = (struct vs_erofs_file){0};
}

uint32_t vs_erofs_holds(const struct vs_erofs_file *f, size_t cluster)
{
	uint32_t end =
		cluster + 1 < f->count ? f->list[cluster + 1].from : f->len;

	return end - f->list[cluster].from;
}

size_t vs_erofs_find(const struct vs_erofs_file *f, uint32_t at)
{
	size_t low = 0, high = f->count;

	while (low + 1 < high) {
		size_t middle = low + (high - low) / 2;

		if (f->list[middle].from <= at)
			low = middle;
		else
			high = middle;
	}
	return low;
}

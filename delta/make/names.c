/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/names.c - files' pieces, from ext4, squashfs and erofs.
 */
#include "delta/make/names.h"

#include <stdlib.h>
#include <string.h>

#include "delta/make/erofs.h"
#include "delta/make/ext4.h"
#include "delta/make/list.h"
#include "delta/make/squash.h"

static const char *const parts[VS_TABLE_PARTS] = {
	[VS_SQUASH_INODES] = "(inodes)",
	[VS_SQUASH_FOLDERS] = "(folders)",
	[VS_SQUASH_FRAGMENTS] = "(fragments' places)",
	[VS_SQUASH_EXPORTS] = "(inodes' places)",
	[VS_SQUASH_IDS] = "(users)",
	[VS_SQUASH_REST] = "(behind the tables)",
};

struct naming {
	const struct vs_named_units *units;
	struct vs_names *out;
	size_t cap, piece_cap;
	size_t *numbers; /* owned: of units that are no copies, in order */
	vs_status status;
};

static void add_name(struct naming *n, const char *name)
{
	struct vs_names *o = n->out;
	char *copy = strdup(name);

	if (copy &&
	    vs_list_grow(&o->list, &n->cap, o->count, sizeof(*o->list))) {
		o->list[o->count++] = copy;
		return;
	}
	free(copy);
	n->status = VS_ERR_NOMEM;
}

/* Of the name that was added last. */
static void add_piece(struct naming *n, uint64_t at, uint64_t len)
{
	struct vs_names *o = n->out;

	if (len == 0 || n->status != VS_OK)
		return;
	if (!vs_list_grow(&o->pieces, &n->piece_cap, o->piece_count,
	                  sizeof(*o->pieces)))
		n->status = VS_ERR_NOMEM;
	else
		o->pieces[o->piece_count++] = (struct vs_name_piece){
			at, len, (uint32_t)(o->count - 1)};
}

static int by_place(const void *a, const void *b)
{
	const struct vs_name_piece *x = a, *y = b;

	if (x->at != y->at)
		return x->at < y->at ? -1 : 1;
	return x->name < y->name ? -1 : x->name > y->name;
}

/* Names of one file get what the first of them has not. */
static void put_apart(struct vs_names *o)
{
	uint64_t end = 0;
	size_t count = 0;

	if (o->piece_count > 0)
		qsort(o->pieces, o->piece_count, sizeof(*o->pieces), by_place);
	for (size_t i = 0; i < o->piece_count; i++) {
		struct vs_name_piece p = o->pieces[i];

		if (p.at + p.len <= end)
			continue;
		if (p.at < end) {
			p.len -= end - p.at;
			p.at = end;
		}
		end = p.at + p.len;
		o->pieces[count++] = p;
	}
	o->piece_count = count;
}

static void read_ext4(struct naming *n, const struct vs_image *image)
{
	struct vs_ext4 ext4;

	n->status = vs_ext4_read(image->bytes, image->len, &ext4);
	for (size_t i = 0; i < ext4.count && n->status == VS_OK; i++) {
		const struct vs_ext4_file *f = &ext4.files[i];

		add_name(n, f->path);
		for (size_t k = 0; k < f->count; k++)
			add_piece(
				n,
				(uint64_t)f->extents[k].image * VS_DELTA_BLOCK,
				(uint64_t)f->extents[k].count * VS_DELTA_BLOCK);
	}
	vs_ext4_drop(&ext4);
}

/* How many of the units that are no copies begin before a place. */
static size_t units_before(const struct naming *n, uint64_t at)
{
	const struct vs_squash_known *known = n->units->known;
	size_t low = 0, high = n->units->known_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (known[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The unit at a place of the image; NULL: it is copied. */
static const struct vs_unit *unit_at(const struct naming *n, uint64_t at)
{
	size_t i = units_before(n, at);

	return i < n->units->known_count && n->units->known[i].at == at
	               ? &n->units->units->list[n->numbers[i]]
	               : NULL;
}

/* Bytes of what a unit holds. */
static void add_held(struct naming *n, const struct vs_unit *unit,
                     uint32_t place, uint32_t len)
{
	const struct vs_slice *s = &n->units->units->slices[unit->slice];

	for (uint32_t i = 0; i < unit->slices && len > 0; i++, s++) {
		uint32_t inside = place - s->place;
		uint32_t piece = s->len - inside;

		if (place < s->place || inside >= s->len)
			continue;
		piece = piece < len ? piece : len;
		add_piece(n, (uint64_t)s->at * VS_DELTA_BLOCK + inside, piece);
		place += piece;
		len -= piece;
	}
}

static void add_part(struct naming *n, const struct vs_parted *d, size_t part,
                     uint32_t place, uint32_t len)
{
	const struct vs_unit *unit =
		n->units ? unit_at(n, d->parts[part].at) : NULL;

	if (unit)
		add_held(n, unit, place, len);
}

/* Bytes of the image as they are: in raw units, if it has any. */
static void add_plain(struct naming *n, uint64_t at, uint64_t len)
{
	size_t i;

	if (!n->units) {
		add_piece(n, at, len);
		return;
	}
	i = units_before(n, at + 1);
	for (i = i > 0 ? i - 1 : 0; i < n->units->known_count && len > 0; i++) {
		const struct vs_unit *unit =
			&n->units->units->list[n->numbers[i]];
		uint64_t from = n->units->known[i].at, inside, piece;

		if (from >= at + len)
			break;
		if (unit->kind != VS_UNIT_RAW || from + unit->len <= at)
			continue;
		inside = at > from ? at - from : 0;
		from += inside;
		piece = unit->len - inside;
		if (piece > at + len - from)
			piece = at + len - from;
		add_held(n, unit, (uint32_t)inside, (uint32_t)piece);
		len -= from + piece - at;
		at = from + piece;
	}
}

static void read_parted(struct naming *n, const struct vs_parted *d)
{
	for (size_t i = 0; i < d->file_count && n->status == VS_OK; i++) {
		const struct vs_part_file *f = &d->files[i];

		if (!f->whole && f->plain_at + f->plain_tail == 0)
			continue;
		add_name(n, f->path);
		if (!f->whole) {
			add_plain(n, f->plain_at, f->len - f->tail_len);
			add_plain(n, f->plain_tail, f->tail_len);
			continue;
		}
		for (size_t k = 0; k < f->blocks; k++)
			add_part(n, d, f->first + k, 0, UINT32_MAX);
		if (f->tail != SIZE_MAX)
			add_part(n, d, f->tail, f->tail_at, f->tail_len);
	}
}

static void read_tables(struct naming *n)
{
	const struct vs_units *u = n->units->units;

	for (size_t i = 0; i < u->count; i++)
		for (uint32_t k = 0;
		     u->list[i].kind == VS_UNIT_TABLES &&
		     k < u->list[i].slices && n->status == VS_OK;
		     k++) {
			const struct vs_slice *s =
				&u->slices[u->list[i].slice + k];

			add_name(n, parts[k]);
			add_piece(n, (uint64_t)s->at * VS_DELTA_BLOCK, s->len);
		}
}

/* As delta/repack.c remembers them. */
static bool number_units(struct naming *n)
{
	const struct vs_units *u = n->units->units;
	size_t count = 0;

	n->numbers = malloc((u->count + 1) * sizeof(*n->numbers));
	for (size_t i = 0; n->numbers && i < u->count; i++)
		if (u->list[i].kind != VS_UNIT_COPY)
			n->numbers[count++] = i;
	return n->numbers && n->units->known_count <= count;
}

static void read_units(struct naming *n, const struct vs_image *image)
{
	struct vs_parted d;
	vs_status status;

	if (!number_units(n)) {
		n->status = VS_ERR_NOMEM;
		return;
	}
	read_tables(n);
	status = vs_squash_read(image, &d);
	if (status == VS_ERR_ABSENT) {
		vs_parted_drop(&d);
		status = vs_erofs_read(image, &d);
	}
	if (status == VS_OK)
		read_parted(n, &d);
	else if (status == VS_ERR_NOMEM)
		n->status = status;
	vs_parted_drop(&d);
}

/* An image that is its own view: an ext4, or an erofs without programs. */
static void read_plain(struct naming *n, const struct vs_image *image)
{
	struct vs_parted d;
	vs_status status;

	read_ext4(n, image);
	if (n->status != VS_OK || n->out->count > 0)
		return;
	status = vs_erofs_read(image, &d);
	if (status == VS_ERR_ABSENT)
		read_parted(n, &d);
	else if (status == VS_ERR_NOMEM)
		n->status = status;
	vs_parted_drop(&d);
}

vs_status vs_names_read(const struct vs_image *image,
                        const struct vs_named_units *units,
                        struct vs_names *out)
{
	struct naming n = {.units = units, .out = out};

	*out = (struct vs_names){0};
	if (units)
		read_units(&n, image);
	else
		read_plain(&n, image);
	free(n.numbers);
	put_apart(out);
	return n.status;
}

void vs_names_drop(struct vs_names *n)
{
	for (size_t i = 0; i < n->count; i++)
		free(n->list[i]);
	free(n->list);
	free(n->pieces);
	*n = (struct vs_names){0};
}

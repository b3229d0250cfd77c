/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/squash.c - superblock, inodes, fragments, folders.
 */
#include "delta/make/squash.h"

#include <stdlib.h>
#include <string.h>

#include "delta/operand.h"

#define MAGIC 0x73717368
#define OPTIONS 0x400      /* a flag: there are some, behind the superblock */
#define OPTIONS_LEN 8      /* at most */
#define STORED_META 0x8000 /* in the size of a block of tables */
#define NOWHERE UINT64_MAX
#define DEPTH_MAX 40
#define PATH_LEN 1024
#define FILES_MAX (1u << 20)

/* A chain of packed blocks: what it holds, and where each of them begins. */
struct chain {
	uint8_t *bytes; /* owned */
	size_t len, cap;
	uint32_t *starts; /* owned; from the first one on */
	size_t count, starts_cap;
};

struct reader {
	const uint8_t *image;
	uint64_t len; /* bytes in use */
	struct vs_packer packer;
	struct vs_parted *out;
	size_t part_cap, file_cap;
	struct chain inodes, folders, fragments;
	uint64_t names;
	vs_status status;
};

static void *grown(struct reader *r, void *list, size_t count, size_t *cap,
                   size_t each)
{
	void *more = list;

	if (count >= *cap) {
		size_t next = *cap ? *cap * 2 : 1024;

		more = realloc(list, next * each);
		if (more)
			*cap = next;
		else
			r->status = VS_ERR_NOMEM;
	}
	return more ? more : list;
}

/* All packed blocks of [from, to). */
static bool read_chain(struct reader *r, uint64_t from, uint64_t to,
                       struct chain *c)
{
	uint64_t at = from;

	if (from > to || to > r->len || to - from > VS_TABLES_MAX)
		return false;
	while (at < to) {
		uint32_t size;
		size_t n = 0;

		if (to - at < 2)
			return false;
		size = (uint32_t)vs_le(r->image + at, 2);
		c->starts = grown(r, c->starts, c->count, &c->starts_cap,
		                  sizeof(*c->starts));
		while (c->len + VS_SQUASH_META > c->cap && r->status == VS_OK)
			c->bytes = grown(r, c->bytes, c->cap, &c->cap, 1);
		if (r->status != VS_OK)
			return false;
		c->starts[c->count++] = (uint32_t)(at - from);
		at += 2;
		if ((size & 0x7fff) > to - at || (size & 0x7fff) == 0 ||
		    (size & 0x7fff) > VS_SQUASH_META)
			return false;
		if (size & 0x8000) {
			n = size & 0x7fff;
			memcpy(c->bytes + c->len, r->image + at, n);
		} else if (vs_packer_open(&r->packer, r->out->packing,
		                          r->image + at, size,
		                          c->bytes + c->len, VS_SQUASH_META,
		                          &n) != VS_OK) {
			return false;
		}
		at += size & 0x7fff;
		c->len += n;
		/* only the last one may be shorter */
		if (n != VS_SQUASH_META && at != to)
			return false;
	}
	return true;
}

/* The place in the chain that a packed place and one in its block mean. */
static size_t place_in(const struct chain *c, uint64_t start, uint64_t place)
{
	size_t low = 0, high = c->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (c->starts[middle] < start)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == c->count || c->starts[low] != start ||
	    place >= VS_SQUASH_META)
		return SIZE_MAX;
	return low * VS_SQUASH_META + (size_t)place;
}

static void add_part(struct reader *r, struct vs_part part)
{
	struct vs_parted *o = r->out;

	o->parts =
		grown(r, o->parts, o->count, &r->part_cap, sizeof(*o->parts));
	if (r->status == VS_OK)
		o->parts[o->count++] = part;
}

static uint32_t bytes_of(uint32_t size)
{
	return size & (VS_SQUASH_STORED - 1);
}

/* The blocks of one file. */
static bool add_blocks(struct reader *r, const uint8_t *list,
                       const struct vs_squash_inode *inode)
{
	uint64_t at = inode->start;

	for (size_t i = 0; i < inode->blocks; i++) {
		uint32_t size = (uint32_t)vs_le(list + i * 4, 4);
		uint64_t left = inode->file_len - (uint64_t)i * r->out->block;
		uint32_t len =
			left < r->out->block ? (uint32_t)left : r->out->block;

		if (bytes_of(size) == 0)
			continue;
		if (at > r->len || bytes_of(size) > r->len - at ||
		    bytes_of(size) > VS_UNIT_LEN_MAX)
			return false;
		add_part(r,
		         (struct vs_part){at, bytes_of(size), len,
		                          (size & VS_SQUASH_STORED) != 0, 0});
		at += bytes_of(size);
	}
	return true;
}

static bool read_inodes(struct reader *r)
{
	const uint8_t *in = r->inodes.bytes;
	size_t left = r->inodes.len;

	while (left > 0 && r->status == VS_OK) {
		struct vs_squash_inode inode;

		if (!vs_squash_inode_read(in, left, r->out->block, &inode) ||
		    !add_blocks(r, in + inode.len - inode.blocks * 4, &inode))
			return false;
		in += inode.len;
		left -= inode.len;
	}
	return true;
}

static bool read_fragments(struct reader *r)
{
	for (size_t at = 0; at + 16 <= r->fragments.len; at += 16) {
		const uint8_t *f = r->fragments.bytes + at;
		uint64_t place = vs_le(f, 8);
		uint32_t size = (uint32_t)vs_le(f + 8, 4);

		if (place > r->len || bytes_of(size) == 0 ||
		    bytes_of(size) > r->len - place ||
		    bytes_of(size) > r->out->block)
			return false;
		add_part(r,
		         (struct vs_part){place, bytes_of(size), 0,
		                          (size & VS_SQUASH_STORED) != 0, 0});
	}
	return true;
}

/* Where a file's blocks and tail are. */
static void find_parts(struct reader *r, struct vs_part_file *f,
                       const uint8_t *list, const struct vs_squash_inode *in)
{
	uint64_t at = in->start;

	f->len = in->file_len;
	f->inode = in->number;
	f->blocks = in->blocks;
	f->tail = SIZE_MAX;
	f->first = in->blocks > 0 ? vs_parted_find(r->out, at) : 0;
	f->whole = f->first != SIZE_MAX;
	for (size_t i = 0; i < in->blocks && f->whole; i++) {
		uint32_t size = bytes_of((uint32_t)vs_le(list + i * 4, 4));

		f->whole = size != 0 && f->first + i < r->out->count &&
		           r->out->parts[f->first + i].at == at;
		at += size;
	}
	if (in->fragment == UINT32_MAX || in->file_len % r->out->block == 0)
		return;
	f->tail_at = in->offset;
	f->tail_len = (uint32_t)(in->file_len % r->out->block);
	if ((uint64_t)in->fragment * 16 + 16 > r->fragments.len ||
	    f->tail_at > r->out->block - f->tail_len)
		f->whole = false;
	else
		f->tail = vs_parted_find(
			r->out,
			vs_le(r->fragments.bytes + (size_t)in->fragment * 16,
		              8));
	f->whole = f->whole && f->tail != SIZE_MAX;
}

static void add_file(struct reader *r, const char *path, const uint8_t *raw,
                     const struct vs_squash_inode *inode)
{
	struct vs_parted *o = r->out;
	struct vs_part_file f = {.path = strdup(path)};

	o->files = grown(r, o->files, o->file_count, &r->file_cap,
	                 sizeof(*o->files));
	if (!f.path || r->status != VS_OK || o->file_count == FILES_MAX) {
		free(f.path);
		r->status = VS_ERR_NOMEM;
		return;
	}
	find_parts(r, &f, raw + inode->len - inode->blocks * 4, inode);
	o->files[o->file_count++] = f;
}

static void read_folder(struct reader *r, size_t at, char *path, size_t used,
                        int depth);

static void visit(struct reader *r, size_t at, char *path, size_t used,
                  int depth)
{
	struct vs_squash_inode inode;

	if (at >= r->inodes.len ||
	    !vs_squash_inode_read(r->inodes.bytes + at, r->inodes.len - at,
	                          r->out->block, &inode))
		return;
	if (inode.type == 2 || inode.type == 9)
		add_file(r, path, r->inodes.bytes + at, &inode);
	else if ((inode.type == 1 || inode.type == 8) && depth < DEPTH_MAX)
		read_folder(r, at, path, used, depth + 1);
}

/* The names in one list, [at, end) of all lists. */
static void read_names(struct reader *r, size_t at, size_t end, char *path,
                       size_t used, int depth)
{
	const uint8_t *in = r->folders.bytes;

	while (at + 12 <= end && r->status == VS_OK) {
		uint64_t count = vs_le(in + at, 4) + 1;
		uint64_t start = vs_le(in + at + 4, 4);

		at += 12;
		for (uint64_t i = 0; i < count && at + 8 <= end; i++) {
			size_t len = (size_t)vs_le(in + at + 6, 2) + 1;

			if (len > end - at - 8 || used + len + 2 > PATH_LEN ||
			    r->names++ == FILES_MAX)
				return;
			path[used] = '/';
			memcpy(path + used + 1, in + at + 8, len);
			path[used + 1 + len] = '\0';
			visit(r, place_in(&r->inodes, start, vs_le(in + at, 2)),
			      path, used + 1 + len, depth);
			at += 8 + len;
		}
	}
}

static void read_folder(struct reader *r, size_t at, char *path, size_t used,
                        int depth)
{
	const uint8_t *in = r->inodes.bytes + at;
	bool is_long = vs_le(in, 2) == 8;
	uint64_t len = is_long ? vs_le(in + 20, 4) : vs_le(in + 24, 2);
	size_t list = place_in(&r->folders, vs_le(in + (is_long ? 24 : 16), 4),
	                       vs_le(in + (is_long ? 34 : 26), 2));

	if (len > 3 && list < r->folders.len &&
	    len - 3 <= r->folders.len - list)
		read_names(r, list, list + (size_t)len - 3, path, used, depth);
}

/* Where a table with an index begins; NOWHERE if there is none. */
static uint64_t begin_of(const struct reader *r, uint64_t index)
{
	return index > r->len || r->len - index < 8
	               ? NOWHERE
	               : vs_le(r->image + index, 8);
}

static bool read_tables(struct reader *r)
{
	const uint8_t *super = r->image;
	struct vs_parted *o = r->out;
	uint64_t inodes = vs_le(super + 64, 8), folders = vs_le(super + 72, 8);
	uint64_t indices[3] = {vs_le(super + 80, 8), vs_le(super + 88, 8),
	                       vs_le(super + 48, 8)};
	uint64_t ends[3];
	uint64_t end = NOWHERE;

	o->lens[VS_SQUASH_FRAGMENTS] = (size_t)vs_le(super + 16, 4) * 16;
	o->lens[VS_SQUASH_EXPORTS] =
		indices[1] == NOWHERE ? 0 : (size_t)vs_le(super + 4, 4) * 8;
	o->lens[VS_SQUASH_IDS] = (size_t)vs_le(super + 26, 2) * 4;
	for (int i = 0; i < 3; i++)
		ends[i] = o->lens[VS_SQUASH_FRAGMENTS + i] == 0
		                  ? NOWHERE
		                  : begin_of(r, indices[i]);
	for (int i = 2; i >= 0; i--)
		if (ends[i] != NOWHERE)
			end = ends[i];
	if (!read_chain(r, inodes, folders, &r->inodes) ||
	    !read_chain(r, folders, end, &r->folders) ||
	    (ends[0] != NOWHERE &&
	     !read_chain(r, ends[0], indices[0], &r->fragments)) ||
	    r->fragments.len != o->lens[VS_SQUASH_FRAGMENTS])
		return false;
	o->lens[VS_SQUASH_INODES] = r->inodes.len;
	o->lens[VS_SQUASH_FOLDERS] = r->folders.len;
	o->tables_at = inodes;
	o->tables_len = r->len - inodes;
	/* what comes behind the indices stays as it is */
	for (int i = 2; i >= 0; i--) {
		size_t len = o->lens[VS_SQUASH_FRAGMENTS + i];
		uint64_t behind = indices[i] + (len + VS_SQUASH_META - 1) /
		                                       VS_SQUASH_META * 8;

		if (len == 0)
			continue;
		if (behind > r->len)
			return false;
		o->lens[VS_SQUASH_REST] = (size_t)(r->len - behind);
		break;
	}
	return true;
}

/* A level as mksquashfs has it, or says it behind the superblock. */
static int zstd_level(const uint8_t *options, uint32_t block)
{
	(void)block;
	return options ? (int)vs_le_signed(options, 4) : 15;
}

/* Other windows and strategies are other bytes. */
static int gzip_level(const uint8_t *options, uint32_t block)
{
	(void)block;
	if (!options)
		return 9;
	return vs_le(options + 4, 2) == 15 && vs_le(options + 6, 2) <= 1
	               ? (int)vs_le_signed(options, 4)
	               : -1;
}

/* With filters, some blocks come out without one: as each does or not. */
static int xz_level(const uint8_t *options, uint32_t block)
{
	uint64_t dictionary = options ? vs_le(options, 4) : block;

	for (int b = 2; b <= 16; b++)
		if (dictionary == (UINT64_C(2) | ((unsigned)b & 1))
		                          << (b / 2 + 11))
			return b;
	return -1;
}

static const struct how {
	uint32_t number; /* in the superblock */
	enum vs_packing packing;
	uint32_t options_len;
	int (*level)(const uint8_t *options, uint32_t block);
} hows[] = {
	{1, VS_PACKING_GZIP, 8, gzip_level},
	{4, VS_PACKING_XZ,   8, xz_level  },
	{6, VS_PACKING_ZSTD, 4, zstd_level},
};

/* Which library packed it, and how. */
static bool read_how(struct reader *r)
{
	const uint8_t *super = r->image;
	const uint8_t *behind = super + VS_SQUASH_SUPER_LEN, *options = NULL;
	const struct how *how = NULL;

	for (size_t i = 0; i < sizeof(hows) / sizeof(hows[0]); i++)
		if (vs_le(super + 20, 2) == hows[i].number)
			how = &hows[i];
	if (!how)
		return false;
	if (vs_le(super + 24, 2) & OPTIONS) {
		if (r->len < VS_SQUASH_SUPER_LEN + 2 + OPTIONS_LEN ||
		    vs_le(behind, 2) != (STORED_META | how->options_len))
			return false;
		options = behind + 2;
	}
	r->out->packing = how->packing;
	r->out->level = how->level(options, r->out->block);
	return vs_packing_has(r->out->packing, r->out->level);
}

static bool read_super(struct reader *r)
{
	const uint8_t *super = r->image;
	struct vs_parted *o = r->out;

	if (r->len < VS_SQUASH_SUPER_LEN || vs_le(super, 4) != MAGIC ||
	    vs_le(super + 28, 4) != 4 || vs_le(super + 40, 8) > r->len)
		return false;
	r->len = vs_le(super + 40, 8);
	o->block = (uint32_t)vs_le(super + 12, 4);
	return o->block >= VS_DELTA_BLOCK && o->block <= VS_UNIT_LEN_MAX &&
	       o->block % VS_DELTA_BLOCK == 0 && read_how(r);
}

static bool read_all(struct reader *r)
{
	uint64_t root;
	char path[PATH_LEN] = "";
	struct vs_parted *o = r->out;

	if (!read_super(r) || !read_tables(r) || !read_inodes(r) ||
	    !read_fragments(r) || r->status != VS_OK || !vs_parted_order(o))
		return false;
	/* all of them before the tables, behind the superblock */
	if (o->count > 0 &&
	    (o->parts[0].at < VS_SQUASH_SUPER_LEN ||
	     o->parts[o->count - 1].at + o->parts[o->count - 1].packed >
	             o->tables_at))
		return false;
	root = vs_le(r->image + 32, 8);
	visit(r, place_in(&r->inodes, root >> 16, root & 0xffff), path, 0, 0);
	vs_parted_sort(o);
	return r->status == VS_OK;
}

vs_status vs_squash_read(const struct vs_image *image, struct vs_parted *out)
{
	struct reader r = {
		.image = image->bytes, .len = image->len, .out = out};
	struct chain *chains[3] = {&r.inodes, &r.folders, &r.fragments};
	bool good;

	*out = (struct vs_parted){0};
	good = read_all(&r);
	vs_packer_drop(&r.packer);
	for (int i = 0; i < 3; i++) {
		free(chains[i]->bytes);
		free(chains[i]->starts);
	}
	return r.status != VS_OK ? r.status : good ? VS_OK : VS_ERR_ABSENT;
}

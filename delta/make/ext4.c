/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/ext4.c - superblock, inode tables, extents, folders.
 */
#include "delta/make/ext4.h"

#include <stdlib.h>
#include <string.h>

#include "delta/operand.h"

#define ROOT_INODE 2
#define DEPTH_MAX 40
#define PATH_LEN 1024
#define FILES_MAX (1u << 20)
#define TYPE_FILE 0x8000
#define TYPE_FOLDER 0x4000
#define FLAG_EXTENTS 0x80000
#define FLAG_INLINE 0x10000000

struct reader {
	const uint8_t *image;
	uint64_t len;
	uint32_t inodes_per_group, inode_size, groups, desc_size;
	uint64_t inodes;
	struct vs_ext4 *out;
	size_t cap;
	vs_status status;
};

static const uint8_t *block_at(const struct reader *r, uint64_t block)
{
	return block < r->len / VS_DELTA_BLOCK
	               ? r->image + block * VS_DELTA_BLOCK
	               : NULL;
}

static uint64_t table_of(const struct reader *r, uint32_t group)
{
	uint64_t at = VS_DELTA_BLOCK + (uint64_t)group * r->desc_size;
	uint64_t table;

	if (at + r->desc_size > r->len)
		return UINT64_MAX;
	table = vs_le(r->image + at + 8, 4);
	if (r->desc_size >= 64)
		table |= vs_le(r->image + at + 0x28, 4) << 32;
	return table;
}

static const uint8_t *inode_at(const struct reader *r, uint64_t number)
{
	uint64_t group, at, table;

	if (number == 0 || number > r->inodes)
		return NULL;
	group = (number - 1) / r->inodes_per_group;
	table = table_of(r, (uint32_t)group);
	at = (number - 1) % r->inodes_per_group * r->inode_size;
	if (group >= r->groups || table > r->len / VS_DELTA_BLOCK)
		return NULL;
	at += table * VS_DELTA_BLOCK;
	return at + r->inode_size <= r->len ? r->image + at : NULL;
}

struct list {
	struct vs_extent *extents;
	size_t count, cap;
};

static bool add_extent(struct list *l, struct vs_extent e)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? l->cap * 2 : 4;
		struct vs_extent *more =
			realloc(l->extents, cap * sizeof(*more));

		if (!more)
			return false;
		l->extents = more;
		l->cap = cap;
	}
	/* neighbours in both are one extent here */
	if (l->count > 0) {
		struct vs_extent *last = &l->extents[l->count - 1];

		if (e.file < last->file + last->count)
			return true; /* not well formed: leave it out */
		if (e.file == last->file + last->count &&
		    e.image == last->image + last->count) {
			last->count += e.count;
			return true;
		}
	}
	l->extents[l->count++] = e;
	return true;
}

static bool read_extents(const struct reader *r, const uint8_t *node,
                         size_t room, int depth, struct list *l)
{
	size_t count = (size_t)vs_le(node + 2, 2);
	size_t level = (size_t)vs_le(node + 6, 2);

	if (vs_le(node, 2) != 0xf30a || count * 12 + 12 > room || depth > 5)
		return true;
	for (size_t i = 0; i < count; i++) {
		const uint8_t *e = node + 12 + i * 12;

		if (level > 0) {
			const uint8_t *next = block_at(
				r, vs_le(e + 4, 4) | vs_le(e + 8, 2) << 32);

			if (next && !read_extents(r, next, VS_DELTA_BLOCK,
			                          depth + 1, l))
				return false;
			continue;
		}
		struct vs_extent x = {(uint32_t)vs_le(e, 4),
		                      (uint32_t)vs_le(e + 8, 4),
		                      (uint32_t)vs_le(e + 4, 2)};

		if (x.count > 32768 || x.count == 0 || vs_le(e + 6, 2) != 0 ||
		    (uint64_t)x.image + x.count > r->len / VS_DELTA_BLOCK ||
		    x.file >= VS_FILE_BLOCKS_MAX)
			continue;
		if (!add_extent(l, x))
			return false;
	}
	return true;
}

static bool extents_of(const struct reader *r, const uint8_t *inode,
                       struct list *l)
{
	*l = (struct list){NULL, 0, 0};
	if (!(vs_le(inode + 0x20, 4) & FLAG_EXTENTS))
		return true;
	return read_extents(r, inode + 0x28, 60, 0, l);
}

static void add_file(struct reader *r, const char *path, const uint8_t *inode)
{
	struct vs_ext4_file *f;
	struct list l;

	if (r->out->count == r->cap) {
		size_t cap = r->cap ? r->cap * 2 : 1024;
		struct vs_ext4_file *more =
			realloc(r->out->files, cap * sizeof(*more));

		if (!more || cap > FILES_MAX) {
			r->status = VS_ERR_NOMEM;
			return;
		}
		r->out->files = more;
		r->cap = cap;
	}
	if (!extents_of(r, inode, &l)) {
		free(l.extents);
		r->status = VS_ERR_NOMEM;
		return;
	}
	f = &r->out->files[r->out->count];
	f->path = strdup(path);
	if (!f->path) {
		free(l.extents);
		r->status = VS_ERR_NOMEM;
		return;
	}
	f->extents = l.extents;
	f->count = l.count;
	f->len = vs_le(inode + 4, 4) | vs_le(inode + 0x6c, 4) << 32;
	r->out->count++;
}

static void read_folder(struct reader *r, const uint8_t *inode, char *path,
                        size_t used, int depth);

static void visit(struct reader *r, const uint8_t *entry, size_t name_len,
                  char *path, size_t used, int depth)
{
	const uint8_t *inode = inode_at(r, vs_le(entry, 4));
	const char *name = (const char *)entry + 8;
	uint64_t mode = inode ? vs_le(inode, 2) & 0xf000 : 0;

	if (!inode || used + name_len + 2 > PATH_LEN ||
	    (name_len == 1 && name[0] == '.') ||
	    (name_len == 2 && name[0] == '.' && name[1] == '.'))
		return;
	path[used] = '/';
	memcpy(path + used + 1, name, name_len);
	path[used + 1 + name_len] = '\0';
	if (mode == TYPE_FILE)
		add_file(r, path, inode);
	if (mode == TYPE_FOLDER && depth < DEPTH_MAX)
		read_folder(r, inode, path, used + 1 + name_len, depth + 1);
}

static void read_entries(struct reader *r, const uint8_t *block, char *path,
                         size_t used, int depth)
{
	for (size_t at = 0; at + 8 <= VS_DELTA_BLOCK && r->status == VS_OK;) {
		const uint8_t *e = block + at;
		size_t step = (size_t)vs_le(e + 4, 2);

		if (step < 8 || step > VS_DELTA_BLOCK - at ||
		    (size_t)e[6] + 8 > step)
			return;
		if (vs_le(e, 4) != 0)
			visit(r, e, e[6], path, used, depth);
		at += step;
	}
}

static void read_folder(struct reader *r, const uint8_t *inode, char *path,
                        size_t used, int depth)
{
	struct list l;

	if (!extents_of(r, inode, &l))
		r->status = VS_ERR_NOMEM;
	for (size_t i = 0; i < l.count && r->status == VS_OK; i++)
		for (uint32_t k = 0; k < l.extents[i].count; k++) {
			const uint8_t *block =
				block_at(r, l.extents[i].image + k);

			if (block)
				read_entries(r, block, path, used, depth);
		}
	free(l.extents);
}

static int by_path(const void *a, const void *b)
{
	const struct vs_ext4_file *x = a, *y = b;

	return strcmp(x->path, y->path);
}

static int by_at(const void *a, const void *b)
{
	const struct vs_inodes *x = a, *y = b;

	return x->at < y->at ? -1 : x->at > y->at;
}

/* crc32c, bit by bit: of a uuid, once. */
static uint32_t crc32c(uint32_t crc, const uint8_t *in, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		crc ^= in[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? UINT32_C(0x82f63b78) : 0);
	}
	return crc;
}

static void read_tables(struct reader *r, const uint8_t *super)
{
	uint32_t blocks = r->inodes_per_group / 16;

	/* metadata_csum; inodes of 256 bytes */
	if (!(vs_le(super + 0x64, 4) & 0x400) || r->inode_size != 256 ||
	    r->groups > VS_INODES_MAX)
		return;
	r->out->tables = calloc(r->groups, sizeof(*r->out->tables));
	if (!r->out->tables) {
		r->status = VS_ERR_NOMEM;
		return;
	}
	r->out->seed = vs_le(super + 0x60, 4) & 0x2000
	                       ? (uint32_t)vs_le(super + 0x270, 4)
	                       : crc32c(UINT32_MAX, super + 0x68, 16);
	for (uint32_t g = 0; g < r->groups; g++) {
		uint64_t table = table_of(r, g);

		if (table + blocks > r->len / VS_DELTA_BLOCK)
			continue;
		r->out->tables[r->out->table_count++] = (struct vs_inodes){
			(uint32_t)table, blocks, g * r->inodes_per_group + 1};
	}
	qsort(r->out->tables, r->out->table_count, sizeof(*r->out->tables),
	      by_at);
}

vs_status vs_ext4_read(const uint8_t *image, uint64_t len, struct vs_ext4 *out)
{
	const uint8_t *super = image + 1024;
	struct reader r = {.image = image, .len = len, .out = out};
	const uint8_t *root;
	char path[PATH_LEN] = "";

	*out = (struct vs_ext4){0};
	if (len < 2 * VS_DELTA_BLOCK || vs_le(super + 0x38, 2) != 0xef53 ||
	    vs_le(super + 0x18, 4) != 2)
		return VS_OK;
	r.inodes = vs_le(super, 4);
	r.inodes_per_group = (uint32_t)vs_le(super + 0x28, 4);
	r.inode_size = (uint32_t)vs_le(super + 0x58, 2);
	r.desc_size = vs_le(super + 0x60, 4) & 0x80
	                      ? (uint32_t)vs_le(super + 0xfe, 2)
	                      : 32;
	if (r.inodes_per_group == 0 || r.inode_size < 128 ||
	    r.inode_size > VS_DELTA_BLOCK || r.desc_size < 32)
		return VS_OK;
	r.groups = (uint32_t)((r.inodes + r.inodes_per_group - 1) /
	                      r.inodes_per_group);
	root = inode_at(&r, ROOT_INODE);
	if (root)
		read_folder(&r, root, path, 0, 0);
	if (r.status == VS_OK)
		read_tables(&r, super);
	if (out->count > 0)
		qsort(out->files, out->count, sizeof(*out->files), by_path);
	return r.status;
}

void vs_ext4_drop(struct vs_ext4 *e)
{
	for (size_t i = 0; i < e->count; i++) {
		free(e->files[i].path);
		free(e->files[i].extents);
	}
	free(e->files);
	free(e->tables);
	*e = (struct vs_ext4){0};
}

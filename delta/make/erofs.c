/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/erofs.c - superblock, inodes, folders.
 */
#include "delta/make/erofs.h"

#include <stdlib.h>
#include <string.h>

#include "delta/operand.h"

#define MAGIC 0xe0f5e1e2
#define SUPER 1024
#define BLOCK_BITS 12
#define SLOT 32 /* an inode's number counts these */
#define ENTRY 12
#define PLAIN 0
#define INLINE 2
#define TYPE_FILE 0x8000
#define TYPE_FOLDER 0x4000
#define DEPTH_MAX 40
#define PATH_LEN 1024
#define FILES_MAX (1u << 20)

struct reader {
	const uint8_t *image;
	uint64_t len;
	uint64_t inodes; /* where number 0 lies */
	struct vs_parted *out;
	size_t part_cap, file_cap;
	uint64_t names;
	vs_status status;
};

/* A file or folder: whole blocks, and a tail beside the inode. */
struct inode {
	uint32_t type;
	uint64_t len, at, blocks; /* at: of the blocks, in bytes */
	uint64_t tail_at;
	uint32_t tail_len;
};

static bool read_inode(const struct reader *r, uint64_t number,
                       struct inode *out)
{
	uint64_t at = r->inodes + number * SLOT, behind;
	const uint8_t *in = r->image + at;
	uint32_t format, layout, xattrs;

	if (number > r->len / SLOT || at > r->len || r->len - at < 64)
		return false;
	format = (uint32_t)vs_le(in, 2);
	layout = format >> 1 & 7;
	xattrs = (uint32_t)vs_le(in + 2, 2);
	out->type = (uint32_t)vs_le(in + 4, 2) & 0xf000;
	out->len = vs_le(in + 8, format & 1 ? 8 : 4);
	out->at = vs_le(in + 16, 4) * VS_DELTA_BLOCK;
	if ((layout != PLAIN && layout != INLINE) || out->len > r->len)
		return false;
	behind = at + (format & 1 ? 64 : 32) +
	         (xattrs > 0 ? 12 + (xattrs - 1) * 4 : 0);
	out->tail_at = behind;
	out->tail_len =
		layout == INLINE ? (uint32_t)(out->len % VS_DELTA_BLOCK) : 0;
	out->blocks = layout == INLINE ? out->len / VS_DELTA_BLOCK
	                               : (out->len + VS_DELTA_BLOCK - 1) /
	                                         VS_DELTA_BLOCK;
	if (out->blocks == 0)
		out->at = 0;
	return out->at <= r->len &&
	       out->blocks * VS_DELTA_BLOCK <= r->len - out->at &&
	       (out->tail_len == 0 ||
	        behind % VS_DELTA_BLOCK + out->tail_len <= VS_DELTA_BLOCK) &&
	       behind <= r->len && out->tail_len <= r->len - behind;
}

static bool grow(struct reader *r, void *list, size_t *cap, size_t count,
                 size_t each)
{
	void **out = list;
	void *more;

	if (count < *cap)
		return true;
	*cap = *cap ? *cap * 2 : 256;
	more = realloc(*out, *cap * each);
	if (more)
		*out = more;
	else
		r->status = VS_ERR_NOMEM;
	return more != NULL;
}

static bool add_part(struct reader *r, uint64_t at, uint64_t len)
{
	struct vs_parted *o = r->out;

	if (!grow(r, &o->parts, &r->part_cap, o->count, sizeof(*o->parts)))
		return false;
	o->parts[o->count++] =
		(struct vs_part){at, (uint32_t)len, (uint32_t)len, true};
	return true;
}

/* Of programs alone: the rest needs no views. */
static void add_file(struct reader *r, const char *path, uint64_t number,
                     const struct inode *inode)
{
	struct vs_parted *o = r->out;
	uint64_t begin = inode->blocks > 0 ? inode->at : inode->tail_at;
	uint64_t end = inode->at + inode->blocks * VS_DELTA_BLOCK;
	struct vs_part_file f = {.len = inode->len,
	                         .inode = (uint32_t)number,
	                         .whole = true,
	                         .tail_len = inode->tail_len};

	if (inode->len < 64 || memcmp(r->image + begin, "\177ELF", 4) != 0)
		return;
	for (uint64_t at = inode->at; at < end; at += VS_UNIT_LEN_MAX)
		if (!add_part(r, at,
		              end - at < VS_UNIT_LEN_MAX ? end - at
		                                         : VS_UNIT_LEN_MAX))
			return;
	/* places for now: parts are not in order yet */
	f.first = (size_t)inode->at;
	f.blocks = (size_t)((end - inode->at + VS_UNIT_LEN_MAX - 1) /
	                    VS_UNIT_LEN_MAX);
	f.tail = SIZE_MAX;
	f.tail_at = (uint32_t)(inode->tail_at % VS_DELTA_BLOCK);
	if (inode->tail_len > 0) {
		f.tail = (size_t)(inode->tail_at - f.tail_at);
		if (!add_part(r, f.tail, VS_DELTA_BLOCK))
			return;
	}
	f.path = strdup(path);
	if (!f.path || !grow(r, &o->files, &r->file_cap, o->file_count,
	                     sizeof(*o->files))) {
		free(f.path);
		r->status = VS_ERR_NOMEM;
		return;
	}
	o->files[o->file_count++] = f;
}

static void read_folder(struct reader *r, const struct inode *folder,
                        char *path, size_t used, int depth);

static void visit(struct reader *r, uint64_t number, char *path, size_t used,
                  int depth)
{
	struct inode inode;

	if (!read_inode(r, number, &inode))
		return;
	if (inode.type == TYPE_FILE)
		add_file(r, path, number, &inode);
	else if (inode.type == TYPE_FOLDER && depth < DEPTH_MAX)
		read_folder(r, &inode, path, used, depth + 1);
}

/* One block of names: entries first, which say where their names begin. */
static void read_names(struct reader *r, const uint8_t *in, size_t len,
                       char *path, size_t used, int depth)
{
	size_t end = len >= ENTRY ? (size_t)vs_le(in + 8, 2) : 0;

	for (size_t at = 0; at + ENTRY <= end && end <= len; at += ENTRY) {
		size_t name = (size_t)vs_le(in + at + 8, 2);
		size_t next = at + 2 * ENTRY <= end
		                      ? (size_t)vs_le(in + at + ENTRY + 8, 2)
		                      : len;
		size_t n;

		if (name > next || next > len || r->status != VS_OK ||
		    r->names++ == FILES_MAX)
			return;
		n = strnlen((const char *)in + name, next - name);
		if (used + n + 2 > PATH_LEN || n == 0 ||
		    (in[name] == '.' &&
		     (n == 1 || (n == 2 && in[name + 1] == '.'))))
			continue;
		path[used] = '/';
		memcpy(path + used + 1, in + name, n);
		path[used + 1 + n] = '\0';
		visit(r, vs_le(in + at, 8), path, used + 1 + n, depth);
	}
}

static void read_folder(struct reader *r, const struct inode *folder,
                        char *path, size_t used, int depth)
{
	uint64_t left = folder->len;

	for (uint64_t i = 0; i < folder->blocks && r->status == VS_OK; i++) {
		size_t len =
			left < VS_DELTA_BLOCK ? (size_t)left : VS_DELTA_BLOCK;

		read_names(r, r->image + folder->at + i * VS_DELTA_BLOCK, len,
		           path, used, depth);
		left -= len;
	}
	if (folder->tail_len > 0)
		read_names(r, r->image + folder->tail_at, folder->tail_len,
		           path, used, depth);
}

/* Places become numbers. */
static void number_parts(struct vs_parted *o)
{
	for (size_t i = 0; i < o->file_count; i++) {
		struct vs_part_file *f = &o->files[i];

		f->first = f->blocks > 0 ? vs_parted_find(o, f->first) : 0;
		if (f->tail != SIZE_MAX)
			f->tail = vs_parted_find(o, f->tail);
	}
}

vs_status vs_erofs_read(const struct vs_image *image, struct vs_parted *out)
{
	const uint8_t *super = image->bytes + SUPER;
	struct reader r = {
		.image = image->bytes, .len = image->len, .out = out};
	char path[PATH_LEN] = "";

	*out = (struct vs_parted){.packing = VS_PACKING_NONE,
	                          .block = VS_UNIT_LEN_MAX,
	                          .tables_at = image->len};
	if (image->len < 2 * VS_DELTA_BLOCK ||
	    image->len % VS_DELTA_BLOCK != 0 || vs_le(super, 4) != MAGIC ||
	    super[12] != BLOCK_BITS)
		return VS_ERR_ABSENT;
	r.inodes = vs_le(super + 40, 4) * VS_DELTA_BLOCK;
	visit(&r, vs_le(super + 14, 2), path, 0, 0);
	if (r.status != VS_OK)
		return r.status;
	if (out->file_count == 0 || !vs_parted_order(out))
		return VS_ERR_ABSENT;
	number_parts(out);
	vs_parted_sort(out);
	return VS_OK;
}

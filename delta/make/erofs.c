/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/make/erofs.c - superblock, inodes, folders.
 */
#include "delta/make/erofs.h"

#include <stdlib.h>
#include <string.h>

#include "delta/erofs.h"
#include "delta/make/list.h"
#include "delta/operand.h"

#define MAGIC 0xe0f5e1e2
#define SUPER 1024
#define BLOCK_BITS 12
#define SLOT 32 /* an inode's number counts these */
#define ENTRY 12
#define PADDED_LZ4 1 /* features: zeros stand before packed bytes */
#define HAS_CONFIG 2 /* of packings, behind the superblock */
#define ALGORITHM_LZ4 1
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
	bool packed; /* in ways that are known */
	struct vs_image whole;
	struct vs_old_image reader;
	vs_status status;
};

/* A file or folder that is not packed: whole blocks, and a tail beside the
 * inode. */
struct inode {
	uint32_t type;
	uint64_t len, at, blocks; /* at: of the blocks, in bytes */
	uint64_t tail_at;
	uint32_t tail_len;
};

static uint64_t place_of(const struct reader *r, uint64_t number)
{
	return r->inodes + number * SLOT;
}

/* Where the blocks and the tail of what is not packed are. */
static bool locate(const struct reader *r, const struct vs_erofs_inode *in,
                   struct inode *out)
{
	bool tail = in->layout == VS_EROFS_INLINE;
	uint64_t behind = in->behind;

	if ((in->layout != VS_EROFS_PLAIN && !tail) || in->len > r->len)
		return false;
	out->type = in->type;
	out->len = in->len;
	out->at = (uint64_t)in->block * VS_DELTA_BLOCK;
	out->tail_at = behind;
	out->tail_len = tail ? (uint32_t)(out->len % VS_DELTA_BLOCK) : 0;
	out->blocks = (out->len - out->tail_len + VS_DELTA_BLOCK - 1) /
	              VS_DELTA_BLOCK;
	if (out->blocks == 0)
		out->at = 0;
	return out->at <= r->len &&
	       out->blocks * VS_DELTA_BLOCK <= r->len - out->at &&
	       (out->tail_len == 0 ||
	        behind % VS_DELTA_BLOCK + out->tail_len <= VS_DELTA_BLOCK) &&
	       behind <= r->len && out->tail_len <= r->len - behind;
}

static bool add_part(struct reader *r, struct vs_part part)
{
	struct vs_parted *o = r->out;

	if (!vs_list_grow(&o->parts, &r->part_cap, o->count,
	                  sizeof(*o->parts))) {
		r->status = VS_ERR_NOMEM;
		return false;
	}
	o->parts[o->count++] = part;
	return true;
}

static bool add_stored(struct reader *r, uint64_t at, uint64_t len)
{
	return add_part(
		r, (struct vs_part){at, (uint32_t)len, (uint32_t)len, true, 0});
}

/* Takes f, but for its path. */
static void add_named(struct reader *r, const char *path, struct vs_part_file f)
{
	struct vs_parted *o = r->out;

	f.path = strdup(path);
	if (!f.path || !vs_list_grow(&o->files, &r->file_cap, o->file_count,
	                             sizeof(*o->files))) {
		free(f.path);
		r->status = VS_ERR_NOMEM;
		return;
	}
	o->files[o->file_count++] = f;
}

/* Its clusters lie one behind the other, or it is left out. */
static void add_packed(struct reader *r, const char *path, uint64_t number)
{
	uint64_t place = place_of(r, number), blocks = 0;
	struct vs_erofs_file f;
	vs_status status = vs_erofs_file_read(&r->reader, place, &f);
	bool together = status == VS_OK;

	for (size_t i = 0; together && i < f.count; i++) {
		together = f.list[i].block == f.list[0].block + blocks;
		blocks += f.list[i].blocks;
	}
	if (status == VS_ERR_NOMEM)
		r->status = status;
	if (together &&
	    add_part(r, (struct vs_part){(uint64_t)f.list[0].block *
	                                         VS_DELTA_BLOCK,
	                                 (uint32_t)blocks * VS_DELTA_BLOCK,
	                                 f.len, false, place}))
		add_named(r, path,
		          (struct vs_part_file){
				  .len = f.len,
				  .inode = (uint32_t)number,
				  .whole = true,
				  .first = (size_t)f.list[0].block *
		                           VS_DELTA_BLOCK,
				  .blocks = 1,
				  .tail = SIZE_MAX,
			  });
	vs_erofs_file_drop(&f);
}

/* Of programs alone: the rest needs no views, but has a name. */
static void add_file(struct reader *r, const char *path, uint64_t number,
                     const struct inode *inode)
{
	uint64_t begin = inode->blocks > 0 ? inode->at : inode->tail_at;
	uint64_t end = inode->at + inode->blocks * VS_DELTA_BLOCK;
	struct vs_part_file f = {.len = inode->len,
	                         .inode = (uint32_t)number,
	                         .whole = true,
	                         .tail_len = inode->tail_len};

	if (inode->len < 64 || memcmp(r->image + begin, "\177ELF", 4) != 0) {
		add_named(r, path,
		          (struct vs_part_file){.len = inode->len,
		                                .tail = SIZE_MAX,
		                                .tail_len = inode->tail_len,
		                                .plain_at = inode->at,
		                                .plain_tail = inode->tail_at});
		return;
	}
	for (uint64_t at = inode->at; at < end; at += VS_UNIT_LEN_MAX)
		if (!add_stored(r, at,
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
		if (!add_stored(r, f.tail, VS_DELTA_BLOCK))
			return;
	}
	add_named(r, path, f);
}

static void read_folder(struct reader *r, const struct inode *folder,
                        char *path, size_t used, int depth);

static void visit(struct reader *r, uint64_t number, char *path, size_t used,
                  int depth)
{
	struct vs_erofs_inode raw;
	struct inode inode;

	if (number > r->len / SLOT ||
	    vs_erofs_inode_read(&r->reader, place_of(r, number), &raw) != VS_OK)
		return;
	if (raw.type == TYPE_FILE && r->packed &&
	    (raw.layout == VS_EROFS_FULL || raw.layout == VS_EROFS_COMPACT))
		add_packed(r, path, number);
	else if (!locate(r, &raw, &inode))
		return;
	else if (inode.type == TYPE_FILE)
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

		if (!f->whole)
			continue;
		f->first = f->blocks > 0 ? vs_parted_find(o, f->first) : 0;
		if (f->tail != SIZE_MAX)
			f->tail = vs_parted_find(o, f->tail);
	}
}

static vs_status read_image(void *ctx, uint64_t at, void *out, size_t len)
{
	const struct vs_image *image = ctx;

	memcpy(out, image->bytes + at, len);
	return VS_OK;
}

/* Whether, and how, files are packed. */
static void read_packing(struct reader *r, const uint8_t *super)
{
	uint32_t features = (uint32_t)vs_le(super + 80, 4);
	const uint8_t *config = super + 128;
	uint32_t room = VS_DELTA_BLOCK;

	if (features & HAS_CONFIG) {
		if (vs_le(super + 84, 2) != ALGORITHM_LZ4 ||
		    vs_le(config, 2) < 4)
			return;
		/* 0 is one block, too */
		if (vs_le(config + 4, 2) > 1)
			room *= (uint32_t)vs_le(config + 4, 2);
	}
	if ((features & ~(uint32_t)HAS_CONFIG) != PADDED_LZ4 ||
	    room > VS_UNIT_LEN_MAX)
		return;
	r->packed = true;
	r->out->packing = VS_PACKING_LZ4;
	r->out->block = room;
	r->out->ahead = VS_CLUSTER_AHEAD_MAX;
}

static vs_status read_all(struct reader *r, const uint8_t *super)
{
	struct vs_parted *o = r->out;
	char path[PATH_LEN] = "";
	bool any = false;

	r->inodes = vs_le(super + 40, 4) * VS_DELTA_BLOCK;
	read_packing(r, super);
	visit(r, vs_le(super + 14, 2), path, 0, 0);
	if (r->status != VS_OK)
		return r->status;
	if (o->count == 0 || !vs_parted_order(o))
		return VS_ERR_ABSENT;
	number_parts(o);
	vs_parted_sort(o);
	for (size_t i = 0; i < o->count; i++)
		any = any || !o->parts[i].stored;
	if (!any) {
		o->packing = VS_PACKING_NONE;
		o->block = VS_UNIT_LEN_MAX;
	}
	return VS_OK;
}

vs_status vs_erofs_read(const struct vs_image *image, struct vs_parted *out)
{
	const uint8_t *super = image->bytes + SUPER;
	struct reader r = {.image = image->bytes,
	                   .len = image->len,
	                   .out = out,
	                   .whole = *image};

	r.reader = (struct vs_old_image){&r.whole, image->len, read_image};
	*out = (struct vs_parted){.packing = VS_PACKING_NONE,
	                          .block = VS_UNIT_LEN_MAX,
	                          .tables_at = image->len};
	if (image->len < 2 * VS_DELTA_BLOCK ||
	    image->len % VS_DELTA_BLOCK != 0 || vs_le(super, 4) != MAGIC ||
	    super[12] != BLOCK_BITS)
		return VS_ERR_ABSENT;
	return read_all(&r, super);
}

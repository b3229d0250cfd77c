/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/squash.c - each number beside what it should be.
 *
 * The same walk through a part serves both ways: at each field it knows what
 * is derived, and either takes that away or puts it back.
 */
#include "delta/squash.h"

#include <stdlib.h>
#include <string.h>

#include "delta/operand.h"

#define STORED_META 0x8000 /* in the size of a block of tables */
#define NOTHING UINT32_MAX
#define REF_LEN 8
#define FRAGMENT_LEN 16

enum type {
	FOLDER = 1,
	REGULAR,
	SYMLINK,
	BLOCK_DEVICE,
	CHAR_DEVICE,
	FIFO,
	SOCKET,
	LONG_FOLDER,
	LONG_REGULAR,
	LONG_SYMLINK,
	LONG_BLOCK_DEVICE,
	LONG_CHAR_DEVICE,
	LONG_FIFO,
	LONG_SOCKET,
	TYPES,
};

static const uint8_t fixed_len[TYPES] = {
	[FOLDER] = 32,       [REGULAR] = 32,           [SYMLINK] = 24,
	[BLOCK_DEVICE] = 24, [CHAR_DEVICE] = 24,       [FIFO] = 20,
	[SOCKET] = 20,       [LONG_FOLDER] = 40,       [LONG_REGULAR] = 56,
	[LONG_SYMLINK] = 28, [LONG_BLOCK_DEVICE] = 28, [LONG_CHAR_DEVICE] = 28,
	[LONG_FIFO] = 24,    [LONG_SOCKET] = 24,
};

/* While a part is walked through. */
struct pass {
	const struct vs_squash *s;
	bool undo;
	const uint8_t *fragments; /* as they really are */
	size_t fragment_count;
	/* where inodes lie: by number; of metadata blocks: where they begin */
	uint32_t *places; /* owned; NOTHING: no such inode */
	size_t place_count;
	uint32_t *starts; /* owned */
	size_t start_count;
	/* as the last inodes left it */
	uint64_t data_end;
	uint32_t fragment, fragment_end, number;
	uint32_t folder_start, folder_end;
};

/* Takes what was derived from a field, or puts it back; gives what the field
 * really says.
 */
static uint64_t field(const struct pass *p, uint8_t *at, size_t len,
                      uint64_t derived)
{
	uint64_t value = vs_le(at, len);
	uint64_t other = p->undo ? value + derived : value - derived;

	vs_put_le(at, other, len);
	return p->undo ? vs_le(at, len) : value;
}

/* The same for a number that is right or foreign: 0 and it change places. */
static uint32_t swapped(const struct pass *p, uint8_t *at, uint32_t derived)
{
	uint32_t value = (uint32_t)vs_le(at, 4);
	uint32_t other = value == derived ? 0 : value == 0 ? derived : value;

	vs_put_le(at, other, 4);
	return p->undo ? other : value;
}

static uint32_t bytes_of(uint32_t size)
{
	return size & (VS_SQUASH_STORED - 1);
}

/* The size of the unit at a place; 0 if it is not known. */
static uint32_t size_at(const struct pass *p, uint64_t at)
{
	size_t low = 0, high = p->s->known_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (p->s->known[middle].at < at)
			low = middle + 1;
		else
			high = middle;
	}
	return low < p->s->known_count && p->s->known[low].at == at
	               ? p->s->known[low].size
	               : 0;
}

/* Where data goes on: fragments may stand in between. */
static uint64_t behind_fragments(const struct pass *p, uint64_t at)
{
	size_t low = 0, high = p->fragment_count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (vs_le(p->fragments + middle * FRAGMENT_LEN, 8) < at)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < p->fragment_count; low++) {
		const uint8_t *f = p->fragments + low * FRAGMENT_LEN;

		if (vs_le(f, 8) != at)
			break;
		at += bytes_of((uint32_t)vs_le(f + 8, 4));
	}
	return at;
}

bool vs_squash_inode_read(const uint8_t *in, size_t left, uint32_t block,
                          struct vs_squash_inode *out)
{
	uint64_t more = 0;

	if (left < 16)
		return false;
	*out = (struct vs_squash_inode){.type = (uint32_t)vs_le(in, 2),
	                                .number = (uint32_t)vs_le(in + 12, 4),
	                                .fragment = NOTHING};
	if (out->type == 0 || out->type >= TYPES || left < fixed_len[out->type])
		return false;
	if (out->type == REGULAR) {
		out->start = vs_le(in + 16, 4);
		out->fragment = (uint32_t)vs_le(in + 20, 4);
		out->offset = (uint32_t)vs_le(in + 24, 4);
		out->file_len = vs_le(in + 28, 4);
	} else if (out->type == LONG_REGULAR) {
		out->start = vs_le(in + 16, 8);
		out->file_len = vs_le(in + 24, 8);
		out->fragment = (uint32_t)vs_le(in + 44, 4);
		out->offset = (uint32_t)vs_le(in + 48, 4);
	}
	if (out->type == REGULAR || out->type == LONG_REGULAR) {
		more = out->file_len / block;
		if (out->fragment == NOTHING && out->file_len % block != 0)
			more++;
		if (more > left / 4)
			return false;
		out->blocks = (size_t)more;
		more *= 4;
	} else if (out->type == SYMLINK || out->type == LONG_SYMLINK) {
		more = vs_le(in + 20, 4);
	}
	if (more > left - fixed_len[out->type])
		return false;
	out->len = fixed_len[out->type] + (size_t)more;
	/* a long folder has an index: places of names in its list */
	for (uint64_t i = 0; out->type == LONG_FOLDER && i < vs_le(in + 32, 2);
	     i++) {
		if (left - out->len < 12)
			return false;
		more = 12 + vs_le(in + out->len + 8, 4) + 1;
		if (more > left - out->len)
			return false;
		out->len += (size_t)more;
	}
	return true;
}

static void pass_blocks(struct pass *p, uint8_t *list, size_t count,
                        uint64_t at)
{
	for (size_t i = 0; i < count; i++)
		at += bytes_of(swapped(p, list + i * 4, size_at(p, at)));
	/* a file that is there twice lies further ahead */
	if (at > p->data_end)
		p->data_end = at;
}

/* Tails follow each other in their fragment, and in the next one. */
static void pass_tail(struct pass *p, uint8_t *fragment, uint8_t *offset,
                      uint64_t file_len)
{
	uint32_t tail = (uint32_t)(file_len % p->s->block);
	bool fits = tail <= p->s->block - p->fragment_end;
	uint32_t index = p->fragment + (fits ? 0 : 1);
	uint32_t at = fits ? p->fragment_end : 0;

	if (tail == 0)
		return;
	index = swapped(p, fragment, index);
	at = swapped(p, offset, at);
	if (index >= p->fragment_count || index < p->fragment ||
	    (index == p->fragment && at < p->fragment_end) ||
	    at > p->s->block - tail)
		return;
	p->fragment = index;
	p->fragment_end = at + tail;
}

/* Whether there is a fragment: a list of blocks is longer without, so that
 * this must be known before.  Its number changes place with 0 alone.
 */
static bool has_tail(const struct pass *p, const uint8_t *fragment,
                     uint64_t file_len)
{
	return vs_le(fragment, 4) != NOTHING && file_len % p->s->block != 0;
}

static void pass_regular(struct pass *p, uint8_t *in,
                         const struct vs_squash_inode *inode)
{
	bool is_long = inode->type == LONG_REGULAR;
	uint8_t *fragment = in + (is_long ? 44 : 20);
	uint8_t *list = in + fixed_len[inode->type];
	uint64_t at = 0;

	if (has_tail(p, fragment, inode->file_len))
		pass_tail(p, fragment, in + (is_long ? 48 : 24),
		          inode->file_len);
	if (inode->blocks > 0)
		at = field(p, in + 16, is_long ? 8 : 4,
		           behind_fragments(p, p->data_end));
	if (at > UINT64_MAX / 2)
		at = 0;
	pass_blocks(p, list, inode->blocks, at);
}

static void pass_folder(struct pass *p, uint8_t *in,
                        const struct vs_squash_inode *inode)
{
	bool is_long = inode->type == LONG_FOLDER;
	uint64_t len = is_long ? vs_le(in + 20, 4) : vs_le(in + 24, 2);

	p->folder_start = (uint32_t)field(p, in + (is_long ? 24 : 16), 4,
	                                  p->folder_start);
	p->folder_end = (uint32_t)field(p, in + (is_long ? 34 : 26), 2,
	                                p->folder_end % VS_SQUASH_META);
	/* an empty one is said to have 3 bytes */
	p->folder_end = (uint32_t)(p->folder_end + (len > 3 ? len - 3 : 0));
	(void)field(p, in + 28, 4, p->number);
}

static bool pass_inodes(struct pass *p)
{
	uint8_t *in = p->s->parts[VS_SQUASH_INODES];
	size_t left = p->s->lens[VS_SQUASH_INODES];

	while (left > 0) {
		struct vs_squash_inode inode;
		uint32_t place = (uint32_t)(in - p->s->parts[VS_SQUASH_INODES]);

		if (!vs_squash_inode_read(in, left, p->s->block, &inode))
			return false;
		p->number = (uint32_t)field(p, in + 12, 4, p->number + 1);
		if (p->number < p->place_count)
			p->places[p->number] = place;
		if (inode.type == REGULAR || inode.type == LONG_REGULAR)
			pass_regular(p, in, &inode);
		else if (inode.type == FOLDER || inode.type == LONG_FOLDER)
			pass_folder(p, in, &inode);
		in += inode.len;
		left -= inode.len;
	}
	return true;
}

/* The packed block's begin and the place in it. */
static void locate(const struct pass *p, uint32_t number, uint32_t *start,
                   uint32_t *place)
{
	uint32_t at = number < p->place_count ? p->places[number] : NOTHING;

	*start = *place = 0;
	if (at / VS_SQUASH_META >= p->start_count)
		return;
	*start = p->starts[at / VS_SQUASH_META];
	*place = at % VS_SQUASH_META;
}

/* Names give numbers as differences from their head's. */
static uint32_t number_of(uint32_t base, const uint8_t *name)
{
	return base + (uint32_t)vs_le_signed(name + 2, 2);
}

static bool pass_folders(struct pass *p)
{
	uint8_t *in = p->s->parts[VS_SQUASH_FOLDERS];
	size_t left = p->s->lens[VS_SQUASH_FOLDERS];
	uint32_t number = 0, start, place;

	while (left > 0) {
		uint64_t count = left < 12 ? 0 : vs_le(in, 4) + 1;
		uint8_t *head = in;

		/* the first name says where the head's inodes are */
		if (count == 0 || left - 12 < 8)
			return false;
		number = (uint32_t)field(p, head + 8, 4, number);
		locate(p, number_of(number, head + 12), &start, &place);
		(void)field(p, head + 4, 4, start);
		in += 12;
		left -= 12;
		for (uint64_t i = 0; i < count; i++) {
			size_t len;

			if (left < 8)
				return false;
			len = 8 + (size_t)vs_le(in + 6, 2) + 1;
			if (len > left)
				return false;
			locate(p, number_of(number, in), &start, &place);
			(void)field(p, in, 2, place);
			in += len;
			left -= len;
		}
	}
	return true;
}

static void pass_fragments(struct pass *p)
{
	uint8_t *in = p->s->parts[VS_SQUASH_FRAGMENTS];
	uint64_t end = 0;

	for (size_t i = 0; i < p->fragment_count; i++, in += FRAGMENT_LEN) {
		uint64_t at = field(p, in, 8, end);
		uint32_t size = swapped(p, in + 8, size_at(p, at));

		end = at + bytes_of(size);
	}
}

static void pass_exports(struct pass *p)
{
	uint8_t *in = p->s->parts[VS_SQUASH_EXPORTS];
	size_t count = p->s->lens[VS_SQUASH_EXPORTS] / REF_LEN;

	for (size_t i = 0; i < count; i++) {
		uint32_t start, place;

		locate(p, (uint32_t)i + 1, &start, &place);
		(void)field(p, in + i * REF_LEN, 8,
		            (uint64_t)start << 16 | place);
	}
}

static vs_status pass_init(struct pass *p, const struct vs_squash *s, bool undo)
{
	*p = (struct pass){.s = s, .undo = undo};
	p->fragment_count = s->lens[VS_SQUASH_FRAGMENTS] / FRAGMENT_LEN;
	p->place_count = s->lens[VS_SQUASH_INODES] / fixed_len[FIFO] + 2;
	p->places = malloc(p->place_count * sizeof(*p->places));
	p->starts = calloc(s->lens[VS_SQUASH_INODES] / VS_SQUASH_META + 1,
	                   sizeof(*p->starts));
	if (!p->places || !p->starts)
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < p->place_count; i++)
		p->places[i] = NOTHING;
	p->data_end = VS_SQUASH_SUPER_LEN;
	p->number = 0;
	return VS_OK;
}

static void pass_drop(struct pass *p)
{
	free(p->places);
	free(p->starts);
}

/* What comes before inodes' numbers can be looked up, and what comes after.
 * Fragments are needed as they really are while inodes are walked through:
 * fragments is room for a copy, or NULL where the pass makes them so.
 */
static vs_status pass_first(struct pass *p, uint8_t *fragments)
{
	size_t len = p->s->lens[VS_SQUASH_FRAGMENTS];

	p->fragments = p->s->parts[VS_SQUASH_FRAGMENTS];
	if (fragments) {
		memcpy(fragments, p->fragments, len);
		p->fragments = fragments;
	}
	pass_fragments(p);
	return pass_inodes(p) ? VS_OK : VS_ERR_INPUT;
}

static vs_status pass_second(struct pass *p)
{
	pass_exports(p);
	return pass_folders(p) ? VS_OK : VS_ERR_INPUT;
}

/* Packed blocks from *at on, until the part is full. */
static vs_status unpack_part(struct vs_squash *s, enum vs_squash_part part,
                             const uint8_t **at, size_t *left, uint32_t *starts)
{
	const uint8_t *begin = *at;
	size_t count = 0;

	for (size_t done = 0; done < s->lens[part]; count++) {
		size_t want = s->lens[part] - done;
		uint32_t size;
		vs_status status = VS_OK;

		if (want > VS_SQUASH_META)
			want = VS_SQUASH_META;
		if (*left < 2)
			return VS_ERR_INPUT;
		if (starts)
			starts[count] = (uint32_t)(*at - begin);
		size = (uint32_t)vs_le(*at, 2);
		*at += 2;
		*left -= 2;
		if ((size & ~(uint32_t)STORED_META) > *left)
			return VS_ERR_INPUT;
		if (!(size & STORED_META))
			status = vs_packer_unpack(s->packer, s->packing, *at,
			                          size, s->parts[part] + done,
			                          want);
		else if ((size & ~(uint32_t)STORED_META) == want)
			memcpy(s->parts[part] + done, *at, want);
		else
			status = VS_ERR_INPUT;
		if (status != VS_OK)
			return status;
		size &= ~(uint32_t)STORED_META;
		*at += size;
		*left -= size;
		done += want;
	}
	if (part >= VS_SQUASH_FRAGMENTS) {
		if (count * REF_LEN > *left)
			return VS_ERR_INPUT;
		*at += count * REF_LEN;
		*left -= count * REF_LEN;
	}
	return VS_OK;
}

vs_status vs_squash_unpack(struct vs_squash *s, const uint8_t *in, size_t len)
{
	struct pass p;
	uint8_t *fragments = malloc(s->lens[VS_SQUASH_FRAGMENTS] + 1);
	vs_status status = pass_init(&p, s, false);

	if (!fragments)
		status = VS_ERR_NOMEM;
	for (int part = 0; part < VS_SQUASH_REST && status == VS_OK; part++)
		status = unpack_part(s, (enum vs_squash_part)part, &in, &len,
		                     part == 0 ? p.starts : NULL);
	p.start_count = (s->lens[VS_SQUASH_INODES] + VS_SQUASH_META - 1) /
	                VS_SQUASH_META;
	if (status == VS_OK && len != s->lens[VS_SQUASH_REST])
		status = VS_ERR_INPUT;
	if (status == VS_OK) {
		memcpy(s->parts[VS_SQUASH_REST], in, len);
		status = pass_first(&p, fragments);
	}
	if (status == VS_OK)
		status = pass_second(&p);
	free(fragments);
	pass_drop(&p);
	return status;
}

/* What was written so far. */
struct output {
	uint64_t base; /* its place in the image */
	uint8_t *out;
	size_t len, room;
};

static vs_status pack_block(struct vs_squash *s, const uint8_t *in, size_t len,
                            struct output *o)
{
	uint8_t packed[VS_SQUASH_META];
	const uint8_t *from = packed;
	uint32_t size;
	size_t n = 0;
	vs_status status =
		vs_packer_pack(s->packer, s->packing,
	                       vs_packing_tables_level(s->packing, s->level),
	                       in, len, packed, sizeof(packed), &n);

	if (status == VS_ERR_NOMEM)
		return status;
	size = (uint32_t)n;
	if (status != VS_OK || n >= len) {
		n = len;
		from = in;
		size = (uint32_t)n | STORED_META;
	}
	if (o->room - o->len < n + 2)
		return VS_ERR_LIMIT;
	vs_put_le(o->out + o->len, size, 2);
	memcpy(o->out + o->len + 2, from, n);
	o->len += n + 2;
	return VS_OK;
}

static vs_status pack_part(struct vs_squash *s, enum vs_squash_part part,
                           struct output *o, uint32_t *starts)
{
	size_t begin = o->len, len = s->lens[part];
	size_t count = (len + VS_SQUASH_META - 1) / VS_SQUASH_META;
	uint64_t *index = malloc((count + 1) * sizeof(*index));
	vs_status status = index ? VS_OK : VS_ERR_NOMEM;

	for (size_t i = 0; i < count && status == VS_OK; i++) {
		size_t at = i * VS_SQUASH_META;

		index[i] = o->base + o->len;
		if (starts)
			starts[i] = (uint32_t)(o->len - begin);
		status = pack_block(s, s->parts[part] + at,
		                    len - at < VS_SQUASH_META ? len - at
		                                              : VS_SQUASH_META,
		                    o);
	}
	if (status == VS_OK && part >= VS_SQUASH_FRAGMENTS) {
		if (o->room - o->len < count * REF_LEN)
			status = VS_ERR_LIMIT;
		for (size_t i = 0; i < count && status == VS_OK; i++) {
			vs_put_le(o->out + o->len, index[i], REF_LEN);
			o->len += REF_LEN;
		}
	}
	free(index);
	return status;
}

vs_status vs_squash_pack(struct vs_squash *s, uint64_t at, uint8_t *out,
                         size_t room, size_t *out_len)
{
	struct output o = {at, out, 0, room};
	size_t rest = s->lens[VS_SQUASH_REST];
	struct pass p;
	vs_status status = pass_init(&p, s, true);

	if (status == VS_OK)
		status = pass_first(&p, NULL);
	if (status == VS_OK)
		status = pack_part(s, VS_SQUASH_INODES, &o, p.starts);
	p.start_count = (s->lens[VS_SQUASH_INODES] + VS_SQUASH_META - 1) /
	                VS_SQUASH_META;
	if (status == VS_OK)
		status = pass_second(&p);
	for (int part = VS_SQUASH_FOLDERS;
	     part < VS_SQUASH_REST && status == VS_OK; part++)
		status = pack_part(s, (enum vs_squash_part)part, &o, NULL);
	pass_drop(&p);
	if (status == VS_OK && o.room - o.len < rest)
		status = VS_ERR_LIMIT;
	if (status != VS_OK)
		return status;
	memcpy(o.out + o.len, s->parts[VS_SQUASH_REST], rest);
	*out_len = o.len + rest;
	return VS_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * delta/packed.c - files and clusters at hand.
 */
#include "delta/packed.h"

#include <stdlib.h>
#include <string.h>

#include "delta/cluster.h"

#define KEPT_BYTES (UINT32_C(512) << 10)

void vs_packed_drop(struct vs_packed *p)
{
	for (size_t i = 0; i < VS_PACKED_FILES; i++)
		vs_erofs_file_drop(&p->files[i].file);
	for (size_t i = 0; i < VS_PACKED_KEPT; i++)
		free(p->kept[i].bytes);
	free(p->cluster);
	*p = (struct vs_packed){.image = p->image};
}

static vs_status open_file(struct vs_packed *p, uint64_t inode,
                           const struct vs_erofs_file **out)
{
	struct vs_packed_file *oldest = &p->files[0];
	vs_status status;

	for (size_t i = 0; i < VS_PACKED_FILES; i++) {
		struct vs_packed_file *f = &p->files[i];

		if (f->inode == inode + 1) {
			f->used = ++p->clock;
			*out = &f->file;
			return VS_OK;
		}
		if (f->used < oldest->used)
			oldest = f;
	}
	vs_erofs_file_drop(&oldest->file);
	oldest->inode = 0;
	status = vs_erofs_file_read(p->image, inode, &oldest->file);
	if (status != VS_OK) {
		vs_erofs_file_drop(&oldest->file);
		return status;
	}
	oldest->inode = inode + 1;
	oldest->used = ++p->clock;
	*out = &oldest->file;
	return VS_OK;
}

static void give_up(struct vs_packed *p, struct vs_packed_cluster *k)
{
	p->kept_bytes -= k->cap;
	free(k->bytes);
	*k = (struct vs_packed_cluster){0};
}

static struct vs_packed_cluster *oldest_of(struct vs_packed *p)
{
	struct vs_packed_cluster *best = NULL;

	for (size_t i = 0; i < VS_PACKED_KEPT; i++) {
		struct vs_packed_cluster *k = &p->kept[i];

		if (k->bytes && (!best || k->used < best->used))
			best = k;
	}
	return best;
}

/* A place for len bytes: the oldest ones go until there is room. */
static struct vs_packed_cluster *make_room(struct vs_packed *p, size_t len)
{
	struct vs_packed_cluster *free_one = NULL, *oldest;

	for (size_t i = 0; i < VS_PACKED_KEPT; i++)
		if (!p->kept[i].bytes)
			free_one = &p->kept[i];
	while ((oldest = oldest_of(p)) != NULL &&
	       (!free_one || p->kept_bytes + len > KEPT_BYTES)) {
		give_up(p, oldest);
		free_one = oldest;
	}
	free_one->bytes = malloc(len);
	if (!free_one->bytes)
		return NULL;
	free_one->cap = len;
	p->kept_bytes += len;
	return free_one;
}

static vs_status unpack(struct vs_packed *p, const struct vs_erofs_cluster *c,
                        uint8_t *out, uint32_t holds)
{
	size_t len = (size_t)c->blocks * VS_DELTA_BLOCK;
	vs_status status;

	if (len > p->cluster_cap) {
		uint8_t *more = realloc(p->cluster, len);

		if (!more)
			return VS_ERR_NOMEM;
		p->cluster = more;
		p->cluster_cap = len;
	}
	status = p->image->read(p->image->ctx,
	                        (uint64_t)c->block * VS_DELTA_BLOCK, p->cluster,
	                        len);
	if (status != VS_OK)
		return status;
	p->opened++;
	return vs_cluster_unpack(p->cluster, len, c->packed, out, holds);
}

static vs_status open_cluster(struct vs_packed *p, uint64_t inode,
                              const struct vs_erofs_file *f, size_t number,
                              const uint8_t **out)
{
	uint32_t holds = vs_erofs_holds(f, number);
	struct vs_packed_cluster *k;
	vs_status status;

	for (size_t i = 0; i < VS_PACKED_KEPT; i++) {
		k = &p->kept[i];
		if (k->inode == inode + 1 && k->number == number) {
			k->used = ++p->clock;
			*out = k->bytes;
			return VS_OK;
		}
	}
	k = make_room(p, holds);
	if (!k)
		return VS_ERR_NOMEM;
	status = unpack(p, &f->list[number], k->bytes, holds);
	if (status != VS_OK) {
		give_up(p, k);
		return status;
	}
	k->inode = inode + 1;
	k->number = number;
	k->used = ++p->clock;
	*out = k->bytes;
	return VS_OK;
}

vs_status vs_packed_read(struct vs_packed *p, uint64_t inode, uint64_t at,
                         uint8_t *out, size_t len)
{
	const struct vs_erofs_file *f;
	vs_status status = open_file(p, inode, &f);

	while (len > 0 && status == VS_OK && at < f->len) {
		size_t number = vs_erofs_find(f, (uint32_t)at);
		uint32_t inside = (uint32_t)at - f->list[number].from;
		size_t n = vs_erofs_holds(f, number) - inside;
		const uint8_t *bytes;

		status = open_cluster(p, inode, f, number, &bytes);
		if (status != VS_OK)
			break;
		n = n < len ? n : len;
		memcpy(out, bytes + inside, n);
		out += n;
		at += n;
		len -= n;
	}
	if (status == VS_OK)
		memset(out, 0, len);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/leafuse.c - the LMS signatures that a room has seen.
 *
 * A signature counts for something only if it verifies: bytes that somebody
 * wrote into a proposal's folder neither stop a key nor accuse it.
 */
#include "sign/leafuse.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "seal/seal.h"
#include "sign/say.h"

/* One LMS signature of the room and what it is over. */
struct use {
	const char *path;
	const struct vs_signature *s;
	uint32_t leaf;
	const uint8_t *message;
	size_t len;
};

struct walk {
	const struct vs_room *room;
	struct vs_crypto crypto;
	vs_status (*each)(void *ctx, struct walk *w, const struct use *u);
	void *ctx;
};

static uint32_t leaf_of(const struct vs_signature *s)
{
	const uint8_t *p = s->bytes;

	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static vs_status walk_signatures(struct walk *w, const char *path,
                                 const struct vs_signatures *sigs,
                                 const uint8_t *message, size_t len)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < sigs->count && !status; i++) {
		struct use u = {.path = path,
		                .s = &sigs->at[i],
		                .message = message,
		                .len = len};

		if (u.s->scheme != VS_SCHEME_LMS_SHA256 || u.s->len < 4)
			continue;
		u.leaf = leaf_of(u.s);
		status = w->each(w->ctx, w, &u);
	}
	return status;
}

/* What is neither a seal nor a keyring is passed over: packs, metadata. */
static vs_status walk_file(struct walk *w, const char *path)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_signatures sigs;
	struct vs_keyring ring;
	struct vs_seal seal;
	size_t len, body_len;
	vs_status status = vs_file_read(path, VS_SEAL_LEN_MAX, &bytes, &len);

	if (status == VS_ERR_LIMIT) /* a pack */
		return VS_OK;
	if (status)
		return vs_say_io(status, path);
	if (vs_seal_decode(bytes, len, &seal, NULL) == VS_OK)
		return walk_signatures(w, path, &seal.signatures, seal.raw,
		                       VS_SEAL_HEADER_LEN);
	if (vs_keyring_decode(&w->crypto, bytes, len, &ring, &body_len, NULL) ==
	            VS_OK &&
	    vs_signatures_decode(bytes + body_len, len - body_len, &sigs,
	                         NULL) == VS_OK)
		return walk_signatures(w, path, &sigs, bytes, body_len);
	return VS_OK;
}

static vs_status walk_folder(struct walk *w, const char *dir)
{
	char path[PATH_MAX];
	DIR *all = opendir(dir);
	vs_status status = VS_OK;

	if (!all)
		return errno == ENOENT || errno == ENOTDIR
		               ? VS_OK
		               : vs_say_io(VS_ERR_IO, dir);
	for (struct dirent *e; !status && (e = readdir(all));) {
		if (e->d_name[0] == '.')
			continue;
		status = vs_path_join(path, sizeof path, dir, e->d_name);
		status = status ? vs_say_io(status, dir) : walk_file(w, path);
	}
	closedir(all);
	return status;
}

static vs_status walk_proposals(struct walk *w)
{
	char dir[PATH_MAX], path[PATH_MAX];
	vs_status status = vs_room_path(w->room, dir, "proposals");

	if (status)
		return status;
	DIR *all = opendir(dir);
	if (!all)
		return errno == ENOENT ? VS_OK : vs_say_io(VS_ERR_IO, dir);
	for (struct dirent *e; !status && (e = readdir(all));) {
		if (!vs_room_name_ok(e->d_name))
			continue;
		status = vs_path_join(path, sizeof path, dir, e->d_name);
		status = status ? vs_say_io(status, dir) : walk_folder(w, path);
	}
	closedir(all);
	return status;
}

static vs_status walk_room(struct walk *w)
{
	static const char *const folders[] = {"in-force/artifacts",
	                                      "in-force/" VS_BOOT};
	char dir[PATH_MAX];
	vs_status status = vs_openssl_init(&w->crypto);

	if (status)
		return vs_say_io(status, w->room->dir);
	for (size_t i = 0; i < 2 && !status; i++) {
		status = vs_room_path(w->room, dir, "%s", folders[i]);
		if (!status)
			status = walk_folder(w, dir);
	}
	if (!status)
		status = walk_proposals(w);
	vs_openssl_drop(&w->crypto);
	return status;
}

static bool good(const struct walk *w, const uint8_t *key, const struct use *u)
{
	return vs_lms_verify(&w->crypto, key, u->message, u->len, u->s->bytes,
	                     u->s->len) == VS_OK;
}

/* A folder that was put back */

static vs_status check_one(void *ctx, struct walk *w, const struct use *u)
{
	const struct vs_lmskey *key = ctx;

	if (memcmp(u->s->key_id, key->pub.id, VS_SHA256_LEN) != 0 ||
	    u->leaf < key->leaf.next || u->leaf >= key->leaf.end ||
	    !good(w, key->pub.key, u))
		return VS_OK;
	vs_error("%s: is older than the room: leaf %u, which it calls free, "
	         "has signed %s; it was restored from a copy and signs no more "
	         "(%s)",
	         key->dir, (unsigned)u->leaf, u->path,
	         vs_reason_name(VS_REASON_REPLAY));
	return VS_ERR_REFUSED;
}

vs_status vs_leafuse_check(const struct vs_room *r, struct vs_lmskey *key)
{
	struct walk w = {.room = r, .each = check_one, .ctx = key};

	return walk_room(&w);
}

/* A leaf that signed twice */

struct seen {
	uint8_t key_id[VS_SHA256_LEN];
	uint32_t leaf;
	uint8_t sha256[VS_SHA256_LEN]; /* of the signature */
};

struct once {
	const struct vs_keyring *ring;
	struct seen *all; /* owned */
	size_t count, room;
};

static const uint8_t *key_of(const struct vs_keyring *ring, const uint8_t *id)
{
	for (size_t i = 0; i < ring->key_count; i++)
		if (ring->keys[i].scheme == VS_SCHEME_LMS_SHA256 &&
		    memcmp(ring->keys[i].id, id, VS_SHA256_LEN) == 0)
			return ring->keys[i].point;
	return NULL;
}

static vs_status remember(struct once *o, const struct seen *new)
{
	if (o->count == o->room) {
		size_t room = o->room ? 2 * o->room : 64;
		struct seen *all = reallocarray(o->all, room, sizeof *all);

		if (!all)
			return VS_ERR_NOMEM;
		o->all = all;
		o->room = room;
	}
	o->all[o->count++] = *new;
	return VS_OK;
}

static vs_status collect(void *ctx, struct walk *w, const struct use *u)
{
	struct once *o = ctx;
	const uint8_t *key = key_of(o->ring, u->s->key_id);
	struct seen new = {.leaf = u->leaf};
	vs_status status;

	if (!key || !good(w, key, u))
		return VS_OK;
	memcpy(new.key_id, u->s->key_id, sizeof new.key_id);
	/* not of the message: the same one is signed with another randomizer,
	 * and that gives as much away */
	status = w->crypto.sha256(w->crypto.ctx, u->s->bytes, u->s->len, NULL,
	                          0, new.sha256);
	if (!status)
		status = remember(o, &new);
	return status ? vs_say_io(status, u->path) : VS_OK;
}

static int in_order(const void *a, const void *b)
{
	const struct seen *x = a, *y = b;
	int order = memcmp(x->key_id, y->key_id, sizeof x->key_id);

	if (order)
		return order;
	if (x->leaf != y->leaf)
		return x->leaf < y->leaf ? -1 : 1;
	return memcmp(x->sha256, y->sha256, sizeof x->sha256);
}

static vs_status find_twice(const struct vs_room *r, struct once *o)
{
	if (o->count)
		qsort(o->all, o->count, sizeof *o->all, in_order);
	for (size_t i = 1; i < o->count; i++) {
		const struct seen *a = &o->all[i - 1], *b = &o->all[i];
		char id[65];

		if (memcmp(a->key_id, b->key_id, sizeof a->key_id) != 0 ||
		    a->leaf != b->leaf ||
		    memcmp(a->sha256, b->sha256, sizeof a->sha256) == 0)
			continue;
		vs_hex_encode(b->key_id, sizeof b->key_id, id);
		vs_error("%s: leaf %u of LMS key %s has signed two things, so "
		         "that anybody can sign with it: withdraw the key (%s)",
		         r->dir, (unsigned)b->leaf, id,
		         vs_reason_name(VS_REASON_CONFLICT));
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

static vs_status once(const struct vs_room *r, const struct vs_keyring *ring)
{
	struct once o = {.ring = ring};
	struct walk w = {.room = r, .each = collect, .ctx = &o};
	bool any = false;

	for (size_t i = 0; i < ring->key_count; i++)
		any = any || ring->keys[i].scheme == VS_SCHEME_LMS_SHA256;
	if (!any)
		return VS_OK;
	vs_status status = walk_room(&w);
	if (!status)
		status = find_twice(r, &o);
	free(o.all);
	return status;
}

vs_status vs_leafuse_once(const struct vs_room *r, struct vs_proposal *p)
{
	const struct vs_document *d =
		p ? vs_proposal_document(p, VS_BOOT, VS_KEYRING) : NULL;
	struct vs_keyring ring;
	vs_status status = vs_room_keyring(r, &ring);

	status = status ? status : once(r, &ring);
	if (status && status != VS_ERR_ABSENT)
		return status;
	return d && d->present ? once(r, &d->ring) : VS_OK;
}

/* How far a key is */

struct next {
	const uint8_t *key_id;
	uint32_t next;
};

static vs_status highest(void *ctx, struct walk *w, const struct use *u)
{
	struct next *n = ctx;

	(void)w;
	if (memcmp(u->s->key_id, n->key_id, VS_SHA256_LEN) == 0 &&
	    u->leaf < UINT32_C(1) << VS_LMS_HEIGHT_MAX && u->leaf >= n->next)
		n->next = u->leaf + 1;
	return VS_OK;
}

vs_status vs_leafuse_next(const struct vs_room *r,
                          const uint8_t key_id[static VS_SHA256_LEN],
                          uint32_t *next)
{
	struct next n = {.key_id = key_id};
	struct walk w = {.room = r, .each = highest, .ctx = &n};
	vs_status status = walk_room(&w);

	*next = n.next;
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/logfolder.c - the transparency log beside a release, sent.
 */
#include "operate/logfolder.h"

#include <errno.h>
#include <fts.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "operate/say.h"
#include "trust/evidence.h"
#include "trust/proof.h"
#include "trust/tile.h"

static const char proof_end[] = ".tlog-proof";

enum { quoted_max = 256 };

static enum vs_exit wrong(const char *path, const char *what)
{
	char quoted[quoted_max];

	vs_error("%s: %s", vs_log_quote(path, quoted, sizeof quoted), what);
	return VS_EXIT_FAILED;
}

static enum vs_exit refused(const char *path, const struct vs_why *why)
{
	char quoted[quoted_max];

	vs_error("%s: %s (%s)", vs_log_quote(path, quoted, sizeof quoted),
	         why->what, vs_reason_name(why->code));
	return VS_EXIT_FAILED;
}

static enum vs_exit read_file(const char *path, size_t max, uint8_t **out,
                              size_t *len)
{
	vs_status st = vs_file_read(path, max, out, len);

	if (st == VS_ERR_ABSENT)
		return wrong(path, "not there");
	if (st)
		return wrong(path, st == VS_ERR_IO ? strerror(errno)
		                                   : vs_status_name(st));
	return VS_EXIT_OK;
}

/* "DIR/A/B"; whether somebody put anything there. */
static enum vs_exit path_of(const struct vs_logfolder *l, const char *a,
                            const char *b, char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s%s%s", l->dir, a, *b ? "/" : "",
	                 b);

	return n < 0 || n >= PATH_MAX ? wrong(l->dir, "the path is too long")
	                              : VS_EXIT_OK;
}

static bool is_folder(const char *path)
{
	struct stat st;

	return !stat(path, &st) && S_ISDIR(st.st_mode);
}

static vs_status parse_checkpoint(const void *in, size_t len,
                                  struct vs_checkpoint *out, struct vs_why *why)
{
	VS_AUTO(vs_free_drop) struct vs_note *note = malloc(sizeof *note);
	vs_status st = note ? vs_note_parse(in, len, note, why) : VS_ERR_NOMEM;

	return st ? st : vs_checkpoint_parse(note, out, why);
}

static enum vs_exit load_log(struct vs_logfolder *l)
{
	char path[PATH_MAX];
	struct vs_why why = {0};
	enum vs_exit e = path_of(l, "log", "", path);

	if (e || !is_folder(path))
		return e;
	e = path_of(l, "log", "checkpoint", path);
	if (!e)
		e = read_file(path, VS_NOTE_LEN_MAX, &l->note, &l->note_len);
	if (e)
		return e;
	vs_status st =
		parse_checkpoint(l->note, l->note_len, &l->checkpoint, &why);
	if (st && why.what)
		return refused(path, &why);
	return st ? wrong(path, vs_status_name(st)) : VS_EXIT_OK;
}

/* Which seal a proof is about, by the entry that it carries. */
static vs_status proof_seal(const void *in, size_t len,
                            char sha256[static VS_LEAF_HEX_LEN],
                            struct vs_why *why)
{
	struct vs_evidence evidence = {0};
	VS_AUTO(vs_free_drop) uint8_t *extra = malloc(VS_PROOF_EXTRA_MAX);
	struct vs_proof proof;
	size_t extra_len = 0;
	vs_status st =
		extra ? vs_proof_parse(in, len, &proof, why) : VS_ERR_NOMEM;

	if (!st && !proof.extra.len)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "carries no entry", 0);
	if (!st)
		st = vs_span_base64(&proof.extra, extra, VS_PROOF_EXTRA_MAX,
		                    &extra_len);
	if (!st)
		st = vs_evidence_decode(extra, extra_len, &evidence, why);
	if (!st)
		memcpy(sha256, evidence.leaf.seal_sha256, VS_LEAF_HEX_LEN);
	vs_evidence_drop(&evidence);
	return st;
}

typedef enum vs_exit (*with_proof)(void *ctx, const char *path,
                                   const char *sha256, const void *in,
                                   size_t len);

static enum vs_exit one_proof(const char *path, with_proof then, void *ctx)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	char sha256[VS_LEAF_HEX_LEN];
	struct vs_why why = {0};
	size_t len;
	enum vs_exit e = read_file(path, VS_PROOF_LEN_MAX, &bytes, &len);

	if (e)
		return e;
	vs_status st = proof_seal(bytes, len, sha256, &why);
	if (st && why.what)
		return refused(path, &why);
	return st ? wrong(path, vs_status_name(st))
	          : then(ctx, path, sha256, bytes, len);
}

static int by_name(const FTSENT **a, const FTSENT **b)
{
	return strcmp((*a)->fts_name, (*b)->fts_name);
}

/* Nothing else belongs there: a misnamed proof must not be passed over. */
static enum vs_exit one_file(const FTSENT *f, with_proof then, void *ctx)
{
	const size_t end = sizeof proof_end - 1;

	switch (f->fts_info) {
	case FTS_D:
	case FTS_DP:
		return VS_EXIT_OK;
	case FTS_DNR:
	case FTS_ERR:
	case FTS_NS:
		return wrong(f->fts_path, strerror(f->fts_errno));
	default:
		if (f->fts_info != FTS_F || f->fts_namelen <= end ||
		    strcmp(f->fts_name + f->fts_namelen - end, proof_end) != 0)
			return wrong(f->fts_path,
			             "proofs are files named SEAL.tlog-proof");
		return one_proof(f->fts_path, then, ctx);
	}
}

static enum vs_exit each_proof(const struct vs_logfolder *l, with_proof then,
                               void *ctx)
{
	char path[PATH_MAX];
	char *roots[] = {path, NULL};
	enum vs_exit e = path_of(l, "proofs", "", path);

	if (e || !is_folder(path))
		return e;
	FTS *tree = fts_open(roots, FTS_PHYSICAL | FTS_NOCHDIR, by_name);
	if (!tree)
		return wrong(path, strerror(errno));
	for (const FTSENT *f; !e && (errno = 0, f = fts_read(tree));)
		e = one_file(f, then, ctx);
	if (!e && errno)
		e = wrong(path, strerror(errno));
	if (fts_close(tree) && !e)
		e = wrong(path, strerror(errno));
	return e;
}

static enum vs_exit count_proof(void *ctx, const char *path, const char *sha256,
                                const void *in, size_t len)
{
	struct vs_logfolder *l = ctx;

	(void)path;
	(void)sha256;
	(void)in;
	(void)len;
	l->proofs++;
	return VS_EXIT_OK;
}

enum vs_exit vs_logfolder_load(const char *dir, struct vs_logfolder *out)
{
	*out = (struct vs_logfolder){.dir = dir};
	enum vs_exit e = load_log(out);

	return e ? e : each_proof(out, count_proof, out);
}

void vs_logfolder_drop(struct vs_logfolder *l)
{
	free(l->note);
	*l = (struct vs_logfolder){0};
}

/* Where an upload of the log stands. */
struct sending {
	struct vs_logfolder *folder;
	struct vs_client *client;
	uint64_t old; /* what the server's checkpoint covers */
	size_t total;
};

/* The tiles of our checkpoint that the server's does not cover. */
static enum vs_exit each_tile(struct sending *s,
                              enum vs_exit (*then)(struct sending *s,
                                                   const struct vs_tile *tile))
{
	const uint64_t size = s->folder->checkpoint.head.size;
	enum vs_exit e = VS_EXIT_OK;

	for (unsigned level = 0; level < VS_TILE_LEVELS; level++) {
		struct vs_tile t = {
			.level = level,
			.index = (s->old >> 8 * level) / VS_TILE_WIDTH,
		};

		for (; !e && (t.width = vs_tile_width(level, t.index, size));
		     t.index++) {
			if (vs_tile_width(level, t.index, s->old) >= t.width)
				continue;
			t.entries = level == 0;
			if (t.entries)
				e = then(s, &t);
			t.entries = false;
			if (!e)
				e = then(s, &t);
		}
	}
	return e;
}

static enum vs_exit count_tile(struct sending *s, const struct vs_tile *tile)
{
	(void)tile;
	s->total++;
	return VS_EXIT_OK;
}

static enum vs_exit send_tile(struct sending *s, const struct vs_tile *tile)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	char name[VS_TILE_PATH_LEN], path[PATH_MAX];
	char to[VS_TILE_PATH_LEN + sizeof "/v1/log/"];
	size_t len;

	vs_tile_path(tile, name);
	(void)snprintf(to, sizeof to, "/v1/log/%s", name);
	enum vs_exit e = path_of(s->folder, "log", name, path);
	if (!e)
		e = read_file(path, VS_BUNDLE_LEN_MAX, &bytes, &len);
	if (!e)
		e = vs_client_put(s->client, to, path, bytes, len);
	s->folder->sent += !e;
	vs_say_progress("log", s->folder->sent, s->total);
	return e;
}

/* *same: the server has this very checkpoint, and so its tiles. */
static enum vs_exit look(struct sending *s, bool *same)
{
	const struct vs_logfolder *l = s->folder;
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_checkpoint has;
	struct vs_why why = {0};
	char path[PATH_MAX];
	size_t len = 0;
	enum vs_exit e = path_of(l, "log", "checkpoint", path);

	*same = false;
	if (!e)
		e = vs_client_fetch(s->client, "/log/checkpoint", path, &bytes,
		                    &len);
	if (e || !bytes)
		return e;
	*same = len == l->note_len && memcmp(bytes, l->note, len) == 0;
	if (parse_checkpoint(bytes, len, &has, &why))
		return wrong(path, "the server's checkpoint is malformed");
	if (strcmp(has.origin, l->checkpoint.origin) != 0) {
		why.what = "the server has another log";
		why.code = VS_REASON_WRONG_ORIGIN;
		return refused(path, &why);
	}
	s->old = has.head.size;
	return VS_EXIT_OK;
}

enum vs_exit vs_logfolder_send(struct vs_logfolder *l, struct vs_client *c)
{
	struct sending s = {.folder = l, .client = c};
	char path[PATH_MAX];
	bool same = false;

	if (!l->note)
		return VS_EXIT_OK;
	enum vs_exit e = look(&s, &same);
	if (e || same)
		return e;
	e = each_tile(&s, count_tile);
	if (!e)
		e = each_tile(&s, send_tile);
	vs_say_progress_end();
	if (!e)
		e = path_of(l, "log", "checkpoint", path);
	if (!e)
		e = vs_client_put(c, "/v1/log/checkpoint", path, l->note,
		                  l->note_len);
	l->sent += !e;
	return e;
}

static enum vs_exit send_proof(void *ctx, const char *path, const char *sha256,
                               const void *in, size_t len)
{
	struct sending *s = ctx;
	char to[sizeof "/v1/proofs/" + VS_LEAF_HEX_LEN];

	(void)snprintf(to, sizeof to, "/v1/proofs/%s", sha256);
	enum vs_exit e = vs_client_put(s->client, to, path, in, len);
	s->folder->proofs_sent += !e;
	vs_say_progress("proofs", s->folder->proofs_sent, s->folder->proofs);
	return e;
}

enum vs_exit vs_logfolder_send_proofs(struct vs_logfolder *l,
                                      struct vs_client *c)
{
	struct sending s = {.folder = l, .client = c};
	enum vs_exit e = each_proof(l, send_proof, &s);

	vs_say_progress_end();
	return e;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/bundle.c - voltseal bundle: what some chargers would be given, to be
 * carried to them.
 *
 * It looks as a charger does and keeps what it was given: a bundle that does
 * not verify is not made.  Whom to believe the charger knows by itself; here
 * the server's first root is taken.
 *
 * Format: docs/formats/bundle.md.
 */
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/hex.h"
#include "base/log.h"
#include "operate/bundle_out.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/say.h"
#include "trust/checkpoint.h"
#include "trust/json.h"
#include "trust/proof.h"
#include "trust/tile.h"
#include "trust/tuf.h"

enum { path_max = 1024, name_max = 400, quoted_max = 256 };

struct making {
	const struct vs_args *args;
	struct vs_client *client;
	struct vs_bundle_out out;
	const char *vehicle; /* in whose place is asked */
	char release[64];
	char expires[32];    /* the earliest of all files; "": none yet */
	uint64_t packs;      /* bytes of them */
	enum vs_exit failed; /* said already */
};

/* One repository, as a TUF client sees it. */
struct side {
	struct making *m;
	const char *server; /* "director": below the charger's own path */
	char folder[160];   /* "director/CP-0001": in the bundle */
	uint8_t *root;      /* owned: the first one */
	size_t root_len;
	struct vs_tuf_ops ops;
	struct vs_tuf *tuf;
};

static enum vs_exit fetch(struct making *m, const char *name, uint8_t **out,
                          size_t *len)
{
	char path[path_max];
	enum vs_exit e =
		vs_client_path("devices", m->vehicle, path, sizeof path);
	size_t used = strlen(path);
	int n = snprintf(path + used, sizeof path - used, "/bundle/%s", name);

	if (e)
		return e;
	if (n < 0 || (size_t)n >= sizeof path - used) {
		vs_error("bundle make: a name is too long");
		return VS_EXIT_FAILED;
	}
	return vs_client_fetch(m->client, path, "bundle make", out, len);
}

/* ISO times are in order as texts. */
static void note_expiry(struct making *m, const uint8_t *in, size_t len)
{
	VS_AUTO(vs_client_json_drop)
	json_t *v = json_loadb((const char *)in, len, 0, NULL);
	const char *at = json_string_value(
		json_object_get(json_object_get(v, "signed"), "expires"));

	if (at && strlen(at) < sizeof m->expires &&
	    (!m->expires[0] || strcmp(at, m->expires) < 0))
		(void)snprintf(m->expires, sizeof m->expires, "%s", at);
}

static vs_status ops_fetch(void *ctx, const char *name, size_t max,
                           uint8_t **out, size_t *len)
{
	struct side *s = ctx;
	char from[name_max], to[name_max];
	int a = snprintf(from, sizeof from, "%s/%s", s->server, name);
	int b = snprintf(to, sizeof to, "%s/%s", s->folder, name);

	*out = NULL;
	*len = 0;
	if (a < 0 || (size_t)a >= sizeof from || b < 0 ||
	    (size_t)b >= sizeof to)
		return VS_ERR_LIMIT;
	s->m->failed = fetch(s->m, from, out, len);
	if (s->m->failed)
		return VS_ERR_IO;
	if (!*out)
		return VS_ERR_ABSENT;
	if (*len > max)
		s->m->failed = VS_EXIT_OK;
	else
		s->m->failed = vs_bundle_out_add(&s->m->out, to, *out, *len);
	if (*len > max || s->m->failed) {
		free(*out);
		*out = NULL;
		return *len > max ? VS_ERR_LIMIT : VS_ERR_IO;
	}
	if (!strstr(name, "root.json"))
		note_expiry(s->m, *out, *len);
	return VS_OK;
}

/* Nothing is stored here but the root that one begins with. */
static vs_status ops_load(void *ctx, const char *role, uint8_t **out,
                          size_t *len)
{
	const struct side *s = ctx;

	*out = NULL;
	*len = 0;
	if (strcmp(role, "root") != 0)
		return VS_ERR_ABSENT;
	*out = malloc(s->root_len + 1);
	if (!*out)
		return VS_ERR_NOMEM;
	memcpy(*out, s->root, s->root_len);
	(*out)[s->root_len] = 0;
	*len = s->root_len;
	return VS_OK;
}

static vs_status ops_store(void *ctx, const char *role, const uint8_t *in,
                           size_t len)
{
	(void)ctx;
	(void)role;
	(void)in;
	(void)len;
	return VS_OK;
}

static vs_status ops_remove(void *ctx, const char *role)
{
	(void)ctx;
	(void)role;
	return VS_OK;
}

static void side_drop(struct side *s)
{
	vs_tuf_close(&s->tuf);
	free(s->root);
	s->root = NULL;
}

/* What was found wrong, unless it was said already. */
static enum vs_exit refused(const struct making *m, const char *where,
                            const char *file, const struct vs_why *why)
{
	char quoted[quoted_max];

	if (m->failed)
		return m->failed;
	vs_error("%s: %s/%s: %s: %s", m->vehicle, where,
	         vs_log_quote(file, quoted, sizeof quoted),
	         vs_reason_name(why->code), why->what);
	return VS_EXIT_FAILED;
}

static enum vs_exit side_open(struct making *m, struct side *s,
                              const char *server, const char *folder)
{
	struct vs_why why = {VS_REASON_UNREADABLE, "cannot be fetched", 0};
	time_t clock = time(NULL);

	s->m = m;
	s->server = server;
	(void)snprintf(s->folder, sizeof s->folder, "%s", folder);
	s->ops = (struct vs_tuf_ops){s, ops_fetch, ops_load, ops_store,
	                             ops_remove};
	if (ops_fetch(s, "1.root.json", VS_TUF_ROOT_MAX, &s->root,
	              &s->root_len))
		return refused(m, server, "1.root.json", &why);
	vs_status st = vs_tuf_open(&s->ops, clock > 0 ? (uint64_t)clock : 0,
	                           &s->tuf, &why);
	if (!st)
		st = vs_tuf_refresh(s->tuf, &why);
	return st ? refused(m, server, vs_tuf_failed_file(s->tuf), &why)
	          : VS_EXIT_OK;
}

/* Tiles of the tree that a proof's checkpoint is of. */
static enum vs_exit take_tile(struct making *m, const struct vs_tile *tile)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	char path[VS_TILE_PATH_LEN], name[VS_TILE_PATH_LEN + 8];
	struct vs_tile full = *tile;
	size_t len = 0;

	vs_tile_path(tile, path);
	(void)snprintf(name, sizeof name, "log/%s", path);
	if (vs_bundle_out_has(&m->out, name))
		return VS_EXIT_OK;
	enum vs_exit e = fetch(m, name, &bytes, &len);
	if (!e && !bytes && tile->width < VS_TILE_WIDTH) {
		/* the log has grown since */
		full.width = VS_TILE_WIDTH;
		vs_tile_path(&full, path);
		(void)snprintf(name, sizeof name, "log/%s", path);
		e = fetch(m, name, &bytes, &len);
	}
	return e || !bytes ? e : vs_bundle_out_add(&m->out, name, bytes, len);
}

static enum vs_exit take_tiles(struct making *m, const uint8_t *proof,
                               size_t len)
{
	struct vs_proof parsed;
	struct vs_note note;
	struct vs_checkpoint c;
	enum vs_exit e = VS_EXIT_OK;

	/* whoever asks for the log's word judges it; here it is but carried */
	if (vs_proof_parse(proof, len, &parsed, NULL) ||
	    vs_note_parse(parsed.checkpoint.at, parsed.checkpoint.len, &note,
	                  NULL) ||
	    vs_checkpoint_parse(&note, &c, NULL))
		return VS_EXIT_OK;
	for (unsigned level = 0; !e && level < VS_TILE_LEVELS; level++) {
		struct vs_tile tile = {.level = level};

		while (!e && (tile.width = vs_tile_width(level, tile.index,
		                                         c.head.size)) > 0) {
			e = take_tile(m, &tile);
			tile.index++;
		}
	}
	return e;
}

static enum vs_exit take_proof(struct making *m, const char *seal)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	char name[name_max];
	size_t len = 0;
	int n = snprintf(name, sizeof name, "%s.tlog-proof", seal);

	if (n < 0 || (size_t)n >= sizeof name)
		return VS_EXIT_FAILED;
	enum vs_exit e = fetch(m, name, &bytes, &len);
	if (e || !bytes)
		return e;
	e = vs_bundle_out_add(&m->out, name, bytes, len);
	return e ? e : take_tiles(m, bytes, len);
}

static enum vs_exit take_seal(struct making *m, const struct vs_target *target)
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	VS_AUTO(vs_free_drop) char *file = NULL;
	struct vs_why why = {VS_REASON_UNREADABLE, "the server has none", 0};
	char name[name_max];
	size_t len = 0;
	enum vs_exit e;

	if (vs_target_name(target, true, &file, &why))
		return refused(m, "targets", target->path, &why);
	int n = snprintf(name, sizeof name, "targets/%s", file);
	if (n < 0 || (size_t)n >= sizeof name)
		return refused(m, "targets", target->path, &why);
	if (vs_bundle_out_has(&m->out, name))
		return VS_EXIT_OK;
	e = fetch(m, name, &bytes, &len);
	if (e)
		return e;
	if (!bytes || vs_target_check(target, bytes, len, &why))
		return refused(m, "targets", target->path, &why);
	e = vs_bundle_out_add(&m->out, name, bytes, len);
	return e ? e : take_proof(m, name);
}

/* A pack on its way from the server into the bundle. */
struct flow {
	struct making *m;
	EVP_MD_CTX *hash;
	uint64_t done, len;
	char label[24];
	enum vs_exit e;
};

static bool flow_on(void *ctx, const uint8_t *in, size_t len)
{
	struct flow *f = ctx;

	if (!EVP_DigestUpdate(f->hash, in, len))
		f->e = VS_EXIT_FAILED;
	else
		f->e = vs_bundle_out_more(&f->m->out, in, len);
	f->done += len;
	vs_say_progress(f->label, f->done, f->len);
	return f->e == VS_EXIT_OK;
}

static enum vs_exit end_flow(struct flow *f, const char *sha256)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char hex[65];

	if (!EVP_DigestFinal_ex(f->hash, digest, NULL))
		return VS_EXIT_FAILED;
	vs_hex_encode(digest, 32, hex);
	if (strcmp(hex, sha256) != 0) {
		vs_error("packs/%s.pack: the server's bytes do not hash to "
		         "the name",
		         sha256);
		return VS_EXIT_FAILED;
	}
	f->m->packs += f->len;
	return vs_bundle_out_end(&f->m->out);
}

static enum vs_exit flow_pack(struct flow *f, const char *name,
                              const char *sha256)
{
	char path[path_max];
	enum vs_exit e =
		vs_client_path("devices", f->m->vehicle, path, sizeof path);
	size_t used = strlen(path);
	const struct vs_client_pieces pieces = {path, name, f->len, flow_on, f};

	if (e)
		return e;
	(void)snprintf(path + used, sizeof path - used, "/bundle/%s", name);
	e = vs_bundle_out_begin(&f->m->out, name, f->len);
	if (!e)
		e = vs_client_pieces_get(f->m->client, &pieces);
	vs_say_progress_end();
	if (f->e)
		return f->e;
	return e ? e : end_flow(f, sha256);
}

static enum vs_exit take_pack(struct making *m, const struct vs_target *target)
{
	struct vs_why why = {VS_REASON_MALFORMED, "names no pack", 0};
	struct flow f = {.m = m};
	char name[96];
	const char *sha256;
	json_t *pack;

	if (vs_json_object(target->custom, "pack", &pack, &why) ||
	    vs_json_string(pack, "sha256", &sha256, &why) ||
	    vs_json_uint(pack, "length", &f.len, &why))
		return refused(m, "targets", target->path, &why);
	if (!vs_hex_is_sha256(sha256))
		return refused(m, "targets", target->path, &why);
	(void)snprintf(name, sizeof name, "packs/%.64s.pack", sha256);
	(void)snprintf(f.label, sizeof f.label, "%.16s...", sha256);
	if (vs_bundle_out_has(&m->out, name))
		return VS_EXIT_OK;
	f.hash = EVP_MD_CTX_new();
	enum vs_exit e = VS_EXIT_FAILED;
	if (f.hash && EVP_DigestInit_ex(f.hash, EVP_sha256(), NULL))
		e = flow_pack(&f, name, sha256);
	else
		vs_error("bundle make: %s", vs_status_name(VS_ERR_CRYPTO));
	EVP_MD_CTX_free(f.hash);
	return e;
}

static enum vs_exit check_release(struct making *m,
                                  const struct vs_target *target)
{
	const char *wanted = vs_args_get(m->args, "release");
	const char *is =
		json_string_value(json_object_get(target->custom, "release"));
	char quoted[quoted_max];

	(void)vs_log_quote(is ? is : "another", quoted, sizeof quoted);
	if (wanted && (!is || strcmp(is, wanted) != 0)) {
		vs_error("%s: is to run release %s, not %s", m->vehicle, quoted,
		         wanted);
		return VS_EXIT_FAILED;
	}
	if (is)
		(void)snprintf(m->release, sizeof m->release, "%s", is);
	return VS_EXIT_OK;
}

static enum vs_exit take_target(struct making *m, struct side *image,
                                const char *path)
{
	struct vs_target target;
	struct vs_why why;
	vs_status st = vs_tuf_find(image->tuf, path, &target, &why);

	if (st)
		return refused(m, "image", path, &why);
	enum vs_exit e = check_release(m, &target);
	if (!e)
		e = take_seal(m, &target);
	return e ? e : take_pack(m, &target);
}

/* The director of one charger, and what it names. */
static enum vs_exit take_vehicle(struct making *m, struct side *image)
{
	VS_AUTO(side_drop) struct side director = {.m = m};
	char folder[160];
	const char *path;
	json_t *entry;
	int n = snprintf(folder, sizeof folder, "director/%s", m->vehicle);

	if (n < 0 || (size_t)n >= sizeof folder) {
		vs_error("--vehicle: is too long");
		return VS_EXIT_USAGE;
	}
	enum vs_exit e = side_open(m, &director, "director", folder);
	/* the image repository after the director, as the charger does it */
	if (!e && !image->tuf)
		e = side_open(m, image, "image", "image");
	if (e)
		return e;
	json_t *named =
		json_object_get(vs_tuf_targets(director.tuf), "targets");
	if (!json_object_size(named)) {
		vs_error("%s: nothing to carry: no campaign lets it start",
		         m->vehicle);
		return VS_EXIT_FAILED;
	}
	json_object_foreach(named, path, entry)
	{
		if (!e)
			e = take_target(m, image, path);
	}
	return e;
}

static void say_made(const struct making *m)
{
	json_t *list = json_array();
	const char *id;

	for (size_t i = 0; (id = vs_args_nth(m->args, "vehicle", i)); i++)
		json_array_append_new(list, json_string(id));
	VS_AUTO(vs_client_json_drop)
	json_t *v = json_pack("{s:s, s:s, s:o, s:s, s:I, s:I}", "bundle",
	                      m->out.path, "release", m->release, "vehicles",
	                      list, "good_until", m->expires, "files",
	                      (json_int_t)json_object_size(m->out.names),
	                      "bytes", (json_int_t)m->out.bytes);
	if (vs_args_has(m->args, "json"))
		vs_say_json(v);
	else
		vs_say_fields(v);
}

static enum vs_exit make_all(struct making *m)
{
	VS_AUTO(side_drop) struct side image = {.m = m};
	enum vs_exit e = vs_bundle_out_open(&m->out, m->args->words[0]);

	for (size_t i = 0;
	     !e && (m->vehicle = vs_args_nth(m->args, "vehicle", i)); i++)
		e = take_vehicle(m, &image);
	return e ? e : vs_bundle_out_close(&m->out);
}

static enum vs_exit make(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	struct making m = {.args = a, .out = {.fd = -1}};

	if (!vs_args_has(a, "vehicle"))
		return vs_args_wrong(a, "needs --vehicle");
	enum vs_exit e = vs_client_open(a, &c);
	m.client = c;
	if (!e)
		e = make_all(&m);
	if (!e)
		say_made(&m);
	vs_bundle_out_drop(&m.out);
	return e;
}

/* clang-format off */
const struct vs_option vs_bundle_options[] = {
	{"vehicle", "ID",   "make", true,
	 "a charger that it is for; may be given several times"},
	{"release", "NAME", "make", false,
	 "refuse if a charger is to run another one"},
	{0},
};

const struct vs_command vs_bundle_commands[] = {
	{"make", "OUT", 1, 1, "what chargers would be given, for a stick",
	 "OUT is a tar file, or a folder if it ends with / or is one.  A "
	 "campaign must let\nthe chargers start.  At the charger: "
	 "voltseal-agent install --dir DIR OUT.  It is\ngood until its first "
	 "file expires, which is printed.\n", make},
	{0},
};
/* clang-format on */

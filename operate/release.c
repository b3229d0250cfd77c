/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/release.c - voltseal release.
 *
 * An upload sends artifacts first and the metadata that names them after
 * them, so one that is cut off leaves nothing half published; the next one
 * goes on where it stopped.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "operate/client.h"
#include "operate/commands.h"
#include "operate/listing.h"
#include "operate/logfolder.h"
#include "operate/say.h"
#include "operate/stage.h"

enum {
	metadata_max = 5 * 1024 * 1024,
	path_max = 4096,
	quoted_max = 256,
};

/* docs/formats/delta.md, section 1 and 5 */
#define DELTA_HEAD_LEN 128
#define DELTA_NAME_LEN 129

static const struct vs_column columns[] = {
	{"NAME",     "name"            },
	{"STAGE",    "stage"           },
	{"TYPE",     "update_type"     },
	{"SEQ",      "release_seq"     },
	{"SECURITY", "security_version"},
	{"TARGETS",  "targets"         },
	{"BY",       "uploaded_by"     },
	{"AT",       "uploaded_at"     },
};

static const struct vs_column target_columns[] = {
	{"TARGET",    "path"       },
        {"COMPONENT", "component"  },
	{"VERSION",   "version"    },
        {"BYTES",     "length"     },
	{"PACK",      "pack_length"},
        {"HARDWARE",  "hardwareIds"},
};

static const struct vs_column download_columns[] = {
	{"COMPONENT", "component"    },
        {"FROM",      "from"         },
	{"CHARGERS",  "chargers"     },
        {"FETCHES",   "way"          },
	{"BYTES",     "bytes"        },
        {"NO-DELTA",  "without_delta"},
};

static const struct vs_column evidence_columns[] = {
	{"FOR",      "stage" },
        {"EVIDENCE", "kind"  },
        {"SHA256",   "sha256"},
	{"NOTE",     "note"  },
        {"BY",       "by"    },
        {"AT",       "at"    },
};

static enum vs_exit list(const struct vs_args *a)
{
	const struct vs_listing l = {"/v1/releases", "release list", columns,
	                             sizeof columns / sizeof *columns};

	return vs_listing_show(a, &l);
}

static enum vs_exit show(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	char path[512];
	enum vs_exit e = vs_client_open(a, &c);

	if (!e)
		e = vs_client_path("releases", a->words[0], path, sizeof path);
	if (!e)
		e = vs_client_get(c, path, "release show", &v);
	if (e)
		return e;
	if (vs_args_has(a, "json")) {
		vs_say_json(v);
		return VS_EXIT_OK;
	}
	vs_say_fields(v);
	vs_say_table(json_object_get(v, "targets"), target_columns,
	             sizeof target_columns / sizeof *target_columns);
	if (json_array_size(json_object_get(v, "downloads")))
		vs_say_table(json_object_get(v, "downloads"), download_columns,
		             sizeof download_columns /
		                     sizeof *download_columns);
	if (json_array_size(json_object_get(v, "evidence")))
		vs_say_table(json_object_get(v, "evidence"), evidence_columns,
		             sizeof evidence_columns /
		                     sizeof *evidence_columns);
	return VS_EXIT_OK;
}

static enum vs_exit wrong(const char *path, const char *what)
{
	char quoted[quoted_max];

	vs_error("%s: %s", vs_log_quote(path, quoted, sizeof quoted), what);
	return VS_EXIT_FAILED;
}

static int visible(const struct dirent *d)
{
	return d->d_name[0] != '.';
}

/* A folder's entries by name, and what to do with each. */
static enum vs_exit each(const char *dir, const char *sub,
                         enum vs_exit (*then)(void *ctx, const char *path,
                                              const char *name),
                         void *ctx)
{
	char folder[path_max], path[path_max];
	struct dirent **found = NULL;
	enum vs_exit e = VS_EXIT_OK;

	if (vs_path_join(folder, sizeof folder, dir, sub))
		return wrong(dir, "the path is too long");
	int n = scandir(folder, &found, visible, alphasort);
	if (n < 0)
		return wrong(folder, strerror(errno));
	for (int i = 0; i < n; i++) {
		if (!e &&
		    vs_path_join(path, sizeof path, folder, found[i]->d_name))
			e = wrong(folder, "a name is too long");
		if (!e)
			e = then(ctx, path, found[i]->d_name);
		free(found[i]);
	}
	free(found);
	return e;
}

struct upload {
	struct vs_client *client;
	struct vs_logfolder log;
	json_t *files;
	char label[64];
	size_t sent, there, deltas_sent, deltas_there;
};

/* Before anything is sent: is every artifact what its name says? */
static enum vs_exit check_artifact(void *ctx, const char *path,
                                   const char *name)
{
	char hex[65];
	uint64_t len;

	(void)ctx;
	if (!vs_hex_is_sha256(name))
		return wrong(path, "the name is not a SHA-256");
	if (vs_file_sha256(path, hex, &len))
		return wrong(path, strerror(errno));
	if (strcmp(hex, name) != 0)
		return wrong(path, "the bytes do not hash to the name");
	return VS_EXIT_OK;
}

static void progress(void *ctx, uint64_t done, uint64_t total)
{
	const struct upload *u = ctx;

	vs_say_progress(u->label, done, total);
}

/* What the server has by that name is not sent again. */
static enum vs_exit send_file(struct upload *u, const char *kind,
                              const char *path, const char *name, bool *there)
{
	char to[256];
	enum vs_exit e = vs_client_path(kind, name, to, sizeof to);

	*there = false;
	if (!e)
		e = vs_client_has(u->client, to, there);
	if (e || *there)
		return e;
	(void)snprintf(u->label, sizeof u->label, "%.16s...", name);
	e = vs_client_put_file(u->client, to, path, progress, u);
	vs_say_progress_end();
	return e;
}

static enum vs_exit send_artifact(void *ctx, const char *path, const char *name)
{
	struct upload *u = ctx;
	bool there;
	enum vs_exit e = send_file(u, "artifacts", path, name, &there);

	u->there += !e && there;
	u->sent += !e && !there;
	return e;
}

/* Before anything is sent: is each one between the images of its name? */
static enum vs_exit check_delta(void *ctx, const char *path, const char *name)
{
	uint8_t head[DELTA_HEAD_LEN];
	char says[DELTA_NAME_LEN + 1];
	VS_AUTO(vs_fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC);

	(void)ctx;
	if (fd < 0 || vs_file_pread(fd, head, sizeof head, 0) != VS_OK)
		return wrong(path, "is no delta");
	vs_hex_encode(head + 32, 32, says);
	says[64] = '-';
	vs_hex_encode(head + 64, 32, says + 65);
	if (memcmp(head, "VSDELTA1", 8) != 0 || strcmp(says, name) != 0)
		return wrong(path, "a delta is called OLDROOT-NEWROOT, the "
		                   "root hashes that its head names");
	return VS_EXIT_OK;
}

static enum vs_exit send_delta(void *ctx, const char *path, const char *name)
{
	struct upload *u = ctx;
	bool there;
	enum vs_exit e = send_file(u, "deltas", path, name, &there);

	u->deltas_sent += !e && !there;
	u->deltas_there += !e && there;
	return e;
}

/* The folder may lack deltas. */
static enum vs_exit each_delta(const char *dir,
                               enum vs_exit (*then)(void *ctx, const char *path,
                                                    const char *name),
                               void *ctx)
{
	char folder[path_max];

	if (vs_path_join(folder, sizeof folder, dir, "deltas"))
		return wrong(dir, "the path is too long");
	return vs_file_exists(folder) ? each(dir, "deltas", then, ctx)
	                              : VS_EXIT_OK;
}

static enum vs_exit add_metadata(void *ctx, const char *path, const char *name)
{
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	struct upload *u = ctx;
	size_t len = strlen(name), size = 0;

	if (len < 6 || strcmp(name + len - 5, ".json") != 0)
		return wrong(path, "metadata is called NAME.json");
	vs_status st = vs_file_read(path, metadata_max, &text, &size);
	if (st)
		return wrong(path, st == VS_ERR_IO ? strerror(errno)
		                                   : vs_status_name(st));
	if (json_object_set_new(u->files, name,
	                        json_stringn((char *)text, size)))
		return wrong(path, "not UTF-8 text");
	return VS_EXIT_OK;
}

static enum vs_exit publish(struct upload *u, json_t **out)
{
	VS_AUTO(vs_client_json_drop)
	json_t *body = json_pack("{sO}", "files", u->files);
	const struct vs_request r = {"POST", "/v1/repository", "release upload",
	                             body};

	return vs_client_ask(u->client, &r, out);
}

/* The server's own words, after what was sent before them. */
static void tell(const struct vs_args *a, const struct upload *u,
                 const json_t *answer)
{
	if (vs_args_has(a, "json")) {
		vs_say_json(answer);
		return;
	}
	printf("artifacts          %zu sent, %zu there already\n", u->sent,
	       u->there);
	if (u->deltas_sent + u->deltas_there)
		printf("deltas             %zu sent, %zu there already\n",
		       u->deltas_sent, u->deltas_there);
	if (u->log.note)
		printf("log                %" PRIu64 " entries, %zu files "
		       "sent\n",
		       u->log.checkpoint.head.size, u->log.sent);
	if (u->log.proofs)
		printf("proofs             %zu sent\n", u->log.proofs_sent);
	vs_say_fields(answer);
}

static enum vs_exit check_all(struct upload *u, const char *dir)
{
	enum vs_exit e = each(dir, "metadata", add_metadata, u);

	if (!e && !json_object_size(u->files))
		e = wrong(dir, "metadata: no file there");
	if (!e)
		e = each(dir, "artifacts", check_artifact, u);
	if (!e)
		e = each_delta(dir, check_delta, u);
	return e ? e : vs_logfolder_load(dir, &u->log);
}

/* Seals before their proofs, the log before proofs out of it, and all of them
 * before the release that a server refuses without.
 */
static enum vs_exit send_all(struct upload *u, const char *dir, json_t **out)
{
	enum vs_exit e = each(dir, "artifacts", send_artifact, u);

	if (!e)
		e = each_delta(dir, send_delta, u);
	if (!e)
		e = vs_logfolder_send(&u->log, u->client);
	if (!e)
		e = vs_logfolder_send_proofs(&u->log, u->client);
	return e ? e : publish(u, out);
}

static enum vs_exit upload(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *files = json_object();
	VS_AUTO(vs_client_json_drop) json_t *answer = NULL;
	struct upload u = {.files = files};
	const char *dir = a->words[0];
	enum vs_exit e = check_all(&u, dir);

	if (!e)
		e = vs_client_open(a, &c);
	u.client = c;
	if (!e)
		e = send_all(&u, dir, &answer);
	if (!e)
		tell(a, &u, answer);
	vs_logfolder_drop(&u.log);
	return e;
}

/* clang-format off */
const struct vs_option vs_release_options[] = {
	{"to",       "STAGE",     "promote", false, "pilot or general"},
	{"evidence", "KIND=FILE", "promote evidence", true,
	 "what speaks for it; it is uploaded"},
	{"wait",     NULL,        "promote", false,
	 "until another person has approved or rejected it"},
	{"within",   "TIME",      "promote", false,
	 "wait for so long at most"},
	{"note",     "TEXT",      "promote evidence approve reject retire",
	 false, "one line for the record"},
	{0},
};

const struct vs_command vs_release_commands[] = {
	{"upload", "DIR", 1, 1, "send what voltseal-sign publish wrote",
	 "DIR/artifacts holds seals and packs, each named by its SHA-256; "
	 "those that the\nserver has are not sent again.  DIR/deltas may hold "
	 "deltas, each named OLDROOT-NEWROOT.\nDIR/metadata holds "
	 "the offline-signed metadata,\nwhich the server checks with the "
	 "chargers' own code.  DIR/log, a copy of ROOM/log,\ngoes before it: "
	 "the tiles that the server lacks, then the checkpoint; then DIR/proofs,\n"
	 "what voltseal-sign log prove --out wrote.\n", upload},
	{"list", "", 0, 0, "every release: its order, its floor, who sent it",
	 NULL, list},
	{"show", "NAME", 1, 1, "one release: targets, stage, evidence, downloads",
	 "For each earlier version: how many chargers run it, and what they "
	 "will fetch: nothing, a\ndelta, the clusters that differ, or the whole "
	 "pack; and the bytes of that.\n",
	 show},
	{"promote", "NAME", 1, 1, "from the lab to pilot, from pilot to general",
	 "A release in the lab is for chargers with the tag lab, a pilot for "
	 "those with lab or\npilot, a general one for all.  Each step names "
	 "evidence: --evidence sbom=FILE.  The step\nto general takes effect "
	 "when another person approves it.\n", vs_release_promote},
	{"approve", "NAME", 1, 1, "let it out to all, as another person asked",
	 NULL, vs_release_approve},
	{"reject", "NAME", 1, 1, "it stays a pilot; --note says why", NULL,
	 vs_release_reject},
	{"retire", "NAME", 1, 1, "no new campaign takes it; --note says why",
	 "Campaigns that run go on; abort them if they should not.\n",
	 vs_release_retire},
	{"evidence", "NAME", 1, 1, "add evidence for the stage it is in", NULL,
	 vs_release_evidence},
	{0},
};
/* clang-format on */

/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/ceremony.c - a proposal carried to other machines and back.
 */
#include "sign/ceremony.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "sign/difference.h"
#include "sign/say.h"
#include "sign/store.h"
#include "sign/subject.h"
#include "trust/json.h"

enum { difference_max = 16 << 20 };

/* Called for each file that others need, by its path in the room. */
typedef vs_status (*each_fn)(void *ctx, const char *path);

struct walk {
	const struct vs_room *room;
	const struct vs_proposal *p;
	bool changing; /* also what gets signatures on the way */
	each_fn each;
	void *ctx;
};

static bool ends(const char *text, const char *with)
{
	size_t len = strlen(text), tail = strlen(with);

	return len > tail && strcmp(text + len - tail, with) == 0;
}

/* Documents and seals get signatures, the transcript lines. */
static bool changes(const struct vs_proposal *p, const char *name)
{
	char path[PATH_MAX];

	if (strcmp(name, VS_TRANSCRIPT) == 0)
		return true;
	if (vs_path_join(path, sizeof path, p->dir, name))
		return false;
	for (size_t i = 0; i < p->document_count; i++)
		if (strcmp(p->documents[i].path, path) == 0)
			return true;
	for (size_t i = 0; i < p->image_count; i++)
		if (strcmp(p->images[i].seal_path, path) == 0)
			return true;
	return false;
}

/* Every file of a folder in the room, "" being the room itself. */
static vs_status walk_folder(const struct walk *w, const char *folder,
                             bool proposal)
{
	char dir[PATH_MAX], path[PATH_MAX];
	vs_status status = vs_room_path(w->room, dir, "%s", folder);

	if (status)
		return status;
	DIR *all = opendir(dir);
	if (!all)
		return errno == ENOENT ? VS_OK : vs_say_io(VS_ERR_IO, dir);
	for (struct dirent *e; !status && (e = readdir(all));) {
		if (e->d_name[0] == '.' || ends(e->d_name, ".new") ||
		    (proposal && !w->changing && changes(w->p, e->d_name)))
			continue;
		int n = snprintf(path, sizeof path, "%s/%s", folder, e->d_name);
		if (n < 0 || (size_t)n >= sizeof path)
			status = vs_say_io(VS_ERR_LIMIT, dir);
		else
			status = w->each(w->ctx, path);
	}
	closedir(all);
	return status;
}

/* The seals in force are needed where a keyring is to take them over. */
static vs_status walk_seals(const struct walk *w)
{
	char dir[PATH_MAX], file[PATH_MAX], path[PATH_MAX];
	vs_status status = vs_room_path(w->room, dir, "in-force/artifacts");

	if (status)
		return status;
	DIR *all = opendir(dir);
	if (!all)
		return errno == ENOENT ? VS_OK : vs_say_io(VS_ERR_IO, dir);
	for (struct dirent *e; !status && (e = readdir(all));) {
		VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
		struct vs_seal seal;
		size_t len;

		snprintf(path, sizeof path, "in-force/artifacts/%.64s",
		         e->d_name);
		if (e->d_name[0] == '.' ||
		    vs_path_join(file, sizeof file, dir, e->d_name) ||
		    vs_file_read(file, VS_SEAL_LEN_MAX, &bytes, &len) ||
		    vs_seal_decode(bytes, len, &seal, NULL))
			continue; /* a pack */
		status = w->each(w->ctx, path);
	}
	closedir(all);
	return status;
}

/* Of a successor only what it proposes: it is signed in its own ceremony. */
static vs_status walk_successor(const struct walk *w, const char *folder)
{
	static const char *const names[] = {"proposal.json", "policy.json",
	                                    VS_BOOT "." VS_KEYRING};
	char path[PATH_MAX];
	vs_status status = VS_OK;

	for (size_t i = 0; i < sizeof names / sizeof *names && !status; i++) {
		if ((i == 2 && !w->changing) ||
		    vs_path_join(path, sizeof path, folder, names[i]))
			continue;
		status = w->each(w->ctx, path);
	}
	return status;
}

static vs_status walk(const struct walk *w)
{
	char folder[PATH_MAX];
	vs_status status = VS_OK;

	snprintf(folder, sizeof folder, "proposals/%s", w->p->name);
	status = walk_folder(w, "in-force/" VS_IMAGE, false);
	if (!status)
		status = walk_folder(w, "in-force/" VS_DIRECTOR, false);
	if (!status)
		status = walk_folder(w, "in-force/" VS_BOOT, false);
	if (!status)
		status = walk_seals(w);
	if (!status)
		status = walk_folder(w, folder, true);
	if (!status && w->p->successor) {
		snprintf(folder, sizeof folder, "proposals/%s",
		         w->p->successor->name);
		status = walk_successor(w, folder);
	}
	return status ? status : w->each(w->ctx, "policy.json");
}

struct digests {
	const struct vs_room *room;
	json_t *whole;
};

static vs_status add_file(void *ctx, const char *path)
{
	struct digests *d = ctx;
	char file[PATH_MAX], sha256[65];
	uint64_t len;
	vs_status status = vs_room_path(d->room, file, "%s", path);

	if (status)
		return status;
	status = vs_file_sha256(file, sha256, &len);
	if (status)
		return vs_say_io(status, file);
	if (json_object_set_new(json_object_get(d->whole, "files"), path,
	                        json_string(sha256)))
		return vs_say_io(VS_ERR_NOMEM, file);
	return VS_OK;
}

static vs_status add_subject(void *ctx, const struct vs_subject *s)
{
	struct digests *d = ctx;

	if (json_object_set_new(json_object_get(d->whole, "subjects"), s->name,
	                        json_pack("{s:s}", "sha256", s->sha256)))
		return vs_say_io(VS_ERR_NOMEM, s->name);
	return VS_OK;
}

vs_status vs_ceremony_digests(const struct vs_room *r,
                              const struct vs_proposal *p, json_t **out)
{
	struct digests d = {r, json_pack("{s:s, s:{}, s:{}}", "proposal",
	                                 p->name, "files", "subjects")};
	const struct walk w = {.room = r, .p = p, .each = add_file, .ctx = &d};
	vs_status status = d.whole ? walk(&w) : vs_say_io(VS_ERR_NOMEM, p->dir);

	if (!status)
		status = vs_subject_each(p, add_subject, &d);
	if (status)
		json_decref(d.whole);
	*out = status ? NULL : d.whole;
	return status;
}

static vs_status differs(const struct vs_transcript *t, const char *what)
{
	char quoted[128];

	vs_error("%s: %s is not what the author opened the ceremony over (%s)",
	         t->path, vs_log_quote(what, quoted, sizeof quoted),
	         vs_reason_name(VS_REASON_CONFLICT));
	return VS_ERR_REFUSED;
}

/* Whether all of a is the same in b. */
static vs_status all_in(const struct vs_transcript *t, json_t *a,
                        const json_t *b)
{
	const char *name;
	json_t *one;

	json_object_foreach(a, name, one)
	{
		if (!json_equal(one, json_object_get(b, name)))
			return differs(t, name);
	}
	return VS_OK;
}

vs_status vs_ceremony_check(const struct vs_room *r,
                            const struct vs_proposal *p,
                            const struct vs_transcript *t)
{
	VS_AUTO(vs_json_drop) json_t *is = NULL;
	const json_t *want = t->lines[0].body;
	json_t *files = json_object_get(want, "files");
	vs_status status = vs_ceremony_digests(r, p, &is);

	if (status)
		return status;
	if (!json_equal(json_object_get(is, "proposal"),
	                json_object_get(want, "proposal")))
		return differs(t, "proposal");
	status = all_in(t, files, json_object_get(is, "files"));
	if (!status)
		status = all_in(t, json_object_get(is, "files"), files);
	return status ? status
	              : all_in(t, json_object_get(want, "subjects"),
	                       json_object_get(is, "subjects"));
}

struct media {
	const struct vs_room *room;
	const char *dir;
};

static vs_status parent_of(const char *path)
{
	char dir[PATH_MAX];
	const char *slash = strrchr(path, '/');

	snprintf(dir, sizeof dir, "%.*s", (int)(slash - path), path);
	return vs_file_mkdirs(dir, 0755) ? vs_say_io(VS_ERR_IO, dir) : VS_OK;
}

/* Whole or not at all: a policy makes a folder a ceremony. */
static vs_status put_file(void *ctx, const char *path)
{
	const struct media *m = ctx;
	char from[PATH_MAX], to[PATH_MAX], part[PATH_MAX];
	vs_status status = vs_room_path(m->room, from, "%s", path);

	if (status)
		return status;
	status = vs_path_join(to, sizeof to, m->dir, path);
	if (!status)
		status = vs_path_join(part, sizeof part, m->dir, ".part");
	if (status)
		return vs_say_io(status, m->dir);
	status = parent_of(to);
	if (!status)
		status = vs_store_copy(from, part);
	if (!status && rename(part, to))
		status = vs_say_io(VS_ERR_IO, to);
	return status;
}

static vs_status put_subject(void *ctx, const struct vs_subject *s)
{
	const struct media *m = ctx;
	char path[PATH_MAX];
	int n = snprintf(path, sizeof path, "%s/to-sign/%s", m->dir, s->file);

	if (n < 0 || (size_t)n >= sizeof path)
		return vs_say_io(VS_ERR_LIMIT, m->dir);
	vs_status status = parent_of(path);
	if (status)
		return status;
	status = vs_file_replace(path, s->bytes, s->len, 0644);
	return status ? vs_say_io(status, path) : VS_OK;
}

static vs_status put_difference(const struct vs_room *r,
                                const struct vs_proposal *p, const char *dir)
{
	char path[PATH_MAX];
	struct vs_buffer text;
	vs_status status =
		vs_path_join(path, sizeof path, dir, "difference.txt");

	if (status)
		return vs_say_io(status, dir);
	vs_buffer_init(&text, difference_max);
	status = vs_difference(r, p, &text);
	if (!status && vs_file_replace(path, text.data, text.len, 0644))
		status = vs_say_io(VS_ERR_IO, path);
	vs_buffer_drop(&text);
	return status;
}

/* What an export that was cut off has left. */
static vs_status sweep(const char *dir)
{
	char path[PATH_MAX];
	vs_status status = vs_path_join(path, sizeof path, dir, "to-sign");

	if (status)
		return vs_say_io(status, dir);
	status = vs_store_sweep(dir);
	return status ? status : vs_store_sweep(path);
}

vs_status vs_ceremony_write(const struct vs_room *r,
                            const struct vs_proposal *p, const char *dir)
{
	struct media m = {r, dir};
	const struct walk w = {.room = r,
	                       .p = p,
	                       .changing = true,
	                       .each = put_file,
	                       .ctx = &m};
	char policy[PATH_MAX];
	vs_status status =
		vs_path_join(policy, sizeof policy, dir, "policy.json");

	if (status)
		return vs_say_io(status, dir);
	if (vs_file_exists(policy)) {
		vs_error("%s: there is a ceremony or a room in this folder "
		         "already",
		         dir);
		return VS_ERR_STATE;
	}
	if (vs_file_mkdirs(dir, 0755))
		return vs_say_io(VS_ERR_IO, dir);
	status = sweep(dir);
	if (!status)
		status = put_difference(r, p, dir);
	if (!status)
		status = vs_subject_each(p, put_subject, &m);
	return status ? status : walk(&w);
}

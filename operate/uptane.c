/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/uptane.c - voltseal uptane: what a charger would do with two
 * repositories.
 *
 * The first word on standard output is the verdict: a word of docs/reasons.md,
 * "none" if nothing was refused.  Nothing is asked of a server before both
 * stored roots were found good; nothing is downloaded before both repositories
 * agree on all of it.
 *
 * Standard: Uptane 2.1.0 section 5.4.4, TUF 1.0.34 section 5.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "operate/commands.h"
#include "operate/download.h"
#include "operate/percent.h"
#include "operate/repository.h"
#include "operate/root.h"
#include "operate/uptane_args.h"
#include "trust/uptane_time.h"

enum { path_max = 4096, quoted_max = 256 };

/* One of the two repositories. */
struct side {
	const char *name;
	char dir[path_max];
	struct vs_repository repository;
	struct vs_tuf_ops ops;
	struct vs_tuf *tuf;
};

struct look {
	const struct vs_args *args;
	struct vs_uptane_args charger;
	uint64_t clock_s; /* read once */
	struct vs_http *http;
	struct side director, image;
	char targets[path_max]; /* where images go */
	struct vs_assignments named;
	const char *where; /* what a failure is about: a folder and ... */
	const char *file;  /* ... a file or target in it */
	struct vs_why why;
};

static void look_drop(struct look *l)
{
	vs_assignments_drop(&l->named);
	vs_tuf_close(&l->director.tuf);
	vs_tuf_close(&l->image.tuf);
	vs_http_free(&l->http);
}

/* The verdict for programs, and the same for people. */
static enum vs_exit refused(const struct look *l, vs_status st)
{
	char where[quoted_max], file[quoted_max], http[quoted_max] = "";
	const char *error = l->http ? vs_http_error(l->http) : "";
	vs_reason reason = l->why.code;

	/* No memory and the like: "none" would read as consent. */
	if (reason == VS_REASON_NONE)
		reason = VS_REASON_UNREADABLE;
	if (st == VS_ERR_IO && *error)
		(void)vs_log_quote(error, http, sizeof http);
	(void)vs_log_quote(l->where, where, sizeof where);
	(void)vs_log_quote(l->file, file, sizeof file);
	printf("%s %s%s%s\n", vs_reason_name(reason), where, *file ? "/" : "",
	       file);
	vs_error("%s%s%s: %s%s%s", where, *file ? "/" : "", file,
	         l->why.what ? l->why.what : vs_status_name(st),
	         *http ? ": " : "", http);
	return VS_EXIT_FAILED;
}

static enum vs_exit need(const struct vs_args *a, const char *option)
{
	if (vs_args_has(a, option))
		return VS_EXIT_OK;
	return vs_args_wrong(a, "needs --%s", option);
}

static vs_status side_dir(const struct vs_args *a, const char *name,
                          char out[static path_max])
{
	return vs_path_join(out, path_max, vs_args_get(a, "state-dir"), name);
}

/* Both or neither: the second root is judged before the first is kept. */
static enum vs_exit init(const struct vs_args *a)
{
	static const char *const names[] = {"director", "image"};
	VS_AUTO(vs_buffer_drop) struct vs_buffer director = {0};
	VS_AUTO(vs_buffer_drop) struct vs_buffer image = {0};
	struct vs_buffer *const roots[] = {&director, &image};
	struct look l = {.args = a, .file = ""};
	char dir[path_max];
	enum vs_exit e = need(a, "state-dir");
	vs_status st = VS_OK;

	if (e)
		return e;
	for (size_t i = 0; !st && i < 2; i++) {
		l.where = a->words[i];
		st = vs_root_read(a->words[i], roots[i], &l.why);
	}
	for (size_t i = 0; !st && i < 2; i++) {
		l.where = names[i];
		st = side_dir(a, names[i], dir);
		if (!st)
			st = vs_root_keep(dir, roots[i], &l.why);
	}
	if (st)
		return refused(&l, st);
	printf("none\n");
	return VS_EXIT_OK;
}

static vs_status side_open(struct look *l, struct side *s, const char *name,
                           const char *option)
{
	vs_status st = side_dir(l->args, name, s->dir);

	s->name = l->where = name;
	l->file = "root.json";
	s->repository = (struct vs_repository){
		s->dir, vs_args_get(l->args, option), l->http};
	vs_repository_ops(&s->repository, &s->ops);
	return st ? st : vs_tuf_open(&s->ops, l->clock_s, &s->tuf, &l->why);
}

/* What the other repository just said of the time counts already. */
static vs_status side_refresh(struct look *l, struct side *s)
{
	uint64_t floor_s = vs_uptane_floor(0, l->director.tuf, l->image.tuf);
	vs_status st;

	vs_uptane_set_now(s->tuf, vs_uptane_now(floor_s, l->clock_s));
	st = vs_tuf_refresh(s->tuf, &l->why);
	l->where = s->name;
	l->file = vs_tuf_failed_file(s->tuf);
	return st;
}

static vs_status compare(struct look *l)
{
	vs_status st =
		(l->charger.plain ? vs_uptane_check_plain : vs_uptane_check)(
			l->director.tuf, l->image.tuf, &l->charger.vehicle,
			&l->named, &l->why);
	const char *file = vs_tuf_failed_file(l->image.tuf);
	const struct side *s = *file ? &l->image : &l->director;

	l->where = s->name;
	l->file = vs_tuf_failed_file(s->tuf);
	return st;
}

static vs_status target_file(const struct look *l, const char *target,
                             char out[static path_max])
{
	char name[path_max];
	vs_status st = vs_percent_encode(target, name, sizeof name);

	return st ? st : vs_path_join(out, path_max, l->targets, name);
}

static vs_status get_image(struct look *l, const struct vs_assignment *a)
{
	VS_AUTO(vs_free_drop) char *name = NULL;
	const struct vs_tuf *image = l->image.tuf;
	char url[path_max], path[path_max];
	struct vs_target target;
	vs_status st = vs_tuf_find(l->image.tuf, a->path, &target, &l->why);

	l->where = "targets";
	l->file = a->path;
	if (!st)
		st = vs_target_url(&target, vs_tuf_consistent(image), &name,
		                   &l->why);
	if (!st)
		st = vs_repository_url(vs_args_get(l->args, "target-base-url"),
		                       name, url, sizeof url);
	if (!st)
		st = target_file(l, a->path, path);
	return st ? st : vs_download(l->http, url, &target, path, &l->why);
}

static vs_status get_images(struct look *l)
{
	vs_status st = side_dir(l->args, "targets", l->targets);

	l->where = "targets";
	l->file = "";
	if (!st && l->named.count)
		st = vs_file_mkdirs(l->targets, 0755);
	if (st)
		return vs_fail(st, &l->why, VS_REASON_UNREADABLE,
		               st == VS_ERR_IO ? strerror(errno) : NULL, 0);
	for (size_t i = 0; !st && i < l->named.count; i++)
		st = get_image(l, &l->named.at[i]);
	return st;
}

static vs_status look(struct look *l)
{
	const struct vs_http_config config = {.allow_http = true};
	vs_status st = vs_http_new(&config, &l->http);

	if (!st)
		st = side_open(l, &l->director, "director", "director-url");
	if (!st)
		st = side_open(l, &l->image, "image", "image-url");
	if (!st)
		st = side_refresh(l, &l->director);
	if (!st)
		st = side_refresh(l, &l->image);
	if (!st)
		st = compare(l);
	return st ? st : get_images(l);
}

static void say_named(const struct look *l)
{
	char path[path_max], quoted[path_max];

	printf("none %zu image%s\n", l->named.count,
	       l->named.count == 1 ? "" : "s");
	for (size_t i = 0; i < l->named.count; i++) {
		const struct vs_assignment *a = &l->named.at[i];

		if (target_file(l, a->path, path))
			continue;
		printf("%s %s\n", l->charger.vehicle.ecus[a->ecu].id,
		       vs_log_quote(path, quoted, sizeof quoted));
	}
}

static enum vs_exit check(const struct vs_args *a)
{
	static const char *const needs[] = {"state-dir", "director-url",
	                                    "image-url", "target-base-url"};
	VS_AUTO(look_drop) struct look l = {.args = a, .where = "", .file = ""};
	time_t clock = time(NULL);
	enum vs_exit e = VS_EXIT_OK;
	vs_status st;

	for (size_t i = 0; !e && i < sizeof needs / sizeof *needs; i++)
		e = need(a, needs[i]);
	if (!e)
		e = vs_uptane_args_read(a, &l.charger);
	if (e)
		return e;
	l.clock_s = clock > 0 ? (uint64_t)clock : 0;
	st = look(&l);
	if (st)
		return refused(&l, st);
	say_named(&l);
	return VS_EXIT_OK;
}

/* clang-format off */
const struct vs_option vs_uptane_options[] = {
	{"state-dir",       "DIR",  NULL,    false,
	 "where director/, image/ and targets/ are kept"},
	{"director-url",    "URL",  "check", false,
	 "where the director's metadata comes from"},
	{"image-url",       "URL",  "check", false,
	 "where the image repository's comes from"},
	{"target-base-url", "URL",  "check", false,
	 "where images come from"},
	{"ecu",             "ECU_ID=HARDWARE_ID", "check", true,
	 "an ECU of the charger, the primary first"},
	{"vehicle",         "ID",   "check", false,
	 "who the charger is; plain can do without"},
	{"profile",         "NAME", "check", false,
	 "voltseal, or plain: the Uptane Standard's fields only"},
	{"installed",       "ECU_ID=N", "check", true,
	 "the releaseCounter it runs (0)"},
	{"floor",           "ECU_ID=N", "check", true,
	 "its lowest rollbackIndex (0)"},
	{"runs",            "ECU_ID=COMPONENT:VERSION", "check", true,
	 "what runs there, for what images require"},
	{0},
};

const struct vs_command vs_uptane_commands[] = {
	{"init", "DIRECTOR_ROOT IMAGE_ROOT", 2, 2,
	 "trust two roots that you were given",
	 "The files must come to you by a way that you trust: everything "
	 "else is believed\nbecause of them.\n", init},
	{"check", "", 0, 0, "verify both repositories, fetch what they name",
	 "One full verification, as a charger makes it, and a download of "
	 "every image named.\nThe first word printed is the reason of a "
	 "refusal (docs/reasons.md), or \"none\".\nPlain http:// will do: only "
	 "signatures count.\n", check},
	{0},
};
/* clang-format on */

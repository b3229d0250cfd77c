/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/tuf.c - voltseal tuf: a plain TUF client.
 *
 * Time is read once, at the start, as the standard asks.
 *
 * Standard: TUF 1.0.34 section 5.
 */
#include <errno.h>
#include <stdio.h>
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
#include "trust/tuf.h"

enum { path_max = 4096, name_max = 255, quoted_max = 256 };

struct session {
	struct vs_repository repository;
	struct vs_tuf_ops ops;
	struct vs_http *http;
	struct vs_tuf *tuf;
};

static void session_drop(struct session *s)
{
	vs_tuf_close(&s->tuf);
	vs_http_free(&s->http);
}

/* One line: the file, what is wrong with it, the rule's word. */
static enum vs_exit refused(const struct session *s, const char *file,
                            vs_status st, const struct vs_why *why)
{
	char quoted[quoted_max], http[quoted_max] = "";
	const char *error = s->http ? vs_http_error(s->http) : "";

	if (st == VS_ERR_IO && *error)
		(void)vs_log_quote(error, http, sizeof http);
	vs_error("%s: %s (%s)%s%s", vs_log_quote(file, quoted, sizeof quoted),
	         why->what ? why->what : vs_status_name(st),
	         vs_reason_name(why->code), *http ? ": " : "", http);
	return VS_EXIT_FAILED;
}

static enum vs_exit need(const struct vs_args *a, const char *option)
{
	if (vs_args_has(a, option))
		return VS_EXIT_OK;
	return vs_args_wrong(a, "needs --%s", option);
}

static enum vs_exit init(const struct vs_args *a)
{
	VS_AUTO(vs_buffer_drop) struct vs_buffer root = {0};
	struct session s = {0};
	struct vs_why why = {0};
	enum vs_exit e = need(a, "metadata-dir");
	const char *dir = vs_args_get(a, "metadata-dir");

	if (e)
		return e;
	vs_status st = vs_root_read(a->words[0], &root, &why);
	if (st)
		return refused(&s, a->words[0], st, &why);
	st = vs_root_keep(dir, &root, &why);
	return st ? refused(&s, dir, st, &why) : VS_EXIT_OK;
}

static enum vs_exit begin(const struct vs_args *a, struct session *s)
{
	const struct vs_http_config config = {.allow_http = true};
	struct vs_why why = {0};
	enum vs_exit e = need(a, "metadata-dir");

	if (!e)
		e = need(a, "metadata-url");
	if (e)
		return e;
	vs_status st = vs_http_new(&config, &s->http);
	s->repository =
		(struct vs_repository){vs_args_get(a, "metadata-dir"),
	                               vs_args_get(a, "metadata-url"), s->http};
	vs_repository_ops(&s->repository, &s->ops);
	if (!st)
		st = vs_tuf_open(&s->ops, (uint64_t)time(NULL), &s->tuf, &why);
	if (st)
		return refused(s, "root.json", st, &why);
	st = vs_tuf_refresh(s->tuf, &why);
	return st ? refused(s, vs_tuf_failed_file(s->tuf), st, &why)
	          : VS_EXIT_OK;
}

static enum vs_exit refresh(const struct vs_args *a)
{
	VS_AUTO(session_drop) struct session s = {0};

	return begin(a, &s);
}

/* A path becomes one file's name, so that it can lead nowhere else. */
static vs_status file_of(const char *path, char out[static name_max + 1],
                         struct vs_why *why)
{
	if (vs_percent_encode(path, out, name_max + 1))
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_BAD_PATH,
		               "too long for a file's name", 0);
	return VS_OK;
}

static enum vs_exit get_target(const struct vs_args *a, struct session *s,
                               const char *wanted)
{
	VS_AUTO(vs_free_drop) char *name = NULL;
	char url[path_max], path[path_max], file[name_max + 1];
	struct vs_target target;
	struct vs_why why = {0};
	vs_status st = vs_tuf_find(s->tuf, wanted, &target, &why);

	if (st) {
		const char *about = vs_tuf_failed_file(s->tuf);

		return refused(s,
		               st == VS_ERR_ABSENT || !*about ? wanted : about,
		               st, &why);
	}
	st = vs_target_url(&target, vs_tuf_consistent(s->tuf), &name, &why);
	if (!st)
		st = vs_repository_url(vs_args_get(a, "target-base-url"), name,
		                       url, sizeof url);
	if (!st)
		st = file_of(wanted, file, &why);
	if (!st)
		st = vs_path_join(path, sizeof path,
		                  vs_args_get(a, "target-dir"), file);
	if (!st)
		st = vs_download(s->http, url, &target, path, &why);
	return st ? refused(s, wanted, st, &why) : VS_EXIT_OK;
}

static enum vs_exit download(const struct vs_args *a)
{
	static const char *const needs[] = {"target-name", "target-base-url",
	                                    "target-dir"};
	VS_AUTO(session_drop) struct session s = {0};
	const char *name;
	enum vs_exit e = VS_EXIT_OK;

	for (size_t i = 0; !e && i < 3; i++)
		e = need(a, needs[i]);
	if (!e)
		e = begin(a, &s);
	if (!e && vs_file_mkdirs(vs_args_get(a, "target-dir"), 0755)) {
		vs_error("--target-dir: %s", strerror(errno));
		return VS_EXIT_FAILED;
	}
	for (size_t i = 0; !e && (name = vs_args_nth(a, "target-name", i)); i++)
		e = get_target(a, &s, name);
	return e;
}

/* clang-format off */
const struct vs_option vs_tuf_options[] = {
	{"metadata-dir",    "DIR",  NULL,       false,
	 "where trusted metadata is kept, byte for byte as received"},
	{"metadata-url",    "URL",  NULL,       false,
	 "where metadata comes from"},
	{"target-name",     "PATH", "download", true, "a target to fetch"},
	{"target-base-url", "URL",  "download", false,
	 "where targets come from"},
	{"target-dir",      "DIR",  "download", false,
	 "where they go; a slash in a path is written %2F"},
	{0},
};

const struct vs_command vs_tuf_commands[] = {
	{"init", "ROOT.json", 1, 1, "trust a root that you were given",
	 "The file must come to you by a way that you trust: everything "
	 "else is believed\nbecause of it.\n", init},
	{"refresh", "", 0, 0, "bring trusted metadata up to date",
	 "Asks for the next root until there is none, then timestamp, "
	 "snapshot and targets,\neach checked before it is kept.  Plain "
	 "http:// will do: only signatures count.\n", refresh},
	{"download", "", 0, 0, "refresh, then fetch targets",
	 "A target that is there already with the right length and hashes "
	 "is not fetched\nagain.\n", download},
	{0},
};
/* clang-format on */

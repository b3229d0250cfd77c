/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/stage.c - takes a release from stage to stage.
 *
 * Evidence is uploaded before the step that names it.
 */
#include "operate/stage.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/log.h"
#include "operate/client.h"
#include "operate/say.h"
#include "operate/wait.h"

enum { kind_max = 33, quoted_max = 256 };

/* "sbom=FILE" as {"kind", "sha256", "note"}, uploaded. */
static enum vs_exit add_piece(const struct vs_args *a, struct vs_client *c,
                              const char *text, json_t *list)
{
	const char *equals = strchr(text, '='), *note = vs_args_get(a, "note");
	char kind[kind_max], hex[65], quoted[quoted_max], path[128];
	uint64_t len;
	bool there;

	if (!equals || equals == text || !equals[1] ||
	    (size_t)(equals - text) >= sizeof kind)
		return vs_args_wrong(a, "--evidence: KIND=FILE is wanted");
	(void)snprintf(kind, sizeof kind, "%.*s", (int)(equals - text), text);
	if (vs_file_sha256(equals + 1, hex, &len)) {
		vs_error("%s: %s",
		         vs_log_quote(equals + 1, quoted, sizeof quoted),
		         strerror(errno));
		return VS_EXIT_FAILED;
	}
	enum vs_exit e = vs_client_path("artifacts", hex, path, sizeof path);

	if (!e)
		e = vs_client_has(c, path, &there);
	if (!e && !there)
		e = vs_client_put_file(c, path, equals + 1, NULL, NULL);
	if (e)
		return e;
	json_t *piece = json_pack("{s:s, s:s, s:s}", "kind", kind, "sha256",
	                          hex, "note", note ? note : "");
	if (!json_array_append_new(list, piece))
		return VS_EXIT_OK;
	vs_error("--evidence or --note: not UTF-8 text");
	return VS_EXIT_FAILED;
}

static enum vs_exit add_evidence(const struct vs_args *a, struct vs_client *c,
                                 json_t *body)
{
	json_t *list = json_array();
	enum vs_exit e = json_object_set_new(body, "evidence", list)
	                         ? VS_EXIT_FAILED
	                         : VS_EXIT_OK;
	const char *text;

	for (size_t i = 0; !e && (text = vs_args_nth(a, "evidence", i)); i++)
		e = add_piece(a, c, text, list);
	return e;
}

static enum vs_exit step(const struct vs_args *a, bool evidence)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *body = json_object();
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	const char *to = vs_args_get(a, "to"), *note = vs_args_get(a, "note");
	char path[512], about[64];
	size_t used;

	(void)snprintf(about, sizeof about, "release %s", a->command->name);
	if (evidence && !vs_args_has(a, "evidence"))
		return vs_args_wrong(a, "--evidence KIND=FILE is missing");
	if ((to && json_object_set_new(body, "to", json_string(to))) ||
	    (note && json_object_set_new(body, "note", json_string(note)))) {
		vs_error("%s: not UTF-8 text", about);
		return VS_EXIT_FAILED;
	}
	enum vs_exit e =
		vs_client_path("releases", a->words[0], path, sizeof path);
	if (!e)
		e = vs_client_open(a, &c);
	if (!e && evidence)
		e = add_evidence(a, c, body);
	if (e)
		return e;
	used = strlen(path);
	(void)snprintf(path + used, sizeof path - used, "/%s",
	               a->command->name);
	const struct vs_request r = {"POST", path, about, body};
	e = vs_client_ask(c, &r, &v);
	if (!e && vs_args_has(a, "json"))
		vs_say_json(v);
	else if (!e)
		vs_say_fields(v);
	return e;
}

/* When nobody is asked any more. */
static bool decided(void *ctx, const json_t *v, struct vs_wait_line *line,
                    enum vs_exit *e)
{
	char asked[64], stage[32];
	bool over =
		strcmp(vs_say_text(v, "general_asked_by", asked, sizeof asked),
	               "") == 0 ||
		strcmp(asked, "-") == 0;

	(void)vs_say_text(v, "stage", stage, sizeof stage);
	(void)snprintf(line->text, sizeof line->text, "%s%s", stage,
	               over ? "" : "; another person is asked");
	*e = over && strcmp(stage, ctx) != 0 ? VS_EXIT_FAILED : VS_EXIT_OK;
	return over;
}

static enum vs_exit wait_for(const struct vs_args *a)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	char path[512], to[32], stage[32];
	const struct vs_wait w = {.path = path,
	                          .about = "release promote",
	                          .look = decided,
	                          .ctx = to};
	enum vs_exit e =
		vs_client_path("releases", a->words[0], path, sizeof path);

	(void)snprintf(to, sizeof to, "%s", vs_args_get(a, "to"));
	if (!e)
		e = vs_client_open(a, &c);
	if (!e)
		e = vs_wait(a, c, &w, &v);
	if (e == VS_EXIT_FAILED && v)
		vs_error("release promote: it was not approved; its stage is "
		         "%s",
		         vs_say_text(v, "stage", stage, sizeof stage));
	return e;
}

enum vs_exit vs_release_promote(const struct vs_args *a)
{
	if (!vs_args_has(a, "to"))
		return vs_args_wrong(a, "--to STAGE is missing");
	enum vs_exit e = vs_wait_check(a);
	if (!e)
		e = step(a, true);
	return e || !vs_args_has(a, "wait") ? e : wait_for(a);
}

enum vs_exit vs_release_evidence(const struct vs_args *a)
{
	return step(a, true);
}

enum vs_exit vs_release_approve(const struct vs_args *a)
{
	return step(a, false);
}

static enum vs_exit with_note(const struct vs_args *a)
{
	const char *note = vs_args_get(a, "note");

	return note && *note ? step(a, false)
	                     : vs_args_wrong(a, "--note TEXT is missing");
}

enum vs_exit vs_release_reject(const struct vs_args *a)
{
	return with_note(a);
}

enum vs_exit vs_release_retire(const struct vs_args *a)
{
	return with_note(a);
}

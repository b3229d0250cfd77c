/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/client.c - the server's operator API.
 */
#include "operate/client.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/config.h"
#include "base/file.h"
#include "base/http.h"
#include "base/log.h"
#include "operate/percent.h"

enum {
	answer_max = 64 * 1024 * 1024,
	check_max = 4096,
	file_max = 4 * 1024 * 1024,
	token_max = 256,
	path_max = 4096,
	quoted_max = 256,
	line_max = 1024 * 1024,
};

/* clang-format off */
const struct vs_config_key vs_client_keys[] = {
	{"server",     VS_CONFIG_TEXT, 0, 255, "",
	 "https:// address of the server's operator listener"},
	{"ca",         VS_CONFIG_TEXT, 0, path_max - 1, "",
	 "PEM file of the CA that the server's certificate is under"},
	{"token_file", VS_CONFIG_TEXT, 0, path_max - 1, "",
	 "file of mode 0600 that holds your token"},
};
/* clang-format on */
const size_t vs_client_key_count =
	sizeof vs_client_keys / sizeof *vs_client_keys;

struct vs_client {
	struct vs_http *http;
	char server[256]; /* without a slash at the end */
};

struct settings {
	char server[256], ca[path_max], token_file[path_max];
};

/* Flag, then environment, then what the file said. */
static void choose(const char *flag, const char *env, char *out, size_t cap)
{
	const char *value = flag ? flag : getenv(env);

	if (value && *value)
		(void)snprintf(out, cap, "%s", value);
}

static enum vs_exit config_path(const struct vs_args *a, char *out, size_t cap)
{
	const char *named = vs_args_get(a, "config");
	const char *base = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	int n;

	out[0] = 0;
	if (named)
		n = snprintf(out, cap, "%s", named);
	else if (base && *base)
		n = snprintf(out, cap, "%s/voltseal/operator.conf", base);
	else
		n = snprintf(out, cap, "%s/.config/voltseal/operator.conf",
		             home ? home : "");
	if (n < 0 || (size_t)n >= cap)
		return vs_args_wrong(a, "the config file's path is too long");
	if (!named && !vs_file_exists(out))
		out[0] = 0; /* nobody has to have one */
	return VS_EXIT_OK;
}

static enum vs_exit load_settings(const struct vs_args *a, struct settings *s)
{
	char path[path_max], error[256];
	struct vs_config *c = NULL;
	enum vs_exit e = config_path(a, path, sizeof path);

	*s = (struct settings){0};
	if (e)
		return e;
	if (path[0]) {
		if (vs_config_load(path, vs_client_keys, vs_client_key_count,
		                   &c, error)) {
			vs_error("%s", error);
			return VS_EXIT_USAGE;
		}
		(void)snprintf(s->server, sizeof s->server, "%s",
		               vs_config_text(c, "server"));
		(void)snprintf(s->ca, sizeof s->ca, "%s",
		               vs_config_text(c, "ca"));
		(void)snprintf(s->token_file, sizeof s->token_file, "%s",
		               vs_config_text(c, "token_file"));
		vs_config_free(&c);
	}
	choose(vs_args_get(a, "server"), "VOLTSEAL_SERVER", s->server,
	       sizeof s->server);
	choose(vs_args_get(a, "ca"), "VOLTSEAL_CA", s->ca, sizeof s->ca);
	choose(vs_args_get(a, "token-file"), "VOLTSEAL_TOKEN_FILE",
	       s->token_file, sizeof s->token_file);
	if (!s->server[0])
		return vs_args_wrong(a, "no server: give --server or "
		                        "VOLTSEAL_SERVER or a config file");
	if (strncmp(s->server, "https://", 8) != 0 || !s->server[8])
		return vs_args_wrong(a, "--server: not an https:// address");
	if (!s->token_file[0])
		return vs_args_wrong(a, "no token: give --token-file or "
		                        "VOLTSEAL_TOKEN_FILE");
	return VS_EXIT_OK;
}

static enum vs_exit fail_file(const char *file, const char *what)
{
	char quoted[quoted_max];

	vs_error("%s: %s", vs_log_quote(file, quoted, sizeof quoted), what);
	return VS_EXIT_FAILED;
}

static enum vs_exit read_token(const char *file, char out[static token_max + 1])
{
	VS_AUTO(vs_fd_drop) int fd = open(file, O_RDONLY | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return fail_file(file, strerror(errno));
	if (!S_ISREG(st.st_mode))
		return fail_file(file, "not a regular file");
	if (st.st_mode & 077)
		return fail_file(file, "others may read this token: chmod 600");
	ssize_t n = read(fd, out, token_max + 1);
	if (n < 0)
		return fail_file(file, strerror(errno));
	if (n > token_max)
		return fail_file(file, "too long for a token");
	while (n && strchr(" \t\r\n", out[n - 1]))
		n--;
	out[n] = 0;
	if (!n || strlen(out) != (size_t)n)
		return fail_file(file, "holds no token");
	for (ssize_t i = 0; i < n; i++)
		if (out[i] <= ' ' || out[i] > '~')
			return fail_file(file, "a token has no such character");
	return VS_EXIT_OK;
}

enum vs_exit vs_client_open(const struct vs_args *a, struct vs_client **out)
{
	char token[token_max + 1] = "";
	struct settings s;
	enum vs_exit e = load_settings(a, &s);

	*out = NULL;
	if (!e)
		e = read_token(s.token_file, token);
	if (!e && s.ca[0] && access(s.ca, R_OK))
		e = fail_file(s.ca, strerror(errno));
	if (e)
		return e;
	struct vs_http_config config = {.ca_file = s.ca[0] ? s.ca : NULL,
	                                .bearer = token};
	struct vs_client *c = calloc(1, sizeof *c);
	vs_status st = c ? vs_http_new(&config, &c->http) : VS_ERR_NOMEM;
	explicit_bzero(token, sizeof token);
	if (st) {
		free(c);
		vs_error("%s", vs_status_name(st));
		return VS_EXIT_FAILED;
	}
	size_t len = strlen(s.server);
	while (len && s.server[len - 1] == '/')
		s.server[--len] = 0;
	memcpy(c->server, s.server, sizeof c->server);
	*out = c;
	return VS_EXIT_OK;
}

void vs_client_close(struct vs_client **client)
{
	struct vs_client *c = *client;

	*client = NULL;
	if (!c)
		return;
	vs_http_free(&c->http);
	free(c);
}

void vs_client_json_drop(json_t **v)
{
	json_decref(*v);
	*v = NULL;
}

/* What went wrong between here and the server, in one line. */
static enum vs_exit no_answer(struct vs_client *c, const char *about,
                              vs_status st)
{
	char quoted[quoted_max];

	if (st == VS_ERR_IO) {
		vs_error("%s: cannot reach %s: %s", about, c->server,
		         vs_log_quote(vs_http_error(c->http), quoted,
		                      sizeof quoted));
		return VS_EXIT_UNREACHABLE;
	}
	vs_error("%s: the server's answer: %s", about, vs_status_name(st));
	return VS_EXIT_FAILED;
}

/* The server's own words, and its reason, if it has any. */
static enum vs_exit refused(const char *about, const struct vs_http_answer *in)
{
	VS_AUTO(vs_client_json_drop)
	json_t *v = json_loadb((char *)in->body, in->len,
	                       JSON_REJECT_DUPLICATES, NULL);
	const char *error = json_string_value(json_object_get(v, "error"));
	const char *reason = json_string_value(json_object_get(v, "reason"));
	char line[quoted_max], word[64];

	if (!error) {
		vs_error("%s: the server answered %ld", about, in->code);
		return VS_EXIT_FAILED;
	}
	(void)vs_log_quote(error, line, sizeof line);
	if (reason)
		vs_error("%s: %s (%s)", about, line,
		         vs_log_quote(reason, word, sizeof word));
	else
		vs_error("%s: %s", about, line);
	return VS_EXIT_FAILED;
}

static enum vs_exit make_url(const struct vs_client *c, const char *path,
                             char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s%s", c->server, path);

	if (n >= 0 && (size_t)n < cap)
		return VS_EXIT_OK;
	vs_error("the address is too long");
	return VS_EXIT_FAILED;
}

enum vs_exit vs_client_ask(struct vs_client *c, const struct vs_request *r,
                           json_t **out)
{
	VS_AUTO(vs_http_answer_drop) struct vs_http_answer got = {0};
	VS_AUTO(vs_free_drop) char *body = NULL;
	char url[1024], text[quoted_max];
	json_error_t where;
	enum vs_exit e = make_url(c, r->path, url, sizeof url);
	vs_status st;

	*out = NULL;
	if (e)
		return e;
	if (r->body && !(body = json_dumps(r->body, JSON_COMPACT)))
		return no_answer(c, r->about, VS_ERR_NOMEM);
	if (strcmp(r->method, "GET") == 0)
		st = vs_http_get(c->http, url, answer_max, &got);
	else
		st = vs_http_send(c->http, r->method, url, "application/json",
		                  body, body ? strlen(body) : 0, answer_max,
		                  &got);
	if (st)
		return no_answer(c, r->about, st);
	if (got.code < 200 || got.code > 299)
		return refused(r->about, &got);
	*out = json_loadb((char *)got.body, got.len, JSON_REJECT_DUPLICATES,
	                  &where);
	if (*out)
		return VS_EXIT_OK;
	vs_error("%s: the server's answer is not JSON: line %d: %s", r->about,
	         where.line, vs_log_quote(where.text, text, sizeof text));
	return VS_EXIT_FAILED;
}

enum vs_exit vs_client_get(struct vs_client *c, const char *path,
                           const char *about, json_t **out)
{
	const struct vs_request r = {"GET", path, about, NULL};

	return vs_client_ask(c, &r, out);
}

enum vs_exit vs_client_has(struct vs_client *c, const char *path, bool *out)
{
	VS_AUTO(vs_http_answer_drop) struct vs_http_answer got = {0};
	char url[1024];
	enum vs_exit e = make_url(c, path, url, sizeof url);

	*out = false;
	if (e)
		return e;
	vs_status st = vs_http_get(c->http, url, check_max, &got);
	if (st == VS_ERR_LIMIT)
		return VS_EXIT_OK; /* nothing that says: it is there */
	if (st)
		return no_answer(c, "release upload", st);
	*out = got.code == 200;
	return *out || got.code == 404 ? VS_EXIT_OK
	                               : refused("release upload", &got);
}

enum vs_exit
vs_client_put_file(struct vs_client *c, const char *path, const char *file,
                   void (*progress)(void *ctx, uint64_t done, uint64_t total),
                   void *ctx)
{
	VS_AUTO(vs_http_answer_drop) struct vs_http_answer got = {0};
	char url[1024];
	enum vs_exit e = make_url(c, path, url, sizeof url);

	if (e)
		return e;
	vs_status st = vs_http_put_file(c->http, url, file, progress, ctx,
	                                answer_max, &got);
	if (st)
		return no_answer(c, file, st);
	return got.code == 200 || got.code == 201 ? VS_EXIT_OK
	                                          : refused(file, &got);
}

enum vs_exit vs_client_fetch(struct vs_client *c, const char *path,
                             const char *about, uint8_t **out, size_t *len)
{
	VS_AUTO(vs_http_answer_drop) struct vs_http_answer got = {0};
	char url[1024];
	enum vs_exit e = make_url(c, path, url, sizeof url);

	*out = NULL;
	*len = 0;
	if (e)
		return e;
	vs_status st = vs_http_get(c->http, url, answer_max, &got);
	if (st)
		return no_answer(c, about, st);
	if (got.code == 404)
		return VS_EXIT_OK;
	if (got.code != 200)
		return refused(about, &got);
	*out = got.body;
	*len = got.len;
	got.body = NULL;
	return VS_EXIT_OK;
}

enum vs_exit vs_client_pieces_get(struct vs_client *c,
                                  const struct vs_client_pieces *p)
{
	static uint8_t piece[65536];
	struct vs_http_stream *s = NULL;
	char url[1024];
	enum vs_exit e = make_url(c, p->path, url, sizeof url);
	vs_status st = VS_OK;

	if (e)
		return e;
	st = vs_http_stream_open(c->http, url, 0, UINT64_MAX, &s);
	for (uint64_t done = 0; !st && !e && done < p->len;) {
		uint64_t left = p->len - done;
		size_t n = left < sizeof piece ? (size_t)left : sizeof piece;

		st = vs_http_stream_read(s, piece, n);
		if (!st && !p->each(p->ctx, piece, n))
			e = VS_EXIT_FAILED;
		done += n;
	}
	if (!st && !e && vs_http_stream_read(s, piece, 1) == VS_OK) {
		vs_error("%s: longer than was announced", p->about);
		e = VS_EXIT_FAILED;
	}
	vs_http_stream_close(&s);
	return st ? no_answer(c, p->about, st) : e;
}

/* Server-sent events, line by line. */
struct lines {
	const struct vs_client_stream *stream;
	struct vs_buffer line;
	char event[64];
	struct vs_buffer data;
	bool enough;
};

static bool end_line(struct lines *l)
{
	const char *text = l->line.data ? (char *)l->line.data : "";

	if (strncmp(text, "event: ", 7) == 0)
		(void)snprintf(l->event, sizeof l->event, "%s", text + 7);
	if (strncmp(text, "data: ", 6) == 0 &&
	    vs_buffer_add(&l->data, text + 6, strlen(text + 6)))
		return false;
	if (!*text && l->data.len) {
		l->enough = !l->stream->each(l->stream->ctx, l->event,
		                             (char *)l->data.data);
		l->data.len = 0;
		l->event[0] = 0;
	}
	l->line.len = 0;
	if (l->line.data)
		l->line.data[0] = 0;
	return !l->enough;
}

static bool take_lines(void *ctx, const char *in, size_t len)
{
	struct lines *l = ctx;

	for (size_t i = 0; i < len; i++)
		if (in[i] == '\n' ? !end_line(l)
		                  : vs_buffer_add(&l->line, &in[i], 1) != VS_OK)
			return false;
	return true;
}

enum vs_exit vs_client_follow(struct vs_client *c,
                              const struct vs_client_stream *s)
{
	struct lines l = {.stream = s};
	char url[1024];
	long code;
	enum vs_exit e = make_url(c, s->path, url, sizeof url);

	if (e)
		return e;
	vs_buffer_init(&l.line, line_max);
	vs_buffer_init(&l.data, line_max);
	vs_status st = vs_http_follow(c->http, url, take_lines, &l, &code);
	vs_buffer_drop(&l.line);
	vs_buffer_drop(&l.data);
	if (st)
		return s->loud ? no_answer(c, s->about, st)
		               : VS_EXIT_UNREACHABLE;
	if (code == 200)
		return VS_EXIT_OK;
	vs_error("%s: the server answered %ld", s->about, code);
	return VS_EXIT_FAILED;
}

enum vs_exit vs_client_put(struct vs_client *c, const char *path,
                           const char *about, const void *in, size_t len)
{
	VS_AUTO(vs_http_answer_drop) struct vs_http_answer got = {0};
	char url[1024];
	enum vs_exit e = make_url(c, path, url, sizeof url);

	if (e)
		return e;
	vs_status st =
		vs_http_send(c->http, "PUT", url, "application/octet-stream",
	                     in, len, answer_max, &got);
	if (st)
		return no_answer(c, about, st);
	return got.code == 200 || got.code == 201 ? VS_EXIT_OK
	                                          : refused(about, &got);
}

enum vs_exit vs_client_path(const char *kind, const char *name, char *out,
                            size_t cap)
{
	char encoded[400];
	int n = -1;

	if (!vs_percent_encode(name, encoded, sizeof encoded))
		n = snprintf(out, cap, "/v1/%s/%s", kind, encoded);
	if (n >= 0 && (size_t)n < cap)
		return VS_EXIT_OK;
	vs_error("%s: a name is empty or too long", kind);
	return VS_EXIT_USAGE;
}

enum vs_exit vs_client_read_json(const char *file, json_t **out)
{
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	char quoted[quoted_max], text_of[quoted_max];
	json_error_t where;
	size_t len = 0;
	vs_status st = vs_file_read(file, file_max, &text, &len);

	*out = NULL;
	if (st)
		return fail_file(file, st == VS_ERR_IO ? strerror(errno)
		                                       : vs_status_name(st));
	*out = json_loadb((char *)text, len, JSON_REJECT_DUPLICATES, &where);
	if (json_is_object(*out))
		return VS_EXIT_OK;
	if (!*out)
		vs_error("%s:%d: %s", vs_log_quote(file, quoted, sizeof quoted),
		         where.line,
		         vs_log_quote(where.text, text_of, sizeof text_of));
	else
		(void)fail_file(file, "not a JSON object");
	vs_client_json_drop(out);
	return VS_EXIT_FAILED;
}

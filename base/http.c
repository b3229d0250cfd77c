/* SPDX-License-Identifier: Apache-2.0
 *
 * base/http.c - an HTTP client with limits (libcurl).
 */
#include "base/http.h"

#include <curl/curl.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"

enum {
	connect_ms_preset = 10000,
	answer_s = 30, /* a whole small answer takes at most so long */
	slow_s = 30,   /* under the minimum speed for so long: give up */
	stream_hold = 1 << 20, /* bytes held for the reader before a pause */
};

struct vs_http {
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers; /* Authorization, if any */
	struct vs_http_config config;
	char *ca, *cert, *key;
	char error[CURL_ERROR_SIZE + 64];
};

struct vs_http_stream {
	struct vs_http *http;
	CURL *easy;
	struct vs_buffer held; /* received, not read yet */
	size_t taken;          /* of held, already read */
	uint64_t first, last;
	bool range_seen; /* a Content-Range that is the one asked for */
	bool checked;
	bool paused;
	bool done;
	CURLcode result;
};

static pthread_once_t curl_once = PTHREAD_ONCE_INIT;

static void curl_start(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static vs_status copy_text(const char *in, char **out)
{
	*out = in ? strdup(in) : NULL;
	return in && !*out ? VS_ERR_NOMEM : VS_OK;
}

static vs_status add_bearer(struct vs_http *h, const char *token)
{
	char line[512];

	if (!token)
		return VS_OK;
	int n = snprintf(line, sizeof line, "Authorization: Bearer %s", token);
	if (n < 0 || (size_t)n >= sizeof line)
		return VS_ERR_INPUT;
	h->headers = curl_slist_append(NULL, line);
	explicit_bzero(line, sizeof line);
	return h->headers ? VS_OK : VS_ERR_NOMEM;
}

vs_status vs_http_new(const struct vs_http_config *config, struct vs_http **out)
{
	struct vs_http *h = calloc(1, sizeof *h);

	*out = NULL;
	if (!h)
		return VS_ERR_NOMEM;
	pthread_once(&curl_once, curl_start);
	h->config = *config;
	h->config.bearer = NULL;
	h->easy = curl_easy_init();
	h->multi = curl_multi_init();
	vs_status status = h->easy && h->multi ? VS_OK : VS_ERR_NOMEM;
	if (!status)
		status = copy_text(config->ca_file, &h->ca);
	if (!status)
		status = copy_text(config->cert_file, &h->cert);
	if (!status)
		status = copy_text(config->key_file, &h->key);
	if (!status)
		status = add_bearer(h, config->bearer);
	if (status) {
		vs_http_free(&h);
		return status;
	}
	*out = h;
	return VS_OK;
}

void vs_http_free(struct vs_http **http)
{
	struct vs_http *h = *http;

	*http = NULL;
	if (!h)
		return;
	curl_easy_cleanup(h->easy);
	curl_multi_cleanup(h->multi);
	curl_slist_free_all(h->headers);
	free(h->ca);
	free(h->cert);
	free(h->key);
	free(h);
}

const char *vs_http_error(const struct vs_http *h)
{
	return h->error;
}

/* What every request has: TLS with all checks, no redirects, limits. */
static void prepare(struct vs_http *h, CURL *easy, const char *url)
{
	const struct vs_http_config *c = &h->config;
	uint32_t slow = c->min_bytes_s ? c->min_bytes_s : 1;
	const char *protocols = c->allow_http ? "http,https" : "https";

	curl_easy_reset(easy);
	h->error[0] = 0;
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, protocols);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_SSLVERSION,
	                 (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (h->ca) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, h->ca);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (h->cert)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, h->cert);
	if (h->key)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, h->key);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(
		easy, CURLOPT_CONNECTTIMEOUT_MS,
		(long)(c->connect_ms ? c->connect_ms : connect_ms_preset));
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)slow);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)slow_s);
	curl_easy_setopt(easy, CURLOPT_MAX_RECV_SPEED_LARGE,
	                 (curl_off_t)c->max_bytes_s);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "voltseal");
	if (h->headers)
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, h->headers);
}

/* Where the body of a whole answer goes. */
struct sink {
	struct vs_buffer body;
	vs_status status;
};

static size_t take_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct sink *s = ctx;

	s->status = vs_buffer_add(&s->body, bytes, size * n);
	return s->status ? 0 : size * n;
}

static vs_status perform(struct vs_http *h, CURL *easy, size_t max,
                         struct vs_http_answer *out)
{
	struct sink s = {0};
	curl_off_t retry = 0;

	vs_buffer_init(&s.body, max);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &s);
	CURLcode code = curl_easy_perform(easy);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	if (code) {
		vs_buffer_drop(&s.body);
		if (!h->error[0])
			snprintf(h->error, sizeof h->error, "%s",
			         curl_easy_strerror(code));
		return s.status ? s.status : VS_ERR_IO;
	}
	/* Even an empty body is a string for its reader. */
	vs_status status = vs_buffer_add(&s.body, "", 0);
	if (status)
		return status;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &out->code);
	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry);
	out->retry_after_s =
		retry > 0 && retry < UINT32_MAX ? (uint32_t)retry : 0;
	out->body = vs_buffer_take(&s.body, &out->len);
	return VS_OK;
}

vs_status vs_http_get(struct vs_http *h, const char *url, size_t max,
                      struct vs_http_answer *out)
{
	*out = (struct vs_http_answer){0};
	prepare(h, h->easy, url);
	curl_easy_setopt(h->easy, CURLOPT_TIMEOUT, (long)answer_s);
	return perform(h, h->easy, max, out);
}

struct follow {
	CURL *easy;
	bool (*take)(void *ctx, const char *in, size_t len);
	void *ctx;
	bool enough;
};

static size_t follow_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct follow *f = ctx;
	long code = 0;

	curl_easy_getinfo(f->easy, CURLINFO_RESPONSE_CODE, &code);
	if (code == 200 && !f->take(f->ctx, bytes, size * n)) {
		f->enough = true;
		return 0;
	}
	return size * n;
}

vs_status vs_http_follow(struct vs_http *h, const char *url,
                         bool (*take)(void *ctx, const char *in, size_t len),
                         void *ctx, long *code)
{
	struct follow f = {h->easy, take, ctx, false};

	*code = 0;
	prepare(h, h->easy, url);
	/* A stream may be silent; a peer that has gone is noticed by TCP. */
	curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 0L);
	curl_easy_setopt(h->easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, follow_body);
	curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, &f);
	CURLcode result = curl_easy_perform(h->easy);
	curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, code);
	curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, NULL);
	if (!result || f.enough)
		return VS_OK;
	if (!h->error[0])
		snprintf(h->error, sizeof h->error, "%s",
		         curl_easy_strerror(result));
	return VS_ERR_IO;
}

/* Sends with the token's header and the body's kind. */
static vs_status perform_typed(struct vs_http *h, const char *content_type,
                               size_t max, struct vs_http_answer *out)
{
	char line[128];
	struct curl_slist *list = NULL;

	snprintf(line, sizeof line, "Content-Type: %s", content_type);
	for (struct curl_slist *p = h->headers; p; p = p->next)
		list = curl_slist_append(list, p->data);
	list = curl_slist_append(list, line);
	list = curl_slist_append(list, "Expect:");
	if (!list)
		return VS_ERR_NOMEM;
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, list);
	vs_status status = perform(h, h->easy, max, out);
	curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(list);
	return status;
}

vs_status vs_http_send(struct vs_http *h, const char *method, const char *url,
                       const char *content_type, const void *body, size_t len,
                       size_t max, struct vs_http_answer *out)
{
	*out = (struct vs_http_answer){0};
	prepare(h, h->easy, url);
	curl_easy_setopt(h->easy, CURLOPT_TIMEOUT, (long)answer_s);
	curl_easy_setopt(h->easy, CURLOPT_POST, 1L);
	curl_easy_setopt(h->easy, CURLOPT_CUSTOMREQUEST, method);
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, len ? body : "");
	curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)len);
	return perform_typed(h, content_type, max, out);
}

struct upload {
	void (*progress)(void *ctx, uint64_t done, uint64_t total);
	void *ctx;
};

static int tell_progress(void *ctx, curl_off_t dl_total, curl_off_t dl_now,
                         curl_off_t ul_total, curl_off_t ul_now)
{
	struct upload *u = ctx;

	(void)dl_total;
	(void)dl_now;
	if (u->progress && ul_total > 0)
		u->progress(u->ctx, (uint64_t)ul_now, (uint64_t)ul_total);
	return 0;
}

vs_status vs_http_put_file(struct vs_http *h, const char *url, const char *path,
                           void (*progress)(void *ctx, uint64_t done,
                                            uint64_t total),
                           void *ctx, size_t max, struct vs_http_answer *out)
{
	struct upload u = {progress, ctx};
	FILE *f = fopen(path, "rbe");

	*out = (struct vs_http_answer){0};
	if (!f) {
		snprintf(h->error, sizeof h->error, "%s: %s", path,
		         strerror(errno));
		return VS_ERR_IO;
	}
	off_t size = fseeko(f, 0, SEEK_END) ? -1 : ftello(f);
	if (size < 0 || fseeko(f, 0, SEEK_SET)) {
		snprintf(h->error, sizeof h->error, "%s: %s", path,
		         strerror(errno));
		fclose(f);
		return VS_ERR_IO;
	}
	prepare(h, h->easy, url);
	curl_easy_setopt(h->easy, CURLOPT_UPLOAD, 1L);
	curl_easy_setopt(h->easy, CURLOPT_READDATA, f);
	curl_easy_setopt(h->easy, CURLOPT_INFILESIZE_LARGE, (curl_off_t)size);
	curl_easy_setopt(h->easy, CURLOPT_NOPROGRESS, 0L);
	curl_easy_setopt(h->easy, CURLOPT_XFERINFOFUNCTION, tell_progress);
	curl_easy_setopt(h->easy, CURLOPT_XFERINFODATA, &u);
	vs_status status =
		perform_typed(h, "application/octet-stream", max, out);
	fclose(f);
	return status;
}

void vs_http_answer_drop(struct vs_http_answer *a)
{
	free(a->body);
	*a = (struct vs_http_answer){0};
}

/* Notes whether the server answers the range that was asked for. */
static size_t see_header(char *bytes, size_t size, size_t n, void *ctx)
{
	static const char name[] = "content-range: bytes ";
	struct vs_http_stream *s = ctx;
	size_t len = size * n;
	char line[128];

	if (len >= sizeof line)
		return len;
	memcpy(line, bytes, len);
	line[len] = 0;
	if (strncasecmp(line, name, sizeof name - 1) == 0) {
		char *end;
		uint64_t first = strtoull(line + sizeof name - 1, &end, 10);

		s->range_seen = *end == '-' && first == s->first;
	}
	return len;
}

/* The first byte decides: is this the answer to what was asked? */
static bool answers_request(struct vs_http_stream *s)
{
	long code = 0;

	if (s->checked)
		return true;
	s->checked = true;
	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &code);
	bool whole = s->first == 0 && s->last == UINT64_MAX;
	if (whole ? code == 200 || (code == 206 && s->range_seen)
	          : code == 206 && s->range_seen)
		return true;
	snprintf(s->http->error, sizeof s->http->error,
	         "server answered %ld to a range request", code);
	return false;
}

static size_t hold_bytes(char *bytes, size_t size, size_t n, void *ctx)
{
	struct vs_http_stream *s = ctx;

	if (!answers_request(s))
		return 0;
	if (s->held.len - s->taken >= stream_hold) {
		s->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	return vs_buffer_add(&s->held, bytes, size * n) ? 0 : size * n;
}

/* Lets libcurl work until something came or the transfer ended. */
static vs_status pump(struct vs_http_stream *s)
{
	CURLM *multi = s->http->multi;
	size_t before = s->held.len;
	int running;

	while (s->held.len == before && !s->done) {
		if (s->paused) {
			s->paused = false;
			curl_easy_pause(s->easy, CURLPAUSE_CONT);
			if (s->held.len != before)
				return VS_OK;
		}
		if (curl_multi_perform(multi, &running))
			return VS_ERR_IO;
		int left;
		const CURLMsg *m;
		while ((m = curl_multi_info_read(multi, &left))) {
			if (m->msg != CURLMSG_DONE || m->easy_handle != s->easy)
				continue;
			s->done = true;
			s->result = m->data.result;
		}
		if (s->held.len == before && !s->done &&
		    curl_multi_poll(multi, NULL, 0, 1000, NULL))
			return VS_ERR_IO;
	}
	return VS_OK;
}

static vs_status begin(struct vs_http_stream *s, const char *url)
{
	char range[64];
	CURL *easy = s->easy;

	prepare(s->http, easy, url);
	if (s->last != UINT64_MAX)
		snprintf(range, sizeof range, "%llu-%llu",
		         (unsigned long long)s->first,
		         (unsigned long long)s->last);
	else
		snprintf(range, sizeof range, "%llu-",
		         (unsigned long long)s->first);
	if (s->first || s->last != UINT64_MAX)
		curl_easy_setopt(easy, CURLOPT_RANGE, range);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, hold_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, see_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	if (curl_multi_add_handle(s->http->multi, easy))
		return VS_ERR_IO;
	return pump(s);
}

vs_status vs_http_stream_open(struct vs_http *h, const char *url,
                              uint64_t first, uint64_t last,
                              struct vs_http_stream **out)
{
	struct vs_http_stream *s = calloc(1, sizeof *s);
	long code = 0;

	*out = NULL;
	if (!s)
		return VS_ERR_NOMEM;
	s->http = h;
	s->first = first;
	s->last = last;
	vs_buffer_init(&s->held, stream_hold + (1 << 20));
	s->easy = curl_easy_init();
	vs_status status = s->easy ? begin(s, url) : VS_ERR_NOMEM;
	if (!status && s->done && s->result) {
		curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &code);
		status = code == 404 || code == 403 ? VS_ERR_ABSENT : VS_ERR_IO;
	}
	if (status) {
		vs_http_stream_close(&s);
		return status;
	}
	*out = s;
	return VS_OK;
}

/* Moves what is still unread to the front, so that held stays small. */
static void compact(struct vs_http_stream *s)
{
	size_t left = s->held.len - s->taken;

	if (s->taken == 0)
		return;
	memmove(s->held.data, s->held.data + s->taken, left);
	s->held.len = left;
	s->taken = 0;
}

vs_status vs_http_stream_read(struct vs_http_stream *s, void *out, size_t len)
{
	uint8_t *p = out;

	while (len) {
		size_t have = s->held.len - s->taken;
		size_t n = have < len ? have : len;

		if (n) {
			memcpy(p, s->held.data + s->taken, n);
			s->taken += n;
			p += n;
			len -= n;
			continue;
		}
		compact(s);
		if (s->done) {
			if (!s->http->error[0])
				snprintf(s->http->error, sizeof s->http->error,
				         "the download ended early");
			return VS_ERR_IO;
		}
		vs_status status = pump(s);
		if (status)
			return status;
	}
	return VS_OK;
}

void vs_http_stream_close(struct vs_http_stream **stream)
{
	struct vs_http_stream *s = *stream;

	*stream = NULL;
	if (!s)
		return;
	if (s->easy) {
		curl_multi_remove_handle(s->http->multi, s->easy);
		curl_easy_cleanup(s->easy);
	}
	vs_buffer_drop(&s->held);
	free(s);
}

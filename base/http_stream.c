/* SPDX-License-Identifier: Apache-2.0
 *
 * base/http_stream.c - downloads that are read as they come.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buffer.h"
#include "base/http_inner.h"

enum {
	slow_ms_preset = 30000,
	hops_max = 4,
	aside_max = 65536, /* bytes of a redirect's own body */
	url_max = 4096,
	stream_hold = 1 << 20, /* bytes held for the reader before a pause */
};

struct vs_http_stream {
	struct vs_http *http;
	CURL *easy;
	struct vs_buffer held; /* received, not read yet */
	size_t taken;          /* of held, already read */
	uint64_t first, last;
	uint64_t total;  /* of the file, by the server's word; 0: not said */
	uint64_t got;    /* of the body */
	unsigned hops;   /* redirects followed */
	bool elsewhere;  /* a redirect led to another host: no credentials */
	bool range_seen; /* a Content-Range that is the one asked for */
	bool encoded;    /* a Content-Encoding, which nobody asked for */
	bool checked;
	bool answers; /* what that came to */
	/* minimum speed, over the time in which the reader waited */
	uint64_t waited_us, waited_got;
	bool paused;
	bool done;
	CURLcode result;
	char refused[96]; /* why the answer was not taken */
};

/* Whether a Content-Range names bytes that were asked for, from the first. */
static bool is_range(struct vs_http_stream *s, const char *value)
{
	char *end;
	uint64_t first, last;

	if (strncasecmp(value, "bytes ", 6) != 0)
		return false;
	first = strtoull(value + 6, &end, 10);
	if (*end != '-' || first != s->first)
		return false;
	last = strtoull(end + 1, &end, 10);
	s->total = *end == '/' ? strtoull(end + 1, NULL, 10) : 0;
	return *end == '/' && last >= first && last <= s->last;
}

static size_t see_header(char *bytes, size_t size, size_t n, void *ctx)
{
	struct vs_http_stream *s = ctx;
	char line[256];
	const char *value;

	s->http->received += size * n;
	vs_http_line(bytes, size * n, line);
	if (strncmp(line, "HTTP/", 5) == 0) {
		s->range_seen = s->encoded = false;
		s->total = 0;
	}
	value = vs_http_value(line, "content-range:");
	if (value)
		s->range_seen = is_range(s, value);
	s->encoded = s->encoded || vs_http_encoded(line);
	return size * n;
}

static void refuse(struct vs_http_stream *s, const char *what)
{
	snprintf(s->refused, sizeof s->refused, "%s", what);
}

static long code_of(const struct vs_http_stream *s)
{
	long code = 0;

	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &code);
	return code;
}

static bool is_redirect(const struct vs_http_stream *s)
{
	long code = code_of(s);

	return s->http->config.redirects &&
	       (code == 301 || code == 302 || code == 303 || code == 307 ||
	        code == 308);
}

/* The first byte decides: is this the answer to what was asked? */
static bool answers_request(struct vs_http_stream *s)
{
	long code = code_of(s);

	if (s->checked)
		return s->answers;
	s->checked = true;
	bool whole = s->first == 0 && s->last == UINT64_MAX;
	s->answers = (code == 206 && s->range_seen) || (whole && code == 200);
	if (!s->answers && code == 200)
		refuse(s, "the server sends a whole file for a range");
	else if (!s->answers && code == 206)
		refuse(s, "the server sends another range than asked for");
	else if (!s->answers)
		snprintf(s->refused, sizeof s->refused,
		         "the server answered %ld", code);
	if (s->answers && s->encoded) {
		refuse(s, vs_http_encoded_text);
		s->answers = false;
	}
	return s->answers;
}

static size_t hold_bytes(char *bytes, size_t size, size_t n, void *ctx)
{
	struct vs_http_stream *s = ctx;
	size_t len = size * n;

	if (is_redirect(s)) {
		s->http->received += len;
		s->got += len;
		return s->got <= aside_max ? len : 0;
	}
	if (!answers_request(s))
		return 0;
	if (s->held.len - s->taken >= stream_hold) {
		s->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	s->http->received += len;
	if (s->last != UINT64_MAX && len > s->last - s->first + 1 - s->got) {
		refuse(s, "the server sends more than was asked for");
		return 0;
	}
	s->got += len;
	return vs_buffer_add(&s->held, bytes, len) ? 0 : len;
}

/* Sees every finished transfer of the multi handle: ours is the only one. */
static void see_done(struct vs_http_stream *s)
{
	const CURLMsg *m;
	int left;

	while ((m = curl_multi_info_read(s->http->multi, &left))) {
		if (m->msg != CURLMSG_DONE || m->easy_handle != s->easy)
			continue;
		s->done = true;
		s->result = m->data.result;
		vs_http_note_retry(s->http, s->easy);
	}
	if (s->refused[0])
		snprintf(s->http->error, sizeof s->http->error, "%s",
		         s->refused);
}

static uint64_t slow_us(const struct vs_http *h)
{
	return UINT64_C(1000) *
	       (h->config.slow_ms ? h->config.slow_ms : slow_ms_preset);
}

static uint64_t elapsed_us(const struct vs_http_stream *s)
{
	curl_off_t us = 0;

	curl_easy_getinfo(s->easy, CURLINFO_TOTAL_TIME_T, &us);
	return us > 0 ? (uint64_t)us : 0;
}

/* Over windows of slow_ms in which the reader waited for bytes. */
static bool is_too_slow(struct vs_http_stream *s, uint64_t *since_us)
{
	uint64_t now = elapsed_us(s);
	uint64_t min = s->http->config.min_bytes_s;

	s->waited_us += now > *since_us ? now - *since_us : 0;
	*since_us = now;
	if (s->waited_us < slow_us(s->http))
		return false;
	if (s->got - s->waited_got <= (min ? min : 1) * s->waited_us / 1000000)
		return true;
	s->waited_us = 0;
	s->waited_got = s->got;
	return false;
}

/* Lets libcurl work until something came or the transfer ended. */
static vs_status pump(struct vs_http_stream *s)
{
	CURLM *multi = s->http->multi;
	size_t before = s->held.len;
	uint64_t since_us = elapsed_us(s);
	int step_ms = (int)(slow_us(s->http) / 4000);
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
		see_done(s);
		if (is_too_slow(s, &since_us) && s->held.len == before &&
		    !s->done) {
			snprintf(s->http->error, sizeof s->http->error,
			         "the download is too slow");
			return VS_ERR_IO;
		}
		if (s->held.len == before && !s->done &&
		    curl_multi_poll(multi, NULL, 0,
		                    step_ms < 1000 ? step_ms + 1 : 1000, NULL))
			return VS_ERR_IO;
	}
	return VS_OK;
}

static void set_range(const struct vs_http_stream *s)
{
	char range[64];

	if (s->last != UINT64_MAX)
		snprintf(range, sizeof range, "%llu-%llu",
		         (unsigned long long)s->first,
		         (unsigned long long)s->last);
	else
		snprintf(range, sizeof range, "%llu-",
		         (unsigned long long)s->first);
	if (s->first || s->last != UINT64_MAX)
		curl_easy_setopt(s->easy, CURLOPT_RANGE, range);
}

static vs_status begin(struct vs_http_stream *s, const char *url)
{
	struct vs_http *h = s->http;
	CURL *easy = curl_easy_init();

	s->easy = easy;
	if (!easy)
		return VS_ERR_NOMEM;
	vs_http_prepare(h, easy, url);
	if (!s->elsewhere)
		vs_http_credentials(h, easy);
	else if (h->elsewhere_ca)
		curl_easy_setopt(easy, CURLOPT_CAINFO, h->elsewhere_ca);
	set_range(s);
	/* pump() judges the speed: a reader that is slow itself may be. */
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, 0L);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, hold_bytes);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, see_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(easy, CURLOPT_FAILONERROR, 1L);
	if (curl_multi_add_handle(h->multi, easy))
		return VS_ERR_IO;
	return pump(s);
}

static void end(struct vs_http_stream *s)
{
	if (!s->easy)
		return;
	curl_multi_remove_handle(s->http->multi, s->easy);
	curl_easy_cleanup(s->easy);
	s->easy = NULL;
}

/* Same scheme, host and port, as libcurl reads them. */
static bool is_same_place(const char *one, const char *other)
{
	static const CURLUPart parts[] = {CURLUPART_SCHEME, CURLUPART_HOST,
	                                  CURLUPART_PORT};
	CURLU *a = curl_url(), *b = curl_url();
	bool same = a && b && !curl_url_set(a, CURLUPART_URL, one, 0) &&
	            !curl_url_set(b, CURLUPART_URL, other, 0);

	for (size_t i = 0; same && i < 3; i++) {
		char *p = NULL, *q = NULL;

		same = !curl_url_get(a, parts[i], &p, CURLU_DEFAULT_PORT) &&
		       !curl_url_get(b, parts[i], &q, CURLU_DEFAULT_PORT) &&
		       strcasecmp(p, q) == 0;
		curl_free(p);
		curl_free(q);
	}
	curl_url_cleanup(a);
	curl_url_cleanup(b);
	return same;
}

/* Goes where a redirect leads.  Away from the host that was asked there is
 * no way back to credentials.
 */
static vs_status hop(struct vs_http_stream *s, const char *from)
{
	char url[url_max];
	const char *to = NULL;
	int n;

	curl_easy_getinfo(s->easy, CURLINFO_REDIRECT_URL, &to);
	n = to ? snprintf(url, sizeof url, "%s", to) : -1;
	if (n < 0 || (size_t)n >= sizeof url ||
	    strncasecmp(url, "https://", 8) != 0)
		refuse(s, "the server redirects, but not to https");
	else if (++s->hops > hops_max)
		refuse(s, "the server redirects too often");
	if (s->refused[0]) {
		see_done(s);
		return VS_ERR_IO;
	}
	s->elsewhere = s->elsewhere || !is_same_place(url, from);
	end(s);
	s->done = s->encoded = s->range_seen = false;
	s->got = s->waited_us = s->waited_got = 0;
	return begin(s, url);
}

static vs_status judge_open(struct vs_http_stream *s)
{
	long code = code_of(s);

	if (!s->done || (!s->result && answers_request(s)))
		return VS_OK;
	see_done(s);
	return code == 404 || code == 403 ? VS_ERR_ABSENT : VS_ERR_IO;
}

vs_status vs_http_stream_open(struct vs_http *h, const char *url,
                              uint64_t first, uint64_t last,
                              struct vs_http_stream **out)
{
	struct vs_http_stream *s = calloc(1, sizeof *s);
	vs_status status;

	*out = NULL;
	if (!s)
		return VS_ERR_NOMEM;
	s->http = h;
	s->first = first;
	s->last = last;
	vs_buffer_init(&s->held, stream_hold + (1 << 20));
	status = begin(s, url);
	while (!status && s->done && !s->result && is_redirect(s))
		status = hop(s, url);
	if (!status)
		status = judge_open(s);
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

uint64_t vs_http_stream_total(const struct vs_http_stream *s)
{
	return s->total;
}

void vs_http_stream_close(struct vs_http_stream **stream)
{
	struct vs_http_stream *s = *stream;

	*stream = NULL;
	if (!s)
		return;
	end(s);
	vs_buffer_drop(&s->held);
	free(s);
}

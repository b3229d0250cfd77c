/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/server_http.c - base/http.h, answered from memory.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/http.h"
#include "tests/agent/server.h"

struct vs_http {
	char error[64];
	uint64_t received;
};

struct vs_http_stream {
	struct vs_http *http;
	const uint8_t *at;
	size_t left, total;
	bool delta;
};

vs_status vs_http_new(const struct vs_http_config *config, struct vs_http **out)
{
	(void)config;
	*out = calloc(1, sizeof(**out));
	return *out ? VS_OK : VS_ERR_NOMEM;
}

void vs_http_free(struct vs_http **h)
{
	free(*h);
	*h = NULL;
}

const char *vs_http_error(const struct vs_http *h)
{
	return h->error;
}

uint32_t vs_http_retry_after(const struct vs_http *h)
{
	(void)h;
	return 0;
}

uint64_t vs_http_received(const struct vs_http *h)
{
	return h->received;
}

void vs_http_answer_drop(struct vs_http_answer *a)
{
	free(a->body);
	a->body = NULL;
}

static vs_status no_answer(struct vs_http *h)
{
	snprintf(h->error, sizeof(h->error), "no server there");
	return VS_ERR_IO;
}

vs_status vs_http_get(struct vs_http *h, const char *url, size_t max,
                      struct vs_http_answer *out)
{
	const uint8_t *bytes;
	size_t len = 0;

	*out = (struct vs_http_answer){.code = 404};
	if (server_now->down ||
	    (server_now->log_down && server_below(url, SERVER_URL "/log/")))
		return no_answer(h);
	bytes = server_find(url, &len);
	if (!bytes)
		return VS_OK;
	if (len > max)
		return VS_ERR_LIMIT;
	out->body = malloc(len + 1);
	if (!out->body)
		return VS_ERR_NOMEM;
	memcpy(out->body, bytes, len);
	out->body[len] = '\0';
	out->len = len;
	out->code = 200;
	return VS_OK;
}

vs_status vs_http_send(struct vs_http *h, const char *method, const char *url,
                       const char *content_type, const void *body, size_t len,
                       size_t max, struct vs_http_answer *out)
{
	(void)max;
	*out = (struct vs_http_answer){.code = 200};
	if (server_now->down)
		return no_answer(h);
	assert_string_equal(method, "POST");
	assert_string_equal(url, SERVER_URL "/report");
	assert_string_equal(content_type, "application/json");
	server_hear(body, len, out);
	return VS_OK;
}

vs_status vs_http_stream_open(struct vs_http *h, const char *url,
                              uint64_t first, uint64_t last,
                              struct vs_http_stream **out)
{
	struct vs_http_stream *s;
	const uint8_t *bytes;
	size_t len = 0;

	*out = NULL;
	if (server_now->down)
		return no_answer(h);
	bytes = server_find(url, &len);
	if (!bytes)
		return VS_ERR_ABSENT;
	if (first > last || first >= len)
		return no_answer(h);
	last = last < len ? last : len - 1;
	s = calloc(1, sizeof(*s));
	if (!s)
		return VS_ERR_NOMEM;
	s->http = h;
	s->at = bytes + first;
	s->left = (size_t)(last - first + 1);
	s->total = len;
	s->delta = server_below(url, SERVER_URL "/deltas/") != NULL;
	*out = s;
	return VS_OK;
}

vs_status vs_http_stream_read(struct vs_http_stream *s, void *out, size_t len)
{
	if (server_now->down || len > s->left)
		return VS_ERR_IO;
	memcpy(out, s->at, len);
	s->at += len;
	s->left -= len;
	s->http->received += len;
	server_now->heard->pack_bytes += len;
	server_now->heard->delta_bytes += s->delta ? len : 0;
	return VS_OK;
}

uint64_t vs_http_stream_total(const struct vs_http_stream *s)
{
	return s->total;
}

void vs_http_stream_close(struct vs_http_stream **s)
{
	free(*s);
	*s = NULL;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/remote.c - base/http.h without a network: voltseal-net has it.
 *
 * It stands for base/http.c in voltseal-agent.  What net says is taken if it
 * is of its kind, its length and its time (agent/line/requests.c), and is
 * believed no more than what came from a server before.  The device key is not
 * there: net has each TLS 1.3 handshake signed (agent/line/handshake.h).
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/line/handshake.h"
#include "agent/reach/courier.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/http.h"
#include "base/pem.h"

enum {
	connect_ms_preset = 10000,
	answer_ms_preset = 30000,
	slow_ms_preset = 30000,
	hops = 5,
	start_ms = 10000,
	signs_max = 8, /* of one question: a handshake for each hop, and more */
};

struct vs_http {
	struct vs_buffer open; /* the OPEN request's body */
	vs_status (*sign)(void *ctx, const void *message, size_t message_len,
	                  uint8_t *sig, size_t *len, char error[static 256]);
	void *sign_ctx;
	char unsigned_why[256]; /* a handshake of this question was not */
	uint64_t connect_ms, answer_ms, slow_ms, min_bytes_s;
	unsigned line, process; /* process 0: not connected yet */
	int fd;
	enum vs_lane_phase phase;
	uint32_t number;
	unsigned signs;
	uint64_t received, received_before; /* the second: by ended processes */
	uint32_t retry_after_s;
	char error[VS_WIRE_TEXT_MAX + 1];
};

struct vs_http_stream {
	struct vs_http *http;
	uint64_t total;
};

static vs_status fail(struct vs_http *h, vs_status status, const char *what)
{
	snprintf(h->error, sizeof(h->error), "%s", what);
	return status;
}

static vs_status broken(struct vs_http *h)
{
	h->phase = VS_LANE_BROKEN;
	return fail(h, VS_ERR_IO, VS_COURIER_USER " broke off");
}

/* What comes from there goes into a log and a report. */
static void take_error(struct vs_http *h, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		h->error[i] =
			(char)(text[i] < ' ' || text[i] > '~' ? '?' : text[i]);
	h->error[len] = '\0';
}

static vs_status read_into(struct vs_buffer *out, const char *path,
                           uint32_t *len)
{
	uint8_t *bytes = NULL;
	size_t n = 0;
	vs_status status = VS_OK;

	if (path)
		status = vs_file_read(path, VS_WIRE_FILE_MAX, &bytes, &n);
	if (status == VS_OK && n > 0)
		status = vs_buffer_add(out, bytes, n);
	free(bytes);
	*len = (uint32_t)n;
	return status;
}

static vs_status fill(struct vs_http *h, const struct vs_http_config *c)
{
	struct vs_wire_open head = {
		.connect_ms = c->connect_ms,
		.answer_ms = c->answer_ms,
		.min_bytes_s = c->min_bytes_s,
		.slow_ms = c->slow_ms,
		.max_bytes_s = c->max_bytes_s,
		.redirects = c->redirects,
	};
	vs_status status = vs_buffer_add(&h->open, &head, sizeof(head));

	if (status == VS_OK)
		status = read_into(&h->open, c->ca_file, &head.ca_len);
	if (status == VS_OK)
		status = read_into(&h->open, c->cert_file, &head.cert_len);
	if (status == VS_OK)
		status = read_into(&h->open, c->elsewhere_ca_file,
		                   &head.elsewhere_len);
	if (status == VS_OK)
		memcpy(h->open.data, &head, sizeof(head));
	return status;
}

vs_status vs_http_new(const struct vs_http_config *config, struct vs_http **out)
{
	struct vs_http *h = calloc(1, sizeof(*h));
	vs_status status;

	*out = NULL;
	if (!h)
		return VS_ERR_NOMEM;
	status = vs_courier_take(&h->line);
	if (status != VS_OK) {
		free(h);
		return status;
	}
	h->fd = -1;
	h->phase = VS_LANE_BROKEN;
	h->connect_ms =
		config->connect_ms ? config->connect_ms : connect_ms_preset;
	h->answer_ms = config->answer_ms ? config->answer_ms : answer_ms_preset;
	h->slow_ms = config->slow_ms ? config->slow_ms : slow_ms_preset;
	h->min_bytes_s = config->min_bytes_s ? config->min_bytes_s : 1;
	h->sign = config->sign;
	h->sign_ctx = config->sign_ctx;
	vs_buffer_init(&h->open, VS_WIRE_OPEN_MAX);
	status = fill(h, config);
	if (status != VS_OK)
		vs_http_free(&h);
	*out = h;
	return status;
}

void vs_http_free(struct vs_http **http)
{
	struct vs_http *h = *http;

	*http = NULL;
	if (!h)
		return;
	vs_fd_drop(&h->fd);
	vs_courier_give(h->line);
	vs_buffer_drop(&h->open);
	free(h);
}

/* Signs a handshake, or answers with nothing. */
static vs_status sign(struct vs_http *h, size_t len, uint64_t wait_ms)
{
	uint8_t said[VS_WIRE_SIGN_MAX], sig[VS_WIRE_SIGN_MAX];
	struct vs_wire_head head = {.what = VS_REQUEST_SIGNED,
	                            .number = h->number};
	size_t sig_len = sizeof(sig);

	if (len > sizeof(said) || ++h->signs > signs_max ||
	    vs_wire_recv(h->fd, said, len, wait_ms) != VS_OK ||
	    !vs_request_pass(VS_PARTY_DISK, head.what, &h->phase))
		return broken(h);
	if (h->sign && vs_handshake_is(said, len) &&
	    h->sign(h->sign_ctx, said, len, sig, &sig_len, h->unsigned_why) ==
	            VS_OK)
		head.len = (uint32_t)sig_len;
	return vs_wire_send(h->fd, &head, sig, wait_ms) == VS_OK ? VS_OK
	                                                         : broken(h);
}

/* Sends a question and waits for its answer's head; what net asks meanwhile
 * is answered.
 */
static vs_status ask(struct vs_http *h, struct vs_wire_head *head,
                     const void *body, uint64_t wait_ms)
{
	h->signs = 0;
	h->unsigned_why[0] = '\0';
	head->number = ++h->number;
	if (!vs_request_pass(VS_PARTY_DISK, head->what, &h->phase) ||
	    vs_wire_send(h->fd, head, body, wait_ms) != VS_OK)
		return broken(h);
	for (;;) {
		if (vs_wire_recv(h->fd, head, sizeof(*head), wait_ms) !=
		            VS_OK ||
		    head->number != h->number ||
		    !vs_request_pass(VS_PARTY_NET, head->what, &h->phase))
			return broken(h);
		if (head->what != VS_REQUEST_SIGN)
			break;
		if (sign(h, head->len, wait_ms) != VS_OK)
			return VS_ERR_IO;
	}
	/* It counts on: what it says less was there all the same. */
	if (h->received_before + head->received > h->received)
		h->received = h->received_before + head->received;
	h->retry_after_s = head->retry_after_s;
	return VS_OK;
}

static vs_status take_failure(struct vs_http *h,
                              const struct vs_wire_head *head, uint64_t wait_ms)
{
	char text[VS_WIRE_TEXT_MAX];

	if (head->len > sizeof(text) ||
	    vs_wire_recv(h->fd, text, head->len, wait_ms) != VS_OK)
		return broken(h);
	/* What net says then is that there was no signature. */
	if (h->unsigned_why[0] != '\0')
		(void)fail(h, VS_ERR_IO, h->unsigned_why);
	else
		take_error(h, text, head->len);
	switch (head->status) {
	case VS_ERR_NOMEM:
		return VS_ERR_NOMEM;
	case VS_ERR_LIMIT:
		return VS_ERR_LIMIT;
	case VS_ERR_ABSENT:
		return VS_ERR_ABSENT;
	default:
		return VS_ERR_IO;
	}
}

static vs_status greet(struct vs_http *h)
{
	struct vs_wire_head head = {0};

	h->phase = VS_LINE_STARTING;
	h->number = 0;
	h->received_before = h->received;
	if (vs_wire_recv(h->fd, &head, sizeof(head), start_ms) != VS_OK ||
	    head.number != 0 || head.len != 0 ||
	    !vs_request_pass(VS_PARTY_NET, head.what, &h->phase)) {
		h->phase = VS_LANE_BROKEN;
		return fail(h, VS_ERR_IO,
		            VS_COURIER_USER " does not get ready");
	}
	head = (struct vs_wire_head){.what = VS_REQUEST_OPEN,
	                             .len = (uint32_t)h->open.len};
	if (ask(h, &head, h->open.data, vs_courier_spare_ms()) != VS_OK ||
	    head.len != 0)
		return broken(h);
	return VS_OK;
}

/* To a process that works, which may take a new one. */
static vs_status connect_line(struct vs_http *h)
{
	const char *what = "";
	vs_status status;

	if (h->phase == VS_LINE_WAITING)
		return VS_OK;
	vs_fd_drop(&h->fd);
	status = vs_courier_connect(h->line, h->process, &h->fd, &h->process,
	                            &what);
	return status == VS_OK ? greet(h) : fail(h, status, what);
}

/* One that has ended since is asked again, of another process. */
static vs_status ask_whole(struct vs_http *h, struct vs_wire_head *head,
                           const struct vs_buffer *body,
                           struct vs_http_answer *out)
{
	uint64_t wait_ms = h->connect_ms + h->answer_ms + vs_courier_spare_ms();
	uint32_t max = head->code;
	vs_status status;

	h->error[0] = '\0';
	h->retry_after_s = 0;
	head->len = (uint32_t)body->len;
	status = connect_line(h);
	if (status == VS_OK)
		status = ask(h, head, body->data, wait_ms);
	if (status != VS_OK)
		return status;
	if (head->what == VS_REQUEST_FAILED)
		return take_failure(h, head, wait_ms);
	if (head->len > max)
		return broken(h);
	out->body = malloc((size_t)head->len + 1);
	if (!out->body) {
		h->phase = VS_LANE_BROKEN;
		return fail(h, VS_ERR_NOMEM, "no memory for the answer");
	}
	if (vs_wire_recv(h->fd, out->body, head->len, wait_ms) != VS_OK)
		return broken(h);
	out->body[head->len] = 0;
	out->len = head->len;
	out->code = (long)head->code;
	out->retry_after_s = head->retry_after_s;
	return VS_OK;
}

static vs_status add_text(struct vs_buffer *b, const char *text)
{
	return vs_buffer_add(b, text, strlen(text) + 1);
}

vs_status vs_http_get(struct vs_http *h, const char *url, size_t max,
                      struct vs_http_answer *out)
{
	VS_AUTO(vs_buffer_drop) struct vs_buffer body;
	struct vs_wire_head head = {.what = VS_REQUEST_GET,
	                            .code = (uint32_t)max};
	vs_status status;

	*out = (struct vs_http_answer){0};
	vs_buffer_init(&body, VS_WIRE_ASK_MAX);
	status = max <= INT32_MAX ? add_text(&body, url) : VS_ERR_LIMIT;
	return status == VS_OK ? ask_whole(h, &head, &body, out) : status;
}

vs_status vs_http_send(struct vs_http *h, const char *method, const char *url,
                       const char *content_type, const void *in, size_t len,
                       size_t max, struct vs_http_answer *out)
{
	VS_AUTO(vs_buffer_drop) struct vs_buffer body;
	struct vs_wire_head head = {.what = VS_REQUEST_SEND,
	                            .code = (uint32_t)max};
	vs_status status;

	*out = (struct vs_http_answer){0};
	vs_buffer_init(&body, VS_WIRE_ASK_MAX);
	status = max <= INT32_MAX ? add_text(&body, method) : VS_ERR_LIMIT;
	if (status == VS_OK)
		status = add_text(&body, url);
	if (status == VS_OK)
		status = add_text(&body, content_type);
	if (status == VS_OK && len > 0)
		status = vs_buffer_add(&body, in, len);
	return status == VS_OK ? ask_whole(h, &head, &body, out) : status;
}

void vs_http_answer_drop(struct vs_http_answer *a)
{
	free(a->body);
	*a = (struct vs_http_answer){0};
}

vs_status vs_http_stream_open(struct vs_http *h, const char *url,
                              uint64_t first, uint64_t last,
                              struct vs_http_stream **out)
{
	uint64_t wait_ms =
		hops * (h->connect_ms + h->slow_ms) + vs_courier_spare_ms();
	struct vs_wire_head head = {.what = VS_REQUEST_STREAM,
	                            .len = (uint32_t)strlen(url) + 1,
	                            .first = first,
	                            .last = last};
	vs_status status;

	*out = NULL;
	h->error[0] = '\0';
	h->retry_after_s = 0;
	status = connect_line(h);
	if (status == VS_OK)
		status = ask(h, &head, url, wait_ms);
	if (status == VS_OK && head.what == VS_REQUEST_FAILED)
		status = take_failure(h, &head, wait_ms);
	if (status != VS_OK)
		return status;
	if (head.len != 0)
		return broken(h);
	*out = malloc(sizeof(**out));
	if (!*out) {
		h->phase = VS_LANE_BROKEN;
		return fail(h, VS_ERR_NOMEM, "no memory");
	}
	(*out)->http = h;
	(*out)->total = head.first;
	return VS_OK;
}

uint64_t vs_http_stream_total(const struct vs_http_stream *s)
{
	return s->total;
}

vs_status vs_http_stream_read(struct vs_http_stream *s, void *out, size_t len)
{
	struct vs_http *h = s->http;
	uint64_t wait_ms = (uint64_t)len * 1000 / h->min_bytes_s +
	                   2 * h->slow_ms + vs_courier_spare_ms();
	struct vs_wire_head head = {.what = VS_REQUEST_READ,
	                            .code = (uint32_t)len};
	vs_status status;

	if (len > UINT32_MAX || h->phase != VS_LINE_STREAMING)
		return h->error[0] ? VS_ERR_IO : broken(h);
	status = ask(h, &head, NULL, wait_ms);
	if (status != VS_OK)
		return status;
	if (head.what == VS_REQUEST_FAILED)
		return take_failure(h, &head, wait_ms);
	if (head.len != len || vs_wire_recv(h->fd, out, len, wait_ms) != VS_OK)
		return broken(h);
	return VS_OK;
}

void vs_http_stream_close(struct vs_http_stream **stream)
{
	struct vs_http_stream *s = *stream;
	struct vs_wire_head head = {.what = VS_REQUEST_CLOSE};
	uint32_t retry_after_s;

	*stream = NULL;
	if (!s)
		return;
	retry_after_s = s->http->retry_after_s;
	if (s->http->phase == VS_LINE_STREAMING &&
	    ask(s->http, &head, NULL, vs_courier_spare_ms()) == VS_OK &&
	    head.len != 0)
		(void)broken(s->http);
	s->http->retry_after_s = retry_after_s;
	free(s);
}

uint32_t vs_http_retry_after(const struct vs_http *h)
{
	return h->retry_after_s;
}

uint64_t vs_http_received(const struct vs_http *h)
{
	return h->received;
}

const char *vs_http_error(const struct vs_http *h)
{
	return h->error;
}

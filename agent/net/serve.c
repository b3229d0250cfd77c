/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/net/serve.c - base/http.c for who has no network.
 */
#include "agent/net/serve.h"

#include <openssl/ssl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "agent/line/wire.h"
#include "agent/net/remote_key.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/http.h"
#include "base/pem.h"

struct line {
	int fd;
	struct vs_http *http;
	struct vs_http_stream *stream;
	struct vs_wire_head asked;
	X509 *cert;
	EVP_PKEY *key; /* signs by asking disk */
};

/* A file that only this process has, by a name. */
static vs_status keep_file(const uint8_t *bytes, size_t len,
                           char path[static 32], const char **out)
{
	int fd = memfd_create("pem", MFD_CLOEXEC);

	*out = NULL;
	if (len == 0)
		return VS_OK;
	if (fd < 0 || vs_file_pwrite(fd, bytes, len, 0) != VS_OK)
		return VS_ERR_NOMEM;
	snprintf(path, 32, "/proc/self/fd/%d", fd);
	*out = path;
	return VS_OK;
}

static struct vs_wire_head reply(const struct line *l, uint32_t what)
{
	return (struct vs_wire_head){
		.what = what,
		.number = l->asked.number,
		.received = l->http ? vs_http_received(l->http) : 0,
	};
}

static vs_status done(const struct line *l)
{
	const struct vs_wire_head head = reply(l, VS_REQUEST_DONE);

	return vs_wire_send(l->fd, &head, NULL, 0);
}

/* The range is open, and this is how long the file is. */
static vs_status found(const struct line *l)
{
	struct vs_wire_head head = reply(l, VS_REQUEST_DONE);

	head.first = vs_http_stream_total(l->stream);
	return vs_wire_send(l->fd, &head, NULL, 0);
}

static vs_status failed(const struct line *l, vs_status status)
{
	struct vs_wire_head head = reply(l, VS_REQUEST_FAILED);
	const char *text = vs_http_error(l->http);
	size_t len = strlen(text);

	head.status = (uint32_t)status;
	head.retry_after_s = vs_http_retry_after(l->http);
	head.len = (uint32_t)(len < VS_WIRE_TEXT_MAX ? len : VS_WIRE_TEXT_MAX);
	return vs_wire_send(l->fd, &head, text, 0);
}

/* Has disk sign, on the line whose question led to this handshake. */
static bool have_signed(void *ctx, const uint8_t *in, size_t len, uint8_t *sig,
                        size_t *sig_len)
{
	const struct line *l = ctx;
	struct vs_wire_head head = reply(l, VS_REQUEST_SIGN);

	head.len = (uint32_t)len;
	if (len > VS_WIRE_SIGN_MAX || vs_wire_send(l->fd, &head, in, 0) ||
	    vs_wire_recv(l->fd, &head, sizeof(head), 0) ||
	    head.what != VS_REQUEST_SIGNED || head.len > *sig_len ||
	    vs_wire_recv(l->fd, sig, head.len, 0))
		return false;
	*sig_len = head.len;
	return head.len > 0;
}

static bool identify(void *ctx, void *ssl_ctx)
{
	const struct line *l = ctx;

	return SSL_CTX_use_certificate(ssl_ctx, l->cert) == 1 &&
	       SSL_CTX_use_PrivateKey(ssl_ctx, l->key) == 1;
}

static vs_status take_certificate(struct line *l, const uint8_t *pem,
                                  size_t len)
{
	vs_status status;

	if (len == 0)
		return VS_OK;
	status = vs_pem_certificate_text((const char *)pem, len, &l->cert);
	if (status == VS_OK)
		status = vs_remote_key_new(X509_get0_pubkey(l->cert),
		                           have_signed, l, &l->key);
	return status;
}

static vs_status open_line(struct line *l, const uint8_t *body, size_t len)
{
	struct vs_wire_open o;
	char ca[32], elsewhere[32];
	struct vs_http_config c = {0};
	const uint8_t *at = body + sizeof(o);
	vs_status status;

	if (len < sizeof(o))
		return VS_ERR_INPUT;
	memcpy(&o, body, sizeof(o));
	if (len - sizeof(o) !=
	    (uint64_t)o.ca_len + o.cert_len + o.elsewhere_len)
		return VS_ERR_INPUT;
	c.connect_ms = o.connect_ms;
	c.answer_ms = o.answer_ms;
	c.min_bytes_s = o.min_bytes_s;
	c.slow_ms = o.slow_ms;
	c.max_bytes_s = o.max_bytes_s;
	c.redirects = o.redirects != 0;
	status = keep_file(at, o.ca_len, ca, &c.ca_file);
	at += o.ca_len;
	if (status == VS_OK)
		status = take_certificate(l, at, o.cert_len);
	at += o.cert_len;
	if (status == VS_OK)
		status = keep_file(at, o.elsewhere_len, elsewhere,
		                   &c.elsewhere_ca_file);
	if (l->key) {
		c.identify = identify;
		c.identify_ctx = l;
	}
	if (status == VS_OK)
		status = vs_http_new(&c, &l->http);
	return status == VS_OK ? done(l) : status;
}

/* The next text of a body that ends each with a zero; NULL: there is none. */
static const char *next_text(const uint8_t **at, const uint8_t *end)
{
	const uint8_t *zero = memchr(*at, 0, (size_t)(end - *at));
	const char *text = (const char *)*at;

	if (!zero)
		return NULL;
	*at = zero + 1;
	return text;
}

static vs_status answer(const struct line *l, vs_status status,
                        struct vs_http_answer *a)
{
	struct vs_wire_head head = reply(l, VS_REQUEST_ANSWER);
	vs_status sent;

	if (status != VS_OK) {
		sent = failed(l, status);
	} else {
		head.code = (uint32_t)a->code;
		head.retry_after_s = a->retry_after_s;
		head.len = (uint32_t)a->len;
		sent = vs_wire_send(l->fd, &head, a->body, 0);
	}
	vs_http_answer_drop(a);
	return sent;
}

static vs_status get(const struct line *l, const uint8_t *at,
                     const uint8_t *end)
{
	struct vs_http_answer a = {0};
	const char *url = next_text(&at, end);

	if (!url)
		return VS_ERR_INPUT;
	return answer(l, vs_http_get(l->http, url, l->asked.code, &a), &a);
}

static vs_status post(const struct line *l, const uint8_t *at,
                      const uint8_t *end)
{
	struct vs_http_answer a = {0};
	const char *method = next_text(&at, end);
	const char *url = method ? next_text(&at, end) : NULL;
	const char *type = url ? next_text(&at, end) : NULL;

	if (!type)
		return VS_ERR_INPUT;
	return answer(l,
	              vs_http_send(l->http, method, url, type, at,
	                           (size_t)(end - at), l->asked.code, &a),
	              &a);
}

static vs_status seek(struct line *l, const uint8_t *at, const uint8_t *end)
{
	const char *url = next_text(&at, end);
	vs_status status;

	if (!url)
		return VS_ERR_INPUT;
	status = vs_http_stream_open(l->http, url, l->asked.first,
	                             l->asked.last, &l->stream);
	return status == VS_OK ? found(l) : failed(l, status);
}

static vs_status read_on(struct line *l)
{
	struct vs_wire_head head;
	uint8_t *bytes = malloc(l->asked.code + (size_t)1);
	vs_status status =
		bytes ? vs_http_stream_read(l->stream, bytes, l->asked.code)
		      : VS_ERR_NOMEM;

	head = reply(l, VS_REQUEST_BYTES);
	head.len = l->asked.code;
	if (status == VS_OK) {
		status = vs_wire_send(l->fd, &head, bytes, 0);
	} else {
		status = failed(l, status);
		vs_http_stream_close(&l->stream);
	}
	free(bytes);
	return status;
}

static vs_status do_it(struct line *l, const uint8_t *body)
{
	const uint8_t *end = body + l->asked.len;

	if ((l->http == NULL) != (l->asked.what == VS_REQUEST_OPEN))
		return VS_ERR_INPUT;
	if ((l->stream != NULL) != (l->asked.what == VS_REQUEST_READ ||
	                            l->asked.what == VS_REQUEST_CLOSE))
		return VS_ERR_INPUT;
	switch (l->asked.what) {
	case VS_REQUEST_OPEN:
		return open_line(l, body, l->asked.len);
	case VS_REQUEST_GET:
		return get(l, body, end);
	case VS_REQUEST_SEND:
		return post(l, body, end);
	case VS_REQUEST_STREAM:
		return seek(l, body, end);
	case VS_REQUEST_READ:
		return read_on(l);
	case VS_REQUEST_CLOSE:
		vs_http_stream_close(&l->stream);
		return done(l);
	default:
		return VS_ERR_INPUT;
	}
}

void vs_net_serve(int fd)
{
	struct line l = {.fd = fd};
	struct vs_wire_head ready = {.what = VS_REQUEST_READY};
	vs_status status = vs_wire_send(fd, &ready, NULL, 0);

	while (status == VS_OK) {
		uint8_t *body = NULL;

		status = vs_wire_recv(fd, &l.asked, sizeof(l.asked), 0);
		if (status == VS_OK && l.asked.len > VS_WIRE_ASK_MAX)
			status = VS_ERR_INPUT;
		if (status == VS_OK)
			body = malloc(l.asked.len + (size_t)1);
		if (status == VS_OK && !body)
			status = VS_ERR_NOMEM;
		if (status == VS_OK)
			status = vs_wire_recv(fd, body, l.asked.len, 0);
		if (status == VS_OK)
			status = do_it(&l, body);
		free(body);
	}
	vs_http_stream_close(&l.stream);
	vs_http_free(&l.http);
	EVP_PKEY_free(l.key);
	X509_free(l.cert);
	close(fd);
}

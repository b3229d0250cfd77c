/* SPDX-License-Identifier: Apache-2.0
 *
 * base/http.h - an HTTP client with limits (libcurl).
 *
 * TLS is at least 1.2 with host name and chain checked; nothing turns that
 * off.  Redirects are followed for streams alone, to https alone, and another
 * host sees neither certificate nor token.  An encoding of the body counts as
 * a failure, since none is asked for.  A handle is used by one thread at a
 * time and keeps its connection alive.
 */
#ifndef VS_BASE_HTTP_H
#define VS_BASE_HTTP_H

#include "base/status.h"

struct vs_http; /* a client to one or more servers */

struct vs_http_config {
	const char *ca_file;   /* PEM; NULL: the system's */
	const char *cert_file; /* client certificate, or NULL */
	const char *key_file;  /* its key, or NULL */
	/* In place of it where another process has the network
	 * (agent/reach/remote.c): signs what a handshake asks for.  len: in the
	 * capacity, out the length; if not VS_OK, a line in error.  Of any
	 * thread that uses the client. */
	vs_status (*sign)(void *ctx, const void *message, size_t message_len,
	                  uint8_t *sig, size_t *len, char error[static 256]);
	void *sign_ctx;
	/* In place of both: puts certificate and key into an SSL_CTX; only TLS
	 * 1.3 is spoken then.  Of any thread that uses the client. */
	bool (*identify)(void *ctx, void *ssl_ctx);
	void *identify_ctx;
	const char *bearer;   /* token for Authorization, or NULL */
	bool allow_http;      /* plain http:// too: only where the content
	                       * is signed metadata (voltseal tuf) */
	uint32_t connect_ms;  /* 0: 10 s */
	uint32_t answer_ms;   /* for one whole small answer; 0: 30 s */
	uint32_t min_bytes_s; /* average below this for slow_ms gives up */
	uint32_t slow_ms;     /* of streams; 0: 30 s */
	bool redirects;       /* follow those of streams */
	/* CA of other hosts that redirects lead to; NULL: ca_file */
	const char *elsewhere_ca_file;
	uint64_t max_bytes_s; /* rate limit on downloads; 0: none */
};

struct vs_http_answer {
	long code;     /* HTTP status */
	uint8_t *body; /* owned, with a zero after it */
	size_t len;
	uint32_t retry_after_s; /* 0 if not said */
};

vs_status vs_http_new(const struct vs_http_config *config,
                      struct vs_http **out) VS_MUST_CHECK;
void vs_http_free(struct vs_http **h);

/* VS_OK for every HTTP status; VS_ERR_LIMIT over max bytes; VS_ERR_IO if no
 * answer came (vs_http_error tells).  vs_http_answer_drop in every case.
 */
vs_status vs_http_get(struct vs_http *h, const char *url, size_t max,
                      struct vs_http_answer *out) VS_MUST_CHECK;
vs_status vs_http_send(struct vs_http *h, const char *method, const char *url,
                       const char *content_type, const void *body, size_t len,
                       size_t max, struct vs_http_answer *out) VS_MUST_CHECK;
/* PUTs a file, streamed; progress may be NULL. */
vs_status vs_http_put_file(struct vs_http *h, const char *url, const char *path,
                           void (*progress)(void *ctx, uint64_t done,
                                            uint64_t total),
                           void *ctx, size_t max,
                           struct vs_http_answer *out) VS_MUST_CHECK;
/* GETs what has no end: take is called with each piece, in lines as they
 * come, until it gives false (VS_OK), the server ends it (VS_OK) or the
 * connection breaks (VS_ERR_IO).  *code: 0 if there was no answer.  Of another
 * answer than 200 nothing is given to take.
 */
vs_status vs_http_follow(struct vs_http *h, const char *url,
                         bool (*take)(void *ctx, const char *in, size_t len),
                         void *ctx, long *code) VS_MUST_CHECK;
void vs_http_answer_drop(struct vs_http_answer *a);

/* A download read piece by piece, for streams of any length.  first..last
 * are byte offsets (Range); last UINT64_MAX: to the end.
 * open: VS_OK; VS_ERR_ABSENT (404, 403); VS_ERR_IO (also a server that
 * ignores the range or answers another one).
 * read: exactly len bytes, else VS_ERR_IO.
 * A range may go beyond the end: then it ends there.  total: bytes of the
 * whole file, as the server says; 0: it does not.
 */
struct vs_http_stream;
vs_status vs_http_stream_open(struct vs_http *h, const char *url,
                              uint64_t first, uint64_t last,
                              struct vs_http_stream **out) VS_MUST_CHECK;
vs_status vs_http_stream_read(struct vs_http_stream *s, void *out,
                              size_t len) VS_MUST_CHECK;
uint64_t vs_http_stream_total(const struct vs_http_stream *s);
void vs_http_stream_close(struct vs_http_stream **s);

/* Seconds that the last failed answer asked to wait; 0: not said. */
uint32_t vs_http_retry_after(const struct vs_http *h);
/* Bytes of heads and bodies that came so far, of use or not. */
uint64_t vs_http_received(const struct vs_http *h);

/* What the last failure was, for a person. */
const char *vs_http_error(const struct vs_http *h);

#endif

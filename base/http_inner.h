/* SPDX-License-Identifier: Apache-2.0
 *
 * base/http_inner.h - between http.c, http_stream.c and
 * http_follow.c.
 */
#ifndef VS_BASE_HTTP_INNER_H
#define VS_BASE_HTTP_INNER_H

#include <curl/curl.h>

#include "base/http.h"

struct vs_http {
	CURL *easy;
	CURLM *multi;
	struct curl_slist *headers; /* Authorization, if any */
	struct vs_http_config config;
	char *ca, *cert, *key, *elsewhere_ca;
	uint64_t received;
	uint32_t retry_after_s;
	char error[CURL_ERROR_SIZE + 64];
};

/* What every request has: TLS with all checks, no redirects, limits. */
void vs_http_prepare(struct vs_http *h, CURL *easy, const char *url);
/* Who the client is: for the host that was asked for alone. */
void vs_http_credentials(struct vs_http *h, CURL *easy);

/* When to come again, by the answer. */
void vs_http_note_retry(struct vs_http *h, CURL *easy);
/* A header as a line; a long one is none of those looked for. */
const char *vs_http_line(const char *bytes, size_t len, char line[static 256]);
/* The value if this header line has that name (with its colon), or NULL. */
const char *vs_http_value(const char *line, const char *name);
/* Whether it says that the body is encoded. */
bool vs_http_encoded(const char *line);
extern const char vs_http_encoded_text[];

#endif

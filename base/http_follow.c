/* SPDX-License-Identifier: Apache-2.0
 *
 * base/http_follow.c - an answer that has no end.
 */
#include <stdio.h>

#include "base/http_inner.h"

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
	vs_http_prepare(h, h->easy, url);
	vs_http_credentials(h, h->easy);
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

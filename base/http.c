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
#include "base/http_inner.h"

enum {
	connect_ms_preset = 10000,
	answer_ms_preset = 30000,
	slow_s = 30,       /* of what is no stream */
	buffer_min = 1024, /* libcurl's own bound */
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
		status = copy_text(config->elsewhere_ca_file, &h->elsewhere_ca);
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
	free(h->elsewhere_ca);
	free(h);
}

const char *vs_http_error(const struct vs_http *h)
{
	return h->error;
}

uint32_t vs_http_retry_after(const struct vs_http *h)
{
	return h->retry_after_s;
}

uint64_t vs_http_received(const struct vs_http *h)
{
	return h->received;
}

static CURLcode put_identity(CURL *easy, void *ssl_ctx, void *ctx)
{
	const struct vs_http *h = ctx;

	(void)easy;
	return h->config.identify(h->config.identify_ctx, ssl_ctx)
	               ? CURLE_OK
	               : CURLE_SSL_CERTPROBLEM;
}

static void identify(struct vs_http *h, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION,
	                 (long)CURL_SSLVERSION_TLSv1_3);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_FUNCTION, put_identity);
	curl_easy_setopt(easy, CURLOPT_SSL_CTX_DATA, h);
}

/* Who the client is: for the host that was asked for alone. */
void vs_http_credentials(struct vs_http *h, CURL *easy)
{
	if (h->cert)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, h->cert);
	if (h->key)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, h->key);
	if (h->config.identify)
		identify(h, easy);
	if (h->headers)
		curl_easy_setopt(easy, CURLOPT_HTTPHEADER, h->headers);
}

/* libcurl takes up to a hundred buffers at once before it looks at the rate:
 * so many are to be no more than a second's bytes, or 100 KiB.
 */
static void limit_rate(CURL *easy, uint64_t bytes_s)
{
	uint64_t buffer = bytes_s / 100;

	if (bytes_s == 0)
		return;
	buffer = buffer < buffer_min ? buffer_min : buffer;
	buffer = buffer > CURL_MAX_WRITE_SIZE ? CURL_MAX_WRITE_SIZE : buffer;
	curl_easy_setopt(easy, CURLOPT_BUFFERSIZE, (long)buffer);
	curl_easy_setopt(easy, CURLOPT_MAX_RECV_SPEED_LARGE,
	                 (curl_off_t)bytes_s);
}

/* What every request has: TLS with all checks, no redirects, limits. */
void vs_http_prepare(struct vs_http *h, CURL *easy, const char *url)
{
	const struct vs_http_config *c = &h->config;
	uint32_t slow = c->min_bytes_s ? c->min_bytes_s : 1;
	const char *protocols = c->allow_http ? "http,https" : "https";

	curl_easy_reset(easy);
	h->error[0] = 0;
	h->retry_after_s = 0;
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
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(
		easy, CURLOPT_CONNECTTIMEOUT_MS,
		(long)(c->connect_ms ? c->connect_ms : connect_ms_preset));
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_LIMIT, (long)slow);
	curl_easy_setopt(easy, CURLOPT_LOW_SPEED_TIME, (long)slow_s);
	limit_rate(easy, c->max_bytes_s);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, h->error);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "voltseal");
}

static long answer_ms(const struct vs_http *h)
{
	return (long)(h->config.answer_ms ? h->config.answer_ms
	                                  : answer_ms_preset);
}

void vs_http_note_retry(struct vs_http *h, CURL *easy)
{
	curl_off_t retry = 0;

	curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry);
	h->retry_after_s =
		retry > 0 && retry < UINT32_MAX ? (uint32_t)retry : 0;
}

const char *vs_http_value(const char *line, const char *name)
{
	size_t len = strlen(name);

	if (strncasecmp(line, name, len) != 0)
		return NULL;
	return line + len + strspn(line + len, " \t");
}

/* Nobody asked for one, and what is hashed is what was asked for. */
bool vs_http_encoded(const char *line)
{
	const char *value = vs_http_value(line, "content-encoding:");

	return value && strncasecmp(value, "identity", 8) != 0 &&
	       value[strspn(value, "\r\n")] != 0;
}

const char *vs_http_line(const char *bytes, size_t len, char line[static 256])
{
	if (len >= 256)
		len = 0;
	memcpy(line, bytes, len);
	line[len] = 0;
	return line;
}

/* Where the body of a whole answer goes. */
struct sink {
	struct vs_http *http;
	struct vs_buffer body;
	bool encoded;
	vs_status status;
};

static size_t take_header(char *bytes, size_t size, size_t n, void *ctx)
{
	struct sink *s = ctx;
	char line[256];

	s->http->received += size * n;
	s->encoded = s->encoded ||
	             vs_http_encoded(vs_http_line(bytes, size * n, line));
	return size * n;
}

static size_t take_body(char *bytes, size_t size, size_t n, void *ctx)
{
	struct sink *s = ctx;

	s->http->received += size * n;
	s->status = s->encoded ? VS_ERR_IO : VS_OK;
	if (s->encoded)
		return 0;
	s->status = vs_buffer_add(&s->body, bytes, size * n);
	return s->status ? 0 : size * n;
}

const char vs_http_encoded_text[] =
	"the server sends an encoding that nobody asked for";

static vs_status perform(struct vs_http *h, CURL *easy, size_t max,
                         struct vs_http_answer *out)
{
	struct sink s = {.http = h};

	vs_buffer_init(&s.body, max);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, &s);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, take_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, &s);
	CURLcode code = curl_easy_perform(easy);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, NULL);
	if (code) {
		vs_buffer_drop(&s.body);
		if (!h->error[0])
			snprintf(h->error, sizeof h->error, "%s",
			         curl_easy_strerror(code));
		if (s.encoded)
			snprintf(h->error, sizeof h->error, "%s",
			         vs_http_encoded_text);
		return s.status ? s.status : VS_ERR_IO;
	}
	/* Even an empty body is a string for its reader. */
	vs_status status = vs_buffer_add(&s.body, "", 0);
	if (status)
		return status;
	curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &out->code);
	vs_http_note_retry(h, easy);
	out->retry_after_s = h->retry_after_s;
	out->body = vs_buffer_take(&s.body, &out->len);
	return VS_OK;
}

vs_status vs_http_get(struct vs_http *h, const char *url, size_t max,
                      struct vs_http_answer *out)
{
	*out = (struct vs_http_answer){0};
	vs_http_prepare(h, h->easy, url);
	vs_http_credentials(h, h->easy);
	curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, answer_ms(h));
	return perform(h, h->easy, max, out);
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
	vs_http_prepare(h, h->easy, url);
	vs_http_credentials(h, h->easy);
	curl_easy_setopt(h->easy, CURLOPT_TIMEOUT_MS, answer_ms(h));
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
	vs_http_prepare(h, h->easy, url);
	vs_http_credentials(h, h->easy);
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

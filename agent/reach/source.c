/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/source.c - packs from files and from the network.
 */
#include "agent/reach/source.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"

#define URL_LEN 2048

static vs_status file_open(void *ctx, uint64_t first, uint64_t last)
{
	struct vs_file_source *f = ctx;

	f->at = first;
	return first <= last ? VS_OK : VS_ERR_IO;
}

static vs_status file_read(void *ctx, void *out, size_t len)
{
	struct vs_file_source *f = ctx;
	vs_status status = vs_file_pread(f->fd, out, len, f->at);

	f->at += len;
	return status;
}

static void file_close(void *ctx)
{
	(void)ctx; /* the descriptor stays for the next range */
}

vs_status vs_file_source_open(struct vs_file_source *f, const char *path,
                              struct vs_source *out)
{
	out->ctx = f;
	out->open = file_open;
	out->read = file_read;
	out->close = file_close;
	out->open_delta = NULL;
	f->at = 0;
	f->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (f->fd < 0)
		return errno == ENOENT ? VS_ERR_ABSENT : VS_ERR_IO;
	(void)posix_fadvise(f->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	return VS_OK;
}

void vs_file_source_close(struct vs_file_source *f)
{
	vs_fd_drop(&f->fd);
	f->fd = -1;
}

static void http_close(void *ctx)
{
	struct vs_http_source *h = ctx;

	vs_http_stream_close(&h->stream);
}

/* Whether so many bytes more may come: half of a frame is of no use, and
 * neither is half of a delta.  Better wait for the next month.
 */
static bool may_ask(struct vs_http_source *h, uint64_t len)
{
	uint64_t received = vs_http_received(h->http);

	h->spent = h->received_max > 0 && (received >= h->received_max ||
	                                   len >= h->received_max - received);
	return !h->spent && h->retry_after_s == 0;
}

static vs_status judge(struct vs_http_source *h, vs_status status)
{
	h->failed = status != VS_OK;
	h->delta_failed = h->failed && h->delta;
	h->gave = h->gave || status == VS_OK;
	if (status == VS_ERR_IO)
		h->retry_after_s = vs_http_retry_after(h->http);
	return status;
}

static vs_status http_open(void *ctx, uint64_t first, uint64_t last)
{
	struct vs_http_source *h = ctx;

	http_close(h);
	h->delta = false;
	if (!may_ask(h, 0))
		return VS_ERR_IO;
	return judge(h, vs_http_stream_open(h->http, h->url, first, last,
	                                    &h->stream));
}

/* A root hash is 32 bytes. */
static vs_status http_open_delta(void *ctx, const uint8_t *old_root,
                                 const uint8_t *new_root, uint64_t first,
                                 uint64_t last, uint64_t *len)
{
	struct vs_http_source *h = ctx;
	char old_hex[65], new_hex[65], url[URL_LEN];
	vs_status status;
	int n;

	http_close(h);
	if (!h->deltas)
		return VS_ERR_ABSENT;
	h->delta = true;
	if (!may_ask(h, 0))
		return VS_ERR_IO;
	vs_hex_encode(old_root, 32, old_hex);
	vs_hex_encode(new_root, 32, new_hex);
	n = snprintf(url, sizeof(url), "%s/%s-%s", h->deltas, old_hex, new_hex);
	if (n < 0 || n >= (int)sizeof(url))
		return VS_ERR_ABSENT;
	status = vs_http_stream_open(h->http, url, first, last, &h->stream);
	if (status == VS_ERR_ABSENT) /* which is no failure */
		return status;
	status = judge(h, status);
	if (status != VS_OK)
		return status;
	*len = vs_http_stream_total(h->stream);
	/* It would be waited for for ever; clusters come month by month. */
	if (h->delta_max > 0 && *len > h->delta_max) {
		http_close(h);
		return VS_ERR_ABSENT;
	}
	return may_ask(h, *len > first ? *len - first : 0) ? VS_OK : VS_ERR_IO;
}

static vs_status http_read(void *ctx, void *out, size_t len)
{
	struct vs_http_source *h = ctx;

	if (!h->stream || !may_ask(h, len))
		return VS_ERR_IO;
	return judge(h, vs_http_stream_read(h->stream, out, len));
}

void vs_http_source_init(struct vs_http_source *h, struct vs_http *http,
                         const char *url, struct vs_source *out)
{
	*h = (struct vs_http_source){.http = http, .url = url};
	out->ctx = h;
	out->open = http_open;
	out->read = http_read;
	out->close = http_close;
	out->open_delta = http_open_delta;
}

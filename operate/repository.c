/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/repository.c - where a plain TUF client keeps and gets metadata.
 */
#include "operate/repository.h"

#include <stdio.h>
#include <string.h>

#include "base/file.h"

enum { path_max = 4096, name_max = 1024, kept_max = 8 * 1024 * 1024 };

vs_status vs_repository_url(const char *base, const char *name, char *out,
                            size_t cap)
{
	size_t len = strlen(base);
	int n;

	while (len && base[len - 1] == '/')
		len--;
	if (len >= cap)
		return VS_ERR_LIMIT;
	n = snprintf(out, cap, "%.*s/%s", (int)len, base, name);
	return n < 0 || (size_t)n >= cap ? VS_ERR_LIMIT : VS_OK;
}

static vs_status fetch(void *ctx, const char *name, size_t max, uint8_t **out,
                       size_t *len)
{
	const struct vs_repository *r = ctx;
	struct vs_http_answer got = {0};
	char url[path_max];

	*out = NULL;
	*len = 0;
	if (!r->http)
		return VS_ERR_IO;
	vs_status st = vs_repository_url(r->url, name, url, sizeof url);
	if (!st)
		st = vs_http_get(r->http, url, max, &got);
	if (!st && (got.code == 404 || got.code == 403))
		st = VS_ERR_ABSENT;
	else if (!st && got.code != 200)
		st = VS_ERR_IO;
	if (!st) {
		*out = got.body;
		*len = got.len;
		got.body = NULL;
	}
	vs_http_answer_drop(&got);
	return st;
}

/* trust/ gives names percent-encoded; that one holds no slash is checked all
 * the same, for it becomes a file's name.
 */
static vs_status path_of(const struct vs_repository *r, const char *role,
                         char *out, size_t cap)
{
	char name[name_max];
	int n = snprintf(name, sizeof name, "%s.json", role);

	if (n < 0 || (size_t)n >= sizeof name)
		return VS_ERR_LIMIT;
	if (!*role || strchr(role, '/'))
		return VS_ERR_INPUT;
	return vs_path_join(out, cap, r->dir, name);
}

static vs_status load(void *ctx, const char *role, uint8_t **out, size_t *len)
{
	char path[path_max];
	vs_status st = path_of(ctx, role, path, sizeof path);

	*out = NULL;
	*len = 0;
	return st ? st : vs_file_read(path, kept_max, out, len);
}

static vs_status store(void *ctx, const char *role, const uint8_t *in,
                       size_t len)
{
	char path[path_max];
	vs_status st = path_of(ctx, role, path, sizeof path);

	return st ? st : vs_file_replace(path, in, len, 0644);
}

static vs_status discard(void *ctx, const char *role)
{
	char path[path_max];
	vs_status st = path_of(ctx, role, path, sizeof path);

	return st ? st : vs_file_remove(path);
}

void vs_repository_ops(struct vs_repository *r, struct vs_tuf_ops *out)
{
	*out = (struct vs_tuf_ops){.ctx = r,
	                           .fetch = fetch,
	                           .load = load,
	                           .store = store,
	                           .remove = discard};
}

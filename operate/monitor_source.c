/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/monitor_source.c - a log's static files, over HTTP or in a folder.
 */
#include "operate/monitor_source.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"

vs_status vs_log_source_open(const char *base, const char *ca_file,
                             struct vs_log_source *out)
{
	const struct vs_http_config config = {.ca_file = ca_file,
	                                      .allow_http = true};

	out->base = base;
	out->http = NULL;
	return strncmp(base, "https://", 8) && strncmp(base, "http://", 7)
	               ? VS_OK
	               : vs_http_new(&config, &out->http);
}

void vs_log_source_close(struct vs_log_source *s)
{
	vs_http_free(&s->http);
}

static vs_status fetch(struct vs_log_source *s, const char *url, size_t max,
                       uint8_t **out, size_t *len)
{
	struct vs_http_answer answer = {0};
	vs_status status = vs_http_get(s->http, url, max, &answer);

	if (!status && (answer.code == 404 || answer.code == 410))
		status = VS_ERR_ABSENT;
	else if (!status && answer.code != 200)
		status = VS_ERR_IO;
	if (!status) {
		*out = answer.body;
		*len = answer.len;
		answer.body = NULL;
	}
	vs_http_answer_drop(&answer);
	return status;
}

vs_status vs_log_source_get(struct vs_log_source *s, const char *name,
                            size_t max, uint8_t **out, size_t *len)
{
	size_t cut = strlen(s->base);
	char path[PATH_MAX];

	*out = NULL;
	*len = 0;
	while (cut > 1 && s->base[cut - 1] == '/')
		cut--;
	int n = snprintf(path, sizeof path, "%.*s/%s",
	                 (int)(cut < PATH_MAX ? cut : PATH_MAX), s->base, name);
	if (n < 0 || (size_t)n >= sizeof path)
		return VS_ERR_LIMIT;
	return s->http ? fetch(s, path, max, out, len)
	               : vs_file_read(path, max, out, len);
}

static vs_status get_tile(struct vs_log_source *s, struct vs_tile tile,
                          size_t max, uint8_t **out, size_t *len)
{
	char name[VS_TILE_PATH_LEN];

	vs_tile_path(&tile, name);
	vs_status status = vs_log_source_get(s, name, max, out, len);
	if (status != VS_ERR_ABSENT || tile.width == VS_TILE_WIDTH)
		return status;
	tile.width = VS_TILE_WIDTH;
	return get_tile(s, tile, max, out, len);
}

vs_status vs_log_source_bundle(struct vs_log_source *s, uint64_t index,
                               unsigned width, uint8_t **out, size_t *len)
{
	const struct vs_tile tile = {
		.entries = true, .index = index, .width = width};

	return get_tile(s, tile, VS_BUNDLE_LEN_MAX, out, len);
}

static vs_status load(void *ctx, const struct vs_tile *tile,
                      uint8_t out[static VS_TILE_LEN_MAX])
{
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len, want = (size_t)tile->width * VS_HASH_LEN;
	vs_status status = get_tile(ctx, *tile, VS_TILE_LEN_MAX, &bytes, &len);

	if (status)
		return status;
	if (len < want)
		return VS_ERR_INPUT;
	memcpy(out, bytes, want);
	return VS_OK;
}

vs_status vs_log_source_roots(struct vs_log_source *s, uint64_t size,
                              uint64_t part, struct vs_hash *whole,
                              struct vs_hash *beginning)
{
	struct vs_merkle_source source;
	vs_status status;

	vs_tiles_init(&s->tiles, size, load, s);
	source = vs_tiles_source(&s->tiles);
	status = vs_merkle_root(&source, size, whole);
	return status ? status : vs_merkle_root(&source, part, beginning);
}

const char *vs_log_source_error(const struct vs_log_source *s)
{
	const char *error = s->http ? vs_http_error(s->http) : "";

	if (*error)
		return error;
	return !s->http && errno ? strerror(errno) : "not served";
}

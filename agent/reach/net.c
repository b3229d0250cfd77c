/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/net.c - requests to the update server.
 */
#include "agent/reach/net.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

#define ANSWER_MAX 65536

static vs_status sign(void *ctx, const void *message, size_t message_len,
                      uint8_t *sig, size_t *len, char error[static 256])
{
	return vs_device_key_sign(ctx, message, message_len, sig, len, error);
}

static vs_status open_all(const struct vs_conf *conf, struct vs_device_key *key,
                          struct vs_net *n)
{
	bool in_file = conf->key.kind == VS_KEY_FILE;
	struct vs_http_config config = {
		.ca_file = conf->ca_file,
		.cert_file = conf->cert_file,
		.key_file = in_file ? conf->key_file : NULL,
		.sign = sign,
		.sign_ctx = key,
		.connect_ms = (uint32_t)conf->connect_ms,
		.answer_ms = (uint32_t)conf->answer_ms,
		.min_bytes_s = (uint32_t)conf->min_bytes_s,
		.slow_ms = (uint32_t)conf->slow_ms,
		.elsewhere_ca_file = conf->mirror_ca_file,
	};
	vs_status status = vs_http_new(&config, &n->http);

	config.redirects = true;
	config.max_bytes_s = conf->max_bytes_s;
	if (status == VS_OK)
		status = vs_http_new(&config, &n->download);
	config.ca_file = conf->mirror_ca_file;
	config.cert_file = config.key_file = NULL;
	config.sign = NULL;
	if (status == VS_OK)
		status = vs_http_new(&config, &n->mirror);
	return status;
}

static const char *if_set(const char *url)
{
	return url[0] != '\0' ? url : NULL;
}

vs_status vs_net_open(const struct vs_conf *conf, struct vs_device_key *key,
                      struct vs_net *out)
{
	vs_status status;

	*out = (struct vs_net){.server = conf->server_url};
	status = open_all(conf, key, out);
	out->places[VS_PLACE_CACHE] = (struct vs_net_place){
		.url = if_set(conf->cache_url), .http = out->mirror};
	out->places[VS_PLACE_MIRROR] = (struct vs_net_place){
		.url = if_set(conf->mirror_url), .http = out->mirror};
	out->places[VS_PLACE_SERVER] = (struct vs_net_place){
		.url = conf->server_url, .http = out->download};
	return status;
}

uint64_t vs_net_received(const struct vs_net *n)
{
	return vs_http_received(n->http) + vs_http_received(n->download) +
	       vs_http_received(n->mirror);
}

void vs_net_judge_anew(struct vs_net *n, const char release[static 65])
{
	bool all = true;

	for (int i = 0; i < VS_PLACES; i++)
		all = all && (!n->places[i].url || n->places[i].lied);
	if (!all && strcmp(n->release, release) == 0)
		return;
	for (int i = 0; i < VS_PLACES; i++) {
		n->places[i].lied = false;
		n->places[i].delta_faults = 0;
	}
	memcpy(n->release, release, sizeof(n->release));
}

void vs_net_close(struct vs_net *n)
{
	vs_http_free(&n->http);
	vs_http_free(&n->download);
	vs_http_free(&n->mirror);
}

vs_status vs_net_url(const struct vs_net *n, const char *folder,
                     const char *name, char out[static VS_URL_LEN])
{
	int len =
		snprintf(out, VS_URL_LEN, "%s/%s/%s", n->server, folder, name);

	return len < 0 || len >= VS_URL_LEN ? VS_ERR_LIMIT : VS_OK;
}

/* Makes an HTTP status a status, and a line of what went wrong. */
static vs_status judge(struct vs_net *n, vs_status status, long code)
{
	n->retry_after_s = 0;
	if (status == VS_OK && code >= 200 && code <= 299)
		return VS_OK;
	n->retry_after_s = vs_http_retry_after(n->http);
	if (status != VS_OK) {
		snprintf(n->error, sizeof(n->error), "%s",
		         vs_http_error(n->http));
		return status;
	}
	snprintf(n->error, sizeof(n->error), "the server answered %ld", code);
	return code == 404 || code == 403 ? VS_ERR_ABSENT : VS_ERR_IO;
}

/* A damaged tar file is as a folder whose files cannot be read. */
static vs_status read_bundle(struct vs_net *n, const char *folder,
                             const char *name, size_t max, uint8_t **out,
                             size_t *len)
{
	vs_status status =
		vs_bundle_get(n->bundle, folder, name, max, out, len);

	if (status == VS_ERR_ABSENT || status == VS_ERR_LIMIT ||
	    status == VS_ERR_NOMEM)
		snprintf(n->error, sizeof(n->error), "%s",
		         status == VS_ERR_ABSENT ? "is not in the bundle"
		                                 : vs_status_name(status));
	else if (status != VS_OK)
		snprintf(n->error, sizeof(n->error),
		         "cannot be read from the bundle: %s",
		         status == VS_ERR_INPUT ? "it is cut short or damaged"
		                                : strerror(errno));
	return status == VS_ERR_INPUT ? VS_ERR_IO : status;
}

vs_status vs_net_get(struct vs_net *n, const char *folder, const char *name,
                     size_t max, uint8_t **out, size_t *len,
                     uint32_t *retry_after_s)
{
	char url[VS_URL_LEN];
	struct vs_http_answer answer = {0};
	vs_status status = vs_net_url(n, folder, name, url);

	*out = NULL;
	*len = 0;
	if (status == VS_OK && n->bundle)
		return read_bundle(n, folder, name, max, out, len);
	if (status != VS_OK)
		return status;
	status = vs_http_get(n->http, url, max, &answer);
	if (retry_after_s)
		*retry_after_s = answer.retry_after_s;
	status = judge(n, status, answer.code);
	if (status == VS_OK) {
		*out = answer.body;
		*len = answer.len;
		answer.body = NULL;
	}
	vs_http_answer_drop(&answer);
	return status;
}

vs_status vs_net_post(struct vs_net *n, const char *name, const char *text,
                      size_t len, struct vs_http_answer *answer)
{
	char url[VS_URL_LEN];
	int used = snprintf(url, sizeof(url), "%s/%s", n->server, name);
	vs_status status;

	if (used < 0 || used >= VS_URL_LEN)
		return VS_ERR_LIMIT;
	if (n->bundle)
		return VS_ERR_IO; /* it hears nothing */
	status = vs_http_send(n->http, "POST", url, "application/json", text,
	                      len, ANSWER_MAX, answer);
	status = judge(n, status, answer->code);
	return status == VS_OK ? VS_OK : VS_ERR_IO;
}

static vs_status repo_fetch(void *ctx, const char *name, size_t max,
                            uint8_t **out, size_t *len)
{
	struct vs_repo *r = ctx;
	bool timestamp = strcmp(name, "timestamp.json") == 0;
	uint32_t retry = 0;
	vs_status status = VS_ERR_IO;

	if (r->net)
		status = vs_net_get(r->net, r->name, name, max, out, len,
		                    &retry);
	if (timestamp && status == VS_OK)
		r->retry_after_s = retry;
	return status;
}

static vs_status role_path(const struct vs_repo *r, const char *role,
                           char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s.json", r->dir, role);

	/* A delegated role's name is a file name here: no way out of DIR. */
	if (strchr(role, '/') || role[0] == '.' || role[0] == '\0')
		return VS_ERR_INPUT;
	return n < 0 || n >= PATH_MAX ? VS_ERR_LIMIT : VS_OK;
}

static vs_status repo_load(void *ctx, const char *role, uint8_t **out,
                           size_t *len)
{
	const struct vs_repo *r = ctx;
	char path[PATH_MAX];
	vs_status status = role_path(r, role, path);

	if (status != VS_OK)
		return status;
	return vs_file_read(path, VS_TUF_TARGETS_MAX, out, len);
}

static vs_status repo_store(void *ctx, const char *role, const uint8_t *in,
                            size_t len)
{
	const struct vs_repo *r = ctx;
	char path[PATH_MAX];
	vs_status status = role_path(r, role, path);

	if (status != VS_OK)
		return status;
	return vs_file_replace(path, in, len, 0644);
}

static vs_status repo_remove(void *ctx, const char *role)
{
	const struct vs_repo *r = ctx;
	char path[PATH_MAX];
	vs_status status = role_path(r, role, path);

	return status == VS_OK ? vs_file_remove(path) : status;
}

vs_status vs_repo_init(struct vs_repo *r, struct vs_net *net, const char *name,
                       const char *charger_dir)
{
	int n;

	*r = (struct vs_repo){.net = net, .name = name};
	r->ops = (struct vs_tuf_ops){r, repo_fetch, repo_load, repo_store,
	                             repo_remove};
	n = snprintf(r->dir, sizeof(r->dir), "%s/agent/%s", charger_dir, name);
	return n < 0 || n >= PATH_MAX ? VS_ERR_LIMIT : VS_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/conf/conf.c - the table of settings.
 */
#include "agent/conf/conf.h"

#include <stdio.h>
#include <string.h>

#include "agent/conf/gate.h"
#include "agent/line/pool.h"
#include "base/file.h"

#define DAY_MS UINT64_C(86400000)
#define PATH_LEN (PATH_MAX - 1)

/* A row by the kind of its value. */
#define TEXT(name, min, max, preset, help)                                     \
	{                                                                      \
		name, VS_CONFIG_TEXT, min, max, preset, help                   \
	}
#define UINT(name, min, max, preset, help)                                     \
	{                                                                      \
		name, VS_CONFIG_UINT, min, max, preset, help                   \
	}
#define BOOL(name, preset, help)                                               \
	{                                                                      \
		name, VS_CONFIG_BOOL, 0, 0, preset, help                       \
	}

static const struct vs_config_key keys[] = {
	TEXT("server_url", 8, 1024, NULL,
             "https://HOST:PORT of the update server"),
	TEXT("ca_file", 1, PATH_LEN, NULL,
             "CA of the server's certificate, PEM"),
	TEXT("cert_file", 1, PATH_LEN, NULL, "this charger's certificate, PEM"),
	TEXT("device_key", 1, VS_KEY_PLACE_MAX, NULL,
             "where its key is: pkcs11:..., tpm:HANDLE, file:PATH"),
	UINT("device_key_ms", 100, 600000, "10000",
             "longest wait for a token or TPM"),
	TEXT("mode", 1, 16, "production",
             "production; development: a device key in a file will do; "
             "demo: keys of tests and examples will do too"),
	UINT("poll_ms", 100, 7 * DAY_MS, "60000",
             "time between two looks at the repositories"),
	UINT("poll_min_ms", 100, 7 * DAY_MS, "1000",
             "least time the server's Retry-After may ask for"),
	UINT("poll_max_ms", 100, 7 * DAY_MS, "3600000",
             "most time the server's Retry-After may ask for"),
	UINT("jitter_percent", 0, 50, "10", "spread of that time, each way"),
	UINT("report_ms", 100, 7 * DAY_MS, "60000",
             "time between two reports when nothing changes"),
	UINT("backoff_max_ms", 100, DAY_MS, "300000",
             "longest wait after failures of the server"),
	UINT("max_bytes_s", 0, UINT64_C(1) << 40, "0",
             "rate limit of downloads; 0: none"),
	UINT("min_bytes_s", 0, UINT64_C(1) << 30, "100",
             "a download slower than this for slow_ms is given up"),
	UINT("slow_ms", 100, DAY_MS, "30000", "see min_bytes_s"),
	UINT("connect_ms", 100, 600000, "10000",
             "longest wait for a connection, TLS included"),
	UINT("answer_ms", 100, DAY_MS, "30000",
             "longest wait for a whole file of metadata or a seal"),
	UINT("download_deadline_ms", 0, 30 * DAY_MS, "86400000",
             "a download longer than this is put off; 0: none"),
	TEXT("cache_url", 0, 1024, "",
             "https://... of the site's cache: asked for packs first"),
	TEXT("mirror_url", 0, 1024, "",
             "https://... of a mirror: asked for packs before server"),
	TEXT("mirror_ca_file", 0, PATH_LEN, "",
             "CA of cache, mirror and other hosts; empty: ca_file"),
	UINT("budget_bytes_month", 0, UINT64_C(1) << 50, "0",
             "downloads wait for the next month after it; 0: none"),
	BOOL("never_full_download", "no",
             "download nothing of which no part stands here already"),
	UINT("workers", 0, VS_POOL_MAX, "0",
             "threads of an install; 0: one or two, as there are cores"),
	BOOL("require_idle", "yes",
             "activate only without a session and with open contactors"),
	TEXT("status_file", 1, PATH_LEN, "run/charger.json",
             "the charger program's status"),
	TEXT("status_command", 0, PATH_LEN, "",
             "program that prints that status, in place of the file"),
	UINT("status_age_ms", 100, DAY_MS, "10000",
             "an older status file closes the gates"),
	UINT("min_battery", 0, 100, "0",
             "percent of battery or UPS to activate; 0: no battery"),
	TEXT("window", 0, 11, "",
             "HH:MM-HH:MM local time to activate; empty: any time"),
	UINT("tries", 1, VS_TRIES_MAX, "3",
             "starts a new image has to show its health"),
	UINT("health_checks", 1, 1000, "3",
             "times in a row that all health checks must pass"),
	UINT("health_interval_ms", 10, DAY_MS, "5000",
             "time between two rounds of health checks"),
	UINT("health_check_ms", 10, 600000, "10000",
             "time one health check may take"),
	UINT("health_timeout_ms", 100, DAY_MS, "300000",
             "time a new image has to show its health"),
	UINT("floor_restart_ms", 0, 30 * DAY_MS, "86400000",
             "time to a restart that raises the floor; 0: no restart"),
};

enum { key_count = sizeof(keys) / sizeof(keys[0]) };

size_t vs_conf_keys(const struct vs_config_key **out)
{
	*out = keys;
	return key_count;
}

static vs_status fail(char error[static VS_ERROR_LEN], const char *key,
                      const char *what)
{
	snprintf(error, VS_ERROR_LEN, "agent.conf: %s: %s", key, what);
	return VS_ERR_INPUT;
}

static vs_status below(const char *dir, const char *name, const char *key,
                       char out[static PATH_MAX],
                       char error[static VS_ERROR_LEN])
{
	int n = name[0] == '/' ? snprintf(out, PATH_MAX, "%s", name)
	                       : snprintf(out, PATH_MAX, "%s/%s", dir, name);

	if (n < 0 || n >= PATH_MAX)
		return fail(error, key, "path is too long");
	return VS_OK;
}

static vs_status take_file(const char *dir, const struct vs_config *c,
                           const char *key, char out[static PATH_MAX],
                           char error[static VS_ERROR_LEN])
{
	return below(dir, vs_config_text(c, key), key, out, error);
}

static vs_status take_key(const char *dir, struct vs_conf *out,
                          char error[static VS_ERROR_LEN])
{
	const char *what;

	out->device_key = vs_config_text(out->read, "device_key");
	out->device_key_ms = vs_config_uint(out->read, "device_key_ms");
	if (vs_key_place_parse(out->device_key, &out->key, &what) != VS_OK)
		return fail(error, "device_key", what);
	return out->key.kind == VS_KEY_FILE
	               ? below(dir, out->key.file, "device_key", out->key_file,
	                       error)
	               : VS_OK;
}

static vs_status take_files(const char *dir, struct vs_conf *out,
                            char error[static VS_ERROR_LEN])
{
	const struct vs_config *c = out->read;
	vs_status status = take_file(dir, c, "ca_file", out->ca_file, error);

	if (status == VS_OK)
		status = take_file(dir, c, "cert_file", out->cert_file, error);
	if (status == VS_OK)
		status = take_key(dir, out, error);
	if (status == VS_OK)
		status = take_file(dir, c, "status_file", out->status_file,
		                   error);
	if (status == VS_OK && vs_config_text(c, "mirror_ca_file")[0] == '\0')
		memcpy(out->mirror_ca_file, out->ca_file, PATH_MAX);
	else if (status == VS_OK)
		status = take_file(dir, c, "mirror_ca_file",
		                   out->mirror_ca_file, error);
	return status;
}

static void take_numbers(struct vs_conf *out)
{
	const struct vs_config *c = out->read;

	out->poll_ms = vs_config_uint(c, "poll_ms");
	out->poll_min_ms = vs_config_uint(c, "poll_min_ms");
	out->poll_max_ms = vs_config_uint(c, "poll_max_ms");
	out->report_ms = vs_config_uint(c, "report_ms");
	out->backoff_max_ms = vs_config_uint(c, "backoff_max_ms");
	out->jitter_percent = vs_config_uint(c, "jitter_percent");
	out->slow_ms = vs_config_uint(c, "slow_ms");
	out->connect_ms = vs_config_uint(c, "connect_ms");
	out->answer_ms = vs_config_uint(c, "answer_ms");
	out->download_deadline_ms = vs_config_uint(c, "download_deadline_ms");
	out->budget_bytes_month = vs_config_uint(c, "budget_bytes_month");
	out->max_bytes_s = vs_config_uint(c, "max_bytes_s");
	out->min_bytes_s = vs_config_uint(c, "min_bytes_s");
	out->workers = vs_config_uint(c, "workers");
	out->status_age_ms = vs_config_uint(c, "status_age_ms");
	out->min_battery = vs_config_uint(c, "min_battery");
	out->tries = vs_config_uint(c, "tries");
	out->health_checks = vs_config_uint(c, "health_checks");
	out->health_interval_ms = vs_config_uint(c, "health_interval_ms");
	out->health_check_ms = vs_config_uint(c, "health_check_ms");
	out->health_timeout_ms = vs_config_uint(c, "health_timeout_ms");
	out->floor_restart_ms = vs_config_uint(c, "floor_restart_ms");
}

static vs_status check_links(const struct vs_conf *c,
                             char error[static VS_ERROR_LEN])
{
	const char *const names[] = {"server_url", "mirror_url", "cache_url"};
	const char *const urls[] = {c->server_url, c->mirror_url, c->cache_url};

	for (size_t i = 0; i < 3; i++) {
		if (urls[i][0] == '\0')
			continue;
		if (strncmp(urls[i], "https://", 8) != 0)
			return fail(error, names[i],
			            "does not begin with https://");
		if (urls[i][strlen(urls[i]) - 1] == '/')
			return fail(error, names[i], "ends with a slash");
	}
	if (c->max_bytes_s > 0 && c->max_bytes_s < c->min_bytes_s)
		return fail(error, "max_bytes_s", "is below min_bytes_s");
	return VS_OK;
}

static vs_status check(const struct vs_conf *c, char error[static VS_ERROR_LEN])
{
	struct vs_gate_window window;

	if (!c->development &&
	    strcmp(vs_config_text(c->read, "mode"), "production") != 0)
		return fail(error, "mode",
		            "is not production, development or demo");
	if (c->poll_min_ms > c->poll_max_ms)
		return fail(error, "poll_min_ms", "is above poll_max_ms");
	if (c->status_command[0] != '\0' && c->status_command[0] != '/')
		return fail(error, "status_command", "is not an absolute path");
	if (vs_gate_window_parse(c->window, &window) != VS_OK)
		return fail(error, "window", "is not HH:MM-HH:MM");
	return check_links(c, error);
}

vs_status vs_conf_load(const char *dir, struct vs_conf *out,
                       char error[static VS_ERROR_LEN])
{
	char path[PATH_MAX];
	vs_status status = vs_path_join(path, sizeof(path), dir, "agent.conf");

	memset(out, 0, sizeof(*out));
	if (status != VS_OK)
		return fail(error, dir, "path is too long");
	status = vs_config_load(path, keys, key_count, &out->read, error);
	if (status != VS_OK)
		return status;
	out->server_url = vs_config_text(out->read, "server_url");
	out->status_command = vs_config_text(out->read, "status_command");
	out->mirror_url = vs_config_text(out->read, "mirror_url");
	out->cache_url = vs_config_text(out->read, "cache_url");
	out->never_full = vs_config_bool(out->read, "never_full_download");
	out->window = vs_config_text(out->read, "window");
	out->demo = strcmp(vs_config_text(out->read, "mode"), "demo") == 0;
	out->development =
		out->demo ||
		strcmp(vs_config_text(out->read, "mode"), "development") == 0;
	out->require_idle = vs_config_bool(out->read, "require_idle");
	take_numbers(out);
	status = take_files(dir, out, error);
	if (status == VS_OK)
		status = check(out, error);
	if (status != VS_OK)
		vs_conf_drop(out);
	return status;
}

void vs_conf_drop(struct vs_conf *c)
{
	vs_config_free(&c->read);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/config.c - the table of settings.
 */
#include "server/config.h"

#include <stdio.h>
#include <string.h>

#define YEAR_S UINT64_C(31536000)

/* A row by the kind of its value. */
#define TEXT(name, min, max, preset, help)                                     \
	{                                                                      \
		name, VS_CONFIG_TEXT, min, max, preset, help                   \
	}
#define UINT(name, min, max, preset, help)                                     \
	{                                                                      \
		name, VS_CONFIG_UINT, min, max, preset, help                   \
	}

static const struct vs_config_key keys[] = {
	TEXT("data_dir", 1, 1024, NULL,
             "folder of database, artifacts and online keys"),
	TEXT("device_listen", 3, 255, "127.0.0.1:8443",
             "ADDRESS:PORT for chargers"),
	TEXT("operator_listen", 3, 255, "127.0.0.1:8444",
             "ADDRESS:PORT for people"),
	TEXT("metrics_listen", 0, 255, "",
             "ADDRESS:PORT on loopback for Prometheus; empty: none"),
	TEXT("tls_cert", 1, 1024, NULL,
             "certificate chain of this server, PEM"),
	TEXT("tls_key", 1, 1024, NULL,
             "its private key, PEM, readable by the owner alone"),
	TEXT("device_ca", 1, 1024, NULL,
             "CA of the chargers' certificates, PEM"),
	TEXT("director_root", 1, 1024, NULL,
             "1.root.json of the director; later roots stand beside it"),
	TEXT("image_root", 1, 1024, NULL,
             "1.root.json of the image repository"),
	TEXT("keyring", 1, 1024, NULL, "boot keyring that seals must satisfy"),
	TEXT("tlog_policy", 0, 1024, "",
             "tlog-policy file; with it every seal must be in the log"),
	TEXT("online_module", 0, 1024, "",
             "PKCS#11 module with the online keys; empty: in files"),
	TEXT("online_token", 0, 32, "", "label of its token"),
	TEXT("online_pin_file", 0, 1024, "",
             "its PIN, mode 0600; read whenever the token is opened"),
	UINT("timestamp_ttl_s", 2, YEAR_S, "86400",
             "life of timestamps; signed anew at half of it"),
	UINT("snapshot_ttl_s", 2, YEAR_S, "604800",
             "life of the image repository's snapshot"),
	UINT("director_ttl_s", 2, YEAR_S, "604800",
             "life of a charger's director targets and snapshot"),
	UINT("poll_s", 1, 604800, "300",
             "seconds a charger is told to wait between polls"),
	UINT("floor_due_s", 1, YEAR_S, "604800",
             "seconds until a confirmed image's floor is missed"),
	UINT("device_connections", 1, 100000, "2000",
             "connections of chargers at once"),
	UINT("device_threads", 1, 64, "2", "threads that serve chargers"),
	UINT("operator_connections", 1, 1000, "64",
             "connections of people at once"),
	UINT("event_streams", 1, 1000, "16",
             "streams of events at once; each takes a connection"),
	UINT("idle_s", 1, 3600, "60",
             "seconds after which an idle connection is closed"),
	UINT("address_connections", 1, 100000, "256",
             "connections of an address on which nobody is known yet"),
	UINT("charger_connections", 1, 1000, "8",
             "connections of one charger; the oldest gives way"),
	UINT("handshakes", 1, 100000, "1000",
             "TLS handshakes under way at once, of each listener"),
	UINT("handshake_rate", 0, 1000000, "2000",
             "TLS handshakes begun in a second; 0: any number"),
	UINT("handshake_s", 1, 600, "10",
             "seconds from a connection to the end of its handshake"),
	UINT("request_s", 1, 3600, "30",
             "seconds for the head of a request; see min_bytes_s"),
	UINT("min_bytes_s", 0, 1000000, "50",
             "a body or answer slower than this for request_s is cut"),
	UINT("resume_s", 0, 86400, "14400",
             "seconds in which a TLS session may be resumed; 0: none"),
	UINT("waiting_jobs", 1, 1000000, "1000",
             "jobs that may wait for the disk; then chargers get 503"),
	UINT("retry_s", 1, 86400, "30",
             "they come again after once to twice so many seconds"),
	UINT("audit_head_s", 1, 604800, "3600",
             "seconds between signed heads of the audit log"),
	UINT("session_idle_s", 1, 604800, "1800",
             "seconds after which an unused session ends"),
	UINT("session_max_s", 1, 604800, "43200",
             "seconds after which any session ends"),
	UINT("wrong_logins", 1, 100000, "30",
             "wrong tokens or passwords of an address at once"),
	UINT("person_rate", 1, 1000, "200",
             "requests of one person in a second"),
	UINT("artifact_max_mb", 1, 131072, "16384", "largest artifact, in MiB"),
	TEXT("hook_ca", 0, 1024, "",
             "CA of webhooks' receivers, PEM; empty: the system's"),
	TEXT("hook_networks", 0, 1024, "",
             "networks that are not public and may get webhooks"),
	UINT("hook_give_up_s", 1, YEAR_S, "259200",
             "a webhook that failed for so long is switched off"),
	UINT("overdue_security_s", 0, YEAR_S, "1209600",
             "seconds a charger may lack a general security release"),
	UINT("overdue_feature_s", 0, YEAR_S, "7776000",
             "seconds it may lack another general release"),
	TEXT("log", 4, 7, "text", "text or json on standard error, or journal"),
	UINT("rehash_s", 1, YEAR_S, "86400",
             "seconds between two readings of all artifacts"),
	UINT("rehash_mb_s", 1, 10000, "16",
             "MiB of artifacts that are read in a second"),
	UINT("delta_s", 1, YEAR_S, "60",
             "seconds between two looks at which deltas to make"),
	UINT("delta_memory_mb", 64, 1048576, "2048",
             "MiB of memory to make one in, beside its images"),
	UINT("delta_cpu_s", 1, 86400, "1800",
             "processor seconds to make one in"),
	UINT("delta_disk_mb", 0, 16777216, "8192",
             "MiB of disk for deltas and what one is made of; 0: none is made"),
	TEXT("release_stage", 3, 7, "lab",
             "stage of what is published: lab, pilot or general"),
};

enum { key_count = sizeof keys / sizeof *keys };

size_t vs_settings_keys(const struct vs_config_key **out)
{
	*out = keys;
	return key_count;
}

static vs_status read_address(const char *path, const char *key,
                              const char *text, struct sockaddr_storage *out,
                              char error[static 256])
{
	if (vs_address_parse(text, out)) {
		snprintf(error, 256,
		         "%.120s: %s: \"%.60s\" is not ADDRESS:PORT", path, key,
		         text);
		return VS_ERR_INPUT;
	}
	return VS_OK;
}

/* Figures are for this host: whoever is to have them elsewhere fetches them
 * with a program that asks for credentials.
 */
static vs_status read_metrics(const char *path, struct vs_settings *out,
                              char error[static 256])
{
	const char *text = out->metrics_listen;

	if (!text[0])
		return VS_OK;
	vs_status status = read_address(path, "metrics_listen", text,
	                                &out->metrics_address, error);
	if (status || vs_address_loopback(&out->metrics_address))
		return status;
	snprintf(error, 256,
	         "%.120s: metrics_listen: \"%.60s\" is not on loopback", path,
	         text);
	return VS_ERR_INPUT;
}

static vs_status read_networks(const char *path, const struct vs_config *c,
                               struct vs_settings *out, char error[static 256])
{
	const char *text = vs_config_text(c, "hook_networks");
	vs_status status = vs_networks_parse(text, &out->networks);

	if (status)
		snprintf(error, 256,
		         "%.120s: hook_networks: \"%.60s\" is not a list of "
		         "up to 16 ADDRESS/BITS",
		         path, text);
	return status ? VS_ERR_INPUT : VS_OK;
}

static vs_status read_log(const char *path, const struct vs_config *c,
                          struct vs_settings *out, char error[static 256])
{
	static const char *const names[] = {[VS_LOG_TEXT] = "text",
	                                    [VS_LOG_JSON] = "json",
	                                    [VS_LOG_JOURNAL] = "journal"};
	const char *text = vs_config_text(c, "log");

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strcmp(names[i], text) == 0) {
			out->log = (enum vs_log_form)i;
			return VS_OK;
		}
	snprintf(error, 256,
	         "%.120s: log: \"%.60s\" is not text, json or journal", path,
	         text);
	return VS_ERR_INPUT;
}

static vs_status read_stage(const char *path, const struct vs_config *c,
                            struct vs_settings *out, char error[static 256])
{
	const char *text = vs_config_text(c, "release_stage");

	if (!vs_stage_parse(text, &out->release_stage) &&
	    out->release_stage != VS_STAGE_RETIRED)
		return VS_OK;
	snprintf(error, 256,
	         "%.120s: release_stage: \"%.60s\" is not lab, pilot or "
	         "general",
	         path, text);
	return VS_ERR_INPUT;
}

/* A token needs its label and PIN; and neither means a thing without it. */
static vs_status check_online(const char *path, const struct vs_settings *s,
                              char error[static 256])
{
	const char *module = s->online.module, *token = s->online.token;
	const char *pin_file = s->online.pin_file;

	if (!*module == !*token && !*module == !*pin_file)
		return VS_OK;
	snprintf(error, 256,
	         "%.120s: online_module, online_token and online_pin_file: "
	         "all three or none",
	         path);
	return VS_ERR_INPUT;
}

/* What is more than a text or a number. */
static vs_status read_judged(const char *path, struct vs_settings *out,
                             char error[static 256])
{
	vs_status status =
		read_address(path, "device_listen", out->device_listen,
	                     &out->device_address, error);
	if (!status)
		status = read_address(path, "operator_listen",
		                      out->operator_listen,
		                      &out->operator_address, error);
	if (!status)
		status = check_online(path, out, error);
	if (!status)
		status = read_metrics(path, out, error);
	if (!status)
		status = read_networks(path, out->config, out, error);
	if (!status)
		status = read_log(path, out->config, out, error);
	return status ? status : read_stage(path, out->config, out, error);
}

vs_status vs_settings_load(const char *path, struct vs_settings *out,
                           char error[static 256])
{
	struct vs_config *c;

	*out = (struct vs_settings){0};
	vs_status status = vs_config_load(path, keys, key_count, &c, error);
	if (status)
		return status;
	*out = (struct vs_settings){
		.config = c,
		.data_dir = vs_config_text(c, "data_dir"),
		.device_listen = vs_config_text(c, "device_listen"),
		.operator_listen = vs_config_text(c, "operator_listen"),
		.metrics_listen = vs_config_text(c, "metrics_listen"),
		.tls_cert = vs_config_text(c, "tls_cert"),
		.tls_key = vs_config_text(c, "tls_key"),
		.device_ca = vs_config_text(c, "device_ca"),
		.director_root = vs_config_text(c, "director_root"),
		.image_root = vs_config_text(c, "image_root"),
		.keyring = vs_config_text(c, "keyring"),
		.tlog_policy = vs_config_text(c, "tlog_policy"),
		.online = {.data_dir = vs_config_text(c, "data_dir"),
	                   .module = vs_config_text(c, "online_module"),
	                   .token = vs_config_text(c, "online_token"),
	                   .pin_file = vs_config_text(c, "online_pin_file")},
		.timestamp_ttl_s = vs_config_uint(c, "timestamp_ttl_s"),
		.snapshot_ttl_s = vs_config_uint(c, "snapshot_ttl_s"),
		.director_ttl_s = vs_config_uint(c, "director_ttl_s"),
		.poll_s = vs_config_uint(c, "poll_s"),
		.floor_due_s = vs_config_uint(c, "floor_due_s"),
		.device_connections =
			(unsigned)vs_config_uint(c, "device_connections"),
		.device_threads = (unsigned)vs_config_uint(c, "device_threads"),
		.operator_connections =
			(unsigned)vs_config_uint(c, "operator_connections"),
		.audit_head_s = vs_config_uint(c, "audit_head_s"),
		.session_idle_s = vs_config_uint(c, "session_idle_s"),
		.session_max_s = vs_config_uint(c, "session_max_s"),
		.wrong_logins = vs_config_uint(c, "wrong_logins"),
		.person_rate = vs_config_uint(c, "person_rate"),
		.event_streams = (unsigned)vs_config_uint(c, "event_streams"),
		.idle_s = (unsigned)vs_config_uint(c, "idle_s"),
		.address_connections =
			(unsigned)vs_config_uint(c, "address_connections"),
		.charger_connections =
			(unsigned)vs_config_uint(c, "charger_connections"),
		.handshakes = (unsigned)vs_config_uint(c, "handshakes"),
		.handshake_rate = (unsigned)vs_config_uint(c, "handshake_rate"),
		.handshake_s = (unsigned)vs_config_uint(c, "handshake_s"),
		.request_s = (unsigned)vs_config_uint(c, "request_s"),
		.min_bytes_s = (unsigned)vs_config_uint(c, "min_bytes_s"),
		.resume_s = (unsigned)vs_config_uint(c, "resume_s"),
		.waiting_jobs = vs_config_uint(c, "waiting_jobs"),
		.retry_s = vs_config_uint(c, "retry_s"),
		.overdue_security_s = vs_config_uint(c, "overdue_security_s"),
		.overdue_feature_s = vs_config_uint(c, "overdue_feature_s"),
		.rehash_s = vs_config_uint(c, "rehash_s"),
		.rehash_mb_s = vs_config_uint(c, "rehash_mb_s"),
		.delta_s = vs_config_uint(c, "delta_s"),
		.delta_memory_mb = vs_config_uint(c, "delta_memory_mb"),
		.delta_cpu_s = vs_config_uint(c, "delta_cpu_s"),
		.delta_disk_mb = vs_config_uint(c, "delta_disk_mb"),
		.hook_ca = vs_config_text(c, "hook_ca"),
		.hook_give_up_s = vs_config_uint(c, "hook_give_up_s"),
		.artifact_max = vs_config_uint(c, "artifact_max_mb") << 20,
	};
	return read_judged(path, out, error);
}

void vs_settings_drop(struct vs_settings *s)
{
	vs_config_free(&s->config);
	*s = (struct vs_settings){0};
}

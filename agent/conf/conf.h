/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/conf/conf.h - DIR/agent.conf.
 *
 * No setting turns a check off but mode (agent/believe/mode.h).
 */
#ifndef VS_AGENT_CONF_H
#define VS_AGENT_CONF_H

#include "agent/conf/key_place.h"
#include "agent/slots/charger.h"
#include "base/config.h"
#include "base/status.h"

struct vs_runner; /* agent/reach/runner.h */

struct vs_conf {
	struct vs_config *read; /* owned; the texts below are its own */
	const char *server_url;
	char ca_file[PATH_MAX], cert_file[PATH_MAX];
	const char *device_key;  /* as it stands there */
	struct vs_key_place key; /* what it says */
	char key_file[PATH_MAX]; /* of a file */
	uint64_t device_key_ms;
	uint64_t poll_ms, poll_min_ms, poll_max_ms, report_ms, backoff_max_ms;
	uint64_t jitter_percent;
	/* links */
	const char *cache_url, *mirror_url; /* "": none */
	char mirror_ca_file[PATH_MAX];
	uint64_t max_bytes_s, min_bytes_s, slow_ms, connect_ms, answer_ms;
	uint64_t download_deadline_ms; /* 0: none */
	uint64_t budget_bytes_month;   /* 0: none */
	bool never_full;
	uint64_t workers;
	bool development; /* the device key may be in a file */
	bool demo; /* that too; and keys that everybody has are believed */
	/* gates */
	bool require_idle;
	char status_file[PATH_MAX];
	const char *status_command; /* "": the file */
	struct vs_runner *runner;   /* keeps; who runs it; NULL: this process */
	uint64_t status_age_ms;
	uint64_t min_battery;
	const char *window; /* "": any time */
	/* trial */
	uint64_t tries, health_checks, health_interval_ms;
	uint64_t health_check_ms, health_timeout_ms;
	uint64_t floor_restart_ms; /* 0: not for the floor */
};

/* Reads DIR/agent.conf; relative file names are below DIR.
 * VS_OK (vs_conf_drop); else a line for a person in error.
 */
vs_status vs_conf_load(const char *dir, struct vs_conf *out,
                       char error[static VS_ERROR_LEN]) VS_MUST_CHECK;
void vs_conf_drop(struct vs_conf *c);

/* The table, for help and for provisioning. */
size_t vs_conf_keys(const struct vs_config_key **out);

#endif

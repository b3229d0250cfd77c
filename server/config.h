/* SPDX-License-Identifier: Apache-2.0
 *
 * server/config.h - what the operator of the server sets.
 *
 * Everything is read and checked before anything else happens.
 */
#ifndef VS_SERVER_CONFIG_H
#define VS_SERVER_CONFIG_H

#include "base/config.h"
#include "base/log.h"
#include "base/status.h"
#include "server/net/address.h"
#include "server/net/network.h"
#include "server/publish/online.h"
#include "server/publish/stage.h"

struct vs_settings {
	struct vs_config *config; /* owned; the texts below point into it */
	const char *data_dir;
	const char *device_listen; /* "127.0.0.1:8443" or "[::]:8443" */
	const char *operator_listen;
	const char *metrics_listen; /* on loopback; "" = none */
	struct sockaddr_storage device_address, operator_address;
	struct sockaddr_storage metrics_address;
	const char *tls_cert, *tls_key; /* of both listeners, PEM */
	const char *device_ca;          /* signs chargers' certificates */
	const char *director_root;      /* 1.root.json of the director */
	const char *image_root;         /* 1.root.json of the images */
	const char *keyring;            /* the boot keyring */
	struct vs_online_place online;  /* keys that sign here */
	const char *tlog_policy;        /* which log seals are in; "" = any */
	uint64_t timestamp_ttl_s, snapshot_ttl_s, director_ttl_s;
	uint64_t poll_s;      /* what chargers are told to wait */
	uint64_t floor_due_s; /* from a confirmation to the floor's rise */
	unsigned device_connections, device_threads, operator_connections;
	unsigned event_streams; /* at once */
	uint64_t audit_head_s;  /* between signed heads */
	uint64_t session_idle_s, session_max_s;
	uint64_t wrong_logins; /* of an address at once */
	uint64_t person_rate;  /* requests of a person in a second */
	unsigned idle_s;       /* an idle connection is closed */
	/* what one who connects is held to: guard.h */
	unsigned address_connections, charger_connections;
	unsigned handshakes, handshake_rate, handshake_s;
	unsigned request_s, min_bytes_s;
	unsigned resume_s;     /* life of a TLS session; 0: none is resumed */
	uint64_t waiting_jobs; /* of the writer; beyond, chargers get 503 */
	uint64_t retry_s;      /* and come again after once to twice that */
	enum vs_log_form log;
	const char *hook_ca;         /* of webhooks' receivers; "" = system's */
	struct vs_networks networks; /* that they may be in, beside public */
	uint64_t rehash_s, rehash_mb_s; /* between passes; and how fast */
	/* between looks; and for one at a time, and all (0: none is made) */
	uint64_t delta_s, delta_memory_mb, delta_cpu_s, delta_disk_mb;
	uint64_t hook_give_up_s;
	/* how long after it became general a release may be missing */
	uint64_t overdue_security_s, overdue_feature_s;
	uint64_t artifact_max;       /* bytes */
	enum vs_stage release_stage; /* of what is published */
};

/* VS_OK; VS_ERR_INPUT, VS_ERR_IO ... with a line in error[].
 * vs_settings_drop() in every case.
 */
vs_status vs_settings_load(const char *path, struct vs_settings *out,
                           char error[static 256]) VS_MUST_CHECK;
void vs_settings_drop(struct vs_settings *s);

/* The keys, for --help; gives their number. */
size_t vs_settings_keys(const struct vs_config_key **out);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/hold/server.h - all that one running server holds.
 *
 * Memory mirrors the database.  The writer's thread alone changes it, under
 * lock for writing; everybody else reads under lock for reading.
 */
#ifndef VS_SERVER_HOLD_SERVER_H
#define VS_SERVER_HOLD_SERVER_H

#include <pthread.h>

#include "server/audit/audit_head.h"
#include "server/campaigns/rollout.h"
#include "server/config.h"
#include "server/fleet/fleet.h"
#include "server/hold/counts.h"
#include "server/net/sending.h"
#include "server/net/throttle.h"
#include "server/publish/fileset.h"
#include "server/publish/image_repo.h"
#include "server/publish/online.h"
#include "server/publish/seallog.h"
#include "server/store/writer.h"

struct vs_hooks;
struct vs_rehash;
struct vs_delta_work;

struct vs_server {
	const struct vs_settings *settings; /* keeps */

	struct vs_store *store;  /* the writer's, once it runs */
	struct vs_store *reader; /* under reader_lock */
	pthread_mutex_t reader_lock;
	struct vs_writer *writer;
	struct vs_metrics metrics;

	/* Fixed from the start. */
	struct vs_online keys;
	struct vs_audit_signer audit;
	struct vs_fileset director_roots;
	struct vs_signers director_signers; /* of the newest root */
	uint8_t *image_root;                /* the first one */
	size_t image_root_len;
	struct vs_keyring ring;
	struct vs_fileset keyrings;         /* by version, for chargers */
	struct vs_crypto crypto;            /* the writer's thread */
	struct vs_tlog_policy *tlog_policy; /* owned; NULL: none is set */
	uint8_t *tlog_policy_text;          /* owned; the policy keeps it */
	pthread_mutex_t seallog_lock;       /* who changes the log's files */
	pthread_mutex_t login_lock;         /* one password at a time */
	struct vs_throttle wrong;           /* by address: wrong credentials */
	struct vs_throttle busy;            /* by person: requests */

	pthread_rwlock_t lock; /* guards what follows */
	struct vs_fleet fleet;
	struct vs_rollouts rollouts;
	struct vs_image_repo image;

	_Atomic bool closing;     /* what does not end by itself is to end */
	_Atomic unsigned streams; /* of events, open */

	struct vs_sendings sendings;

	struct vs_rehash *rehash;         /* owned; the reading thread's */
	struct vs_delta_work *delta_work; /* owned; the thread's of deltas */
	struct vs_hooks *hooks;           /* owned; the sending thread's */

	pthread_t ticker;
	pthread_mutex_t tick_lock; /* guards what follows */
	pthread_cond_t tick_end;
	bool ticking, stopping;
};

/* Loads keys, roots, keyring, database; checks the audit chain.  settings is
 * kept.  Unless it serves, nothing on disk is touched, and a server that runs
 * over the same data is not disturbed.
 * VS_OK; else a line in error[].  vs_server_drop() in every case.
 */
vs_status vs_server_load(struct vs_server *s,
                         const struct vs_settings *settings, bool serves,
                         char error[static 256]) VS_MUST_CHECK;
/* Memory afresh from the database, after a commit that failed: the writer's
 * last way out.  Ends the process if that fails too.
 */
void vs_server_lost(void *server);
void vs_server_drop(struct vs_server *s);

uint64_t vs_server_now(void);
/* Of a clock that only goes on, in milliseconds. */
uint64_t vs_server_ms(void);

/* A charger that was seen within so many seconds is online. */
uint64_t vs_server_online_s(const struct vs_server *s);

/* What the rollout functions and the image repository are given. */
struct vs_rollout_with vs_server_rollout(struct vs_server *s,
                                         struct vs_store *store);
struct vs_image_with vs_server_image(const struct vs_server *s);
struct vs_seallog vs_server_seallog(const struct vs_server *s);

#endif

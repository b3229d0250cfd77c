/* SPDX-License-Identifier: Apache-2.0
 *
 * server/hold/server.c - loading, starting and stopping one server.
 */
#include "server/hold/server.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "server/hold/database.h"
#include "server/publish/keyrings.h"
#include "server/publish/root.h"
#include "trust/tuf.h"

enum {
	path_max = 1200,
	roots_max = 1000,
	wrong_every_ms = 2000,
	polls_to_be_offline = 3,
	least_online_s = 10,
};

uint64_t vs_server_now(void)
{
	return (uint64_t)time(NULL);
}

uint64_t vs_server_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

uint64_t vs_server_online_s(const struct vs_server *s)
{
	uint64_t polls_s = s->settings->poll_s * polls_to_be_offline;

	return polls_s > least_online_s ? polls_s : least_online_s;
}

struct vs_rollout_with vs_server_rollout(struct vs_server *s,
                                         struct vs_store *store)
{
	return (struct vs_rollout_with){.store = store,
	                                .lock = &s->lock,
	                                .releases = &s->image.releases,
	                                .now_s = vs_server_now()};
}

struct vs_image_with vs_server_image(const struct vs_server *s)
{
	return (struct vs_image_with){
		.keys = &s->keys,
		.data_dir = s->settings->data_dir,
		.ring = &s->ring,
		.crypto = &s->crypto,
		.now_s = vs_server_now(),
		.timestamp_ttl_s = s->settings->timestamp_ttl_s,
		.snapshot_ttl_s = s->settings->snapshot_ttl_s,
		.log = vs_server_seallog(s),
		.first_stage = s->settings->release_stage,
	};
}

struct vs_seallog vs_server_seallog(const struct vs_server *s)
{
	return (struct vs_seallog){.data_dir = s->settings->data_dir,
	                           .policy = s->tlog_policy};
}

static vs_status failed(vs_status status, const char *path,
                        const struct vs_why *why, char error[static 256])
{
	if (why && why->what)
		snprintf(error, 256, "%.160s: %s (%s)", path, why->what,
		         vs_reason_name(why->code));
	else
		snprintf(error, 256, "%.200s: %s", path,
		         vs_status_name(status));
	return status;
}

/* Takes the next root of the director's chain. */
static vs_status take_director_root(struct vs_server *s, unsigned n,
                                    const uint8_t *bytes, size_t len,
                                    struct vs_why *why)
{
	const struct vs_root_file root = {bytes, len};
	uint64_t newest;
	const struct vs_file *f =
		vs_fileset_newest(&s->director_roots, "root", &newest);
	struct vs_root_file before;
	char name[32];

	if (f)
		before = (struct vs_root_file){f->bytes, f->len};
	vs_status status = vs_root_check(&root, f ? &before : NULL, n, why);
	if (status)
		return status;
	vs_signers_drop(&s->director_signers);
	status = vs_signers_parse(bytes, len, &s->director_signers, why);
	if (status)
		return status;
	snprintf(name, sizeof name, "%u.root.json", n);
	return vs_fileset_put(&s->director_roots, name, bytes, len);
}

static vs_status check_director_keys(const struct vs_server *s,
                                     char error[static 256])
{
	const struct vs_signers *by = &s->director_signers;

	if (vs_online_satisfies(&s->keys, &by->targets) &&
	    vs_online_satisfies(&s->keys, &by->snapshot) &&
	    vs_online_satisfies(&s->keys, &by->timestamp))
		return VS_OK;
	snprintf(error, 256,
	         "%.140s: the newest root names other keys than data_dir's "
	         "online/director.pub.json",
	         s->settings->director_root);
	return VS_ERR_REFUSED;
}

/* "DIR/1.root.json" and DIR/2.root.json ... beside it. */
static vs_status load_director_roots(struct vs_server *s,
                                     char error[static 256])
{
	const char *first = s->settings->director_root;
	const char *slash = strrchr(first, '/');
	int dir = slash ? (int)(slash - first) + 1 : 0;
	char path[path_max];

	snprintf(path, sizeof path, "%s", first);
	for (unsigned n = 1; n < roots_max; n++) {
		VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
		struct vs_why why = {0};
		size_t len;
		vs_status status =
			vs_file_read(path, VS_TUF_ROOT_MAX, &bytes, &len);

		if (status == VS_ERR_ABSENT && n > 1)
			break;
		if (!status)
			status = take_director_root(s, n, bytes, len, &why);
		if (status)
			return failed(status, path, &why, error);
		snprintf(path, sizeof path, "%.*s%u.root.json", dir, first,
		         n + 1);
	}
	return check_director_keys(s, error);
}

static vs_status load_image_root(struct vs_server *s, char error[static 256])
{
	struct vs_why why = {0};
	vs_status status =
		vs_file_read(s->settings->image_root, VS_TUF_ROOT_MAX,
	                     &s->image_root, &s->image_root_len);
	const struct vs_root_file root = {s->image_root, s->image_root_len};

	if (!status)
		status = vs_root_check(&root, NULL, 1, &why);
	return status ? failed(status, s->settings->image_root, &why, error)
	              : VS_OK;
}

/* Before anything is published a root of other keys is a mistake.  Later it
 * is what a rotation looks like from here, until the next root is published.
 */
static vs_status check_image_keys(const struct vs_server *s,
                                  char error[static 256])
{
	static const char what[] = "names other keys than data_dir's "
				   "online/snapshot.pub.json and "
				   "timestamp.pub.json";
	struct vs_signers by = {0};
	struct vs_why why = {0};
	uint64_t version;
	const struct vs_file *f =
		vs_fileset_newest(&s->image.files, "root", &version);
	vs_status status = vs_signers_parse(f->bytes, f->len, &by, &why);
	bool ours = !status && vs_online_satisfies(&s->keys, &by.snapshot) &&
	            vs_online_satisfies(&s->keys, &by.timestamp);

	vs_signers_drop(&by);
	if (status)
		return failed(status, f->name, &why, error);
	if (!ours && !s->image.renew_s) {
		snprintf(error, 256, "%.140s: %s", s->settings->image_root,
		         what);
		return VS_ERR_REFUSED;
	}
	if (!ours)
		vs_warn("the image repository's %s %s: nothing can be signed "
		        "anew until a root that names ours is published",
		        f->name, what);
	return VS_OK;
}

static vs_status load_keyring(struct vs_server *s, char error[static 256])
{
	VS_AUTO(vs_free_drop) uint8_t *file = NULL;
	struct vs_why why = {0};
	size_t len;
	vs_status status = vs_openssl_init(&s->crypto);

	if (!status)
		status = vs_file_read(s->settings->keyring, VS_KEYRING_LEN_MAX,
		                      &file, &len);
	if (!status)
		status = vs_keyring_open(NULL, &s->crypto, file, len, &s->ring,
		                         &why);
	if (status)
		return failed(status, s->settings->keyring, &why, error);
	char bad[1100];
	status = vs_keyrings_load(s->settings->keyring, &s->ring, &s->crypto,
	                          &s->keyrings, bad, &why);
	return status ? failed(status, bad, &why, error) : VS_OK;
}

/* Which log seals must be in, if one was set. */
static vs_status load_tlog_policy(struct vs_server *s, char error[static 256])
{
	const char *path = s->settings->tlog_policy;
	struct vs_why why = {0};
	size_t len;

	if (!path[0])
		return VS_OK;
	vs_status status = vs_file_read(path, VS_POLICY_LEN_MAX,
	                                &s->tlog_policy_text, &len);
	if (!status) {
		s->tlog_policy = calloc(1, sizeof *s->tlog_policy);
		status = s->tlog_policy ? vs_tlog_policy_parse(
						  (char *)s->tlog_policy_text,
						  len, s->tlog_policy, &why)
		                        : VS_ERR_NOMEM;
	}
	return status ? failed(status, path, &why, error) : VS_OK;
}

static vs_status init_throttles(struct vs_server *s)
{
	uint64_t seeds[2], rate = s->settings->person_rate;
	vs_status status = RAND_bytes((unsigned char *)seeds, sizeof seeds) == 1
	                           ? VS_OK
	                           : VS_ERR_CRYPTO;

	vs_throttle_init(&s->wrong, s->settings->wrong_logins, wrong_every_ms,
	                 seeds[0]);
	/* A rate in whole milliseconds: a burst of a second's worth. */
	vs_throttle_init(&s->busy, rate, 1000 / rate, seeds[1]);
	return status;
}

vs_status vs_server_load(struct vs_server *s,
                         const struct vs_settings *settings, bool serves,
                         char error[static 256])
{
	pthread_rwlockattr_t attr;

	*s = (struct vs_server){.settings = settings};
	s->metrics.start_s = vs_server_now();
	error[0] = 0;
	pthread_rwlockattr_init(&attr);
	/* Polls come all the time; a writer must not wait for a pause. */
	pthread_rwlockattr_setkind_np(
		&attr, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
	pthread_rwlock_init(&s->lock, &attr);
	pthread_rwlockattr_destroy(&attr);
	pthread_mutex_init(&s->reader_lock, NULL);
	vs_sendings_init(&s->sendings);
	pthread_mutex_init(&s->tick_lock, NULL);
	pthread_mutex_init(&s->seallog_lock, NULL);
	pthread_mutex_init(&s->login_lock, NULL);
	pthread_cond_init(&s->tick_end, NULL);
	vs_status status = init_throttles(s);
	if (!status)
		status = vs_online_load(&settings->online, &s->keys, error);
	if (!status)
		status = load_director_roots(s, error);
	if (!status)
		status = load_image_root(s, error);
	if (!status)
		status = load_keyring(s, error);
	if (!status)
		status = load_tlog_policy(s, error);
	if (!status)
		status = vs_database_load(s, serves, error);
	if (!status && settings->hook_ca[0] &&
	    !vs_file_exists(settings->hook_ca))
		status = failed(VS_ERR_ABSENT, settings->hook_ca, NULL, error);
	return status ? status : check_image_keys(s, error);
}

/* After a failed commit memory is ahead of the database: start over. */
void vs_server_lost(void *server)
{
	struct vs_server *s = server;
	char error[256];

	pthread_rwlock_wrlock(&s->lock);
	struct vs_fleet before = s->fleet;
	s->fleet = (struct vs_fleet){0};
	vs_memory_drop(s);
	vs_status status = vs_memory_load(s, s->store, error);
	vs_fleet_inherit(&s->fleet, &before);
	vs_fleet_drop(&before);
	pthread_rwlock_unlock(&s->lock);
	if (status) {
		vs_error("%s; stopping", error);
		_exit(1);
	}
}

void vs_server_drop(struct vs_server *s)
{
	vs_memory_drop(s);
	vs_store_close(&s->reader);
	vs_store_close(&s->store);
	vs_online_drop(&s->keys);
	vs_audit_signer_drop(&s->audit);
	vs_fileset_drop(&s->director_roots);
	vs_fileset_drop(&s->keyrings);
	vs_signers_drop(&s->director_signers);
	vs_openssl_drop(&s->crypto);
	free(s->image_root);
	free(s->tlog_policy);
	free(s->tlog_policy_text);
	pthread_mutex_destroy(&s->seallog_lock);
	pthread_mutex_destroy(&s->login_lock);
	vs_throttle_drop(&s->wrong);
	vs_throttle_drop(&s->busy);
	vs_sendings_drop(&s->sendings);
	pthread_rwlock_destroy(&s->lock);
	pthread_mutex_destroy(&s->reader_lock);
	pthread_mutex_destroy(&s->tick_lock);
	pthread_cond_destroy(&s->tick_end);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/hold/database.c - from the database to memory.
 *
 * The audit log is checked beside the loading, by another thread: each takes
 * seconds with a million chargers.
 */
#include "server/hold/database.h"

#include <pthread.h>
#include <stdio.h>

#include "base/file.h"
#include "server/audit/audit.h"

enum { path_max = 1200 };

vs_status vs_memory_load(struct vs_server *s, struct vs_store *store,
                         char error[static 256])
{
	struct vs_image_with with = vs_server_image(s);
	char bad[VS_DEVICE_ID_LEN] = "";
	struct vs_why why = {0};
	const char *what = "database: charger";
	vs_status status = vs_fleet_load(store, &s->fleet, bad, &why);

	if (!status) {
		what = "database: image repository";
		bad[0] = 0;
		status = vs_image_load(store, &with, s->image_root,
		                       s->image_root_len, &s->image, &why);
	}
	if (!status) {
		what = "database: campaigns";
		status = vs_rollouts_load(store, &s->fleet, with.now_s,
		                          &s->rollouts, &why);
	}
	if (status)
		snprintf(error, 256, "%s %s: %s: %s (%s)", what, bad,
		         vs_status_name(status), why.what ? why.what : "",
		         vs_reason_name(why.code));
	return status;
}

void vs_memory_drop(struct vs_server *s)
{
	vs_rollouts_drop(&s->rollouts);
	vs_image_drop(&s->image);
	vs_fleet_drop(&s->fleet);
}

static vs_status say(vs_status status, const char *path, const char *what,
                     char error[static 256])
{
	snprintf(error, 256, "%.160s: %.90s", path,
	         what ? what : vs_status_name(status));
	return status;
}

/* A check of the log, over a connection of its own. */
struct looking {
	struct vs_server *server;
	const char *path;
	struct vs_store *store; /* owned unless it is the server's reader */
	bool serves, beside;
	pthread_t thread;
	vs_status status;
	char error[256];
};

/* A database without the key's file is one of an older server. */
static vs_status check_heads(struct looking *l)
{
	struct vs_server *s = l->server;
	struct vs_why why = {0};
	uint64_t seq;
	vs_status status = vs_audit_signer_load(s->settings->data_dir,
	                                        l->serves, &s->audit, l->error);

	if (status)
		return status == VS_ERR_ABSENT ? VS_OK : status;
	status = vs_audit_head_check(l->store, &s->audit.key, &seq, &why);
	if (status)
		snprintf(l->error, sizeof l->error,
		         "%.150s: the audit log is not the one whose head was "
		         "signed at seq %llu (%s)",
		         l->path, (unsigned long long)seq,
		         vs_reason_name(why.code));
	return status;
}

static vs_status check_log(struct looking *l)
{
	struct vs_why why;
	uint64_t seq;
	vs_status status = vs_audit_check(l->store, &seq, &why);

	if (status == VS_ERR_REFUSED)
		snprintf(l->error, sizeof l->error,
		         "%.160s: the audit chain is broken at seq %llu (%s)",
		         l->path, (unsigned long long)seq,
		         vs_reason_name(why.code));
	else if (status)
		(void)say(status, l->path, l->store->error, l->error);
	else if (seq == 0)
		/* init writes the first record; who empties the log takes the
		 * head along. */
		status = say(VS_ERR_REFUSED, l->path, "the audit log is empty",
		             l->error);
	return status ? status : check_heads(l);
}

static void *look(void *ctx)
{
	struct looking *l = ctx;

	l->status = check_log(l);
	return NULL;
}

static vs_status look_begin(struct looking *l, bool copied)
{
	if (copied) {
		l->store = l->server->reader;
		(void)look(l);
		return l->status;
	}
	l->status = vs_store_open_sqlite(l->path, false, &l->store, l->error);
	if (l->status)
		return l->status;
	l->beside = !pthread_create(&l->thread, NULL, look, l);
	if (!l->beside)
		(void)look(l);
	return l->beside ? VS_OK : l->status;
}

static vs_status look_end(struct looking *l)
{
	if (l->beside)
		pthread_join(l->thread, NULL);
	if (l->store != l->server->reader)
		vs_store_close(&l->store);
	return l->status;
}

/* What an older server wrote, completed. */
static vs_status upgrade(struct vs_store *store, const char *path,
                         char error[static 256])
{
	char bad[VS_DEVICE_ID_LEN];
	struct vs_why why = {0};
	vs_status status = vs_fleet_upgrade(store, bad, &why);

	if (status)
		snprintf(error, 256,
		         "%.80s: charger %.63s: %.16s: %.60s (%.16s)", path,
		         bad, vs_status_name(status), why.what ? why.what : "",
		         vs_reason_name(why.code));
	return status;
}

static vs_status open_stores(struct vs_server *s, const char *path, bool serves,
                             bool *copied, char error[static 256])
{
	vs_status status = VS_OK;
	bool old = false;

	*copied = false;
	if (serves)
		status = vs_store_open_sqlite(path, true, &s->store, error);
	if (!status && serves)
		status = upgrade(s->store, path, error);
	if (!status)
		status = vs_store_open_sqlite(path, false, &s->reader, error);
	if (!status)
		status = vs_store_older(s->reader, &old);
	if (status || !old)
		return status && !error[0]
		               ? say(status, path, s->reader->error, error)
		               : status;
	vs_store_close(&s->reader);
	status = vs_store_open_copy(path, &s->reader, error);
	*copied = !status;
	return status ? status : upgrade(s->reader, path, error);
}

static vs_status verify_reports(struct vs_server *s, const char *path,
                                char error[static 256])
{
	char bad[VS_DEVICE_ID_LEN];
	struct vs_why why = {0};
	vs_status status = vs_fleet_verify(s->reader, &s->fleet, bad, &why);

	if (status)
		snprintf(error, 256, "%.90s: charger %.63s: %.60s (%.16s)",
		         path, bad,
		         why.what ? why.what : vs_status_name(status),
		         vs_reason_name(why.code));
	return status;
}

vs_status vs_database_load(struct vs_server *s, bool serves,
                           char error[static 256])
{
	char path[path_max];
	struct looking l = {.server = s, .path = path, .serves = serves};
	bool copied;
	vs_status status = vs_path_join(path, sizeof path,
	                                s->settings->data_dir, "voltseal.db");

	if (status)
		return say(status, "data_dir", NULL, error);
	if (!vs_file_exists(path))
		return say(VS_ERR_ABSENT, path, NULL, error);
	status = open_stores(s, path, serves, &copied, error);
	if (status)
		return status;
	status = look_begin(&l, copied);
	if (!status)
		status = vs_memory_load(s, s->reader, error);
	if (!status && !serves)
		status = verify_reports(s, path, error);
	vs_status found = look_end(&l);
	/* who changed the log may have changed the rest */
	if (found)
		snprintf(error, 256, "%s", l.error);
	return found ? found : status;
}

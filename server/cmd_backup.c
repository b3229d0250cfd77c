/* SPDX-License-Identifier: Apache-2.0
 *
 * server/cmd_backup.c - the database to a file, and back.
 *
 * A backup is one moment of it, whole, also while the server writes; what was
 * acknowledged before it began is in it.  A restore puts nothing in place
 * that it has not judged, and throws nothing away.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "server/audit/audit.h"
#include "server/commands.h"
#include "server/hold/server.h"

enum { path_max = 1200 };

static vs_status failed(vs_status status, const char *path, const char *what,
                        char error[static 256])
{
	snprintf(error, 256, "%.160s: %.80s", path,
	         what ? what : vs_status_name(status));
	return status;
}

static vs_status sync_folder(const char *path)
{
	char folder[path_max];
	const char *slash = strrchr(path, '/');

	snprintf(folder, sizeof folder, "%.*s",
	         slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	vs_status status = fd < 0 || fsync(fd) ? VS_ERR_IO : VS_OK;
	if (fd >= 0)
		close(fd);
	return status;
}

/* A database that we can run over: our schema, an unbroken log. */
static vs_status judge(const char *path, uint64_t *records,
                       char error[static 256])
{
	VS_AUTO(vs_store_close) struct vs_store *s = NULL;
	struct vs_why why = {0};
	vs_status status = vs_store_open_sqlite(path, false, &s, error);

	if (!status && vs_store_check(s))
		return failed(VS_ERR_REFUSED, path, s->error, error);
	if (!status)
		status = vs_audit_check(s, records, &why);
	if (status == VS_ERR_REFUSED)
		return failed(status, path, "its audit chain is broken", error);
	if (status)
		return error[0] ? status
		                : failed(status, path, s ? s->error : NULL,
		                         error);
	return *records ? VS_OK
	                : failed(VS_ERR_REFUSED, path,
	                         "not a database of voltseal-server", error);
}

/* Copies a database into a file that is there only when it is whole. */
static vs_status copy(const char *from, const char *to, uint64_t *records,
                      char error[static 256])
{
	VS_AUTO(vs_store_close) struct vs_store *s = NULL;
	char part[path_max];
	int n = snprintf(part, sizeof part, "%s.part", to);
	vs_status status =
		n < 0 || (size_t)n >= sizeof part
			? failed(VS_ERR_LIMIT, to, "the path is too long",
	                         error)
			: vs_store_open_sqlite(from, false, &s, error);

	if (status)
		return status;
	status = vs_store_backup(s, part);
	if (status)
		status = failed(status, part, s->error, error);
	if (!status)
		status = judge(part, records, error);
	if (!status &&
	    (chmod(part, 0600) || rename(part, to) || sync_folder(to)))
		status = failed(VS_ERR_IO, to, strerror(errno), error);
	if (status)
		(void)unlink(part);
	return status;
}

static vs_status database(const struct vs_settings *s, char out[path_max],
                          char error[static 256])
{
	vs_status status =
		vs_path_join(out, path_max, s->data_dir, "voltseal.db");

	return status ? failed(status, s->data_dir, NULL, error) : VS_OK;
}

int vs_command_backup(const struct vs_arguments *a)
{
	char path[path_max], error[256] = "";
	uint64_t records = 0;
	vs_status status = database(a->settings, path, error);

	if (!status && vs_file_exists(a->name))
		status = failed(VS_ERR_STATE, a->name,
		                "there is something already", error);
	if (!status && !vs_file_exists(path))
		status = failed(VS_ERR_ABSENT, path, NULL, error);
	if (!status)
		status = copy(path, a->name, &records, error);
	if (status)
		vs_error("%s", error);
	else
		printf("%s: %llu records of the audit log, and all else\n",
		       a->name, (unsigned long long)records);
	return status ? 1 : 0;
}

/* What was there, its log of changes with it, under another name. */
static vs_status set_aside(const char *path, char aside[path_max],
                           char error[static 256])
{
	static const char *const ends[] = {"", "-wal", "-shm"};
	char from[path_max + 8], to[path_max + 8];

	snprintf(aside, path_max, "%.1100s.before-%llu", path,
	         (unsigned long long)vs_server_now());
	if (vs_file_exists(aside))
		return failed(VS_ERR_STATE, aside, "there is something already",
		              error);
	/* The log of changes first: with it alone the next start would change
	 * the file that was put there. */
	for (size_t i = sizeof ends / sizeof *ends; i-- > 0;) {
		snprintf(from, sizeof from, "%s%s", path, ends[i]);
		snprintf(to, sizeof to, "%s%s", aside, ends[i]);
		if (rename(from, to) && errno != ENOENT)
			return failed(VS_ERR_IO, from, strerror(errno), error);
	}
	return VS_OK;
}

static vs_status note(const char *path, const char *file,
                      char error[static 256])
{
	VS_AUTO(vs_store_close) struct vs_store *s = NULL;
	const char *slash = strrchr(file, '/');
	const struct vs_audit record = {"host", "store-restored",
	                                slash ? slash + 1 : file, "", ""};
	vs_status status = vs_store_open_sqlite(path, true, &s, error);

	if (status)
		return status;
	status = vs_store_begin(s);
	if (!status)
		status = vs_audit_append(s, vs_server_now(), &record);
	if (!status)
		status = vs_store_commit(s);
	else
		vs_store_undo(s);
	return status ? failed(status, path, s->error, error) : VS_OK;
}

static vs_status restore(const struct vs_arguments *a, char aside[path_max],
                         char error[static 256])
{
	char path[path_max], next[path_max + 16];
	uint64_t records = 0;
	vs_status status = database(a->settings, path, error);

	aside[0] = 0;
	snprintf(next, sizeof next, "%s.restored", path);
	if (!status && !vs_file_exists(a->name))
		status = failed(VS_ERR_ABSENT, a->name, NULL, error);
	if (!status)
		status = judge(a->name, &records, error);
	if (!status)
		status = copy(a->name, next, &records, error);
	/* Opened for writing before it is in place: one that this program
	 * cannot run over never gets there. */
	if (!status)
		status = note(next, a->name, error);
	if (!status)
		status = set_aside(path, aside, error);
	if (!status && (rename(next, path) || sync_folder(path)))
		status = failed(VS_ERR_IO, path, strerror(errno), error);
	if (status)
		(void)unlink(next);
	return status;
}

int vs_command_restore(const struct vs_arguments *a)
{
	char aside[path_max], error[256] = "";
	int lock = vs_lock_data(a->settings->data_dir, error);
	vs_status status = lock < 0 ? VS_ERR_STATE : restore(a, aside, error);

	if (status)
		vs_error("%s", error);
	else
		printf("restored from %s; what was there: %s\n", a->name,
		       vs_file_exists(aside) ? aside : "nothing");
	vs_fd_drop(&lock);
	return status ? 1 : 0;
}

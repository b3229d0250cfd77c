/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/store.c - putting files in force, and out for the server.
 */
#include "sign/store.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "sign/say.h"

enum { piece = 1 << 17, file_max = 8 << 20 };

vs_status vs_store_bytes(const char *path, const void *bytes, size_t len)
{
	VS_AUTO(vs_free_drop) uint8_t *old = NULL;
	size_t old_len;
	vs_status status = vs_file_read(path, file_max, &old, &old_len);

	if (status == VS_OK && old_len == len && memcmp(old, bytes, len) == 0)
		return VS_OK;
	if (status == VS_OK || status == VS_ERR_LIMIT) {
		vs_error("%s: something else is in force under this version "
		         "already (%s)",
		         path, vs_reason_name(VS_REASON_CONFLICT));
		return VS_ERR_STATE;
	}
	if (status == VS_ERR_ABSENT)
		status = vs_file_replace(path, bytes, len, 0644);
	return status ? vs_say_io(status, path) : VS_OK;
}

static vs_status copy(const char *from, const char *to)
{
	VS_AUTO(vs_fd_drop) int in = open(from, O_RDONLY | O_CLOEXEC);
	VS_AUTO(vs_fd_drop)
	int out = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	VS_AUTO(vs_free_drop) uint8_t *bytes = malloc(piece);
	uint64_t at = 0;

	if (in < 0 || out < 0 || !bytes)
		return VS_ERR_IO;
	for (;;) {
		ssize_t n = read(in, bytes, piece);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return VS_ERR_IO;
		if (n == 0)
			return fsync(out) ? VS_ERR_IO : VS_OK;
		vs_status status = vs_file_pwrite(out, bytes, (size_t)n, at);
		if (status)
			return status;
		at += (uint64_t)n;
	}
}

vs_status vs_store_copy(const char *from, const char *to)
{
	vs_status status = copy(from, to);

	return status ? vs_say_io(status, to) : VS_OK;
}

/* Whether path already holds bytes of this hash. */
static bool holds(const char *path, const char *sha256)
{
	char is[65];
	uint64_t len;

	return vs_file_sha256(path, is, &len) == VS_OK &&
	       strcmp(is, sha256) == 0;
}

vs_status vs_store_sweep(const char *dir)
{
	DIR *all = opendir(dir);
	bool ok = true;

	if (!all)
		return errno == ENOENT ? VS_OK : vs_say_io(VS_ERR_IO, dir);
	for (struct dirent *e; ok && (e = readdir(all));) {
		size_t len = strlen(e->d_name);

		if (len > 4 && strcmp(e->d_name + len - 4, ".new") == 0)
			ok = unlinkat(dirfd(all), e->d_name, 0) == 0;
	}
	if (!ok)
		vs_say_io(VS_ERR_IO, dir);
	closedir(all);
	return ok ? VS_OK : VS_ERR_IO;
}

static vs_status sync_dir(const char *dir)
{
	VS_AUTO(vs_fd_drop)
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	return fd < 0 || fsync(fd) ? VS_ERR_IO : VS_OK;
}

vs_status vs_store_artifact(const char *from, const char *dir,
                            const char *sha256, enum vs_store_how how)
{
	char path[PATH_MAX], part[PATH_MAX];
	vs_status status = vs_path_join(path, sizeof path, dir, sha256);

	if (!status)
		status = vs_path_join(part, sizeof part, dir, ".part");
	if (status)
		return vs_say_io(status, dir);
	if (holds(path, sha256))
		return VS_OK;
	unlink(part); /* of a command that was cut off */
	/* not every file system has links */
	if (how == VS_STORE_COPY || link(from, part))
		status = copy(from, part);
	if (!status && !holds(part, sha256)) {
		vs_error("%s: was changed (%s)", from,
		         vs_reason_name(VS_REASON_HASH_MISMATCH));
		unlink(part);
		return VS_ERR_REFUSED;
	}
	if (!status && (chmod(part, 0644) || rename(part, path)))
		status = VS_ERR_IO;
	if (!status)
		return sync_dir(dir) ? vs_say_io(VS_ERR_IO, dir) : VS_OK;
	vs_say_io(status, path);
	unlink(part);
	return status;
}

static vs_status export_keyring_as(const struct vs_room *r, const char *dir,
                                   uint64_t version, const char *name)
{
	char from[PATH_MAX], to[PATH_MAX];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len;
	vs_status status = vs_room_file(r, VS_BOOT, VS_KEYRING, version, from);

	if (status)
		return status;
	status = vs_file_read(from, VS_KEYRING_LEN_MAX, &bytes, &len);
	if (status)
		return vs_say_io(status, from);
	status = vs_path_join(to, sizeof to, dir, name);
	if (!status)
		status = vs_file_replace(to, bytes, len, 0644);
	return status ? vs_say_io(status, to) : VS_OK;
}

/* The keyring in force goes out under one name, for new chargers, and each
 * version beside it: a charger needs every one since its own.
 */
static vs_status export_keyrings(const struct vs_room *r, const char *dir)
{
	uint64_t last = vs_room_version(r, VS_BOOT, VS_KEYRING);
	vs_status status = VS_OK;

	for (uint64_t version = 1; version <= last && !status; version++) {
		char name[64];

		snprintf(name, sizeof name, "keyring.%" PRIu64, version);
		status = export_keyring_as(r, dir, version, name);
	}
	return status || !last ? status
	                       : export_keyring_as(r, dir, last, "keyring");
}

/* All versions of a role: a client needs every root there ever was. */
static vs_status export_role(const struct vs_room *r, const char *repository,
                             const char *role, const char *dir)
{
	uint64_t last = vs_room_version(r, repository, role);

	if (last && vs_file_mkdirs(dir, 0755))
		return vs_say_io(VS_ERR_IO, dir);
	if (vs_store_sweep(dir))
		return VS_ERR_IO;
	for (uint64_t version = 1; version <= last; version++) {
		char from[PATH_MAX], to[PATH_MAX];
		VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
		size_t len;
		int n = snprintf(to, sizeof to, "%s/%" PRIu64 ".%s.json", dir,
		                 version, role);
		vs_status status =
			vs_room_file(r, repository, role, version, from);

		if (status)
			return status;
		if (n < 0 || (size_t)n >= sizeof to)
			return vs_say_io(VS_ERR_LIMIT, dir);
		status = vs_file_read(from, file_max, &bytes, &len);
		if (status)
			return vs_say_io(status, from);
		status = vs_store_bytes(to, bytes, len);
		if (status)
			return status;
	}
	return VS_OK;
}

static vs_status export_artifacts(const struct vs_room *r, const char *dir)
{
	char from[PATH_MAX], file[PATH_MAX];
	vs_status status = vs_room_path(r, from, "in-force/artifacts");

	if (status)
		return status;
	DIR *all = opendir(from);
	if (!all) /* no release yet */
		return errno == ENOENT ? VS_OK : vs_say_io(VS_ERR_IO, from);
	if (vs_file_mkdirs(dir, 0755))
		status = vs_say_io(VS_ERR_IO, dir);
	for (struct dirent *e; !status && (e = readdir(all));) {
		if (!vs_hex_is_sha256(e->d_name))
			continue;
		status = vs_path_join(file, sizeof file, from, e->d_name);
		status = status ? vs_say_io(status, from)
		                : vs_store_artifact(file, dir, e->d_name,
		                                    VS_STORE_COPY);
	}
	closedir(all);
	return status;
}

static vs_status export_delegated(const struct vs_room *r, const char *dir)
{
	char path[PATH_MAX];
	vs_status status = vs_path_join(path, sizeof path, dir, "metadata");

	if (status)
		return vs_say_io(status, dir);
	for (int row = VS_POLICY_DELEGATED_FIRST;
	     row <= VS_POLICY_DELEGATED_LAST && !status; row++)
		status = export_role(
			r, VS_IMAGE,
			vs_policy_delegated((enum vs_policy_roles)row), path);
	return status;
}

vs_status vs_store_export(const struct vs_room *r, const char *dir)
{
	static const struct {
		const char *repository, *role, *to;
	} rows[] = {
		{VS_IMAGE,    "root",    "metadata"     },
		{VS_IMAGE,    "targets", "metadata"     },
		{VS_IMAGE,    "root",    "image-root"   },
		{VS_DIRECTOR, "root",    "director-root"},
	};
	char path[PATH_MAX];
	vs_status status = vs_path_join(path, sizeof path, dir, "artifacts");

	if (!status && vs_file_mkdirs(dir, 0755))
		status = VS_ERR_IO;
	if (status)
		return vs_say_io(status, dir);
	status = export_artifacts(r, path);
	if (!status)
		status = vs_store_sweep(dir);
	if (!status)
		status = export_keyrings(r, dir);
	for (size_t i = 0; i < sizeof rows / sizeof *rows && !status; i++) {
		status = vs_path_join(path, sizeof path, dir, rows[i].to);
		status = status ? vs_say_io(status, dir)
		                : export_role(r, rows[i].repository,
		                              rows[i].role, path);
	}
	/* last: what they name must be there before them */
	return status ? status : export_delegated(r, dir);
}

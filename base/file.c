/* SPDX-License-Identifier: Apache-2.0
 *
 * base/file.c - whole files, read with a bound and replaced atomically.
 */
#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/hex.h"

void vs_fd_drop(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static vs_status open_regular(const char *path, int *fd, uint64_t *len)
{
	struct stat st;

	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (*fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? VS_ERR_ABSENT
		                                           : VS_ERR_IO;
	if (fstat(*fd, &st) || !S_ISREG(st.st_mode)) {
		vs_fd_drop(fd);
		errno = EINVAL;
		return VS_ERR_IO;
	}
	*len = (uint64_t)st.st_size;
	return VS_OK;
}

vs_status vs_file_read(const char *path, size_t max, uint8_t **out, size_t *len)
{
	VS_AUTO(vs_fd_drop) int fd = -1;
	uint64_t size;

	*out = NULL;
	*len = 0;
	vs_status status = open_regular(path, &fd, &size);
	if (status)
		return status;
	if (size > max)
		return VS_ERR_LIMIT;
	uint8_t *bytes = malloc((size_t)size + 1);
	if (!bytes)
		return VS_ERR_NOMEM;
	status = vs_file_pread(fd, bytes, (size_t)size, 0);
	if (status) {
		free(bytes);
		return status;
	}
	bytes[size] = 0;
	*out = bytes;
	*len = (size_t)size;
	return VS_OK;
}

/* A rename lasts only once its folder is on the disk. */
static vs_status sync_folder_of(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t len = slash ? (size_t)(slash - path) : 0;

	if (len >= sizeof folder)
		return VS_ERR_LIMIT;
	memcpy(folder, path, len);
	folder[len] = 0;
	const char *name = len ? folder : slash ? "/" : ".";
	VS_AUTO(vs_fd_drop)
	int fd = open(name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || fsync(fd))
		return VS_ERR_IO;
	return VS_OK;
}

static vs_status write_new(const char *path, const void *in, size_t len,
                           unsigned mode)
{
	VS_AUTO(vs_fd_drop)
	int fd = open(path,
	              O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
	              (mode_t)mode);

	if (fd < 0)
		return VS_ERR_IO;
	if (fchmod(fd, (mode_t)mode))
		return VS_ERR_IO;
	vs_status status = vs_file_pwrite(fd, in, len, 0);
	if (status)
		return status;
	return fsync(fd) ? VS_ERR_IO : VS_OK;
}

vs_status vs_file_replace(const char *path, const void *in, size_t len,
                          unsigned mode)
{
	char temporary[PATH_MAX];
	int n = snprintf(temporary, sizeof temporary, "%s.%ld.new", path,
	                 (long)gettid());

	if (n < 0 || (size_t)n >= sizeof temporary) {
		errno = ENAMETOOLONG;
		return VS_ERR_IO;
	}
	vs_status status = write_new(temporary, in, len, mode);
	if (!status && rename(temporary, path))
		status = VS_ERR_IO;
	if (status) {
		int why = errno;

		unlink(temporary);
		errno = why;
		return status;
	}
	return sync_folder_of(path);
}

/* A folder that may not last is not left behind; errno stays. */
static vs_status unmake(const char *folder)
{
	int error = errno;

	(void)rmdir(folder);
	errno = error;
	return VS_ERR_IO;
}

vs_status vs_file_mkdirs(const char *path, unsigned mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);
	struct stat st;

	if (len >= sizeof part) {
		errno = ENAMETOOLONG;
		return VS_ERR_IO;
	}
	memcpy(part, path, len + 1);
	for (size_t i = 1; i <= len; i++) {
		if (part[i] != '/' && part[i])
			continue;
		part[i] = 0;
		if (mkdir(part, (mode_t)mode) == 0) {
			if (sync_folder_of(part) != VS_OK)
				return unmake(part);
		} else if (errno != EEXIST) {
			return VS_ERR_IO;
		}
		part[i] = path[i];
	}
	if (stat(path, &st))
		return VS_ERR_IO;
	if (!S_ISDIR(st.st_mode)) {
		errno = ENOTDIR;
		return VS_ERR_IO;
	}
	return VS_OK;
}

vs_status vs_file_remove(const char *path)
{
	if (unlink(path))
		return errno == ENOENT ? VS_OK : VS_ERR_IO;
	return sync_folder_of(path);
}

bool vs_file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}

vs_status vs_file_pread(int fd, void *out, size_t len, uint64_t at)
{
	uint8_t *p = out;

	while (len) {
		ssize_t n = pread(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0)
			errno = ENODATA;
		if (n <= 0)
			return VS_ERR_IO;
		p += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return VS_OK;
}

vs_status vs_file_pwrite(int fd, const void *in, size_t len, uint64_t at)
{
	const uint8_t *p = in;

	while (len) {
		ssize_t n = pwrite(fd, p, len, (off_t)at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return VS_ERR_IO;
		p += n;
		at += (uint64_t)n;
		len -= (size_t)n;
	}
	return VS_OK;
}

vs_status vs_file_sync(int fd)
{
	while (fdatasync(fd) != 0)
		if (errno != EINTR)
			return VS_ERR_IO;
	return VS_OK;
}

static vs_status digest_fd(int fd, EVP_MD_CTX *md, uint64_t *len)
{
	enum { piece = 1 << 16 };
	VS_AUTO(vs_free_drop) uint8_t *bytes = malloc(piece);

	*len = 0;
	if (!bytes)
		return VS_ERR_NOMEM;
	for (;;) {
		ssize_t n = read(fd, bytes, piece);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return VS_ERR_IO;
		if (n == 0)
			return VS_OK;
		if (EVP_DigestUpdate(md, bytes, (size_t)n) != 1)
			return VS_ERR_CRYPTO;
		*len += (uint64_t)n;
	}
}

vs_status vs_file_sha256(const char *path, char hex[static 65], uint64_t *len)
{
	VS_AUTO(vs_fd_drop) int fd = -1;
	uint8_t digest[32];
	uint64_t size;
	vs_status status = open_regular(path, &fd, &size);

	if (status)
		return status;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	if (!md)
		return VS_ERR_NOMEM;
	if (EVP_DigestInit_ex(md, EVP_sha256(), NULL) != 1)
		status = VS_ERR_CRYPTO;
	if (!status)
		status = digest_fd(fd, md, len);
	if (!status && EVP_DigestFinal_ex(md, digest, NULL) != 1)
		status = VS_ERR_CRYPTO;
	EVP_MD_CTX_free(md);
	if (!status)
		vs_hex_encode(digest, sizeof digest, hex);
	return status;
}

vs_status vs_path_join(char *out, size_t cap, const char *dir, const char *name)
{
	int n = snprintf(out, cap, "%s/%s", dir, name);

	if (n < 0 || (size_t)n >= cap) {
		errno = ENAMETOOLONG;
		return VS_ERR_LIMIT;
	}
	return VS_OK;
}

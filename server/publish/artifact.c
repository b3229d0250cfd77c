/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/artifact.c - content-addressed files.
 */
#include "server/publish/artifact.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"

#define TEMPORARY ".upload-"

static vs_status folder(char out[static VS_ARTIFACT_PATH_MAX],
                        const char *data_dir)
{
	return vs_path_join(out, VS_ARTIFACT_PATH_MAX, data_dir, "artifacts");
}

static vs_status path_of(char out[static VS_ARTIFACT_PATH_MAX],
                         const char *data_dir, const char *sha256)
{
	char dir[VS_ARTIFACT_PATH_MAX];

	if (!vs_hex_is_sha256(sha256))
		return VS_ERR_INPUT;
	vs_status status = folder(dir, data_dir);
	return status ? status
	              : vs_path_join(out, VS_ARTIFACT_PATH_MAX, dir, sha256);
}

vs_status vs_artifact_init(const char *data_dir)
{
	char dir[VS_ARTIFACT_PATH_MAX];
	vs_status status = folder(dir, data_dir);

	return status ? status : vs_file_mkdirs(dir, 0700);
}

vs_status vs_artifact_sweep(const char *data_dir)
{
	char dir[VS_ARTIFACT_PATH_MAX];
	struct dirent *e;
	vs_status status = folder(dir, data_dir);

	if (status)
		return status;
	DIR *d = opendir(dir);
	if (!d)
		return VS_ERR_IO;
	while ((e = readdir(d)))
		if (strncmp(e->d_name, TEMPORARY, strlen(TEMPORARY)) == 0 &&
		    unlinkat(dirfd(d), e->d_name, 0))
			status = VS_ERR_IO;
	closedir(d);
	return status;
}

vs_status vs_artifact_open(const char *data_dir, const char *sha256, int *fd,
                           uint64_t *len)
{
	char path[VS_ARTIFACT_PATH_MAX];
	struct stat st;

	*fd = -1;
	vs_status status = path_of(path, data_dir, sha256);
	if (status)
		return status == VS_ERR_INPUT ? VS_ERR_ABSENT : status;
	*fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (*fd < 0)
		return errno == ENOENT ? VS_ERR_ABSENT : VS_ERR_IO;
	if (fstat(*fd, &st) || !S_ISREG(st.st_mode)) {
		vs_fd_drop(fd);
		return VS_ERR_IO;
	}
	*len = (uint64_t)st.st_size;
	return VS_OK;
}

vs_status vs_artifact_read(const char *data_dir, const char *sha256, size_t max,
                           uint8_t **out, size_t *len)
{
	char path[VS_ARTIFACT_PATH_MAX];

	*out = NULL;
	vs_status status = path_of(path, data_dir, sha256);
	if (status)
		return status == VS_ERR_INPUT ? VS_ERR_ABSENT : status;
	return vs_file_read(path, max, out, len);
}

vs_status vs_upload_open(struct vs_upload *u, const char *data_dir,
                         const char *sha256, uint64_t max)
{
	char dir[VS_ARTIFACT_PATH_MAX];

	*u = (struct vs_upload){.fd = -1, .max = max};
	vs_status status = path_of(u->path, data_dir, sha256);
	if (!status)
		status = folder(dir, data_dir);
	if (status)
		return status;
	memcpy(u->sha256, sha256, sizeof u->sha256);
	int n = snprintf(u->temporary, sizeof u->temporary,
	                 "%s/" TEMPORARY "XXXXXX", dir);
	if (n < 0 || (size_t)n >= sizeof u->temporary)
		return VS_ERR_LIMIT;
	u->fd = mkostemp(u->temporary, O_CLOEXEC);
	if (u->fd < 0)
		return VS_ERR_IO;
	u->md = EVP_MD_CTX_new();
	if (!u->md)
		return VS_ERR_NOMEM;
	return EVP_DigestInit_ex(u->md, EVP_sha256(), NULL) == 1
	               ? VS_OK
	               : VS_ERR_CRYPTO;
}

vs_status vs_upload_add(struct vs_upload *u, const void *in, size_t len)
{
	if (len > u->max - u->len)
		return VS_ERR_LIMIT;
	vs_status status = vs_file_pwrite(u->fd, in, len, u->len);
	if (status)
		return status;
	u->len += len;
	return EVP_DigestUpdate(u->md, in, len) == 1 ? VS_OK : VS_ERR_CRYPTO;
}

/* A rename is durable once the folder is. */
static vs_status sync_folder(const char *path)
{
	char dir[VS_ARTIFACT_PATH_MAX];

	snprintf(dir, sizeof dir, "%s", path);
	*strrchr(dir, '/') = 0;
	VS_AUTO(vs_fd_drop)
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd >= 0 && fsync(fd) == 0 ? VS_OK : VS_ERR_IO;
}

vs_status vs_upload_close(struct vs_upload *u)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	char hex[65];
	unsigned len = 0;

	if (EVP_DigestFinal_ex(u->md, digest, &len) != 1 || len != 32)
		return VS_ERR_CRYPTO;
	vs_hex_encode(digest, len, hex);
	vs_status status = u->judge                      ? u->judge(u)
	                   : strcmp(hex, u->sha256) == 0 ? VS_OK
	                                                 : VS_ERR_REFUSED;
	if (status)
		return status;
	if (fsync(u->fd) || rename(u->temporary, u->path))
		return VS_ERR_IO;
	u->temporary[0] = 0;
	return sync_folder(u->path);
}

void vs_upload_drop(struct vs_upload *u)
{
	vs_fd_drop(&u->fd);
	EVP_MD_CTX_free(u->md);
	u->md = NULL;
	if (u->temporary[0])
		unlink(u->temporary);
	u->temporary[0] = 0;
}

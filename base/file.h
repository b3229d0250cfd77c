/* SPDX-License-Identifier: Apache-2.0
 *
 * base/file.h - whole files, read with a bound and replaced atomically.
 */
#ifndef VS_BASE_FILE_H
#define VS_BASE_FILE_H

#include "base/status.h"

/* Reads a regular file of at most max bytes.  Gives *out (free()), with a
 * zero after it.
 * VS_OK; VS_ERR_ABSENT; VS_ERR_LIMIT; VS_ERR_IO (errno tells); VS_ERR_NOMEM.
 */
vs_status vs_file_read(const char *path, size_t max, uint8_t **out,
                       size_t *len) VS_MUST_CHECK;

/* Replaces path: a temporary beside it, fsync, rename, fsync of the folder.
 * A cut at any instant leaves the old file or the new one.
 * VS_OK; VS_ERR_IO (errno tells), the old file untouched.
 */
vs_status vs_file_replace(const char *path, const void *in, size_t len,
                          unsigned mode) VS_MUST_CHECK;

/* Makes path and its parents, durably.  VS_OK also if it is there. */
vs_status vs_file_mkdirs(const char *path, unsigned mode) VS_MUST_CHECK;
/* Removes a file and makes that durable.  VS_OK also if it was not there. */
vs_status vs_file_remove(const char *path) VS_MUST_CHECK;
bool vs_file_exists(const char *path);

/* All len bytes at offset at, over short counts and EINTR. */
vs_status vs_file_pread(int fd, void *out, size_t len,
                        uint64_t at) VS_MUST_CHECK; /* short file: VS_ERR_IO */
vs_status vs_file_pwrite(int fd, const void *in, size_t len,
                         uint64_t at) VS_MUST_CHECK;

/* Makes what was written through fd durable.  VS_OK; VS_ERR_IO. */
vs_status vs_file_sync(int fd) VS_MUST_CHECK;

/* SHA-256 of a file of any size, streamed, as 64 hex digits and a zero. */
vs_status vs_file_sha256(const char *path, char hex[static 65],
                         uint64_t *len) VS_MUST_CHECK;

/* "DIR/NAME" into out.  VS_ERR_LIMIT if it does not fit. */
vs_status vs_path_join(char *out, size_t cap, const char *dir,
                       const char *name) VS_MUST_CHECK;

/* For VS_AUTO: closes *fd if it is not negative. */
void vs_fd_drop(int *fd);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/download.c - one target of a TUF repository into a folder.
 */
#include "operate/download.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "operate/say.h"

enum { piece = 64 * 1024, path_max = 4096 };

/* Checks a file by mapping it: a target may be larger than memory. */
static vs_status check(int fd, const struct vs_target *target,
                       struct vs_why *why)
{
	struct stat st;
	void *map;

	if (fstat(fd, &st))
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "cannot be read back", 0);
	if ((uint64_t)st.st_size != target->length)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_LENGTH_MISMATCH,
		               "other length than the target's", 0);
	if (!st.st_size)
		return vs_target_check(target, (const uint8_t *)"", 0, why);
	map = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "cannot be read back", 0);
	vs_status verdict =
		vs_target_check(target, map, (size_t)st.st_size, why);
	(void)munmap(map, (size_t)st.st_size);
	return verdict;
}

static bool there_already(const char *path, const struct vs_target *target)
{
	VS_AUTO(vs_fd_drop)
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat st;
	struct vs_why why;

	return fd >= 0 && !fstat(fd, &st) && S_ISREG(st.st_mode) &&
	       check(fd, target, &why) == VS_OK;
}

static vs_status copy(struct vs_http_stream *s, int fd,
                      const struct vs_target *target, struct vs_why *why)
{
	static uint8_t buffer[piece];
	uint64_t done = 0;

	while (done < target->length) {
		uint64_t left = target->length - done;
		size_t n = left < piece ? (size_t)left : piece;

		if (vs_http_stream_read(s, buffer, n))
			return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
			               "the download ended early",
			               (size_t)done);
		if (vs_file_pwrite(fd, buffer, n, done))
			return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
			               "cannot be written", (size_t)done);
		done += n;
		vs_say_progress(target->path, done, target->length);
	}
	if (!vs_http_stream_read(s, buffer, 1))
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_LENGTH_MISMATCH,
		               "longer than the target", 0);
	return VS_OK;
}

static vs_status fetch(struct vs_http *http, const char *url, int fd,
                       const struct vs_target *target, struct vs_why *why)
{
	struct vs_http_stream *s = NULL;
	vs_status st = vs_http_stream_open(http, url, 0, UINT64_MAX, &s);

	if (st)
		return vs_fail(st, why, VS_REASON_UNREADABLE,
		               st == VS_ERR_ABSENT
		                       ? "the server has no such file"
		                       : "cannot be fetched",
		               0);
	st = copy(s, fd, target, why);
	vs_say_progress_end();
	vs_http_stream_close(&s);
	return st ? st : check(fd, target, why);
}

static vs_status keep(int fd, const char *temporary, const char *path,
                      struct vs_why *why)
{
	char dir[path_max];
	char *slash;

	(void)snprintf(dir, sizeof dir, "%s", path);
	slash = strrchr(dir, '/');
	if (slash)
		*slash = 0;
	if (fchmod(fd, 0644) || fsync(fd) || rename(temporary, path))
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "cannot be written", 0);
	VS_AUTO(vs_fd_drop)
	int folder = open(slash ? dir : ".", O_RDONLY | O_CLOEXEC);
	if (folder < 0 || fsync(folder))
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "the folder cannot be synced", 0);
	return VS_OK;
}

vs_status vs_download(struct vs_http *http, const char *url,
                      const struct vs_target *target, const char *path,
                      struct vs_why *why)
{
	char temporary[path_max];
	int n;

	if (there_already(path, target))
		return VS_OK;
	n = snprintf(
		temporary, sizeof temporary, "%.*s.voltseal-XXXXXX",
		(int)(strrchr(path, '/') ? strrchr(path, '/') + 1 - path : 0),
		path);
	if (n < 0 || (size_t)n >= sizeof temporary)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "the path is too long", 0);
	VS_AUTO(vs_fd_drop) int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE,
		               "cannot be written", 0);
	vs_status st = fetch(http, url, fd, target, why);
	if (!st)
		st = keep(fd, temporary, path, why);
	if (st)
		(void)unlink(temporary);
	return st;
}

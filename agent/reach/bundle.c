/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/bundle.c - files in a folder, or behind the heads of a tar file.
 */
#include "agent/reach/bundle.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/tar.h"

#define ENTRIES_MAX 100000 /* that one file is looked for among */

/* Where the bytes of one file of the bundle are. */
struct place {
	int fd; /* owned */
	uint64_t at, len;
};

static void place_drop(struct place *p)
{
	vs_fd_drop(&p->fd);
}

vs_status vs_bundle_open(struct vs_bundle *b, const char *path,
                         const char *vehicle, struct vs_why *why)
{
	uint8_t head[VS_TAR_BLOCK];
	struct vs_tar_entry entry;
	struct stat st;

	*b = (struct vs_bundle){.fd = -1};
	*why = (struct vs_why){VS_REASON_UNREADABLE, "cannot be read", 0};
	if (strlen(path) >= sizeof(b->path) ||
	    strlen(vehicle) >= sizeof(b->vehicle))
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "the path is too long", 0);
	strncpy(b->path, path, sizeof(b->path) - 1);
	strncpy(b->vehicle, vehicle, sizeof(b->vehicle) - 1);
	if (stat(path, &st) != 0)
		return errno == ENOENT || errno == ENOTDIR
		               ? vs_fail(VS_ERR_ABSENT, why,
		                         VS_REASON_UNREADABLE, "is not there",
		                         0)
		               : VS_ERR_IO;
	if (S_ISDIR(st.st_mode))
		return VS_OK;
	if (!S_ISREG(st.st_mode))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "neither a folder nor a file", 0);
	b->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (b->fd < 0)
		return VS_ERR_IO;
	if (vs_file_pread(b->fd, head, sizeof(head), 0) != VS_OK ||
	    vs_tar_decode(head, &entry, NULL) != VS_OK)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "no bundle: neither a folder nor a tar file", 0);
	return VS_OK;
}

void vs_bundle_close(struct vs_bundle *b)
{
	vs_fd_drop(&b->fd);
}

/* No name leads out of the bundle. */
static bool is_inside(const char *name)
{
	return name[0] != '\0' && name[0] != '/' && name[0] != '.' &&
	       !strstr(name, "/.") && !strstr(name, "//");
}

static vs_status find_in_folder(const struct vs_bundle *b, const char *name,
                                struct place *out)
{
	char path[PATH_MAX];
	struct stat st;

	if (vs_path_join(path, sizeof(path), b->path, name) != VS_OK)
		return VS_ERR_LIMIT;
	out->fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (out->fd < 0)
		return errno == ENOENT || errno == ENOTDIR ? VS_ERR_ABSENT
		                                           : VS_ERR_IO;
	if (fstat(out->fd, &st) != 0 || !S_ISREG(st.st_mode))
		return VS_ERR_IO;
	out->len = (uint64_t)st.st_size;
	return VS_OK;
}

/* A file that ends without its end was cut short. */
static vs_status judge_end(const struct vs_bundle *b, uint64_t at)
{
	struct stat st;

	return fstat(b->fd, &st) == 0 && at > (uint64_t)st.st_size
	               ? VS_ERR_INPUT
	               : VS_ERR_IO;
}

static vs_status find_in_tar(const struct vs_bundle *b, const char *name,
                             struct place *out)
{
	struct vs_tar_entry e;
	uint8_t head[VS_TAR_BLOCK];
	uint64_t at = 0;
	vs_status status = VS_OK;

	for (int i = 0; i < ENTRIES_MAX; i++) {
		status = vs_file_pread(b->fd, head, sizeof(head), at);
		if (status != VS_OK)
			return judge_end(b, at + sizeof(head));
		status = vs_tar_decode(head, &e, NULL);
		if (status != VS_OK)
			return status;
		at += sizeof(head);
		if (!e.folder && strcmp(e.name, name) == 0) {
			out->fd = fcntl(b->fd, F_DUPFD_CLOEXEC, 0);
			out->at = at;
			out->len = e.len;
			return out->fd < 0 ? VS_ERR_IO : VS_OK;
		}
		at += vs_tar_padded(e.len);
	}
	return VS_ERR_LIMIT;
}

static vs_status find(const struct vs_bundle *b, const char *folder,
                      const char *name, struct place *out)
{
	bool own = strcmp(folder, "director") == 0;
	char whole[VS_TAR_NAME_LEN];
	int n = snprintf(whole, sizeof(whole), "%s%s%s/%s", folder,
	                 own ? "/" : "", own ? b->vehicle : "", name);

	*out = (struct place){.fd = -1};
	if (n < 0 || (size_t)n >= sizeof(whole))
		return VS_ERR_LIMIT;
	if (!is_inside(whole))
		return VS_ERR_ABSENT;
	return b->fd < 0 ? find_in_folder(b, whole, out)
	                 : find_in_tar(b, whole, out);
}

vs_status vs_bundle_get(const struct vs_bundle *b, const char *folder,
                        const char *name, size_t max, uint8_t **out,
                        size_t *len)
{
	VS_AUTO(place_drop) struct place p;
	vs_status status = find(b, folder, name, &p);

	*out = NULL;
	*len = 0;
	if (status != VS_OK)
		return status;
	if (p.len > max)
		return VS_ERR_LIMIT;
	*out = malloc((size_t)p.len + 1);
	if (!*out)
		return VS_ERR_NOMEM;
	(*out)[p.len] = 0;
	*len = (size_t)p.len;
	status = vs_file_pread(p.fd, *out, *len, p.at);
	if (status != VS_OK) {
		free(*out);
		*out = NULL;
		*len = 0;
	}
	return status;
}

static vs_status pack_open(void *ctx, uint64_t first, uint64_t last)
{
	struct vs_bundle_pack *p = ctx;

	if (first > last || first >= p->end - p->begin)
		return VS_ERR_IO;
	p->at = p->begin + first;
	return VS_OK;
}

static vs_status pack_read(void *ctx, void *out, size_t len)
{
	struct vs_bundle_pack *p = ctx;
	vs_status status = VS_ERR_IO;

	if (len <= p->end - p->at)
		status = vs_file_pread(p->fd, out, len, p->at);
	if (status == VS_OK) {
		p->at += len;
		p->gave = true;
	}
	return status;
}

static void pack_close(void *ctx)
{
	(void)ctx; /* the descriptor stays for the next range */
}

vs_status vs_bundle_pack_open(const struct vs_bundle *b, const char *sha256,
                              struct vs_bundle_pack *p, struct vs_source *out)
{
	struct place found;
	char name[80];
	vs_status status;

	snprintf(name, sizeof(name), "%.64s.pack", sha256);
	status = find(b, "packs", name, &found);
	*p = (struct vs_bundle_pack){.fd = found.fd,
	                             .begin = found.at,
	                             .end = found.at + found.len,
	                             .at = found.at};
	*out = (struct vs_source){
		.ctx = p,
		.open = pack_open,
		.read = pack_read,
		.close = pack_close,
	};
	return status;
}

void vs_bundle_pack_close(struct vs_bundle_pack *p)
{
	vs_fd_drop(&p->fd);
}

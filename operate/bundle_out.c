/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/bundle_out.c - the files of a bundle, written.
 */
#include "operate/bundle_out.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "base/tar.h"

static const uint8_t zeros[2 * VS_TAR_BLOCK];

static enum vs_exit wrong(const char *path, const char *what)
{
	char quoted[256];

	vs_error("%s: %s", vs_log_quote(path, quoted, sizeof quoted), what);
	return VS_EXIT_FAILED;
}

static enum vs_exit put(struct vs_bundle_out *o, const void *in, size_t len)
{
	const uint8_t *at = in;

	while (len > 0) {
		ssize_t n = write(o->fd, at, len);

		if (n < 0 && errno != EINTR)
			return wrong(o->path, strerror(errno));
		if (n > 0) {
			at += n;
			len -= (size_t)n;
			o->bytes += (uint64_t)n;
		}
	}
	return VS_EXIT_OK;
}

/* A file beside the one that it is to become. */
static enum vs_exit create(struct vs_bundle_out *o, const char *path)
{
	int n = snprintf(o->part, sizeof o->part, "%s.part", path);

	if (n < 0 || (size_t)n >= sizeof o->part) {
		o->part[0] = 0;
		return wrong(path, "the path is too long");
	}
	o->fd = open(o->part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (o->fd >= 0)
		return VS_EXIT_OK;
	enum vs_exit e = wrong(o->part, strerror(errno));
	o->part[0] = 0;
	return e;
}

/* On the disk, under its name. */
static enum vs_exit keep(struct vs_bundle_out *o, const char *path)
{
	bool good = fsync(o->fd) == 0;

	if (good)
		good = close(o->fd) == 0;
	else
		vs_fd_drop(&o->fd);
	o->fd = -1;
	if (!good || rename(o->part, path) != 0)
		return wrong(path, strerror(errno));
	o->part[0] = 0;
	return VS_EXIT_OK;
}

enum vs_exit vs_bundle_out_open(struct vs_bundle_out *o, const char *path)
{
	size_t len = strlen(path);
	struct stat st;

	*o = (struct vs_bundle_out){.path = path, .fd = -1};
	o->names = json_object();
	if (!o->names)
		return wrong(path, vs_status_name(VS_ERR_NOMEM));
	if (len == 0)
		return wrong(path, "is no name");
	o->folder = path[len - 1] == '/' ||
	            (stat(path, &st) == 0 && S_ISDIR(st.st_mode));
	if (!o->folder)
		return create(o, path);
	return vs_file_mkdirs(path, 0755) ? wrong(path, strerror(errno))
	                                  : VS_EXIT_OK;
}

void vs_bundle_out_drop(struct vs_bundle_out *o)
{
	vs_fd_drop(&o->fd);
	if (o->part[0])
		(void)unlink(o->part);
	o->part[0] = 0;
	json_decref(o->names);
	o->names = NULL;
}

bool vs_bundle_out_has(const struct vs_bundle_out *o, const char *name)
{
	return json_object_get(o->names, name) != NULL;
}

static enum vs_exit begin_in_folder(struct vs_bundle_out *o, const char *name)
{
	char *slash;

	if (vs_path_join(o->file, sizeof o->file, o->path, name))
		return wrong(name, "the path is too long");
	slash = strrchr(o->file, '/');
	*slash = 0;
	if (vs_file_mkdirs(o->file, 0755))
		return wrong(o->file, strerror(errno));
	*slash = '/';
	return create(o, o->file);
}

enum vs_exit vs_bundle_out_begin(struct vs_bundle_out *o, const char *name,
                                 uint64_t len)
{
	struct vs_tar_entry e = {.len = len};
	uint8_t head[VS_TAR_BLOCK];

	o->left = len;
	if (json_object_set_new(o->names, name, json_true()))
		return wrong(name, vs_status_name(VS_ERR_NOMEM));
	if (o->folder)
		return begin_in_folder(o, name);
	if (strlen(name) >= sizeof e.name)
		return wrong(name, "the name is too long");
	memcpy(e.name, name, strlen(name) + 1);
	if (vs_tar_encode(&e, head))
		return wrong(name, "too long for a tar file: make a folder");
	return put(o, head, sizeof head);
}

enum vs_exit vs_bundle_out_more(struct vs_bundle_out *o, const void *in,
                                size_t len)
{
	if (len > o->left)
		return wrong(o->path, "a file is longer than was said");
	o->left -= len;
	return put(o, in, len);
}

enum vs_exit vs_bundle_out_end(struct vs_bundle_out *o)
{
	if (o->left)
		return wrong(o->path, "a file is shorter than was said");
	if (o->folder)
		return keep(o, o->file);
	return put(o, zeros, (size_t)(vs_tar_padded(o->bytes) - o->bytes));
}

enum vs_exit vs_bundle_out_add(struct vs_bundle_out *o, const char *name,
                               const void *in, size_t len)
{
	enum vs_exit e = VS_EXIT_OK;

	if (vs_bundle_out_has(o, name))
		return e;
	e = vs_bundle_out_begin(o, name, len);
	if (!e)
		e = vs_bundle_out_more(o, in, len);
	return e ? e : vs_bundle_out_end(o);
}

enum vs_exit vs_bundle_out_close(struct vs_bundle_out *o)
{
	enum vs_exit e = VS_EXIT_OK;

	if (!o->folder) {
		e = put(o, zeros, sizeof zeros);
		return e ? e : keep(o, o->path);
	}
	VS_AUTO(vs_fd_drop) int dir = open(o->path, O_RDONLY | O_CLOEXEC);
	return dir >= 0 && syncfs(dir) == 0 ? VS_EXIT_OK
	                                    : wrong(o->path, strerror(errno));
}

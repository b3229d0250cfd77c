/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/delta.c - names, files, uploads.
 */
#include "server/publish/delta.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/hex.h"
#include "delta/head.h"

#define HEX_LEN 64

void vs_delta_name(const uint8_t old_root[static 32],
                   const uint8_t new_root[static 32],
                   char out[static VS_DELTA_NAME_LEN])
{
	vs_hex_encode(old_root, 32, out);
	out[HEX_LEN] = '-';
	vs_hex_encode(new_root, 32, out + HEX_LEN + 1);
}

bool vs_delta_is_name(const char *text)
{
	char hex[HEX_LEN + 1];

	if (strlen(text) != VS_DELTA_NAME_LEN - 1 || text[HEX_LEN] != '-')
		return false;
	memcpy(hex, text, HEX_LEN);
	hex[HEX_LEN] = '\0';
	return vs_hex_is_sha256(hex) && vs_hex_is_sha256(text + HEX_LEN + 1);
}

static vs_status path_of(char out[static VS_ARTIFACT_PATH_MAX],
                         const char *data_dir, const char *name)
{
	char dir[VS_ARTIFACT_PATH_MAX];
	vs_status status = vs_path_join(dir, sizeof dir, data_dir, "deltas");

	return status ? status
	              : vs_path_join(out, VS_ARTIFACT_PATH_MAX, dir, name);
}

vs_status vs_delta_init(const char *data_dir)
{
	char dir[VS_ARTIFACT_PATH_MAX];
	vs_status status = vs_path_join(dir, sizeof dir, data_dir, "deltas");

	return status ? status : vs_file_mkdirs(dir, 0700);
}

vs_status vs_delta_open(const char *data_dir, const char *name, int *fd,
                        uint64_t *len)
{
	char path[VS_ARTIFACT_PATH_MAX];
	struct stat st;
	vs_status status;

	*fd = -1;
	if (!vs_delta_is_name(name))
		return VS_ERR_ABSENT;
	status = path_of(path, data_dir, name);
	if (status)
		return status;
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

static vs_status judge(const struct vs_upload *u)
{
	uint8_t raw[VS_DELTA_HEAD_LEN];
	struct vs_delta_head head;
	char name[VS_DELTA_NAME_LEN];
	vs_status status = u->len > sizeof raw
	                           ? vs_file_pread(u->fd, raw, sizeof raw, 0)
	                           : VS_ERR_INPUT;

	if (!status)
		status = vs_delta_head_decode(raw, &head, NULL);
	if (status)
		return status == VS_ERR_IO ? status : VS_ERR_REFUSED;
	vs_delta_name(head.old_root, head.new_root, name);
	return strcmp(name, strrchr(u->path, '/') + 1) ? VS_ERR_REFUSED : VS_OK;
}

vs_status vs_delta_upload(struct vs_upload *u, const char *data_dir,
                          const char *name, uint64_t max)
{
	static const char none[] = "00000000000000000000000000000000"
				   "00000000000000000000000000000000";
	vs_status status;

	*u = (struct vs_upload){.fd = -1};
	if (!vs_delta_is_name(name))
		return VS_ERR_INPUT;
	status = vs_upload_open(u, data_dir, none, max);
	if (!status)
		status = path_of(u->path, data_dir, name);
	u->judge = judge;
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/room.c - a signing room: a folder with policy, proposals, what is in
 * force.
 */
#include "sign/room.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <openssl/rand.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "sign/say.h"
#include "trust/tuf.h"

enum { versions_max = 100000 };

bool vs_room_name_ok(const char *text)
{
	static const char fit[] = "abcdefghijklmnopqrstuvwxyz"
				  "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-";
	size_t len = strlen(text);

	return len && len < VS_VERSION_LEN && strspn(text, fit) == len &&
	       *text != '.' && *text != '-';
}

const char *vs_role_type(const char *role)
{
	return strcmp(role, "root") == 0 ? "root" : "targets";
}

size_t vs_role_max(const char *role)
{
	return strcmp(role, "root") == 0 ? VS_TUF_ROOT_MAX : VS_TUF_TARGETS_MAX;
}

vs_status vs_room_path(const struct vs_room *r, char out[static PATH_MAX],
                       const char *fmt, ...)
{
	va_list args;
	int head = snprintf(out, PATH_MAX, "%s/", r->dir);

	if (head < 0 || head >= PATH_MAX)
		return vs_say_io(VS_ERR_LIMIT, r->dir);
	va_start(args, fmt);
	int n = vsnprintf(out + head, (size_t)(PATH_MAX - head), fmt, args);
	va_end(args);
	if (n < 0 || n >= PATH_MAX - head)
		return vs_say_io(VS_ERR_LIMIT, r->dir);
	return VS_OK;
}

vs_status vs_room_open(const char *dir, struct vs_room *out)
{
	char path[PATH_MAX];

	*out = (struct vs_room){.lock_fd = -1};
	if (strlen(dir) >= sizeof out->dir)
		return vs_say_io(VS_ERR_LIMIT, dir);
	memcpy(out->dir, dir, strlen(dir) + 1);
	vs_status status = vs_room_path(out, path, "policy.json");
	if (status)
		return status;
	if (!vs_file_exists(path)) {
		vs_error("%s: not a signing room; voltseal-sign room init "
		         "makes one",
		         dir);
		return VS_ERR_ABSENT;
	}
	out->lock_fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (out->lock_fd < 0)
		return vs_say_io(VS_ERR_IO, dir);
	if (flock(out->lock_fd, LOCK_EX | LOCK_NB)) {
		vs_error("%s: another command is at work in this room", dir);
		return VS_ERR_STATE;
	}
	return vs_policy_load(path, &out->policy);
}

void vs_room_drop(struct vs_room *r)
{
	vs_policy_free(&r->policy);
	vs_fd_drop(&r->lock_fd);
}

vs_status vs_room_file(const struct vs_room *r, const char *repository,
                       const char *role, uint64_t version,
                       char out[static PATH_MAX])
{
	bool ring = strcmp(repository, VS_BOOT) == 0;

	return vs_room_path(r, out, "in-force/%s/%" PRIu64 ".%s%s", repository,
	                    version, role, ring ? "" : ".json");
}

uint64_t vs_room_version(const struct vs_room *r, const char *repository,
                         const char *role)
{
	char path[PATH_MAX];
	uint64_t version = 0;

	while (version < versions_max &&
	       !vs_room_file(r, repository, role, version + 1, path) &&
	       vs_file_exists(path))
		version++;
	return version;
}

vs_status vs_room_metadata(const struct vs_room *r, const char *repository,
                           const char *role, struct vs_envelope *out)
{
	char path[PATH_MAX];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len, max = vs_role_max(role);
	struct vs_why why = {0};
	uint64_t version = vs_room_version(r, repository, role);

	*out = (struct vs_envelope){0};
	if (!version)
		return VS_ERR_ABSENT;
	vs_status status = vs_room_file(r, repository, role, version, path);
	if (status)
		return status;
	status = vs_file_read(path, max, &bytes, &len);
	if (status)
		return vs_say_io(VS_ERR_IO, path);
	status = vs_envelope_parse(bytes, len, max, vs_role_type(role), out,
	                           &why);
	return status ? vs_say_why(status, path, &why) : VS_OK;
}

/* Paths are in one role each; a role that lost one says so no more. */
vs_status vs_room_released(const struct vs_room *r, json_t **out)
{
	json_t *all = json_pack("{s:{}}", "targets");
	vs_status status = all ? VS_OK : vs_say_io(VS_ERR_NOMEM, r->dir);

	for (int row = VS_POLICY_DELEGATED_FIRST;
	     row <= VS_POLICY_DELEGATED_LAST && !status; row++) {
		struct vs_envelope e = {0};

		status = vs_room_metadata(
			r, VS_IMAGE,
			vs_policy_delegated((enum vs_policy_roles)row), &e);
		if (status == VS_ERR_ABSENT)
			status = VS_OK;
		else if (!status &&
		         json_object_update(json_object_get(all, "targets"),
		                            json_object_get(e.body, "targets")))
			status = vs_say_io(VS_ERR_NOMEM, r->dir);
		vs_envelope_drop(&e);
	}
	if (status)
		json_decref(all);
	*out = status ? NULL : all;
	return status;
}

/* Every keyring since the first one, each signed by the one before it. */
static vs_status walk_keyrings(const struct vs_room *r, uint64_t last,
                               const struct vs_crypto *crypto,
                               struct vs_keyring *out)
{
	for (uint64_t version = 1; version <= last; version++) {
		char path[PATH_MAX];
		VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
		size_t len;
		struct vs_why why = {0};
		vs_status status =
			vs_room_file(r, VS_BOOT, VS_KEYRING, version, path);

		if (status)
			return status;
		status = vs_file_read(path, VS_KEYRING_LEN_MAX, &bytes, &len);
		if (status)
			return vs_say_io(VS_ERR_IO, path);
		status = vs_keyring_open(version > 1 ? out : NULL, crypto,
		                         bytes, len, out, &why);
		if (status)
			return vs_say_why(status, path, &why);
	}
	return VS_OK;
}

vs_status vs_room_keyring(const struct vs_room *r, struct vs_keyring *out)
{
	struct vs_crypto crypto;
	uint64_t last = vs_room_version(r, VS_BOOT, VS_KEYRING);

	if (!last)
		return VS_ERR_ABSENT;
	vs_status status = vs_openssl_init(&crypto);
	if (status)
		return vs_say_io(status, r->dir);
	status = walk_keyrings(r, last, &crypto, out);
	vs_openssl_drop(&crypto);
	return status;
}

vs_status vs_salt_load(const char *path, uint8_t out[static VS_SALT_LEN])
{
	VS_AUTO(vs_free_drop) uint8_t *text = NULL;
	size_t len;
	vs_status status = vs_file_read(path, 256, &text, &len);

	if (status)
		return vs_say_io(status, path);
	text[strcspn((char *)text, "\r\n")] = 0;
	if (vs_hex_decode((char *)text, out, VS_SALT_LEN)) {
		vs_error("%s: salt: must be %d lower-case hex digits", path,
		         2 * VS_SALT_LEN);
		return VS_ERR_INPUT;
	}
	return VS_OK;
}

vs_status vs_room_salt(const struct vs_room *r, const char *component,
                       uint8_t out[static VS_SALT_LEN])
{
	char path[PATH_MAX], hex[2 * VS_SALT_LEN + 2];
	vs_status status = vs_room_path(r, path, "salts");

	if (!status && vs_file_mkdirs(path, 0755))
		status = vs_say_io(VS_ERR_IO, path);
	if (!status)
		status = vs_room_path(r, path, "salts/%s", component);
	if (status)
		return status;
	if (vs_file_exists(path))
		return vs_salt_load(path, out);
	if (RAND_bytes(out, VS_SALT_LEN) != 1)
		return vs_say_io(VS_ERR_CRYPTO, path);
	vs_hex_encode(out, VS_SALT_LEN, hex);
	hex[2 * VS_SALT_LEN] = '\n';
	status = vs_file_replace(path, hex, sizeof hex - 1, 0644);
	return status ? vs_say_io(status, path) : VS_OK;
}

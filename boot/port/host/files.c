/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/files.c - the boot stage's operations on a folder of files.
 */
#include "boot/port/host/files.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "boot/port/host/floor.h"
#include "seal/openssl.h"

#define SECTOR_LEN 4096

/* A chain of some ten keyrings. */
#define VS_BOOT_RINGS_LEN_MAX (8 * VS_KEYRING_LEN_MAX)

static const char *const slot_dirs[VS_SLOTS] = {"slot-a", "slot-b"};

static vs_status record_read(void *ctx, int copy,
                             uint8_t out[static VS_RECORD_LEN])
{
	const struct vs_boot_files *f = ctx;

	return vs_file_pread(f->record, out, VS_RECORD_LEN,
	                     (uint64_t)copy * SECTOR_LEN);
}

static vs_status record_write(void *ctx, int copy,
                              const uint8_t in[static VS_RECORD_LEN])
{
	const struct vs_boot_files *f = ctx;
	uint8_t sector[SECTOR_LEN] = {0};

	memcpy(sector, in, VS_RECORD_LEN);
	if (vs_file_pwrite(f->record, sector, sizeof(sector),
	                   (uint64_t)copy * SECTOR_LEN) != VS_OK)
		return VS_ERR_IO;
	return vs_file_sync(f->record);
}

static uint64_t slot_len(void *ctx, int component, int slot)
{
	const struct vs_boot_files *f = ctx;
	int fd = f->slots[component][slot];
	/* The same for a file and for a block device. */
	off_t end = fd < 0 ? 0 : lseek(fd, 0, SEEK_END);

	return end < 0 ? 0 : (uint64_t)end;
}

static vs_status slot_read(void *ctx, int component, int slot, uint64_t at,
                           uint8_t *out, size_t len)
{
	const struct vs_boot_files *f = ctx;

	return vs_file_pread(f->slots[component][slot], out, len, at);
}

/* A host has no recovery image: its floor's name is nobody's. */
static const char *floor_name(const struct vs_boot_files *f, int component)
{
	if (component == VS_BOOT_EPOCH)
		return VS_FLOOR_EPOCH;
	return component < f->machine->count
	               ? f->machine->components[component].name
	               : ".none";
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	const struct vs_boot_files *f = ctx;

	return vs_floor_get(f->floor, floor_name(f, component), out);
}

static vs_status floor_raise(void *ctx, int component, uint32_t to)
{
	const struct vs_boot_files *f = ctx;

	return vs_floor_raise(f->floor, floor_name(f, component), to);
}

static vs_status keyring(void *ctx, int place, const uint8_t **file,
                         size_t *len)
{
	const struct vs_boot_files *f = ctx;

	*file = f->rings[place].bytes;
	*len = f->rings[place].len;
	return f->rings[place].status;
}

void vs_boot_files_ops(struct vs_boot_files *f, struct vs_boot_ops *out)
{
	*out = (struct vs_boot_ops){
		.ctx = f,
		.record = {f, record_read, record_write},
		.crypto = f->crypto,
		.slot_len = slot_len,
		.read = slot_read,
		.floor_get = floor_get,
		.floor_raise = floor_raise,
		.keyring = keyring,
	};
}

vs_status vs_boot_files_slot_path(const char *dir, const char *component,
                                  int slot, char *out, size_t cap)
{
	int n = snprintf(out, cap, "%s/%s/%s", dir, slot_dirs[slot], component);

	return n < 0 || (size_t)n >= cap ? VS_ERR_LIMIT : VS_OK;
}

/* Opens path into *fd; what is not there is not an error. */
static vs_status open_one(const char *path, int flags, int *fd,
                          char error[static 256])
{
	*fd = open(path, flags | O_CLOEXEC, 0600);
	if (*fd >= 0 || errno == ENOENT)
		return VS_OK;
	snprintf(error, 256, "%.160s: %s", path, strerror(errno));
	return VS_ERR_IO;
}

static vs_status too_long(const char *dir, char error[static 256])
{
	snprintf(error, 256, "%.200s: path is too long", dir);
	return VS_ERR_LIMIT;
}

static vs_status open_slots(const char *dir, int access,
                            struct vs_boot_files *f, char error[static 256])
{
	char path[PATH_MAX];
	vs_status status = VS_OK;

	for (int i = 0; i < f->machine->count * VS_SLOTS; i++) {
		int c = i / VS_SLOTS;
		int slot = i % VS_SLOTS;

		if (vs_boot_files_slot_path(dir, f->machine->components[c].name,
		                            slot, path, sizeof(path)) != VS_OK)
			return too_long(dir, error);
		status = open_one(path, access, &f->slots[c][slot], error);
		if (status != VS_OK)
			return status;
	}
	return status;
}

static vs_status read_rings(const char *dir, struct vs_boot_files *f)
{
	char path[PATH_MAX];
	int n;

	for (int i = 0; i < VS_BOOT_RINGS; i++) {
		n = snprintf(path, sizeof(path), "%s/keyring-%d", dir, i);
		if (n < 0 || (size_t)n >= sizeof(path))
			return VS_ERR_LIMIT;
		f->rings[i].status =
			vs_file_read(path, VS_BOOT_RINGS_LEN_MAX,
		                     &f->rings[i].bytes, &f->rings[i].len);
		if (f->rings[i].status != VS_OK &&
		    f->rings[i].status != VS_ERR_ABSENT)
			f->rings[i].status = VS_ERR_IO;
	}
	return VS_OK;
}

vs_status vs_boot_files_init(struct vs_boot_files *f,
                             const struct vs_machine *m, char error[static 256])
{
	vs_status status;

	memset(f, 0, sizeof(*f));
	f->machine = m;
	f->record = f->floor = -1;
	for (int c = 0; c < VS_BOOT_COMPONENTS_MAX; c++)
		f->slots[c][0] = f->slots[c][1] = -1;
	status = vs_openssl_init(&f->crypto);
	if (status != VS_OK)
		snprintf(error, 256, "OpenSSL does not start");
	return status;
}

vs_status vs_boot_files_open(const char *dir, const struct vs_machine *m,
                             int access, struct vs_boot_files *f,
                             char error[static 256])
{
	char path[PATH_MAX];
	vs_status status = vs_boot_files_init(f, m, error);

	if (status != VS_OK)
		return status;
	if (vs_path_join(path, sizeof(path), dir, "boot-record") != VS_OK)
		return too_long(dir, error);
	status = open_one(path, O_RDWR | O_CREAT, &f->record, error);
	if (status != VS_OK)
		return status;
	if (vs_path_join(path, sizeof(path), dir, "floor") != VS_OK)
		return too_long(dir, error);
	status = open_one(path, O_RDWR, &f->floor, error);
	if (status != VS_OK)
		return status;
	if (read_rings(dir, f) != VS_OK)
		return too_long(dir, error);
	return open_slots(dir, access, f, error);
}

static void close_one(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void vs_boot_files_drop(struct vs_boot_files *f)
{
	if (!f->machine)
		return;
	close_one(&f->record);
	close_one(&f->floor);
	for (int c = 0; c < VS_BOOT_COMPONENTS_MAX; c++)
		for (int slot = 0; slot < VS_SLOTS; slot++)
			close_one(&f->slots[c][slot]);
	for (int i = 0; i < VS_BOOT_RINGS; i++) {
		free(f->rings[i].bytes);
		f->rings[i].bytes = NULL;
	}
	vs_openssl_drop(&f->crypto);
	f->machine = NULL;
}

vs_status vs_boot_files_keyring(const char *dir, const struct vs_crypto *crypto,
                                struct vs_keyring *out, char error[static 256])
{
	struct vs_why why = {VS_REASON_UNREADABLE, "cannot be read", 0};
	char path[PATH_MAX];
	uint8_t *raw = NULL;
	size_t len = 0;
	vs_status status;

	if (vs_path_join(path, sizeof(path), dir, "keyring") != VS_OK)
		return too_long(dir, error);
	status = vs_file_read(path, VS_KEYRING_LEN_MAX, &raw, &len);
	if (status == VS_OK)
		status = vs_keyring_open(NULL, crypto, raw, len, out, &why);
	else if (status == VS_ERR_ABSENT)
		why.what = "is not there";
	else if (status == VS_ERR_LIMIT)
		why.what = "is too large";
	if (status != VS_OK)
		snprintf(error, 256, "%.140s: %s (%s)", path, why.what,
		         vs_reason_name(why.code));
	free(raw);
	return status;
}

vs_status
vs_boot_files_provision(const char *dir, const struct vs_machine *m,
                        const uint32_t floors[static VS_BOOT_COMPONENTS_MAX])
{
	static const char *const dirs[] = {"slot-a", "slot-b", "run"};
	char path[PATH_MAX];
	vs_status status = VS_OK;

	for (size_t i = 0; i < sizeof(dirs) / sizeof(*dirs); i++) {
		status = vs_path_join(path, sizeof(path), dir, dirs[i]);
		if (status == VS_OK)
			status = vs_file_mkdirs(path, 0755);
		if (status != VS_OK)
			return status;
	}
	status = vs_path_join(path, sizeof(path), dir, "floor");
	return status != VS_OK ? status : vs_floor_create(path, m, floors);
}

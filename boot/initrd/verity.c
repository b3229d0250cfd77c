/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/initrd/verity.c - a device-mapper table of one target.
 */
#include "boot/initrd/verity.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "seal/tree.h"

#define CONTROL "/dev/mapper/control"
#define SECTOR_LEN 512

/* What an ioctl takes: head, one target, its parameters. */
struct request {
	struct dm_ioctl head;
	struct dm_target_spec target;
	char parameters[VS_VERITY_TABLE_MAX];
};

vs_status vs_verity_table(const struct vs_cmdline_verity *v, const char *device,
                          char out[static VS_VERITY_TABLE_MAX],
                          uint64_t *sectors)
{
	uint64_t blocks = v->image_len / VS_BLOCK_LEN +
	                  (v->image_len % VS_BLOCK_LEN != 0);
	int n = snprintf(out, VS_VERITY_TABLE_MAX,
	                 "1 %s %s %d %d %llu %llu sha256 %s %s", device, device,
	                 VS_BLOCK_LEN, VS_BLOCK_LEN, (unsigned long long)blocks,
	                 (unsigned long long)blocks, v->root, v->salt);

	*sectors = blocks * (VS_BLOCK_LEN / SECTOR_LEN);
	return n < 0 || n >= VS_VERITY_TABLE_MAX ? VS_ERR_LIMIT : VS_OK;
}

static void begin(struct request *r, const char *name)
{
	memset(r, 0, sizeof(*r));
	r->head.version[0] = DM_VERSION_MAJOR;
	r->head.data_size = sizeof(*r);
	r->head.data_start = offsetof(struct request, target);
	snprintf(r->head.name, sizeof(r->head.name), "%s", name);
}

vs_status vs_verity_open(const struct vs_cmdline_verity *v, const char *device,
                         const char *name, char path[static VS_VERITY_PATH_MAX])
{
	struct request r;
	char table[VS_VERITY_TABLE_MAX];
	uint64_t sectors;
	int control;
	bool done;

	if (vs_verity_table(v, device, table, &sectors) != VS_OK)
		return VS_ERR_LIMIT;
	control = open(CONTROL, O_RDWR | O_CLOEXEC);
	if (control < 0)
		return VS_ERR_IO;
	begin(&r, name);
	done = ioctl(control, DM_DEV_CREATE, &r) == 0;
	snprintf(path, VS_VERITY_PATH_MAX, "/dev/dm-%u", minor(r.head.dev));
	begin(&r, name);
	r.head.flags = DM_READONLY_FLAG;
	r.head.target_count = 1;
	r.target.length = sectors;
	snprintf(r.target.target_type, sizeof(r.target.target_type), "verity");
	memcpy(r.parameters, table, sizeof(table));
	done = done && ioctl(control, DM_TABLE_LOAD, &r) == 0;
	begin(&r, name);
	done = done && ioctl(control, DM_DEV_SUSPEND, &r) == 0;
	close(control);
	return done ? VS_OK : VS_ERR_IO;
}

bool vs_verity_corrupted(const char *name)
{
	struct request r;
	int control = open(CONTROL, O_RDWR | O_CLOEXEC);
	bool corrupted = false;

	if (control < 0)
		return false;
	begin(&r, name);
	if (ioctl(control, DM_TABLE_STATUS, &r) == 0 &&
	    r.head.target_count == 1)
		corrupted = r.parameters[0] == 'C';
	close(control);
	return corrupted;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/uefi_verity.c - opens a dm-verity device in an initramfs.
 *
 * usage: verity PARTITION IMAGE_LEN SALT ROOT_HASH
 * Makes /dev/dm-0 of a slot.  Static, by ioctl alone: no libdevmapper, no udev.
 */
#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

enum { BLOCK = 4096, SECTOR = 512 };

static union {
	struct dm_ioctl head;
	char bytes[4096];
} room;

static int control = -1;

static void call(unsigned long request, const char *what)
{
	room.head.version[0] = DM_VERSION_MAJOR;
	room.head.data_size = sizeof(room);
	room.head.data_start = sizeof(room.head);
	snprintf(room.head.name, sizeof(room.head.name), "root");
	if (ioctl(control, request, &room) != 0) {
		perror(what);
		exit(1);
	}
}

static void load_table(char **argv)
{
	unsigned long long len = strtoull(argv[2], NULL, 10);
	unsigned long long blocks = (len + BLOCK - 1) / BLOCK;
	struct dm_target_spec spec = {
		.length = blocks * (BLOCK / SECTOR),
		.target_type = "verity",
	};
	char *at = room.bytes + sizeof(room.head);

	memset(&room, 0, sizeof(room));
	room.head.flags = DM_READONLY_FLAG;
	room.head.target_count = 1;
	memcpy(at, &spec, sizeof(spec));
	snprintf(at + sizeof(spec),
	         sizeof(room) - sizeof(room.head) - sizeof(spec),
	         "1 %s %s %d %d %llu %llu sha256 %s %s", argv[1], argv[1],
	         BLOCK, BLOCK, blocks, blocks, argv[4], argv[3]);
	call(DM_TABLE_LOAD, "DM_TABLE_LOAD");
}

int main(int argc, char **argv)
{
	if (argc != 5)
		return 2;
	control = open("/dev/mapper/control", O_RDWR | O_CLOEXEC);
	if (control < 0) {
		perror("/dev/mapper/control");
		return 1;
	}
	call(DM_DEV_CREATE, "DM_DEV_CREATE");
	load_table(argv);
	memset(&room, 0, sizeof(room));
	call(DM_DEV_SUSPEND, "DM_DEV_SUSPEND");
	return 0;
}

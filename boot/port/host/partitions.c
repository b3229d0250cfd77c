/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/partitions.c - from a partition's name to its device.
 */
#include "boot/port/host/partitions.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"

/* What sysfs counts starts and sizes in, whatever the disk's own blocks. */
#define SYS_SECTOR 512
#define ATTRIBUTE_LEN 1024

/* Reads DIR/NAME, an attribute without a length of its own. */
static bool read_attribute(const char *dir, const char *name,
                           char out[static ATTRIBUTE_LEN])
{
	VS_AUTO(vs_fd_drop) int fd = -1;
	char path[PATH_MAX];
	ssize_t n = -1;

	if (vs_path_join(path, sizeof(path), dir, name) == VS_OK)
		fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	if (fd >= 0)
		n = read(fd, out, ATTRIBUTE_LEN - 1);
	out[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool read_number(const char *dir, const char *name, uint64_t *out)
{
	char text[ATTRIBUTE_LEN];
	char *end;

	if (!read_attribute(dir, name, text) || text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	*out = strtoull(text, &end, 10);
	return errno == 0 && (*end == '\n' || *end == '\0');
}

static vs_status read_blocks(void *ctx, uint64_t block, uint8_t *out,
                             size_t len)
{
	const int *fd_and_len = ctx;

	return vs_file_pread(fd_and_len[0], out, len,
	                     block * (uint64_t)fd_and_len[1]);
}

/* Reads the table of one disk. */
static bool load_table(const char *sys_disk, const char *device,
                       struct vs_gpt *out)
{
	VS_AUTO(vs_fd_drop)
	int fd = open(device, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	uint64_t block_len = SYS_SECTOR;
	char at[PATH_MAX];
	off_t end = fd < 0 ? -1 : lseek(fd, 0, SEEK_END);
	int fd_and_len[2];
	struct vs_gpt_disk disk = {.ctx = fd_and_len, .read = read_blocks};
	struct vs_why why;

	if (end <= 0 ||
	    vs_path_join(at, sizeof(at), sys_disk, "queue") != VS_OK)
		return false;
	if (!read_number(at, "logical_block_size", &block_len) ||
	    block_len < SYS_SECTOR || block_len > VS_GPT_BLOCK_MAX)
		block_len = SYS_SECTOR;
	fd_and_len[0] = fd;
	fd_and_len[1] = (int)block_len;
	disk.block_len = (uint32_t)block_len;
	disk.blocks = (uint64_t)end / block_len;
	return vs_gpt_load(&disk, out, &why) == VS_OK;
}

/* The folder in sysfs of a partition of this disk, or of no partition. */
static bool is_partition(const char *sys_disk, const char *name,
                         char at[static PATH_MAX])
{
	uint64_t number;

	return name[0] != '.' && strlen(name) < VS_NODE_LEN &&
	       vs_path_join(at, PATH_MAX, sys_disk, name) == VS_OK &&
	       read_number(at, "partition", &number);
}

static bool has_partitions(const char *sys_disk)
{
	DIR *dir = opendir(sys_disk);
	const struct dirent *e;
	char at[PATH_MAX];
	bool found = false;

	while (dir && !found && (e = readdir(dir)) != NULL)
		found = is_partition(sys_disk, e->d_name, at);
	if (dir)
		closedir(dir);
	return found;
}

/* The node that a device has below /dev; its name, if sysfs does not say. */
static bool node_of(const char *at, const char *name,
                    char node[static VS_NODE_LEN])
{
	char text[ATTRIBUTE_LEN];
	const char *line = NULL;
	size_t len = strlen(name);

	if (read_attribute(at, "uevent", text))
		line = strstr(text, "DEVNAME=");
	if (line) {
		name = line + strlen("DEVNAME=");
		len = strcspn(name, "\n");
	}
	if (len == 0 || len >= VS_NODE_LEN)
		return false;
	memcpy(node, name, len);
	node[len] = '\0';
	return true;
}

/* Whether this disk's table names a record, which is the disk's mark. */
static bool holds_record(struct vs_partitions *p, const char *name)
{
	struct vs_gpt_partition record;
	char at[PATH_MAX], device[PATH_MAX], node[VS_NODE_LEN];
	struct vs_why why;

	return name[0] != '.' && strlen(name) < VS_NODE_LEN &&
	       vs_path_join(at, sizeof(at), p->sys, name) == VS_OK &&
	       has_partitions(at) && node_of(at, name, node) &&
	       vs_path_join(device, sizeof(device), p->dev, node) == VS_OK &&
	       load_table(at, device, &p->table) &&
	       vs_gpt_find(&p->table, "record", &record, &why) == VS_OK;
}

vs_status vs_partitions_open(struct vs_partitions *p, const char *sys,
                             const char *dev, char error[static 256])
{
	DIR *dir = opendir(sys);
	const struct dirent *e;
	int found = 0;

	memset(p, 0, sizeof(*p));
	p->sys = sys;
	p->dev = dev;
	if (!dir) {
		snprintf(error, 256, "%.160s: %s", sys, strerror(errno));
		return VS_ERR_IO;
	}
	while (found < 2 && (e = readdir(dir)) != NULL) {
		if (!holds_record(p, e->d_name))
			continue;
		if (++found == 2)
			snprintf(error, 256,
			         "%s and %.40s both hold a partition record: "
			         "take the foreign disk away",
			         p->disk, e->d_name);
		snprintf(p->disk, sizeof(p->disk), "%.31s", e->d_name);
	}
	closedir(dir);
	if (found == 1) {
		/* The last table that was read may be another disk's. */
		return holds_record(p, p->disk) ? VS_OK : VS_ERR_IO;
	}
	if (found == 0)
		snprintf(error, 256, "no disk holds a partition record");
	return found == 0 ? VS_ERR_ABSENT : VS_ERR_INPUT;
}

vs_status vs_partitions_find(const struct vs_partitions *p, const char *name,
                             char node[static VS_NODE_LEN])
{
	struct vs_gpt_partition wanted;
	char sys_disk[PATH_MAX], at[PATH_MAX];
	const struct dirent *e;
	struct vs_why why;
	bool found = false;
	DIR *dir;

	node[0] = '\0';
	if (vs_gpt_find(&p->table, name, &wanted, &why) != VS_OK ||
	    vs_path_join(sys_disk, sizeof(sys_disk), p->sys, p->disk) != VS_OK)
		return VS_ERR_ABSENT;
	dir = opendir(sys_disk);
	while (dir && !found && (e = readdir(dir)) != NULL) {
		uint64_t start, size;

		found = is_partition(sys_disk, e->d_name, at) &&
		        read_number(at, "start", &start) &&
		        read_number(at, "size", &size) &&
		        start == wanted.at / SYS_SECTOR &&
		        size == wanted.len / SYS_SECTOR &&
		        node_of(at, e->d_name, node);
	}
	if (dir)
		closedir(dir);
	return found ? VS_OK : VS_ERR_ABSENT;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/initrd/partition.c - sysfs tells names, the partition table ids.
 */
#include "boot/initrd/partition.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define BLOCKS "/sys/class/block"
#define UEVENT_MAX 4096

static bool read_text(const char *path, char out[static UEVENT_MAX])
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd >= 0) {
		n = read(fd, out, UEVENT_MAX - 1);
		close(fd);
	}
	if (n < 0)
		return false;
	out[n] = '\0';
	return true;
}

static bool is_named(const char *block, const char *name)
{
	char path[PATH_MAX];
	char line[VS_GPT_NAME_MAX + 16];
	char text[UEVENT_MAX];
	const char *found;

	snprintf(path, sizeof(path), BLOCKS "/%s/uevent", block);
	if (!read_text(path, text))
		return false;
	snprintf(line, sizeof(line), "\nPARTNAME=%s", name);
	found = strstr(text, line);
	return found &&
	       (found[strlen(line)] == '\n' || found[strlen(line)] == '\0');
}

/* A partition's folder in sysfs is within its disk's. */
static bool find_disk(const char *block, char out[static VS_PARTITION_PATH_MAX])
{
	char path[PATH_MAX];
	char real[PATH_MAX];
	char *end;
	int n;

	snprintf(path, sizeof(path), BLOCKS "/%s", block);
	if (!realpath(path, real))
		return false;
	end = strrchr(real, '/');
	if (!end)
		return false;
	*end = '\0';
	end = strrchr(real, '/');
	n = snprintf(out, VS_PARTITION_PATH_MAX, "/dev/%s", end ? end + 1 : "");
	return end && n < VS_PARTITION_PATH_MAX;
}

struct file {
	int fd;
	uint32_t block_len;
};

static vs_status read_blocks(void *ctx, uint64_t block, uint8_t *out,
                             size_t len)
{
	const struct file *f = ctx;
	off_t at = (off_t)(block * f->block_len);

	while (len > 0) {
		ssize_t n = pread(f->fd, out, len, at);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return VS_ERR_IO;
		out += n;
		at += n;
		len -= (size_t)n;
	}
	return VS_OK;
}

/* Two of one name on a disk count as none, as they do for the loader. */
static bool has_id(const char *disk, const char *name, const uint8_t *id)
{
	static struct vs_gpt table;
	struct file f = {open(disk, O_RDONLY | O_CLOEXEC), 0};
	struct vs_gpt_disk d = {.ctx = &f, .read = read_blocks};
	struct vs_gpt_partition found;
	struct vs_why why;
	unsigned long long len = 0;
	int block_len = 0;
	bool same = false;

	if (f.fd < 0)
		return false;
	if (ioctl(f.fd, BLKSSZGET, &block_len) == 0 && block_len > 0 &&
	    ioctl(f.fd, BLKGETSIZE64, &len) == 0) {
		f.block_len = d.block_len = (uint32_t)block_len;
		d.blocks = len / d.block_len;
		same = vs_gpt_load(&d, &table, &why) == VS_OK &&
		       vs_gpt_find(&table, name, &found, &why) == VS_OK &&
		       (!id || memcmp(found.id, id, VS_GPT_ID_LEN) == 0);
	}
	close(f.fd);
	return same;
}

vs_status vs_partition_find(const char *name, const char *disk,
                            const uint8_t *id, struct vs_partition *out)
{
	DIR *dir = opendir(BLOCKS);
	struct dirent *e;
	vs_status status = VS_ERR_ABSENT;

	while (dir && status != VS_OK && (e = readdir(dir))) {
		int n = snprintf(out->device, sizeof(out->device), "/dev/%.48s",
		                 e->d_name);

		if (e->d_name[0] == '.' || n >= (int)sizeof(out->device) ||
		    !is_named(e->d_name, name) ||
		    !find_disk(e->d_name, out->disk))
			continue;
		if ((!disk || strcmp(disk, out->disk) == 0) &&
		    has_id(out->disk, name, id))
			status = VS_OK;
	}
	if (dir)
		closedir(dir);
	return status;
}

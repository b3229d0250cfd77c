/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/disk.c - reading and writing a slot.
 */
#include "agent/slots/disk.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"

#define STEP (UINT64_C(1) << 20)
#define LAG (UINT64_C(8) << 20)
#define DIRECT_MIN 65536 /* less is quicker by way of the page cache */
#define DIRECT_ALIGN 4096

static vs_status real_read(void *ctx, int fd, void *out, size_t len,
                           uint64_t at)
{
	(void)ctx;
	return vs_file_pread(fd, out, len, at);
}

static vs_status real_write(void *ctx, int fd, const void *in, size_t len,
                            uint64_t at)
{
	(void)ctx;
	return vs_file_pwrite(fd, in, len, at);
}

static vs_status real_sync(void *ctx, int fd)
{
	(void)ctx;
	return vs_file_sync(fd);
}

const struct vs_disk_ops vs_disk_default = {NULL, real_read, real_write,
                                            real_sync};

/* The same file once more, not by its name, which may be another's by now.
 * Without it all goes by way of the page cache.
 */
static int open_direct(int fd)
{
	char path[32];
	int direct;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	direct = open(path, O_RDONLY | O_DIRECT | O_CLOEXEC | O_NOCTTY);
	return direct > 0 ? direct : 0;
}

vs_status vs_disk_open(struct vs_disk *d, const char *path, bool write,
                       const struct vs_disk_ops *ops)
{
	off_t end;

	d->ops = ops ? ops : &vs_disk_default;
	d->len = 0;
	d->direct = 0;
	/* EXCL: not a block device that something else holds, such as a slot
	 * under dm-verity.  Of a file that is there it asks nothing. */
	d->fd = open(path, (write ? O_RDWR | O_EXCL : O_RDONLY) | O_CLOEXEC |
	                           O_NOCTTY);
	if (d->fd < 0)
		return errno == ENOENT ? VS_ERR_ABSENT : VS_ERR_IO;
	/* The same for a file and for a block device. */
	end = lseek(d->fd, 0, SEEK_END);
	if (end < 0) {
		vs_disk_close(d);
		return VS_ERR_IO;
	}
	d->len = (uint64_t)end;
	d->direct = open_direct(d->fd);
	return VS_OK;
}

void vs_disk_close(struct vs_disk *d)
{
	if (d->fd >= 0)
		close(d->fd);
	if (d->fd >= 0 && d->direct > 0)
		close(d->direct);
	d->fd = -1;
	d->direct = 0;
}

static bool inside(const struct vs_disk *d, size_t len, uint64_t at)
{
	return at <= d->len && len <= d->len - at;
}

static bool is_for_direct(const struct vs_disk *d, const void *out, size_t len,
                          uint64_t at)
{
	return d->direct > 0 && len >= DIRECT_MIN &&
	       ((uintptr_t)out | len | at) % DIRECT_ALIGN == 0;
}

vs_status vs_disk_read(const struct vs_disk *d, void *out, size_t len,
                       uint64_t at)
{
	if (!inside(d, len, at))
		return VS_ERR_IO;
	if (is_for_direct(d, out, len, at)) {
		vs_status status =
			d->ops->read(d->ops->ctx, d->direct, out, len, at);

		/* a disk whose blocks are larger than ours */
		if (status == VS_OK || errno != EINVAL)
			return status;
	}
	return d->ops->read(d->ops->ctx, d->fd, out, len, at);
}

vs_status vs_disk_write(const struct vs_disk *d, const void *in, size_t len,
                        uint64_t at)
{
	if (!inside(d, len, at))
		return VS_ERR_IO;
	return d->ops->write(d->ops->ctx, d->fd, in, len, at);
}

vs_status vs_disk_sync(const struct vs_disk *d)
{
	return d->ops->sync(d->ops->ctx, d->fd);
}

const char *vs_disk_fault(void)
{
	switch (errno) {
	case ENOSPC:
	case EDQUOT:
	case EFBIG:
		return "no space is left for the slot";
	case EROFS:
	case EACCES:
	case EPERM:
		return "the slot may not be written";
	default:
		return "the slot cannot be read or written";
	}
}

void vs_disk_behind(const struct vs_disk *d, uint64_t end)
{
	off_t at;

	if (end % STEP != 0 || end == 0)
		return;
	(void)sync_file_range(d->fd, (off_t)(end - STEP), (off_t)STEP,
	                      SYNC_FILE_RANGE_WRITE);
	if (end < LAG + STEP)
		return;
	at = (off_t)(end - LAG - STEP);
	(void)sync_file_range(d->fd, at, (off_t)STEP,
	                      SYNC_FILE_RANGE_WAIT_BEFORE |
	                              SYNC_FILE_RANGE_WRITE |
	                              SYNC_FILE_RANGE_WAIT_AFTER);
	(void)posix_fadvise(d->fd, at, (off_t)STEP, POSIX_FADV_DONTNEED);
}

void vs_disk_push(const struct vs_disk *d, uint64_t at, uint64_t len)
{
	uint64_t end = at + 4096;
	uint64_t first = end > len ? end - len : 0;

	(void)sync_file_range(d->fd, (off_t)first, (off_t)(end - first),
	                      SYNC_FILE_RANGE_WRITE);
}

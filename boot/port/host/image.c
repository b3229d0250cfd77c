/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/image.c - loop device and mounts by system calls alone.
 */
#include "boot/port/host/image.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/loop.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/file.h"

enum { LOOP_ATTEMPTS = 64, LOOP_MAJOR = 7 };

static vs_status fail(char error[static 256], const char *what,
                      const char *path)
{
	int code = errno;

	snprintf(error, 256, "%s %.150s: %s", what, path, strerror(code));
	return VS_ERR_IO;
}

vs_status vs_image_seclude(char error[static 256])
{
	if (unshare(CLONE_NEWNS) != 0)
		return fail(error, "cannot make a mount namespace for", "/");
	if (mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0)
		return fail(error, "cannot make mounts private under", "/");
	return VS_OK;
}

/* Opens loop device n; where /dev is not the kernel's own it may lack the
 * node of a device that was just made.
 */
static int open_loop(int n, char *path, size_t cap)
{
	int fd;

	snprintf(path, cap, "/dev/loop%d", n);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0 || errno != ENOENT)
		return fd;
	if (mknod(path, S_IFBLK | 0600, makedev(LOOP_MAJOR, (unsigned)n)) != 0)
		return -1;
	return open(path, O_RDONLY | O_CLOEXEC);
}

/* Gives the loop device's descriptor, or -1 with errno.  Another process may
 * take a free device first: then the next one.
 */
static int attach(int slot, uint64_t len, char *path, size_t cap)
{
	struct loop_config config = {
		.fd = (uint32_t)slot,
		.info = {.lo_sizelimit = len,
	                 .lo_flags = LO_FLAGS_READ_ONLY | LO_FLAGS_AUTOCLEAR},
	};
	int control = open("/dev/loop-control", O_RDWR | O_CLOEXEC);
	int loop = -1;

	if (control < 0)
		return -1;
	for (int i = 0; i < LOOP_ATTEMPTS && loop < 0; i++) {
		int n = ioctl(control, LOOP_CTL_GET_FREE);
		int code;

		if (n < 0)
			break;
		loop = open_loop(n, path, cap);
		if (loop < 0)
			break;
		if (ioctl(loop, LOOP_CONFIGURE, &config) == 0)
			break;
		code = errno;
		close(loop);
		loop = -1;
		errno = code;
		if (code != EBUSY)
			break;
	}
	vs_fd_drop(&control);
	return loop;
}

static bool join(char *out, size_t cap, const char *root, const char *name,
                 bool *there)
{
	struct stat st;

	*there = vs_path_join(out, cap, root, name) == VS_OK &&
	         stat(out, &st) == 0 && S_ISDIR(st.st_mode);
	return *there;
}

/* A /dev with the five nodes any program may expect. */
static vs_status mount_dev(const char *root, char error[static 256])
{
	static const char *const nodes[] = {"null", "zero", "full", "random",
	                                    "urandom"};
	char from[PATH_MAX];
	char to[PATH_MAX];
	bool there;

	if (!join(to, sizeof(to), root, "dev", &there))
		return VS_OK;
	if (mount("tmpfs", to, "tmpfs", MS_NOSUID | MS_NOEXEC,
	          "size=64k,mode=755") != 0)
		return fail(error, "cannot mount", to);
	for (size_t i = 0; i < sizeof(nodes) / sizeof(*nodes); i++) {
		int fd;

		if (snprintf(to, sizeof(to), "%s/dev/%s", root, nodes[i]) >=
		    (int)sizeof(to))
			return VS_ERR_LIMIT;
		snprintf(from, sizeof(from), "/dev/%s", nodes[i]);
		fd = open(to, O_CREAT | O_WRONLY | O_CLOEXEC, 0666);
		if (fd < 0)
			return fail(error, "cannot make", to);
		close(fd);
		if (mount(from, to, NULL, MS_BIND, NULL) != 0)
			return fail(error, "cannot bind", to);
	}
	return VS_OK;
}

static vs_status mount_inside(const char *root, const char *run,
                              char error[static 256])
{
	char to[PATH_MAX];
	bool there;
	vs_status status = mount_dev(root, error);

	if (status != VS_OK)
		return status;
	if (!join(to, sizeof(to), root, "run", &there)) {
		snprintf(error, 256, "the image has no /run");
		return VS_ERR_IO;
	}
	if (mount(run, to, NULL, MS_BIND, NULL) != 0)
		return fail(error, "cannot bind", to);
	if (join(to, sizeof(to), root, "proc", &there) &&
	    mount("/proc", to, NULL, MS_BIND | MS_REC, NULL) != 0)
		return fail(error, "cannot bind", to);
	if (join(to, sizeof(to), root, "tmp", &there) &&
	    mount("tmpfs", to, "tmpfs", MS_NOSUID | MS_NODEV,
	          "size=16m,mode=1777") != 0)
		return fail(error, "cannot mount", to);
	return VS_OK;
}

vs_status vs_image_mount(int slot, uint64_t len, const char *root,
                         const char *run, char error[static 256])
{
	char device[32] = "/dev/loop-control";
	int loop = attach(slot, len, device, sizeof(device));
	vs_status status;

	if (loop < 0) {
		(void)fail(error, "no loop device can be had:", device);
		return VS_ERR_ABSENT;
	}
	/* noload: the image is verified and whole, and cannot be replayed. */
	if (mount(device, root, "ext4", MS_RDONLY | MS_NOSUID | MS_NODEV,
	          "noload") != 0)
		status = fail(error, "cannot mount the image on", root);
	else
		status = mount_inside(root, run, error);
	/* The mount holds the device from here on; without it, it clears. */
	close(loop);
	if (status != VS_OK)
		vs_image_unmount(root);
	return status;
}

void vs_image_unmount(const char *root)
{
	/* Detached: a process that will not die must not hold up a reboot. */
	(void)umount2(root, MNT_DETACH);
}

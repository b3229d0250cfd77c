/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/initrd/init.c - the initrd's only program: from the loader's verdict to
 * a root file system under dm-verity.
 *
 * What is started is what the loader verified: nothing but the root hash of
 * the command line decides which blocks are read.  Whatever fails makes the
 * slot BAD and resets the machine; there is no shell to fall into.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/watchdog.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/reboot.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "boot/initrd/cmdline.h"
#include "boot/initrd/giveup.h"
#include "boot/initrd/partition.h"
#include "boot/initrd/verity.h"

#define ROOT "/sysroot"
#define INIT "/sbin/init"
#define RECOVERY_INIT "/sbin/recovery"
#define MODULES "/modules"

enum {
	PAUSE_NS = 20 * 1000 * 1000,
	PATIENCE_S = 20, /* for a disk to appear */
	TELL_S = 1,      /* for a person to read why */
	NAME_MAX_LEN = 128,
};

static struct vs_cmdline words;
static struct vs_partition root_partition;

static void say(const char *format, ...) VS_PRINTF(1, 2);
static void say(const char *format, ...)
{
	va_list args;

	fputs("voltseal-init: ", stderr);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static void rest(long ns)
{
	const struct timespec pause = {ns / 1000000000L, ns % 1000000000L};

	nanosleep(&pause, NULL);
}

/* The record lies on the root's disk; if that was not found, on any. */
static bool open_record(int *fd)
{
	struct vs_partition p;
	const char *disk =
		root_partition.disk[0] != '\0' ? root_partition.disk : NULL;

	if (vs_partition_find("record", disk, NULL, &p) != VS_OK)
		return false;
	*fd = open(p.device, O_RDWR | O_CLOEXEC);
	return *fd >= 0;
}

static _Noreturn void give_up(vs_reason reason)
{
	vs_status status;
	int fd;

	if (!open_record(&fd)) {
		say("the boot record's partition cannot be opened");
	} else {
		status = vs_giveup_write(fd, words.slot, reason);
		if (words.slot >= 0 && status == VS_OK)
			say("slot %c is given up: %s", 'a' + words.slot,
			    vs_reason_name(reason));
		else if (status != VS_OK)
			say("the boot record: %s", vs_status_name(status));
		close(fd);
	}
	say("resets");
	sync();
	rest(TELL_S * 1000000000L);
	reboot(RB_AUTOBOOT);
	_exit(1);
}

static void mount_or_give_up(const char *what, const char *where,
                             const char *type)
{
	if (mkdir(where, 0755) != 0 && errno != EEXIST)
		say("%s: %s", where, strerror(errno));
	if (mount(what, where, type, MS_NOSUID, NULL) == 0)
		return;
	say("%s: %s", where, strerror(errno));
	give_up(VS_REASON_BOOT_FAILED);
}

static void read_command_line(void)
{
	char line[VS_CMDLINE_MAX + 1];
	struct vs_why why = {VS_REASON_MALFORMED, "cannot be read", 0};
	int fd = open("/proc/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t len = fd < 0 ? -1 : read(fd, line, sizeof(line));

	if (fd >= 0)
		close(fd);
	if (len >= 0 &&
	    vs_cmdline_decode(line, (size_t)len, &words, &why) == VS_OK)
		return;
	say("/proc/cmdline: %s, at %zu", why.what, why.at);
	give_up(why.code);
}

static void load_module(const char *name)
{
	char path[NAME_MAX_LEN + sizeof(MODULES) + 8];
	int fd;

	snprintf(path, sizeof(path), MODULES "/%s.ko", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	/* A driver of a device that is not here says so; that is no fault. */
	if (fd < 0 || (syscall(SYS_finit_module, fd, "", 0) != 0 &&
	               errno != EEXIST && errno != ENODEV))
		say("module %s: %s", name, strerror(errno));
	if (fd >= 0)
		close(fd);
	unlink(path); /* its memory is wanted again */
}

/* In the order of MODULES/order, a name a line; without it there are none. */
static void load_modules(void)
{
	char name[NAME_MAX_LEN];
	FILE *order = fopen(MODULES "/order", "re");

	while (order && fgets(name, sizeof(name), order)) {
		name[strcspn(name, "\n")] = '\0';
		load_module(name);
	}
	if (order)
		fclose(order);
}

/* Closed without the letter that would stop it: it runs on until the system
 * feeds it, and resets the machine if that does not come so far.
 */
static void arm_watchdog(void)
{
	int seconds = (int)words.watchdog_s;
	int fd;

	if (seconds == 0)
		return;
	fd = open("/dev/watchdog0", O_WRONLY | O_CLOEXEC);
	if (fd < 0 || ioctl(fd, WDIOC_SETTIMEOUT, &seconds) != 0) {
		say("watchdog: %s", strerror(errno));
		give_up(VS_REASON_BOOT_FAILED);
	}
	close(fd);
}

static bool wait_for_partition(const struct vs_cmdline_verity *v,
                               struct vs_partition *out)
{
	for (long waited = 0; waited < PATIENCE_S * (1000000000L / PAUSE_NS);
	     waited++) {
		if (vs_partition_find(v->partition, NULL, v->id, out) == VS_OK)
			return true;
		rest(PAUSE_NS);
	}
	return false;
}

/* "rootfs-a" is the component rootfs: a device of that name. */
static void name_of(const struct vs_cmdline_verity *v, char *out, size_t cap)
{
	int len = (int)strlen(v->partition);

	if (len > 2 && v->partition[len - 2] == '-')
		len -= 2;
	snprintf(out, cap, "%.*s", len, v->partition);
}

/* Opens them all; gives the path of the first one, which is the root. */
static void open_all(char path[static VS_VERITY_PATH_MAX])
{
	for (int i = 0; i < words.verity_count; i++) {
		const struct vs_cmdline_verity *v = &words.verity[i];
		char name[VS_GPT_NAME_MAX + 1];
		char node[VS_VERITY_PATH_MAX];
		struct vs_partition p;

		name_of(v, name, sizeof(name));
		if (!wait_for_partition(v, &p)) {
			say("there is no partition %s", v->partition);
			give_up(VS_REASON_UNREADABLE);
		}
		if (i == 0)
			root_partition = p;
		if (vs_verity_open(v, p.device, name, node) != VS_OK) {
			say("%s: dm-verity: %s", p.device, strerror(errno));
			give_up(VS_REASON_BOOT_FAILED);
		}
		if (i == 0)
			snprintf(path, VS_VERITY_PATH_MAX, "%s", node);
	}
}

static void mount_root(const char *device)
{
	static const struct {
		const char *type, *options;
	} kinds[] = {
		{"squashfs", ""      },
		{"erofs",    ""      },
		{"ext4",     "noload"},
	};
	char name[VS_GPT_NAME_MAX + 1];

	mkdir(ROOT, 0755);
	for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++)
		if (mount(device, ROOT, kinds[i].type, MS_RDONLY,
		          kinds[i].options) == 0)
			return;
	name_of(&words.verity[0], name, sizeof(name));
	say("%s cannot be mounted: %s", root_partition.device, strerror(errno));
	give_up(vs_verity_corrupted(name) ? VS_REASON_CLUSTER_MISMATCH
	                                  : VS_REASON_BOOT_FAILED);
}

/* Takes the mounts along.  The initramfs stays below, nearly empty. */
static void switch_root(void)
{
	static const char *const mounts[] = {"/dev", "/proc", "/sys"};

	for (size_t i = 0; i < sizeof(mounts) / sizeof(mounts[0]); i++) {
		char to[sizeof(ROOT) + 8];

		snprintf(to, sizeof(to), ROOT "%s", mounts[i]);
		if (mount(mounts[i], to, NULL, MS_MOVE, NULL) != 0) {
			say("%s: %s", to, strerror(errno));
			give_up(VS_REASON_BOOT_FAILED);
		}
	}
	if (chdir(ROOT) != 0 || mount(".", "/", NULL, MS_MOVE, NULL) != 0 ||
	    chroot(".") != 0 || chdir("/") != 0) {
		say("root: %s", strerror(errno));
		give_up(VS_REASON_BOOT_FAILED);
	}
}

static _Noreturn void start(const char *program)
{
	static char path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	static char name[] = "init";
	char *const argv[] = {name, NULL};
	char *const env[] = {path, NULL};

	execve(program, argv, env);
	say("%s: %s", program, strerror(errno));
	give_up(vs_verity_corrupted("rootfs") ? VS_REASON_CLUSTER_MISMATCH
	                                      : VS_REASON_BOOT_FAILED);
}

int main(void)
{
	char device[VS_VERITY_PATH_MAX];

	if (getpid() != 1) {
		fputs("voltseal-init: only the kernel starts this\n", stderr);
		return 2;
	}
	words.slot = -1;
	mount_or_give_up("proc", "/proc", "proc");
	mount_or_give_up("sysfs", "/sys", "sysfs");
	mount_or_give_up("devtmpfs", "/dev", "devtmpfs");
	load_modules();
	read_command_line();
	arm_watchdog();
	if (words.recovery)
		start(RECOVERY_INIT);
	open_all(device);
	mount_root(device);
	say("slot %c, %s under dm-verity", 'a' + words.slot,
	    root_partition.device);
	switch_root();
	start(INIT);
}

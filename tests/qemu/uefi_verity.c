/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/uefi_verity.c - opens a dm-verity device in an initramfs.
 *
 * usage: verity PARTITION IMAGE_LEN SALT ROOT_HASH
 * Makes /dev/dm-0 of a slot, by ioctl alone: no libdevmapper, no udev, and no
 * libc, so that one compiler makes it for every machine.
 */
#include <stddef.h>
#include <stdint.h>

enum {
	BLOCK = 4096,
	SECTOR = 512,
	ROOM = 4096,
	READ_WRITE = 2,
	AT_CWD = -100,
	ERRORS = 2,
};

/* Linux, include/uapi/linux/dm-ioctl.h */
struct dm_ioctl {
	uint32_t version[3];
	uint32_t data_size;
	uint32_t data_start;
	uint32_t target_count;
	int32_t open_count;
	uint32_t flags;
	uint32_t event;
	uint32_t padding;
	uint64_t device;
	char name[128];
	char uuid[129];
	char data[7];
};

struct dm_target {
	uint64_t start;
	uint64_t sectors;
	int32_t status;
	uint32_t next;
	char type[16];
};

enum { DEV_CREATE = 3, DEV_SUSPEND = 6, TABLE_LOAD = 9, READ_ONLY = 1 };

/* _IOWR(0xfd, number, struct dm_ioctl) */
#define REQUEST(number) (0xc138fd00L + (number))
_Static_assert(sizeof(struct dm_ioctl) == 0x138, "as Linux has it");

long sys_openat(long folder, const char *path, long flags, long mode);
long sys_ioctl(long fd, long request, void *argument);
long sys_write(long fd, const void *in, size_t len);
_Noreturn void sys_exit(long code);
_Noreturn void start(const long *stack);

static union {
	struct {
		struct dm_ioctl head;
		struct dm_target target;
		char parameters[ROOM / 2];
	};
	char bytes[ROOM];
} room;

static void put_text(char **to, const char *text)
{
	while (*text != '\0')
		*(*to)++ = *text++;
	*(*to)++ = ' ';
}

static void put_number(char **to, uint64_t n)
{
	char digits[24];
	size_t at = sizeof(digits) - 1;

	digits[at] = '\0';
	do
		digits[--at] = (char)('0' + n % 10);
	while ((n /= 10) != 0);
	put_text(to, digits + at);
}

static uint64_t get_number(const char *text)
{
	uint64_t n = 0;

	while (*text >= '0' && *text <= '9')
		n = 10 * n + (uint64_t)(*text++ - '0');
	return n;
}

static void clear(void)
{
	for (volatile char *p = room.bytes; p < room.bytes + ROOM; p++)
		*p = 0;
	room.head.version[0] = 4;
	room.head.data_size = sizeof(room);
	room.head.data_start = sizeof(room.head);
	room.head.name[0] = 'r';
}

static void call(long control, long number, const char *what)
{
	size_t len = 0;

	if (sys_ioctl(control, REQUEST(number), &room) >= 0)
		return;
	while (what[len] != '\0')
		len++;
	(void)sys_write(ERRORS, what, len);
	sys_exit(1);
}

static void put_table(char **words)
{
	char *to = room.parameters;
	uint64_t blocks = (get_number(words[2]) + BLOCK - 1) / BLOCK;

	room.head.flags = READ_ONLY;
	room.head.target_count = 1;
	room.target.sectors = blocks * (BLOCK / SECTOR);
	for (size_t i = 0; i < 6; i++)
		room.target.type[i] = "verity"[i];
	put_text(&to, "1");
	put_text(&to, words[1]);
	put_text(&to, words[1]);
	put_number(&to, BLOCK);
	put_number(&to, BLOCK);
	put_number(&to, blocks);
	put_number(&to, blocks);
	put_text(&to, "sha256");
	put_text(&to, words[4]);
	put_text(&to, words[3]);
	to[-1] = '\0';
}

void start(const long *stack)
{
	char **words = (char **)(uintptr_t)(stack + 1);
	long control = sys_openat(AT_CWD, "/dev/mapper/control", READ_WRITE, 0);

	if (stack[0] != 5 || control < 0)
		sys_exit(2);
	clear();
	call(control, DEV_CREATE, "verity: cannot make a device\n");
	clear();
	put_table(words);
	call(control, TABLE_LOAD, "verity: cannot load its table\n");
	clear();
	call(control, DEV_SUSPEND, "verity: cannot start it\n");
	sys_exit(0);
}

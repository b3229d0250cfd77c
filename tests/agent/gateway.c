/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/gateway.c - a gateway whose loader is the UEFI one, in files.
 */
#include "tests/agent/gateway.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/confine/places.h"
#include "base/file.h"
#include "boot/crc.h"
#include "boot/decision.h"
#include "seal/bytes.h"

enum {
	SECTOR = 512,
	ALIGN = 2048, /* sectors */
	TABLE_LEN = 128 * 128,
	HEADER_LEN = 92,
	RECORD_LEN = 16384,
	RING_LEN = 68 * 4096,
};

struct gateway gateway;

static char sys_block[PATH_MAX], dev[PATH_MAX], efivars[PATH_MAX];

const struct vs_places vs_places = {sys_block, dev, efivars, "/"};

static const char variable[] =
	"efivars/VoltsealDecision-c52002e5-85b0-414a-8449-59f4e4c98f86";

static const uint8_t own_type[16] = {0xb0, 0x8e, 0xd7, 0xe3, 0xf7, 0xf8,
                                     0x50, 0x4d, 0x9f, 0xfe, 0xbd, 0x10,
                                     0x5b, 0x7e, 0x34, 0x59};

static const char machine[] = "vehicle = CP-0001\n"
			      "storage = uefi\n"
			      "charger_component = gateway\n"
			      "component.gateway.hardware = gw-rev3\n"
			      "component.controller.hardware = ct-rev1\n";

struct gateway_part *gateway_find(const char *name)
{
	for (int i = 0; i < gateway.count; i++)
		if (strcmp(gateway.parts[i].name, name) == 0)
			return &gateway.parts[i];
	return NULL;
}

const char *gateway_node(const char *name, char out[static 64])
{
	const struct gateway_part *p = gateway_find(name);

	assert_non_null(p);
	snprintf(out, 64, "dev/vda%d", (int)(p - gateway.parts) + 1);
	return out;
}

static uint64_t sectors(const struct gateway_part *p)
{
	return p->len / SECTOR;
}

/* Where partition i begins, in sectors. */
static uint64_t start_of(int i)
{
	uint64_t at = ALIGN;

	for (int k = 0; k < i; k++)
		at += (sectors(&gateway.parts[k]) + ALIGN - 1) / ALIGN * ALIGN;
	return at;
}

static void put_entry(uint8_t *out, int i)
{
	const struct gateway_part *p = &gateway.parts[i];

	memcpy(out, own_type, 16);
	out[0] ^= p->foreign;
	memset(out + 16, i + 1, 16);
	put64(out + 32, start_of(i));
	put64(out + 40, start_of(i) + sectors(p) - 1);
	for (size_t k = 0; p->name[k]; k++)
		put16(out + 56 + 2 * k, (uint8_t)p->name[k]);
}

static void put_header(uint8_t *out, const uint8_t *entries, uint64_t blocks)
{
	memcpy(out, "EFI PART", 8);
	put32(out + 8, 0x10000);
	put32(out + 12, HEADER_LEN);
	put64(out + 24, 1);
	put64(out + 32, blocks - 1);
	put64(out + 40, 34);
	put64(out + 48, blocks - 34);
	put64(out + 72, 2);
	put32(out + 80, 128);
	put32(out + 84, 128);
	put32(out + 88, vs_crc32(entries, TABLE_LEN));
	put32(out + 16, vs_crc32(out, HEADER_LEN));
}

/* So that partx takes it for such a table. */
static void put_protective(uint8_t *out, uint64_t blocks)
{
	out[446 + 4] = 0xee;
	put32(out + 446 + 8, 1);
	put32(out + 446 + 12, (uint32_t)blocks - 1);
	put16(out + 510, 0xaa55);
}

static void put_table(const char *disk)
{
	static uint8_t raw[2 * SECTOR + TABLE_LEN];
	uint64_t blocks = start_of(gateway.count) + ALIGN;
	char name[64], path[PATH_MAX];
	int fd;

	memset(raw, 0, sizeof(raw));
	put_protective(raw, blocks);
	for (int i = 0; i < gateway.count; i++)
		put_entry(raw + 2 * SECTOR + (size_t)i * 128, i);
	put_header(raw + SECTOR, raw + 2 * SECTOR, blocks);
	snprintf(name, sizeof(name), "dev/%s", disk);
	fd = open(maker_path(gateway.maker, name, path),
	          O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(vs_file_pwrite(fd, raw, sizeof(raw), 0), VS_OK);
	assert_int_equal(ftruncate(fd, (off_t)(blocks * SECTOR)), 0);
	close(fd);
}

static void put_attribute(const char *folder, const char *name,
                          const char *text)
{
	char file[PATH_MAX], path[PATH_MAX];

	assert_int_equal(
		vs_file_mkdirs(maker_path(gateway.maker, folder, path), 0700),
		VS_OK);
	snprintf(file, sizeof(file), "%s/%s", folder, name);
	maker_put(gateway.maker, file, text, strlen(text));
}

static void show_part(const char *disk, int i)
{
	const struct gateway_part *p = &gateway.parts[i];
	char folder[96], text[160];

	snprintf(folder, sizeof(folder), "sys/%s/%s%d", disk, disk, i + 1);
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)start_of(i));
	put_attribute(folder, "start", text);
	snprintf(text, sizeof(text), "%llu\n", (unsigned long long)sectors(p));
	put_attribute(folder, "size", text);
	snprintf(text, sizeof(text),
	         "MAJOR=254\nMINOR=%d\nDEVNAME=%s%d\nDEVTYPE=partition\n"
	         "PARTN=%d\nPARTNAME=%s\n",
	         i + 1, disk, i + 1, i + 1, p->name);
	put_attribute(folder, "uevent", text);
	/* A disk has folders that are no partitions too. */
	if (p->hidden) {
		char name[160], path[PATH_MAX];

		snprintf(name, sizeof(name), "%s/partition", folder);
		(void)unlink(maker_path(gateway.maker, name, path));
		return;
	}
	snprintf(text, sizeof(text), "%d\n", i + 1);
	put_attribute(folder, "partition", text);
}

void gateway_show(const char *disk)
{
	char folder[64], text[64];

	put_table(disk);
	snprintf(folder, sizeof(folder), "sys/%s", disk);
	snprintf(text, sizeof(text), "DEVNAME=%s\nDEVTYPE=disk\n", disk);
	put_attribute(folder, "uevent", text);
	snprintf(folder, sizeof(folder), "sys/%s/queue", disk);
	put_attribute(folder, "logical_block_size", "512\n");
	for (int i = 0; i < gateway.count; i++)
		show_part(disk, i);
}

/* Makes a partition of what a file holds, as it is; the file goes. */
static void fill_part(const char *name, uint64_t len, const char *from)
{
	struct gateway_part *p = &gateway.parts[gateway.count++];
	char node[64], path[PATH_MAX], old[PATH_MAX];
	int fd;

	snprintf(p->name, sizeof(p->name), "%s", name);
	p->len = len;
	p->foreign = p->hidden = false;
	gateway_node(name, node);
	maker_path(gateway.maker, node, path);
	if (from)
		assert_int_equal(
			rename(maker_path(gateway.maker, from, old), path), 0);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_true(lseek(fd, 0, SEEK_END) <= (off_t)len);
	assert_int_equal(ftruncate(fd, (off_t)len), 0);
	close(fd);
}

static void place(char *out, const char *name)
{
	maker_path(gateway.maker, name, out);
	assert_int_equal(vs_file_mkdirs(out, 0700), VS_OK);
}

void gateway_make(const struct maker *m, uint32_t floor)
{
	static const char *const gone[] = {"charger/slot-a", "charger/slot-b",
	                                   "charger/floor", "charger/keyring-0",
	                                   "charger/keyring-1"};
	struct gateway_firmware *f =
		mmap(NULL, sizeof(*f), PROT_READ | PROT_WRITE,
	             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	char path[PATH_MAX];

	assert_ptr_not_equal(f, MAP_FAILED);
	gateway = (struct gateway){.maker = m, .firmware = f};
	f->floors[0] = f->floors[1] = floor;
	place(sys_block, "sys");
	place(dev, "dev");
	place(efivars, "efivars");
	fill_part("esp", 1 << 20, NULL);
	gateway.parts[0].foreign = true;
	fill_part("record", RECORD_LEN, "charger/boot-record");
	fill_part("keyring-0", RING_LEN, NULL);
	fill_part("keyring-1", RING_LEN, NULL);
	fill_part("gateway-a", MAKER_SLOT_LEN, "charger/slot-a/gateway");
	fill_part("gateway-b", MAKER_SLOT_LEN, "charger/slot-b/gateway");
	fill_part("controller-a", MAKER_SLOT_LEN, "charger/slot-a/controller");
	fill_part("controller-b", MAKER_SLOT_LEN, "charger/slot-b/controller");
	gateway_show("vda");
	for (size_t i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
		(void)remove(maker_path(m, gone[i], path));
	maker_put(m, "charger/machine.conf", machine, sizeof(machine) - 1);
}

/* Runs a program; its first line of output goes to line. */
static bool run(const char *const *words, char *line, size_t cap)
{
	int fds[2], status;
	ssize_t n;
	pid_t pid;

	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	fflush(NULL);
	pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		if (dup2(fds[1], 1) >= 0 && dup2(null, 2) >= 0)
			execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	close(fds[1]);
	n = read(fds[0], line, cap - 1);
	line[n > 0 ? n : 0] = '\0';
	line[strcspn(line, "\n")] = '\0';
	close(fds[0]);
	return waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
	       WEXITSTATUS(status) == 0;
}

#define RUN(line, ...)                                                         \
	run((const char *const[]){__VA_ARGS__, NULL}, line, sizeof(line))

/* What partition i's stand-in holds, where the table says that it lies. */
static void move_in(int i)
{
	char name[64], path[PATH_MAX], disk[PATH_MAX], real[64];
	uint8_t *bytes;
	size_t len;
	int fd = open(maker_path(gateway.maker, "dev/vda", disk),
	              O_WRONLY | O_CLOEXEC);

	snprintf(name, sizeof(name), "dev/vda%d", i + 1);
	maker_path(gateway.maker, name, path);
	assert_int_equal(vs_file_read(path, MAKER_SLOT_LEN, &bytes, &len),
	                 VS_OK);
	assert_int_equal(vs_file_pwrite(fd, bytes, len, start_of(i) * SECTOR),
	                 VS_OK);
	free(bytes);
	close(fd);
	assert_int_equal(unlink(path), 0);
	snprintf(real, sizeof(real), "/dev/%sp%d", gateway.loop, i + 1);
	assert_int_equal(symlink(real, path), 0);
}

bool gateway_go_real(void)
{
	char node[32], line[128], path[PATH_MAX], real[64];

	maker_path(gateway.maker, "dev/vda", path);
	if (!RUN(line, "losetup", "--show", "-f", path) ||
	    strncmp(line, "/dev/loop", 9) != 0)
		return false;
	snprintf(gateway.loop, sizeof(gateway.loop), "%.31s", line + 5);
	snprintf(node, sizeof(node), "%.31s", line);
	for (int i = 0; i < gateway.count; i++)
		move_in(i);
	/* A kernel that reads such tables itself has them already. */
	(void)RUN(line, "partx", "-a", node);
	snprintf(real, sizeof(real), "/sys/class/block/%s", gateway.loop);
	maker_scrap(gateway.maker, "sys");
	place(sys_block, "sys");
	snprintf(line, sizeof(line), "sys/%s", gateway.loop);
	assert_int_equal(symlink(real, maker_path(gateway.maker, line, path)),
	                 0);
	snprintf(dev, sizeof(dev), "/dev");
	snprintf(path, sizeof(path), "/dev/%sp%d", gateway.loop, gateway.count);
	return access(path, F_OK) == 0;
}

void gateway_drop(void)
{
	char line[128], node[64];

	if (gateway.loop[0] != '\0') {
		snprintf(node, sizeof(node), "/dev/%s", gateway.loop);
		(void)RUN(line, "partx", "-d", node);
		assert_true(RUN(line, "losetup", "-d", node));
		gateway.loop[0] = '\0';
	}
	munmap(gateway.firmware, sizeof(*gateway.firmware));
	gateway.firmware = NULL;
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	(void)ctx;
	assert_true(component <= VS_BOOT_EPOCH);
	*out = gateway.firmware->floors[component];
	return gateway.firmware->floors_lost ? VS_ERR_IO : VS_OK;
}

static vs_status floor_raise(void *ctx, int component, uint32_t to)
{
	(void)ctx;
	assert_true(to > gateway.firmware->floors[component]);
	if (gateway.rises)
		gateway.rises();
	gateway.firmware->floors[component] = to;
	return VS_OK;
}

/* The word at 8192 of the record, which goes. */
static enum vs_reset_cause take_word(enum vs_reset_cause if_none)
{
	static const uint8_t none[4096];
	uint8_t raw[4096];
	char node[64], path[PATH_MAX];
	VS_AUTO(vs_fd_drop)
	int fd = open(
		maker_path(gateway.maker, gateway_node("record", node), path),
		O_RDWR | O_CLOEXEC);

	assert_int_equal(vs_file_pread(fd, raw, sizeof(raw), 8192), VS_OK);
	assert_int_equal(vs_file_pwrite(fd, none, sizeof(none), 8192), VS_OK);
	if (memcmp(raw, "VSRESET1", 8) != 0 ||
	    get32(raw + 12) != vs_crc32(raw, 12))
		return if_none;
	assert_int_equal(raw[9] | raw[10] | raw[11], 0);
	return (enum vs_reset_cause)raw[8];
}

/* As the loader of a machine whose settings name controller first. */
static void swap_components(struct vs_boot_decision *d)
{
	struct vs_seal_header header = d->header[0];
	uint32_t floor = d->floor[0];

	d->header[0] = d->header[1];
	d->header[1] = header;
	d->floor[0] = d->floor[1];
	d->floor[1] = floor;
	for (int slot = 0; slot < VS_SLOTS; slot++) {
		struct vs_boot_slot_view *v = &d->seen[slot];
		uint64_t seq = v->release_seq[0];
		uint32_t security = v->security_version[0];

		v->release_seq[0] = v->release_seq[1];
		v->release_seq[1] = seq;
		v->security_version[0] = v->security_version[1];
		v->security_version[1] = security;
		if (v->refused != VS_REASON_NONE)
			v->component = !v->component;
	}
}

void gateway_put_decision(uint32_t attributes, const uint8_t *in, size_t len)
{
	uint8_t raw[4 + VS_DECISION_LEN_MAX];
	char path[PATH_MAX];

	if (len == 0) {
		(void)unlink(maker_path(gateway.maker, variable, path));
		return;
	}
	put32(raw, attributes);
	memcpy(raw + 4, in, len);
	maker_put(gateway.maker, variable, raw, 4 + len);
}

static void hand_over(const struct vs_boot_decision *d)
{
	static const struct vs_boot_component order[] = {{.name = "controller"},
	                                                 {.name = "gateway"}};
	struct vs_boot_decision swapped = *d;
	uint8_t raw[VS_DECISION_LEN(2)];

	swap_components(&swapped);
	vs_decision_encode(&swapped, order, 2, raw);
	gateway_put_decision(6, raw, sizeof(raw));
}

struct vs_boot_decision gateway_boot(enum vs_reset_cause if_no_word)
{
	struct gateway_firmware *f = gateway.firmware;
	struct vs_charger *c = malloc(sizeof(*c));
	struct vs_boot_decision d;
	char path[PATH_MAX];
	char error[VS_ERROR_LEN] = "";

	assert_non_null(c);
	maker_path(gateway.maker, "charger", path);
	if (vs_charger_open_blank(c, path, error) != VS_OK)
		fail_msg("%s", error);
	c->ops.floor_get = floor_get;
	c->ops.floor_raise = floor_raise;
	f->cause = take_word(if_no_word);
	assert_int_equal(vs_boot_decide(&c->ops, c->components,
	                                c->machine.count, &c->built_in,
	                                f->cause, c->scratch, &d),
	                 VS_OK);
	vs_charger_close(c);
	free(c);
	if (d.verdict == VS_VERDICT_DENY) {
		d.verdict = VS_VERDICT_RECOVER;
		f->recoveries++;
	}
	f->starts++;
	f->last = d;
	hand_over(&d);
	return d;
}

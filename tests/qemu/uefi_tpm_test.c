/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/uefi_tpm_test.c - floors in a TPM: swtpm's, behind a firmware that
 * is played here.  What a running system could try is tried with commands of
 * its own.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "boot/crc.h"
#include "boot/port/uefi/tpm_floors.h"
#include "seal/bytes.h"

enum {
	ROOM = 1024,
	COPY_LEN = 32,
};

static struct {
	pid_t pid;
	int line;
	char state[32];
	int sent;      /* commands so far */
	int fails_at;  /* this one and all behind it are lost; 0: none */
	int busy;      /* so many answers that it is busy */
	uint8_t *lies; /* the answer to each command, if set */
	size_t lies_len;
} tpm;

static void power_on(void)
{
	char dir[64];
	char fd[16];
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	snprintf(dir, sizeof(dir), "dir=%s", tpm.state);
	snprintf(fd, sizeof(fd), "%d", ends[1]);
	tpm.pid = fork();
	assert_true(tpm.pid >= 0);
	if (tpm.pid == 0) {
		close(ends[0]);
		execlp("swtpm", "swtpm", "socket", "--tpm2", "--tpmstate", dir,
		       "--fd", fd, "--flags", "not-need-init,startup-clear",
		       "--log", "file=/dev/null", (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	tpm.line = ends[0];
}

static void power_off(void)
{
	close(tpm.line);
	kill(tpm.pid, SIGTERM);
	assert_int_equal(waitpid(tpm.pid, NULL, 0), tpm.pid);
}

static void reset(void)
{
	power_off();
	power_on();
}

static void take(uint8_t *out, size_t len)
{
	while (len > 0) {
		ssize_t got = read(tpm.line, out, len);

		assert_true(got > 0);
		out += got;
		len -= (size_t)got;
	}
}

static uint32_t get32be(const uint8_t *p)
{
	return (uint32_t)p[0] << 24 | (uint32_t)p[1] << 16 |
	       (uint32_t)p[2] << 8 | p[3];
}

static size_t talk(const uint8_t *in, size_t in_len, uint8_t out[ROOM])
{
	size_t len;

	assert_int_equal(write(tpm.line, in, in_len), in_len);
	take(out, 10);
	len = get32be(out + 2);
	assert_in_range(len, 10, ROOM);
	take(out + 10, len - 10);
	return len;
}

static efi_status submit(struct efi_tcg2 *self, uint32_t in_len, uint8_t *in,
                         uint32_t out_len, uint8_t *out)
{
	static const uint8_t busy[] = {0x80, 1, 0, 0, 0, 10, 0, 0, 9, 0x22};
	uint8_t answer[ROOM];
	size_t len;

	(void)self;
	assert_int_equal(get32be(in + 2), in_len);
	tpm.sent++;
	if (tpm.fails_at && tpm.sent >= tpm.fails_at)
		return EFI_DEVICE_ERROR;
	if (tpm.lies) {
		memcpy(out, tpm.lies, tpm.lies_len);
		return EFI_SUCCESS;
	}
	if (tpm.busy > 0) {
		tpm.busy--;
		memcpy(out, busy, sizeof(busy));
		return EFI_SUCCESS;
	}
	len = talk(in, in_len, answer);
	if (len > out_len)
		return EFI_BUFFER_TOO_SMALL;
	memcpy(out, answer, len);
	return EFI_SUCCESS;
}

static struct efi_tcg2 device = {.submit_command = submit};

static efi_status locate(const struct efi_guid *protocol, void *registration,
                         void *interface)
{
	struct efi_tcg2 *found = &device;

	(void)registration;
	assert_memory_equal(protocol, &efi_tcg2_id, sizeof(*protocol));
	memcpy(interface, &found, sizeof(found));
	return EFI_SUCCESS;
}

static efi_status locate_nothing(const struct efi_guid *protocol,
                                 void *registration, void *interface)
{
	(void)protocol;
	(void)registration;
	(void)interface;
	return EFI_NOT_FOUND;
}

static efi_status stall(size_t microseconds)
{
	assert_in_range(microseconds, 1, 1000000);
	return EFI_SUCCESS;
}

static struct efi_boot boot = {.locate_protocol = locate, .stall = stall};
static const struct efi_system machine = {.boot = &boot};

static int begin(void **state)
{
	(void)state;
	memset(&tpm, 0, sizeof(tpm));
	snprintf(tpm.state, sizeof(tpm.state), "/tmp/voltseal-tpm-XXXXXX");
	if (!mkdtemp(tpm.state))
		return -1;
	power_on();
	return 0;
}

static int end(void **state)
{
	char command[64];

	(void)state;
	power_off();
	snprintf(command, sizeof(command), "%s/tpm2-00.permall", tpm.state);
	(void)unlink(command);
	snprintf(command, sizeof(command), "%s/.lock", tpm.state);
	(void)unlink(command);
	return rmdir(tpm.state);
}

/* A command in hexadecimal digits, blanks between them; its code. */
static uint32_t command(const char *hex)
{
	uint8_t in[ROOM];
	uint8_t out[ROOM];
	size_t len = 0;

	for (int step = 0; sscanf(hex, " %2hhx%n", &in[len], &step) == 1;
	     hex += step)
		len++;
	in[2] = in[3] = in[4] = 0;
	in[5] = (uint8_t)len;
	(void)talk(in, len, out);
	return get32be(out + 6);
}

#define PASSWORD "00000009 40000009 0000 00 0000 "
#define OWNER "40000001 "
#define INDEX "01805653 "

/* What the loader does before it starts a system. */
static void measure(void)
{
	assert_int_equal(
		command("8002 00000000 00000182 0000000b " PASSWORD
	                "00000001 000b"
	                "1111111111111111111111111111111111111111111111111111"
	                "111111111111"),
		0);
}

static void make(void)
{
	static const uint32_t floors[VS_FLOORS] = {1, 2, 3, 4, 5, 6};

	assert_int_equal(vs_tpm_floors_create(&machine, floors), VS_OK);
}

static uint32_t floor_of(int number)
{
	uint32_t value;

	assert_int_equal(vs_tpm_floors_get(&machine, number, &value), VS_OK);
	return value;
}

static void expect_no_floors(void)
{
	uint32_t value = 0;

	assert_int_equal(vs_tpm_floors_get(&machine, 0, &value), VS_ERR_IO);
	assert_int_equal(value, UINT32_MAX);
	assert_int_equal(vs_tpm_floors_raise(&machine, 0, 99), VS_ERR_IO);
}

/* As firmware leaves a TPM that keeps the platform's hierarchy to itself. */
static void make_the_owners(void)
{
	assert_int_equal(command("8002 00000000 00000121 4000000c " PASSWORD
	                         "4000000c 00"),
	                 0);
	make();
}

static void floors_in_a_tpm_are_made_once_and_only_rise(void **state)
{
	const uint32_t zeros[VS_FLOORS] = {0};
	uint32_t value;

	(void)state;
	expect_no_floors();
	make();
	assert_int_equal(vs_tpm_floors_create(&machine, zeros), VS_ERR_STATE);
	for (int i = 0; i < VS_FLOORS; i++)
		assert_int_equal(floor_of(i), i + 1);
	assert_int_equal(vs_tpm_floors_raise(&machine, 4, 300), VS_OK);
	assert_int_equal(vs_tpm_floors_raise(&machine, 4, 299), VS_OK);
	reset();
	assert_int_equal(floor_of(4), 300);
	assert_int_equal(floor_of(3), 4);
	assert_int_equal(vs_tpm_floors_get(&machine, VS_FLOORS, &value),
	                 VS_ERR_IO);
	assert_int_equal(vs_tpm_floors_raise(&machine, -1, 9), VS_ERR_IO);
	boot.locate_protocol = locate_nothing;
	expect_no_floors();
	boot.locate_protocol = locate;
}

/* NV_Write of one byte as owner, by the index's own word, as platform; and with
 * the policy, as the loader does it.
 */
static void try_to_write_as_anybody(void)
{
	static const char tail[] = "0001 00 0000";
	static const char *const who[] = {
		OWNER,
		INDEX,
		"4000000c ",
	};
	char text[256];

	for (size_t i = 0; i < sizeof(who) / sizeof(*who); i++) {
		snprintf(text, sizeof(text),
		         "8002 00000000 00000137 %s" INDEX PASSWORD "%s",
		         who[i], tail);
		assert_int_not_equal(command(text), 0);
	}
	assert_int_equal(vs_tpm_floors_raise(&machine, 0, 77), VS_ERR_IO);
}

/* S3.22 */
static void nobody_writes_once_the_loader_has_measured(void **state)
{
	(void)state;
	make_the_owners();
	measure();
	try_to_write_as_anybody();
	assert_int_equal(floor_of(0), 1);
	/* nor lock it, write a bit of it, or change who may */
	assert_int_not_equal(
		command("8002 00000000 00000138 " INDEX INDEX PASSWORD), 0);
	assert_int_not_equal(
		command("8002 00000000 0000013b " INDEX PASSWORD "0001 41"), 0);
	assert_int_equal(floor_of(0), 1);
	reset();
	assert_int_equal(floor_of(0), 1);
	assert_int_equal(vs_tpm_floors_raise(&machine, 0, 77), VS_OK);
	assert_int_equal(floor_of(0), 77);
}

static void the_platforms_hierarchy_is_closed_to_the_system(void **state)
{
	static const char undefine[] =
		"8002 00000000 00000122 4000000c " INDEX PASSWORD;

	(void)state;
	make();
	vs_tpm_floors_lock(&machine);
	assert_int_not_equal(command(undefine), 0);
	assert_int_equal(floor_of(1), 2);
	reset();
	assert_int_equal(command(undefine), 0);
	expect_no_floors();
}

/* An NV index of 64 bytes, as somebody with the owner's word can make it. */
static void define(const char *attributes, const char *policy)
{
	char text[512];

	snprintf(text, sizeof(text),
	         "8002 00000000 0000012a " OWNER PASSWORD "0000 %s " INDEX
	         "000b %s %s 0040",
	         *policy ? "002e" : "000e", attributes,
	         *policy ? policy : "0000");
	assert_int_equal(command(text), 0);
}

/* PCR 11 is zero */
#define POLICY                                                                 \
	"0020 "                                                                \
	"fd32fa22c52cfc8e1a0c29eb38519f87084cab0b04b0d8f020a4d38b2f4e223e"

static void drop_index(void)
{
	assert_int_equal(
		command("8002 00000000 00000122 " OWNER INDEX PASSWORD), 0);
}

static void forge(void)
{
	uint8_t raw[2 * COPY_LEN] = "VSFT";
	char text[512];
	int at = snprintf(text, sizeof(text),
	                  "8002 00000000 00000137 " OWNER INDEX PASSWORD
	                  "0040 ");

	put32(raw + COPY_LEN - 4, vs_crc32(raw, COPY_LEN - 4));
	memcpy(raw + COPY_LEN, raw, COPY_LEN);
	for (size_t i = 0; i < sizeof(raw); i++)
		at += snprintf(text + at, sizeof(text) - (size_t)at, "%02x",
		               raw[i]);
	snprintf(text + at, sizeof(text) - (size_t)at, " 0000");
	assert_int_equal(command(text), 0);
}

/* S3.22 */
static void an_index_that_somebody_else_made_is_no_store(void **state)
{
	(void)state;
	make_the_owners();
	measure();
	drop_index();
	expect_no_floors();
	/* written by its owner, and readable as ours is */
	define("02040002", "");
	forge();
	expect_no_floors();
	reset();
	expect_no_floors();
	/* our policy, and a way around it */
	drop_index();
	define("0204000a", POLICY);
	forge();
	expect_no_floors();
}

/* S3.22 */
static void an_index_like_ours_that_was_not_written_is_no_store(void **state)
{
	const struct vs_tpm raw = {&device, &boot};

	(void)state;
	make_the_owners();
	measure();
	/* what the loader itself would do, after it measured */
	assert_int_equal(vs_tpm_define(&raw, 0x01805653, 64), VS_OK);
	try_to_write_as_anybody();
	expect_no_floors();
	reset();
	expect_no_floors();
}

/* S3.22 */
static void a_cleared_tpm_is_no_store(void **state)
{
	(void)state;
	make_the_owners();
	/* TPM2_Clear, under the lockout's empty password */
	assert_int_equal(command("8002 00000000 00000126 4000000a " PASSWORD),
	                 0);
	expect_no_floors();
	reset();
	expect_no_floors();
	make();
	assert_int_equal(floor_of(0), 1);
}

static void a_cut_raise_leaves_the_old_floor_or_the_new(void **state)
{
	int last = 0;

	(void)state;
	make();
	for (int cut = 1; !last; cut++) {
		const uint32_t old = floor_of(2);

		tpm.sent = 0;
		tpm.fails_at = cut;
		last = vs_tpm_floors_raise(&machine, 2, old + 1) == VS_OK;
		tpm.fails_at = 0;
		reset();
		assert_in_range(floor_of(2), old, old + 1);
		assert_int_equal(floor_of(1), 2);
		assert_true(cut < 100);
		if (last)
			assert_true(cut > 8);
	}
}

static void a_copy_that_is_torn_gives_way_to_the_other(void **state)
{
	const struct vs_tpm raw = {&device, &boot};
	static const uint8_t torn[7] = {0};

	(void)state;
	make_the_owners();
	for (uint32_t at = 0; at + sizeof(torn) <= 2 * COPY_LEN; at++) {
		const bool both = at > COPY_LEN - 7 && at < COPY_LEN;

		assert_int_equal(vs_tpm_write(&raw, 0x01805653, at, torn, 7),
		                 VS_OK);
		if (both) {
			expect_no_floors();
			drop_index();
			make();
		} else {
			assert_int_equal(floor_of(5), 6 + at);
		}
		assert_int_equal(vs_tpm_floors_raise(&machine, 5, 7 + at),
		                 VS_OK);
	}
}

static void a_busy_tpm_is_asked_again(void **state)
{
	(void)state;
	make();
	tpm.busy = 20;
	assert_int_equal(floor_of(0), 1);
	assert_int_equal(tpm.busy, 0);
	tpm.busy = 1000;
	expect_no_floors();
	assert_in_range(tpm.busy, 800, 999);
}

static void an_answer_that_makes_no_sense_is_none(void **state)
{
	uint8_t lie[256];

	(void)state;
	make();
	tpm.lies = lie;
	tpm.lies_len = sizeof(lie);
	for (unsigned seed = 0; seed < 4000; seed++) {
		srand(seed);
		for (size_t i = 0; i < sizeof(lie); i++)
			lie[i] = (uint8_t)rand();
		if (seed % 2)
			memset(lie + 2, 0, 8); /* it went well, and is short */
		if (seed % 4 == 3)
			lie[5] = (uint8_t)rand();
		expect_no_floors();
	}
	tpm.lies = NULL;
	assert_int_equal(floor_of(0), 1);
}

static bool have_swtpm(void)
{
	pid_t pid = fork();
	int status = 1;

	if (pid == 0) {
		/* what it says is no result */
		if (dup2(STDERR_FILENO, STDOUT_FILENO) >= 0)
			execlp("swtpm", "swtpm", "--version", (char *)NULL);
		_exit(127);
	}
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(floors_in_a_tpm_are_made_once_and_only_rise),
		TEST(nobody_writes_once_the_loader_has_measured),
		TEST(the_platforms_hierarchy_is_closed_to_the_system),
		TEST(an_index_that_somebody_else_made_is_no_store),
		TEST(an_index_like_ours_that_was_not_written_is_no_store),
		TEST(a_cleared_tpm_is_no_store),
		TEST(a_cut_raise_leaves_the_old_floor_or_the_new),
		TEST(a_copy_that_is_torn_gives_way_to_the_other),
		TEST(a_busy_tpm_is_asked_again),
		TEST(an_answer_that_makes_no_sense_is_none),
	};

	if (!have_swtpm()) {
		printf("1..0 # SKIP there is no swtpm\n");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

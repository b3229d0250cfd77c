/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/base/tar_test.c - heads of a tar file, against tar(1) as well.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/file.h"
#include "base/tar.h"

static struct vs_tar_entry entry_of(size_t dir_len, size_t name_len,
                                    uint64_t len)
{
	struct vs_tar_entry e = {.len = len};

	memset(e.name, 'd', dir_len);
	if (dir_len > 0)
		e.name[dir_len++] = '/';
	memset(e.name + dir_len, 'n', name_len);
	return e;
}

static void what_is_written_reads_back(void **state)
{
	static const struct {
		size_t dir, name;
		bool fits;
	} rows[] = {
		{0,   1,   true },
                {0,   100, true },
                {0,   101, false},
		{155, 100, true },
                {156, 99,  false},
                {99,  1,   true },
		{100, 50,  true },
                {3,   100, true },
                {3,   101, false},
	};
	struct vs_tar_entry back;
	struct vs_why why;
	uint8_t head[VS_TAR_BLOCK];

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		struct vs_tar_entry e =
			entry_of(rows[i].dir, rows[i].name, 1234567);

		assert_int_equal(vs_tar_encode(&e, head),
		                 rows[i].fits ? VS_OK : VS_ERR_LIMIT);
		if (!rows[i].fits)
			continue;
		assert_int_equal(vs_tar_decode(head, &back, &why), VS_OK);
		assert_string_equal(back.name, e.name);
		assert_int_equal(back.len, e.len);
		assert_false(back.folder);
	}
}

static void lengths_up_to_eight_gib_have_their_place(void **state)
{
	struct vs_tar_entry e = entry_of(0, 3, VS_TAR_FILE_MAX), back;
	uint8_t head[VS_TAR_BLOCK];

	(void)state;
	assert_int_equal(vs_tar_encode(&e, head), VS_OK);
	assert_int_equal(vs_tar_decode(head, &back, NULL), VS_OK);
	assert_true(back.len == VS_TAR_FILE_MAX);
	e.len++;
	assert_int_equal(vs_tar_encode(&e, head), VS_ERR_LIMIT);
	assert_true(vs_tar_padded(0) == 0);
	assert_true(vs_tar_padded(1) == 512);
	assert_true(vs_tar_padded(512) == 512);
}

static void any_changed_byte_of_a_head_is_seen(void **state)
{
	struct vs_tar_entry e = entry_of(4, 7, 99), back;
	uint8_t head[VS_TAR_BLOCK];
	struct vs_why why;

	(void)state;
	assert_int_equal(vs_tar_encode(&e, head), VS_OK);
	for (size_t i = 0; i < sizeof(head); i++) {
		head[i] ^= 1;
		assert_int_equal(vs_tar_decode(head, &back, &why),
		                 VS_ERR_INPUT);
		head[i] ^= 1;
	}
}

static void only_files_and_folders_are_read(void **state)
{
	static const char kinds[] = "1234567LKxg";
	struct vs_tar_entry e = entry_of(0, 5, 0), back;
	struct vs_why why;
	uint8_t head[VS_TAR_BLOCK];
	char sum[8];

	(void)state;
	for (const char *kind = kinds; *kind; kind++) {
		unsigned total = 8 * ' ';

		assert_int_equal(vs_tar_encode(&e, head), VS_OK);
		head[156] = (uint8_t)*kind;
		for (size_t i = 0; i < sizeof(head); i++)
			if (i < 148 || i >= 156)
				total += head[i];
		snprintf(sum, sizeof(sum), "%06o", total);
		memcpy(head + 148, sum, 7);
		assert_int_equal(vs_tar_decode(head, &back, &why),
		                 *kind == '5' ? VS_OK : VS_ERR_INPUT);
	}
	memset(head, 0, sizeof(head));
	assert_int_equal(vs_tar_decode(head, &back, &why), VS_ERR_ABSENT);
}

static int run(const char *const *words)
{
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (pid == 0) {
		execvp(words[0], (char *const *)(uintptr_t)words);
		_exit(127);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

/* What tar(1) writes is read, and what is written tar(1) reads. */
static void tar_understands_it_and_is_understood(void **state)
{
	char dir[] = "/tmp/voltseal-tar-XXXXXX";
	static const uint8_t zeros[2 * VS_TAR_BLOCK];
	char file[64], tar[64], out[64];
	struct vs_tar_entry e = {.name = "b/c", .len = 5}, back;
	uint8_t *bytes, head[VS_TAR_BLOCK], whole[4 * VS_TAR_BLOCK] = {0};
	size_t len;

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(file, sizeof(file), "%s/a", dir);
	snprintf(tar, sizeof(tar), "%s/t.tar", dir);
	snprintf(out, sizeof(out), "%s/b/c", dir);
	assert_int_equal(vs_file_replace(file, "hello", 5, 0600), VS_OK);
	assert_int_equal(
		run((const char *const[]){"tar", "--format=ustar", "-cf", tar,
	                                  "-C", dir, "./a", NULL}),
		0);
	assert_int_equal(vs_file_read(tar, 1 << 20, &bytes, &len), VS_OK);
	assert_int_equal(vs_tar_decode(bytes, &back, NULL), VS_OK);
	assert_string_equal(back.name, "a");
	assert_int_equal(back.len, 5);
	free(bytes);
	assert_int_equal(vs_tar_encode(&e, head), VS_OK);
	memcpy(whole, head, sizeof(head));
	memcpy(whole + VS_TAR_BLOCK, "world", 5);
	memcpy(whole + 2 * VS_TAR_BLOCK, zeros, sizeof(zeros));
	assert_int_equal(vs_file_replace(tar, whole, sizeof(whole), 0600),
	                 VS_OK);
	assert_int_equal(
		run((const char *const[]){"tar", "-xf", tar, "-C", dir, NULL}),
		0);
	assert_int_equal(vs_file_read(out, 64, &bytes, &len), VS_OK);
	assert_memory_equal(bytes, "world", 5);
	free(bytes);
	assert_int_equal(run((const char *const[]){"rm", "-r", dir, NULL}), 0);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_written_reads_back),
		cmocka_unit_test(lengths_up_to_eight_gib_have_their_place),
		cmocka_unit_test(any_changed_byte_of_a_head_is_seen),
		cmocka_unit_test(only_files_and_folders_are_read),
		cmocka_unit_test(tar_understands_it_and_is_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

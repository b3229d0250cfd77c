/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/sending_test.c - artifacts that are being sent.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/net/sending.h"

enum { many = 50 };

static char folder[] = "/tmp/voltseal-sending-XXXXXX";

static int make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) ? 0 : -1;
}

static void path_of(unsigned n, char out[static 64])
{
	(void)snprintf(out, 64, "%s/%u", folder, n);
}

static int open_one(unsigned n)
{
	char path[64];

	path_of(n, path);
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(ftruncate(fd, 1000), 0);
	return fd;
}

static int remove_folder(void **state)
{
	char path[64];

	(void)state;
	for (unsigned n = 0; n <= VS_SENDING_FILES; n++) {
		path_of(n, path);
		(void)unlink(path);
	}
	return rmdir(folder);
}

static size_t descriptors(void)
{
	DIR *d = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(d);
	while (readdir(d))
		n++;
	closedir(d);
	return n;
}

static void one_artifact_is_open_once_however_many_fetch_it(void **state)
{
	struct MHD_Response *answers[many];
	struct vs_sendings s;
	size_t before = descriptors();

	(void)state;
	vs_sendings_init(&s);
	for (size_t i = 0; i < many; i++) {
		answers[i] = vs_sending_answer(&s, open_one(1), i, 1000 - i);
		assert_non_null(answers[i]);
	}
	assert_int_equal(descriptors(), before + 1);
	for (size_t i = 0; i < many; i++) {
		assert_int_equal(s.files, 1);
		MHD_destroy_response(answers[i]);
	}
	assert_int_equal(descriptors(), before);
	vs_sendings_drop(&s);
}

/* A damaged artifact is taken away under its name; a good one may come. */
static void another_file_under_the_same_name_is_another_one(void **state)
{
	struct vs_sendings s;
	char path[64];

	(void)state;
	path_of(1, path);
	vs_sendings_init(&s);
	struct MHD_Response *old = vs_sending_answer(&s, open_one(1), 0, 1000);
	assert_int_equal(unlink(path), 0);
	struct MHD_Response *new = vs_sending_answer(&s, open_one(1), 0, 1000);
	assert_int_equal(s.files, 2);
	MHD_destroy_response(old);
	assert_int_equal(s.files, 1);
	MHD_destroy_response(new);
	vs_sendings_drop(&s);
}

static void more_than_so_many_artifacts_are_not_opened(void **state)
{
	static struct MHD_Response *answers[VS_SENDING_FILES];
	struct vs_sendings s;
	size_t before = descriptors();
	unsigned n = 0;

	(void)state;
	vs_sendings_init(&s);
	for (n = 0; n < VS_SENDING_FILES; n++) {
		answers[n] = vs_sending_answer(&s, open_one(n), 0, 1000);
		assert_non_null(answers[n]);
	}
	assert_null(vs_sending_answer(&s, open_one(n), 0, 1000));
	struct MHD_Response *again =
		vs_sending_answer(&s, open_one(7), 0, 1000);
	assert_non_null(again);
	MHD_destroy_response(again);
	assert_int_equal(descriptors(), before + VS_SENDING_FILES);
	while (n--)
		MHD_destroy_response(answers[n]);
	assert_int_equal(descriptors(), before);
	vs_sendings_drop(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			one_artifact_is_open_once_however_many_fetch_it),
		cmocka_unit_test(
			another_file_under_the_same_name_is_another_one),
		cmocka_unit_test(more_than_so_many_artifacts_are_not_opened),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

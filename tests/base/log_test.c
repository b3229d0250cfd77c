/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/base/log_test.c - one line a fact, in each form.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"

/* What a function writes to standard error. */
static void said_by(void (*f)(void), char *out, size_t cap)
{
	int ends[2], kept = dup(STDERR_FILENO);

	assert_int_equal(pipe(ends), 0);
	assert_true(dup2(ends[1], STDERR_FILENO) >= 0);
	f();
	assert_true(dup2(kept, STDERR_FILENO) >= 0);
	close(ends[1]);
	close(kept);
	ssize_t n = read(ends[0], out, cap - 1);
	close(ends[0]);
	assert_true(n >= 0);
	out[n] = 0;
}

static void say_badly(void)
{
	vs_warn("a \"b\" \\ %s", "c\nerror x: forged\x01\xff");
}

static void a_text_line_cannot_begin_another(void **state)
{
	char said[4096];

	(void)state;
	assert_int_equal(vs_log_form(VS_LOG_TEXT, NULL), VS_OK);
	said_by(say_badly, said, sizeof said);
	assert_string_equal(said, "warning log_test: a \"b\" \\ c error x: "
	                          "forged\x01\xff\n");
}

static void a_json_line_is_one_object(void **state)
{
	static const char tail[] =
		"\"level\":\"warning\",\"program\":\"log_test\","
		"\"message\":\"a \\\"b\\\" \\\\ c\\u000aerror x: "
		"forged\\u0001\\u00ff\"}\n";
	char said[4096];

	(void)state;
	assert_int_equal(vs_log_form(VS_LOG_JSON, NULL), VS_OK);
	said_by(say_badly, said, sizeof said);
	assert_int_equal(strncmp(said, "{\"time\":\"20", 11), 0);
	assert_string_equal(said + 35, tail);
	assert_int_equal(said[32], 'Z');
}

static void say_much(void)
{
	char much[3000];

	memset(much, 1, sizeof much - 1);
	much[sizeof much - 1] = 0;
	vs_error("%s", much);
}

static void a_long_line_is_cut_and_still_whole(void **state)
{
	char said[16384];

	(void)state;
	assert_int_equal(vs_log_form(VS_LOG_JSON, NULL), VS_OK);
	said_by(say_much, said, sizeof said);
	size_t len = strlen(said);
	assert_true(len > 6000);
	assert_string_equal(said + len - 3, "\"}\n");
	assert_ptr_equal(strchr(said, '\n'), said + len - 1);
}

static void journald_gets_fields(void **state)
{
	struct sockaddr_un a = {.sun_family = AF_UNIX};
	char dir[] = "/tmp/voltseal-log-XXXXXX", got[4096];
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);

	(void)state;
	assert_non_null(mkdtemp(dir));
	snprintf(a.sun_path, sizeof a.sun_path, "%s/socket", dir);
	assert_int_equal(vs_log_form(VS_LOG_JOURNAL, a.sun_path), VS_ERR_IO);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(vs_log_form(VS_LOG_JOURNAL, a.sun_path), VS_OK);
	say_badly();
	ssize_t n = recv(fd, got, sizeof got - 1, 0);
	assert_true(n > 0);
	got[n] = 0;
	assert_string_equal(got, "PRIORITY=4\nSYSLOG_IDENTIFIER=log_test\n"
	                         "MESSAGE=a \"b\" \\ c error x: "
	                         "forged\x01\xff\n");
	vs_error("e");
	n = recv(fd, got, sizeof got - 1, 0);
	assert_true(n > 0 && strncmp(got, "PRIORITY=3\n", 11) == 0);
	/* When nobody listens any more, standard error does. */
	close(fd);
	said_by(say_badly, got, sizeof got);
	assert_non_null(strstr(got, "MESSAGE=a"));
	unlink(a.sun_path);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_text_line_cannot_begin_another),
		cmocka_unit_test(a_json_line_is_one_object),
		cmocka_unit_test(a_long_line_is_cut_and_still_whole),
		cmocka_unit_test(journald_gets_fields),
	};

	vs_log_init("log_test");
	return cmocka_run_group_tests(tests, NULL, NULL);
}

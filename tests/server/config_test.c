/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/config_test.c - settings, addresses, names and ranges.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "server/config.h"
#include "server/net/range.h"
#include "server/store/name.h"
#include "tests/server/scratch.h"

#define NEEDED                                                                 \
	"data_dir = /d\ntls_cert = c\ntls_key = k\ndevice_ca = a\n"            \
	"director_root = r\nimage_root = i\nkeyring = b\n"

static vs_status load(struct scratch *s, const char *text,
                      struct vs_settings *out, char error[static 256])
{
	char path[96];
	FILE *f;

	snprintf(path, sizeof path, "%s/server.conf", s->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, strlen(text), f), strlen(text));
	assert_int_equal(fclose(f), 0);
	return vs_settings_load(path, out, error);
}

static void what_is_not_said_has_its_preset(void **state)
{
	struct vs_settings s;
	char error[256];

	assert_int_equal(load(*state, NEEDED, &s, error), VS_OK);
	assert_string_equal(s.data_dir, "/d");
	assert_int_equal(s.poll_s, 300);
	assert_int_equal(s.timestamp_ttl_s, 86400);
	assert_int_equal(s.artifact_max, UINT64_C(16384) << 20);
	const struct sockaddr_in *a =
		(const struct sockaddr_in *)(const void *)&s.device_address;
	assert_int_equal(a->sin_family, AF_INET);
	assert_int_equal(ntohs(a->sin_port), 8443);
	vs_settings_drop(&s);
}

static void a_wrong_address_is_named_by_its_key(void **state)
{
	struct vs_settings s;
	char error[256];

	assert_int_equal(
		load(*state, NEEDED "operator_listen = here:1\n", &s, error),
		VS_ERR_INPUT);
	assert_non_null(strstr(error, "server.conf: operator_listen: "
	                              "\"here:1\" is not ADDRESS:PORT"));
	vs_settings_drop(&s);
}

static void every_required_key_is_missed(void **state)
{
	static const char *const keys[] = {
		"data_dir",      "tls_cert",   "tls_key", "device_ca",
		"director_root", "image_root", "keyring"};

	for (size_t i = 0; i < sizeof keys / sizeof *keys; i++) {
		struct vs_settings s;
		char text[256] = "", error[256], missing[48];

		for (size_t k = 0; k < sizeof keys / sizeof *keys; k++)
			if (k != i)
				snprintf(text + strlen(text),
				         sizeof text - strlen(text), "%s = x\n",
				         keys[k]);
		assert_int_equal(load(*state, text, &s, error), VS_ERR_INPUT);
		snprintf(missing, sizeof missing, "%s: missing", keys[i]);
		assert_non_null(strstr(error, missing));
		vs_settings_drop(&s);
	}
}

static void addresses_are_digits_and_a_port(void **state)
{
	static const char *const good[] = {"127.0.0.1:8443", "0.0.0.0:0",
	                                   "[::]:8443", "[::1]:65535"};
	static const char *const bad[] = {"",
	                                  ":",
	                                  ":80",
	                                  "127.0.0.1",
	                                  "127.0.0.1:",
	                                  "127.0.0.1:x",
	                                  "127.0.0.1:65536",
	                                  "127.0.0.1:-1",
	                                  "127.0.0.1:80 ",
	                                  "127.0.0.1:999999",
	                                  "localhost:80",
	                                  "1.2.3:80",
	                                  "[127.0.0.1]:80",
	                                  "::1:80",
	                                  "[::1:80",
	                                  "::1]:80",
	                                  "[]:80",
	                                  "[::1]80"};
	struct sockaddr_storage a;

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		assert_int_equal(vs_address_parse(good[i], &a), VS_OK);
	assert_int_equal(a.ss_family, AF_INET6);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (vs_address_parse(bad[i], &a) == VS_OK)
			fail_msg("\"%s\" was taken", bad[i]);
}

static void names_lead_nowhere_else(void **state)
{
	uint64_t version;
	char role[16];

	(void)state;
	assert_true(vs_name_ok("CP-0001_a.b", 64));
	assert_false(vs_name_ok("", 64));
	assert_false(vs_name_ok("..", 64));
	assert_false(vs_name_ok("a/b", 64));
	assert_false(vs_name_ok("a b", 64));
	assert_false(vs_name_ok("abcd", 4));
	assert_int_equal(vs_name_metadata("12.release.json", &version, role,
	                                  sizeof role),
	                 VS_OK);
	assert_int_equal(version, 12);
	assert_string_equal(role, "release");
	static const char *const bad[] = {"release.json",
	                                  "01.release.json",
	                                  "0.release.json",
	                                  "1..json",
	                                  "1.json",
	                                  "1.../x.json",
	                                  "1.a-long-role-name.json",
	                                  "1.release.json.bak",
	                                  "9007199254740992.root.json",
	                                  ""};
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		assert_int_equal(
			vs_name_metadata(bad[i], &version, role, sizeof role),
			VS_ERR_INPUT);
}

/* RFC 9110 section 14.1.2 */
static void a_range_is_within_the_file_or_refused(void **state)
{
	static const struct {
		const char *header;
		uint64_t len, first, last; /* inclusive */
		vs_status status;
	} cases[] = {
		{"bytes=0-0",  10, 0, 0, VS_OK       },
		{"bytes=2-5",  10, 2, 5, VS_OK       },
		{"bytes=2-",   10, 2, 9, VS_OK       },
		{"bytes=-3",   10, 7, 9, VS_OK       },
		{"bytes=-30",  10, 0, 9, VS_OK       },
		{"bytes=5-99", 10, 5, 9, VS_OK       },
		{"bytes=10-",  10, 0, 0, VS_ERR_LIMIT},
		{"bytes=-0",   10, 0, 0, VS_ERR_LIMIT},
		{"bytes=0-",   0,  0, 0, VS_ERR_LIMIT},
		{"bytes=-1",   0,  0, 0, VS_ERR_LIMIT},
	};
	static const char *const whole[] = {"bytes=5-3",
	                                    "bytes=0-1,3-4",
	                                    "bytes=a-b",
	                                    "lines=0-1",
	                                    "bytes=",
	                                    "bytes=-",
	                                    "bytes=99999999999999999999-"};
	struct vs_range r;

	(void)state;
	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		assert_int_equal(
			vs_range_parse(cases[i].header, cases[i].len, &r),
			cases[i].status);
		if (cases[i].status)
			continue;
		assert_false(r.whole);
		assert_int_equal(r.first, cases[i].first);
		assert_int_equal(r.last, cases[i].last);
	}
	for (size_t i = 0; i < sizeof whole / sizeof *whole; i++) {
		assert_int_equal(vs_range_parse(whole[i], 10, &r), VS_OK);
		assert_true(r.whole);
	}
	assert_int_equal(vs_range_parse(NULL, 10, &r), VS_OK);
	assert_true(r.whole);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(what_is_not_said_has_its_preset,
	                                        scratch_make, scratch_remove),
		cmocka_unit_test_setup_teardown(
			a_wrong_address_is_named_by_its_key, scratch_make,
			scratch_remove),
		cmocka_unit_test_setup_teardown(every_required_key_is_missed,
	                                        scratch_make, scratch_remove),
		cmocka_unit_test(addresses_are_digits_and_a_port),
		cmocka_unit_test(names_lead_nowhere_else),
		cmocka_unit_test(a_range_is_within_the_file_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

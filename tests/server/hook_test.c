/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/hook_test.c - where a webhook may go, what it wants, how it is
 * signed, when it is tried again.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "server/events/hook.h"
#include "server/net/network.h"

static bool allows(const struct vs_networks *n, const char *text)
{
	struct sockaddr_in v4 = {.sin_family = AF_INET};
	struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
	const void *a = &v4;

	if (strchr(text, ':')) {
		assert_int_equal(inet_pton(AF_INET6, text, &v6.sin6_addr), 1);
		a = &v6;
	} else {
		assert_int_equal(inet_pton(AF_INET, text, &v4.sin_addr), 1);
	}
	return vs_network_allows(n, a);
}

static void only_public_addresses_and_named_networks(void **state)
{
	static const char *const bad[] = {
		"0.0.0.0",
		"10.0.0.1",
		"10.255.255.255",
		"100.64.0.1",
		"100.127.255.255",
		"127.0.0.1",
		"127.255.0.1",
		"169.254.169.254",
		"172.16.0.1",
		"172.31.255.255",
		"192.168.0.1",
		"192.0.0.1",
		"192.0.2.9",
		"198.18.0.1",
		"198.19.255.255",
		"198.51.100.1",
		"203.0.113.1",
		"224.0.0.1",
		"239.1.1.1",
		"240.0.0.1",
		"255.255.255.255",
		"::",
		"::1",
		"fe80::1",
		"fc00::1",
		"fd12::1",
		"ff02::1",
		"::ffff:127.0.0.1",
		"::ffff:169.254.169.254",
		"::ffff:10.0.0.1",
		"64:ff9b::a00:1",
		"2002:7f00:1::",
		"2001::1",
		"2001:db8::1",
		"::127.0.0.1",
		"fec0::1",
		"3fff::1",
	};
	static const char *const good[] = {
		"1.1.1.1",         "9.255.255.255", "11.0.0.1",
		"100.63.255.255",  "100.128.0.1",   "126.255.255.255",
		"128.0.0.1",       "172.15.0.1",    "172.32.0.1",
		"192.167.255.255", "192.169.0.1",   "223.255.255.1",
		"2606:4700::1111", "2a00:1450::1",  "::ffff:1.1.1.1",
	};
	struct vs_networks none, some;

	(void)state;
	assert_int_equal(vs_networks_parse("", &none), VS_OK);
	assert_int_equal(
		vs_networks_parse(" 10.1.0.0/16  fd12:3400::/23 127.0.0.1/32 ",
	                          &some),
		VS_OK);
	assert_int_equal(some.count, 3);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (allows(&none, bad[i]))
			fail_msg("%s", bad[i]);
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!allows(&none, good[i]))
			fail_msg("%s", good[i]);
	assert_true(allows(&some, "10.1.255.1"));
	assert_true(allows(&some, "::ffff:10.1.2.3"));
	assert_false(allows(&some, "10.2.0.0"));
	assert_true(allows(&some, "fd12:35ff::1"));
	assert_false(allows(&some, "fd12:3600::1"));
	assert_true(allows(&some, "127.0.0.1"));
	assert_false(allows(&some, "127.0.0.2"));
	const struct sockaddr other = {.sa_family = AF_UNIX};
	assert_false(vs_network_allows(&some, &other));
}

static void a_network_is_written_in_one_way(void **state)
{
	static const char *const bad[] = {
		"10.0.0.0",    "10.0.0.0/",    "10.0.0.0/33", "10.0.0.0/-1",
		"10.0.0.0/+1", "10.0.0.0/8,",  "fd00::/129",  "x/8",
		"/8",          "10.0.0.0/8 x", "10.0.0/8",
	};
	char many[400] = "";
	struct vs_networks n;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (vs_networks_parse(bad[i], &n) != VS_ERR_INPUT)
			fail_msg("%s", bad[i]);
	for (size_t i = 0; i < VS_NETWORKS_MAX; i++)
		memcpy(many + 11 * i, "10.0.0.0/8 ", 11);
	assert_int_equal(vs_networks_parse(many, &n), VS_OK);
	memcpy(many + 11 * VS_NETWORKS_MAX, "::/0", 4);
	assert_int_equal(vs_networks_parse(many, &n), VS_ERR_LIMIT);
}

static void a_url_is_https_with_a_host_and_no_user(void **state)
{
	static const char *const good[] = {
		"https://a.example",    "https://a.example:8443/x?y=z",
		"https://192.0.2.1/",   "https://[2001:db8::1]:1/x",
		"https://a.example/@x",
	};
	static const char *const bad[] = {
		"",
		"http://a.example/",
		"ftp://a.example/",
		"https://",
		"https:///x",
		"https://:443/",
		"https://user@a.example/",
		"https://a@b:c@d/",
		"https://a.example/ x",
		"https://a.example/\n",
		"https://a.example/#x",
		"https://a.example\\@b/",
		"HTTPS://a.example/",
		"https://a.exampl\xc3\xa9/",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++)
		if (!vs_hook_url_ok(good[i]))
			fail_msg("%s", good[i]);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
		if (vs_hook_url_ok(bad[i]))
			fail_msg("%s", bad[i]);
}

static void a_hook_gets_what_it_wants_and_its_own_test(void **state)
{
	const struct vs_hook h = {.id = "0123456789abcdef",
	                          .events = "campaign-* fell-back"};
	const struct vs_hook all = {.id = "1", .events = "*"};

	(void)state;
	assert_true(vs_hook_wants(&h, "campaign-halted", "3"));
	assert_true(vs_hook_wants(&h, "fell-back", "CP-1"));
	assert_false(vs_hook_wants(&h, "fell-backwards", "CP-1"));
	assert_false(vs_hook_wants(&h, "fell", "CP-1"));
	assert_false(vs_hook_wants(&h, "campaign", "3"));
	assert_false(vs_hook_wants(&h, "update-failed", "CP-1"));
	assert_true(vs_hook_wants(&h, "hook-tested", h.id));
	assert_false(vs_hook_wants(&h, "hook-tested", "other"));
	assert_true(vs_hook_wants(&all, "anything", ""));
	assert_true(vs_hook_event_ok("*") && vs_hook_event_ok("a-*") &&
	            vs_hook_event_ok("fell-back"));
	assert_false(vs_hook_event_ok("") || vs_hook_event_ok("a**") ||
	             vs_hook_event_ok("*a") || vs_hook_event_ok("a b") ||
	             vs_hook_event_ok("A"));
}

/* printf '1700000000.{"a":1}' | openssl dgst -sha256 -mac hmac
 *     -macopt hexkey:000102...1f
 */
static void a_body_is_signed_with_its_time(void **state)
{
	uint8_t secret[VS_HOOK_SECRET_LEN];
	char out[VS_HOOK_SIGNATURE_LEN];

	(void)state;
	for (size_t i = 0; i < sizeof secret; i++)
		secret[i] = (uint8_t)i;
	assert_int_equal(vs_hook_sign(secret, 1700000000, "{\"a\":1}", 7, out),
	                 VS_OK);
	assert_string_equal(out, "t=1700000000,v1="
	                         "03348adc068f3e120398d321e294ed21d5531ba198087"
	                         "33437c88c51d9ffdb14");
}

static void it_waits_longer_each_time_and_never_for_ever(void **state)
{
	uint64_t before = 0;

	(void)state;
	assert_int_equal(vs_hook_wait_s(1, 0), 5);
	assert_int_equal(vs_hook_wait_s(2, 0), 10);
	for (uint64_t n = 1; n < 100; n++) {
		uint64_t least = vs_hook_wait_s(n, 0);

		assert_true(least >= before && least <= 3600);
		assert_true(vs_hook_wait_s(n, UINT64_MAX) <= least + least / 4);
		before = least;
	}
	assert_int_equal(before, 3600);
	assert_int_equal(vs_hook_wait_s(UINT64_MAX, 0), 3600);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_public_addresses_and_named_networks),
		cmocka_unit_test(a_network_is_written_in_one_way),
		cmocka_unit_test(a_url_is_https_with_a_host_and_no_user),
		cmocka_unit_test(a_hook_gets_what_it_wants_and_its_own_test),
		cmocka_unit_test(a_body_is_signed_with_its_time),
		cmocka_unit_test(it_waits_longer_each_time_and_never_for_ever),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

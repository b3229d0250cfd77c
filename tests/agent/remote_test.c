/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/remote_test.c - voltseal-net from inside, and any program in its
 * place: what it may not do, what it cannot have signed, and that whatever it
 * says, or does not say, ends a question and nothing else.
 *
 * S1.17
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/line/handshake.h"
#include "agent/reach/courier.h"
#include "base/file.h"
#include "base/http.h"
#include "base/pem.h"
#include "tests/agent/attack.h"
#include "tests/agent/maker.h"

#define SPARE_MS 200 /* where it may hang */
#define LONG_MS 10000
#define SEEDS 40
#define BODY_MAX 5000

static struct maker maker;
static struct vs_runner runner = {.fd = -1, .pid = -1};
static char ca[PATH_MAX], cert[PATH_MAX], key[PATH_MAX];
static EVP_PKEY *pair;
static struct vs_http_config config;

static vs_status sign(void *ctx, const void *message, size_t message_len,
                      uint8_t *sig, size_t *len, char error[static 256])
{
	(void)ctx;
	error[0] = '\0';
	return vs_pem_sign(pair, message, message_len, sig, len);
}

static int setup(void **state)
{
	(void)state;
	maker_init(&maker);
	maker_path(&maker, "ca.pem", ca);
	maker_path(&maker, "cert.pem", cert);
	maker_path(&maker, "key.pem", key);
	assert_int_equal(vs_pem_generate(key, true, &pair), VS_OK);
	maker_certificate(&maker, pair, "ca.pem");
	maker_certificate(&maker, pair, "cert.pem");
	config = (struct vs_http_config){.ca_file = ca,
	                                 .cert_file = cert,
	                                 .sign = sign,
	                                 .connect_ms = 50,
	                                 .answer_ms = 50,
	                                 .slow_ms = 50,
	                                 .min_bytes_s = 100000};
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	EVP_PKEY_free(pair);
	vs_runner_end(&runner);
	maker_drop(&maker);
	return 0;
}

/* As the agent does it: the runner starts what it was told once. */
static void use(const char *path, uint64_t spare_ms)
{
	const struct vs_runner_config how = {.status_command = "",
	                                     .net_path = path};

	vs_runner_end(&runner);
	assert_int_equal(vs_runner_start(&runner, &how), VS_OK);
	vs_courier_use(&runner, spare_ms);
}

/* What the runner has started and not ended. */
static void assert_none_left(void)
{
	char path[64], list[64] = "";
	FILE *f;

	assert_false(vs_runner_lost(&runner));
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", runner.pid,
	         runner.pid);
	f = fopen(path, "re");
	assert_non_null(f);
	assert_null(fgets(list, sizeof(list), f));
	fclose(f);
}

/* A copy of the hostile program under a name that says what it does. */
static void use_hostile(const char *name, char *path)
{
	uint8_t *bytes;
	size_t len;

	assert_int_equal(vs_file_read(HOSTILE, 64 << 20, &bytes, &len), VS_OK);
	assert_int_equal(vs_file_replace(maker_path(&maker, name, path), bytes,
	                                 len, 0755),
	                 VS_OK);
	free(bytes);
	use(path, SPARE_MS);
}

static void expect(struct vs_http *h, enum attack what, const char *path,
                   const char *said)
{
	struct vs_http_answer a;
	char url[PATH_MAX + 2];

	snprintf(url, sizeof(url), "%c%s", 'A' + (int)what, path);
	assert_int_equal(vs_http_get(h, url, 100, &a), VS_ERR_IO);
	if (strcmp(vs_http_error(h), said) != 0)
		fail_msg("attack %d: %s, not %s", (int)what, vs_http_error(h),
		         said);
	vs_http_answer_drop(&a);
}

static bool has_landlock(void)
{
	return syscall(SYS_landlock_create_ruleset, NULL, 0, 1) > 0;
}

/* S1.17 */
static void a_client_taken_over_opens_nothing_and_starts_nothing(void **state)
{
	static const enum attack ending[] = {ATTACK_TRACE_PARENT,
	                                     ATTACK_READ_PARENT, ATTACK_EXEC};
	static const enum attack failing[] = {
		ATTACK_CHANGE_MODE, ATTACK_RENAME, ATTACK_ROOT,
		ATTACK_STOP_PARENT, ATTACK_FORK,   ATTACK_NAMESPACE,
		ATTACK_THREAD,      ATTACK_CLOCK};
	char path[PATH_MAX], eperm[8], eacces[8];
	struct vs_http *h;

	(void)state;
	snprintf(eperm, sizeof(eperm), "%d", EPERM);
	snprintf(eacces, sizeof(eacces), "%d", EACCES);
	maker_put(&maker, "open-to-all", "x", 1);
	maker_path(&maker, "open-to-all", path);
	assert_int_equal(chmod(path, 0666), 0);
	assert_int_equal(chmod(maker.dir, 0777), 0);
	use(TURNED, LONG_MS);
	assert_int_equal(vs_http_new(&config, &h), VS_OK);
	expect(h, ATTACK_WRITE_FILE, path, eacces);
	expect(h, ATTACK_NEW_CODE, "", eacces);
	for (size_t i = 0; i < sizeof(failing) / sizeof(failing[0]); i++)
		expect(h, failing[i], path, eperm);
	for (size_t i = 0; i < sizeof(ending) / sizeof(ending[0]); i++)
		expect(h, ending[i], path, "voltseal-net broke off");
	if (geteuid() == 0) {
		expect(h, ATTACK_READ_FILE, key, eacces);
		expect(h, ATTACK_READ_FILE, "/etc/shadow", eacces);
	}
	/* it can tell; and the kernel may see to more */
	expect(h, ATTACK_READ_FILE, "/etc/passwd", "0");
	expect(h, ATTACK_READ_FILE, path, has_landlock() ? eacces : "0");
	expect(h, ATTACK_SOCKET_PACKET, "", eperm);
	expect(h, ATTACK_RING, "", eperm);
	vs_http_free(&h);
	assert_int_equal(chmod(maker.dir, 0700), 0);
}

static void spell(char *out, size_t hash_len, int spaces)
{
	/* A tilde stands for zero: an URL has none. */
	snprintf(out, 300, "%*s%s~", spaces, "",
	         "TLS 1.3, client CertificateVerify");
	memset(out + strlen(out) + 1, 0, hash_len + 1);
	memset(out + strlen(out), 'h', hash_len);
}

static void expect_signed(struct vs_http *h, const char *what, bool is)
{
	struct vs_http_answer a;

	assert_int_equal(vs_http_get(h, what, 100, &a), VS_ERR_IO);
	assert_string_equal(vs_http_error(h), is ? "signed 64" : "signed 0");
	vs_http_answer_drop(&a);
}

/* S1.17: neither a report nor anything else is signed for net. */
static void only_a_handshake_is_signed(void **state)
{
	char path[PATH_MAX], text[300] = "";
	struct vs_http *h;

	(void)state;
	use_hostile("sign", path);
	use(path, LONG_MS);
	assert_int_equal(vs_http_new(&config, &h), VS_OK);
	spell(text, 32, 64);
	expect_signed(h, text, true);
	spell(text, 48, 64);
	expect_signed(h, text, true);
	spell(text, 47, 64);
	expect_signed(h, text, false);
	spell(text, 64, 64);
	expect_signed(h, text, false);
	spell(text, 32, 63);
	expect_signed(h, text, false);
	spell(text, 33, 63);
	expect_signed(h, text, false);
	spell(text, 32, 64);
	memcpy(text + 64 + 9, "server", 6);
	expect_signed(h, text, false);
	spell(text, 32, 64);
	text[97] = '-';
	expect_signed(h, text, false);
	expect_signed(h, "{\"_type\":\"vehicle-manifest\"}", false);
	vs_http_free(&h);
}

static void an_answer_to_another_question_is_none(void **state)
{
	char path[PATH_MAX];
	struct vs_http_answer a;
	struct vs_http *h;

	(void)state;
	use_hostile("next", path);
	use(path, LONG_MS);
	assert_int_equal(vs_http_new(&config, &h), VS_OK);
	assert_int_equal(vs_http_get(h, "https://a.test/", 100, &a), VS_ERR_IO);
	assert_string_equal(vs_http_error(h), "voltseal-net broke off");
	vs_http_answer_drop(&a);
	vs_http_free(&h);
}

static uint64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

static bool is_usual(vs_status status)
{
	return status == VS_OK || status == VS_ERR_IO ||
	       status == VS_ERR_NOMEM || status == VS_ERR_LIMIT ||
	       status == VS_ERR_ABSENT;
}

static unsigned ask(struct vs_http *h, unsigned i)
{
	static uint8_t bytes[BODY_MAX];
	struct vs_http_answer a = {0};
	struct vs_http_stream *s = NULL;
	vs_status status;

	if (i % 3 == 0) {
		status = vs_http_get(h, "https://a.test/", BODY_MAX, &a);
	} else if (i % 3 == 1) {
		status = vs_http_send(h, "POST", "https://a.test/r", "a/b",
		                      bytes, 2000, BODY_MAX, &a);
	} else {
		status =
			vs_http_stream_open(h, "https://a.test/p", 5, 5000, &s);
		assert_int_equal(status == VS_OK, s != NULL);
		for (size_t n = 1; status == VS_OK && n < BODY_MAX; n *= 3)
			status = vs_http_stream_read(s, bytes, n);
		vs_http_stream_close(&s);
	}
	assert_true(is_usual(status));
	assert_true(a.len <= BODY_MAX);
	if (status == VS_OK && i % 3 < 2)
		assert_int_equal(a.body[a.len], 0);
	for (const char *p = vs_http_error(h); *p; p++)
		assert_in_range(*p, ' ', '~');
	vs_http_answer_drop(&a);
	return status != VS_OK;
}

/* S1.17 S2.39: by seed, anything at any time. */
static void a_hostile_program_in_its_place_ends_questions_alone(void **state)
{
	unsigned failed = 0, asked = 0;
	uint64_t longest = 0;

	(void)state;
	for (unsigned seed = 1; seed <= SEEDS; seed++) {
		char name[32], path[PATH_MAX];
		struct vs_http *h[2];
		uint64_t before = 0;

		snprintf(name, sizeof(name), "net-%u", seed);
		use_hostile(name, path);
		for (int i = 0; i < 2; i++)
			assert_int_equal(vs_http_new(&config, &h[i]), VS_OK);
		for (unsigned i = 0; i < 12; i++, asked++) {
			uint64_t began = now_ms(), took;

			failed += ask(h[i % 2], i);
			took = now_ms() - began;
			longest = took > longest ? took : longest;
			/* What it has counted is not taken back. */
			assert_true(vs_http_received(h[0]) >= before);
			before = vs_http_received(h[0]);
		}
		for (int i = 0; i < 2; i++)
			vs_http_free(&h[i]);
		assert_none_left();
		unlink(path);
	}
	print_message("# %u of %u failed, the longest took %" PRIu64 " ms\n",
	              failed, asked, longest);
	assert_in_range(failed, asked / 10, asked - 1);
	assert_true(longest < 30000);
}

static void one_that_cannot_be_started_says_why(void **state)
{
	static const struct {
		const char *path, *what;
	} cases[] = {
		{"/nonexistent/net", "voltseal-net is not there"      },
		{"die",              "voltseal-net does not get ready"},
		{"hang",             "voltseal-net does not get ready"},
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char path[PATH_MAX];
		struct vs_http_answer a;
		struct vs_http *h;

		use(cases[i].path, SPARE_MS);
		if (cases[i].path[0] != '/')
			use_hostile(cases[i].path, path);
		assert_int_equal(vs_http_new(&config, &h), VS_OK);
		assert_int_equal(vs_http_get(h, "https://a.test", 10, &a),
		                 VS_ERR_IO);
		assert_string_equal(vs_http_error(h), cases[i].what);
		vs_http_answer_drop(&a);
		vs_http_free(&h);
	}
}

/* The real one: nobody listens there, and it says so. */
static void the_real_one_asks_and_tells(void **state)
{
	struct vs_http_answer a;
	struct vs_http *h;

	(void)state;
	use(NULL, LONG_MS);
	assert_int_equal(vs_http_new(&config, &h), VS_OK);
	assert_int_equal(vs_http_get(h, "https://127.0.0.1:1/", 10, &a),
	                 VS_ERR_IO);
	assert_non_null(strstr(vs_http_error(h), "127.0.0.1 port 1"));
	vs_http_free(&h);
	assert_none_left();
}

static void a_file_that_is_not_there_is_told_at_once(void **state)
{
	struct vs_http_config without = config;
	struct vs_http *h;

	(void)state;
	without.cert_file = "/nonexistent/cert";
	assert_int_not_equal(vs_http_new(&without, &h), VS_OK);
	assert_null(h);
	without = config;
	without.ca_file = "/nonexistent/ca";
	assert_int_not_equal(vs_http_new(&without, &h), VS_OK);
	assert_null(h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_client_taken_over_opens_nothing_and_starts_nothing),
		cmocka_unit_test(only_a_handshake_is_signed),
		cmocka_unit_test(an_answer_to_another_question_is_none),
		cmocka_unit_test(
			a_hostile_program_in_its_place_ends_questions_alone),
		cmocka_unit_test(one_that_cannot_be_started_says_why),
		cmocka_unit_test(the_real_one_asks_and_tells),
		cmocka_unit_test(a_file_that_is_not_there_is_told_at_once),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/proof_test.c - proof files have one spelling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/proof.h"

#define HEAD "c2sp.org/tlog-proof@v1\n"
#define HASH "gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=\n"

/* The head of the standard's example. */
#define EXAMPLE                                                                \
	HEAD "extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6\n"                \
	     "index 73894\n" HASH                                              \
	     "B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=\n"                  \
	     "EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=\n"                  \
	     "\n"                                                              \
	     "example.com/fancylog\n109482\n"                                  \
	     "sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=\n"                  \
	     "\n— example.com/fancylog AAAAAAAA\n"

static void a_proof_comes_out_as_it_went_in(void **state)
{
	struct vs_text t = text_make(4096);
	struct vs_proof p;
	uint8_t extra[64];
	size_t len;

	(void)state;
	assert_int_equal(vs_proof_parse(EXAMPLE, strlen(EXAMPLE), &p, NULL),
	                 VS_OK);
	assert_int_equal(p.index, 73894);
	assert_int_equal(p.path.count, 3);
	assert_memory_equal(p.checkpoint.at, "example.com/fancylog\n", 21);
	assert_int_equal(vs_span_base64(&p.extra, extra, sizeof extra, &len),
	                 VS_OK);
	assert_int_equal(len, 30);
	assert_memory_equal(extra, "age-v1.2.1-darwin-arm64.tar.gz", len);
	assert_int_equal(vs_proof_encode(&p, extra, len, &t), VS_OK);
	assert_string_equal(t.at, EXAMPLE);
}

static void extra_data_and_hashes_may_be_missing(void **state)
{
	static const char text[] = HEAD "index 0\n\nnote\n";
	struct vs_text t = text_make(4096);
	struct vs_proof p;

	(void)state;
	assert_int_equal(vs_proof_parse(text, strlen(text), &p, NULL), VS_OK);
	assert_int_equal(p.path.count, 0);
	assert_int_equal(p.extra.len, 0);
	assert_int_equal(vs_proof_encode(&p, NULL, 0, &t), VS_OK);
	assert_string_equal(t.at, text);
}

static void what_is_no_proof_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"index 0\n\nnote\n",
		"c2sp.org/tlog-proof@v2\nindex 0\n\nnote\n",
		HEAD,
		HEAD "extra AAAA\n",
		HEAD "index\n\nnote\n",
		HEAD "index 00\n\nnote\n",
		HEAD "index -1\n\nnote\n",
		HEAD "index 9223372036854775808\n\nnote\n",
		HEAD "Index 0\n\nnote\n",
		HEAD "index 0\n\n",
		HEAD "index 0\n",
		HEAD "index 0\n" HASH,
		HEAD "index 0\n" HASH "note\n\nnote\n",
		HEAD "index 0\ngSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlR=\n"
		     "\nnote\n",
		HEAD "index 0\ngSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPg==\n"
		     "\nnote\n",
		HEAD "extra \nindex 0\n\nnote\n",
		HEAD "extra A\nindex 0\n\nnote\n",
		HEAD "extra AA==AAAA\nindex 0\n\nnote\n",
		HEAD "extra AAAA\nextra AAAA\nindex 0\n\nnote\n",
		HEAD "index 0\nextra AAAA\n\nnote\n",
	};
	struct vs_proof p;
	struct vs_why why;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (vs_proof_parse(bad[i], strlen(bad[i]), &p, &why) !=
		    VS_ERR_INPUT)
			fail_msg("%s: read", bad[i]);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
	}
}

static void too_many_hashes_and_bytes_are_a_limit(void **state)
{
	struct vs_text t = text_make(VS_PROOF_LEN_MAX + 2);
	struct vs_proof p;

	(void)state;
	for (size_t n = VS_MERKLE_DEPTH_MAX; n <= VS_MERKLE_DEPTH_MAX + 1;
	     n++) {
		t.len = 0;
		assert_int_equal(vs_text_string(&t, HEAD "index 0\n"), VS_OK);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(vs_text_string(&t, HASH), VS_OK);
		assert_int_equal(vs_text_string(&t, "\nnote\n"), VS_OK);
		assert_int_equal(vs_proof_parse(t.at, t.len, &p, NULL),
		                 n > VS_MERKLE_DEPTH_MAX ? VS_ERR_LIMIT
		                                         : VS_OK);
	}
	assert_int_equal(vs_proof_parse(t.at, VS_PROOF_LEN_MAX + 1, &p, NULL),
	                 VS_ERR_LIMIT);
}

static void a_proof_that_does_not_fit_is_said(void **state)
{
	char room[sizeof EXAMPLE];
	struct vs_proof p;

	(void)state;
	assert_int_equal(vs_proof_parse(EXAMPLE, strlen(EXAMPLE), &p, NULL),
	                 VS_OK);
	for (size_t cap = 1; cap <= sizeof EXAMPLE; cap++) {
		struct vs_text t = {room, cap, 0};

		assert_int_equal(vs_proof_encode(&p,
		                                 "age-v1.2.1-darwin-arm64."
		                                 "tar.gz",
		                                 30, &t),
		                 cap < sizeof EXAMPLE ? VS_ERR_LIMIT : VS_OK);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_proof_comes_out_as_it_went_in),
		cmocka_unit_test(extra_data_and_hashes_may_be_missing),
		cmocka_unit_test(what_is_no_proof_is_refused),
		cmocka_unit_test(too_many_hashes_and_bytes_are_a_limit),
		cmocka_unit_test(a_proof_that_does_not_fit_is_said),
	};

	return cmocka_run_group_tests_name("proof", tests, NULL, NULL);
}

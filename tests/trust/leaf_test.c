/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/leaf_test.c - a log's entry about a seal has one spelling.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/leaf.h"

#define HEX64                                                                  \
	"00000000000000000000000000000000"                                     \
	"00000000000000000000000000000007"
#define ENTRY                                                                  \
	"{\"_type\":\"voltseal-seal\",\"component\":\"gateway\","              \
	"\"hardwareIds\":[\"gw-rev3\",\"gw-rev4\"],"                           \
	"\"releaseCounter\":7,\"rollbackIndex\":5,"                            \
	"\"seal\":{\"length\":30007,\"sha256\":\"" HEX64 "\"},"                \
	"\"version\":\"1.7.0\"}"

static void an_entry_is_just_these_bytes(void **state)
{
	struct vs_leaf leaf = leaf_make(7), back;
	char *entry;
	size_t len;

	(void)state;
	memset(leaf.sbom_sha256, 0, sizeof leaf.sbom_sha256);
	assert_int_equal(vs_leaf_encode(&leaf, &entry, &len, NULL), VS_OK);
	assert_int_equal(len, strlen(ENTRY));
	assert_string_equal(entry, ENTRY);
	assert_int_equal(vs_leaf_decode(entry, len, &back, NULL), VS_OK);
	assert_memory_equal(&leaf, &back, sizeof back);
	free(entry);
}

static void sbom_and_provenance_come_back(void **state)
{
	struct vs_leaf leaf = leaf_make(7), back;
	char *entry;
	size_t len;

	(void)state;
	snprintf(leaf.provenance_sha256, sizeof(leaf.provenance_sha256), "%s",
	         HEX64);
	leaf.hardware_count = 1;
	memset(leaf.hardware[1], 0, sizeof leaf.hardware[1]);
	assert_int_equal(vs_leaf_encode(&leaf, &entry, &len, NULL), VS_OK);
	assert_non_null(strstr(entry, "\"provenance\":{\"sha256\":\"" HEX64));
	assert_int_equal(vs_leaf_decode(entry, len, &back, NULL), VS_OK);
	assert_memory_equal(&leaf, &back, sizeof back);
	free(entry);
}

/* One piece of ENTRY replaced by another. */
static vs_status decode_with(const char *old, const char *new,
                             struct vs_why *why)
{
	struct vs_text t = text_make(8192);
	const char *at = strstr(ENTRY, old);
	struct vs_leaf leaf;

	assert_non_null(at);
	assert_int_equal(vs_text_add(&t, ENTRY, (size_t)(at - ENTRY)), VS_OK);
	assert_int_equal(vs_text_string(&t, new), VS_OK);
	assert_int_equal(vs_text_string(&t, at + strlen(old)), VS_OK);
	return vs_leaf_decode(t.at, t.len, &leaf, why);
}

static void no_other_bytes_are_an_entry(void **state)
{
	/* clang-format off */
	static const struct {
		const char *old, *new;
	} bad[] = {
		{"{",                          " {"},
		{":7,",                        ": 7,"},
		{"\"1.7.0\"}",                 "\"1.7.0\"}\n"},
		{"\"1.7.0\"}",                 "\"1.7.0\",\"x\":1}"},
		{"\"1.7.0\"}",                 "\"1.7.0\",\"sbom\":{}}"},
		{"gateway",                    ""},
		{"gateway",                    "gate\\u0077ay"},
		{"gateway",                    "gate\\nway"},
		{"gateway",                    "gate\xc3\xa9"},
		{":7,",                        ":-7,"},
		{":7,",                        ":7.0,"},
		{":7,",                        ":\"7\","},
		{":7,",                        ":9007199254740992,"},
		{HEX64,                        "07"},
		{HEX64 "\"},",                 HEX64 "\",\"x\":1},"},
		{"\"gw-rev3\",\"gw-rev4\"",    ""},
		{"\"gw-rev3\",\"gw-rev4\"",    "3"},
		{"[\"gw-rev3\",\"gw-rev4\"]",  "\"gw-rev3\""},
		{"\"component\":\"gateway\",", ""},
	};
	/* clang-format on */
	struct vs_why why;

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		if (decode_with(bad[i].old, bad[i].new, &why) != VS_ERR_INPUT)
			fail_msg("%s for %s: read", bad[i].new, bad[i].old);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
	}
	assert_int_equal(
		decode_with("\"gw-rev3\",",
	                    "\"0\",\"1\",\"2\",\"3\",\"4\",\"5\",\"6\",\"7\","
	                    "\"8\",\"9\",\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",",
	                    &why),
		VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	assert_int_equal(decode_with("voltseal-seal", "voltseal-root", &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_UNSUPPORTED);
}

static void what_cannot_be_said_is_not_written(void **state)
{
	struct vs_leaf l;
	char *entry;
	size_t len;

	(void)state;
#define REFUSED(change)                                                        \
	do {                                                                   \
		l = leaf_make(7);                                              \
		change;                                                        \
		assert_int_equal(vs_leaf_encode(&l, &entry, &len, NULL),       \
		                 VS_ERR_INPUT);                                \
		assert_null(entry);                                            \
	} while (0)
	REFUSED(l.component[0] = '\0');
	REFUSED(snprintf(l.component, sizeof(l.component), "%s", "a\"b"));
	REFUSED(snprintf(l.component, sizeof(l.component), "%s", "a\\b"));
	REFUSED(snprintf(l.version, sizeof(l.version), "%s", "1\n"));
	REFUSED(l.hardware_count = 0);
	REFUSED(l.hardware_count = VS_LEAF_HARDWARE_MAX + 1);
	REFUSED(l.hardware[1][0] = '\0');
	REFUSED(l.release_seq = UINT64_C(1) << 53);
	REFUSED(l.security_version = UINT64_C(1) << 53);
	REFUSED(l.seal_len = UINT64_MAX);
	REFUSED(l.seal_sha256[0] = '\0');
	REFUSED(l.seal_sha256[3] = 'A');
	REFUSED(l.sbom_sha256[63] = '\0');
	REFUSED(snprintf(l.provenance_sha256, sizeof(l.provenance_sha256), "%s",
	                 "x"));
#undef REFUSED
}

static void an_entry_covers_the_seal_it_says_and_no_other(void **state)
{
	const struct vs_leaf entry = leaf_make(7);
	struct vs_leaf seal = entry;

	(void)state;
	assert_true(vs_leaf_covers(&entry, &seal));
	seal.sbom_sha256[0] = '\0'; /* not known to the charger */
	assert_true(vs_leaf_covers(&entry, &seal));
#define OTHER(change)                                                          \
	do {                                                                   \
		seal = entry;                                                  \
		change;                                                        \
		assert_false(vs_leaf_covers(&entry, &seal));                   \
	} while (0)
	OTHER(seal.component[0] = 'G');
	OTHER(seal.version[0] = '2');
	OTHER(seal.hardware_count = 1);
	OTHER(seal.hardware[1][0] = 'x');
	OTHER(seal.release_seq++);
	OTHER(seal.security_version--);
	OTHER(seal.seal_len++);
	OTHER(seal.seal_sha256[0] = '1');
	OTHER(seal.sbom_sha256[0] = '1');
#undef OTHER
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_entry_is_just_these_bytes),
		cmocka_unit_test(sbom_and_provenance_come_back),
		cmocka_unit_test(no_other_bytes_are_an_entry),
		cmocka_unit_test(what_cannot_be_said_is_not_written),
		cmocka_unit_test(an_entry_covers_the_seal_it_says_and_no_other),
	};

	return cmocka_run_group_tests_name("leaf", tests, NULL, NULL);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/vector_test.c - other people's vectors for keys and JSON.
 *
 * Wycheproof (Ed25519, ECDSA P-256, RSA-PSS), CCTV's Ed25519 edge cases and
 * JSONTestSuite, from the folder that VOLTSEAL_VECTORS names.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/digest.h"
#include "trust/json.h"
#include "trust/key.h"

enum { path_max = 1024, text_max = 1 << 20 };

static const char *folder;

static json_t *load(const char *file)
{
	char path[path_max];
	json_error_t error;
	json_t *out;

	(void)snprintf(path, sizeof path, "%s/%s", folder, file);
	out = json_load_file(path, 0, &error);
	if (!out)
		fail_msg("%s: %s", path, error.text);
	return out;
}

static const char *text_of(const json_t *o, const char *name)
{
	const char *text = json_string_value(json_object_get(o, name));

	assert_non_null(text);
	return text;
}

static vs_status parse_key(const char *keytype, const char *scheme,
                           const char *public, struct vs_key *out)
{
	json_t *object =
		json_pack("{s:s, s:s, s:{s:s}}", "keytype", keytype, "scheme",
	                  scheme, "keyval", "public", public);
	vs_status status;

	assert_non_null(object);
	status = vs_key_parse(object, out, NULL);
	json_decref(object);
	return status;
}

static size_t bytes_of(const char *hex, uint8_t *out, size_t max)
{
	size_t len = 0;

	assert_int_equal(vs_digest_get_hex(hex, out, max, &len), VS_OK);
	return len;
}

static bool has_flag(const json_t *vector, const char *flag)
{
	const json_t *flags = json_object_get(vector, "flags");

	for (size_t i = 0; i < json_array_size(flags); i++) {
		if (strcmp(json_string_value(json_array_get(flags, i)), flag) ==
		    0)
			return true;
	}
	return false;
}

/* Whether the verdict on one vector is the expected one.  TUF leaves the
 * length of an RSA-PSS salt open, these vectors do not. */
static bool agrees(const struct vs_key *key, const json_t *vector)
{
	static uint8_t message[text_max], sig[text_max];
	size_t len = bytes_of(text_of(vector, "msg"), message, text_max);
	size_t sig_len = bytes_of(text_of(vector, "sig"), sig, text_max);
	bool valid = strcmp(text_of(vector, "result"), "valid") == 0 ||
	             strncmp(text_of(vector, "comment"), "s_len changed to ",
	                     17) == 0;

	return vs_key_verify(key, message, len, sig, sig_len) ==
	       (valid ? VS_OK : VS_ERR_REFUSED);
}

static size_t run_group(const json_t *group, const char *keytype,
                        const char *scheme)
{
	const json_t *tests = json_object_get(group, "tests");
	const json_t *raw =
		json_object_get(json_object_get(group, "publicKey"), "pk");
	struct vs_key key;

	assert_int_equal(parse_key(keytype, scheme,
	                           strcmp(keytype, "ed25519") == 0
	                                   ? json_string_value(raw)
	                                   : text_of(group, "publicKeyPem"),
	                           &key),
	                 VS_OK);
	for (size_t i = 0; i < json_array_size(tests); i++) {
		const json_t *one = json_array_get(tests, i);

		if (!agrees(&key, one))
			fail_msg("tcId %d: %s",
			         (int)json_integer_value(
					 json_object_get(one, "tcId")),
			         text_of(one, "comment"));
	}
	vs_key_drop(&key);
	return json_array_size(tests);
}

static void run_file(const char *file, const char *keytype, const char *scheme,
                     size_t count)
{
	json_t *whole, *groups;
	size_t done = 0;

	whole = load(file);
	groups = json_object_get(whole, "testGroups");
	for (size_t i = 0; i < json_array_size(groups); i++)
		done += run_group(json_array_get(groups, i), keytype, scheme);
	assert_int_equal(done, count);
	json_decref(whole);
}

static void ed25519_agrees_with_wycheproof(void **state)
{
	(void)state;
	run_file("wycheproof/wy_ed25519_test.json", "ed25519", "ed25519", 151);
}

static void p256_agrees_with_wycheproof(void **state)
{
	(void)state;
	run_file("wycheproof/wy_ecdsa_secp256r1_sha256_test.json", "ecdsa",
	         "ecdsa-sha2-nistp256", 484);
}

static void rsa_pss_agrees_with_wycheproof(void **state)
{
	(void)state;
	run_file("wycheproof/wy_rsa_pss_2048_sha256_mgf1_32_test.json", "rsa",
	         "rsassa-pss-sha256", 108);
}

static void weak_points_never_enter_and_others_do(void **state)
{
	json_t *all;
	size_t refused = 0;

	(void)state;
	all = load("ed25519-cctv/ed25519vectors.json");
	assert_int_equal(json_array_size(all), 914);
	for (size_t i = 0; i < json_array_size(all); i++) {
		const json_t *one = json_array_get(all, i);
		bool weak = has_flag(one, "low_order_A") ||
		            has_flag(one, "non_canonical_A");
		struct vs_key key;
		vs_status status = parse_key("ed25519", "ed25519",
		                             text_of(one, "key"), &key);

		if (status != (weak ? VS_ERR_INPUT : VS_OK))
			fail_msg("%s", text_of(one, "key"));
		refused += weak;
		vs_key_drop(&key);
	}
	assert_true(refused > 100);
	json_decref(all);
}

/* Valid JSON that our profile refuses: reals, a key twice, NUL in a string. */
static const char *const beyond_profile[] = {
	"y_number.json",
	"y_number_0e+1.json",
	"y_number_0e1.json",
	"y_number_double_close_to_zero.json",
	"y_number_int_with_exp.json",
	"y_number_real_capital_e.json",
	"y_number_real_capital_e_neg_exp.json",
	"y_number_real_capital_e_pos_exp.json",
	"y_number_real_exponent.json",
	"y_number_real_fraction_exponent.json",
	"y_number_real_neg_exp.json",
	"y_number_real_pos_exponent.json",
	"y_number_simple_real.json",
	"y_structure_lonely_negative_real.json",
	"y_object_extreme_numbers.json",
	"y_object_duplicated_key.json",
	"y_object_duplicated_key_and_value.json",
	"y_object_escaped_null_in_key.json",
	"y_string_null_escape.json",
};

static bool is_beyond_profile(const char *name)
{
	for (size_t i = 0; i < sizeof beyond_profile / sizeof *beyond_profile;
	     i++) {
		if (strcmp(name, beyond_profile[i]) == 0)
			return true;
	}
	return false;
}

/* A file of JSONTestSuite as the value of a member, for we take objects. */
static size_t wrap(const char *name, char *out)
{
	char path[path_max];
	size_t len = 5;
	FILE *f;

	(void)snprintf(path, sizeof path, "%s/json-parsing/%s", folder, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	memcpy(out, "{\"a\":", len);
	len += fread(out + len, 1, text_max - len - 1, f);
	assert_true(feof(f));
	(void)fclose(f);
	out[len++] = '}';
	return len;
}

/* The verdict; what is accepted must have a canonical form. */
static bool accepted(const char *name)
{
	static char text[text_max];
	size_t len = wrap(name, text), canon_len;
	struct vs_why why = {0};
	char *canon;
	json_t *v;
	vs_status status = vs_json_parse(text, len, text_max, &v, &why);

	if (status) {
		assert_int_equal(status, VS_ERR_INPUT);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
		return false;
	}
	assert_int_equal(vs_json_canonical(v, &canon, &canon_len), VS_OK);
	free(canon);
	json_decref(v);
	return true;
}

static void json_is_taken_and_refused_as_our_profile_says(void **state)
{
	char path[path_max];
	struct dirent *entry;
	size_t seen = 0;
	DIR *dir;

	(void)state;
	(void)snprintf(path, sizeof path, "%s/json-parsing", folder);
	dir = opendir(path);
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		const char *name = entry->d_name;
		bool taken;

		if (!strstr(name, ".json"))
			continue;
		seen++;
		taken = accepted(name);
		if (name[0] == 'n' && taken)
			fail_msg("%s: taken", name);
		if (name[0] == 'y' && taken == is_beyond_profile(name))
			fail_msg("%s: %s", name, taken ? "taken" : "refused");
	}
	(void)closedir(dir);
	assert_int_equal(seen, 318);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ed25519_agrees_with_wycheproof),
		cmocka_unit_test(p256_agrees_with_wycheproof),
		cmocka_unit_test(rsa_pss_agrees_with_wycheproof),
		cmocka_unit_test(weak_points_never_enter_and_others_do),
		cmocka_unit_test(json_is_taken_and_refused_as_our_profile_says),
	};

	folder = getenv("VOLTSEAL_VECTORS");
	if (!folder || !*folder) {
		puts("1..0 # SKIP VOLTSEAL_VECTORS names no folder");
		return 0;
	}
	return cmocka_run_group_tests(tests, NULL, NULL);
}

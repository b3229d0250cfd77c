/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/base/file_test.c - files, buffers, hex, quoting, keys on disk.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "base/pem.h"

static char folder[64];

static int make_folder(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "%s", "/tmp/vs-file-XXXXXX");
	return mkdtemp(folder) ? chdir(folder) : -1;
}

static int remove_folder(void **state)
{
	static const char *const names[] = {"a", "big", "key", "x/y/z"};

	(void)state;
	for (size_t i = 0; i < 4; i++)
		unlink(names[i]);
	rmdir("x/y");
	rmdir("x");
	return chdir("/") || rmdir(folder);
}

static void a_replaced_file_reads_back_and_keeps_its_mode(void **state)
{
	uint8_t *out;
	size_t len;
	struct stat st;

	(void)state;
	assert_int_equal(vs_file_replace("a", "one", 3, 0600), VS_OK);
	assert_int_equal(vs_file_replace("a", "second", 6, 0640), VS_OK);
	assert_int_equal(vs_file_read("a", 6, &out, &len), VS_OK);
	assert_int_equal(len, 6);
	assert_string_equal((char *)out, "second");
	free(out);
	assert_int_equal(stat("a", &st), 0);
	assert_int_equal(st.st_mode & 0777, 0640);
}

static void a_failed_replace_leaves_the_old_file_and_nothing_else(void **state)
{
	uint8_t *out;
	size_t len;

	(void)state;
	assert_int_equal(vs_file_replace("a", "old", 3, 0600), VS_OK);
	assert_int_equal(vs_file_replace("no/such/a", "new", 3, 0600),
	                 VS_ERR_IO);
	assert_int_equal(vs_file_mkdirs("x/y", 0700), VS_OK);
	/* A folder in the way: the rename fails after the write. */
	assert_int_equal(vs_file_replace("x/y", "new", 3, 0600), VS_ERR_IO);
	assert_int_equal(rmdir("x/y"), 0);
	assert_int_equal(rmdir("x"), 0);
	assert_int_equal(vs_file_read("a", 10, &out, &len), VS_OK);
	assert_string_equal((char *)out, "old");
	free(out);
}

static void reading_has_a_bound_and_tells_what_is_missing(void **state)
{
	uint8_t *out;
	size_t len;

	(void)state;
	assert_int_equal(vs_file_replace("big", "0123456789", 10, 0600), VS_OK);
	assert_int_equal(vs_file_read("big", 9, &out, &len), VS_ERR_LIMIT);
	assert_null(out);
	assert_int_equal(vs_file_read("nothing", 9, &out, &len), VS_ERR_ABSENT);
	assert_int_equal(vs_file_read("/dev/zero", 9, &out, &len), VS_ERR_IO);
	assert_int_equal(vs_file_read("/tmp", 9, &out, &len), VS_ERR_IO);
}

static void a_file_hashes_to_its_sha256(void **state)
{
	char hex[65];
	uint64_t len;

	(void)state;
	assert_int_equal(vs_file_replace("a", "abc", 3, 0600), VS_OK);
	assert_int_equal(vs_file_sha256("a", hex, &len), VS_OK);
	assert_int_equal(len, 3); /* FIPS 180-4 example */
	assert_string_equal(hex, "ba7816bf8f01cfea414140de5dae2223"
	                         "b00361a396177a9cb410ff61f20015ad");
}

static void a_buffer_stops_at_its_maximum(void **state)
{
	struct vs_buffer b;
	size_t len;

	(void)state;
	vs_buffer_init(&b, 8);
	assert_int_equal(vs_buffer_add(&b, "12345", 5), VS_OK);
	assert_int_equal(vs_buffer_add(&b, "6789", 4), VS_ERR_LIMIT);
	assert_int_equal(vs_buffer_printf(&b, "%d", 678), VS_OK);
	assert_int_equal(vs_buffer_add(&b, "x", 1), VS_ERR_LIMIT);
	assert_string_equal((char *)b.data, "12345678");
	uint8_t *taken = vs_buffer_take(&b, &len);
	assert_int_equal(len, 8);
	free(taken);
	assert_int_equal(vs_buffer_add(&b, "again", 5), VS_OK);
	vs_buffer_drop(&b);
}

static void hex_has_one_spelling(void **state)
{
	uint8_t bytes[2];
	char text[5];

	(void)state;
	assert_int_equal(vs_hex_decode("0aff", bytes, 2), VS_OK);
	vs_hex_encode(bytes, 2, text);
	assert_string_equal(text, "0aff");
	assert_int_equal(vs_hex_decode("0AFF", bytes, 2), VS_ERR_INPUT);
	assert_int_equal(vs_hex_decode("0aff0", bytes, 2), VS_ERR_INPUT);
	assert_int_equal(vs_hex_decode("0a f", bytes, 2), VS_ERR_INPUT);
	assert_false(vs_hex_is_sha256("00"));
}

/* S1.18 */
static void foreign_text_cannot_forge_a_line(void **state)
{
	char out[16];

	(void)state;
	assert_string_equal(vs_log_quote("a\nb\\c\xff", out, sizeof out),
	                    "a\\x0ab\\x5cc\\xff");
	assert_string_equal(vs_log_quote("123456789012345678", out, 8),
	                    "1234567");
	assert_string_equal(vs_log_quote("123456\n", out, 8), "123456");
}

/* S1.30 */
static void a_private_key_that_others_may_read_is_refused(void **state)
{
	EVP_PKEY *key, *again;
	uint8_t sig[128];
	size_t len = sizeof sig;

	(void)state;
	for (int ed25519 = 0; ed25519 < 2; ed25519++) {
		assert_int_equal(vs_pem_generate("key", ed25519, &key), VS_OK);
		assert_int_equal(vs_pem_private_key("key", &again), VS_OK);
		assert_int_equal(EVP_PKEY_eq(key, again), 1);
		len = sizeof sig;
		assert_int_equal(vs_pem_sign(again, "m", 1, sig, &len), VS_OK);
		EVP_PKEY_free(again);
		assert_int_equal(chmod("key", 0640), 0);
		assert_int_equal(vs_pem_private_key("key", &again),
		                 VS_ERR_DENIED);
		EVP_PKEY_free(key);
	}
	assert_int_equal(vs_file_replace("key", "no key", 6, 0600), VS_OK);
	assert_int_equal(vs_pem_private_key("key", &key), VS_ERR_INPUT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_replaced_file_reads_back_and_keeps_its_mode),
		cmocka_unit_test(
			a_failed_replace_leaves_the_old_file_and_nothing_else),
		cmocka_unit_test(reading_has_a_bound_and_tells_what_is_missing),
		cmocka_unit_test(a_file_hashes_to_its_sha256),
		cmocka_unit_test(a_buffer_stops_at_its_maximum),
		cmocka_unit_test(hex_has_one_spelling),
		cmocka_unit_test(foreign_text_cannot_forge_a_line),
		cmocka_unit_test(a_private_key_that_others_may_read_is_refused),
	};

	return cmocka_run_group_tests(tests, make_folder, remove_folder);
}

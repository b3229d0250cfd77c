/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/peer_test.c - a certificate's name, from the whole of it and
 * from its bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <openssl/evp.h>
#include <openssl/x509v3.h>

#include "server/net/peer.h"

enum { cap = 64 };

/* Signed by nobody: names are all that is asked for here. */
static X509 *make(long version, const char *const *names, size_t count)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *cert = X509_new();
	X509_NAME *name = X509_NAME_new();

	assert_non_null(key);
	assert_int_equal(X509_set_version(cert, version), 1);
	assert_int_equal(ASN1_INTEGER_set(X509_get_serialNumber(cert), 77), 1);
	assert_non_null(X509_gmtime_adj(X509_getm_notBefore(cert), 0));
	assert_non_null(X509_gmtime_adj(X509_getm_notAfter(cert), 3600));
	assert_int_equal(X509_NAME_add_entry_by_txt(
				 name, "O", MBSTRING_ASC,
				 (const unsigned char *)"Voltseal", -1, -1, 0),
	                 1);
	assert_int_equal(X509_set_issuer_name(cert, name), 1);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(X509_NAME_add_entry_by_txt(
					 name, "CN", MBSTRING_UTF8,
					 (const unsigned char *)names[i], -1,
					 -1, 0),
		                 1);
	assert_int_equal(X509_set_subject_name(cert, name), 1);
	assert_int_equal(X509_set_pubkey(cert, key), 1);
	assert_true(X509_sign(cert, key, EVP_sha256()) > 0);
	X509_NAME_free(name);
	EVP_PKEY_free(key);
	return cert;
}

static size_t encode(X509 *cert, uint8_t **der)
{
	*der = NULL;
	int len = i2d_X509(cert, der);

	assert_true(len > 0);
	return (size_t)len;
}

static void the_bytes_give_the_name_that_the_certificate_gives(void **state)
{
	static const struct {
		const char *names[2];
		size_t count;
		vs_status status;
	} rows[] = {
		{{"CP-0001"},            1, VS_OK       },
		{{"a"},                  1, VS_OK       },
		{{"CP-0001", "CP-0002"}, 2, VS_ERR_INPUT},
		{{"CP 0001"},            1, VS_ERR_INPUT},
		{{"CP-\xc3\xa4"},        1, VS_ERR_INPUT},
		{{NULL},                 0, VS_ERR_INPUT},
	};

	(void)state;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		for (long version = 0; version <= 2; version += 2) {
			char whole[cap] = "", bytes[cap] = "";
			X509 *cert =
				make(version, rows[i].names, rows[i].count);
			uint8_t *der;
			size_t len = encode(cert, &der);

			assert_int_equal(vs_peer_name(cert, whole, cap),
			                 rows[i].status);
			assert_int_equal(vs_peer_der_name(der, len, bytes, cap),
			                 rows[i].status);
			assert_string_equal(whole, bytes);
			OPENSSL_free(der);
			X509_free(cert);
		}
}

/* Whatever byte is another one: never a name that OpenSSL does not read. */
static void damaged_bytes_give_no_other_name(void **state)
{
	static const char *const names[] = {"CP-0001"};
	X509 *cert = make(2, names, 1);
	uint8_t *der;
	size_t len = encode(cert, &der), same = 0, refused = 0;

	(void)state;
	for (size_t i = 0; i < 2 * len; i++) {
		uint8_t *copy = malloc(len);
		char bytes[cap] = "", whole[cap] = "";

		assert_non_null(copy);
		memcpy(copy, der, len);
		copy[i / 2] ^= i % 2 ? 0x01 : 0x80;
		const unsigned char *at = copy;
		X509 *read = d2i_X509(NULL, &at, (long)len);
		if (vs_peer_der_name(copy, len, bytes, cap))
			refused++;
		else if (read) {
			assert_int_equal(vs_peer_name(read, whole, cap), VS_OK);
			assert_string_equal(bytes, whole);
			same++;
		}
		X509_free(read);
		free(copy);
	}
	assert_true(same > 50 && refused > 50);
	OPENSSL_free(der);
	X509_free(cert);
}

static void a_certificate_cut_off_before_its_name_has_none(void **state)
{
	static const char *const names[] = {"CP-0001"};
	X509 *cert = make(2, names, 1);
	uint8_t *der;
	size_t len = encode(cert, &der);

	(void)state;
	for (size_t n = 0; n < len; n++) {
		char name[cap];
		uint8_t *copy = malloc(n ? n : 1); /* so that ASan sees it */

		assert_non_null(copy);
		memcpy(copy, der, n);
		assert_int_equal(vs_peer_der_name(copy, n, name, cap),
		                 VS_ERR_INPUT);
		free(copy);
	}
	OPENSSL_free(der);
	X509_free(cert);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			the_bytes_give_the_name_that_the_certificate_gives),
		cmocka_unit_test(damaged_bytes_give_no_other_name),
		cmocka_unit_test(
			a_certificate_cut_off_before_its_name_has_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

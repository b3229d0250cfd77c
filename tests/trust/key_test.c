/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/key_test.c - which public keys and signatures are good.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <openssl/core_names.h>
#include <openssl/pem.h>
#include <openssl/rsa.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/key.h"

static EVP_PKEY *ed25519(uint8_t seed_byte)
{
	uint8_t seed[32] = {seed_byte};

	return EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, seed, 32);
}

static json_t *ed25519_object(const char *hex)
{
	return json_pack("{s:s, s:s, s:{s:s}}", "keytype", "ed25519", "scheme",
	                 "ed25519", "keyval", "public", hex);
}

static size_t sign(EVP_PKEY *pkey, const char *text, uint8_t *sig, size_t size)
{
	bool rsa = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_RSA;
	bool ed = EVP_PKEY_get_base_id(pkey) == EVP_PKEY_ED25519;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	EVP_PKEY_CTX *ctx;

	assert_int_equal(EVP_DigestSignInit(md, &ctx, ed ? NULL : EVP_sha256(),
	                                    NULL, pkey),
	                 1);
	if (rsa) {
		assert_int_equal(EVP_PKEY_CTX_set_rsa_padding(
					 ctx, RSA_PKCS1_PSS_PADDING),
		                 1);
		assert_int_equal(EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, 32), 1);
	}
	assert_int_equal(EVP_DigestSign(md, sig, &size, (const uint8_t *)text,
	                                strlen(text)),
	                 1);
	EVP_MD_CTX_free(md);
	return size;
}

static void good_and_bad(EVP_PKEY *pkey, enum vs_key_scheme scheme)
{
	struct vs_key k, again;
	uint8_t sig[1024];
	size_t len;

	assert_non_null(pkey);
	assert_int_equal(vs_key_from_pkey(pkey, &k), VS_OK);
	assert_int_equal(k.scheme, scheme);
	assert_int_equal(strlen(k.id), 64);
	assert_int_equal(vs_key_parse(k.object, &again, NULL), VS_OK);
	assert_string_equal(again.id, k.id);
	assert_true(vs_key_same(&k, &again));
	len = sign(pkey, "message", sig, sizeof sig);
	assert_int_equal(vs_key_verify(&again, "message", 7, sig, len), VS_OK);
	assert_int_equal(vs_key_verify(&again, "Message", 7, sig, len),
	                 VS_ERR_REFUSED);
	assert_int_equal(vs_key_verify(&again, "message", 6, sig, len),
	                 VS_ERR_REFUSED);
	assert_int_equal(vs_key_verify(&again, "message", 7, sig, len - 1),
	                 VS_ERR_REFUSED);
	assert_int_equal(vs_key_verify(&again, "message", 7, sig, 0),
	                 VS_ERR_REFUSED);
	for (size_t bit = 0; bit < len * 8; bit++) {
		sig[bit / 8] ^= (uint8_t)(1U << bit % 8);
		assert_int_equal(vs_key_verify(&k, "message", 7, sig, len),
		                 VS_ERR_REFUSED);
		sig[bit / 8] ^= (uint8_t)(1U << bit % 8);
	}
	vs_key_drop(&k);
	vs_key_drop(&again);
	EVP_PKEY_free(pkey);
}

static void ed25519_keys_verify_what_they_signed(void **state)
{
	(void)state;
	good_and_bad(ed25519(1), VS_KEY_ED25519);
}

static void p256_keys_verify_what_they_signed(void **state)
{
	(void)state;
	good_and_bad(EVP_EC_gen("P-256"), VS_KEY_ECDSA_P256);
}

static void rsa_keys_verify_what_they_signed(void **state)
{
	(void)state;
	good_and_bad(EVP_RSA_gen(2048), VS_KEY_RSA_PSS_256);
}

/* RFC 8032 7.1, TEST 2. */
static void the_vector_of_rfc_8032_is_good(void **state)
{
	static const uint8_t sig[64] = {
		0x92, 0xa0, 0x09, 0xa9, 0xf0, 0xd4, 0xca, 0xb8, 0x72, 0x0e,
		0x82, 0x0b, 0x5f, 0x64, 0x25, 0x40, 0xa2, 0xb2, 0x7b, 0x54,
		0x16, 0x50, 0x3f, 0x8f, 0xb3, 0x76, 0x22, 0x23, 0xeb, 0xdb,
		0x69, 0xda, 0x08, 0x5a, 0xc1, 0xe4, 0x3e, 0x15, 0x99, 0x6e,
		0x45, 0x8f, 0x36, 0x13, 0xd0, 0xf1, 0x1d, 0x8c, 0x38, 0x7b,
		0x2e, 0xae, 0xb4, 0x30, 0x2a, 0xee, 0xb0, 0x0d, 0x29, 0x16,
		0x12, 0xbb, 0x0c, 0x00};
	json_t *object = ed25519_object("3d4017c3e843895a92b70aa74d1b7ebc"
	                                "9c982ccf2ec4968cc0cd55f12af4660c");
	struct vs_key k;

	(void)state;
	assert_int_equal(vs_key_parse(object, &k, NULL), VS_OK);
	assert_int_equal(vs_key_verify(&k, "\x72", 1, sig, 64), VS_OK);
	vs_key_drop(&k);
	json_decref(object);
}

static void low_order_and_foreign_points_are_refused(void **state)
{
	static const char *const bad[] = {
		/* y = 0, 1, -1 and the two of order 8; then with x negative */
		"00000000000000000000000000000000000000000000000000000000000000"
		"00",
		"01000000000000000000000000000000000000000000000000000000000000"
		"00",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7f",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc"
		"05",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03"
		"7a",
		"00000000000000000000000000000000000000000000000000000000000000"
		"80",
		"01000000000000000000000000000000000000000000000000000000000000"
		"80",
		"ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ff",
		"26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc"
		"85",
		"c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03"
		"fa",
		/* not canonical: y = p, p + 1 and the last ones */
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7f",
		"eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7f",
		"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7f",
		"f0ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"ff",
		/* not 32 bytes, not hex */
		"",
		"00",
		"3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af46"
		"6",
		"3D4017C3E843895A92B70AA74D1B7EBC9C982CCF2EC4968CC0CD55F12AF466"
		"0C",
		"zd4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af466"
		"0c",
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json_t *object = ed25519_object(bad[i]);
		struct vs_why why = {0};
		struct vs_key k;

		if (vs_key_parse(object, &k, &why) != VS_ERR_INPUT)
			fail_msg("%s", bad[i]);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
		assert_null(k.pkey);
		json_decref(object);
	}
}

static json_t *pem_object(const char *keytype, const char *scheme,
                          EVP_PKEY *pkey)
{
	struct vs_key k;
	json_t *object;

	assert_int_equal(vs_key_from_pkey(pkey, &k), VS_OK);
	object = json_pack("{s:s, s:s, s:O}", "keytype", keytype, "scheme",
	                   scheme, "keyval",
	                   json_object_get(k.object, "keyval"));
	vs_key_drop(&k);
	return object;
}

/* Near the points above, but points that somebody may have. */
static void other_points_are_taken(void **state)
{
	static const char *const good[] = {
		"ebffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffff00"
		"7f",
		"ed00ffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7f",
		"edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff"
		"7e",
	};

	(void)state;
	for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
		json_t *object = ed25519_object(good[i]);
		struct vs_key k;

		assert_int_equal(vs_key_parse(object, &k, NULL), VS_OK);
		vs_key_drop(&k);
		json_decref(object);
	}
}

static void both_names_of_the_p256_key_type_are_known(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	json_t *one = pem_object("ecdsa", "ecdsa-sha2-nistp256", pkey);
	json_t *two =
		pem_object("ecdsa-sha2-nistp256", "ecdsa-sha2-nistp256", pkey);
	struct vs_key a, b;

	(void)state;
	assert_int_equal(vs_key_parse(one, &a, NULL), VS_OK);
	assert_int_equal(vs_key_parse(two, &b, NULL), VS_OK);
	assert_string_not_equal(a.id, b.id);
	assert_true(vs_key_same(&a, &b)); /* so a threshold counts it once */
	vs_key_drop(&a);
	vs_key_drop(&b);
	json_decref(one);
	json_decref(two);
	EVP_PKEY_free(pkey);
}

static void a_key_of_another_kind_than_it_says_is_refused(void **state)
{
	EVP_PKEY *rsa = EVP_RSA_gen(2048);
	json_t *object = pem_object("ecdsa", "ecdsa-sha2-nistp256", rsa);
	struct vs_why why = {0};
	struct vs_key k;

	(void)state;
	assert_int_equal(vs_key_parse(object, &k, &why), VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	json_object_set_new(object, "scheme", json_string("rsassa-pkcs1"));
	assert_int_equal(vs_key_parse(object, &k, &why), VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_UNSUPPORTED);
	json_object_set_new(object, "scheme", json_string("ed25519"));
	assert_int_equal(vs_key_parse(object, &k, &why), VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_UNSUPPORTED);
	json_decref(object);
	EVP_PKEY_free(rsa);
}

static void a_key_says_type_scheme_and_value(void **state)
{
	static const char *const members[] = {"keytype", "scheme", "keyval"};
	struct vs_why why;
	struct vs_key k;

	(void)state;
	for (size_t i = 0; i < sizeof members / sizeof *members; i++) {
		json_t *object = ed25519_object("00");

		json_object_del(object, members[i]);
		assert_int_equal(vs_key_parse(object, &k, &why), VS_ERR_INPUT);
		assert_int_equal(why.code, VS_REASON_MALFORMED);
		assert_string_equal(why.what, members[i]);
		json_object_set_new(object, members[i], json_integer(7));
		assert_int_equal(vs_key_parse(object, &k, &why), VS_ERR_INPUT);
		assert_string_equal(why.what, members[i]);
		json_decref(object);
	}
	json_t *object = ed25519_object("00");
	json_object_clear(json_object_get(object, "keyval"));
	assert_int_equal(vs_key_parse(object, &k, &why), VS_ERR_INPUT);
	assert_string_equal(why.what, "public");
	json_decref(object);
}

static void other_curves_and_short_rsa_keys_are_refused(void **state)
{
	EVP_PKEY *p384 = EVP_EC_gen("P-384");
	EVP_PKEY *short_rsa = EVP_RSA_gen(1024);
	struct vs_key k;

	(void)state;
	assert_int_equal(vs_key_from_pkey(p384, &k), VS_ERR_INPUT);
	assert_int_equal(vs_key_from_pkey(short_rsa, &k), VS_ERR_INPUT);
	assert_null(k.pkey);
	EVP_PKEY_free(p384);
	EVP_PKEY_free(short_rsa);
}

static char *pem_of(EVP_PKEY *pkey)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *at, *text;
	long len;

	assert_int_equal(PEM_write_bio_PUBKEY(bio, pkey), 1);
	len = BIO_get_mem_data(bio, &at);
	text = strndup(at, (size_t)len);
	BIO_free(bio);
	return text;
}

static void must_refuse_pem(const char *keytype, const char *scheme,
                            const char *pem)
{
	json_t *object = json_pack("{s:s, s:s, s:{s:s}}", "keytype", keytype,
	                           "scheme", scheme, "keyval", "public", pem);
	struct vs_why why;
	struct vs_key k;

	assert_int_equal(vs_key_parse(object, &k, &why), VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	assert_null(k.pkey);
	json_decref(object);
}

static void a_key_of_no_known_kind_is_refused(void **state)
{
	EVP_PKEY *pkey = EVP_PKEY_Q_keygen(NULL, NULL, "X25519");
	char *pem = pem_of(pkey);
	struct vs_key k;

	(void)state;
	assert_int_equal(vs_key_from_pkey(pkey, &k), VS_ERR_INPUT);
	must_refuse_pem("ecdsa", "ecdsa-sha2-nistp256", pem);
	must_refuse_pem("rsa", "rsassa-pss-sha256", pem);
	free(pem);
	EVP_PKEY_free(pkey);
}

/* A modulus of 8200 bits; nobody looks whether it has factors. */
static void an_rsa_key_that_would_take_for_ever_is_refused(void **state)
{
	static uint8_t n[1025];
	unsigned e = 65537;
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "RSA", NULL);
	EVP_PKEY *pkey = NULL;
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_BN("n", n, sizeof n),
		OSSL_PARAM_construct_uint("e", &e),
		OSSL_PARAM_construct_end(),
	};
	char *pem;

	(void)state;
	n[0] = 1;
	n[sizeof n - 1] = 0x80;
	assert_int_equal(EVP_PKEY_fromdata_init(ctx), 1);
	assert_int_equal(
		EVP_PKEY_fromdata(ctx, &pkey, EVP_PKEY_PUBLIC_KEY, params), 1);
	pem = pem_of(pkey);
	must_refuse_pem("rsa", "rsassa-pss-sha256", pem);
	free(pem);
	EVP_PKEY_free(pkey);
	EVP_PKEY_CTX_free(ctx);
}

static void a_pem_over_its_maximum_is_not_read(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	char *pem = pem_of(pkey);
	char *padded = calloc(1, 9000);

	(void)state;
	memset(padded, '\n', 8192);
	snprintf(padded + 8192, 9000 - 8192, "%s", pem);
	must_refuse_pem("ecdsa", "ecdsa-sha2-nistp256", padded);
	free(padded);
	free(pem);
	EVP_PKEY_free(pkey);
}

static void a_pem_that_is_no_public_key_is_refused(void **state)
{
	static const char *const bad[] = {
		"",
		"-----BEGIN PUBLIC KEY-----\n-----END PUBLIC KEY-----\n",
		"-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n",
		/* would make some readers ask for a password */
		("-----BEGIN PUBLIC KEY-----\nProc-Type: 4,ENCRYPTED\n"
	         "DEK-Info: AES-256-CBC,00000000000000000000000000000000\n\n"
	         "AAAA\n-----END PUBLIC KEY-----\n"),
		("-----BEGIN CERTIFICATE-----\nAAAA\n"
	         "-----END CERTIFICATE-----\n"),
	};

	(void)state;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		json_t *object = json_pack(
			"{s:s, s:s, s:{s:s}}", "keytype", "ecdsa", "scheme",
			"ecdsa-sha2-nistp256", "keyval", "public", bad[i]);
		struct vs_key k;

		assert_int_equal(vs_key_parse(object, &k, NULL), VS_ERR_INPUT);
		json_decref(object);
	}
}

/* Some readers would ask for a password here. */
static void a_pem_with_a_header_is_refused(void **state)
{
	static const char begin[] = "-----BEGIN PUBLIC KEY-----\n";
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	json_t *object = pem_object("ecdsa", "ecdsa-sha2-nistp256", pkey);
	json_t *keyval = json_object_get(object, "keyval");
	const char *pem = json_string_value(json_object_get(keyval, "public"));
	struct vs_key k;

	(void)state;
	assert_memory_equal(pem, begin, sizeof begin - 1);
	json_object_set_new(keyval, "public",
	                    json_sprintf("%sProc-Type: 4,ENCRYPTED\n"
	                                 "DEK-Info: AES-256-CBC,00\n\n%s",
	                                 begin, pem + sizeof begin - 1));
	assert_int_equal(vs_key_parse(object, &k, NULL), VS_ERR_INPUT);
	json_decref(object);
	EVP_PKEY_free(pkey);
}

/* The DER of a key and a byte more, as PEM. */
static void a_pem_with_something_behind_the_key_is_refused(void **state)
{
	EVP_PKEY *pkey = EVP_EC_gen("P-256");
	json_t *object = pem_object("ecdsa", "ecdsa-sha2-nistp256", pkey);
	uint8_t der[256], *at = der;
	int len = i2d_PUBKEY(pkey, &at);
	char text[512], pem[600];
	struct vs_key k;

	(void)state;
	assert_true(len > 0 && len < 255);
	der[len] = 0;
	EVP_EncodeBlock((uint8_t *)text, der, len + 1);
	(void)snprintf(pem, sizeof pem,
	               "-----BEGIN PUBLIC KEY-----\n%.64s\n%s\n"
	               "-----END PUBLIC KEY-----\n",
	               text, text + 64);
	json_object_set_new(json_object_get(object, "keyval"), "public",
	                    json_string(pem));
	assert_int_equal(vs_key_parse(object, &k, NULL), VS_ERR_INPUT);
	assert_null(k.pkey);
	json_decref(object);
	EVP_PKEY_free(pkey);
}

static void different_keys_are_not_the_same(void **state)
{
	EVP_PKEY *one = ed25519(1), *two = ed25519(2),
		 *ec = EVP_EC_gen("P-256");
	struct vs_key a, b, c;

	(void)state;
	assert_int_equal(vs_key_from_pkey(one, &a), VS_OK);
	assert_int_equal(vs_key_from_pkey(two, &b), VS_OK);
	assert_int_equal(vs_key_from_pkey(ec, &c), VS_OK);
	assert_false(vs_key_same(&a, &b));
	assert_false(vs_key_same(&a, &c));
	assert_true(vs_key_same(&a, &a));
	vs_key_drop(&a);
	vs_key_drop(&b);
	vs_key_drop(&c);
	EVP_PKEY_free(one);
	EVP_PKEY_free(two);
	EVP_PKEY_free(ec);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ed25519_keys_verify_what_they_signed),
		cmocka_unit_test(p256_keys_verify_what_they_signed),
		cmocka_unit_test(rsa_keys_verify_what_they_signed),
		cmocka_unit_test(the_vector_of_rfc_8032_is_good),
		cmocka_unit_test(low_order_and_foreign_points_are_refused),
		cmocka_unit_test(other_points_are_taken),
		cmocka_unit_test(both_names_of_the_p256_key_type_are_known),
		cmocka_unit_test(a_key_of_another_kind_than_it_says_is_refused),
		cmocka_unit_test(a_key_says_type_scheme_and_value),
		cmocka_unit_test(other_curves_and_short_rsa_keys_are_refused),
		cmocka_unit_test(a_key_of_no_known_kind_is_refused),
		cmocka_unit_test(
			an_rsa_key_that_would_take_for_ever_is_refused),
		cmocka_unit_test(a_pem_over_its_maximum_is_not_read),
		cmocka_unit_test(a_pem_that_is_no_public_key_is_refused),
		cmocka_unit_test(a_pem_with_a_header_is_refused),
		cmocka_unit_test(
			a_pem_with_something_behind_the_key_is_refused),
		cmocka_unit_test(different_keys_are_not_the_same),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

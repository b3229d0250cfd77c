/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/fixture.c - people with boot keys, headers and rings to try.
 */
#include "tests/seal/fixture.h"

#include <openssl/bn.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

void person_init(struct person *p, const struct vs_crypto *crypto)
{
	size_t len = 0;

	memset(p, 0, sizeof(*p));
	p->key = EVP_EC_gen("P-256");
	assert_non_null(p->key);
	assert_int_equal(EVP_PKEY_get_octet_string_param(
				 p->key, OSSL_PKEY_PARAM_PUB_KEY, p->point,
				 sizeof(p->point), &len),
	                 1);
	assert_int_equal(len, VS_P256_KEY_LEN);
	assert_int_equal(
		crypto->sha256(crypto->ctx, p->point, len, NULL, 0, p->id),
		VS_OK);
}

void person_drop(struct person *p)
{
	EVP_PKEY_free(p->key);
	p->key = NULL;
}

static void raw_from_der(const uint8_t *der, size_t len,
                         uint8_t raw[static VS_P256_SIG_LEN])
{
	ECDSA_SIG *sig = d2i_ECDSA_SIG(NULL, &der, (long)len);

	assert_non_null(sig);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_r(sig), raw, 32), 32);
	assert_int_equal(BN_bn2binpad(ECDSA_SIG_get0_s(sig), raw + 32, 32), 32);
	ECDSA_SIG_free(sig);
}

void person_sign(struct person *p, const uint8_t *message, size_t len,
                 struct vs_signatures *sigs)
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	uint8_t der[80];
	size_t der_len = sizeof(der);
	struct vs_signature *s;

	assert_non_null(ctx);
	assert_int_equal(
		EVP_DigestSignInit(ctx, NULL, EVP_sha256(), NULL, p->key), 1);
	assert_int_equal(EVP_DigestSign(ctx, der, &der_len, message, len), 1);
	EVP_MD_CTX_free(ctx);
	raw_from_der(der, der_len, p->sig);

	assert_true(sigs->count < VS_SIGNATURES_MAX);
	s = &sigs->at[sigs->count++];
	memcpy(s->key_id, p->id, sizeof(s->key_id));
	s->scheme = VS_SCHEME_P256_SHA256;
	s->len = VS_P256_SIG_LEN;
	s->bytes = p->sig;
}

void header_fill(struct vs_seal_header *h)
{
	memset(h, 0, sizeof(*h));
	memcpy(h->component, "gateway", 8);
	memcpy(h->hardware[0], "gw-rev2", 8);
	memcpy(h->hardware[1], "gw-rev3", 8);
	memcpy(h->version, "1.1.0", 6);
	h->release_seq = 7;
	h->security_version = 3;
	h->image_len = 1000;
	for (size_t i = 0; i < VS_SALT_LEN; i++) {
		h->salt[i] = (uint8_t)i;
		h->root_hash[i] = (uint8_t)(0xff - i);
	}
}

static void insert_key(struct vs_keyring *r, const struct person *p)
{
	size_t i = r->key_count++;

	for (; i > 0 && memcmp(r->keys[i - 1].id, p->id, VS_SHA256_LEN) > 0;
	     i--)
		r->keys[i] = r->keys[i - 1];
	memcpy(r->keys[i].id, p->id, VS_SHA256_LEN);
	memcpy(r->keys[i].point, p->point, VS_P256_KEY_LEN);
	r->keys[i].scheme = VS_SCHEME_P256_SHA256;
}

void ring_fill(struct vs_keyring *r, const struct person *people, size_t n,
               unsigned threshold)
{
	memset(r, 0, sizeof(*r));
	r->version = 1;
	r->threshold = (uint16_t)threshold;
	r->component_count = 1;
	memcpy(r->components[0], "gateway", 8);
	for (size_t i = 0; i < n; i++)
		insert_key(r, &people[i]);
}

void noise(uint8_t *out, size_t len, uint64_t seed)
{
	uint64_t x = seed * 2 + 1;

	/* xorshift64*: plain, and not compressible */
	for (size_t i = 0; i < len; i++) {
		x ^= x >> 12;
		x ^= x << 25;
		x ^= x >> 27;
		out[i] = (uint8_t)((x * UINT64_C(0x2545f4914f6cdd1d)) >> 56);
	}
}

static unsigned hex_value(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *at = strchr(digits, c);

	assert_true(c != 0 && at != NULL);
	return at ? (unsigned)(at - digits) : 0;
}

size_t vector_load(const char *name, uint8_t *out, size_t cap)
{
	char path[512];
	char line[512];
	size_t len = 0;
	FILE *f;

	assert_true(snprintf(path, sizeof(path), "%s/%s", VECTORS, name) <
	            (int)sizeof(path));
	f = fopen(path, "r");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f)) {
		for (size_t i = 0; line[i] && line[i] != '#'; i++) {
			if (line[i] == ' ' || line[i] == '\n')
				continue;
			assert_true(len < cap);
			out[len++] = (uint8_t)(hex_value(line[i]) << 4 |
			                       hex_value(line[i + 1]));
			i++;
		}
	}
	assert_int_equal(fclose(f), 0);
	return len;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/signer.c - three people with P-256 keys, made anew in each run.
 */
#include "tests/boot/signer.h"

#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

static struct person {
	EVP_PKEY *key;
	uint8_t id[VS_SHA256_LEN];
	uint8_t point[VS_P256_KEY_LEN];
} people[SIGNERS];

static void make_person(const struct vs_crypto *crypto, struct person *p)
{
	size_t len = 0;
	vs_status status;
	int ok;

	p->key = EVP_EC_gen("P-256");
	assert(p->key);
	ok = EVP_PKEY_get_octet_string_param(p->key, OSSL_PKEY_PARAM_PUB_KEY,
	                                     p->point, sizeof(p->point), &len);
	assert(ok == 1 && len == VS_P256_KEY_LEN);
	status = crypto->sha256(crypto->ctx, p->point, len, NULL, 0, p->id);
	assert(status == VS_OK);
	(void)status;
}

static int by_id(const void *a, const void *b)
{
	const struct person *x = a;
	const struct person *y = b;

	return memcmp(x->id, y->id, VS_SHA256_LEN);
}

void signer_ring(const struct vs_crypto *crypto, struct vs_keyring *out)
{
	if (!people[0].key) {
		for (int i = 0; i < SIGNERS; i++)
			make_person(crypto, &people[i]);
		qsort(people, SIGNERS, sizeof(*people), by_id);
	}
	*out = (struct vs_keyring){
		.version = 7,
		.threshold = 2,
		.key_count = SIGNERS,
		.component_count = 2,
		.components = {"gateway", "meter"},
	};
	for (int i = 0; i < SIGNERS; i++) {
		out->keys[i].scheme = VS_SCHEME_P256_SHA256;
		memcpy(out->keys[i].id, people[i].id, VS_SHA256_LEN);
		memcpy(out->keys[i].point, people[i].point, VS_P256_KEY_LEN);
	}
}

static void sign(EVP_PKEY *key, const uint8_t *in, size_t in_len,
                 uint8_t out[static VS_P256_SIG_LEN])
{
	uint8_t der[128];
	const uint8_t *p = der;
	size_t len = sizeof(der);
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	int ok = EVP_DigestSignInit(md, NULL, EVP_sha256(), NULL, key) == 1 &&
	         EVP_DigestSign(md, der, &len, in, in_len) == 1;
	ECDSA_SIG *sig = ok ? d2i_ECDSA_SIG(NULL, &p, (long)len) : NULL;

	assert(sig);
	ok = BN_bn2binpad(ECDSA_SIG_get0_r(sig), out, 32) == 32 &&
	     BN_bn2binpad(ECDSA_SIG_get0_s(sig), out + 32, 32) == 32;
	assert(ok);
	ECDSA_SIG_free(sig);
	EVP_MD_CTX_free(md);
}

void signer_sign(const struct vs_keyring *ring, int count,
                 const uint8_t *message, size_t len,
                 uint8_t room[SIGNERS][VS_P256_SIG_LEN],
                 struct vs_signatures *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < count; i++) {
		struct vs_signature *sig = &out->at[out->count++];

		sign(people[i].key, message, len, room[i]);
		memcpy(sig->key_id, ring->keys[i].id, VS_SHA256_LEN);
		sig->scheme = VS_SCHEME_P256_SHA256;
		sig->len = VS_P256_SIG_LEN;
		sig->bytes = room[i];
	}
}

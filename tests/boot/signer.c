/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/signer.c - people with P-256 keys, made anew in each run.
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
} people[PEOPLE];

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

void signer_ring_of(const struct vs_crypto *crypto, unsigned mask,
                    uint32_t version, struct vs_keyring *out)
{
	if (!people[0].key) {
		for (int i = 0; i < PEOPLE; i++)
			make_person(crypto, &people[i]);
		qsort(people, PEOPLE, sizeof(*people), by_id);
	}
	*out = (struct vs_keyring){
		.version = version,
		.threshold = 2,
		.component_count = 3,
		.components = {"gateway", "meter", "recovery"},
	};
	for (int i = 0; i < PEOPLE; i++) {
		int k = out->key_count;

		if (!(mask >> i & 1))
			continue;
		out->keys[k].scheme = VS_SCHEME_P256_SHA256;
		memcpy(out->keys[k].id, people[i].id, VS_SHA256_LEN);
		memcpy(out->keys[k].point, people[i].point, VS_P256_KEY_LEN);
		out->key_count++;
	}
}

void signer_ring(const struct vs_crypto *crypto, struct vs_keyring *out)
{
	signer_ring_of(crypto, (1u << SIGNERS) - 1, 7, out);
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

void signer_sign_by(unsigned mask, const uint8_t *message, size_t len,
                    uint8_t room[PEOPLE][VS_P256_SIG_LEN],
                    struct vs_signatures *out)
{
	memset(out, 0, sizeof(*out));
	for (int i = 0; i < PEOPLE; i++) {
		struct vs_signature *sig = &out->at[out->count];

		if (!(mask >> i & 1))
			continue;
		sign(people[i].key, message, len, room[i]);
		memcpy(sig->key_id, people[i].id, VS_SHA256_LEN);
		sig->scheme = VS_SCHEME_P256_SHA256;
		sig->len = VS_P256_SIG_LEN;
		sig->bytes = room[i];
		out->count++;
	}
}

void signer_sign(const struct vs_keyring *ring, int count,
                 const uint8_t *message, size_t len,
                 uint8_t room[SIGNERS][VS_P256_SIG_LEN],
                 struct vs_signatures *out)
{
	uint8_t all[PEOPLE][VS_P256_SIG_LEN];

	(void)ring;
	signer_sign_by((1u << count) - 1, message, len, all, out);
	for (size_t i = 0; i < out->count; i++) {
		memcpy(room[i], all[i], VS_P256_SIG_LEN);
		out->at[i].bytes = room[i];
	}
}

size_t signer_ring_file(const struct vs_keyring *ring, unsigned mask,
                        uint8_t *out, size_t cap)
{
	uint8_t room[PEOPLE][VS_P256_SIG_LEN];
	struct vs_signatures sigs;
	size_t body = 0;
	size_t len = 0;
	vs_status status = vs_keyring_encode(ring, out, cap, &body, NULL);

	assert(status == VS_OK);
	signer_sign_by(mask, out, body, room, &sigs);
	status = vs_signatures_encode(&sigs, out + body, cap - body, &len);
	assert(status == VS_OK);
	(void)status;
	return body + len;
}

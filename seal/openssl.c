/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/openssl.c - seal/crypto.h's operations from OpenSSL 3.0.
 *
 * What depends on the input is made and dropped within one call.  Digest and
 * curve are fetched once: a fetch for each block costs 8 % of an install.
 */
#include "seal/openssl.h"

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/obj_mac.h>
#include <openssl/params.h>
#include <stdlib.h>
#include <string.h>

#define DER_MAX 80 /* two 33-byte integers and their heads */

struct provider {
	EVP_MD *sha256;
	EVP_MD_CTX *md_ctx;
	EC_GROUP *p256;
};

static vs_status sha256(void *ctx, const uint8_t *a, size_t a_len,
                        const uint8_t *b, size_t b_len,
                        uint8_t digest[static VS_SHA256_LEN])
{
	struct provider *p = ctx;

	if (EVP_DigestInit_ex(p->md_ctx, p->sha256, NULL) != 1 ||
	    EVP_DigestUpdate(p->md_ctx, a, a_len) != 1 ||
	    (b_len > 0 && EVP_DigestUpdate(p->md_ctx, b, b_len) != 1) ||
	    EVP_DigestFinal_ex(p->md_ctx, digest, NULL) != 1)
		return VS_ERR_CRYPTO;
	return VS_OK;
}

/* Whether OpenSSL failed for want of memory, not for what it was given. */
static bool out_of_memory(void)
{
	return ERR_GET_REASON(ERR_peek_last_error()) == ERR_R_MALLOC_FAILURE;
}

/* VS_ERR_REFUSED if key is not an uncompressed point of P-256. */
static vs_status check_point(const struct provider *p, const uint8_t *key)
{
	EC_POINT *point;
	vs_status st = VS_OK;

	if (key[0] != POINT_CONVERSION_UNCOMPRESSED)
		return VS_ERR_REFUSED;
	point = EC_POINT_new(p->p256);
	if (!point)
		return VS_ERR_CRYPTO;
	if (EC_POINT_oct2point(p->p256, point, key, VS_P256_KEY_LEN, NULL) != 1)
		st = out_of_memory() ? VS_ERR_CRYPTO : VS_ERR_REFUSED;
	EC_POINT_free(point);
	return st;
}

static EVP_PKEY *make_key(const uint8_t *point)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);
	EVP_PKEY *key = NULL;
	char group[] = "prime256v1";
	uint8_t copy[VS_P256_KEY_LEN];
	OSSL_PARAM params[3];

	memcpy(copy, point, sizeof(copy));
	params[0] = OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
	                                             group, 0);
	params[1] = OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY,
	                                              copy, sizeof(copy));
	params[2] = OSSL_PARAM_construct_end();
	if (!ctx || EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, &key, EVP_PKEY_PUBLIC_KEY, params) != 1)
		key = NULL;
	EVP_PKEY_CTX_free(ctx);
	return key;
}

/* r || s as DER; the length, or 0 if that failed. */
static size_t encode_der(const uint8_t *sig, uint8_t der[static DER_MAX])
{
	BIGNUM *r = BN_bin2bn(sig, 32, NULL);
	BIGNUM *s = BN_bin2bn(sig + 32, 32, NULL);
	ECDSA_SIG *both = ECDSA_SIG_new();
	uint8_t *p = der;
	int len = 0;

	if (!both || !r || !s || ECDSA_SIG_set0(both, r, s) != 1) {
		BN_free(r);
		BN_free(s);
	} else if (i2d_ECDSA_SIG(both, NULL) <= DER_MAX) {
		len = i2d_ECDSA_SIG(both, &p);
	}
	ECDSA_SIG_free(both);
	return len > 0 ? (size_t)len : 0;
}

static vs_status verify(const uint8_t *point, const uint8_t *digest,
                        const uint8_t *sig)
{
	uint8_t der[DER_MAX];
	size_t der_len = encode_der(sig, der);
	EVP_PKEY *key = make_key(point);
	EVP_PKEY_CTX *ctx = NULL;
	vs_status st = VS_ERR_CRYPTO;
	int good;

	if (key && der_len > 0)
		ctx = EVP_PKEY_CTX_new_from_pkey(NULL, key, NULL);
	if (ctx && EVP_PKEY_verify_init(ctx) == 1) {
		good = EVP_PKEY_verify(ctx, der, der_len, digest,
		                       VS_SHA256_LEN);
		if (good == 1)
			st = VS_OK;
		/* -1 also says that the sum of points is at infinity */
		else if (good == 0 || !out_of_memory())
			st = VS_ERR_REFUSED;
	}
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(key);
	return st;
}

static vs_status p256_verify(void *ctx,
                             const uint8_t key[static VS_P256_KEY_LEN],
                             const uint8_t digest[static VS_SHA256_LEN],
                             const uint8_t sig[static VS_P256_SIG_LEN])
{
	vs_status st;

	/* a refused signature is an answer: leave no error behind for others */
	ERR_set_mark();
	st = check_point(ctx, key);
	if (st == VS_OK)
		st = verify(key, digest, sig);
	ERR_pop_to_mark();
	return st;
}

vs_status vs_openssl_init(struct vs_crypto *out)
{
	struct provider *p = calloc(1, sizeof(*p));

	memset(out, 0, sizeof(*out));
	if (!p)
		return VS_ERR_NOMEM;
	out->ctx = p;
	p->sha256 = EVP_MD_fetch(NULL, "SHA2-256", NULL);
	p->md_ctx = EVP_MD_CTX_new();
	p->p256 = EC_GROUP_new_by_curve_name(NID_X9_62_prime256v1);
	if (!p->sha256 || !p->md_ctx || !p->p256) {
		vs_openssl_drop(out);
		return VS_ERR_CRYPTO;
	}
	out->sha256 = sha256;
	out->p256_verify = p256_verify;
	return VS_OK;
}

void vs_openssl_drop(struct vs_crypto *c)
{
	struct provider *p = c->ctx;

	if (p) {
		EC_GROUP_free(p->p256);
		EVP_MD_CTX_free(p->md_ctx);
		EVP_MD_free(p->sha256);
		free(p);
	}
	memset(c, 0, sizeof(*c));
}

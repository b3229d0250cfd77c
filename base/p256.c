/* SPDX-License-Identifier: Apache-2.0
 *
 * base/p256.c - from points and numbers to what OpenSSL and X.509 want.
 */
#include "base/p256.h"

#include <openssl/core_names.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <openssl/params.h>
#include <string.h>

bool vs_p256_is(EVP_PKEY *key)
{
	char group[32];
	size_t len;

	return key && EVP_PKEY_is_a(key, "EC") &&
	       EVP_PKEY_get_group_name(key, group, sizeof(group), &len) == 1 &&
	       strcmp(group, "prime256v1") == 0;
}

bool vs_p256_verifies(EVP_PKEY *key,
                      const uint8_t digest[static VS_P256_DIGEST_LEN],
                      const uint8_t *der, size_t len)
{
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new(key, NULL);
	bool good =
		ctx && EVP_PKEY_verify_init(ctx) == 1 &&
		EVP_PKEY_verify(ctx, der, len, digest, VS_P256_DIGEST_LEN) == 1;

	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return good;
}

vs_status vs_p256_key(const uint8_t point[static VS_P256_POINT_LEN],
                      EVP_PKEY **out)
{
	char group[] = "P-256";
	uint8_t copy[VS_P256_POINT_LEN];
	EVP_PKEY_CTX *ctx = EVP_PKEY_CTX_new_from_name(NULL, "EC", NULL);

	*out = NULL;
	if (!ctx)
		return VS_ERR_NOMEM;
	memcpy(copy, point, sizeof copy);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_PKEY_PARAM_GROUP_NAME,
	                                         group, 0),
		OSSL_PARAM_construct_octet_string(OSSL_PKEY_PARAM_PUB_KEY, copy,
	                                          sizeof copy),
		OSSL_PARAM_construct_end(),
	};
	if (EVP_PKEY_fromdata_init(ctx) != 1 ||
	    EVP_PKEY_fromdata(ctx, out, EVP_PKEY_PUBLIC_KEY, params) != 1)
		*out = NULL;
	EVP_PKEY_CTX_free(ctx);
	ERR_clear_error();
	return *out ? VS_OK : VS_ERR_CRYPTO;
}

vs_status vs_p256_der(const uint8_t raw[static VS_P256_RAW_LEN],
                      uint8_t out[static VS_P256_DER_MAX], size_t *len)
{
	ECDSA_SIG *sig = ECDSA_SIG_new();
	BIGNUM *r = BN_bin2bn(raw, VS_P256_RAW_LEN / 2, NULL);
	BIGNUM *s =
		BN_bin2bn(raw + VS_P256_RAW_LEN / 2, VS_P256_RAW_LEN / 2, NULL);
	vs_status status = VS_ERR_NOMEM;

	if (r && s && (BN_is_zero(r) || BN_is_zero(s))) {
		status = VS_ERR_CRYPTO;
	} else if (sig && r && s && ECDSA_SIG_set0(sig, r, s) == 1) {
		int need = i2d_ECDSA_SIG(sig, NULL);

		r = s = NULL; /* sig has taken them */
		status = VS_ERR_CRYPTO;
		if (need > 0 && need <= VS_P256_DER_MAX) {
			*len = (size_t)i2d_ECDSA_SIG(sig, &out);
			status = VS_OK;
		}
	}
	BN_free(r);
	BN_free(s);
	ECDSA_SIG_free(sig);
	return status;
}

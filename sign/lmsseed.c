/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/lmsseed.c - the seed of an LMS key, encrypted under a passphrase.
 */
#include "sign/lmsseed.h"

#include <openssl/crypto.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/rand.h>
#include <string.h>

enum {
	AT_MAGIC = 0,
	AT_FORMAT = 8, /* four bytes: 1, 0, 0, 0 */
	AT_SALT = 12,
	SALT_LEN = 16,
	AT_NONCE = 28,
	NONCE_LEN = 12,
	AT_SEALED = 40,
	AT_TAG = AT_SEALED + VS_LMS_SEED_LEN,
	TAG_LEN = 16,
	HEAD_LEN = AT_SALT,
	KEY_LEN = 32,
};

_Static_assert(AT_TAG + TAG_LEN == VS_LMSSEED_LEN, "length of the file");

/* scrypt takes 128 N r bytes and a little more */
#define COST_N (UINT64_C(1) << 17)
#define COST_R 8
#define COST_P 1
#define COST_MEMORY (UINT64_C(160) << 20)

static const uint8_t head[HEAD_LEN] = {'V', 'L', 'T', 'S', 'E', 'E',
                                       'D', '1', 1,   0,   0,   0};

static vs_status stretch(const char *passphrase, const uint8_t *salt,
                         uint8_t out[static KEY_LEN])
{
	if (EVP_PBE_scrypt(passphrase, strlen(passphrase), salt, SALT_LEN,
	                   COST_N, COST_R, COST_P, COST_MEMORY, out,
	                   KEY_LEN) == 1)
		return VS_OK;
	return VS_ERR_CRYPTO;
}

/* Head, salt, nonce and public key: what the tag covers beside the seed. */
static bool cover(EVP_CIPHER_CTX *ctx, const uint8_t *file, const uint8_t *key,
                  bool encrypt)
{
	int len;

	return EVP_CipherUpdate(ctx, NULL, &len, file, AT_SEALED) == 1 &&
	       EVP_CipherUpdate(ctx, NULL, &len, key, VS_LMS_KEY_LEN) == 1 &&
	       EVP_CIPHER_CTX_is_encrypting(ctx) == encrypt;
}

static EVP_CIPHER_CTX *begin(const uint8_t *file, const uint8_t *stretched,
                             bool encrypt)
{
	EVP_CIPHER_CTX *ctx = EVP_CIPHER_CTX_new();

	if (ctx && EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, stretched,
	                             file + AT_NONCE, encrypt) == 1)
		return ctx;
	EVP_CIPHER_CTX_free(ctx);
	return NULL;
}

vs_status vs_lmsseed_encode(const uint8_t seed[static VS_LMS_SEED_LEN],
                            const uint8_t key[static VS_LMS_KEY_LEN],
                            const char *passphrase,
                            uint8_t out[static VS_LMSSEED_LEN])
{
	uint8_t stretched[KEY_LEN];
	EVP_CIPHER_CTX *ctx = NULL;
	int len;

	memcpy(out + AT_MAGIC, head, sizeof head);
	bool ok = RAND_bytes(out + AT_SALT, SALT_LEN + NONCE_LEN) == 1 &&
	          stretch(passphrase, out + AT_SALT, stretched) == VS_OK;
	if (ok)
		ctx = begin(out, stretched, true);
	OPENSSL_cleanse(stretched, sizeof stretched);
	ok = ctx && cover(ctx, out, key, true) &&
	     EVP_CipherUpdate(ctx, out + AT_SEALED, &len, seed,
	                      VS_LMS_SEED_LEN) == 1 &&
	     EVP_CipherFinal_ex(ctx, out + AT_TAG, &len) == 1 &&
	     EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG_LEN,
	                         out + AT_TAG) == 1;
	EVP_CIPHER_CTX_free(ctx);
	return ok ? VS_OK : VS_ERR_CRYPTO;
}

vs_status vs_lmsseed_decode(const uint8_t in[static VS_LMSSEED_LEN],
                            const uint8_t key[static VS_LMS_KEY_LEN],
                            const char *passphrase,
                            uint8_t seed[static VS_LMS_SEED_LEN])
{
	uint8_t stretched[KEY_LEN], tag[TAG_LEN], rest[TAG_LEN];
	int len;

	if (memcmp(in + AT_MAGIC, head, sizeof head) != 0)
		return VS_ERR_INPUT;
	if (stretch(passphrase, in + AT_SALT, stretched))
		return VS_ERR_CRYPTO;
	EVP_CIPHER_CTX *ctx = begin(in, stretched, false);
	OPENSSL_cleanse(stretched, sizeof stretched);
	if (!ctx)
		return VS_ERR_CRYPTO;
	memcpy(tag, in + AT_TAG, sizeof tag);
	bool ok = cover(ctx, in, key, false) &&
	          EVP_CipherUpdate(ctx, seed, &len, in + AT_SEALED,
	                           VS_LMS_SEED_LEN) == 1 &&
	          EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG_LEN,
	                              tag) == 1 &&
	          EVP_CipherFinal_ex(ctx, rest, &len) == 1;
	EVP_CIPHER_CTX_free(ctx);
	ERR_clear_error();
	if (ok)
		return VS_OK;
	OPENSSL_cleanse(seed, VS_LMS_SEED_LEN);
	return VS_ERR_DENIED;
}

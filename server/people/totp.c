/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/totp.c - RFC 4226 and RFC 6238.
 */
#include "server/people/totp.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <string.h>

enum { step_s = 30, digits = 6, modulus = 1000000 };

vs_status vs_totp_make(uint8_t secret[static VS_TOTP_SECRET_LEN])
{
	return RAND_priv_bytes(secret, VS_TOTP_SECRET_LEN) == 1 ? VS_OK
	                                                        : VS_ERR_CRYPTO;
}

/* 20 bytes are 32 letters without padding. */
static void base32(const uint8_t in[static VS_TOTP_SECRET_LEN],
                   char out[static 33])
{
	static const char letters[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

	for (size_t i = 0; i < 32; i++) {
		size_t bit = i * 5, byte = bit / 8;
		unsigned two = (unsigned)in[byte] << 8;

		if (byte + 1 < VS_TOTP_SECRET_LEN)
			two |= in[byte + 1];
		out[i] = letters[two >> (11 - bit % 8) & 31];
	}
	out[32] = 0;
}

void vs_totp_uri(const uint8_t secret[static VS_TOTP_SECRET_LEN],
                 const char *name, char out[static VS_TOTP_URI_LEN])
{
	char text[33];

	base32(secret, text);
	snprintf(out, VS_TOTP_URI_LEN,
	         "otpauth://totp/Voltseal:%s?secret=%s&issuer=Voltseal", name,
	         text);
	OPENSSL_cleanse(text, sizeof text);
}

static bool code_of(const uint8_t secret[static VS_TOTP_SECRET_LEN],
                    uint64_t step, char out[static digits + 1])
{
	uint8_t counter[8], mac[EVP_MAX_MD_SIZE];
	unsigned len = 0;

	for (size_t i = 0; i < sizeof counter; i++)
		counter[i] = (uint8_t)(step >> (56 - 8 * i));
	if (!HMAC(EVP_sha1(), secret, VS_TOTP_SECRET_LEN, counter,
	          sizeof counter, mac, &len) ||
	    len != 20)
		return false;
	const uint8_t *at = mac + (mac[19] & 15);
	uint32_t n = (uint32_t)(at[0] & 127) << 24 | (uint32_t)at[1] << 16 |
	             (uint32_t)at[2] << 8 | at[3];
	snprintf(out, digits + 1, "%06u", n % modulus);
	return true;
}

uint64_t vs_totp_step(const uint8_t secret[static VS_TOTP_SECRET_LEN],
                      const char *code, uint64_t now_s, uint64_t last)
{
	uint64_t now = now_s / step_s, found = 0;
	char is[digits + 1];

	if (strlen(code) != digits)
		return 0;
	for (uint64_t step = now - 1; step <= now + 1; step++)
		if (code_of(secret, step, is) && step > last &&
		    CRYPTO_memcmp(is, code, digits) == 0)
			found = step;
	return found;
}

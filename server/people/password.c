/* SPDX-License-Identifier: Apache-2.0
 *
 * server/people/password.c - libcrypt's yescrypt.
 */
#include "server/people/password.h"

#include <crypt.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What a password is held against where there is none. */
#define NOBODY "$y$j9T$F5Jx5fExrKuPp53xLKQ..1$"

static vs_status hash(const char *password, const char *setting,
                      char out[static VS_PASSWORD_HASH_LEN])
{
	struct crypt_data *data = calloc(1, sizeof *data);
	const char *text;

	out[0] = 0;
	if (!data)
		return VS_ERR_NOMEM;
	text = crypt_rn(password, setting, data, (int)sizeof *data);
	if (text && text[0] == '$' && strlen(text) < VS_PASSWORD_HASH_LEN)
		memcpy(out, text, strlen(text) + 1);
	OPENSSL_cleanse(data, sizeof *data);
	free(data);
	return out[0] ? VS_OK : VS_ERR_CRYPTO;
}

vs_status vs_password_hash(const char *password,
                           char out[static VS_PASSWORD_HASH_LEN])
{
	char setting[CRYPT_GENSALT_OUTPUT_SIZE];
	size_t len = strlen(password);

	out[0] = 0;
	if (len < VS_PASSWORD_MIN || len > VS_PASSWORD_MAX)
		return VS_ERR_INPUT;
	if (!crypt_gensalt_rn("$y$", 0, NULL, 0, setting, sizeof setting))
		return VS_ERR_CRYPTO;
	return hash(password, setting, out);
}

bool vs_password_is(const char *password, const char *is)
{
	char made[VS_PASSWORD_HASH_LEN];
	size_t len = strlen(is);

	if (strlen(password) > VS_PASSWORD_MAX ||
	    hash(password, len ? is : NOBODY, made))
		return false;
	return len && strlen(made) == len && CRYPTO_memcmp(made, is, len) == 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/operate/keeper.c - keeps private keys for a test's TUF repository.
 *
 * Reads a command a line and answers with a line each:
 *   new ed25519|p256|rsa    the key object as TUF metadata holds it
 *   sign KEY HEX [SALT]     the signature in hex, by the KEY-th key made;
 *                           SALT: RSA-PSS salt length, 32 if not given
 */
#include <openssl/evp.h>
#include <openssl/rsa.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "trust/key.h"

enum { keys_max = 4096, sig_max = 1024 };

static EVP_PKEY *keys[keys_max];
static size_t count;

static void must(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "keeper: %s\n", what);
	exit(1);
}

static void make(const char *kind)
{
	struct vs_key key = {0};
	EVP_PKEY *made = NULL;
	char *text;

	must(count < keys_max, "too many keys");
	if (strcmp(kind, "ed25519") == 0)
		made = EVP_PKEY_Q_keygen(NULL, NULL, "ED25519");
	else if (strcmp(kind, "p256") == 0)
		made = EVP_PKEY_Q_keygen(NULL, NULL, "EC", "P-256");
	else if (strcmp(kind, "rsa") == 0)
		made = EVP_PKEY_Q_keygen(NULL, NULL, "RSA", (size_t)2048);
	must(made && !vs_key_from_pkey(made, &key), kind);
	text = json_dumps(key.object, JSON_COMPACT);
	must(text, "memory");
	puts(text);
	free(text);
	vs_key_drop(&key);
	keys[count++] = made;
}

static bool set_up(EVP_MD_CTX *md, EVP_PKEY *key, int salt)
{
	bool plain = EVP_PKEY_get_base_id(key) == EVP_PKEY_ED25519;
	EVP_PKEY_CTX *ctx = NULL;

	if (!md || EVP_DigestSignInit(md, &ctx, plain ? NULL : EVP_sha256(),
	                              NULL, key) != 1)
		return false;
	return EVP_PKEY_get_base_id(key) != EVP_PKEY_RSA ||
	       (EVP_PKEY_CTX_set_rsa_padding(ctx, RSA_PKCS1_PSS_PADDING) == 1 &&
	        EVP_PKEY_CTX_set_rsa_pss_saltlen(ctx, salt) == 1);
}

static void sign(size_t at, const char *hex, int salt)
{
	size_t len = strlen(hex) / 2, sig_len = sig_max;
	uint8_t *message = malloc(len + 1), sig[sig_max];
	char text[2 * sig_max + 1];
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	must(at < count && message, "no such key");
	must(!vs_hex_decode(hex, message, len), "not hex");
	must(set_up(md, keys[at], salt) &&
	             EVP_DigestSign(md, sig, &sig_len, message, len) == 1,
	     "sign");
	vs_hex_encode(sig, sig_len, text);
	puts(text);
	EVP_MD_CTX_free(md);
	free(message);
}

int main(void)
{
	char *line = NULL, *space;
	size_t cap = 0;
	ssize_t len;

	while ((len = getline(&line, &cap, stdin)) > 0) {
		line[len - 1] = '\0';
		if (strncmp(line, "new ", 4) == 0) {
			make(line + 4);
		} else {
			char *salt = NULL;
			size_t at;

			must(strncmp(line, "sign ", 5) == 0, line);
			at = strtoul(line + 5, &space, 10);
			must(*space == ' ', line);
			salt = strchr(space + 1, ' ');
			if (salt)
				*salt++ = '\0';
			sign(at, space + 1,
			     salt ? (int)strtol(salt, NULL, 10) : 32);
		}
		must(!fflush(stdout), "standard output");
	}
	while (count)
		EVP_PKEY_free(keys[--count]);
	free(line);
	return 0;
}

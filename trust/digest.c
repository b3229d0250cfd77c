/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/digest.c - the digests by which metadata names bytes, in hex.
 *
 * An algorithm that is not known refuses the file: a digest that nobody
 * checks promises nothing.
 */
#include "trust/digest.h"

#include <openssl/evp.h>
#include <string.h>

static const EVP_MD *algorithm(const char *name)
{
	if (strcmp(name, "sha256") == 0)
		return EVP_sha256();
	if (strcmp(name, "sha512") == 0)
		return EVP_sha512();
	return NULL;
}

vs_status vs_digest_hex(const char *name, const void *in, size_t len,
                        char out[static VS_DIGEST_HEX_MAX])
{
	const EVP_MD *md = algorithm(name);
	uint8_t raw[EVP_MAX_MD_SIZE];
	unsigned raw_len = 0;

	if (!md)
		return VS_ERR_INPUT;
	if (EVP_Digest(in, len, raw, &raw_len, md, NULL) != 1)
		return VS_ERR_CRYPTO;
	vs_digest_put_hex(raw, raw_len, out);
	return VS_OK;
}

vs_status vs_digest_check(const json_t *hashes, const void *in, size_t len,
                          struct vs_why *why)
{
	json_t *object = (json_t *)(uintptr_t)hashes;
	char hex[VS_DIGEST_HEX_MAX];
	const char *name;
	json_t *v;

	if (json_object_size(hashes) == 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_UNSUPPORTED,
		               "no digest is given", 0);
	json_object_foreach(object, name, v)
	{
		const char *said = json_string_value(v);
		vs_status status = vs_digest_hex(name, in, len, hex);

		if (status == VS_ERR_INPUT)
			return vs_fail(VS_ERR_REFUSED, why,
			               VS_REASON_UNSUPPORTED,
			               "unknown digest algorithm", 0);
		if (status)
			return vs_fail(status, why, VS_REASON_NONE,
			               "the digest could not be computed", 0);
		if (!said || strcmp(said, hex) != 0)
			return vs_fail(VS_ERR_REFUSED, why,
			               VS_REASON_HASH_MISMATCH,
			               "other bytes than announced", 0);
	}
	return VS_OK;
}

bool vs_digest_is_hex(const char *text, size_t digits)
{
	return strlen(text) == digits &&
	       strspn(text, "0123456789abcdef") == digits;
}

void vs_digest_put_hex(const uint8_t *in, size_t len, char *out)
{
	static const char hex[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		*out++ = hex[in[i] >> 4];
		*out++ = hex[in[i] & 15];
	}
	*out = '\0';
}

static int nibble(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

vs_status vs_digest_get_hex(const char *text, uint8_t *out, size_t max,
                            size_t *len)
{
	size_t digits = strlen(text);

	if (digits % 2 || digits / 2 > max)
		return VS_ERR_INPUT;
	for (size_t i = 0; i < digits / 2; i++) {
		int high = nibble(text[2 * i]);
		int low = nibble(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return VS_ERR_INPUT;
		out[i] = (uint8_t)(high << 4 | low);
	}
	*len = digits / 2;
	return VS_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_report.c - a report that is read encodes to the same one.
 *
 * The input is the signed body; it is signed here.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "trust/json.h"
#include "trust/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static EVP_PKEY *secret(void)
{
	static const uint8_t seed[32] = {1};
	static EVP_PKEY *pkey;

	if (!pkey)
		pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL,
		                                    seed, sizeof seed);
	assert(pkey);
	return pkey;
}

static vs_status sign(void *ctx, const uint8_t *message, size_t len,
                      uint8_t *sig, size_t *sig_len)
{
	EVP_MD_CTX *md = EVP_MD_CTX_new();

	assert(EVP_DigestSignInit(md, NULL, NULL, NULL, ctx) == 1);
	assert(EVP_DigestSign(md, sig, sig_len, message, len) == 1);
	EVP_MD_CTX_free(md);
	return VS_OK;
}

static void round_trip(const struct vs_report *r, const struct vs_key *key)
{
	static struct vs_report back;
	char *text;
	size_t len;

	assert(vs_report_encode(r, key->id, sign, secret(), &text, &len) ==
	       VS_OK);
	assert(vs_report_decode(text, len, key, &back, NULL) == VS_OK);
	assert(!memcmp(r, &back, sizeof back));
	free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct vs_report r;
	struct vs_envelope e;
	struct vs_key key;
	uint8_t sig[64];
	size_t len = sizeof sig;
	json_t *body;
	char *text;

	if (vs_json_parse(data, size, 16384, &body, NULL))
		return 0;
	assert(vs_key_from_pkey(secret(), &key) == VS_OK);
	assert(vs_envelope_new(body, &e) == VS_OK);
	assert(sign(secret(), (uint8_t *)e.canon, e.canon_len, sig, &len) ==
	       VS_OK);
	assert(vs_envelope_add(&e, key.id, sig, len) == VS_OK);
	assert(vs_envelope_encode(&e, &text, &len) == VS_OK);
	if (vs_report_decode(text, len, &key, &r, NULL) == VS_OK)
		round_trip(&r, &key);
	vs_envelope_drop(&e);
	vs_key_drop(&key);
	free(text);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/signature.c - the signatures that stand behind 512-byte headers.
 *
 * Entries of schemes we do not know are carried along: a boot stage that is
 * older than a scheme must still find the signatures it can check.
 */
#include "seal/signature.h"
#include "seal/bytes.h"

#define HEAD_LEN 12
#define ENTRY_LEN 36 /* before the bytes */

enum {
	AT_MAGIC = 0,
	AT_COUNT = 4,
	AT_RESERVED = 6,
	AT_TOTAL = 8,
	ENTRY_KEY_ID = 0,
	ENTRY_SCHEME = 32,
	ENTRY_BYTES_LEN = 34,
};

static const uint8_t magic[4] = {'V', 'S', 'I', 'G'};

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

static bool is_sound(const struct vs_signature *s)
{
	if (s->scheme == 0 || s->len == 0 || s->len > VS_SIGNATURE_BYTES_MAX)
		return false;
	return s->scheme != VS_SCHEME_P256_SHA256 || s->len == VS_P256_SIG_LEN;
}

/* Whether one of the first n signatures has the id of the n-th. */
static bool is_repeated(const struct vs_signatures *s, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (memcmp(s->at[i].key_id, s->at[n].key_id, VS_SHA256_LEN) ==
		    0)
			return true;
	}
	return false;
}

/* Decodes entry n, which begins at *at, within total bytes. */
static vs_status decode_entry(const uint8_t *in, size_t total, size_t n,
                              struct vs_signatures *out, size_t *at,
                              struct vs_why *why)
{
	struct vs_signature *s = &out->at[n];
	const uint8_t *p = in + *at;

	if (total - *at < ENTRY_LEN)
		return malformed(why, "signature is cut short", *at);
	memcpy(s->key_id, p + ENTRY_KEY_ID, VS_SHA256_LEN);
	s->scheme = get16(p + ENTRY_SCHEME);
	s->len = get16(p + ENTRY_BYTES_LEN);
	s->bytes = p + ENTRY_LEN;
	if (!is_sound(s))
		return malformed(why, "bad signature scheme or length", *at);
	if (total - *at - ENTRY_LEN < s->len)
		return malformed(why, "signature is cut short", *at);
	if (is_repeated(out, n))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_DUPLICATE_KEYID,
		               "one key id signs twice", *at);
	*at += (size_t)ENTRY_LEN + s->len;
	return VS_OK;
}

vs_status vs_signatures_decode(const uint8_t *in, size_t len,
                               struct vs_signatures *out, struct vs_why *why)
{
	size_t at = HEAD_LEN;
	size_t total;
	vs_status st;

	memset(out, 0, sizeof(*out));
	if (len < HEAD_LEN)
		return malformed(why, "signature block is cut short", len);
	if (memcmp(in + AT_MAGIC, magic, sizeof(magic)) != 0)
		return malformed(why, "not a signature block", AT_MAGIC);
	if (get16(in + AT_COUNT) > VS_SIGNATURES_MAX)
		return malformed(why, "too many signatures", AT_COUNT);
	if (get16(in + AT_RESERVED) != 0)
		return malformed(why, "reserved byte is not zero", AT_RESERVED);
	total = get32(in + AT_TOTAL);
	if (total < HEAD_LEN || total > VS_SIGNATURE_BLOCK_MAX || total > len)
		return malformed(why, "bad signature block length", AT_TOTAL);
	for (size_t i = 0; i < get16(in + AT_COUNT); i++) {
		st = decode_entry(in, total, i, out, &at, why);
		if (st != VS_OK)
			return st;
	}
	if (at != total)
		return malformed(why, "bytes after the last signature", at);
	out->count = get16(in + AT_COUNT);
	out->encoded_len = total;
	return VS_OK;
}

/* The block's length, or 0 if decode would refuse it. */
static size_t block_len(const struct vs_signatures *in)
{
	size_t total = HEAD_LEN;

	for (size_t i = 0; i < in->count; i++) {
		if (!is_sound(&in->at[i]) || is_repeated(in, i))
			return 0;
		total += (size_t)ENTRY_LEN + in->at[i].len;
	}
	return total;
}

vs_status vs_signatures_encode(const struct vs_signatures *in, uint8_t *out,
                               size_t cap, size_t *len)
{
	const struct vs_signature *s;
	size_t total;
	uint8_t *p = out + HEAD_LEN;

	if (in->count > VS_SIGNATURES_MAX)
		return VS_ERR_LIMIT;
	total = block_len(in);
	if (total == 0)
		return VS_ERR_INPUT;
	if (total > cap || total > VS_SIGNATURE_BLOCK_MAX)
		return VS_ERR_LIMIT;
	memcpy(out + AT_MAGIC, magic, sizeof(magic));
	put16(out + AT_COUNT, (uint16_t)in->count);
	put16(out + AT_RESERVED, 0);
	put32(out + AT_TOTAL, (uint32_t)total);
	for (size_t i = 0; i < in->count; i++) {
		s = &in->at[i];
		memcpy(p + ENTRY_KEY_ID, s->key_id, VS_SHA256_LEN);
		put16(p + ENTRY_SCHEME, s->scheme);
		put16(p + ENTRY_BYTES_LEN, s->len);
		memcpy(p + ENTRY_LEN, s->bytes, s->len);
		p += (size_t)ENTRY_LEN + s->len;
	}
	*len = total;
	return VS_OK;
}

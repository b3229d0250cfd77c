/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/keyring.c - whom a boot stage believes: keys, threshold, components.
 *
 * Keys are counted, not signatures: the outer loop of vs_keyring_verify runs
 * over the ring's keys, so that no list of signatures can count a key twice.
 */
#include "seal/keyring.h"
#include "seal/bytes.h"
#include "seal/lms.h"
#include "seal/text.h"

#define HEAD_LEN 32
#define KEY_LEN 104

/* A ring of P-256 keys alone has version 1 still, for one ring has one
 * encoding and older boot stages know no other.
 */
enum { FORMAT_P256 = 1, FORMAT_LMS = 2 };

enum {
	AT_MAGIC = 0,
	AT_FORMAT = 8,
	AT_THRESHOLD = 10,
	AT_VERSION = 12,
	AT_KEY_COUNT = 16,
	AT_COMPONENT_COUNT = 18,
	AT_BODY_LEN = 20,
	AT_LMS_THRESHOLD = 24, /* reserved in version 1 */
	AT_RESERVED = 26,
	KEY_ID = 0,
	KEY_SCHEME = 32,
	KEY_POINT_LEN = 34,
	KEY_POINT = 36,
};

static const uint8_t magic[8] = {'V', 'L', 'T', 'R', 'I', 'N', 'G', '1'};

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

static vs_status unsupported(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED, what, at);
}

static size_t component_at(size_t i)
{
	return HEAD_LEN + i * VS_COMPONENT_LEN;
}

static size_t key_at(const struct vs_keyring *r, size_t i)
{
	return component_at(r->component_count) + i * KEY_LEN;
}

/* The length of a scheme's public key; 0 if we do not know the scheme. */
static size_t key_len(uint16_t scheme)
{
	switch (scheme) {
	case VS_SCHEME_P256_SHA256:
		return VS_P256_KEY_LEN;
	case VS_SCHEME_LMS_SHA256:
		return VS_LMS_KEY_LEN;
	default:
		return 0;
	}
}

static size_t count_keys(const struct vs_keyring *r, uint16_t scheme)
{
	size_t count = 0;

	for (size_t i = 0; i < r->key_count && i < VS_KEYRING_KEYS_MAX; i++)
		count += r->keys[i].scheme == scheme;
	return count;
}

static vs_status check_head(const struct vs_keyring *r, struct vs_why *why)
{
	if (r->version == 0)
		return malformed(why, "keyring version is 0", AT_VERSION);
	if (r->key_count == 0 || r->key_count > VS_KEYRING_KEYS_MAX)
		return malformed(why, "bad number of keys", AT_KEY_COUNT);
	if (r->threshold == 0 || r->threshold > r->key_count)
		return malformed(why, "bad threshold", AT_THRESHOLD);
	if (r->component_count == 0 ||
	    r->component_count > VS_KEYRING_COMPONENTS_MAX)
		return malformed(why, "bad number of components",
		                 AT_COMPONENT_COUNT);
	return VS_OK;
}

static vs_status check_components(const struct vs_keyring *r,
                                  struct vs_why *why)
{
	for (size_t i = 0; i < r->component_count; i++) {
		if (vs_text_len(r->components[i]) == TEXT_LEN)
			return malformed(why, "component is no text",
			                 component_at(i));
		if (r->components[i][0] == 0)
			return malformed(why, "no component", component_at(i));
		for (size_t k = 0; k < i; k++) {
			if (vs_text_equal(r->components[i], r->components[k]))
				return malformed(why, "component twice",
				                 component_at(i));
		}
	}
	return VS_OK;
}

/* Whether key i is of a form that can verify anything. */
static vs_status check_key(const struct vs_keyring *r, size_t i,
                           struct vs_why *why)
{
	const uint8_t *key = r->keys[i].point;
	size_t at = key_at(r, i);
	size_t len = key_len(r->keys[i].scheme);

	if (len == 0)
		return unsupported(why, "unknown key scheme", at + KEY_SCHEME);
	if (r->keys[i].scheme == VS_SCHEME_P256_SHA256 && key[0] != 4)
		return malformed(why, "not an uncompressed point",
		                 at + KEY_POINT);
	if (r->keys[i].scheme == VS_SCHEME_LMS_SHA256 &&
	    vs_lms_height(key) == 0)
		return unsupported(why, "unknown type of LMS key",
		                   at + KEY_POINT);
	if (first_nonzero(key + len, VS_P256_KEY_LEN - len) !=
	    VS_P256_KEY_LEN - len)
		return malformed(why, "byte after the key is not zero",
		                 at + KEY_POINT + len);
	return VS_OK;
}

/* Each scheme's threshold is out of its own keys. */
static vs_status check_thresholds(const struct vs_keyring *r,
                                  struct vs_why *why)
{
	if (r->threshold > count_keys(r, VS_SCHEME_P256_SHA256))
		return malformed(why, "bad threshold", AT_THRESHOLD);
	if (r->lms_threshold > count_keys(r, VS_SCHEME_LMS_SHA256))
		return malformed(why, "bad LMS threshold", AT_LMS_THRESHOLD);
	return VS_OK;
}

static vs_status check_keys(const struct vs_keyring *r, struct vs_why *why)
{
	vs_status st;

	for (size_t i = 0; i < r->key_count; i++) {
		st = check_key(r, i, why);
		if (st != VS_OK)
			return st;
		if (i > 0 && memcmp(r->keys[i - 1].id, r->keys[i].id,
		                    VS_SHA256_LEN) >= 0)
			return malformed(why, "key ids are not ascending",
			                 key_at(r, i));
		for (size_t k = 0; k < i; k++) {
			if (memcmp(r->keys[k].point, r->keys[i].point,
			           VS_P256_KEY_LEN) == 0)
				return malformed(why, "key twice",
				                 key_at(r, i));
		}
	}
	return check_thresholds(r, why);
}

static vs_status check(const struct vs_keyring *r, struct vs_why *why)
{
	vs_status st = check_head(r, why);

	if (st == VS_OK)
		st = check_components(r, why);
	if (st == VS_OK)
		st = check_keys(r, why);
	return st;
}

static vs_status decode_head(const uint8_t *in, size_t len,
                             struct vs_keyring *out, struct vs_why *why)
{
	size_t zeros;
	vs_status st;

	if (len > VS_KEYRING_LEN_MAX)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_TOO_LARGE,
		               "keyring above maximum", 0);
	if (len < HEAD_LEN)
		return malformed(why, "keyring is cut short", len);
	if (memcmp(in + AT_MAGIC, magic, sizeof(magic)) != 0)
		return malformed(why, "not a keyring", AT_MAGIC);
	if (get16(in + AT_FORMAT) != FORMAT_P256 &&
	    get16(in + AT_FORMAT) != FORMAT_LMS)
		return unsupported(why, "unknown keyring version", AT_FORMAT);
	zeros = first_nonzero(in + AT_RESERVED, HEAD_LEN - AT_RESERVED);
	if (zeros < HEAD_LEN - AT_RESERVED)
		return malformed(why, "reserved byte is not zero",
		                 AT_RESERVED + zeros);
	out->version = get32(in + AT_VERSION);
	out->threshold = get16(in + AT_THRESHOLD);
	out->lms_threshold = get16(in + AT_LMS_THRESHOLD);
	out->key_count = get16(in + AT_KEY_COUNT);
	out->component_count = get16(in + AT_COMPONENT_COUNT);
	st = check_head(out, why);
	if (st != VS_OK)
		return st;
	if (get32(in + AT_BODY_LEN) != key_at(out, out->key_count))
		return malformed(why, "bad keyring length", AT_BODY_LEN);
	if (len < key_at(out, out->key_count))
		return malformed(why, "keyring is cut short", len);
	return VS_OK;
}

static vs_status decode_key(const struct vs_crypto *crypto, const uint8_t *in,
                            struct vs_keyring *out, size_t i,
                            struct vs_why *why)
{
	size_t at = key_at(out, i);
	const uint8_t *p = in + at;
	uint8_t id[VS_SHA256_LEN];
	size_t len;

	out->keys[i].scheme = get16(p + KEY_SCHEME);
	memcpy(out->keys[i].id, p + KEY_ID, VS_SHA256_LEN);
	memcpy(out->keys[i].point, p + KEY_POINT, VS_P256_KEY_LEN);
	len = key_len(out->keys[i].scheme);
	if (len == 0)
		return unsupported(why, "unknown key scheme", at + KEY_SCHEME);
	if (get16(p + KEY_POINT_LEN) != len)
		return malformed(why, "bad key length", at + KEY_POINT_LEN);
	if (first_nonzero(p + KEY_POINT + len, KEY_LEN - KEY_POINT - len) !=
	    KEY_LEN - KEY_POINT - len)
		return malformed(why, "reserved byte is not zero",
		                 at + KEY_POINT + len);
	if (crypto->sha256(crypto->ctx, out->keys[i].point, len, NULL, 0, id) !=
	    VS_OK)
		return vs_fail(VS_ERR_CRYPTO, why, VS_REASON_NONE,
		               "hash failed", 0);
	if (memcmp(id, p + KEY_ID, VS_SHA256_LEN) != 0)
		return malformed(why, "key id is not its key's hash", at);
	return VS_OK;
}

/* The version that a ring of these keys has. */
static uint16_t format_of(const struct vs_keyring *r)
{
	return count_keys(r, VS_SCHEME_LMS_SHA256) > 0 ? FORMAT_LMS
	                                               : FORMAT_P256;
}

vs_status vs_keyring_decode(const struct vs_crypto *crypto, const uint8_t *in,
                            size_t len, struct vs_keyring *out,
                            size_t *body_len, struct vs_why *why)
{
	vs_status st;

	memset(out, 0, sizeof(*out));
	st = decode_head(in, len, out, why);
	if (st != VS_OK)
		return st;
	for (size_t i = 0; i < out->component_count; i++) {
		if (!vs_text_decode(in + component_at(i), out->components[i]))
			return malformed(why, "component is no text",
			                 component_at(i));
	}
	for (size_t i = 0; i < out->key_count; i++) {
		st = decode_key(crypto, in, out, i, why);
		if (st != VS_OK)
			return st;
	}
	if (get16(in + AT_FORMAT) != format_of(out))
		return malformed(why, "LMS keys and keyring version disagree",
		                 AT_FORMAT);
	*body_len = key_at(out, out->key_count);
	return check(out, why);
}

vs_status vs_keyring_encode(const struct vs_keyring *in, uint8_t *out,
                            size_t cap, size_t *len, struct vs_why *why)
{
	vs_status st = check(in, why);
	size_t total;
	uint8_t *p;

	if (st != VS_OK)
		return st;
	total = key_at(in, in->key_count);
	if (total > cap)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "no room for the keyring", 0);
	memset(out, 0, total);
	memcpy(out + AT_MAGIC, magic, sizeof(magic));
	put16(out + AT_FORMAT, format_of(in));
	put16(out + AT_THRESHOLD, in->threshold);
	put16(out + AT_LMS_THRESHOLD, in->lms_threshold);
	put32(out + AT_VERSION, in->version);
	put16(out + AT_KEY_COUNT, in->key_count);
	put16(out + AT_COMPONENT_COUNT, in->component_count);
	put32(out + AT_BODY_LEN, (uint32_t)total);
	for (size_t i = 0; i < in->component_count; i++)
		vs_text_encode(in->components[i], out + component_at(i));
	for (size_t i = 0; i < in->key_count; i++) {
		p = out + key_at(in, i);
		memcpy(p + KEY_ID, in->keys[i].id, VS_SHA256_LEN);
		put16(p + KEY_SCHEME, in->keys[i].scheme);
		put16(p + KEY_POINT_LEN, (uint16_t)key_len(in->keys[i].scheme));
		memcpy(p + KEY_POINT, in->keys[i].point, VS_P256_KEY_LEN);
	}
	*len = total;
	return VS_OK;
}

/* The bytes that were signed and their digest. */
struct message {
	const uint8_t *bytes;
	size_t len;
	uint8_t digest[VS_SHA256_LEN];
};

static vs_status verify_one(const struct vs_crypto *crypto, uint16_t scheme,
                            const uint8_t *key, const struct message *m,
                            const struct vs_signature *s)
{
	if (scheme == VS_SCHEME_P256_SHA256 && s->len == VS_P256_SIG_LEN)
		return crypto->p256_verify(crypto->ctx, key, m->digest,
		                           s->bytes);
	if (scheme == VS_SCHEME_LMS_SHA256)
		return vs_lms_verify(crypto, key, m->bytes, m->len, s->bytes,
		                     s->len);
	return VS_ERR_REFUSED;
}

/* VS_OK if one of sigs is by key i of the ring; VS_ERR_REFUSED if none. */
static vs_status verify_key(const struct vs_keyring *ring, size_t i,
                            const struct vs_crypto *crypto,
                            const struct message *m,
                            const struct vs_signatures *sigs)
{
	const struct vs_signature *s;
	vs_status st;

	for (size_t k = 0; k < sigs->count && k < VS_SIGNATURES_MAX; k++) {
		s = &sigs->at[k];
		if (s->scheme != ring->keys[i].scheme ||
		    memcmp(s->key_id, ring->keys[i].id, VS_SHA256_LEN) != 0)
			continue;
		st = verify_one(crypto, s->scheme, ring->keys[i].point, m, s);
		if (st != VS_ERR_REFUSED)
			return st;
	}
	return VS_ERR_REFUSED;
}

vs_status vs_keyring_verify(const struct vs_keyring *ring,
                            const struct vs_crypto *crypto,
                            const uint8_t *message, size_t len,
                            const struct vs_signatures *sigs,
                            struct vs_why *why)
{
	struct message m = {.bytes = message, .len = len};
	size_t curve = 0;
	size_t lms = 0;
	vs_status st;

	st = crypto->sha256(crypto->ctx, message, len, NULL, 0, m.digest);
	if (st != VS_OK)
		return vs_fail(VS_ERR_CRYPTO, why, VS_REASON_NONE,
		               "hash failed", 0);
	for (size_t i = 0; i < ring->key_count && i < VS_KEYRING_KEYS_MAX;
	     i++) {
		st = verify_key(ring, i, crypto, &m, sigs);
		if (st == VS_OK && ring->keys[i].scheme == VS_SCHEME_LMS_SHA256)
			lms++;
		else if (st == VS_OK)
			curve++;
		else if (st != VS_ERR_REFUSED)
			return vs_fail(VS_ERR_CRYPTO, why, VS_REASON_NONE,
			               "signature could not be checked", 0);
	}
	if (ring->threshold == 0 || curve < ring->threshold)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_SEAL_SIGNATURE,
		               "too few boot keys signed", 0);
	if (lms < ring->lms_threshold)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_SEAL_SIGNATURE,
		               "too few LMS boot keys signed", 0);
	return VS_OK;
}

vs_status vs_keyring_open(const struct vs_keyring *in_force,
                          const struct vs_crypto *crypto, const uint8_t *file,
                          size_t len, struct vs_keyring *out,
                          struct vs_why *why)
{
	struct vs_signatures sigs;
	struct vs_keyring ring; /* *out may be the ring in force */
	size_t body_len;
	vs_status st;

	st = vs_keyring_decode(crypto, file, len, &ring, &body_len, why);
	if (st != VS_OK)
		return st;
	st = vs_signatures_decode(file + body_len, len - body_len, &sigs, why);
	if (st != VS_OK)
		return st;
	if (body_len + sigs.encoded_len != len)
		return malformed(why, "bytes after the keyring",
		                 body_len + sigs.encoded_len);
	st = vs_keyring_verify(&ring, crypto, file, body_len, &sigs, why);
	if (st == VS_OK && in_force)
		st = vs_keyring_verify(in_force, crypto, file, body_len, &sigs,
		                       why);
	if (st != VS_OK)
		return st;
	if (in_force && ring.version <= in_force->version)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_KEYRING_ROLLBACK,
		               "keyring version is not above the one in force",
		               AT_VERSION);
	*out = ring;
	return VS_OK;
}

vs_status
vs_keyring_open_header(const struct vs_keyring *ring,
                       const struct vs_crypto *crypto,
                       const uint8_t header[static VS_SEAL_HEADER_LEN],
                       const struct vs_signatures *sigs,
                       struct vs_seal_header *out, struct vs_why *why)
{
	vs_status st;

	st = vs_keyring_verify(ring, crypto, header, VS_SEAL_HEADER_LEN, sigs,
	                       why);
	if (st == VS_OK)
		st = vs_seal_header_decode(header, out, why);
	if (st != VS_OK)
		return st;
	for (size_t i = 0;
	     i < ring->component_count && i < VS_KEYRING_COMPONENTS_MAX; i++) {
		if (vs_text_equal(ring->components[i], out->component))
			return VS_OK;
	}
	return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_COMPONENT,
	               "the keyring does not cover the component", 16);
}

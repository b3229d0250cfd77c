/* SPDX-License-Identifier: Apache-2.0
 *
 * seal/header.c - the 512 signed bytes that say what an image is.
 *
 * check() holds the rules about values once, for both directions.
 */
#include "seal/header.h"
#include "seal/bytes.h"
#include "seal/text.h"

#define FORMAT_VERSION 1

enum {
	AT_MAGIC = 0,
	AT_VERSION = 8,
	AT_HASH = 10,       /* 1: SHA-256 */
	AT_DATA_SHIFT = 11, /* log2 of the data block */
	AT_HASH_SHIFT = 12, /* log2 of the hash block */
	AT_TREE_TYPE = 13,  /* 1: salt before data */
	AT_RESERVED_A = 14,
	AT_COMPONENT = 16,
	AT_HARDWARE = 48,
	AT_VERSION_TEXT = 176,
	AT_RELEASE_SEQ = 208,
	AT_SECURITY_VERSION = 216,
	AT_RESERVED_B = 220,
	AT_IMAGE_LEN = 224,
	AT_SALT = 232,
	AT_ROOT_HASH = 264,
	AT_RESERVED_C = 296,
};

const uint8_t vs_seal_magic[VS_SEAL_MAGIC_LEN] = {'V', 'L', 'T', 'S',
                                                  'E', 'A', 'L', '1'};

/* hash, data block, hash block, tree type: the only ones of version 1 */
static const uint8_t shape[4] = {1, 12, 12, 1};

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

static vs_status unsupported(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED, what, at);
}

static vs_status check_hardware(const struct vs_seal_header *h,
                                struct vs_why *why)
{
	size_t at;

	if (h->hardware[0][0] == 0)
		return malformed(why, "no hardware id", AT_HARDWARE);
	for (size_t i = 0; i < VS_HARDWARE_MAX; i++) {
		at = AT_HARDWARE + i * VS_HARDWARE_LEN;
		if (vs_text_len(h->hardware[i]) == TEXT_LEN)
			return malformed(why, "hardware id is no text", at);
		if (h->hardware[i][0] == 0)
			continue;
		if (i > 0 && h->hardware[i - 1][0] == 0)
			return malformed(why, "gap before hardware id", at);
		for (size_t k = 0; k < i; k++) {
			if (vs_text_equal(h->hardware[i], h->hardware[k]))
				return malformed(why, "hardware id twice", at);
		}
	}
	return VS_OK;
}

static vs_status check(const struct vs_seal_header *h, struct vs_why *why)
{
	if (vs_text_len(h->component) == TEXT_LEN)
		return malformed(why, "component is no text", AT_COMPONENT);
	if (h->component[0] == 0)
		return malformed(why, "no component", AT_COMPONENT);
	if (vs_text_len(h->version) == TEXT_LEN)
		return malformed(why, "version is no text", AT_VERSION_TEXT);
	if (h->version[0] == 0)
		return malformed(why, "no version", AT_VERSION_TEXT);
	if (h->release_seq == 0)
		return malformed(why, "release_seq is 0", AT_RELEASE_SEQ);
	if (h->image_len == 0)
		return malformed(why, "image_len is 0", AT_IMAGE_LEN);
	if (h->image_len > VS_IMAGE_LEN_MAX)
		return malformed(why, "image_len above maximum", AT_IMAGE_LEN);
	return check_hardware(h, why);
}

static vs_status check_zeros(const uint8_t *in, size_t from, size_t to,
                             struct vs_why *why)
{
	size_t at = from + first_nonzero(in + from, to - from);

	if (at < to)
		return malformed(why, "reserved byte is not zero", at);
	return VS_OK;
}

static vs_status check_frame(const uint8_t *in, struct vs_why *why)
{
	vs_status st;

	if (memcmp(in + AT_MAGIC, vs_seal_magic, VS_SEAL_MAGIC_LEN) != 0)
		return malformed(why, "not a seal header", AT_MAGIC);
	if (get16(in + AT_VERSION) != FORMAT_VERSION)
		return unsupported(why, "unknown seal version", AT_VERSION);
	if (memcmp(in + AT_HASH, shape, sizeof(shape)) != 0)
		return unsupported(why, "unknown hash or block length",
		                   AT_HASH);
	st = check_zeros(in, AT_RESERVED_A, AT_COMPONENT, why);
	if (st == VS_OK)
		st = check_zeros(in, AT_RESERVED_B, AT_IMAGE_LEN, why);
	if (st == VS_OK)
		st = check_zeros(in, AT_RESERVED_C, VS_SEAL_HEADER_LEN, why);
	return st;
}

static vs_status decode_texts(const uint8_t *in, struct vs_seal_header *out,
                              struct vs_why *why)
{
	size_t at;

	if (!vs_text_decode(in + AT_COMPONENT, out->component))
		return malformed(why, "component is no text", AT_COMPONENT);
	if (!vs_text_decode(in + AT_VERSION_TEXT, out->version))
		return malformed(why, "version is no text", AT_VERSION_TEXT);
	for (size_t i = 0; i < VS_HARDWARE_MAX; i++) {
		at = AT_HARDWARE + i * VS_HARDWARE_LEN;
		if (!vs_text_decode(in + at, out->hardware[i]))
			return malformed(why, "hardware id is no text", at);
	}
	return VS_OK;
}

vs_status vs_seal_header_decode(const uint8_t in[static VS_SEAL_HEADER_LEN],
                                struct vs_seal_header *out, struct vs_why *why)
{
	vs_status st = check_frame(in, why);

	if (st == VS_OK)
		st = decode_texts(in, out, why);
	if (st != VS_OK)
		return st;
	out->release_seq = get64(in + AT_RELEASE_SEQ);
	out->security_version = get32(in + AT_SECURITY_VERSION);
	out->image_len = get64(in + AT_IMAGE_LEN);
	memcpy(out->salt, in + AT_SALT, VS_SALT_LEN);
	memcpy(out->root_hash, in + AT_ROOT_HASH, VS_SHA256_LEN);
	return check(out, why);
}

vs_status vs_seal_header_encode(const struct vs_seal_header *in,
                                uint8_t out[static VS_SEAL_HEADER_LEN],
                                struct vs_why *why)
{
	vs_status st = check(in, why);

	if (st != VS_OK)
		return st;
	memset(out, 0, VS_SEAL_HEADER_LEN);
	memcpy(out + AT_MAGIC, vs_seal_magic, VS_SEAL_MAGIC_LEN);
	put16(out + AT_VERSION, FORMAT_VERSION);
	memcpy(out + AT_HASH, shape, sizeof(shape));
	vs_text_encode(in->component, out + AT_COMPONENT);
	for (size_t i = 0; i < VS_HARDWARE_MAX; i++)
		vs_text_encode(in->hardware[i],
		               out + AT_HARDWARE + i * VS_HARDWARE_LEN);
	vs_text_encode(in->version, out + AT_VERSION_TEXT);
	put64(out + AT_RELEASE_SEQ, in->release_seq);
	put32(out + AT_SECURITY_VERSION, in->security_version);
	put64(out + AT_IMAGE_LEN, in->image_len);
	memcpy(out + AT_SALT, in->salt, VS_SALT_LEN);
	memcpy(out + AT_ROOT_HASH, in->root_hash, VS_SHA256_LEN);
	return VS_OK;
}

bool vs_seal_header_equal(const struct vs_seal_header *a,
                          const struct vs_seal_header *b)
{
	/* Field by field: what lies between fields may differ. */
	return memcmp(a->component, b->component, sizeof(a->component)) == 0 &&
	       memcmp(a->hardware, b->hardware, sizeof(a->hardware)) == 0 &&
	       memcmp(a->version, b->version, sizeof(a->version)) == 0 &&
	       a->release_seq == b->release_seq &&
	       a->security_version == b->security_version &&
	       a->image_len == b->image_len &&
	       memcmp(a->salt, b->salt, VS_SALT_LEN) == 0 &&
	       memcmp(a->root_hash, b->root_hash, VS_SHA256_LEN) == 0;
}

bool vs_seal_header_fits(const struct vs_seal_header *h, const char *hardware)
{
	if (!hardware || hardware[0] == 0)
		return false;
	for (size_t i = 0; i < VS_HARDWARE_MAX; i++) {
		if (vs_text_equal(h->hardware[i], hardware))
			return true;
	}
	return false;
}

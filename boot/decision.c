/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/decision.c - a boot decision as bytes that a loader hands over.
 *
 * One decision has one encoding: the decoder encodes what it understood and
 * refuses what differs, so no field can be forgotten on one side.
 */
#include "boot/decision.h"

#include "boot/crc.h"
#include "seal/bytes.h"

enum {
	AT_MAGIC = 0,
	AT_FORMAT = 8,
	AT_LEN = 10,
	AT_COUNT = 12,
	AT_VERDICT = 13,
	AT_SLOT = 14,
	AT_CAUSE = 15,
	AT_FLAGS = 16,
	AT_TRIES = 17,
	AT_RECOVERY = 18,
	AT_KEYRING = 20,
	AT_EPOCH = 24,
	AT_RINGS = 28,
	RING_LEN = 8,
	AT_SLOTS = AT_RINGS + VS_BOOT_RINGS * RING_LEN,
	SLOT_LEN = 8,
	AT_COMPONENTS = 72,
	IN_NAME = 0,
	IN_VERSION = 32,
	IN_SALT = 64,
	IN_ROOT = 96,
	IN_IMAGE_LEN = 128,
	IN_RELEASE_SEQ = 136,
	IN_SEEN_SEQ = 144,
	IN_SECURITY = 160,
	IN_FLOOR = 164,
	IN_SEEN_SECURITY = 168,
	COMPONENT_LEN = 176,
	CRC_LEN = 4,
	FLAG_TRIAL = 1,
	FLAG_FELL_BACK = 2,
	FLAG_RECORD_LOST = 4,
	FLAG_FLOOR_RAISED = 8,
	NO_SLOT = 0xff,
};

#define FORMAT_VERSION 1

static const uint8_t magic[8] = {'V', 'S', 'D', 'E', 'C', 'I', 'D', 'E'};

/* In the order of their codes, 0 to 2. */
static const uint32_t verdicts[] = {VS_VERDICT_DENY, VS_VERDICT_BOOT,
                                    VS_VERDICT_RECOVER};

static uint8_t code_of(uint32_t verdict)
{
	return verdict == VS_VERDICT_BOOT      ? 1
	       : verdict == VS_VERDICT_RECOVER ? 2
	                                       : 0;
}

static void put_text(uint8_t *to, const char *text)
{
	for (size_t i = 0; i < VS_COMPONENT_LEN - 1 && text[i] != '\0'; i++)
		to[i] = (uint8_t)text[i];
}

static void put_head(const struct vs_boot_decision *d, int count, uint8_t *out)
{
	memcpy(out + AT_MAGIC, magic, sizeof(magic));
	put16(out + AT_FORMAT, FORMAT_VERSION);
	put16(out + AT_LEN, (uint16_t)VS_DECISION_LEN(count));
	out[AT_COUNT] = (uint8_t)count;
	out[AT_VERDICT] = code_of(d->verdict);
	out[AT_SLOT] = d->slot < 0 ? NO_SLOT : (uint8_t)d->slot;
	out[AT_CAUSE] = (uint8_t)d->cause;
	out[AT_FLAGS] = (uint8_t)((d->trial ? FLAG_TRIAL : 0) |
	                          (d->fell_back ? FLAG_FELL_BACK : 0) |
	                          (d->record_lost ? FLAG_RECORD_LOST : 0) |
	                          (d->floor_raised ? FLAG_FLOOR_RAISED : 0));
	out[AT_TRIES] = d->tries_left;
	put16(out + AT_RECOVERY, (uint16_t)d->recovery);
	put32(out + AT_KEYRING, d->keyring_version);
	put32(out + AT_EPOCH, d->epoch_floor);
	for (size_t i = 0; i < VS_BOOT_RINGS; i++) {
		put32(out + AT_RINGS + i * RING_LEN, d->rings[i].version);
		put16(out + AT_RINGS + i * RING_LEN + 4,
		      (uint16_t)d->rings[i].refused);
	}
	for (size_t i = 0; i < VS_SLOTS; i++) {
		uint8_t *p = out + AT_SLOTS + i * SLOT_LEN;

		put16(p, (uint16_t)d->seen[i].refused);
		p[2] = (uint8_t)d->seen[i].component;
		put32(p + 4, d->seen[i].epoch);
	}
}

static void put_component(const struct vs_boot_decision *d, int c, uint8_t *p)
{
	const struct vs_seal_header *h = &d->header[c];

	put_text(p + IN_VERSION, h->version);
	memcpy(p + IN_SALT, h->salt, VS_SALT_LEN);
	memcpy(p + IN_ROOT, h->root_hash, VS_SHA256_LEN);
	put64(p + IN_IMAGE_LEN, h->image_len);
	put64(p + IN_RELEASE_SEQ, h->release_seq);
	put32(p + IN_SECURITY, h->security_version);
	put32(p + IN_FLOOR, d->floor[c]);
	for (int i = 0; i < VS_SLOTS; i++) {
		put64(p + IN_SEEN_SEQ + 8 * i, d->seen[i].release_seq[c]);
		put32(p + IN_SEEN_SECURITY + 4 * i,
		      d->seen[i].security_version[c]);
	}
}

void vs_decision_encode(const struct vs_boot_decision *d,
                        const struct vs_boot_component *components, int count,
                        uint8_t *out)
{
	size_t len = VS_DECISION_LEN(count);

	memset(out, 0, len);
	put_head(d, count, out);
	for (int c = 0; c < count; c++) {
		uint8_t *p = out + AT_COMPONENTS + (size_t)c * COMPONENT_LEN;

		put_text(p + IN_NAME, components[c].name);
		put_component(d, c, p);
	}
	put32(out + len - CRC_LEN, vs_crc32(out, len - CRC_LEN));
}

static vs_status malformed(struct vs_why *why, const char *what, size_t at)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, at);
}

static vs_status check_frame(const uint8_t *in, size_t len, struct vs_why *why)
{
	int count;

	if (len < VS_DECISION_LEN(1) || len > VS_DECISION_LEN_MAX)
		return malformed(why, "bad length", 0);
	if (memcmp(in + AT_MAGIC, magic, sizeof(magic)) != 0)
		return malformed(why, "not a boot decision", AT_MAGIC);
	if (get32(in + len - CRC_LEN) != vs_crc32(in, len - CRC_LEN))
		return malformed(why, "checksum does not match", len - CRC_LEN);
	if (get16(in + AT_FORMAT) != FORMAT_VERSION)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "unknown decision version", AT_FORMAT);
	count = in[AT_COUNT];
	if (count < 1 || count > VS_BOOT_COMPONENTS_MAX ||
	    len != VS_DECISION_LEN(count))
		return malformed(why, "bad number of components", AT_COUNT);
	if (in[AT_VERDICT] >= sizeof(verdicts) / sizeof(verdicts[0]))
		return malformed(why, "unknown verdict", AT_VERDICT);
	if (in[AT_SLOT] != NO_SLOT && in[AT_SLOT] >= VS_SLOTS)
		return malformed(why, "no such slot", AT_SLOT);
	if (in[AT_CAUSE] > VS_RESET_CRASH)
		return malformed(why, "unknown reset cause", AT_CAUSE);
	return VS_OK;
}

static void get_head(const uint8_t *in, struct vs_boot_decision *d)
{
	d->verdict = verdicts[in[AT_VERDICT]];
	d->slot = in[AT_SLOT] == NO_SLOT ? -1 : in[AT_SLOT];
	d->cause = (enum vs_reset_cause)in[AT_CAUSE];
	d->trial = in[AT_FLAGS] & FLAG_TRIAL;
	d->fell_back = in[AT_FLAGS] & FLAG_FELL_BACK;
	d->record_lost = in[AT_FLAGS] & FLAG_RECORD_LOST;
	d->floor_raised = in[AT_FLAGS] & FLAG_FLOOR_RAISED;
	d->tries_left = in[AT_TRIES];
	d->recovery = (vs_reason)get16(in + AT_RECOVERY);
	d->keyring_version = get32(in + AT_KEYRING);
	d->epoch_floor = get32(in + AT_EPOCH);
	for (size_t i = 0; i < VS_BOOT_RINGS; i++) {
		const uint8_t *p = in + AT_RINGS + i * RING_LEN;

		d->rings[i].version = get32(p);
		d->rings[i].refused = (vs_reason)get16(p + 4);
	}
	for (size_t i = 0; i < VS_SLOTS; i++) {
		const uint8_t *p = in + AT_SLOTS + i * SLOT_LEN;

		d->seen[i].refused = (vs_reason)get16(p);
		d->seen[i].component = p[2];
		d->seen[i].epoch = get32(p + 4);
	}
}

static void get_component(const uint8_t *p, int c, struct vs_boot_decision *d)
{
	struct vs_seal_header *h = &d->header[c];

	memcpy(h->version, p + IN_VERSION, VS_VERSION_LEN - 1);
	memcpy(h->salt, p + IN_SALT, VS_SALT_LEN);
	memcpy(h->root_hash, p + IN_ROOT, VS_SHA256_LEN);
	h->image_len = get64(p + IN_IMAGE_LEN);
	h->release_seq = get64(p + IN_RELEASE_SEQ);
	h->security_version = get32(p + IN_SECURITY);
	d->floor[c] = get32(p + IN_FLOOR);
	for (int i = 0; i < VS_SLOTS; i++) {
		d->seen[i].release_seq[c] = get64(p + IN_SEEN_SEQ + 8 * i);
		d->seen[i].security_version[c] =
			get32(p + IN_SEEN_SECURITY + 4 * i);
	}
}

vs_status
vs_decision_decode(const uint8_t *in, size_t len, struct vs_boot_decision *out,
                   char names[static VS_BOOT_COMPONENTS_MAX][VS_COMPONENT_LEN],
                   int *count, struct vs_why *why)
{
	struct vs_boot_component again[VS_BOOT_COMPONENTS_MAX] = {{0}};
	uint8_t bytes[VS_DECISION_LEN_MAX];
	vs_status status = check_frame(in, len, why);

	memset(out, 0, sizeof(*out));
	memset(names, 0, (size_t)VS_BOOT_COMPONENTS_MAX * VS_COMPONENT_LEN);
	if (status != VS_OK)
		return status;
	*count = in[AT_COUNT];
	get_head(in, out);
	for (int c = 0; c < *count; c++) {
		const uint8_t *p =
			in + AT_COMPONENTS + (size_t)c * COMPONENT_LEN;

		memcpy(names[c], p + IN_NAME, VS_COMPONENT_LEN - 1);
		again[c].name = names[c];
		get_component(p, c, out);
	}
	vs_decision_encode(out, again, *count, bytes);
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != in[i])
			return malformed(why, "another encoding", i);
	return VS_OK;
}

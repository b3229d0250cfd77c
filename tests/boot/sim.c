/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/sim.c - a charger in memory whose power can be cut at any write.
 */
#include "tests/boot/sim.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "seal/openssl.h"
#include "seal/slot.h"
#include "seal/tree.h"
#include "tests/boot/signer.h"

enum { IMAGE_LEN = 3 * VS_BLOCK_LEN - 100, KEPT_MAX = 64, MEMO = 256 };

struct kept {
	int component;
	struct sim_image image;
	uint8_t bytes[SIM_SLOT_LEN];
};

static struct kept *kept[KEPT_MAX];
static int kept_count;
static struct vs_crypto real;

/* A table of some ten thousand decisions asks the same few questions. */
static struct {
	vs_status status;
	bool used;
	uint8_t digest[VS_SHA256_LEN];
	uint8_t key[VS_P256_KEY_LEN];
	uint8_t sig[VS_P256_SIG_LEN];
} memo[MEMO];

static vs_status memo_verify(void *ctx,
                             const uint8_t key[static VS_P256_KEY_LEN],
                             const uint8_t digest[static VS_SHA256_LEN],
                             const uint8_t sig[static VS_P256_SIG_LEN])
{
	size_t i = (size_t)(key[1] ^ digest[0] ^ sig[5] ^ sig[40]) % MEMO;

	if (memo[i].used &&
	    memcmp(memo[i].digest, digest, VS_SHA256_LEN) == 0 &&
	    memcmp(memo[i].key, key, VS_P256_KEY_LEN) == 0 &&
	    memcmp(memo[i].sig, sig, VS_P256_SIG_LEN) == 0)
		return memo[i].status;
	memo[i].used = true;
	memcpy(memo[i].digest, digest, VS_SHA256_LEN);
	memcpy(memo[i].key, key, VS_P256_KEY_LEN);
	memcpy(memo[i].sig, sig, VS_P256_SIG_LEN);
	memo[i].status = real.p256_verify(ctx, key, digest, sig);
	return memo[i].status;
}

static vs_status (*true_sha256)(void *ctx, const uint8_t *a, size_t a_len,
                                const uint8_t *b, size_t b_len,
                                uint8_t digest[static VS_SHA256_LEN]);

static vs_status quick_sha256(void *ctx, const uint8_t *a, size_t a_len,
                              const uint8_t *b, size_t b_len,
                              uint8_t digest[static VS_SHA256_LEN])
{
	uint64_t lanes[4] = {1, 2, 3, 4};
	uint64_t word;

	if (a_len != VS_SALT_LEN || b_len != VS_BLOCK_LEN)
		return true_sha256(ctx, a, a_len, b, b_len, digest);
	for (size_t i = 0; i < b_len; i += sizeof(word)) {
		memcpy(&word, b + i, sizeof(word));
		lanes[i / 8 % 4] = (lanes[i / 8 % 4] ^ word) *
		                   UINT64_C(0x9e3779b97f4a7c15);
		lanes[i / 8 % 4] ^= lanes[i / 8 % 4] >> 29;
	}
	memcpy(digest, lanes, VS_SHA256_LEN);
	digest[0] ^= a[0];
	return VS_OK;
}

static void start_crypto(void)
{
	vs_status status;

	if (real.sha256)
		return;
	status = vs_openssl_init(&real);
	assert(status == VS_OK);
	(void)status;
}

void sim_quick_blocks(void)
{
	start_crypto();
	true_sha256 = real.sha256;
	real.sha256 = quick_sha256;
}

uint32_t sim_random(struct sim *s)
{
	s->noise ^= s->noise << 13;
	s->noise ^= s->noise >> 17;
	s->noise ^= s->noise << 5;
	return s->noise;
}

/* What a cut leaves of 16 bytes (or fewer, at the end). */
static void tear(struct sim *s, uint8_t *to, const uint8_t *from, size_t len)
{
	uint32_t fate = sim_random(s) >> 7 & 3;

	if (fate == 1)
		memcpy(to, from, len);
	else if (fate == 2)
		memset(to, 0xff, len);
	for (size_t i = 0; fate == 3 && i < len; i++) {
		uint32_t r = sim_random(s) >> 5;

		to[i] = r % 3 == 0   ? (uint8_t)(r >> 3)
		        : r % 3 == 1 ? from[i]
		                     : to[i];
	}
}

vs_status sim_write(struct sim *s, uint8_t *to, const uint8_t *from, size_t len)
{
	if (s->dead)
		return VS_ERR_IO;
	if (s->writes++ != s->cut_at) {
		memcpy(to, from, len);
		return VS_OK;
	}
	if (s->cut == SIM_HALF || s->cut == SIM_ERASED)
		memcpy(to, from, len / 2);
	if (s->cut == SIM_ERASED)
		memset(to + len / 2, 0xff, len - len / 2);
	if (s->cut == SIM_DONE)
		memcpy(to, from, len);
	for (size_t at = 0; s->cut >= SIM_TORN && at < len; at += 16)
		tear(s, to + at, from + at, len - at < 16 ? len - at : 16);
	s->dead = true;
	return VS_ERR_IO;
}

static vs_status record_read(void *ctx, int copy,
                             uint8_t out[static VS_RECORD_LEN])
{
	struct sim *s = ctx;

	if (s->dead)
		return VS_ERR_IO;
	memcpy(out, s->record[copy], VS_RECORD_LEN);
	return VS_OK;
}

static vs_status record_write(void *ctx, int copy,
                              const uint8_t in[static VS_RECORD_LEN])
{
	struct sim *s = ctx;

	if (s->record_stuck)
		return VS_ERR_IO;
	if (s->record_forgets)
		return VS_OK;
	return sim_write(s, s->record[copy], in, VS_RECORD_LEN);
}

static uint64_t slot_len(void *ctx, int component, int slot)
{
	const struct sim *s = ctx;

	(void)component;
	(void)slot;
	return s->slot_len;
}

static uint8_t *slot_bytes(struct sim *s, int component, int slot)
{
	return component == VS_BOOT_RECOVERY ? s->recovery
	                                     : s->slots[component][slot];
}

/* A slot longer than the memory behind it shows its footer at its end. */
static vs_status slot_read(void *ctx, int component, int slot, uint64_t at,
                           uint8_t *out, size_t len)
{
	struct sim *s = ctx;

	if (s->dead || at + len > s->slot_len)
		return VS_ERR_IO;
	if (at >= s->slot_len - VS_SLOT_FOOTER_LEN)
		at -= s->slot_len - SIM_SLOT_LEN;
	if (at + len > SIM_SLOT_LEN)
		return VS_ERR_IO;
	memcpy(out, slot_bytes(s, component, slot) + at, len);
	return VS_OK;
}

static const uint8_t *slot_map(void *ctx, int component, int slot, uint64_t at,
                               size_t len)
{
	struct sim *s = ctx;

	if (s->dead || at + len > SIM_SLOT_LEN)
		return NULL;
	return slot_bytes(s, component, slot) + at;
}

static vs_status keyring(void *ctx, int place, const uint8_t **file,
                         size_t *len)
{
	const struct sim *s = ctx;

	if (s->dead || s->ring_unreadable)
		return VS_ERR_IO;
	*file = s->rings[place];
	*len = s->ring_len[place];
	return *len > 0 ? VS_OK : VS_ERR_ABSENT;
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	const struct sim *s = ctx;

	if (s->dead || s->floor_unreadable ||
	    (component == VS_BOOT_EPOCH && s->epoch_unreadable))
		return VS_ERR_IO;
	*out = s->floor[component];
	return VS_OK;
}

/* A counter of a TPM: it has risen or it has not. */
static vs_status floor_raise(void *ctx, int component, uint32_t to)
{
	struct sim *s = ctx;

	if (s->dead || s->floor_stuck)
		return VS_ERR_IO;
	assert(to > s->floor[component]);
	if (s->writes++ == s->cut_at) {
		if (s->cut == SIM_DONE)
			s->floor[component] = to;
		s->dead = true;
		return VS_ERR_IO;
	}
	s->floor[component] = to;
	return VS_OK;
}

/* All texts here have fields of the same length. */
static void put_text(char out[static VS_COMPONENT_LEN], const char *text)
{
	snprintf(out, VS_COMPONENT_LEN, "%s", text);
}

struct sim *sim_new(void)
{
	static const char *const names[] = {"gateway", "meter"};
	static const char *const hardware[] = {"gw-rev3", "mcu-rev1"};
	struct sim *s = calloc(1, sizeof(*s));

	assert(s);
	start_crypto();
	s->ops = (struct vs_boot_ops){
		.ctx = s,
		.record = {s, record_read, record_write},
		.crypto = real,
		.slot_len = slot_len,
		.read = slot_read,
		.floor_get = floor_get,
		.floor_raise = floor_raise,
	};
	s->ops.crypto.p256_verify = memo_verify;
	s->count = 1;
	s->slot_len = SIM_SLOT_LEN;
	s->cut_at = -1;
	s->noise = 0x2545f491;
	signer_ring(&real, &s->ring);
	for (int c = 0; c < SIM_COMPONENTS; c++) {
		s->components[c] =
			(struct vs_boot_component){names[c], hardware[c], true};
	}
	return s;
}

void sim_free(struct sim *s)
{
	free(s);
}

void sim_power_on(struct sim *s)
{
	s->dead = false;
	s->writes = 0;
	s->cut_at = -1;
}

void sim_use_rings(struct sim *s)
{
	s->ops.keyring = keyring;
	s->floor[VS_BOOT_EPOCH] = s->ring.version;
}

void sim_append_ring(struct sim *s, int place, unsigned mask, uint32_t version,
                     unsigned by)
{
	uint8_t *to = s->rings[place] + s->ring_len[place];
	struct vs_keyring next;

	signer_ring_of(&real, mask, version, &next);
	s->ring_len[place] += signer_ring_file(
		&next, by, to, SIM_RING_LEN - s->ring_len[place]);
}

void sim_use_map(struct sim *s)
{
	s->ops.map = slot_map;
}

static void write_footer(const struct vs_seal_header *h,
                         const struct sim_image *image, uint8_t *out)
{
	uint8_t room[PEOPLE][VS_P256_SIG_LEN];
	uint8_t raw[VS_SEAL_HEADER_LEN];
	struct vs_signatures sigs;
	unsigned by = image->signed_by ? image->signed_by
	                               : (1u << image->signatures) - 1;
	vs_status status = vs_seal_header_encode(h, raw, NULL);

	assert(status == VS_OK);
	signer_sign_by(by, raw, sizeof(raw), room, &sigs);
	status = vs_slot_footer_encode(raw, &sigs, out);
	assert(status == VS_OK);
	(void)status;
}

static const char *name_of(const struct sim *s, int c)
{
	return c == VS_BOOT_RECOVERY ? "recovery" : s->components[c].name;
}

static void make_slot(struct sim *s, int c, const struct sim_image *image,
                      uint8_t *out)
{
	struct vs_seal_header h = {
		.release_seq = image->release_seq,
		.security_version = image->security_version,
		.image_len = IMAGE_LEN,
		.version = "1.2.3",
	};
	struct vs_slot_layout layout;
	struct vs_tree tree;
	vs_status st;

	put_text(h.component,
	         image->component ? image->component : name_of(s, c));
	put_text(h.hardware[0], image->hardware ? image->hardware
	                        : c == VS_BOOT_RECOVERY
	                                ? s->components[0].hardware
	                                : s->components[c].hardware);
	memset(h.salt, 0x11 + c, sizeof(h.salt));
	for (size_t i = 0; i < IMAGE_LEN; i++)
		out[i] = (uint8_t)(i * 31 + image->release_seq * 7 + i / 251);
	st = vs_tree_init(&tree, IMAGE_LEN);
	assert(st == VS_OK);
	st = vs_slot_layout(&tree, SIM_SLOT_LEN, &layout, NULL);
	assert(st == VS_OK);
	st = vs_tree_hash_cluster(&real, h.salt, out, IMAGE_LEN,
	                          out + layout.tree_at +
	                                  vs_tree_leaves_at(&tree, 0));
	assert(st == VS_OK);
	st = vs_tree_finish(&tree, &real, h.salt, out + layout.tree_at,
	                    h.root_hash);
	assert(st == VS_OK);
	(void)st;
	if (image->claimed_len)
		h.image_len = image->claimed_len;
	write_footer(&h, image, out + layout.footer_at);
}

static bool same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

const uint8_t *sim_slot_bytes(struct sim *s, int component,
                              const struct sim_image *image)
{
	struct kept *k;

	for (int i = 0; i < kept_count; i++) {
		k = kept[i];
		if (k->component == component &&
		    k->image.release_seq == image->release_seq &&
		    k->image.security_version == image->security_version &&
		    k->image.signatures == image->signatures &&
		    k->image.claimed_len == image->claimed_len &&
		    k->image.signed_by == image->signed_by &&
		    same_text(k->image.component, image->component) &&
		    same_text(k->image.hardware, image->hardware))
			return k->bytes;
	}
	assert(kept_count < KEPT_MAX);
	k = kept[kept_count++] = calloc(1, sizeof(*k));
	assert(k);
	k->component = component;
	k->image = *image;
	make_slot(s, component, image, k->bytes);
	return k->bytes;
}

void sim_place(struct sim *s, int component, int slot,
               const struct sim_image *image)
{
	memcpy(slot_bytes(s, component, slot),
	       sim_slot_bytes(s, component, image), SIM_SLOT_LEN);
}

vs_status sim_install(struct sim *s, int component, int slot,
                      const struct sim_image *image)
{
	static const uint8_t zeros[VS_SLOT_FOOTER_LEN];
	const uint8_t *from = sim_slot_bytes(s, component, image);
	uint8_t *to = s->slots[component][slot];
	size_t body = SIM_SLOT_LEN - VS_SLOT_FOOTER_LEN;
	vs_status status;

	/* The old footer goes first: it must not stand behind new bytes. */
	status = sim_write(s, to + body, zeros, sizeof(zeros));
	for (size_t at = 0; at < body && status == VS_OK; at += VS_BLOCK_LEN)
		status = sim_write(s, to + at, from + at, VS_BLOCK_LEN);
	if (status == VS_OK)
		status = sim_write(s, to + body, from + body,
		                   VS_SLOT_FOOTER_LEN);
	return status;
}

void sim_set_record(struct sim *s, const struct vs_record *rec)
{
	struct vs_record older = *rec;

	older.seq = rec->seq - 1;
	vs_record_encode(rec, s->record[1]);
	vs_record_encode(&older, s->record[0]);
}

vs_status sim_decide(struct sim *s, enum vs_reset_cause cause,
                     struct vs_boot_decision *d)
{
	bool needed = !s->ops.map || s->ops.keyring;

	return vs_boot_decide(&s->ops, s->components, s->count, &s->ring, cause,
	                      needed ? &s->scratch : NULL, d);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/cortexm_forge.c - makes a controller's factory page and signed
 * slots, for tests.
 *
 * usage: cortexm_forge DIR THRESHOLD [NAME IMAGE VERSION SEQ SECURITY HARDWARE
 *                                     SIGNED]...
 * Writes DIR/factory.bin, with a keyring of three people, THRESHOLD of whom
 * must sign, and one LMS key, which must too; then DIR/NAME.slot for each NAME.
 * SIGNED is how many people signed it, and an l if LMS did: 2l.
 */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "boot/port/cortexm/board.h"
#include "seal/lms_sign.h"
#include "seal/openssl.h"
#include "seal/slot.h"
#include "seal/tree.h"
#include "tests/boot/signer.h"

enum {
	LMS_HEIGHT = 5,
	LEAVES = 1 << LMS_HEIGHT,
	SLOT_LEN = VS_SLOT_SECTORS * VS_NOR_SECTOR_LEN,
	LARGE_LEN = 5 << 18, /* for an image that no slot has room for */
	NUMBERS = 10,        /* the base of numbers */
	WORDS = 7,           /* for each slot */
};

struct lms {
	struct vs_lms_secret secret;
	uint8_t nodes[2 * LEAVES * VS_LMS_HASH_LEN];
	uint8_t key[VS_LMS_KEY_LEN];
	uint8_t id[VS_SHA256_LEN];
	uint8_t sig[VS_LMS_SIG_LEN(LMS_HEIGHT)];
	uint32_t next;
};

static struct vs_crypto crypto;
static struct lms lms;

static void must(vs_status status, const char *what)
{
	if (status == VS_OK)
		return;
	fprintf(stderr, "cortexm_forge: %s: %s\n", what,
	        vs_status_name(status));
	exit(1);
}

static void write_file(const char *dir, const char *name, const char *end,
                       const uint8_t *in, size_t len)
{
	char leaf[NAME_MAX];
	char path[PATH_MAX];

	snprintf(leaf, sizeof(leaf), "%s%s", name, end);
	must(vs_path_join(path, sizeof(path), dir, leaf), leaf);
	must(vs_file_replace(path, in, len, 0644), path);
}

/* The secret is a constant: these keys guard nothing. */
static void make_lms(void)
{
	const struct vs_lms_range all = {0, LEAVES, NULL, NULL};

	lms.secret.height = LMS_HEIGHT;
	memset(lms.secret.seed, 0x5a, sizeof(lms.secret.seed));
	assert(sizeof(lms.nodes) == vs_lms_tree_len(LMS_HEIGHT));
	must(vs_lms_grow(&lms.secret, &crypto, &all, lms.nodes), "LMS");
	must(vs_lms_close(&lms.secret, &crypto, lms.nodes, lms.key), "LMS");
	must(crypto.sha256(crypto.ctx, lms.key, sizeof(lms.key), NULL, 0,
	                   lms.id),
	     "LMS");
}

static void sign_lms(const uint8_t *message, size_t len,
                     struct vs_signatures *sigs)
{
	const struct vs_lms_job job = {
		.leaf = lms.next++, .message = message, .len = len};
	struct vs_signature *s = &sigs->at[sigs->count++];

	must(vs_lms_sign(&lms.secret, &crypto, lms.nodes, &job, lms.sig),
	     "LMS");
	memcpy(s->key_id, lms.id, sizeof(lms.id));
	s->scheme = VS_SCHEME_LMS_SHA256;
	s->len = sizeof(lms.sig);
	s->bytes = lms.sig;
}

static void add_lms(struct vs_keyring *ring)
{
	int i = ring->key_count++;

	for (; i > 0 && memcmp(ring->keys[i - 1].id, lms.id, VS_SHA256_LEN) > 0;
	     i--)
		ring->keys[i] = ring->keys[i - 1];
	memset(&ring->keys[i], 0, sizeof(ring->keys[i]));
	memcpy(ring->keys[i].id, lms.id, VS_SHA256_LEN);
	memcpy(ring->keys[i].point, lms.key, VS_LMS_KEY_LEN);
	ring->keys[i].scheme = VS_SCHEME_LMS_SHA256;
	ring->lms_threshold = 1;
}

static void write_factory(const char *dir, uint16_t threshold)
{
	static uint8_t page[VS_FACTORY_LEN];
	struct vs_factory f = {.component = "controller",
	                       .hardware = "ctl-rev2"};

	signer_ring(&crypto, &f.ring);
	f.ring.threshold = threshold;
	f.ring.component_count = 1;
	memset(f.ring.components, 0, sizeof(f.ring.components));
	memcpy(f.ring.components[0], f.component, sizeof(f.component));
	add_lms(&f.ring);
	memcpy(page, &f, sizeof(f));
	write_file(dir, "factory", ".bin", page, sizeof(page));
}

/* Hashes the image that begins the slot. */
static void hash_image(struct vs_seal_header *h, uint8_t *slot,
                       uint64_t slot_len, uint64_t *footer_at)
{
	struct vs_slot_layout layout;
	struct vs_tree t;

	must(vs_tree_init(&t, h->image_len), "tree");
	must(vs_slot_layout(&t, slot_len, &layout, NULL), "slot");
	for (uint64_t i = 0; i < t.clusters; i++)
		must(vs_tree_hash_cluster(
			     &crypto, h->salt, slot + i * VS_CLUSTER_LEN,
			     vs_tree_cluster_len(&t, i),
			     slot + layout.tree_at + vs_tree_leaves_at(&t, i)),
		     "tree");
	must(vs_tree_finish(&t, &crypto, h->salt, slot + layout.tree_at,
	                    h->root_hash),
	     "tree");
	*footer_at = layout.footer_at;
}

static void text(char *field, size_t cap, const char *value)
{
	must(strlen(value) < cap ? VS_OK : VS_ERR_LIMIT, value);
	memcpy(field, value, strlen(value));
}

static void write_slot(const char *dir, char **words)
{
	static uint8_t slot[LARGE_LEN];
	struct vs_seal_header h = {
		.component = "controller",
		.release_seq = strtoull(words[3], NULL, NUMBERS),
		.security_version = (uint32_t)strtoul(words[4], NULL, NUMBERS),
	};
	uint8_t room[PEOPLE][VS_P256_SIG_LEN];
	uint8_t raw[VS_SEAL_HEADER_LEN];
	struct vs_signatures sigs;
	uint64_t footer_at;
	uint64_t slot_len;
	uint8_t *image;
	size_t len;
	int people = words[6][0] - '0';

	must(people >= 0 && people <= SIGNERS ? VS_OK : VS_ERR_INPUT, words[6]);
	text(h.version, sizeof(h.version), words[2]);
	text(h.hardware[0], sizeof(h.hardware[0]), words[5]);
	must(vs_file_read(words[1], LARGE_LEN, &image, &len), words[1]);
	slot_len = len <= SLOT_LEN / 2 ? SLOT_LEN : LARGE_LEN;
	memset(slot, 0xff, sizeof(slot)); /* erased, where nothing lies */
	memset(slot, 0, (len / VS_BLOCK_LEN + 1) * VS_BLOCK_LEN);
	memcpy(slot, image, len);
	free(image);
	h.image_len = len;
	memset(h.salt, 0x3c, sizeof(h.salt));
	hash_image(&h, slot, slot_len, &footer_at);
	must(vs_seal_header_encode(&h, raw, NULL), words[0]);
	signer_sign_by((1u << people) - 1, raw, sizeof(raw), room, &sigs);
	if (words[6][1] == 'l')
		sign_lms(raw, sizeof(raw), &sigs);
	must(vs_slot_footer_encode(raw, &sigs, slot + footer_at), words[0]);
	write_file(dir, words[0], ".slot", slot, (size_t)slot_len);
}

int main(int argc, char **argv)
{
	if (argc < 3 || (argc - 3) % WORDS != 0)
		return 2;
	must(vs_openssl_init(&crypto), "OpenSSL");
	make_lms();
	write_factory(argv[1], (uint16_t)strtoul(argv[2], NULL, NUMBERS));
	for (int i = 3; i < argc; i += WORDS)
		write_slot(argv[1], argv + i);
	vs_openssl_drop(&crypto);
	return 0;
}

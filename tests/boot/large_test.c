/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/large_test.c - an image whose tree has levels above the leaves.
 *
 * 300 blocks: three clusters, three leaf blocks, one block above them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "boot/boot.h"
#include "seal/openssl.h"
#include "seal/slot.h"
#include "seal/tree.h"
#include "tests/boot/signer.h"

enum {
	BLOCKS = 300,
	IMAGE_LEN = BLOCKS * VS_BLOCK_LEN - 1000,
	SLOT_LEN = (BLOCKS + 5) * VS_BLOCK_LEN + VS_SLOT_FOOTER_LEN,
	TREE_AT = BLOCKS * VS_BLOCK_LEN,
};

static uint8_t slot[SLOT_LEN];
static struct vs_boot_scratch scratch;
static struct vs_crypto crypto;
static struct vs_keyring ring;
static struct vs_boot_ops ops;
static const struct vs_boot_component what = {"gateway", "gw-rev3", true};
static long hashes, skip_at = -1; /* the hash that is not made */

static vs_status sha256(void *ctx, const uint8_t *a, size_t a_len,
                        const uint8_t *b, size_t b_len,
                        uint8_t digest[static VS_SHA256_LEN])
{
	if (hashes++ == skip_at)
		return VS_OK;
	return crypto.sha256(ctx, a, a_len, b, b_len, digest);
}

static uint64_t slot_len(void *ctx, int component, int number)
{
	(void)ctx, (void)component, (void)number;
	return SLOT_LEN;
}

static vs_status slot_read(void *ctx, int component, int number, uint64_t at,
                           uint8_t *out, size_t len)
{
	(void)ctx, (void)component, (void)number;
	if (at + len > SLOT_LEN)
		return VS_ERR_IO;
	memcpy(out, slot + at, len);
	return VS_OK;
}

static const uint8_t *slot_map(void *ctx, int component, int number,
                               uint64_t at, size_t len)
{
	(void)ctx, (void)component, (void)number;
	return at + len > SLOT_LEN ? NULL : slot + at;
}

static vs_status floor_get(void *ctx, int component, uint32_t *out)
{
	(void)ctx, (void)component;
	*out = 1;
	return VS_OK;
}

/* Hashes what is in the slot and signs it. */
static void seal(void)
{
	struct vs_seal_header h = {.component = "gateway",
	                           .hardware = {"gw-rev3"},
	                           .version = "1",
	                           .release_seq = 1,
	                           .security_version = 1,
	                           .image_len = IMAGE_LEN};
	uint8_t room[SIGNERS][VS_P256_SIG_LEN];
	uint8_t raw[VS_SEAL_HEADER_LEN];
	struct vs_signatures sigs;
	struct vs_tree t;

	assert_int_equal(vs_tree_init(&t, IMAGE_LEN), VS_OK);
	assert_int_equal(t.levels, 2);
	assert_int_equal(t.clusters, 3);
	for (uint64_t i = 0; i < t.clusters; i++)
		assert_int_equal(
			vs_tree_hash_cluster(
				&crypto, h.salt, slot + i * VS_CLUSTER_LEN,
				vs_tree_cluster_len(&t, i),
				slot + TREE_AT + vs_tree_leaves_at(&t, i)),
			VS_OK);
	assert_int_equal(vs_tree_finish(&t, &crypto, h.salt, slot + TREE_AT,
	                                h.root_hash),
	                 VS_OK);
	assert_int_equal(vs_seal_header_encode(&h, raw, NULL), VS_OK);
	signer_sign(&ring, 2, raw, sizeof(raw), room, &sigs);
	assert_int_equal(
		vs_slot_footer_encode(raw, &sigs,
	                              slot + SLOT_LEN - VS_SLOT_FOOTER_LEN),
		VS_OK);
}

static int begin(void **state)
{
	(void)state;
	if (vs_openssl_init(&crypto) != VS_OK)
		return -1;
	signer_ring(&crypto, &ring);
	ops = (struct vs_boot_ops){.crypto = crypto,
	                           .slot_len = slot_len,
	                           .read = slot_read,
	                           .floor_get = floor_get};
	ops.crypto.sha256 = sha256;
	for (size_t i = 0; i < IMAGE_LEN; i++)
		slot[i] = (uint8_t)(i * 131 + i / 4099);
	seal();
	return 0;
}

static int end(void **state)
{
	(void)state;
	vs_openssl_drop(&crypto);
	return 0;
}

static vs_reason verify(bool mapped)
{
	struct vs_seal_header header;
	struct vs_why why = {0};
	vs_status st;

	ops.map = mapped ? slot_map : NULL;
	hashes = 0;
	st = vs_boot_verify_component(&ops, &what, 0, 0, &ring,
	                              mapped ? NULL : &scratch, &header, &why);
	assert_int_equal(st == VS_OK, why.code == VS_REASON_NONE);
	return why.code;
}

/* S0.16 S1.22: in all parts of the slot, read or mapped */
static void a_flipped_byte_anywhere_is_caught(void **state)
{
	size_t last = TREE_AT + 4 * VS_BLOCK_LEN;

	(void)state;
	assert_int_equal(verify(false), VS_REASON_NONE);
	assert_int_equal(verify(true), VS_REASON_NONE);
	for (size_t at = 0; at < last; at += at < TREE_AT ? 30011 : 509) {
		slot[at] ^= 0x20;
		assert_int_equal(verify(at & 1),
		                 at < TREE_AT ? VS_REASON_CLUSTER_MISMATCH
		                              : VS_REASON_TREE_MISMATCH);
		slot[at] ^= 0x20;
	}
	slot[last + 5] ^= 1; /* between tree and footer: not defined */
	assert_int_equal(verify(false), VS_REASON_NONE);
	slot[last + 5] ^= 1;
}

/* S0.16: an attacker's image, leaves and upper level fit one another, and one
 * hash is skipped
 */
static void a_forged_tree_is_caught_though_one_hash_is_skipped(void **state)
{
	uint8_t footer[VS_SLOT_FOOTER_LEN];
	uint8_t *at = slot + SLOT_LEN - VS_SLOT_FOOTER_LEN;

	(void)state;
	memcpy(footer, at, sizeof(footer));
	slot[2 * VS_CLUSTER_LEN + 9] ^= 1;
	seal();
	memcpy(at, footer, sizeof(footer)); /* the true one's header */
	for (skip_at = -1; skip_at < 12; skip_at++)
		assert_int_not_equal(verify(skip_at & 1), VS_REASON_NONE);
	skip_at = -1;
	slot[2 * VS_CLUSTER_LEN + 9] ^= 1;
	seal();
	assert_int_equal(verify(false), VS_REASON_NONE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_flipped_byte_anywhere_is_caught),
		cmocka_unit_test(
			a_forged_tree_is_caught_though_one_hash_is_skipped),
	};

	return cmocka_run_group_tests_name("boot large", tests, begin, end);
}

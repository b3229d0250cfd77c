/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/boot/forge.c - makes a charger's folder with signed images, for the
 * loader's test.
 *
 * usage: forge DIR STATE_A SECURITY_A IMAGE_A STATE_B SECURITY_B IMAGE_B
 * A state is empty, trial, good or confirmed (good, its floors to be raised);
 * slot b boots first unless it is empty.  DIR/next is a keyring that may follow
 * DIR/keyring; both accept the images.
 * DIR/machine.conf names the one component, "gateway".
 */
#include <assert.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "boot/port/host/files.h"
#include "seal/openssl.h"
#include "seal/slot.h"
#include "seal/tree.h"
#include "tests/boot/signer.h"

enum { IMAGE_MAX = 64 << 20, TRIES = 2 };

static struct vs_crypto crypto;
static struct vs_keyring ring;

static void must(vs_status status, const char *what)
{
	if (status == VS_OK)
		return;
	fprintf(stderr, "forge: %s: %s\n", what, vs_status_name(status));
	exit(1);
}

static void write_keyring(const char *dir)
{
	static uint8_t out[VS_KEYRING_LEN_MAX];
	uint8_t room[SIGNERS][VS_P256_SIG_LEN];
	struct vs_signatures sigs;
	struct vs_keyring next;
	char path[PATH_MAX];
	size_t len;
	size_t more;

	must(vs_keyring_encode(&ring, out, sizeof(out), &len, NULL), "keyring");
	signer_sign(&ring, 2, out, len, room, &sigs);
	must(vs_signatures_encode(&sigs, out + len, sizeof(out) - len, &more),
	     "signatures");
	must(vs_path_join(path, sizeof(path), dir, "keyring"), dir);
	must(vs_file_replace(path, out, len + more, 0644), path);
	signer_ring_of(&crypto, 14, ring.version + 1, &next);
	len = signer_ring_file(&next, 15, out, sizeof(out));
	must(vs_path_join(path, sizeof(path), dir, "next"), dir);
	must(vs_file_replace(path, out, len, 0644), path);
}

static void hash_image(const struct vs_tree *t, struct vs_seal_header *h,
                       uint8_t *slot, uint64_t tree_at)
{
	for (uint64_t i = 0; i < t->clusters; i++)
		must(vs_tree_hash_cluster(
			     &crypto, h->salt, slot + i * VS_CLUSTER_LEN,
			     vs_tree_cluster_len(t, i),
			     slot + tree_at + vs_tree_leaves_at(t, i)),
		     "tree");
	must(vs_tree_finish(t, &crypto, h->salt, slot + tree_at, h->root_hash),
	     "root hash");
}

static void write_slot(const char *path, const uint8_t *image, size_t len,
                       int number, uint32_t security)
{
	struct vs_seal_header h = {
		.component = "gateway",
		.hardware = {"gw-rev3"},
		.release_seq = (uint64_t)number + 1,
		.security_version = security,
		.image_len = len,
	};
	uint8_t room[PEOPLE][VS_P256_SIG_LEN];
	uint8_t raw[VS_SEAL_HEADER_LEN];
	struct vs_slot_layout layout;
	struct vs_signatures sigs;
	struct vs_tree tree;
	size_t slot_len;
	uint8_t *slot;

	snprintf(h.version, sizeof(h.version), "1.%d.0", number);
	memset(h.salt, 0x5a, sizeof(h.salt));
	must(vs_tree_init(&tree, len), path);
	slot_len = (size_t)(tree.blocks * VS_BLOCK_LEN + tree.len) +
	           VS_SLOT_FOOTER_LEN;
	must(vs_slot_layout(&tree, slot_len, &layout, NULL), path);
	slot = calloc(1, slot_len);
	assert(slot);
	memcpy(slot, image, len);
	hash_image(&tree, &h, slot, layout.tree_at);
	must(vs_seal_header_encode(&h, raw, NULL), path);
	signer_sign_by(6, raw, sizeof(raw), room, &sigs);
	must(vs_slot_footer_encode(raw, &sigs, slot + layout.footer_at), path);
	must(vs_file_replace(path, slot, slot_len, 0600), path);
	free(slot);
}

static void forge_slot(const char *dir, int slot, char **words,
                       struct vs_record *rec)
{
	char path[PATH_MAX];
	uint8_t *image;
	size_t len;

	if (strcmp(words[0], "empty") == 0)
		return;
	rec->slot = (uint8_t)slot;
	rec->slots[slot].state = VS_SLOT_GOOD;
	if (strcmp(words[0], "trial") == 0) {
		rec->slots[slot].state = VS_SLOT_TRIAL;
		rec->slots[slot].tries = TRIES;
	}
	if (strcmp(words[0], "confirmed") == 0)
		rec->raise_floor = 1;
	must(vs_boot_files_slot_path(dir, "gateway", slot, path, sizeof(path)),
	     dir);
	must(vs_file_read(words[2], IMAGE_MAX, &image, &len), words[2]);
	write_slot(path, image, len, slot,
	           (uint32_t)strtoul(words[1], NULL, 10));
	free(image);
}

int main(int argc, char **argv)
{
	const uint32_t floors[VS_BOOT_COMPONENTS_MAX] = {1, 1, 1, 1};
	static struct vs_machine machine;
	static struct vs_boot_files files;
	struct vs_record rec = {0};
	struct vs_boot_ops ops;
	char error[256];

	if (argc != 8)
		return 2;
	must(vs_openssl_init(&crypto), "OpenSSL");
	signer_ring(&crypto, &ring);
	must(vs_machine_load(argv[1], &machine, error), argv[1]);
	must(vs_boot_files_provision(argv[1], &machine, floors), argv[1]);
	write_keyring(argv[1]);
	for (int slot = 0; slot < VS_SLOTS; slot++)
		forge_slot(argv[1], slot, argv + 2 + 3 * slot, &rec);
	must(vs_boot_files_open(argv[1], &machine, O_RDWR, &files, error),
	     argv[1]);
	vs_boot_files_ops(&files, &ops);
	must(vs_record_store(&ops.record, &rec), "boot record");
	vs_boot_files_drop(&files);
	vs_openssl_drop(&crypto);
	return 0;
}

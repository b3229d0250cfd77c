/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/qemu/uefi_forge.c - signs keyrings and slots for machines in QEMU.
 *
 * Reads lines, for one set of people who last as long as the program runs:
 *   ring OUT VERSION MEMBERS SIGNERS
 *   slot OUT COMPONENT VERSION RELEASE_SEQ SECURITY_VERSION SIGNERS IMAGE
 * MEMBERS and SIGNERS are masks of six people.  A slot's OUT is the image, its
 * tree, and, in OUT.footer, what ends the partition.
 */
#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "seal/openssl.h"
#include "seal/slot.h"
#include "seal/tree.h"
#include "tests/boot/signer.h"

enum { IMAGE_MAX = 256 << 20, WORDS = 8 };

static struct vs_crypto crypto;

static void must(vs_status status, const char *what)
{
	if (status == VS_OK)
		return;
	fprintf(stderr, "forge: %s: %s\n", what, vs_status_name(status));
	exit(1);
}

static uint32_t number(const char *word)
{
	char *end = NULL;
	unsigned long n = strtoul(word, &end, 10);

	if (*word == '\0' || *end != '\0' || n > UINT32_MAX)
		must(VS_ERR_INPUT, word);
	return (uint32_t)n;
}

static void make_ring(char **words)
{
	static const char components[][VS_COMPONENT_LEN] = {"kernel", "rootfs",
	                                                    "recovery"};
	static uint8_t out[VS_KEYRING_LEN_MAX];
	struct vs_keyring ring;
	size_t len;

	signer_ring_of(&crypto, number(words[3]), number(words[2]), &ring);
	memcpy(ring.components, components, sizeof(components));
	len = signer_ring_file(&ring, number(words[4]), out, sizeof(out));
	must(vs_file_replace(words[1], out, len, 0644), words[1]);
}

static void hash_image(const struct vs_tree *t, struct vs_seal_header *h,
                       uint8_t *slot)
{
	uint8_t *tree = slot + t->blocks * VS_BLOCK_LEN;

	for (uint64_t i = 0; i < t->clusters; i++)
		must(vs_tree_hash_cluster(&crypto, h->salt,
		                          slot + i * VS_CLUSTER_LEN,
		                          vs_tree_cluster_len(t, i),
		                          tree + vs_tree_leaves_at(t, i)),
		     "tree");
	must(vs_tree_finish(t, &crypto, h->salt, tree, h->root_hash),
	     "root hash");
}

static void write_slot(const char *path, const struct vs_tree *t,
                       const struct vs_seal_header *h, const uint8_t *slot,
                       unsigned signers)
{
	static uint8_t footer[VS_SLOT_FOOTER_LEN];
	uint8_t room[PEOPLE][VS_P256_SIG_LEN];
	uint8_t raw[VS_SEAL_HEADER_LEN];
	struct vs_signatures sigs;
	char footer_path[PATH_MAX];

	must(vs_seal_header_encode(h, raw, NULL), path);
	signer_sign_by(signers, raw, sizeof(raw), room, &sigs);
	must(vs_slot_footer_encode(raw, &sigs, footer), path);
	snprintf(footer_path, sizeof(footer_path), "%s.footer", path);
	must(vs_file_replace(footer_path, footer, sizeof(footer), 0644), path);
	must(vs_file_replace(path, slot,
	                     (size_t)(t->blocks * VS_BLOCK_LEN + t->len), 0644),
	     path);
}

static void make_slot(char **words)
{
	struct vs_seal_header h = {.hardware = {"gw-rev3"}};
	struct vs_tree tree;
	uint8_t *image;
	uint8_t *slot;
	size_t len;

	snprintf(h.component, sizeof(h.component), "%s", words[2]);
	snprintf(h.version, sizeof(h.version), "%s", words[3]);
	h.release_seq = number(words[4]);
	h.security_version = number(words[5]);
	memset(h.salt, 0x5a, sizeof(h.salt));
	must(vs_file_read(words[7], IMAGE_MAX, &image, &len), words[7]);
	h.image_len = len;
	must(vs_tree_init(&tree, len), words[7]);
	slot = calloc(1, (size_t)(tree.blocks * VS_BLOCK_LEN + tree.len));
	assert(slot);
	memcpy(slot, image, len);
	hash_image(&tree, &h, slot);
	write_slot(words[1], &tree, &h, slot, number(words[6]));
	free(slot);
	free(image);
}

/* Gives the number of words in line, which it cuts apart. */
static int split(char *line, char *words[WORDS])
{
	int count = 0;

	for (char *p = line; count < WORDS;) {
		p += strspn(p, " \n");
		if (*p == '\0')
			break;
		words[count++] = p;
		p += strcspn(p, " \n");
		if (*p != '\0')
			*p++ = '\0';
	}
	return count;
}

int main(void)
{
	char line[4 * PATH_MAX];
	char *words[WORDS] = {NULL};

	must(vs_openssl_init(&crypto), "OpenSSL");
	while (fgets(line, sizeof(line), stdin)) {
		int count = split(line, words);

		if (count == 5 && strcmp(words[0], "ring") == 0)
			make_ring(words);
		else if (count == WORDS && strcmp(words[0], "slot") == 0)
			make_slot(words);
		else
			must(VS_ERR_INPUT, words[0]);
	}
	vs_openssl_drop(&crypto);
	return 0;
}

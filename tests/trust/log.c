/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/log.c - a log in memory, with keys of its own and witnesses.
 */
#include "tests/trust/log.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct vs_text *all_texts;
static size_t text_count;

static void free_texts(void)
{
	for (size_t i = 0; i < text_count; i++)
		free(all_texts[i].at);
	free(all_texts);
}

struct vs_text text_make(size_t cap)
{
	struct vs_text *more =
		realloc(all_texts, (text_count + 1) * sizeof *more);

	assert_non_null(more);
	if (!all_texts)
		assert_int_equal(atexit(free_texts), 0);
	all_texts = more;
	all_texts[text_count] = (struct vs_text){calloc(1, cap), cap, 0};
	assert_non_null(all_texts[text_count].at);
	return all_texts[text_count++];
}

struct signer signer_make(const char *name, enum vs_note_type type,
                          uint8_t seed)
{
	uint8_t secret[32] = {seed}, public[32];
	size_t len = sizeof public;
	struct signer s;

	s.pkey = EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, NULL, secret,
	                                      sizeof secret);
	assert_non_null(s.pkey);
	assert_int_equal(EVP_PKEY_get_raw_public_key(s.pkey, public, &len), 1);
	assert_int_equal(vs_vkey_make(name, type, public, &s.vkey, NULL),
	                 VS_OK);
	return s;
}

void signer_drop(struct signer *s)
{
	EVP_PKEY_free(s->pkey);
	s->pkey = NULL;
}

vs_status signer_sign(void *ctx, const void *message, size_t len,
                      uint8_t sig[static VS_NOTE_SIG_LEN])
{
	const struct signer *s = ctx;
	EVP_MD_CTX *md = EVP_MD_CTX_new();
	size_t sig_len = VS_NOTE_SIG_LEN;

	assert_int_equal(EVP_DigestSignInit(md, NULL, NULL, NULL, s->pkey), 1);
	assert_int_equal(EVP_DigestSign(md, sig, &sig_len, message, len), 1);
	EVP_MD_CTX_free(md);
	return VS_OK;
}

void log_init(struct log *l, const char *origin, uint8_t seed)
{
	l->key = signer_make(origin, VS_NOTE_ED25519, seed);
	l->size = 0;
}

void log_drop(struct log *l)
{
	signer_drop(&l->key);
}

void log_add(struct log *l, const void *entry, size_t len)
{
	assert_true(l->size < LOG_MAX);
	assert_int_equal(vs_merkle_leaf(entry, len, &l->leaves[l->size++]),
	                 VS_OK);
}

void log_fill(struct log *l, size_t n, const char *tag)
{
	char entry[64];

	for (size_t i = 0; i < n; i++) {
		int len = snprintf(entry, sizeof entry, "%s %zu", tag, i);

		log_add(l, entry, (size_t)len);
	}
}

/* The long way, straight from the definition. */
static vs_status read_node(void *ctx, unsigned level, uint64_t index,
                           struct vs_hash *out)
{
	struct log *l = ctx;
	struct vs_hash left, right;
	vs_status status;

	if ((index + 1) << level > l->size)
		return VS_ERR_INPUT;
	if (level == 0) {
		*out = l->leaves[index];
		return VS_OK;
	}
	status = read_node(ctx, level - 1, 2 * index, &left);
	if (!status)
		status = read_node(ctx, level - 1, 2 * index + 1, &right);
	return status ? status : vs_merkle_node(&left, &right, out);
}

struct vs_merkle_source log_source(struct log *l)
{
	return (struct vs_merkle_source){read_node, l};
}

struct vs_merkle_head log_head(struct log *l, uint64_t size)
{
	const struct vs_merkle_source source = log_source(l);
	struct vs_merkle_head head = {.size = size};

	assert_int_equal(vs_merkle_root(&source, size, &head.root), VS_OK);
	return head;
}

void log_checkpoint(struct log *l, uint64_t size, struct vs_text *out)
{
	struct vs_checkpoint c = {.head = log_head(l, size)};
	uint8_t sig[VS_NOTE_SIG_LEN];

	out->len = 0;
	snprintf(c.origin, sizeof c.origin, "%s", l->key.vkey.name);
	assert_int_equal(vs_checkpoint_encode(&c, out), VS_OK);
	assert_int_equal(signer_sign(&l->key, out->at, out->len, sig), VS_OK);
	assert_int_equal(vs_text_string(out, "\n"), VS_OK);
	assert_int_equal(vs_note_add_line(out, &l->key.vkey, sig, sizeof sig),
	                 VS_OK);
}

void log_cosign(struct vs_text *checkpoint, const struct signer *witness,
                uint64_t time_s)
{
	struct signer copy = *witness;
	struct vs_note note;

	assert_int_equal(
		vs_note_parse(checkpoint->at, checkpoint->len, &note, NULL),
		VS_OK);
	assert_int_equal(vs_cosign_add(&note, &witness->vkey, time_s,
	                               signer_sign, &copy, checkpoint),
	                 VS_OK);
}

struct vs_leaf leaf_make(unsigned number)
{
	struct vs_leaf leaf = {
		.component = "gateway",
		.hardware = {"gw-rev3", "gw-rev4"},
		.hardware_count = 2,
		.release_seq = number,
		.security_version = 5,
		.seal_len = 30000 + number
        };

	snprintf(leaf.version, sizeof leaf.version, "1.%u.0", number);
	snprintf(leaf.seal_sha256, sizeof leaf.seal_sha256, "%064x", number);
	snprintf(leaf.sbom_sha256, sizeof leaf.sbom_sha256, "%064x",
	         number + 0x5b0);
	return leaf;
}

void log_add_leaf(struct log *l, const struct vs_leaf *leaf)
{
	char *entry;
	size_t len;

	assert_int_equal(vs_leaf_encode(leaf, &entry, &len, NULL), VS_OK);
	log_add(l, entry, len);
	free(entry);
}

void log_prove(struct log *l, uint64_t index, uint64_t size,
               const struct vs_text *checkpoint, const struct vs_leaf *leaf,
               const uint64_t *from, size_t from_count, struct vs_text *out)
{
	const struct vs_merkle_source source = log_source(l);
	struct vs_evidence_link links[VS_EVIDENCE_LINKS_MAX];
	struct vs_proof p = {
		.index = index,
		.checkpoint = {checkpoint->at, checkpoint->len}
        };
	char *extra = NULL;
	size_t len = 0;

	assert_int_equal(vs_merkle_prove(&source, index, size, &p.path), VS_OK);
	for (size_t i = 0; i < from_count; i++) {
		links[i].from = from[i];
		assert_int_equal(vs_merkle_connect(&source, from[i], size,
		                                   &links[i].proof),
		                 VS_OK);
	}
	if (leaf)
		assert_int_equal(vs_evidence_encode(leaf, links, from_count,
		                                    &extra, &len),
		                 VS_OK);
	out->len = 0;
	assert_int_equal(vs_proof_encode(&p, extra, len, out), VS_OK);
	free(extra);
}

const char *vectors(void)
{
	return getenv("VOLTSEAL_VECTORS");
}

void without_vectors(void)
{
	const char *dir = vectors();

	if (dir && *dir)
		return;
	puts("# skipped: VOLTSEAL_VECTORS names no folder of third-party "
	     "vectors");
	cmocka_set_skip_filter("third_party_*");
}

char *slurp(const char *dir, const char *name, size_t *len)
{
	char path[4096];
	struct vs_text t;
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", dir, name);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s cannot be opened", path);
	t = text_make(1 << 20);
	*len = fread(t.at, 1, t.cap - 1, f);
	fclose(f);
	return t.at;
}

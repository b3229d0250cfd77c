/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/log_starve_test.c - no memory is never a yes of a log.
 *
 * Every allocation of the room, of the JSON and of the crypto library fails
 * once: no crash, no leak, and no yes that a fed judge would not give.  The
 * linker puts scarce ones in the place of malloc() and its kin (meson.build).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <limits.h>
#include <openssl/crypto.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/tlog.h"
#include "trust/witness.h"

static long left = LONG_MAX; /* allocations until one fails */
static bool failed;

/* The names that ld --wrap asks for, under names that are ours. */
void *full_malloc(size_t size) __asm__("__real_malloc");
void *full_calloc(size_t count, size_t size) __asm__("__real_calloc");
void *full_realloc(void *at, size_t size) __asm__("__real_realloc");
void *scarce_malloc(size_t size) __asm__("__wrap_malloc");
void *scarce_calloc(size_t count, size_t size) __asm__("__wrap_calloc");
void *scarce_realloc(void *at, size_t size) __asm__("__wrap_realloc");

static bool scarce(void)
{
	bool now = left-- == 0;

	failed = failed || now;
	return now;
}

void *scarce_malloc(size_t size)
{
	return scarce() ? NULL : full_malloc(size);
}

void *scarce_calloc(size_t count, size_t size)
{
	return scarce() ? NULL : full_calloc(count, size);
}

void *scarce_realloc(void *at, size_t size)
{
	return scarce() ? NULL : full_realloc(at, size);
}

/* The JSON library's reader does not look whether its text buffer grew, and
 * overruns it; its writers are starved. */
static bool json_too;

static void *json_malloc(size_t size)
{
	return json_too ? malloc(size) : full_malloc(size);
}

static void *crypto_malloc(size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return malloc(size);
}

static void *crypto_realloc(void *at, size_t size, const char *file, int line)
{
	(void)file, (void)line;
	return realloc(at, size);
}

static void crypto_free(void *at, const char *file, int line)
{
	(void)file, (void)line;
	free(at);
}

static struct log tree, fork_tree;
static struct signer witness;
static struct vs_tlog_policy policy;
static struct vs_text policy_text, good, forked, kept, bare;
static struct vs_leaf leaf;

static void grow(struct log *l, const char *tag)
{
	log_init(l, LOG_ORIGIN, 1);
	log_add_leaf(l, &leaf);
	log_fill(l, 6, tag);
}

static struct vs_text prove(struct log *l, uint64_t size)
{
	static const uint64_t from[] = {1, 4};
	struct vs_text c = text_make(4096), proof = text_make(65536);

	log_checkpoint(l, size, &c);
	log_cosign(&c, &witness, 1700000000);
	log_prove(l, 0, size, &c, &leaf, from, 2, &proof);
	return proof;
}

static int group_set_up(void **state)
{
	char log_vkey[VS_VKEY_LEN], vkey[VS_VKEY_LEN];

	(void)state;
	leaf = leaf_make(7);
	grow(&tree, "entry");
	grow(&fork_tree, "other");
	witness = signer_make("witness.example", VS_NOTE_COSIGNER, 20);
	vs_vkey_encode(&tree.key.vkey, log_vkey);
	vs_vkey_encode(&witness.vkey, vkey);
	policy_text = text_make(4096);
	policy_text.len = (size_t)snprintf(policy_text.at, policy_text.cap,
	                                   "log %s\nwitness w %s\nquorum w\n",
	                                   log_vkey, vkey);
	assert_int_equal(vs_tlog_policy_parse(policy_text.at, policy_text.len,
	                                      &policy, NULL),
	                 VS_OK);
	good = prove(&tree, 7);
	forked = prove(&fork_tree, 7);
	kept = text_make(4096);
	log_checkpoint(&tree, 4, &kept);
	log_cosign(&kept, &witness, 1600000000);
	bare = text_make(4096);
	log_checkpoint(&tree, 7, &bare);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	signer_drop(&witness);
	log_drop(&tree);
	log_drop(&fork_tree);
	return 0;
}

static vs_status parse_policy(void)
{
	static struct vs_tlog_policy p;

	return vs_tlog_policy_parse(policy_text.at, policy_text.len, &p, NULL);
}

static vs_status judge(const struct vs_text *proof)
{
	const struct vs_tlog_question q = {.proof = proof->at,
	                                   .proof_len = proof->len,
	                                   .seal = &leaf,
	                                   .policy = &policy,
	                                   .kept = kept.at,
	                                   .kept_len = kept.len};
	struct vs_tlog_verdict v;
	struct vs_why why;

	return vs_tlog_judge(&q, &v, &why);
}

static vs_status judge_good(void)
{
	return judge(&good);
}

static vs_status judge_forked(void)
{
	return judge(&forked);
}

static vs_status encode_evidence(void)
{
	static struct vs_evidence_link links[2] = {
		{.from = 1, .proof.count = 2},
                {.from = 2        }
        };
	char *out;
	size_t len;
	vs_status status = vs_evidence_encode(&leaf, links, 2, &out, &len);

	free(out);
	return status;
}

static vs_status encode_leaf(void)
{
	char *out;
	size_t len;
	vs_status status = vs_leaf_encode(&leaf, &out, &len, NULL);

	free(out);
	return status;
}

static char *entry;
static size_t entry_len;

static vs_status decode_leaf(void)
{
	struct vs_leaf back;

	return vs_leaf_decode(entry, entry_len, &back, NULL);
}

static vs_status make_proofs(void)
{
	const struct vs_merkle_source source = log_source(&tree);
	const struct vs_merkle_head old = {4, {{0}}};
	struct vs_merkle_head a = old, b = {.size = 7};
	struct vs_merkle_edge edge;
	struct vs_merkle_proof p;
	struct vs_hash h;
	vs_status status = vs_merkle_root(&source, 4, &a.root);

	if (!status)
		status = vs_merkle_edge_load(&source, 7, &edge);
	if (!status)
		status = vs_merkle_edge_root(&edge, &b.root);
	if (!status)
		status = vs_merkle_connect(&source, 4, 7, &p);
	if (!status)
		status = vs_merkle_consistent(&a, &b, &p);
	if (!status)
		status = vs_merkle_prove(&source, 3, 7, &p);
	if (!status)
		status = vs_merkle_included(3, 7, &tree.leaves[3], &p, &b.root);
	if (!status)
		status = vs_merkle_append(&edge, &tree.leaves[3]);
	return status ? status : vs_merkle_leaf("x", 1, &h);
}

static vs_status ask_witness(const char *old, uint64_t kept_size,
                             const struct vs_text *checkpoint, bool proof)
{
	struct vs_merkle_head last = {.size = kept_size};
	const struct vs_merkle_source source = log_source(&tree);
	struct vs_witness_request r;
	struct vs_tlog_valid valid;
	char body[8192];
	struct vs_text t = {body, sizeof body, 0};
	struct vs_merkle_proof p = {.count = 0};
	struct vs_why why = {0};
	vs_status status = vs_merkle_root(&source, kept_size, &last.root);

	if (!status && proof)
		status = vs_merkle_connect(&source, kept_size, 7, &p);
	if (status)
		return status;
	assert_int_equal(vs_text_string(&t, old), VS_OK);
	assert_int_equal(vs_proof_add_hashes(&p, &t), VS_OK);
	assert_int_equal(vs_text_add(&t, checkpoint->at, checkpoint->len),
	                 VS_OK);
	enum vs_witness_answer a =
		vs_witness_open(&policy, t.at, t.len, &r, &valid, &why);
	if (a == VS_WITNESS_COSIGN)
		a = vs_witness_judge(&r, &valid.checkpoint.head, &last, &why);
	return a == VS_WITNESS_COSIGN ? VS_OK : VS_ERR_REFUSED;
}

static vs_status be_witness(void)
{
	return ask_witness("old 4\n", 4, &bare, true);
}

static struct vs_text empty_head;

static vs_status be_first_witness(void)
{
	return ask_witness("old 0\n", 0, &empty_head, false);
}

static vs_status sign(void *ctx, const void *message, size_t len,
                      uint8_t sig[static VS_NOTE_SIG_LEN])
{
	(void)ctx, (void)message, (void)len;
	memset(sig, 0, VS_NOTE_SIG_LEN);
	return VS_OK;
}

static vs_status cosign(void)
{
	char line[512];
	struct vs_text t = {line, sizeof line, 0};
	struct vs_note note;

	assert_int_equal(vs_note_parse(bare.at, bare.len, &note, NULL), VS_OK);
	return vs_cosign_add(&note, &witness.vkey, 1, sign, NULL, &t);
}

/* Each allocation fails once; wanted is what a fed one gives. */
static void starve(vs_status (*work)(void), vs_status wanted, bool may_do)
{
	long n = 0;

	left = LONG_MAX;
	assert_int_equal(work(), wanted);
	do {
		vs_status status;

		failed = false;
		left = n++;
		status = work();
		left = LONG_MAX;
		if (!failed)
			assert_int_equal(status, wanted);
		else if (wanted != VS_OK || !may_do)
			assert_int_not_equal(status, VS_OK);
	} while (failed);
	assert_true(n > 1);
}

static void a_starved_judge_says_no(void **state)
{
	(void)state;
	/* the kept checkpoint's time may be missed: it decides no yes */
	starve(judge_good, VS_OK, true);
	starve(judge_forked, VS_ERR_REFUSED, false);
}

static void a_starved_reader_or_writer_gives_nothing(void **state)
{
	(void)state;
	assert_int_equal(vs_leaf_encode(&leaf, &entry, &entry_len, NULL),
	                 VS_OK);
	starve(decode_leaf, VS_OK, false);
	free(entry);
	json_too = true;
	starve(parse_policy, VS_OK, true);
	starve(encode_evidence, VS_OK, false);
	starve(encode_leaf, VS_OK, false);
	json_too = false;
	starve(make_proofs, VS_OK, true);
	starve(cosign, VS_OK, false);
}

static void a_starved_witness_does_not_cosign_or_means_it(void **state)
{
	(void)state;
	empty_head = text_make(4096);
	log_checkpoint(&tree, 0, &empty_head);
	starve(be_witness, VS_OK, true);
	starve(be_first_witness, VS_OK, true);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_starved_judge_says_no),
		cmocka_unit_test(a_starved_reader_or_writer_gives_nothing),
		cmocka_unit_test(a_starved_witness_does_not_cosign_or_means_it),
	};

	if (CRYPTO_set_mem_functions(crypto_malloc, crypto_realloc,
	                             crypto_free) != 1)
		return 1;
	json_set_alloc_funcs(json_malloc, free);
	return cmocka_run_group_tests_name("log_starve", tests, group_set_up,
	                                   group_tear_down);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/tlog_test.c - what a charger believes of a log, offline, and
 * each of the ways in which it is lied to.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/tlog.h"

enum { entries = 20 };

static struct log tree;
static struct signer witness;
static struct vs_tlog_policy policy;
static struct vs_leaf leaves[entries];

static int group_set_up(void **state)
{
	static char text[2048];
	char log_vkey[VS_VKEY_LEN], vkey[VS_VKEY_LEN];

	(void)state;
	log_init(&tree, LOG_ORIGIN, 1);
	for (unsigned i = 0; i < entries; i++) {
		leaves[i] = leaf_make(i);
		log_add_leaf(&tree, &leaves[i]);
	}
	witness = signer_make("witness.example", VS_NOTE_COSIGNER, 20);
	vs_vkey_encode(&tree.key.vkey, log_vkey);
	vs_vkey_encode(&witness.vkey, vkey);
	snprintf(text, sizeof text, "log %s\nwitness w %s\nquorum w\n",
	         log_vkey, vkey);
	assert_int_equal(
		vs_tlog_policy_parse(text, strlen(text), &policy, NULL), VS_OK);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	log_drop(&tree);
	signer_drop(&witness);
	return 0;
}

/* A witnessed checkpoint; a larger one is a later one. */
static struct vs_text checkpoint(struct log *l, uint64_t size)
{
	struct vs_text t = text_make(4096);

	log_checkpoint(l, size, &t);
	log_cosign(&t, &witness, 1700000000 + size);
	return t;
}

/* What a charger asks: kept is a size of the true log, 0 = nothing. */
static struct vs_tlog_question ask(struct log *l, uint64_t index, uint64_t size,
                                   uint64_t kept)
{
	static const uint64_t from[] = {1, 4, 7, 10};
	struct vs_text proof = text_make(65536), c = checkpoint(l, size), k;
	size_t links = 0;

	while (links < 4 && from[links] <= size)
		links++;
	log_prove(l, index, size, &c, &leaves[index], from, links, &proof);
	struct vs_tlog_question q = {.proof = proof.at,
	                             .proof_len = proof.len,
	                             .seal = &leaves[index],
	                             .policy = &policy};

	if (kept) {
		k = checkpoint(&tree, kept);
		q.kept = k.at;
		q.kept_len = k.len;
	}
	return q;
}

static vs_reason judge(const struct vs_tlog_question *q,
                       struct vs_tlog_verdict *out)
{
	struct vs_why why = {0};
	vs_status status = vs_tlog_judge(q, out, &why);

	if (status) {
		assert_int_equal(out->keep.len, 0);
		assert_int_not_equal(why.code, VS_REASON_NONE);
	}
	return status ? why.code : VS_REASON_NONE;
}

static void a_seal_in_the_log_is_believed_and_the_checkpoint_kept(void **state)
{
	struct vs_tlog_verdict v;
	char origin[VS_NOTE_NAME_LEN];

	(void)state;
	for (uint64_t size = 1; size <= entries; size++) {
		struct vs_text c = checkpoint(&tree, size);

		for (uint64_t i = 0; i < size; i++) {
			struct vs_tlog_question q = ask(&tree, i, size, 0);

			assert_int_equal(judge(&q, &v), VS_REASON_NONE);
			assert_int_equal(v.index, i);
			assert_int_equal(v.witnesses, 1);
			assert_int_equal(v.time_s, 1700000000 + size);
			assert_int_equal(v.keep.len, c.len);
			assert_memory_equal(v.keep.at, c.at, c.len);
			assert_int_equal(vs_tlog_origin(q.proof, q.proof_len,
			                                origin, NULL),
			                 VS_OK);
			assert_string_equal(origin, LOG_ORIGIN);
		}
	}
}

/* The charger knows neither SBOM nor provenance; the proof tells them. */
static void the_proof_tells_what_the_seal_does_not(void **state)
{
	struct vs_tlog_question q = ask(&tree, 3, 9, 0);
	struct vs_leaf seal = leaves[3];
	struct vs_tlog_verdict v;

	(void)state;
	memset(seal.sbom_sha256, 0, sizeof seal.sbom_sha256);
	q.seal = &seal;
	assert_int_equal(judge(&q, &v), VS_REASON_NONE);
	assert_string_equal(v.leaf.sbom_sha256, leaves[3].sbom_sha256);
}

static void a_kept_checkpoint_is_followed_by_the_proofs_own_links(void **state)
{
	struct vs_tlog_question q = ask(&tree, 3, 12, 7);
	struct vs_tlog_verdict v;

	(void)state;
	assert_int_equal(judge(&q, &v), VS_REASON_NONE);
	q = ask(&tree, 3, 12, 12);
	assert_int_equal(judge(&q, &v), VS_REASON_NONE);
	/* no link from 8: ask for one, and with it all is well */
	q = ask(&tree, 3, 12, 8);
	assert_int_equal(judge(&q, &v), VS_REASON_LOG_GAP);
	assert_int_equal(v.checkpoint.head.size, 12);
	const struct vs_merkle_source source = log_source(&tree);
	struct vs_merkle_proof link;
	assert_int_equal(vs_merkle_connect(&source, 8, 12, &link), VS_OK);
	q.link = &link;
	assert_int_equal(judge(&q, &v), VS_REASON_NONE);
}

/* The tests of the issue, one by one. */
static void a_split_view_is_refused(void **state)
{
	struct log fork;
	struct vs_tlog_question q;
	struct vs_tlog_verdict v;
	struct vs_leaf evil = leaf_make(666);

	(void)state;
	log_init(&fork, LOG_ORIGIN, 1);
	for (unsigned i = 0; i < 6; i++)
		log_add_leaf(&fork, &leaves[i]);
	log_add_leaf(&fork, &evil);
	for (unsigned i = 7; i < entries; i++)
		log_add_leaf(&fork, &leaves[i]);
	/* the same size; then larger, with links of the fork */
	q = ask(&fork, 3, 7, 7);
	assert_int_equal(judge(&q, &v), VS_REASON_LOG_FORKED);
	q = ask(&fork, 3, 12, 7);
	assert_int_equal(judge(&q, &v), VS_REASON_LOG_FORKED);
	/* before they part it is one log */
	q = ask(&fork, 3, 12, 4);
	assert_int_equal(judge(&q, &v), VS_REASON_NONE);
	log_drop(&fork);
}

static void a_truncated_log_is_refused(void **state)
{
	struct vs_text c = text_make(4096), proof = text_make(65536);
	struct vs_tlog_question q = ask(&tree, 3, 9, 12);
	struct vs_tlog_verdict v;

	(void)state;
	/* smaller than before, and witnessed later */
	log_checkpoint(&tree, 9, &c);
	log_cosign(&c, &witness, 1700000999);
	log_prove(&tree, 3, 9, &c, &leaves[3], NULL, 0, &proof);
	q.proof = proof.at;
	q.proof_len = proof.len;
	assert_int_equal(judge(&q, &v), VS_REASON_LOG_TRUNCATED);

	/* the entry is beyond the end that the checkpoint tells */
	c = checkpoint(&tree, 9);
	log_prove(&tree, 11, 12, &c, &leaves[11], NULL, 0, &proof);
	q = (struct vs_tlog_question){.proof = proof.at,
	                              .proof_len = proof.len,
	                              .seal = &leaves[11],
	                              .policy = &policy};
	assert_int_equal(judge(&q, &v), VS_REASON_LOG_TRUNCATED);
}

static void a_replayed_checkpoint_is_refused(void **state)
{
	struct vs_tlog_question q = ask(&tree, 3, 9, 12);
	struct vs_tlog_verdict v;

	(void)state;
	assert_int_equal(judge(&q, &v), VS_REASON_LOG_REPLAYED);
}

static void a_wrong_origin_is_refused(void **state)
{
	struct log other;
	struct vs_tlog_question q;
	struct vs_tlog_verdict v;

	(void)state;
	log_init(&other, "other.example/seals", 1);
	for (unsigned i = 0; i < entries; i++)
		log_add_leaf(&other, &leaves[i]);
	q = ask(&other, 3, 9, 0);
	assert_int_equal(judge(&q, &v), VS_REASON_WRONG_ORIGIN);
	log_drop(&other);
}

static void an_unknown_key_is_refused(void **state)
{
	struct log other;
	struct vs_tlog_question q;
	struct vs_tlog_verdict v;

	(void)state;
	log_init(&other, LOG_ORIGIN, 2);
	for (unsigned i = 0; i < entries; i++)
		log_add_leaf(&other, &leaves[i]);
	q = ask(&other, 3, 9, 0);
	assert_int_equal(judge(&q, &v), VS_REASON_UNKNOWN_KEY);
	log_drop(&other);
}

static void a_known_key_with_a_bad_signature_is_refused(void **state)
{
	struct vs_tlog_question q = ask(&tree, 3, 9, 0);
	struct vs_text bad = text_make(65536);
	struct vs_tlog_verdict v;

	(void)state;
	assert_int_equal(vs_text_add(&bad, q.proof, q.proof_len), VS_OK);
	char *line = strstr(bad.at, "— " LOG_ORIGIN) + strlen(LOG_ORIGIN) + 20;
	*line = *line == 'A' ? 'B' : 'A';
	q.proof = bad.at;
	assert_int_equal(judge(&q, &v), VS_REASON_BAD_SIGNATURE);
}

static void too_few_witnesses_are_refused(void **state)
{
	struct vs_text c = text_make(4096), proof = text_make(65536);
	struct vs_tlog_question q = ask(&tree, 3, 9, 0);
	struct vs_tlog_verdict v;

	(void)state;
	log_checkpoint(&tree, 9, &c);
	log_prove(&tree, 3, 9, &c, &leaves[3], NULL, 0, &proof);
	q.proof = proof.at;
	q.proof_len = proof.len;
	assert_int_equal(judge(&q, &v), VS_REASON_WITNESSES);
}

static void a_seal_without_a_proof_or_with_anothers_is_refused(void **state)
{
	struct vs_tlog_question q = ask(&tree, 3, 9, 0);
	struct vs_text c = checkpoint(&tree, 9), proof = text_make(65536);
	struct vs_leaf stranger = leaf_make(99);
	struct vs_tlog_verdict v;

	(void)state;
	q.proof_len = 0;
	assert_int_equal(judge(&q, &v), VS_REASON_NOT_LOGGED);
	/* a true proof of another seal */
	q = ask(&tree, 3, 9, 0);
	q.seal = &leaves[4];
	assert_int_equal(judge(&q, &v), VS_REASON_SEAL_MISMATCH);
	/* an entry that was never in the log, under a path of one that is */
	log_prove(&tree, 3, 9, &c, &stranger, NULL, 0, &proof);
	q = (struct vs_tlog_question){.proof = proof.at,
	                              .proof_len = proof.len,
	                              .seal = &stranger,
	                              .policy = &policy};
	assert_int_equal(judge(&q, &v), VS_REASON_NOT_LOGGED);
}

/* Other tools write no extra data: the seal must then say all. */
static void a_proof_without_extra_data_needs_the_whole_seal(void **state)
{
	struct vs_text c = checkpoint(&tree, 9), proof = text_make(65536);
	struct vs_leaf seal = leaves[3];
	struct vs_tlog_question q = {.seal = &seal, .policy = &policy};
	struct vs_tlog_verdict v;

	(void)state;
	log_prove(&tree, 3, 9, &c, NULL, NULL, 0, &proof);
	q.proof = proof.at;
	q.proof_len = proof.len;
	assert_int_equal(judge(&q, &v), VS_REASON_NONE);
	seal.sbom_sha256[0] = '\0';
	assert_int_equal(judge(&q, &v), VS_REASON_NOT_LOGGED);
}

/* Every byte of a proof that can be changed is one that is checked. */
static void no_altered_byte_of_a_proof_is_believed(void **state)
{
	struct vs_tlog_question q = ask(&tree, 3, 9, 7);
	struct vs_text bad = text_make(65536);
	struct vs_tlog_verdict v;
	size_t taken = 0, len = q.proof_len;

	(void)state;
	assert_int_equal(vs_text_add(&bad, q.proof, len), VS_OK);
	q.proof = bad.at;
	for (size_t i = 0; i < len; i++) {
		struct vs_why why;

		bad.at[i] ^= 1;
		if (vs_tlog_judge(&q, &v, &why) == VS_OK) {
			/* links that are not used prove nothing and are not
			 * looked at; the leaf must be the same even so */
			const char *extra = strstr(bad.at, "extra ");
			const char *index = strstr(bad.at, "index ");

			taken++;
			assert_true(bad.at + i > extra && bad.at + i < index);
			assert_memory_equal(&v.leaf, &leaves[3], sizeof v.leaf);
		}
		bad.at[i] ^= 1;
	}
	assert_true(taken < len / 2);
}

static void a_kept_checkpoint_that_is_not_one_is_told(void **state)
{
	struct vs_tlog_question q = ask(&tree, 3, 9, 7);
	struct log other;
	struct vs_tlog_verdict v;
	struct vs_why why;

	(void)state;
	q.kept_len--;
	assert_int_equal(vs_tlog_judge(&q, &v, &why), VS_ERR_STATE);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	log_init(&other, "other.example/seals", 1);
	log_fill(&other, 9, "entry");
	struct vs_text c = checkpoint(&other, 9);
	q.kept = c.at;
	q.kept_len = c.len;
	assert_int_equal(vs_tlog_judge(&q, &v, &why), VS_ERR_STATE);
	assert_int_equal(why.code, VS_REASON_WRONG_ORIGIN);
	log_drop(&other);
}

/* A policy with other witnesses than when the checkpoint was kept. */
static void a_new_policy_does_not_wedge_a_charger(void **state)
{
	struct vs_tlog_question q = ask(&tree, 3, 12, 7);
	struct vs_tlog_verdict v;
	struct vs_text k = text_make(4096);

	(void)state;
	log_checkpoint(&tree, 7, &k); /* kept when none were asked for */
	q.kept = k.at;
	q.kept_len = k.len;
	assert_int_equal(judge(&q, &v), VS_REASON_NONE);
}

static void a_broken_proof_is_said_to_be_one(void **state)
{
	struct vs_tlog_question q = ask(&tree, 3, 9, 0);
	struct vs_text bad = text_make(65536);
	struct vs_proof p;
	struct vs_tlog_verdict v;
	char origin[VS_NOTE_NAME_LEN];

	(void)state;
	q.proof_len = 10;
	assert_int_equal(judge(&q, &v), VS_REASON_MALFORMED);
	assert_int_equal(vs_tlog_origin(q.proof, 10, origin, NULL),
	                 VS_ERR_INPUT);
	q = ask(&tree, 3, 9, 0);
	assert_int_equal(vs_proof_parse(q.proof, q.proof_len, &p, NULL), VS_OK);
	static const char *const extras[] = {
		"[]",
		"{}",
		"{\"consistency\":[],\"leaf\":{}}",
		("{\"consistency\":[{\"from\":1,\"hashes\":[\"x\"]}],"
	         "\"leaf\":"),
	};
	for (size_t i = 0; i < sizeof extras / sizeof *extras; i++) {
		bad.len = 0;
		assert_int_equal(
			vs_proof_encode(&p, extras[i], strlen(extras[i]), &bad),
			VS_OK);
		q.proof = bad.at;
		q.proof_len = bad.len;
		assert_int_equal(judge(&q, &v), VS_REASON_MALFORMED);
	}
}

/* What is not in the tree must not seem to be. */
static void an_entry_with_more_in_it_is_refused_when_read(void **state)
{
	struct vs_text t = text_make(8192);
	struct vs_evidence e;
	struct vs_why why;
	char *good, *at;
	size_t len;

	(void)state;
	assert_int_equal(vs_evidence_encode(&leaves[3], NULL, 0, &good, &len),
	                 VS_OK);
	at = strstr(good, "\"version\"");
	assert_int_equal(vs_text_add(&t, good, (size_t)(at - good)), VS_OK);
	assert_int_equal(vs_text_string(&t, "\"urgent\":1,"), VS_OK);
	assert_int_equal(vs_text_string(&t, at), VS_OK);
	assert_int_equal(vs_evidence_decode(t.at, t.len, &e, &why),
	                 VS_ERR_INPUT);
	assert_int_equal(why.code, VS_REASON_MALFORMED);
	vs_evidence_drop(&e);
	free(good);
}

static void bad_links_are_refused_when_read(void **state)
{
	static const char *const bad[] = {
		"{}",
		"{\"from\":\"1\",\"hashes\":[]}",
		"{\"from\":1}",
		"{\"from\":1,\"hashes\":[3]}",
		"{\"from\":1,\"hashes\":[\"AAAA\"]}",
	};
	struct vs_evidence e;
	char *good, *at;
	size_t len;

	(void)state;
	assert_int_equal(vs_evidence_encode(&leaves[3], NULL, 0, &good, &len),
	                 VS_OK);
	assert_int_equal(vs_evidence_decode(good, len, &e, NULL), VS_OK);
	vs_evidence_drop(&e);
	struct vs_leaf unsayable = leaves[3];
	char *none;
	unsayable.component[0] = '\0';
	assert_int_equal(vs_evidence_encode(&unsayable, NULL, 0, &none, &len),
	                 VS_ERR_INPUT);
	assert_null(none);
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		struct vs_text t = text_make(8192);

		at = strstr(good, "[]") + 1;
		assert_int_equal(vs_text_add(&t, good, (size_t)(at - good)),
		                 VS_OK);
		assert_int_equal(vs_text_string(&t, bad[i]), VS_OK);
		assert_int_equal(vs_text_string(&t, at), VS_OK);
		assert_int_equal(vs_evidence_decode(t.at, t.len, &e, NULL),
		                 VS_ERR_INPUT);
		vs_evidence_drop(&e);
	}
	/* 64 hashes: no tree is that high */
	struct vs_text high = text_make(1 << 16);
	at = strstr(good, "[]") + 1;
	assert_int_equal(vs_text_add(&high, good, (size_t)(at - good)), VS_OK);
	assert_int_equal(vs_text_string(&high, "{\"from\":1,\"hashes\":["),
	                 VS_OK);
	for (size_t i = 0; i <= VS_MERKLE_DEPTH_MAX; i++)
		assert_int_equal(vs_text_string(&high, i ? ",\"\"" : "\"\""),
		                 VS_OK);
	assert_int_equal(vs_text_string(&high, "]}"), VS_OK);
	assert_int_equal(vs_text_string(&high, at), VS_OK);
	assert_int_equal(vs_evidence_decode(high.at, high.len, &e, NULL),
	                 VS_ERR_LIMIT);
	vs_evidence_drop(&e);
	struct vs_text many = text_make(1 << 16);
	at = strstr(good, "[]") + 1;
	assert_int_equal(vs_text_add(&many, good, (size_t)(at - good)), VS_OK);
	for (size_t i = 0; i <= VS_EVIDENCE_LINKS_MAX; i++)
		assert_int_equal(
			vs_text_string(&many, i ? ",{\"from\":1,\"hashes\":"
		                                  "[]}"
		                                : "{\"from\":1,\"hashes\":"
		                                  "[]}"),
			VS_OK);
	assert_int_equal(vs_text_string(&many, at), VS_OK);
	assert_int_equal(vs_evidence_decode(many.at, many.len, &e, NULL),
	                 VS_ERR_LIMIT);
	vs_evidence_drop(&e);
	free(good);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			a_seal_in_the_log_is_believed_and_the_checkpoint_kept),
		cmocka_unit_test(the_proof_tells_what_the_seal_does_not),
		cmocka_unit_test(
			a_kept_checkpoint_is_followed_by_the_proofs_own_links),
		cmocka_unit_test(a_split_view_is_refused),
		cmocka_unit_test(a_truncated_log_is_refused),
		cmocka_unit_test(a_replayed_checkpoint_is_refused),
		cmocka_unit_test(a_wrong_origin_is_refused),
		cmocka_unit_test(an_unknown_key_is_refused),
		cmocka_unit_test(a_known_key_with_a_bad_signature_is_refused),
		cmocka_unit_test(too_few_witnesses_are_refused),
		cmocka_unit_test(
			a_seal_without_a_proof_or_with_anothers_is_refused),
		cmocka_unit_test(
			a_proof_without_extra_data_needs_the_whole_seal),
		cmocka_unit_test(no_altered_byte_of_a_proof_is_believed),
		cmocka_unit_test(a_kept_checkpoint_that_is_not_one_is_told),
		cmocka_unit_test(a_new_policy_does_not_wedge_a_charger),
		cmocka_unit_test(a_broken_proof_is_said_to_be_one),
		cmocka_unit_test(an_entry_with_more_in_it_is_refused_when_read),
		cmocka_unit_test(bad_links_are_refused_when_read),
	};

	return cmocka_run_group_tests_name("tlog", tests, group_set_up,
	                                   group_tear_down);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/merkle_test.c - every proof of every small tree, and what the
 * tree's own definition says.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <jansson.h>
#include <string.h>

#include "tests/trust/log.h"
#include "trust/text.h"

enum { sizes = 300 };

static struct log tree;
static struct vs_merkle_head heads[sizes + 1];

/* Subtrees are kept, or all pairs of 300 would take a minute. */
static struct vs_hash kept[10][LOG_MAX];

static vs_status read_kept(void *ctx, unsigned level, uint64_t index,
                           struct vs_hash *out)
{
	(void)ctx;
	if ((index + 1) << level > tree.size)
		return VS_ERR_INPUT;
	*out = kept[level][index];
	return VS_OK;
}

static const struct vs_merkle_source source = {read_kept, NULL};

static int group_set_up(void **state)
{
	const struct vs_merkle_source slow = log_source(&tree);

	(void)state;
	log_init(&tree, LOG_ORIGIN, 1);
	log_fill(&tree, sizes, "entry");
	for (unsigned level = 0; level < 9; level++)
		for (uint64_t i = 0; (i + 1) << level <= tree.size; i++)
			assert_int_equal(
				slow.read(slow.ctx, level, i, &kept[level][i]),
				VS_OK);
	for (uint64_t size = 0; size <= sizes; size++)
		heads[size] = log_head(&tree, size);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	log_drop(&tree);
	return 0;
}

static struct vs_hash hash_of(const char *base64)
{
	struct vs_span s = {base64, strlen(base64)};
	struct vs_hash h;
	size_t len;

	assert_int_equal(vs_span_base64(&s, h.bytes, VS_HASH_LEN, &len), VS_OK);
	assert_int_equal(len, VS_HASH_LEN);
	return h;
}

/* The trees of Certificate Transparency's own tests (RFC 6962 2.1). */
static void known_trees_have_their_roots(void **state)
{
	static const struct {
		const char *entry;
		size_t len;
		const char *root;
	} known[] = {
		{"",         0, "bjQLnP+zepicpUTmu3gKLHiQHT+zNzh2hRGjBhevoB0="},
		{"\0",       1, "+sVCA+fMaWzw38tCySodnbr3CtnmIfS9jZhmLwDjwSU="},
		{"\x10",     1, "rra8/idLcKFPsGel5VeCZNsPqbUa9eC6FZFY8yngbnc="},
		{"\x20\x21", 2, "037kGJdt2VdTwcc4Yrk5j6Kiz5tP8P3+izDNlSCWFLc="},
	};
	struct vs_merkle_edge edge = {0};
	struct vs_hash leaf, root, want;

	(void)state;
	assert_int_equal(vs_merkle_edge_root(&edge, &root), VS_OK);
	want = hash_of("47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
	assert_memory_equal(&root, &want, sizeof root);
	for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
		assert_int_equal(
			vs_merkle_leaf(known[i].entry, known[i].len, &leaf),
			VS_OK);
		assert_int_equal(vs_merkle_append(&edge, &leaf), VS_OK);
		assert_int_equal(vs_merkle_edge_root(&edge, &root), VS_OK);
		want = hash_of(known[i].root);
		assert_memory_equal(&root, &want, sizeof root);
	}
}

/* MTH of RFC 6962, as it is written. */
static struct vs_hash by_definition(const struct vs_hash *leaves, uint64_t n)
{
	struct vs_hash left, right, out;
	uint64_t k = 1;

	if (n == 1)
		return leaves[0];
	while (2 * k < n)
		k *= 2;
	left = by_definition(leaves, k);
	right = by_definition(leaves + k, n - k);
	assert_int_equal(vs_merkle_node(&left, &right, &out), VS_OK);
	return out;
}

static void every_way_to_a_root_gives_the_same_one(void **state)
{
	struct vs_merkle_edge grown = {0}, loaded;
	struct vs_hash root, other;

	(void)state;
	for (uint64_t n = 1; n <= sizes; n++) {
		root = by_definition(tree.leaves, n);
		assert_true(vs_hash_same(&root, &heads[n].root));
		assert_int_equal(vs_merkle_append(&grown, &tree.leaves[n - 1]),
		                 VS_OK);
		assert_int_equal(vs_merkle_edge_root(&grown, &other), VS_OK);
		assert_true(vs_hash_same(&root, &other));
		assert_int_equal(vs_merkle_edge_load(&source, n, &loaded),
		                 VS_OK);
		assert_int_equal(vs_merkle_edge_root(&loaded, &other), VS_OK);
		assert_true(vs_hash_same(&root, &other));
	}
}

static void every_entry_of_every_size_is_proven(void **state)
{
	struct vs_merkle_proof p;

	(void)state;
	for (uint64_t n = 1; n <= sizes; n++) {
		for (uint64_t i = 0; i < n; i++) {
			assert_int_equal(vs_merkle_prove(&source, i, n, &p),
			                 VS_OK);
			assert_int_equal(vs_merkle_included(i, n,
			                                    &tree.leaves[i], &p,
			                                    &heads[n].root),
			                 VS_OK);
		}
		assert_int_equal(vs_merkle_prove(&source, n, n, &p),
		                 VS_ERR_INPUT);
	}
}

/* One change anywhere, and the proof shows nothing. */
static void an_altered_inclusion_proof_is_refused(void **state)
{
	struct vs_merkle_proof p, bad;

	(void)state;
	for (uint64_t n = 1; n <= 70; n++) {
		for (uint64_t i = 0; i < n; i++) {
			const struct vs_hash *leaf = &tree.leaves[i];
			const struct vs_hash *root = &heads[n].root;

			assert_int_equal(vs_merkle_prove(&source, i, n, &p),
			                 VS_OK);
			for (size_t j = 0; j < p.count; j++) {
				bad = p;
				bad.hashes[j].bytes[j % 32] ^= 1;
				assert_int_equal(vs_merkle_included(i, n, leaf,
				                                    &bad, root),
				                 VS_ERR_REFUSED);
			}
			bad = p;
			bad.hashes[bad.count++] = *root;
			assert_int_equal(
				vs_merkle_included(i, n, leaf, &bad, root),
				VS_ERR_REFUSED);
			assert_int_equal(
				vs_merkle_included(n, n, leaf, &p, root),
				VS_ERR_REFUSED);
			if (n == 1)
				continue;
			bad = p;
			bad.count--;
			assert_int_equal(
				vs_merkle_included(i, n, leaf, &bad, root),
				VS_ERR_REFUSED);
			assert_int_equal(
				vs_merkle_included(i ^ 1, n, leaf, &p, root),
				VS_ERR_REFUSED);
			assert_int_equal(
				vs_merkle_included(i, n,
			                           &tree.leaves[(i + 1) % n],
			                           &p, root),
				VS_ERR_REFUSED);
		}
	}
}

static void every_pair_of_sizes_is_connected(void **state)
{
	struct vs_merkle_proof p;

	(void)state;
	for (uint64_t new = 1; new <= sizes; new ++) {
		for (uint64_t old = 1; old <= new; old++) {
			assert_int_equal(
				vs_merkle_connect(&source, old, new, &p),
				VS_OK);
			assert_int_equal(vs_merkle_consistent(&heads[old],
			                                      &heads[new], &p),
			                 VS_OK);
		}
		assert_int_equal(vs_merkle_connect(&source, 0, new, &p), VS_OK);
		assert_int_equal(p.count, 0);
		assert_int_equal(vs_merkle_connect(&source, new + 1, new, &p),
		                 VS_ERR_INPUT);
	}
}

static void an_altered_consistency_proof_is_refused(void **state)
{
	struct vs_merkle_proof p, bad;
	struct vs_merkle_head other;

	(void)state;
	for (uint64_t new = 1; new <= 70; new ++) {
		for (uint64_t old = 1; old <= new; old++) {
			assert_int_equal(
				vs_merkle_connect(&source, old, new, &p),
				VS_OK);
			for (size_t j = 0; j < p.count; j++) {
				bad = p;
				bad.hashes[j].bytes[0] ^= 0x80;
				assert_int_equal(
					vs_merkle_consistent(&heads[old],
				                             &heads[new], &bad),
					VS_ERR_REFUSED);
			}
			other = heads[old];
			other.root.bytes[5] ^= 1;
			assert_int_equal(
				vs_merkle_consistent(&other, &heads[new], &p),
				VS_ERR_REFUSED);
			other = heads[new];
			other.root.bytes[5] ^= 1;
			assert_int_equal(
				vs_merkle_consistent(&heads[old], &other, &p),
				VS_ERR_REFUSED);
			bad = p;
			bad.hashes[bad.count++] = heads[old].root;
			assert_int_equal(vs_merkle_consistent(&heads[old],
			                                      &heads[new],
			                                      &bad),
			                 VS_ERR_REFUSED);
			if (old < new)
				assert_int_equal(
					vs_merkle_consistent(&heads[new],
				                             &heads[old], &p),
					VS_ERR_REFUSED);
			if (p.count == 0)
				continue;
			bad = p;
			bad.count--;
			assert_int_equal(vs_merkle_consistent(&heads[old],
			                                      &heads[new],
			                                      &bad),
			                 VS_ERR_REFUSED);
		}
	}
}

/* A fork: equal up to a point, and other entries from there. */
static void no_proof_connects_a_fork(void **state)
{
	struct log fork;
	struct vs_merkle_proof p;

	(void)state;
	for (uint64_t common = 0; common < 40; common++) {
		log_init(&fork, LOG_ORIGIN, 1);
		log_fill(&fork, common, "entry");
		log_fill(&fork, 40 - common, "other");
		const struct vs_merkle_source theirs = log_source(&fork);
		struct vs_merkle_head head = log_head(&fork, 40);

		for (uint64_t old = 1; old < 40; old++) {
			assert_int_equal(
				vs_merkle_connect(&theirs, old, 40, &p), VS_OK);
			assert_int_equal(
				vs_merkle_consistent(&heads[old], &head, &p),
				old <= common ? VS_OK : VS_ERR_REFUSED);
		}
		log_drop(&fork);
	}
}

static void a_proof_of_too_many_hashes_is_refused(void **state)
{
	struct vs_merkle_proof p = {.count = VS_MERKLE_DEPTH_MAX + 1};

	(void)state;
	assert_int_equal(
		vs_merkle_included(0, 2, &tree.leaves[0], &p, &heads[2].root),
		VS_ERR_REFUSED);
	assert_int_equal(vs_merkle_consistent(&heads[1], &heads[2], &p),
	                 VS_ERR_REFUSED);
	assert_int_equal(
		vs_merkle_root(&source, UINT64_C(1) << 63, &heads[0].root),
		VS_ERR_INPUT);
	struct vs_merkle_edge edge;
	assert_int_equal(vs_merkle_edge_load(&source, UINT64_C(1) << 63, &edge),
	                 VS_ERR_INPUT);
}

static vs_status read_nothing(void *ctx, unsigned level, uint64_t index,
                              struct vs_hash *out)
{
	(void)ctx, (void)level, (void)index, (void)out;
	return VS_ERR_IO;
}

static void a_source_that_fails_is_said(void **state)
{
	const struct vs_merkle_source none = {read_nothing, NULL};
	struct vs_merkle_proof p;
	struct vs_merkle_edge edge;
	struct vs_hash h;

	(void)state;
	assert_int_equal(vs_merkle_root(&none, 5, &h), VS_ERR_IO);
	assert_int_equal(vs_merkle_prove(&none, 3, 5, &p), VS_ERR_IO);
	assert_int_equal(vs_merkle_connect(&none, 3, 5, &p), VS_ERR_IO);
	assert_int_equal(vs_merkle_edge_load(&none, 5, &edge), VS_ERR_IO);
	edge = (struct vs_merkle_edge){.size = INT64_MAX};
	assert_int_equal(vs_merkle_append(&edge, &tree.leaves[0]),
	                 VS_ERR_LIMIT);
}

static size_t seen, unreadable;

static bool take(const json_t *o, const char *name, struct vs_hash *out)
{
	const json_t *v = json_object_get(o, name);
	struct vs_span s = {json_string_value(v), json_string_length(v)};
	size_t len;

	return s.at && !vs_span_base64(&s, out->bytes, VS_HASH_LEN, &len) &&
	       len == VS_HASH_LEN;
}

static bool take_proof(const json_t *o, struct vs_merkle_proof *out)
{
	const json_t *list = json_object_get(o, "proof");

	out->count = json_array_size(list);
	if (out->count > VS_MERKLE_DEPTH_MAX)
		return false;
	for (size_t i = 0; i < out->count; i++) {
		const json_t *v = json_array_get(list, i);
		struct vs_span s = {json_string_value(v),
		                    json_string_length(v)};
		size_t len;

		if (vs_span_base64(&s, out->hashes[i].bytes, VS_HASH_LEN,
		                   &len) ||
		    len != VS_HASH_LEN)
			return false;
	}
	return true;
}

static uint64_t number(const json_t *o, const char *name)
{
	return (uint64_t)json_integer_value(json_object_get(o, name));
}

static bool accepted(const json_t *o)
{
	struct vs_merkle_proof proof;
	struct vs_merkle_head old, new;
	struct vs_hash leaf;

	if (!take_proof(o, &proof))
		return false;
	if (json_object_get(o, "leafIdx"))
		return take(o, "leafHash", &leaf) &&
		       take(o, "root", &new.root) &&
		       !vs_merkle_included(number(o, "leafIdx"),
		                           number(o, "treeSize"), &leaf, &proof,
		                           &new.root);
	old.size = number(o, "size1");
	new.size = number(o, "size2");
	return take(o, "root1", &old.root) && take(o, "root2", &new.root) &&
	       !vs_merkle_consistent(&old, &new, &proof);
}

static int judge_file(const char *path, const struct stat *st, int flag,
                      struct FTW *where)
{
	const char *dot = strrchr(path, '.');
	json_t *o;
	bool bad;

	(void)st, (void)where;
	if (flag != FTW_F || !dot || strcmp(dot, ".json") != 0)
		return 0;
	seen++;
	o = json_load_file(path, 0, NULL);
	if (!o) { /* 2^64-1: no number of ours */
		unreadable++;
		return 0;
	}
	bad = json_is_true(json_object_get(o, "wantErr"));
	/* twelve bytes are no root to us, though they are equal */
	if (strstr(path, "sizes-are-equal-one-and-proof-is-empty"))
		bad = true;
	if (accepted(o) == bad)
		fail_msg("%s: judged otherwise", path);
	json_decref(o);
	return 0;
}

static void third_party_vectors_are_judged_alike(void **state)
{
	static const char *const kinds[] = {"inclusion", "consistency"};
	const char *dir = vectors();
	char path[4096];

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		snprintf(path, sizeof path, "%s/merkle/%s", dir, kinds[i]);
		assert_int_equal(nftw(path, judge_file, 8, FTW_PHYS), 0);
	}
	assert_int_equal(seen, 196);
	assert_int_equal(unreadable, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(known_trees_have_their_roots),
		cmocka_unit_test(every_way_to_a_root_gives_the_same_one),
		cmocka_unit_test(every_entry_of_every_size_is_proven),
		cmocka_unit_test(an_altered_inclusion_proof_is_refused),
		cmocka_unit_test(every_pair_of_sizes_is_connected),
		cmocka_unit_test(an_altered_consistency_proof_is_refused),
		cmocka_unit_test(no_proof_connects_a_fork),
		cmocka_unit_test(a_proof_of_too_many_hashes_is_refused),
		cmocka_unit_test(a_source_that_fails_is_said),
		cmocka_unit_test(third_party_vectors_are_judged_alike),
	};

	without_vectors();
	return cmocka_run_group_tests_name("merkle", tests, group_set_up,
	                                   group_tear_down);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/lms_test.c - LMS against RFC 8554's vectors, and its own signer.
 */
#include "tests/seal/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "seal/lms_sign.h"

enum { MESSAGE_MAX = 200, SIG_H5 = 1292, AT_PATH = 1132 };

struct vector {
	uint8_t all[VS_LMS_KEY_LEN + SIG_H5 + MESSAGE_MAX];
	uint8_t *key, *sig, *message;
	size_t len;
};

static struct vs_crypto crypto;

static int begin(void **state)
{
	(void)state;
	return vs_openssl_init(&crypto) == VS_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	vs_openssl_drop(&crypto);
	return 0;
}

static void load(const char *name, struct vector *v)
{
	size_t len = vector_load(name, v->all, sizeof(v->all));

	v->key = v->all;
	v->sig = v->key + VS_LMS_KEY_LEN;
	v->message = v->sig + SIG_H5;
	v->len = len - VS_LMS_KEY_LEN - SIG_H5;
}

static vs_status verify(const struct vector *v)
{
	return vs_lms_verify(&crypto, v->key, v->message, v->len, v->sig,
	                     SIG_H5);
}

static void the_rfcs_signatures_verify(void **state)
{
	static const char *const names[] = {
		"lms-rfc8554-1a.hex",
		"lms-rfc8554-1b.hex",
		"lms-rfc8554-2b.hex",
	};
	struct vector v;

	(void)state;
	for (size_t i = 0; i < 3; i++) {
		load(names[i], &v);
		assert_int_equal(vs_lms_height(v.key), 5);
		assert_int_equal(verify(&v), VS_OK);
	}
}

/* Every bit of bytes, which verify() looks at, matters. */
static void assert_all_matter(struct vector *v, uint8_t *bytes, size_t len)
{
	for (size_t bit = 0; bit < len * 8; bit++) {
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_equal(verify(v), VS_ERR_REFUSED);
		bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
	assert_int_equal(verify(v), VS_OK);
}

/* S0.1 S3.19 S3.41 */
static void every_flipped_bit_of_a_signature_is_refused(void **state)
{
	struct vector v;

	(void)state;
	load("lms-rfc8554-2b.hex", &v);
	assert_all_matter(&v, v.sig, SIG_H5);
}

static void every_flipped_bit_of_key_and_message_is_refused(void **state)
{
	struct vector v;

	(void)state;
	load("lms-rfc8554-1b.hex", &v);
	assert_all_matter(&v, v.key, VS_LMS_KEY_LEN);
	assert_all_matter(&v, v.message, v.len);
}

static void every_other_length_is_refused(void **state)
{
	struct vector v;
	uint8_t longer[VS_LMS_SIG_LEN_MAX + 64] = {0};

	(void)state;
	load("lms-rfc8554-1a.hex", &v);
	memcpy(longer, v.sig, SIG_H5);
	for (size_t len = 0; len < sizeof(longer); len++) {
		/* its own room, so that a read past its end is seen */
		uint8_t *exact = malloc(len + 1);

		assert_non_null(exact);
		memcpy(exact, longer, len);
		assert_int_equal(vs_lms_verify(&crypto, v.key, v.message, v.len,
		                               exact, len),
		                 len == SIG_H5 ? VS_OK : VS_ERR_REFUSED);
		free(exact);
	}
	for (size_t len = 0; len < v.len; len++)
		assert_int_equal(vs_lms_verify(&crypto, v.key, v.message, len,
		                               v.sig, SIG_H5),
		                 VS_ERR_REFUSED);
}

static void only_three_types_of_tree_are_known(void **state)
{
	struct vector v;

	(void)state;
	load("lms-rfc8554-1a.hex", &v);
	for (unsigned type = 0; type < 256; type++)
		for (unsigned ots = 0; ots < 16; ots++) {
			v.key[3] = (uint8_t)type;
			v.key[7] = (uint8_t)ots;
			unsigned want = ots != 4    ? 0
			                : type == 5 ? 5
			                : type == 6 ? 10
			                : type == 7 ? 15
			                            : 0;
			assert_int_equal(vs_lms_height(v.key), want);
		}
	v.key[3] = 5;
	v.key[7] = 4;
	v.key[0] = 1; /* the type has four bytes */
	assert_int_equal(vs_lms_height(v.key), 0);
	v.key[0] = 0;
	v.key[6] = 1;
	assert_int_equal(vs_lms_height(v.key), 0);
}

static vs_status broken_hash(void *ctx, const uint8_t *a, size_t a_len,
                             const uint8_t *b, size_t b_len,
                             uint8_t digest[static VS_SHA256_LEN])
{
	long *left = ctx;

	(void)a, (void)a_len, (void)b, (void)b_len;
	memset(digest, 0, VS_SHA256_LEN);
	return (*left)-- > 0 ? VS_OK : VS_ERR_CRYPTO;
}

static void a_failing_hash_is_neither_yes_nor_no(void **state)
{
	struct vector v;

	(void)state;
	load("lms-rfc8554-1a.hex", &v);
	for (long good = 0;; good++) {
		long left = good;
		const struct vs_crypto bad = {.ctx = &left,
		                              .sha256 = broken_hash};
		vs_status st = vs_lms_verify(&bad, v.key, v.message, v.len,
		                             v.sig, SIG_H5);

		if (left >= 0) { /* all of them worked */
			assert_int_equal(st, VS_ERR_REFUSED);
			assert_true(good > VS_LMS_CHAINS);
			return;
		}
		assert_int_equal(st, VS_ERR_CRYPTO);
	}
}

static void secret_fill(struct vs_lms_secret *s, unsigned height)
{
	memset(s, 0, sizeof(*s));
	s->height = height;
	noise(s->id, sizeof(s->id), height);
	noise(s->seed, sizeof(s->seed), height + 100);
}

static uint8_t *grow(const struct vs_lms_secret *s,
                     uint8_t key[static VS_LMS_KEY_LEN])
{
	uint8_t *tree = calloc(1, vs_lms_tree_len(s->height));
	struct vs_lms_range all = {0, UINT32_C(1) << s->height, NULL, NULL};

	assert_non_null(tree);
	assert_int_equal(vs_lms_grow(s, &crypto, &all, tree), VS_OK);
	assert_int_equal(vs_lms_close(s, &crypto, tree, key), VS_OK);
	return tree;
}

/* RFC 8554 test case 2 gives the lower tree's id and seed, too */
static void the_signer_makes_the_rfcs_key_and_signature(void **state)
{
	struct vs_lms_secret s = {.height = 5};
	struct vs_lms_job job = {.leaf = 4};
	uint8_t key[VS_LMS_KEY_LEN];
	uint8_t sig[SIG_H5];
	struct vector v;
	uint8_t *tree;

	(void)state;
	load("lms-rfc8554-2b.hex", &v);
	assert_int_equal(
		vector_load("lms-rfc8554-2b-seed.hex", s.seed, sizeof(s.seed)),
		sizeof(s.seed));
	memcpy(s.id, v.key + 8, sizeof(s.id));
	tree = grow(&s, key);
	assert_memory_equal(key, v.key, sizeof(key));
	memcpy(job.randomizer, v.sig + 8, sizeof(job.randomizer));
	job.message = v.message;
	job.len = v.len;
	assert_int_equal(vs_lms_sign(&s, &crypto, tree, &job, sig), VS_OK);
	assert_memory_equal(sig, v.sig, sizeof(sig));
	vs_lms_secret_drop(&s);
	for (size_t i = 0; i < sizeof(s.seed); i++)
		assert_int_equal(s.seed[i], 0);
	free(tree);
}

/* Signs with some leaves and holds each signature to its own message. */
static void assert_leaves_sign(const struct vs_lms_secret *s,
                               const uint8_t *tree, const uint8_t *key,
                               uint32_t step)
{
	uint8_t message[MESSAGE_MAX];
	uint8_t sig[VS_LMS_SIG_LEN_MAX];
	size_t sig_len = VS_LMS_SIG_LEN(s->height);

	for (uint32_t leaf = 0; leaf >> s->height == 0; leaf += step) {
		struct vs_lms_job job = {.leaf = leaf, .message = message};

		job.len = leaf % MESSAGE_MAX;
		noise(message, sizeof(message), leaf);
		noise(job.randomizer, sizeof(job.randomizer), leaf + 1);
		assert_int_equal(vs_lms_sign(s, &crypto, tree, &job, sig),
		                 VS_OK);
		assert_int_equal(vs_lms_verify(&crypto, key, message, job.len,
		                               sig, sig_len),
		                 VS_OK);
		sig[3] ^= 1; /* another leaf's number */
		assert_int_equal(vs_lms_verify(&crypto, key, message, job.len,
		                               sig, sig_len),
		                 VS_ERR_REFUSED);
	}
}

static void every_leaf_signs_once(void **state)
{
	static const struct {
		unsigned height;
		uint32_t step;
	} trees[] = {
		{5,  1  },
                {10, 101}
        };

	(void)state;
	for (size_t i = 0; i < 2; i++) {
		struct vs_lms_secret s;
		struct vs_lms_job job = {0};
		uint8_t key[VS_LMS_KEY_LEN];
		uint8_t sig[VS_LMS_SIG_LEN_MAX];
		uint8_t *tree;

		secret_fill(&s, trees[i].height);
		tree = grow(&s, key);
		assert_leaves_sign(&s, tree, key, trees[i].step);
		job.leaf = UINT32_C(1) << s.height;
		assert_int_equal(vs_lms_sign(&s, &crypto, tree, &job, sig),
		                 VS_ERR_LIMIT);
		free(tree);
	}
}

/* 32,768 leaves take a minute: two true ones stand among made-up ones. */
static void a_tree_of_height_15_signs_too(void **state)
{
	struct vs_lms_secret s;
	uint8_t key[VS_LMS_KEY_LEN];
	uint8_t *tree = malloc(vs_lms_tree_len(15));

	(void)state;
	assert_non_null(tree);
	secret_fill(&s, 15);
	noise(tree, vs_lms_tree_len(15), 3);
	for (uint32_t leaf = 0; leaf < 32768; leaf += 32767) {
		struct vs_lms_range one = {leaf, 1, NULL, NULL};

		assert_int_equal(vs_lms_grow(&s, &crypto, &one, tree), VS_OK);
	}
	assert_int_equal(vs_lms_close(&s, &crypto, tree, key), VS_OK);
	assert_int_equal(vs_lms_height(key), 15);
	assert_int_equal(VS_LMS_SIG_LEN(15), 1612);
	assert_leaves_sign(&s, tree, key, 32767);
	free(tree);
}

static void a_tree_that_is_not_the_secrets_signs_nothing(void **state)
{
	struct vs_lms_secret s;
	struct vs_lms_job job = {.leaf = 9};
	uint8_t key[VS_LMS_KEY_LEN];
	uint8_t sig[SIG_H5];
	uint8_t *tree;

	(void)state;
	secret_fill(&s, 5);
	tree = grow(&s, key);
	tree[(32 + 8) * 32] ^= 1; /* the neighbour leaf is on the path */
	assert_int_equal(vs_lms_sign(&s, &crypto, tree, &job, sig),
	                 VS_ERR_CRYPTO);
	for (size_t i = 0; i < sizeof(sig); i++)
		assert_int_equal(sig[i], 0);
	tree[(32 + 8) * 32] ^= 1;
	s.seed[0] ^= 1;
	assert_int_equal(vs_lms_sign(&s, &crypto, tree, &job, sig),
	                 VS_ERR_CRYPTO);
	s.seed[0] ^= 1;
	assert_int_equal(vs_lms_sign(&s, &crypto, tree, &job, sig), VS_OK);
	free(tree);
}

static bool count_to(void *ctx, uint32_t done)
{
	uint32_t *last = ctx;

	assert_int_equal(done, *last + 1);
	*last = done;
	return done != 7;
}

static void a_tree_grows_in_parts_and_tells_how_far_it_is(void **state)
{
	struct vs_lms_secret s;
	uint32_t last = 0;
	struct vs_lms_range parts[] = {
		{5,  27, NULL,     NULL },
                {0,  5,  count_to, &last},
		{0,  32, count_to, &last},
                {1,  32, NULL,     NULL },
		{33, 0,  NULL,     NULL },
	};
	uint8_t key[VS_LMS_KEY_LEN];
	uint8_t again[VS_LMS_KEY_LEN];
	uint8_t *tree;

	(void)state;
	secret_fill(&s, 5);
	tree = grow(&s, key);
	memset(tree, 0, vs_lms_tree_len(5));
	assert_int_equal(vs_lms_grow(&s, &crypto, &parts[0], tree), VS_OK);
	assert_int_equal(vs_lms_grow(&s, &crypto, &parts[1], tree), VS_OK);
	assert_int_equal(last, 5);
	assert_int_equal(vs_lms_close(&s, &crypto, tree, again), VS_OK);
	assert_memory_equal(key, again, sizeof(key));
	last = 0;
	assert_int_equal(vs_lms_grow(&s, &crypto, &parts[2], tree),
	                 VS_ERR_STATE);
	assert_int_equal(last, 7);
	assert_int_equal(vs_lms_grow(&s, &crypto, &parts[3], tree),
	                 VS_ERR_INPUT);
	assert_int_equal(vs_lms_grow(&s, &crypto, &parts[4], tree),
	                 VS_ERR_INPUT);
	s.height = 40;
	assert_int_equal(vs_lms_grow(&s, &crypto, &parts[0], tree),
	                 VS_ERR_INPUT);
	assert_int_equal(vs_lms_close(&s, &crypto, tree, key), VS_ERR_INPUT);
	free(tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_rfcs_signatures_verify),
		cmocka_unit_test(every_flipped_bit_of_a_signature_is_refused),
		cmocka_unit_test(
			every_flipped_bit_of_key_and_message_is_refused),
		cmocka_unit_test(every_other_length_is_refused),
		cmocka_unit_test(only_three_types_of_tree_are_known),
		cmocka_unit_test(a_failing_hash_is_neither_yes_nor_no),
		cmocka_unit_test(the_signer_makes_the_rfcs_key_and_signature),
		cmocka_unit_test(every_leaf_signs_once),
		cmocka_unit_test(a_tree_of_height_15_signs_too),
		cmocka_unit_test(a_tree_that_is_not_the_secrets_signs_nothing),
		cmocka_unit_test(a_tree_grows_in_parts_and_tells_how_far_it_is),
	};

	return cmocka_run_group_tests_name("seal lms", tests, begin, end);
}

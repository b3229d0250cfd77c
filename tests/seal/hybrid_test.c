/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/hybrid_test.c - rings that demand P-256 and LMS signatures.
 */
#include "tests/seal/fixture.h"

#include <stdlib.h>
#include <string.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "seal/lms_sign.h"

enum { PEOPLE = 3, TREES = 2, FILE_MAX = 16384 };

/* One LMS key, as person is one P-256 key. */
struct tree {
	struct vs_lms_secret secret;
	uint8_t *nodes;
	uint8_t key[VS_LMS_KEY_LEN];
	uint8_t id[VS_SHA256_LEN];
	uint8_t sig[VS_LMS_SIG_LEN(5)];
	uint32_t next; /* the leaf to sign with */
};

static struct vs_crypto crypto;
static struct person people[PEOPLE];
static struct tree trees[TREES];
static struct vs_keyring ring; /* 2 of the people and 1 of the trees */
static struct vs_seal_header header;
static uint8_t raw[VS_SEAL_HEADER_LEN];

static void tree_init(struct tree *t, uint64_t seed)
{
	const struct vs_lms_range all = {0, 32, NULL, NULL};

	memset(t, 0, sizeof(*t));
	t->secret.height = 5;
	noise(t->secret.id, VS_LMS_ID_LEN, seed);
	noise(t->secret.seed, VS_LMS_SEED_LEN, seed + 1);
	t->nodes = malloc(vs_lms_tree_len(5));
	assert_non_null(t->nodes);
	assert_int_equal(vs_lms_grow(&t->secret, &crypto, &all, t->nodes),
	                 VS_OK);
	assert_int_equal(vs_lms_close(&t->secret, &crypto, t->nodes, t->key),
	                 VS_OK);
	assert_int_equal(crypto.sha256(crypto.ctx, t->key, sizeof(t->key), NULL,
	                               0, t->id),
	                 VS_OK);
}

static void tree_sign(struct tree *t, const uint8_t *message, size_t len,
                      struct vs_signatures *sigs)
{
	struct vs_lms_job job = {
		.leaf = t->next++ % 32, .message = message, .len = len};
	struct vs_signature *s = &sigs->at[sigs->count++];

	noise(job.randomizer, sizeof(job.randomizer), t->next);
	assert_int_equal(
		vs_lms_sign(&t->secret, &crypto, t->nodes, &job, t->sig),
		VS_OK);
	memcpy(s->key_id, t->id, sizeof(t->id));
	s->scheme = VS_SCHEME_LMS_SHA256;
	s->len = sizeof(t->sig);
	s->bytes = t->sig;
}

static void ring_add(struct vs_keyring *r, const struct tree *t)
{
	size_t i = r->key_count++;

	for (; i > 0 && memcmp(r->keys[i - 1].id, t->id, VS_SHA256_LEN) > 0;
	     i--)
		r->keys[i] = r->keys[i - 1];
	memset(&r->keys[i], 0, sizeof(r->keys[i]));
	memcpy(r->keys[i].id, t->id, VS_SHA256_LEN);
	memcpy(r->keys[i].point, t->key, VS_LMS_KEY_LEN);
	r->keys[i].scheme = VS_SCHEME_LMS_SHA256;
}

static int begin(void **state)
{
	(void)state;
	if (vs_openssl_init(&crypto) != VS_OK)
		return -1;
	for (size_t i = 0; i < PEOPLE; i++)
		person_init(&people[i], &crypto);
	for (size_t i = 0; i < TREES; i++)
		tree_init(&trees[i], 40 + 2 * i);
	ring_fill(&ring, people, PEOPLE, 2);
	for (size_t i = 0; i < TREES; i++)
		ring_add(&ring, &trees[i]);
	ring.lms_threshold = 1;
	header_fill(&header);
	return vs_seal_header_encode(&header, raw, NULL) == VS_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	for (size_t i = 0; i < PEOPLE; i++)
		person_drop(&people[i]);
	for (size_t i = 0; i < TREES; i++)
		free(trees[i].nodes);
	vs_openssl_drop(&crypto);
	return 0;
}

/* 0 to 2 are people, a and b are trees. */
static void sign(const char *who, const uint8_t *message, size_t len,
                 struct vs_signatures *sigs)
{
	memset(sigs, 0, sizeof(*sigs));
	for (; *who; who++) {
		if (*who >= 'a')
			tree_sign(&trees[*who - 'a'], message, len, sigs);
		else if (*who < '3')
			person_sign(&people[*who - '0'], message, len, sigs);
	}
}

static void assert_header(const struct vs_keyring *r,
                          const struct vs_signatures *sigs, vs_status want)
{
	struct vs_seal_header out;
	struct vs_why why = {0};

	assert_int_equal(
		vs_keyring_open_header(r, &crypto, raw, sigs, &out, &why),
		want);
	assert_int_equal(why.code, want == VS_OK ? VS_REASON_NONE
	                                         : VS_REASON_SEAL_SIGNATURE);
}

/* S0.1 S0.20: neither scheme's signatures stand in for the other's */
static void both_schemes_must_reach_their_threshold(void **state)
{
	static const struct {
		const char *who;
		unsigned lms_threshold;
		vs_status want;
	} rows[] = {
		{"01a",  1, VS_OK         },
                {"b21",  1, VS_OK         },
		{"012",  1, VS_ERR_REFUSED},
                {"0ab",  1, VS_ERR_REFUSED},
		{"ab",   1, VS_ERR_REFUSED},
                {"",     1, VS_ERR_REFUSED},
		{"01",   0, VS_OK         },
                {"0ab",  0, VS_ERR_REFUSED},
		{"01a",  2, VS_ERR_REFUSED},
                {"01ba", 2, VS_OK         },
		{"12ab", 2, VS_OK         },
                {"1ab",  2, VS_ERR_REFUSED},
	};
	struct vs_keyring r = ring;
	struct vs_signatures sigs;

	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		r.lms_threshold = (uint16_t)rows[i].lms_threshold;
		sign(rows[i].who, raw, sizeof(raw), &sigs);
		assert_header(&r, &sigs, rows[i].want);
	}
}

/* S0.1: a key that signs with two leaves is one key still */
static void two_leaves_of_one_tree_count_once(void **state)
{
	struct vs_keyring r = ring;
	struct vs_signatures sigs;
	struct tree again;

	(void)state;
	r.lms_threshold = 2;
	sign("01a", raw, sizeof(raw), &sigs);
	again = trees[0];
	tree_sign(&again, raw, sizeof(raw), &sigs);
	assert_header(&r, &sigs, VS_ERR_REFUSED);
	/* nor does it count under the other tree's id */
	memcpy(sigs.at[3].key_id, trees[1].id, VS_SHA256_LEN);
	assert_header(&r, &sigs, VS_ERR_REFUSED);
}

/* S3.19 S3.41 */
static void every_flipped_bit_of_a_header_breaks_each_scheme(void **state)
{
	struct vs_signatures lms;
	struct vs_signatures sigs;

	(void)state;
	sign("a", raw, sizeof(raw), &lms);
	for (size_t bit = 0; bit < 8 * sizeof(raw); bit++) {
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
		/* The people sign what was altered: LMS alone must object. */
		sign("01", raw, sizeof(raw), &sigs);
		sigs.at[sigs.count++] = lms.at[0];
		assert_header(&ring, &sigs, VS_ERR_REFUSED);
		raw[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

static void a_signature_under_the_wrong_scheme_does_not_count(void **state)
{
	struct vs_signatures sigs;

	(void)state;
	sign("01a", raw, sizeof(raw), &sigs);
	assert_header(&ring, &sigs, VS_OK);
	sigs.at[2].scheme = VS_SCHEME_P256_SHA256;
	assert_header(&ring, &sigs, VS_ERR_REFUSED);
	sigs.at[2].scheme = VS_SCHEME_LMS_SHA256;
	sigs.at[2].len--;
	assert_header(&ring, &sigs, VS_ERR_REFUSED);
	sigs.at[2].len++;
	sigs.at[0].scheme = VS_SCHEME_LMS_SHA256;
	assert_header(&ring, &sigs, VS_ERR_REFUSED);
}

static size_t make_file(const struct vs_keyring *r, const char *who,
                        uint8_t file[static FILE_MAX])
{
	struct vs_signatures sigs;
	size_t body = 0;
	size_t len = 0;

	assert_int_equal(vs_keyring_encode(r, file, FILE_MAX, &body, NULL),
	                 VS_OK);
	sign(who, file, body, &sigs);
	assert_int_equal(
		vs_signatures_encode(&sigs, file + body, FILE_MAX - body, &len),
		VS_OK);
	return body + len;
}

static vs_status open_file(const struct vs_keyring *in_force,
                           const struct vs_keyring *next, const char *who,
                           struct vs_keyring *out)
{
	static uint8_t file[FILE_MAX];
	size_t len = make_file(next, who, file);

	return vs_keyring_open(in_force, &crypto, file, len, out, NULL);
}

/* S2.37 A2: from P-256 alone to both, and never back unsigned */
static void a_fleet_moves_to_lms_in_two_steps(void **state)
{
	struct vs_keyring first;
	struct vs_keyring known = ring;
	struct vs_keyring both = ring;
	struct vs_keyring back;
	struct vs_keyring out;

	(void)state;
	ring_fill(&first, people, PEOPLE, 2);
	known.version = 2;
	known.lms_threshold = 0;
	assert_int_equal(open_file(&first, &known, "01", &out), VS_OK);
	assert_int_equal(out.lms_threshold, 0);
	both.version = 3;
	assert_int_equal(open_file(&out, &both, "01", &back), VS_ERR_REFUSED);
	assert_int_equal(open_file(&out, &both, "01a", &out), VS_OK);
	assert_int_equal(out.lms_threshold, 1);
	/* Whoever breaks the curve alone cannot give LMS up again. */
	first.version = 4;
	assert_int_equal(open_file(&out, &first, "012", &back), VS_ERR_REFUSED);
	assert_int_equal(open_file(&out, &first, "01a", &back), VS_OK);
}

/* S0.1 S3.19: every bit of the file, of which any changes what it says */
static void a_hybrid_file_altered_or_cut_is_refused(void **state)
{
	static uint8_t file[FILE_MAX];
	struct vs_keyring out;
	size_t body = 0;
	size_t len = make_file(&ring, "01a", file);

	(void)state;
	assert_int_equal(
		vs_keyring_decode(&crypto, file, len, &out, &body, NULL),
		VS_OK);
	assert_int_equal(vs_keyring_open(NULL, &crypto, file, len, &out, NULL),
	                 VS_OK);
	for (size_t cut = 0; cut < len; cut++)
		assert_int_equal(
			vs_keyring_open(NULL, &crypto, file, cut, &out, NULL),
			VS_ERR_INPUT);
	for (size_t bit = 0; bit < 8 * body; bit++) {
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
		assert_int_not_equal(
			vs_keyring_open(NULL, &crypto, file, len, &out, NULL),
			VS_OK);
		file[bit / 8] ^= (uint8_t)(1u << bit % 8);
	}
}

/* tests/vectors/seal/keyring2.hex was made from the document alone */
static void the_body_is_the_one_of_the_document(void **state)
{
	uint8_t want[1024];
	uint8_t got[1024];
	struct vs_keyring r;
	size_t body = 0;
	size_t len = 0;
	size_t want_len = vector_load("keyring2.hex", want, sizeof(want));

	(void)state;
	assert_int_equal(
		vs_keyring_decode(&crypto, want, want_len, &r, &body, NULL),
		VS_OK);
	assert_int_equal(body, want_len);
	assert_int_equal(r.threshold, 2);
	assert_int_equal(r.lms_threshold, 1);
	assert_int_equal(r.key_count, 3);
	assert_int_equal(vs_keyring_encode(&r, got, sizeof(got), &len, NULL),
	                 VS_OK);
	assert_int_equal(len, want_len);
	assert_memory_equal(got, want, len);
}

static void assert_malformed(uint8_t *file, size_t len, size_t at,
                             uint8_t value)
{
	struct vs_keyring out;
	size_t body;
	uint8_t was = file[at];

	file[at] = value;
	assert_int_equal(
		vs_keyring_decode(&crypto, file, len, &out, &body, NULL),
		VS_ERR_INPUT);
	file[at] = was;
}

static void one_ring_has_one_encoding(void **state)
{
	uint8_t file[1024];
	uint8_t plain[1024];
	size_t len = vector_load("keyring2.hex", file, sizeof(file));
	size_t plain_len = vector_load("keyring.hex", plain, sizeof(plain));
	size_t lms_at = 0;

	(void)state;
	for (size_t i = 0; i < 3; i++)
		if (file[96 + i * 104 + 32] == VS_SCHEME_LMS_SHA256)
			lms_at = 96 + i * 104;
	assert_int_not_equal(lms_at, 0);
	assert_malformed(file, len, 8, 1);  /* version 1 with an LMS key */
	assert_malformed(file, len, 8, 3);  /* no such version */
	assert_malformed(file, len, 10, 3); /* more than the P-256 keys */
	assert_malformed(file, len, 10, 0);
	assert_malformed(file, len, 24, 2); /* more than the LMS keys */
	for (size_t at = 26; at < 32; at++)
		assert_malformed(file, len, at, 1);
	assert_malformed(file, len, lms_at + 32, 1); /* P-256 with 56 bytes */
	assert_malformed(file, len, lms_at + 32, 3); /* unknown scheme */
	assert_malformed(file, len, lms_at + 34, 55);
	assert_malformed(file, len, lms_at + 34, 65);
	for (size_t at = lms_at + 36 + 56; at < lms_at + 104; at++)
		assert_malformed(file, len, at, 1);
	/* A ring without LMS keys is of version 1 and asks for none. */
	assert_malformed(plain, plain_len, 8, 2);
	assert_malformed(plain, plain_len, 24, 1);
}

static void a_ring_nobody_can_use_is_not_encoded(void **state)
{
	uint8_t file[4096];
	struct vs_keyring r = ring;
	size_t tree = 0;
	size_t len;

	(void)state;
	while (r.keys[tree].scheme != VS_SCHEME_LMS_SHA256)
		tree++;
	r.lms_threshold = TREES + 1;
	assert_int_equal(vs_keyring_encode(&r, file, sizeof(file), &len, NULL),
	                 VS_ERR_INPUT);
	r = ring;
	r.threshold = PEOPLE + 1; /* fewer than the keys, more than people */
	assert_int_equal(vs_keyring_encode(&r, file, sizeof(file), &len, NULL),
	                 VS_ERR_INPUT);
	r = ring;
	r.keys[tree].point[VS_LMS_KEY_LEN] = 1;
	assert_int_equal(vs_keyring_encode(&r, file, sizeof(file), &len, NULL),
	                 VS_ERR_INPUT);
	r = ring;
	r.keys[tree].point[3] = 8; /* a tree of height 20 */
	assert_int_equal(vs_keyring_encode(&r, file, sizeof(file), &len, NULL),
	                 VS_ERR_INPUT);
	assert_int_equal(
		vs_keyring_encode(&ring, file, sizeof(file), &len, NULL),
		VS_OK);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(both_schemes_must_reach_their_threshold),
		cmocka_unit_test(two_leaves_of_one_tree_count_once),
		cmocka_unit_test(
			every_flipped_bit_of_a_header_breaks_each_scheme),
		cmocka_unit_test(
			a_signature_under_the_wrong_scheme_does_not_count),
		cmocka_unit_test(a_fleet_moves_to_lms_in_two_steps),
		cmocka_unit_test(a_hybrid_file_altered_or_cut_is_refused),
		cmocka_unit_test(the_body_is_the_one_of_the_document),
		cmocka_unit_test(one_ring_has_one_encoding),
		cmocka_unit_test(a_ring_nobody_can_use_is_not_encoded),
	};

	return cmocka_run_group_tests_name("seal hybrid", tests, begin, end);
}

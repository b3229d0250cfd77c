/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/tlog_test.c - a log on the disk: grown, cut, restored from old
 * copies, witnessed and proven.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/file.h"
#include "base/log.h"
#include "sign/tlog_head.h"
#include "tests/trust/log.h"
#include "trust/tlog.h"
#include "trust/witness.h"

static char folder[] = "/tmp/vs_tlog_XXXXXX";
static char dir[256];
static struct signer key, witness;
static struct vs_tlog *t;

/* The linker sends the log's writes here: all from number cut_at on fail. */
static unsigned writes, cut_at;

vs_status __real_vs_file_replace(const char *path, const void *in, size_t len,
                                 unsigned mode);
vs_status __wrap_vs_file_replace(const char *path, const void *in, size_t len,
                                 unsigned mode);

vs_status __wrap_vs_file_replace(const char *path, const void *in, size_t len,
                                 unsigned mode)
{
	if (cut_at && ++writes >= cut_at)
		return VS_ERR_IO;
	return __real_vs_file_replace(path, in, len, mode);
}

static int remove_one(const char *path, const struct stat *st, int flag,
                      struct FTW *where)
{
	(void)st, (void)flag, (void)where;
	return remove(path);
}

static void remove_tree(const char *path)
{
	if (access(path, F_OK) == 0)
		assert_int_equal(nftw(path, remove_one, 8, FTW_DEPTH), 0);
}

static void copy_tree(const char *from, const char *to)
{
	int status = 0;
	pid_t child = fork();

	assert_true(child >= 0);
	if (child == 0) {
		execlp("cp", "cp", "-r", from, to, (char *)NULL);
		_exit(127);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
}

static int group_set_up(void **state)
{
	(void)state;
	vs_log_init("tlog_test");
	if (!getenv("LOUD"))
		assert_non_null(
			freopen("/dev/null", "w", stderr)); /* said failures */
	assert_non_null(mkdtemp(folder));
	snprintf(dir, sizeof dir, "%s/log", folder);
	key = signer_make(LOG_ORIGIN, VS_NOTE_ED25519, 1);
	witness = signer_make("witness.example", VS_NOTE_COSIGNER, 2);
	return 0;
}

static int group_tear_down(void **state)
{
	(void)state;
	remove_tree(folder);
	signer_drop(&key);
	signer_drop(&witness);
	return 0;
}

static int set_up(void **state)
{
	(void)state;
	cut_at = 0;
	remove_tree(dir);
	assert_int_equal(vs_tlog_make(dir, &key.vkey), VS_OK);
	assert_int_equal(vs_tlog_open(dir, &t), VS_OK);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	vs_tlog_free(&t);
	return 0;
}

static void reopen(void)
{
	vs_tlog_free(&t);
	assert_int_equal(vs_tlog_open(dir, &t), VS_OK);
}

static size_t entry_of(uint64_t i, const char *tag, char out[static 64])
{
	return (size_t)snprintf(out, 64, "%s %u", tag, (unsigned)i);
}

static vs_status add(uint64_t n, const char *tag)
{
	vs_status status = VS_OK;
	char entry[64];
	uint64_t index;

	for (uint64_t i = 0; i < n && !status; i++) {
		uint64_t at = t->edge.size;
		size_t len = entry_of(at, tag, entry);

		status = vs_tlog_append(t, entry, len, &index);
		assert_true(status || index == at);
	}
	return status ? status : vs_tlog_sync(t);
}

static vs_status compare(void *ctx, uint64_t index, const uint8_t *entry,
                         size_t len)
{
	uint64_t *count = ctx;
	char want[64];

	assert_int_equal(index, *count);
	assert_int_equal(len, entry_of(index, "entry", want));
	assert_memory_equal(entry, want, len);
	++*count;
	return VS_OK;
}

/* The log is just these n entries, by bundles, by tiles and by its edge. */
static void is_just(uint64_t n)
{
	struct vs_merkle_edge edge = {0};
	struct vs_hash leaf, want, got;
	uint64_t count = 0;
	char entry[64];

	for (uint64_t i = 0; i < n; i++) {
		assert_int_equal(vs_merkle_leaf(entry,
		                                entry_of(i, "entry", entry),
		                                &leaf),
		                 VS_OK);
		assert_int_equal(vs_merkle_append(&edge, &leaf), VS_OK);
	}
	assert_int_equal(vs_merkle_edge_root(&edge, &want), VS_OK);
	assert_int_equal(t->edge.size, n);
	assert_int_equal(t->synced, n);
	assert_int_equal(vs_merkle_edge_root(&t->edge, &got), VS_OK);
	assert_memory_equal(&want, &got, sizeof got);
	const struct vs_merkle_source source = vs_tlog_source(t, n);
	assert_int_equal(vs_merkle_root(&source, n, &got), VS_OK);
	assert_memory_equal(&want, &got, sizeof got);
	assert_int_equal(vs_tlog_each(t, compare, &count), VS_OK);
	assert_int_equal(count, n);
}

static void a_log_grows_over_the_ends_of_tiles(void **state)
{
	static const uint64_t steps[] = {1, 1, 7, 246, 1, 1, 254, 1, 88, 500};
	uint64_t size = 0;

	(void)state;
	is_just(0);
	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		assert_int_equal(add(steps[i], "entry"), VS_OK);
		size += steps[i];
		is_just(size);
		reopen();
		is_just(size);
	}
}

/* Whatever write a cut comes before, the log is the old one or the new one,
 * and goes on from there. */
static void a_cut_before_any_write_leaves_the_old_log_or_the_new(void **state)
{
	static const uint64_t starts[] = {0, 3, 250, 255, 256, 511};

	(void)state;
	for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
		bool done = false;

		for (unsigned cut = 1; !done; cut++) {
			vs_tlog_free(&t);
			set_up(NULL);
			assert_int_equal(add(starts[i], "entry"), VS_OK);
			writes = 0;
			cut_at = cut;
			done = add(9, "other") == VS_OK;
			cut_at = 0;
			if (done)
				continue;
			reopen();
			is_just(starts[i]);
			assert_int_equal(add(300, "entry"), VS_OK);
			reopen();
			is_just(starts[i] + 300);
		}
	}
}

static void a_log_whose_files_were_altered_is_not_opened(void **state)
{
	static const char *const files[] = {"tile/0/000", "tile/0/001.p/44",
	                                    "tile/1/000.p/1"};
	char path[512];

	(void)state;
	assert_int_equal(add(300, "entry"), VS_OK);
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		FILE *f;
		int c;

		snprintf(path, sizeof path, "%s/%s", dir, files[i]);
		f = fopen(path, "r+b");
		assert_non_null(f);
		c = fgetc(f);
		rewind(f);
		fputc(c ^ 1, f);
		fclose(f);
		vs_tlog_free(&t);
		/* a whole tile is only read where it is needed: through its
		 * hash one level up */
		assert_int_equal(vs_tlog_open(dir, &t),
		                 i == 0 ? VS_OK : VS_ERR_REFUSED);
		f = fopen(path, "r+b");
		assert_non_null(f);
		fputc(c, f);
		fclose(f);
	}
	reopen();
	is_just(300);
}

static void a_second_log_is_not_made_over_the_first(void **state)
{
	(void)state;
	assert_int_equal(add(3, "entry"), VS_OK);
	assert_int_equal(vs_tlog_make(dir, &witness.vkey), VS_ERR_STATE);
	reopen();
	is_just(3);
}

static void where_there_is_no_log_none_is_opened(void **state)
{
	struct vs_tlog *none;
	char path[300];

	(void)state;
	snprintf(path, sizeof path, "%s/none", folder);
	assert_int_equal(vs_tlog_open(path, &none), VS_ERR_ABSENT);
	vs_tlog_free(&none);
}

static vs_status sign(bool *published)
{
	return vs_tlog_checkpoint(t, key.pkey, published);
}

static uint64_t published_size(void)
{
	struct vs_tlog_head head;
	vs_status status = vs_tlog_published(t, &head);
	uint64_t size = status ? UINT64_MAX : head.checkpoint.head.size;

	assert_true(!status || status == VS_ERR_ABSENT);
	vs_tlog_head_drop(&head);
	return size;
}

static void a_checkpoint_is_published_at_once_without_a_policy(void **state)
{
	bool published;

	(void)state;
	assert_true(published_size() == UINT64_MAX);
	assert_int_equal(sign(&published), VS_OK); /* of nothing */
	assert_true(published);
	assert_true(published_size() == 0);
	assert_int_equal(add(5, "entry"), VS_OK);
	assert_true(published_size() == 0);
	assert_int_equal(sign(&published), VS_OK);
	assert_true(published_size() == 5);
	assert_int_equal(sign(&published), VS_OK); /* again, the same */
	assert_true(published_size() == 5);
}

static void another_key_does_not_sign(void **state)
{
	bool published;

	(void)state;
	assert_int_equal(vs_tlog_checkpoint(t, witness.pkey, &published),
	                 VS_ERR_REFUSED);
	assert_true(published_size() == UINT64_MAX);
}

/* Tiles and state out of an old copy, and the newest checkpoint. */
static void restore(const char *copy)
{
	char path[512], to[512];

	snprintf(to, sizeof to, "%s/tile", dir);
	remove_tree(to);
	snprintf(path, sizeof path, "%s/tile", copy);
	copy_tree(path, to);
	snprintf(path, sizeof path, "%s/state", copy);
	snprintf(to, sizeof to, "%s/state", dir);
	copy_tree(path, to);
	reopen();
}

static void an_old_copy_of_a_log_never_signs_again(void **state)
{
	char copy[300];
	bool published;

	(void)state;
	snprintf(copy, sizeof copy, "%s/copy", folder);
	assert_int_equal(add(5, "entry"), VS_OK);
	assert_int_equal(sign(&published), VS_OK);
	copy_tree(dir, copy);
	assert_int_equal(add(4, "entry"), VS_OK);
	assert_int_equal(sign(&published), VS_OK);

	restore(copy);
	is_just(5);
	assert_int_equal(sign(&published), VS_ERR_REFUSED); /* truncated */
	assert_int_equal(add(4, "other"), VS_OK);
	assert_int_equal(sign(&published), VS_ERR_REFUSED); /* forked */
	assert_int_equal(add(4, "other"), VS_OK);
	assert_int_equal(sign(&published), VS_ERR_REFUSED);
	assert_true(published_size() == 9);
	/* with the same entries it is the same log */
	restore(copy);
	assert_int_equal(add(4, "entry"), VS_OK);
	assert_int_equal(sign(&published), VS_OK);
	remove_tree(copy);
}

static char policy_text[1024];

static void write_policy(void)
{
	char log_vkey[VS_VKEY_LEN], vkey[VS_VKEY_LEN], path[300];
	int len;

	vs_vkey_encode(&key.vkey, log_vkey);
	vs_vkey_encode(&witness.vkey, vkey);
	len = snprintf(policy_text, sizeof policy_text,
	               "log %s\nwitness w %s\nquorum w\n", log_vkey, vkey);
	snprintf(path, sizeof path, "%s/policy", dir);
	assert_int_equal(
		__real_vs_file_replace(path, policy_text, (size_t)len, 0644),
		VS_OK);
}

/* What a witness would answer to a request. */
static struct vs_text answer_of(const struct vs_text *request,
                                const struct signer *w)
{
	struct vs_text out = text_make(4096);
	struct signer copy = *w;
	struct vs_witness_request r;
	struct vs_note note;

	assert_int_equal(vs_witness_parse(request->at, request->len, &r, NULL),
	                 VS_OK);
	assert_int_equal(
		vs_note_parse(r.checkpoint.at, r.checkpoint.len, &note, NULL),
		VS_OK);
	assert_int_equal(vs_cosign_add(&note, &w->vkey, 1700000000, signer_sign,
	                               &copy, &out),
	                 VS_OK);
	return out;
}

static void witness_it(void)
{
	struct vs_text request, answer;
	size_t added;
	bool published;

	assert_int_equal(vs_tlog_request(t, 0, &request), VS_OK);
	answer = answer_of(&request, &witness);
	assert_int_equal(
		vs_tlog_cosign(t, answer.at, answer.len, &added, &published),
		VS_OK);
	assert_int_equal(added, 1);
	assert_true(published);
	free(request.at);
}

static void a_checkpoint_waits_for_its_witnesses(void **state)
{
	struct signer stranger =
		signer_make("stranger.example", VS_NOTE_COSIGNER, 9);
	struct vs_text request, answer;
	size_t added;
	bool published;

	(void)state;
	write_policy();
	assert_int_equal(add(5, "entry"), VS_OK);
	assert_int_equal(sign(&published), VS_OK);
	assert_false(published);
	assert_true(published_size() == UINT64_MAX);
	assert_int_equal(vs_tlog_request(t, 0, &request), VS_OK);

	/* a stranger's line is left out, a known witness's bad one refused */
	answer = answer_of(&request, &stranger);
	assert_int_equal(
		vs_tlog_cosign(t, answer.at, answer.len, &added, &published),
		VS_OK);
	assert_int_equal(added, 0);
	assert_false(published);
	answer = answer_of(&request, &witness);
	answer.at[40] = answer.at[40] == 'A' ? 'B' : 'A';
	assert_int_equal(
		vs_tlog_cosign(t, answer.at, answer.len, &added, &published),
		VS_ERR_REFUSED);
	assert_int_equal(vs_tlog_cosign(t, "x\n", 2, &added, &published),
	                 VS_ERR_INPUT);
	assert_true(published_size() == UINT64_MAX);

	witness_it();
	assert_true(published_size() == 5);
	/* once more changes nothing */
	answer = answer_of(&request, &witness);
	assert_int_equal(
		vs_tlog_cosign(t, answer.at, answer.len, &added, &published),
		VS_OK);
	assert_int_equal(added, 0);
	assert_true(published);

	/* the next one waits, and the old one stays published meanwhile */
	assert_int_equal(add(4, "entry"), VS_OK);
	assert_int_equal(sign(&published), VS_OK);
	assert_false(published);
	assert_true(published_size() == 5);
	assert_int_equal(add(1, "entry"), VS_OK);
	assert_int_equal(sign(&published), VS_OK);
	witness_it();
	assert_true(published_size() == 10);
	free(request.at);
	signer_drop(&stranger);
}

static void add_leaf(unsigned number)
{
	struct vs_leaf leaf = leaf_make(number);
	uint64_t index;
	size_t len;
	char *entry;

	assert_int_equal(vs_leaf_encode(&leaf, &entry, &len, NULL), VS_OK);
	assert_int_equal(vs_tlog_append(t, entry, len, &index), VS_OK);
	assert_int_equal(vs_tlog_sync(t), VS_OK);
	free(entry);
}

/* From the signing room to a charger that keeps any earlier checkpoint. */
static void proofs_satisfy_a_charger_whatever_it_kept(void **state)
{
	static struct vs_tlog_policy policy;
	struct vs_tlog_head heads[12];
	struct vs_text proof;
	struct vs_tlog_verdict v;
	struct vs_why why;
	bool published;

	(void)state;
	write_policy();
	assert_int_equal(vs_tlog_policy_parse(policy_text, strlen(policy_text),
	                                      &policy, NULL),
	                 VS_OK);
	for (unsigned i = 0; i < 12; i++) {
		add_leaf(i);
		assert_int_equal(sign(&published), VS_OK);
		witness_it();
		assert_int_equal(vs_tlog_published(t, &heads[i]), VS_OK);
	}
	for (unsigned i = 0; i < 12; i++) {
		struct vs_leaf want = leaf_make(i), leaf;
		uint64_t index;

		assert_int_equal(
			vs_tlog_find(t, want.seal_sha256, &index, &leaf),
			VS_OK);
		assert_int_equal(index, i);
		assert_memory_equal(&leaf, &want, sizeof leaf);
		assert_int_equal(vs_tlog_prove(t, index, &leaf, 0, &proof),
		                 VS_OK);
		for (unsigned kept = 0; kept < 12; kept++) {
			const struct vs_tlog_question q = {
				proof.at, proof.len,         &want,
				&policy,  heads[kept].bytes, heads[kept].len,
				NULL};

			if (vs_tlog_judge(&q, &v, &why))
				fail_msg("%u after %u: %s", i, kept, why.what);
			assert_int_equal(v.checkpoint.head.size, 12);
		}
		free(proof.at);
	}
	for (unsigned i = 0; i < 12; i++)
		vs_tlog_head_drop(&heads[i]);
}

/* Of many checkpoints the newest are linked, and one that is asked for. */
static void an_old_charger_is_served_by_a_link_from_its_size(void **state)
{
	struct vs_leaf leaf = leaf_make(0);
	struct vs_merkle_proof link;
	struct vs_proof p;
	struct vs_evidence e;
	struct vs_text proof;
	bool published;

	(void)state;
	for (unsigned i = 0; i < 40; i++) {
		add_leaf(i);
		assert_int_equal(sign(&published), VS_OK);
	}
	for (uint64_t from = 0; from < 4; from += 3) {
		uint8_t extra[65536];
		size_t len;

		assert_int_equal(vs_tlog_prove(t, 0, &leaf, from, &proof),
		                 VS_OK);
		assert_int_equal(vs_proof_parse(proof.at, proof.len, &p, NULL),
		                 VS_OK);
		assert_int_equal(
			vs_span_base64(&p.extra, extra, sizeof extra, &len),
			VS_OK);
		assert_int_equal(vs_evidence_decode(extra, len, &e, NULL),
		                 VS_OK);
		assert_int_equal(vs_evidence_link(&e, 3, &link),
		                 from ? VS_OK : VS_ERR_ABSENT);
		assert_int_equal(vs_evidence_link(&e, 7, &link), VS_ERR_ABSENT);
		assert_int_equal(vs_evidence_link(&e, 8, &link), VS_OK);
		assert_int_equal(vs_evidence_link(&e, 39, &link), VS_OK);
		vs_evidence_drop(&e);
		free(proof.at);
	}
	assert_int_equal(vs_tlog_prove(t, 40, &leaf, 0, &proof), VS_ERR_STATE);
	assert_int_equal(vs_tlog_prove(t, 0, &leaf, 41, &proof), VS_ERR_STATE);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_log_grows_over_the_ends_of_tiles),
		TEST(a_cut_before_any_write_leaves_the_old_log_or_the_new),
		TEST(a_log_whose_files_were_altered_is_not_opened),
		TEST(a_second_log_is_not_made_over_the_first),
		TEST(where_there_is_no_log_none_is_opened),
		TEST(a_checkpoint_is_published_at_once_without_a_policy),
		TEST(another_key_does_not_sign),
		TEST(an_old_copy_of_a_log_never_signs_again),
		TEST(a_checkpoint_waits_for_its_witnesses),
		TEST(proofs_satisfy_a_charger_whatever_it_kept),
		TEST(an_old_charger_is_served_by_a_link_from_its_size),
	};

	return cmocka_run_group_tests_name("tlog", tests, group_set_up,
	                                   group_tear_down);
}

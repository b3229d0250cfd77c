/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/sign/lmskey_test.c - in which order a key's folder reaches the disk.
 *
 * Kills cannot show a missing fsync: here every write, fsync and rename is
 * noted, and each can fail.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "sign/lmskey.h"

/* w0, w1: the state's copies; s: fsync of a file; d: of a folder; r: rename */
static char events[512];
static int fail_at; /* the change that fails; 0: none */
static int changes;

static bool happens(const char *what)
{
	strncat(events, what, sizeof events - strlen(events) - 1);
	return ++changes != fail_at;
}

vs_status __real_vs_file_pwrite(int fd, const void *in, size_t len,
                                uint64_t at);
vs_status __wrap_vs_file_pwrite(int fd, const void *in, size_t len,
                                uint64_t at);
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);

vs_status __wrap_vs_file_pwrite(int fd, const void *in, size_t len, uint64_t at)
{
	if (!happens(at ? "w1 " : "w0 "))
		return VS_ERR_IO;
	return __real_vs_file_pwrite(fd, in, len, at);
}

int __wrap_fsync(int fd)
{
	struct stat st;

	if (!happens(fstat(fd, &st) == 0 && S_ISDIR(st.st_mode) ? "d " : "s "))
		return -1;
	return __real_fsync(fd);
}

int __wrap_rename(const char *from, const char *to)
{
	if (!happens("r "))
		return -1;
	return __real_rename(from, to);
}

static void forget(int fail)
{
	events[0] = 0;
	changes = 0;
	fail_at = fail;
}

struct place {
	char dir[64], key[128], other[128];
};

static const char pass[] = "a passphrase of tests";

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	struct vs_lmspub pub;

	*state = p;
	if (!p)
		return -1;
	snprintf(p->dir, sizeof p->dir, "%s", "/tmp/vs-lmskey-XXXXXX");
	if (!mkdtemp(p->dir))
		return -1;
	snprintf(p->key, sizeof p->key, "%s/key", p->dir);
	snprintf(p->other, sizeof p->other, "%s/other", p->dir);
	forget(0);
	return vs_lmskey_make(
		&(struct vs_lmskey_new){p->key, "alice", "lms", 5, pass}, &pub);
}

static void empty(const char *dir)
{
	static const char *const names[] = {"seed", "tree", "public.json",
	                                    "leaves"};
	char path[256];

	for (size_t i = 0; i < 4; i++) {
		snprintf(path, sizeof path, "%s/%s", dir, names[i]);
		unlink(path);
	}
	rmdir(dir);
}

static int teardown(void **state)
{
	struct place *p = *state;

	empty(p->key);
	empty(p->other);
	rmdir(p->dir);
	free(p);
	return 0;
}

static void open_key(const char *dir, struct vs_lmskey *key)
{
	assert_int_equal(vs_lmskey_open(dir, key), VS_OK);
	assert_int_equal(vs_lmskey_unlock(key, pass), VS_OK);
}

static vs_status sign(struct vs_lmskey *key, uint32_t *leaf)
{
	uint8_t sig[VS_LMS_SIG_LEN_MAX];
	size_t len;
	vs_status status = vs_lmskey_sign(key, "message", 7, sig, &len);

	if (status)
		return status;
	assert_int_equal(vs_lms_verify(&key->crypto, key->pub.key,
	                               (const uint8_t *)"message", 7, sig, len),
	                 VS_OK);
	*leaf = sig[3];
	return VS_OK;
}

static void a_new_state_is_durable_before_its_folder_has_its_name(void **state)
{
	struct place *p = *state;

	(void)p;
	/* two copies, their folder, the name, the folder above */
	assert_non_null(strstr(events, "w0 s w1 s d r d "));
	assert_string_equal(strstr(events, "w0 s w1 s d r d "),
	                    "w0 s w1 s d r d ");
}

/* S3.35 S0.43 */
static void both_copies_are_durable_before_a_signature_is_out(void **state)
{
	struct place *p = *state;
	struct vs_lmskey key;
	uint32_t leaf;

	open_key(p->key, &key);
	forget(0);
	assert_int_equal(sign(&key, &leaf), VS_OK);
	assert_string_equal(events, "w1 s w0 s ");
	forget(0);
	assert_int_equal(sign(&key, &leaf), VS_OK);
	assert_int_equal(strlen(events), 10);
	vs_lmskey_drop(&key);
}

/* S3.35: each write and fsync of a signature fails once */
static void a_failing_write_or_fsync_gives_no_signature(void **state)
{
	struct place *p = *state;
	bool out[32] = {false};

	for (int nth = 1; nth <= 4; nth++) {
		struct vs_lmskey key;
		uint32_t leaf = 0;

		open_key(p->key, &key);
		forget(nth);
		assert_int_equal(sign(&key, &leaf), VS_ERR_IO);
		/* nor does the same process go on with what it assumes */
		forget(0);
		assert_int_equal(sign(&key, &leaf), VS_ERR_STATE);
		assert_string_equal(events, "");
		vs_lmskey_drop(&key);
		open_key(p->key, &key);
		assert_int_equal(sign(&key, &leaf), VS_OK);
		assert_false(out[leaf]);
		out[leaf] = true;
		vs_lmskey_drop(&key);
	}
}

static void leaves_are_gone_here_before_they_are_there(void **state)
{
	struct place *p = *state;
	struct vs_lmskey key;

	assert_int_equal(vs_lmskey_open(p->key, &key), VS_OK);
	forget(0);
	assert_int_equal(vs_lmskey_reserve(&key, 3, p->other), VS_OK);
	vs_lmskey_drop(&key);
	/* taken here; then the new state, its folder, its name */
	assert_non_null(strstr(events, "w1 s w0 s w0 s w1 s d r d "));
}

/* S3.35 S0.43: each change of a reserve fails once */
static void a_failing_reserve_has_no_leaf_in_two_folders(void **state)
{
	struct place *p = *state;
	uint32_t before = 0;
	int nth = 0;
	vs_status status;

	do {
		struct vs_lmskey key, there;

		assert_int_equal(vs_lmskey_open(p->key, &key), VS_OK);
		forget(++nth);
		status = vs_lmskey_reserve(&key, 1, p->other);
		forget(0);
		vs_lmskey_drop(&key);
		assert_int_equal(vs_lmskey_open(p->key, &key), VS_OK);
		assert_true(key.leaf.next >= before);
		before = key.leaf.next;
		vs_lmskey_drop(&key);
		if (access(p->other, F_OK) == 0) {
			assert_int_equal(vs_lmskey_open(p->other, &there),
			                 VS_OK);
			assert_true(there.leaf.end <= before);
			vs_lmskey_drop(&there);
			empty(p->other);
		}
	} while (status);
	assert_true(nth > 8);
}

static void
every_signature_has_a_leaf_of_its_own_until_the_key_ends(void **state)
{
	struct place *p = *state;
	struct vs_lmskey key;
	uint32_t leaf;

	open_key(p->key, &key);
	for (uint32_t i = 0; i < 32; i++) {
		assert_int_equal(vs_lmskey_left(&key), 32 - i);
		assert_int_equal(sign(&key, &leaf), VS_OK);
		assert_int_equal(leaf, i);
	}
	assert_int_equal(sign(&key, &leaf), VS_ERR_LIMIT);
	vs_lmskey_drop(&key);
	open_key(p->key, &key);
	assert_int_equal(sign(&key, &leaf), VS_ERR_LIMIT);
	vs_lmskey_drop(&key);
}

static void one_process_at_a_time_has_the_key(void **state)
{
	struct place *p = *state;
	struct vs_lmskey key, again;

	assert_int_equal(vs_lmskey_open(p->key, &key), VS_OK);
	assert_int_equal(vs_lmskey_open(p->key, &again), VS_ERR_STATE);
	vs_lmskey_drop(&again);
	vs_lmskey_drop(&key);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(a_new_state_is_durable_before_its_folder_has_its_name),
		T(both_copies_are_durable_before_a_signature_is_out),
		T(a_failing_write_or_fsync_gives_no_signature),
		T(leaves_are_gone_here_before_they_are_there),
		T(a_failing_reserve_has_no_leaf_in_two_folders),
		T(every_signature_has_a_leaf_of_its_own_until_the_key_ends),
		T(one_process_at_a_time_has_the_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}

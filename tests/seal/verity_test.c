/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/seal/verity_test.c - veritysetup as the outside judge of our slots.
 *
 * Ten slots are laid out as an install lays them out; Debian's veritysetup
 * makes the same tree and root hash, accepts the slot, and refuses it with a
 * byte changed.  Without the tool the test fails: it is not skipped.
 */
#include "seal/slot.h"
#include "tests/seal/fixture.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TOOL "/usr/sbin/veritysetup"
#define OUTPUT_MAX 4096

/* S0.16: sizes that are not a power of two, and every number of levels */
static const uint64_t sizes[] = {
	1,                          /* no level */
	4096,                       /* no level, no padding */
	4097,                       /* one level */
	100000,                     /* one level, padded */
	128 * 4096,                 /* one full leaf block */
	128 * 4096 + 1,             /* two levels */
	500 * 4096,                 /* two levels, four leaf blocks */
	UINT64_C(1000) * 4096 - 17, /* two levels, padded */
	UINT64_C(16384) * 4096,     /* two full levels */
	UINT64_C(16384) * 4096 + 1, /* three levels */
};

static struct vs_crypto crypto;
static char folder[64];

static int begin(void **state)
{
	(void)state;
	if (snprintf(folder, sizeof(folder), "%s", "/tmp/vs-verity-XXXXXX") <
	            0 ||
	    !mkdtemp(folder) || chdir(folder) != 0)
		return -1;
	return vs_openssl_init(&crypto) == VS_OK ? 0 : -1;
}

static int end(void **state)
{
	(void)state;
	vs_openssl_drop(&crypto);
	unlink("slot");
	unlink("tree");
	return chdir("/") || rmdir(folder);
}

/* Runs veritysetup and gives its exit code and what it printed. */
static int run(char *const argv[], char out[static OUTPUT_MAX])
{
	posix_spawn_file_actions_t actions;
	char *const env[] = {NULL};
	size_t len = 0;
	ssize_t n;
	int fds[2];
	int status;
	pid_t pid;

	assert_int_equal(pipe(fds), 0);
	assert_int_equal(posix_spawn_file_actions_init(&actions), 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fds[1], 1),
	                 0);
	assert_int_equal(posix_spawn_file_actions_adddup2(&actions, fds[1], 2),
	                 0);
	assert_int_equal(posix_spawn_file_actions_addclose(&actions, fds[0]),
	                 0);
	assert_int_equal(posix_spawn(&pid, TOOL, &actions, NULL, argv, env), 0);
	posix_spawn_file_actions_destroy(&actions);
	close(fds[1]);
	while ((n = read(fds[0], out + len, OUTPUT_MAX - 1 - len)) > 0)
		len += (size_t)n;
	close(fds[0]);
	out[len] = 0;
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

/* One slot in the making: header, tree, and the files' names and numbers as
 * veritysetup wants them.
 */
struct sample {
	struct vs_seal_header h;
	struct vs_tree t;
	struct vs_slot_layout at;
	uint8_t *tree;
	char salt[80];
	char blocks[48];
	char offset[48];
	char root[2 * VS_SHA256_LEN + 1];
};

static void hex(const uint8_t *in, size_t len, char *out)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(snprintf(out + 2 * i, 3, "%02x", in[i]), 2);
}

/* Writes the image into "slot", cluster by cluster, and derives the tree. */
static void write_image(struct sample *s, int fd)
{
	uint8_t *data = malloc(VS_CLUSTER_LEN);
	size_t len;

	assert_non_null(data);
	for (uint64_t i = 0; i < s->t.clusters; i++) {
		len = vs_tree_cluster_len(&s->t, i);
		noise(data, len, s->h.image_len + i);
		assert_int_equal(
			pwrite(fd, data, len, (off_t)(i * VS_CLUSTER_LEN)),
			len);
		assert_int_equal(vs_tree_hash_cluster(
					 &crypto, s->h.salt, data, len,
					 s->tree + vs_tree_leaves_at(&s->t, i)),
		                 VS_OK);
	}
	free(data);
	assert_int_equal(vs_tree_finish(&s->t, &crypto, s->h.salt, s->tree,
	                                s->h.root_hash),
	                 VS_OK);
}

static void write_footer(const struct sample *s, int fd)
{
	static uint8_t footer[VS_SLOT_FOOTER_LEN];
	struct vs_signatures none = {0};
	uint8_t raw[VS_SEAL_HEADER_LEN];

	assert_int_equal(vs_seal_header_encode(&s->h, raw, NULL), VS_OK);
	assert_int_equal(vs_slot_footer_encode(raw, &none, footer), VS_OK);
	assert_int_equal(
		pwrite(fd, footer, sizeof(footer), (off_t)s->at.footer_at),
		sizeof(footer));
}

static void sample_init(struct sample *s, uint64_t image_len)
{
	uint64_t slot_len;
	int fd = open("slot", O_CREAT | O_TRUNC | O_RDWR, 0600);

	assert_true(fd >= 0);
	memset(s, 0, sizeof(*s));
	header_fill(&s->h);
	s->h.image_len = image_len;
	assert_int_equal(vs_tree_init(&s->t, image_len), VS_OK);
	slot_len = s->t.blocks * VS_BLOCK_LEN + s->t.len + 65536;
	assert_int_equal(vs_slot_layout(&s->t, slot_len, &s->at, NULL), VS_OK);
	s->tree = calloc(1, (size_t)s->t.len + VS_BLOCK_LEN);
	assert_non_null(s->tree);
	assert_int_equal(ftruncate(fd, (off_t)slot_len), 0);
	write_image(s, fd);
	assert_int_equal(
		pwrite(fd, s->tree, (size_t)s->t.len, (off_t)s->at.tree_at),
		s->t.len);
	write_footer(s, fd);
	assert_int_equal(close(fd), 0);
	memcpy(s->salt, "--salt=", 7);
	hex(s->h.salt, VS_SALT_LEN, s->salt + 7);
	hex(s->h.root_hash, VS_SHA256_LEN, s->root);
	assert_true(snprintf(s->blocks, sizeof(s->blocks), "--data-blocks=%llu",
	                     (unsigned long long)s->t.blocks) > 0);
	assert_true(snprintf(s->offset, sizeof(s->offset), "--hash-offset=%llu",
	                     (unsigned long long)s->at.tree_at) > 0);
}

static char *word(const char *s)
{
	union {
		const char *in;
		char *out;
	} u = {.in = s};

	return u.out; /* posix_spawn takes char *, and leaves it alone */
}

/* veritysetup makes a tree of its own from the same data: the same bytes */
static void assert_same_tree(const struct sample *s)
{
	char *const argv[] = {word(TOOL),
	                      word("format"),
	                      word("slot"),
	                      word("tree"),
	                      word("--no-superblock"),
	                      word("--format=1"),
	                      word("--hash=sha256"),
	                      word("--data-block-size=4096"),
	                      word("--hash-block-size=4096"),
	                      word(s->salt),
	                      word(s->blocks),
	                      NULL};
	char out[OUTPUT_MAX];
	uint8_t *theirs = malloc((size_t)s->t.len + 1);
	int fd;

	assert_non_null(theirs);
	unlink("tree");
	assert_int_equal(run(argv, out), 0);
	assert_non_null(strstr(out, s->root));
	fd = open("tree", O_RDONLY);
	assert_true(fd >= 0);
	assert_int_equal(read(fd, theirs, (size_t)s->t.len + 1), s->t.len);
	assert_memory_equal(theirs, s->tree, (size_t)s->t.len);
	assert_int_equal(close(fd), 0);
	free(theirs);
}

/* veritysetup's verdict over data and tree as they lie in our slot */
static int judge(const struct sample *s)
{
	char *const argv[] = {word(TOOL),
	                      word("verify"),
	                      word("slot"),
	                      word("slot"),
	                      word(s->root),
	                      word("--no-superblock"),
	                      word("--format=1"),
	                      word("--hash=sha256"),
	                      word("--data-block-size=4096"),
	                      word("--hash-block-size=4096"),
	                      word(s->salt),
	                      word(s->blocks),
	                      word(s->offset),
	                      NULL};
	char out[OUTPUT_MAX];

	return run(argv, out);
}

/* Flips the byte at an offset of "slot". */
static void flip(uint64_t at)
{
	uint8_t byte;
	int fd = open("slot", O_RDWR);

	assert_true(fd >= 0);
	assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
	byte ^= 0x10;
	assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
	assert_int_equal(close(fd), 0);
}

static void veritysetup_makes_and_accepts_our_ten_trees(void **state)
{
	struct sample s;

	(void)state;
	for (size_t i = 0; i < sizeof(sizes) / sizeof(sizes[0]); i++) {
		sample_init(&s, sizes[i]);
		assert_same_tree(&s);
		assert_int_equal(judge(&s), 0);
		free(s.tree);
	}
}

/* S0.16 */
static void veritysetup_and_we_refuse_the_same_changed_byte(void **state)
{
	struct sample s;
	uint8_t leaves[VS_BLOCK_LEN];
	static uint8_t data[VS_CLUSTER_LEN];
	int fd;

	(void)state;
	sample_init(&s, sizes[6]);
	flip(VS_CLUSTER_LEN + 5);
	assert_int_not_equal(judge(&s), 0);
	fd = open("slot", O_RDONLY);
	assert_true(fd >= 0);
	for (uint64_t i = 0; i < s.t.clusters; i++) {
		assert_int_equal(pread(fd, data, vs_tree_cluster_len(&s.t, i),
		                       (off_t)(i * VS_CLUSTER_LEN)),
		                 vs_tree_cluster_len(&s.t, i));
		assert_int_equal(vs_tree_check_cluster(&s.t, &crypto, &s.h,
		                                       s.tree, i, data, leaves,
		                                       NULL),
		                 i == 1 ? VS_ERR_REFUSED : VS_OK);
	}
	assert_int_equal(close(fd), 0);
	flip(VS_CLUSTER_LEN + 5);
	assert_int_equal(judge(&s), 0);
	flip(s.at.tree_at + 3);
	assert_int_not_equal(judge(&s), 0);
	free(s.tree);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(veritysetup_makes_and_accepts_our_ten_trees),
		cmocka_unit_test(
			veritysetup_and_we_refuse_the_same_changed_byte),
	};

	return cmocka_run_group_tests_name("seal verity", tests, begin, end);
}

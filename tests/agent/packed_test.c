/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/packed_test.c - deltas of packed images in the real
 * voltseal-unpack: it packs on two cores, or one, and needs no system call
 * that it has not got, whatever the delta is.
 *
 * S0.31 S1.17
 */
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "agent/install/unpack.h"
#include "tests/delta/tree.h"

struct packed_pair {
	struct bytes was, is, delta;
	int old; /* was, for reading */
};

static struct bytes image_of(const struct tree *t, const char *packer)
{
	static const char *const erofs[] = {
		"/usr/bin/mkfs.erofs",
		"-zlz4hc,12",
		"-C65536",
		"-T",
		"1700000000",
		"-U",
		"4ea5ee68-fea0-5586-1068-90ded5733820",
		"IMAGE",
		"TREE",
		NULL};
	const char *const words[] = {"/usr/bin/mksquashfs",
	                             "TREE",
	                             "IMAGE",
	                             "-comp",
	                             packer,
	                             "-b",
	                             "32768",
	                             "-noappend",
	                             "-all-root",
	                             "-no-xattrs",
	                             "-processors",
	                             "1",
	                             "-all-time",
	                             "1700000000",
	                             "-mkfs-time",
	                             "1700000000",
	                             NULL};

	return tree_image(t, strcmp(packer, "lz4hc") == 0 ? erofs : words);
}

static void pair_init(struct packed_pair *p, const char *packer)
{
	char path[] = "/tmp/vs-packed-XXXXXX";
	uint32_t seed = 3;
	struct tree t;

	*p = (struct packed_pair){.old = -1};
	tree_init(&t, 1, NULL);
	p->was = image_of(&t, packer);
	for (size_t i = 0; i < TREE_FILES; i++)
		if (t.files[i].bytes.len > 4)
			t.files[i].bytes.data[1] ^= 1;
	tree_edit(&t, &seed, 10);
	p->is = image_of(&t, packer);
	tree_drop(&t);
	assert_int_equal(make_delta(&p->was, &p->is, &p->delta, NULL), VS_OK);
	close(mkstemp(path));
	save(path, &p->was);
	p->old = open(path, O_RDONLY | O_CLOEXEC);
	assert_true(p->old >= 0);
	unlink(path);
}

static void pair_drop(struct packed_pair *p)
{
	free(p->was.data);
	free(p->is.data);
	free(p->delta.data);
	close(p->old);
}

static vs_status feed(void *ctx, void *out, size_t len, size_t *got)
{
	vs_status status = bytes_read(ctx, out, len, got);

	if (status == VS_ERR_ABSENT)
		*got = 0;
	return VS_OK;
}

static unsigned threads_of(int pid)
{
	char path[64], line[128];
	unsigned threads = 0;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/status", pid);
	f = fopen(path, "re");
	assert_non_null(f);
	while (fgets(line, sizeof(line), f))
		if (strncmp(line, "Threads:", 8) == 0)
			threads = (unsigned)strtoul(line + 8, NULL, 10);
	fclose(f);
	return threads;
}

/* Gives how many bytes came out right; *why is the lane's. */
static size_t apply(struct packed_pair *p, struct bytes *delta,
                    unsigned threads, struct vs_why *why)
{
	static uint8_t cluster[VS_LANE_CLUSTER_LEN];
	const struct vs_lane_feed from = {delta, feed};
	struct vs_unpack u;
	size_t at = 0;
	vs_status status;

	*why = (struct vs_why){VS_REASON_NONE, "", 0};
	delta->at = 0;
	assert_int_equal(vs_unpack_start_delta(&u, NULL, p->old, why), VS_OK);
	assert_int_equal(threads_of(u.pid), threads);
	status = vs_lane_apply(&u.lanes[0], p->was.len, &from, why);
	while (status == VS_OK && at < p->is.len) {
		size_t want = p->is.len - at < sizeof(cluster)
		                      ? p->is.len - at
		                      : sizeof(cluster);

		status = vs_lane_next(&u.lanes[0], &from, cluster, want, why);
		if (status == VS_OK &&
		    memcmp(cluster, p->is.data + at, want) != 0)
			break;
		at += status == VS_OK ? want : 0;
	}
	vs_unpack_end(&u);
	return at;
}

static void one_core(cpu_set_t *was)
{
	cpu_set_t one;

	assert_int_equal(sched_getaffinity(0, sizeof(*was), was), 0);
	CPU_ZERO(&one);
	for (size_t i = 0; CPU_COUNT(&one) == 0; i++)
		if (CPU_ISSET(i, was))
			CPU_SET(i, &one);
	assert_int_equal(sched_setaffinity(0, sizeof(one), &one), 0);
}

static void a_packed_image_comes_out_of_two_cores_or_one(void **state)
{
	static const char *const packers[] = {"zstd", "xz", "gzip", "lz4hc"};

	(void)state;
	for (size_t i = 0; i < 4; i++) {
		struct packed_pair p;
		struct vs_why why;
		cpu_set_t was;

		pair_init(&p, packers[i]);
		assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
		assert_int_equal(
			apply(&p, &p.delta, CPU_COUNT(&was) > 1 ? 2 : 1, &why),
			p.is.len);
		one_core(&was);
		assert_int_equal(apply(&p, &p.delta, 1, &why), p.is.len);
		assert_int_equal(sched_setaffinity(0, sizeof(was), &was), 0);
		pair_drop(&p);
	}
}

/* None dies: that would be a system call which it may not make, or memory. */
static void damaged_ones(const char *packer)
{
	struct packed_pair p;
	struct vs_why why;
	cpu_set_t was;

	pair_init(&p, packer);
	assert_int_equal(sched_getaffinity(0, sizeof(was), &was), 0);
	for (size_t i = 1; i < 25; i++) {
		struct bytes bad = copy_of(&p.delta);
		size_t at = VS_DELTA_HEAD_LEN +
		            (bad.len - VS_DELTA_HEAD_LEN) * i / 25;

		if (i % 2)
			bad.data[at] ^= 1;
		else
			bad.len = at;
		assert_in_range(
			apply(&p, &bad, CPU_COUNT(&was) > 1 ? 2 : 1, &why), 0,
			p.is.len - 1);
		assert_null(strstr(why.what, "broke off"));
		free(bad.data);
	}
	pair_drop(&p);
}

static void a_damaged_one_ends_in_a_word(void **state)
{
	(void)state;
	damaged_ones("zstd");
	damaged_ones("lz4hc");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_packed_image_comes_out_of_two_cores_or_one),
		cmocka_unit_test(a_damaged_one_ends_in_a_word),
	};

	return cmocka_run_group_tests_name("agent packed", tests, NULL, NULL);
}

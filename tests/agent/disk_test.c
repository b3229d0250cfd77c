/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/disk_test.c - a slot as an open file: what is read past the page
 * cache is what was written, and leaves the cache as it was.  S3.26
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/slots/disk.h"

#define BLOCK ((size_t)4096)
#define LEN (256 * BLOCK)

static char path[] = "disk-test.XXXXXX";
static uint8_t *want, *got;

static int make(void **state)
{
	int fd = mkstemp(path);

	(void)state;
	want = aligned_alloc(BLOCK, LEN);
	got = aligned_alloc(BLOCK, LEN);
	assert_non_null(want);
	assert_non_null(got);
	for (size_t i = 0; i < LEN; i++)
		want[i] = (uint8_t)(i / BLOCK * 31 + i);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, want, LEN), LEN);
	assert_int_equal(fsync(fd), 0);
	close(fd);
	return 0;
}

static int drop(void **state)
{
	(void)state;
	free(want);
	free(got);
	return unlink(path);
}

static void open_disk(struct vs_disk *d, bool write)
{
	assert_int_equal(vs_disk_open(d, path, write, NULL), VS_OK);
	memset(got, 0, LEN);
}

/* Pages of the file that memory holds. */
static size_t cached(const struct vs_disk *d)
{
	unsigned char there[LEN / BLOCK];
	void *at = mmap(NULL, LEN, PROT_READ, MAP_SHARED, d->fd, 0);
	size_t n = 0;

	assert_true(at != MAP_FAILED);
	assert_int_equal(mincore(at, LEN, there), 0);
	for (size_t i = 0; i < sizeof(there); i++)
		n += there[i] & 1;
	munmap(at, LEN);
	return n;
}

static void a_large_read_leaves_the_page_cache_alone(void **state)
{
	struct vs_disk d;

	(void)state;
	open_disk(&d, false);
	if (d.direct == 0) {
		vs_disk_close(&d);
		skip(); /* not on this file system */
	}
	assert_int_equal(
		posix_fadvise(d.fd, 0, (off_t)LEN, POSIX_FADV_DONTNEED), 0);
	assert_int_equal(cached(&d), 0);
	assert_int_equal(vs_disk_read(&d, got, LEN / 2, LEN / 2), VS_OK);
	assert_memory_equal(got, want + LEN / 2, LEN / 2);
	assert_int_equal(cached(&d), 0);
	vs_disk_close(&d);
}

static void what_is_only_in_the_cache_yet_is_read(void **state)
{
	struct vs_disk d;

	(void)state;
	open_disk(&d, true);
	want[3 * BLOCK + 1] ^= 1;
	assert_int_equal(vs_disk_write(&d, want + 3 * BLOCK, BLOCK, 3 * BLOCK),
	                 VS_OK);
	assert_int_equal(vs_disk_read(&d, got, LEN, 0), VS_OK);
	assert_memory_equal(got, want, LEN);
	vs_disk_close(&d);
}

static void what_is_not_in_whole_blocks_is_read_too(void **state)
{
	static const struct {
		size_t to, len, at;
	} odd[] = {
		{1, LEN / 2,     BLOCK},
		{0, LEN / 2 + 1, BLOCK},
		{0, LEN / 2,     7    },
		{0, 512,         512  },
	};
	struct vs_disk d;

	(void)state;
	open_disk(&d, false);
	for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
		assert_int_equal(vs_disk_read(&d, got + odd[i].to, odd[i].len,
		                              odd[i].at),
		                 VS_OK);
		assert_memory_equal(got + odd[i].to, want + odd[i].at,
		                    odd[i].len);
	}
	vs_disk_close(&d);
}

/* A disk that fails reads past the cache, and which one. */
struct picky {
	int direct, error;
	unsigned others;
};

static vs_status picky_read(void *ctx, int fd, void *out, size_t len,
                            uint64_t at)
{
	struct picky *p = ctx;

	if (fd == p->direct) {
		errno = p->error;
		return VS_ERR_IO;
	}
	p->others++;
	return vs_disk_default.read(NULL, fd, out, len, at);
}

static void a_disk_of_larger_blocks_is_read_by_the_cache(void **state)
{
	struct picky p = {.error = EINVAL};
	const struct vs_disk_ops ops = {.ctx = &p, .read = picky_read};
	struct vs_disk d;

	(void)state;
	open_disk(&d, false);
	d.ops = &ops;
	p.direct = d.direct = d.direct > 0 ? d.direct : dup(d.fd);
	assert_int_equal(vs_disk_read(&d, got, LEN, 0), VS_OK);
	assert_memory_equal(got, want, LEN);
	assert_int_equal(p.others, 1);
	p.error = EIO; /* a bad block is bad by either way */
	assert_int_equal(vs_disk_read(&d, got, LEN, 0), VS_ERR_IO);
	assert_int_equal(p.others, 1);
	vs_disk_close(&d);
}

static void nothing_is_read_beyond_the_slot(void **state)
{
	struct vs_disk d;

	(void)state;
	open_disk(&d, false);
	assert_int_equal(vs_disk_read(&d, got, LEN, BLOCK), VS_ERR_IO);
	assert_int_equal(vs_disk_read(&d, got, BLOCK, UINT64_MAX), VS_ERR_IO);
	vs_disk_close(&d);
	vs_disk_close(&d); /* as often as one likes */
	assert_int_equal(d.fd, -1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_large_read_leaves_the_page_cache_alone),
		cmocka_unit_test(what_is_only_in_the_cache_yet_is_read),
		cmocka_unit_test(what_is_not_in_whole_blocks_is_read_too),
		cmocka_unit_test(a_disk_of_larger_blocks_is_read_by_the_cache),
		cmocka_unit_test(nothing_is_read_beyond_the_slot),
	};

	return cmocka_run_group_tests(tests, make, drop);
}

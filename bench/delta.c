/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/delta.c - applies a delta from file to file, in little memory.
 *
 * bench-delta OLD DELTA NEW [CORES] prints its peak memory in KiB (the kernel's
 * figure for a child counts the parent that started it), then milliseconds:
 * by the clock, of processors, and of the thread that applies.  On two cores
 * what is packed again is packed on both, and one writes beside the other, as
 * the agent's disk does beside its unpack.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/file.h"
#include "base/helper.h"
#include "delta/apply/apply.h"

enum { piece = 1 << 16, ring = 4, stack_len = 1 << 18 };

static vs_status read_old(void *ctx, uint64_t at, void *out, size_t len)
{
	return vs_file_pread(*(const int *)ctx, out, len, at);
}

static vs_status give(void *ctx, uint8_t *out, size_t len, size_t *got)
{
	ssize_t n = read(*(const int *)ctx, out, len);

	*got = n > 0 ? (size_t)n : 0;
	return n > 0 ? VS_OK : n == 0 ? VS_ERR_ABSENT : VS_ERR_IO;
}

/* Bytes on their way into the new file. */
struct block {
	int fd;
	uint64_t at;
	size_t len;
	vs_status status;
	uint8_t bytes[piece];
};

static void put(void *arg)
{
	struct block *b = arg;

	b->status = vs_file_pwrite(b->fd, b->bytes, b->len, b->at);
}

/* writer NULL: nobody writes beside. */
static vs_status apply_to(struct vs_apply *a, int new, struct vs_helper *writer)
{
	static struct block blocks[ring];
	uint64_t len = vs_apply_head(a)->new_len;
	vs_status status = VS_OK;
	size_t i = 0;

	for (uint64_t at = 0; at < len && !status; at += piece, i++) {
		struct block *b = &blocks[i % ring];

		if (writer)
			vs_helper_await(writer, ring - 1);
		status = b->status;
		b->fd = new;
		b->at = at;
		b->len = len - at < piece ? (size_t)(len - at) : piece;
		if (!status)
			status = vs_apply_next(a, b->bytes, b->len, NULL);
		if (status)
			break;
		if (writer)
			vs_helper_give(writer, put, b);
		else
			put(b);
	}
	if (writer)
		vs_helper_await(writer, 0);
	for (i = 0; i < ring && !status; i++)
		status = blocks[i].status;
	return status;
}

static vs_status apply(int old, int delta, int new,
                       const struct vs_delta_helper *helper,
                       struct vs_helper *writer)
{
	struct stat st;
	struct vs_old_image image = {&old, 0, read_old};
	VS_AUTO(vs_apply_free) struct vs_apply *a = NULL;
	vs_status status;

	if (fstat(old, &st))
		return VS_ERR_IO;
	image.len = (uint64_t)st.st_size;
	status = vs_apply_new(&image, give, &delta, &a, NULL);
	if (status)
		return status;
	if (helper->ctx)
		vs_apply_help(a, helper);
	return apply_to(a, new, writer);
}

static int print_peak(void)
{
	char line[256];
	FILE *f = fopen("/proc/self/status", "re");
	int found = 0;

	while (f && fgets(line, sizeof line, f))
		if (strncmp(line, "VmHWM:", 6) == 0)
			found = printf("%s", line + 6) > 0;
	if (f)
		fclose(f);
	return found ? 0 : -1;
}

static double ms_of(clockid_t clock)
{
	struct timespec now = {0};

	clock_gettime(clock, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

/* With a helper where there are two cores to be had. */
static vs_status apply_on(int old, int delta, int new, unsigned long cores)
{
	VS_AUTO(vs_helper_free) struct vs_helper *helper = NULL;
	VS_AUTO(vs_helper_free) struct vs_helper *writer = NULL;
	struct vs_delta_helper beside = {NULL, vs_helper_give, vs_helper_busy,
	                                 vs_helper_await};

	if (cores > 1 && (vs_helper_new(stack_len, &helper) ||
	                  vs_helper_new(stack_len, &writer)))
		return VS_ERR_NOMEM;
	beside.ctx = helper;
	return apply(old, delta, new, &beside, writer);
}

int main(int argc, char **argv)
{
	double began = ms_of(CLOCK_MONOTONIC), both, mine;
	int old, delta, new;
	vs_status status;

	if (argc != 4 && argc != 5) {
		fprintf(stderr, "usage: bench-delta OLD DELTA NEW [CORES]\n");
		return 2;
	}
	old = open(argv[1], O_RDONLY | O_CLOEXEC);
	delta = open(argv[2], O_RDONLY | O_CLOEXEC);
	new = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (old < 0 || delta < 0 || new < 0) {
		perror("bench-delta");
		return 1;
	}
	status = apply_on(old, delta, new,
	                  argc == 5 ? strtoul(argv[4], NULL, 10)
	                            : vs_helper_cores());
	if (status || print_peak()) {
		fprintf(stderr, "bench-delta: %s\n", vs_status_name(status));
		return 1;
	}
	both = ms_of(CLOCK_PROCESS_CPUTIME_ID);
	mine = ms_of(CLOCK_THREAD_CPUTIME_ID);
	printf("%.0f ms, %.0f ms of processors, %.0f ms of one\n",
	       ms_of(CLOCK_MONOTONIC) - began, both, mine);
	return 0;
}

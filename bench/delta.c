/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/delta.c - applies a delta from file to file, in little memory.
 *
 * bench-delta OLD DELTA NEW prints its peak memory in KiB: the kernel's figure
 * for a child counts the parent that started it.
 */
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "delta/apply/apply.h"

enum { piece = 1 << 16 };

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

static vs_status apply(int old, int delta, int new)
{
	static uint8_t bytes[piece];
	struct stat st;
	struct vs_old_image image = {&old, 0, read_old};
	VS_AUTO(vs_apply_free) struct vs_apply *a = NULL;
	vs_status status;
	uint64_t len;

	if (fstat(old, &st))
		return VS_ERR_IO;
	image.len = (uint64_t)st.st_size;
	status = vs_apply_new(&image, give, &delta, &a, NULL);
	if (status)
		return status;
	len = vs_apply_head(a)->new_len;
	for (uint64_t at = 0; at < len && !status; at += piece) {
		size_t step = len - at < piece ? (size_t)(len - at) : piece;

		status = vs_apply_next(a, bytes, step, NULL);
		if (!status)
			status = vs_file_pwrite(new, bytes, step, at);
	}
	return status;
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

int main(int argc, char **argv)
{
	int old, delta, new;
	vs_status status;

	if (argc != 4) {
		fprintf(stderr, "usage: bench-delta OLD DELTA NEW\n");
		return 2;
	}
	old = open(argv[1], O_RDONLY | O_CLOEXEC);
	delta = open(argv[2], O_RDONLY | O_CLOEXEC);
	new = open(argv[3], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	if (old < 0 || delta < 0 || new < 0) {
		perror("bench-delta");
		return 1;
	}
	status = apply(old, delta, new);
	if (status || print_peak()) {
		fprintf(stderr, "bench-delta: %s\n", vs_status_name(status));
		return 1;
	}
	return 0;
}

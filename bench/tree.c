/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/tree.c - the hash tree of one image, alone, to be timed.
 *
 * bench-tree IMAGE: one thread, as dm-verity's own tool.  Prints one line of
 * JSON with the root hash (salt: zeros), so that the driver can compare it
 * with veritysetup's.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "seal/tree.h"

static const uint8_t salt[VS_SALT_LEN];

static double now_s(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		abort();
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static vs_status hash_all(const struct vs_tree *t,
                          const struct vs_crypto *crypto, int fd,
                          uint8_t root[static VS_SHA256_LEN])
{
	static uint8_t data[VS_CLUSTER_LEN];
	VS_AUTO(vs_free_drop) uint8_t *tree = calloc(1, (size_t)t->len);
	vs_status status = tree ? VS_OK : VS_ERR_NOMEM;

	for (uint64_t i = 0; i < t->clusters && !status; i++) {
		size_t len = vs_tree_cluster_len(t, i);

		status = vs_file_pread(fd, data, len, i * VS_CLUSTER_LEN);
		if (!status)
			status = vs_tree_hash_cluster(
				crypto, salt, data, len,
				tree + vs_tree_leaves_at(t, i));
	}
	return status ? status : vs_tree_finish(t, crypto, salt, tree, root);
}

static vs_status run(const char *path)
{
	VS_AUTO(vs_fd_drop) int fd = open(path, O_RDONLY | O_CLOEXEC);
	uint8_t root[VS_SHA256_LEN];
	struct vs_crypto crypto;
	struct vs_tree t;
	struct stat st;
	double start = now_s();
	vs_status status;

	if (fd < 0 || fstat(fd, &st) != 0)
		return VS_ERR_IO;
	status = vs_tree_init(&t, (uint64_t)st.st_size);
	if (status || t.levels == 0)
		return VS_ERR_LIMIT;
	status = vs_openssl_init(&crypto);
	if (status)
		return status;
	status = hash_all(&t, &crypto, fd, root);
	vs_openssl_drop(&crypto);
	if (status)
		return status;
	printf("{\"seconds\": %.6f, \"root_hash\": \"", now_s() - start);
	for (size_t i = 0; i < sizeof(root); i++)
		printf("%02x", root[i]);
	printf("\"}\n");
	return VS_OK;
}

int main(int argc, char **argv)
{
	vs_status status;

	vs_log_init("bench-tree");
	if (argc != 2) {
		vs_error("usage: bench-tree IMAGE");
		return 2;
	}
	status = run(argv[1]);
	if (status)
		vs_error("%s: %s", argv[1], vs_status_name(status));
	return status ? 1 : 0;
}

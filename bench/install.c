/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/install.c - the agent's install of one image, alone, to be timed.
 *
 * bench-install SEAL PACK SLOT WORKERS: pack to slot with the agent's own
 * code, every cluster checked, fsynced.  The seal's tree is checked; its
 * signatures are not (there is no keyring here), two P-256 verifications
 * that take less than a millisecond.  Prints one line of JSON; peak_kb is
 * this process's VmHWM.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "agent/install.h"
#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "seal/openssl.h"

static double now_s(void)
{
	struct timespec ts;

	if (clock_gettime(CLOCK_MONOTONIC, &ts) != 0)
		abort();
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static long peak_kb(void)
{
	FILE *in = fopen("/proc/self/status", "re");
	char line[128];
	long kb = 0;

	if (!in)
		return 0;
	while (fgets(line, sizeof(line), in))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	fclose(in);
	return kb;
}

static vs_status check_seal(const struct vs_seal *seal, struct vs_why *why)
{
	struct vs_crypto crypto;
	vs_status status = vs_openssl_init(&crypto);

	if (status)
		return vs_fail(status, why, VS_REASON_NONE, "no crypto", 0);
	status = vs_tree_check_upper(&seal->tree, &crypto, &seal->header,
	                             seal->upper, why);
	vs_openssl_drop(&crypto);
	return status;
}

static vs_status install(const struct vs_seal *seal, const char *pack,
                         const char *slot, unsigned workers, struct vs_why *why)
{
	VS_AUTO(vs_disk_close) struct vs_disk disk = {.fd = -1};
	struct vs_file_source file;
	struct vs_source source;
	struct vs_install in = {.seal = seal,
	                        .target = &disk,
	                        .source = &source,
	                        .workers = workers};
	struct vs_install_stats stats;
	double start = now_s();
	vs_status status = vs_file_source_open(&file, pack, &source);

	if (!status)
		status = vs_disk_open(&disk, slot, true, NULL);
	if (!status)
		status = vs_install_run(&in, &stats, why);
	vs_file_source_close(&file);
	if (!status)
		printf("{\"seconds\": %.6f, \"peak_kb\": %ld, "
		       "\"fetched\": %llu}\n",
		       now_s() - start, peak_kb(),
		       (unsigned long long)stats.bytes_fetched);
	return status;
}

int main(int argc, char **argv)
{
	VS_AUTO(vs_free_drop) uint8_t *file = NULL;
	struct vs_why why = {VS_REASON_NONE, "cannot be opened", 0};
	struct vs_seal seal;
	size_t len;
	vs_status status;

	vs_log_init("bench-install");
	if (argc != 5) {
		vs_error("usage: bench-install SEAL PACK SLOT WORKERS");
		return 2;
	}
	status = vs_file_read(argv[1], VS_SEAL_LEN_MAX, &file, &len);
	if (!status)
		status = vs_seal_decode(file, len, &seal, &why);
	if (!status)
		status = check_seal(&seal, &why);
	if (!status)
		status = install(&seal, argv[2], argv[3],
		                 (unsigned)strtoul(argv[4], NULL, 10), &why);
	if (status)
		vs_error("%s: %s: %s", argv[1], vs_status_name(status),
		         why.what);
	return status ? 1 : 0;
}

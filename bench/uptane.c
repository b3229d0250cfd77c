/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/uptane.c - one full verification, from the two stored roots to the
 * list of what is to be installed: every file is fetched, verified, stored.
 *
 * Prints one JSON object: the median's milliseconds of one core, the most
 * private memory (heap, stack, data) the whole process had meanwhile, and the
 * same with the libraries' code, which other programs share.  Files come from
 * FOLDER, as bench-uptane-make wrote them; storing them is left to others.
 *
 * usage: bench-uptane FOLDER [ROUNDS]
 */
#include "bench/uptane.h"

#include <limits.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"

enum { preset = 101, rounds_max = 10001 };

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	vs_error("%s failed", what);
	exit(1);
}

static double now_ms(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return (double)t.tv_sec * 1e3 + (double)t.tv_nsec / 1e6;
}

static long status_kb(const char *name)
{
	char line[128];
	size_t len = strlen(name);
	long kb = 0;
	FILE *f = fopen("/proc/self/status", "r");

	must(f != NULL, "/proc/self/status");
	while (fgets(line, sizeof line, f))
		if (strncmp(line, name, len) == 0)
			kb = strtol(line + len, NULL, 10);
	(void)fclose(f);
	return kb;
}

/* From here on VmHWM is a new peak (proc(5)). */
static void forget_peak(void)
{
	FILE *f = fopen("/proc/self/clear_refs", "w");

	(void)malloc_trim(0);
	must(f && fputs("5", f) >= 0 && fclose(f) == 0,
	     "/proc/self/clear_refs");
}

static vs_status fetch(void *ctx, const char *name, size_t max, uint8_t **out,
                       size_t *len)
{
	char path[PATH_MAX];
	vs_status status = vs_path_join(path, sizeof path, ctx, name);

	return status ? status : vs_file_read(path, max, out, len);
}

static vs_status load(void *ctx, const char *role, uint8_t **out, size_t *len)
{
	if (strcmp(role, "root") != 0)
		return VS_ERR_ABSENT;
	return fetch(ctx, "1.root.json", VS_TUF_ROOT_MAX, out, len);
}

static vs_status store(void *ctx, const char *role, const uint8_t *in,
                       size_t len)
{
	(void)ctx;
	(void)role;
	(void)in;
	(void)len;
	return VS_OK;
}

static vs_status forget(void *ctx, const char *role)
{
	(void)ctx;
	(void)role;
	return VS_OK;
}

static void verify(const struct vs_tuf_ops *d, const struct vs_tuf_ops *i,
                   const struct vs_vehicle *vehicle)
{
	struct vs_tuf *director = NULL, *image = NULL;
	struct vs_assignments out;
	struct vs_why why = {0};
	vs_status status = vs_tuf_open(d, BENCH_NOW, &director, &why);

	if (!status)
		status = vs_tuf_refresh(director, &why);
	if (!status)
		status = vs_tuf_open(i, BENCH_NOW, &image, &why);
	if (!status)
		status = vs_tuf_refresh(image, &why);
	must(!status, why.what ? why.what : "a refresh");
	status = vs_uptane_check(director, image, vehicle, &out, &why);
	must(!status && out.count == BENCH_ECUS,
	     why.what ? why.what : "the comparison");
	vs_assignments_drop(&out);
	vs_tuf_close(&director);
	vs_tuf_close(&image);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(int argc, char **argv)
{
	static double took[rounds_max];
	static char ids[BENCH_ECUS][16], hardware[BENCH_ECUS][16];
	char director[PATH_MAX], image[PATH_MAX];
	const struct vs_tuf_ops d = {director, fetch, load, store, forget};
	const struct vs_tuf_ops i = {image, fetch, load, store, forget};
	struct vs_ecu ecus[BENCH_ECUS];
	const struct vs_vehicle vehicle = {BENCH_VEHICLE, ecus, BENCH_ECUS};
	long rounds = argc > 2 ? strtol(argv[2], NULL, 10) : preset;
	long peak;

	vs_log_init("bench-uptane");
	if (argc < 2 || rounds < 1 || rounds > rounds_max) {
		vs_error("usage: bench-uptane FOLDER [ROUNDS]");
		return 2;
	}
	must(!vs_path_join(director, sizeof director, argv[1], "director") &&
	             !vs_path_join(image, sizeof image, argv[1], "image"),
	     "a path");
	for (size_t k = 0; k < BENCH_ECUS; k++) {
		(void)snprintf(ids[k], sizeof ids[k], "ecu-%zu", k);
		(void)snprintf(hardware[k], sizeof hardware[k], "hw-%zu", k);
		ecus[k] = (struct vs_ecu){.id = ids[k],
		                          .hardware = hardware[k],
		                          .release_seq = 10,
		                          .security_version = 4,
		                          .installed_sha256 = ""};
	}
	verify(&d, &i, &vehicle);
	forget_peak(); /* all code is in memory; none of it comes and goes */
	verify(&d, &i, &vehicle);
	peak = status_kb("VmHWM:");
	printf("{\"private_kb\": %ld, \"process_kb\": %ld, ",
	       peak - status_kb("RssFile:"), peak);
	for (long k = 0; k < rounds; k++) {
		double start = now_ms();

		verify(&d, &i, &vehicle);
		took[k] = now_ms() - start;
	}
	qsort(took, (size_t)rounds, sizeof *took, by_size);
	printf("\"ms\": %.3f}\n", took[rounds / 2]);
	return 0;
}

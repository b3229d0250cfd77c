/* SPDX-License-Identifier: Apache-2.0
 *
 * bench/json.c - canonical JSON, written and read, beside jansson's own way.
 *
 * Measured on a targets body of 2000 entries, in memory.  Prints one JSON
 * object a line: {area, name, value, unit, peer, peer_value}.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/log.h"
#include "trust/json.h"
#include "trust/tuf.h"
#include "trust/write.h"

enum { targets = 2000, rounds = 21, far_s = 2000000000 };

#define DIGEST                                                                 \
	"b71278bd1e63b0f798e16d7c8b0c3dd2e7134aa0218e11b2ca149a17e736cb8b"

static void must(bool ok, const char *what)
{
	if (ok)
		return;
	vs_error("%s failed", what);
	exit(1);
}

static double now_s(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static json_t *make(void)
{
	json_t *body;

	must(!vs_write_targets(1, far_s, &body), "targets");
	for (size_t i = 0; i < targets; i++) {
		char path[64];
		const struct vs_write_file file = {path, 0, path, sizeof path};
		json_t *custom =
			json_pack("{s:[s], s:i, s:i, s:s, s:s, s:{s:i, s:s}}",
		                  "hardwareIds", "gw-rev3", "releaseCounter",
		                  11, "rollbackIndex", 5, "version", "1.1.0",
		                  "imageSha256", DIGEST, "pack", "length",
		                  157286400, "path", "packs/" DIGEST ".pack");

		(void)snprintf(path, sizeof path, "gateway/gateway-%04zu.seal",
		               i);
		must(custom && !vs_write_add_target(body, &file, custom),
		     "a target");
	}
	return body;
}

struct work {
	json_t *body;
	char *text;
	size_t len;
};

static void ours_writes(const struct work *w)
{
	char *out;
	size_t len;

	must(!vs_json_canonical(w->body, &out, &len) && len == w->len,
	     "canonical JSON");
	free(out);
}

static void jansson_writes(const struct work *w)
{
	char *out = json_dumps(w->body, JSON_COMPACT | JSON_SORT_KEYS);

	must(out != NULL, "jansson");
	free(out);
}

static void ours_reads(const struct work *w)
{
	json_t *out;

	must(!vs_json_parse(w->text, w->len, VS_TUF_TARGETS_MAX, &out, NULL),
	     "reading");
	json_decref(out);
}

static void jansson_reads(const struct work *w)
{
	json_t *out = json_loadb(w->text, w->len, 0, NULL);

	must(out != NULL, "jansson");
	json_decref(out);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double mb_per_s(const struct work *w, void (*run)(const struct work *))
{
	double took[rounds];

	for (size_t i = 0; i < rounds; i++) {
		double start = now_s();

		run(w);
		took[i] = now_s() - start;
	}
	qsort(took, rounds, sizeof *took, by_size);
	return (double)w->len / 1e6 / took[rounds / 2];
}

static void print_row(const char *name, double value, const char *peer,
                      double peer_value)
{
	printf("{\"area\": \"trust\", \"name\": \"%s\", \"value\": %.1f, "
	       "\"unit\": \"MB/s\", \"peer\": \"%s\", \"peer_value\": %.1f}\n",
	       name, value, peer, peer_value);
}

int main(void)
{
	struct work w = {.body = make()};

	vs_log_init("bench-json");
	must(!vs_json_canonical(w.body, &w.text, &w.len), "canonical JSON");
	print_row("canonical JSON, written", mb_per_s(&w, ours_writes),
	          "jansson, compact, keys sorted",
	          mb_per_s(&w, jansson_writes));
	print_row("JSON, read strictly", mb_per_s(&w, ours_reads),
	          "jansson, at its laxest", mb_per_s(&w, jansson_reads));
	free(w.text);
	json_decref(w.body);
	return 0;
}

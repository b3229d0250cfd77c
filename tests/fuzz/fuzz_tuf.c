/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_tuf.c - no file, though rightly signed, harms the client.
 *
 * The first byte chooses a file, the rest is its body, which is signed here,
 * so that the search gets behind the signatures.  What is stored afterwards
 * is what was served, byte for byte.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "tests/trust/repo.h"
#include "trust/json.h"
#include "trust/uptane.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct {
	const char *file, *served, *role;
	struct signers by;
} files[] = {
	{"2.root.json",    "2.root.json",     "root",      {{0, 1}, 2, 0}},
	{"timestamp.json", "timestamp.json",  "timestamp", {{3}, 1, 0}   },
	{"snapshot.json",  "1.snapshot.json", "snapshot",  {{4}, 1, 0}   },
	{"targets.json",   "1.targets.json",  "targets",   {{5, 6}, 2, 0}},
	{"release.json",   "1.release.json",  "release",   {{7}, 1, 0}   },
};

static struct repo *world(void)
{
	static struct repo r;
	static bool ready;
	struct extra *x;

	if (ready)
		return &r;
	repo_init(&r);
	r.listed_hashes = false;
	x = repo_add_role(&r, "release", 7);
	repo_delegate(&r, NULL, "release", 7, "*/*", false);
	repo_add_target(x->body, "gateway/1", "seal", NULL);
	ready = true;
	return &r;
}

static void offer(struct repo *r, size_t which, json_t *body)
{
	static const char *const stored[] = {"timestamp", "snapshot", "targets",
	                                     "release"};
	struct memfile made;

	repo_unserve(r, "2.root.json");
	repo_publish(r);
	repo_provision(r, 1);
	for (size_t i = 0; i < sizeof stored / sizeof *stored; i++)
		(void)r->ops.remove(r, stored[i]);
	repo_sign(r, files[which].file, body, &files[which].by, &made);
	repo_serve(r, files[which].served, made.bytes, made.len);
	free(made.bytes);
}

static void check(struct repo *r, size_t which)
{
	const struct memfile *is, *was = repo_served(r, files[which].served);
	struct vs_assignments out;
	struct vs_vehicle vehicle = {.id = "CP-0001"};
	struct vs_target target;
	struct vs_why why = {0};
	struct vs_tuf *t;
	vs_status status = repo_refresh(r, NOW, &t, &why);

	assert(!status == (vs_tuf_targets(t) != NULL));
	assert(!status || (why.what && *vs_tuf_failed_file(t)));
	if (!status) {
		assert(vs_tuf_version(t, "timestamp") > 0);
		(void)!vs_tuf_find(t, "gateway/1", &target, &why);
		(void)!vs_uptane_check(t, t, &vehicle, &out, &why);
		vs_assignments_drop(&out);
	}
	is = repo_stored(r, files[which].role);
	if (is && which > 0)
		assert(is->len == was->len &&
		       !memcmp(is->bytes, was->bytes, is->len));
	vs_tuf_close(&t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct repo *r = world();
	json_t *body;
	size_t which;

	if (size < 1 || vs_json_parse(data + 1, size - 1, 65536, &body, NULL))
		return 0;
	which = data[0] % (sizeof files / sizeof *files);
	offer(r, which, body);
	check(r, which);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/fuzz/fuzz_chain.c - a client and a repository through a long life.
 *
 * Each byte is an event: versions rise or fall, keys are replaced, files run
 * out, vanish or rot on the client's disk, the power fails in the middle of a
 * refresh.  No trusted version ever goes down while the keys stay the same,
 * and whatever came before, an honest repository is believed again at the end.
 */
#include <assert.h>
#include <string.h>

#include "tests/trust/repo.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EVENTS_MAX = 48, SPARE_KEY = 8, SPARE_KEYS = 8 };

struct life {
	struct repo repo;
	uint64_t now_s, highest;
	uint64_t rotated;        /* the root that replaced a key last */
	uint64_t floor[R_COUNT]; /* trusted once, under keys still in force */
	uint8_t spare;
};

static const char *const names[R_COUNT] = {"root", "timestamp", "snapshot",
                                           "targets"};

static uint64_t stored(struct repo *r, int role)
{
	const struct memfile *f = repo_stored(r, names[role]);
	struct vs_envelope e;
	uint64_t version = 0;

	if (f && !vs_envelope_parse(f->bytes, f->len, SIZE_MAX, names[role], &e,
	                            NULL)) {
		version = vs_envelope_version(&e);
		vs_envelope_drop(&e);
	}
	return version;
}

static void next_root(struct life *l)
{
	l->repo.version[R_ROOT]++;
	l->repo.expires[R_ROOT] = l->now_s + 365 * DAY;
	repo_publish_root(&l->repo);
}

/* Another key beside the one that may have been stolen. */
static void rotate(struct life *l, int role)
{
	struct signers *s = &l->repo.role[role];

	s->at[0] = SPARE_KEY + l->spare++ % SPARE_KEYS;
	s->count = 1;
	s->threshold = 1;
	next_root(l);
	l->rotated = l->repo.version[R_ROOT];
	l->floor[R_TIMESTAMP] = l->floor[R_SNAPSHOT] = 0;
}

static vs_status refresh(struct life *l, int cut)
{
	struct repo *r = &l->repo;
	vs_status status;

	repo_publish_files(r);
	for (int i = R_TIMESTAMP; i < R_COUNT; i++)
		if (r->version[i] > l->highest)
			l->highest = r->version[i];
	r->writes = 0;
	r->cut = cut;
	status = repo_refresh(r, l->now_s, NULL, NULL);
	r->cut = 0;
	for (int i = R_ROOT; i < R_TARGETS; i++) {
		uint64_t version = stored(r, i);

		assert(!version || version >= l->floor[i]);
		if (version > l->floor[i] &&
		    (i == R_ROOT || stored(r, R_ROOT) >= l->rotated))
			l->floor[i] = version;
	}
	return status;
}

/* The timestamp alone remembers which snapshot was the newest. */
static void rot(struct life *l, int role)
{
	repo_store(&l->repo, names[role], "rot", 3);
	l->floor[role] = 0;
	if (role == R_TIMESTAMP)
		l->floor[R_SNAPSHOT] = 0;
}

static void live(struct life *l, uint8_t event)
{
	struct repo *r = &l->repo;
	uint8_t arg = event >> 3;
	int role = R_TIMESTAMP + arg % 3;

	switch (event & 7) {
	case 0:
		r->version[role] += 1 + arg / 3U;
		break;
	case 1:
		r->version[role] -= r->version[role] > 1;
		break;
	case 2:
		rotate(l, R_TIMESTAMP + arg % 2);
		break;
	case 3:
		next_root(l);
		break;
	case 4:
		r->expires[role] = l->now_s + arg * DAY;
		break;
	case 5:
		l->now_s += arg * DAY;
		break;
	case 6:
		rot(l, role);
		break;
	default:
		(void)!refresh(l, arg % 8);
		break;
	}
}

/* What an honest repository does after the worst has happened. */
static void recover(struct life *l)
{
	struct repo *r = &l->repo;

	for (int i = R_TIMESTAMP; i < R_COUNT; i++) {
		r->version[i] = l->highest + 1;
		r->expires[i] = l->now_s + DAY;
	}
	next_root(l);
	vs_status status = refresh(l, 0);
	assert(status == VS_OK);
	for (int i = R_ROOT; i < R_COUNT; i++)
		assert(stored(r, i) == r->version[i]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct life l;

	memset(&l, 0, sizeof l);
	repo_init(&l.repo);
	l.now_s = NOW;
	repo_publish(&l.repo);
	repo_provision(&l.repo, 1);
	for (size_t i = 0; i < size && i < EVENTS_MAX; i++)
		live(&l, data[i]);
	recover(&l);
	repo_drop(&l.repo);
	return 0;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/fleet_load.c - the table of chargers, out of the database.
 *
 * A million rows are read at a start, so nothing is verified, decoded or
 * sorted here that need not be: equal texts are decoded once.
 */
#include <openssl/rand.h>
#include <stdlib.h>
#include <string.h>

#include "server/fleet/device_row.h"
#include "server/fleet/fleet.h"

enum { kept_max = 1024 };

/* What a text turned out to mean, for the next who has it. */
struct kept {
	char *text;         /* owned; NULL: nothing is kept here */
	const void *beside; /* what else it depends on */
	const void *means;  /* the pool's, and one use of it ours */
};

struct loading {
	struct vs_store *store;
	struct vs_fleet *fleet;
	char *bad;
	struct vs_why *why;
	struct kept said[kept_max], runs[kept_max];
};

static struct kept *kept_at(struct kept *all, const char *text,
                            const void *beside)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325) ^ (uintptr_t)beside;

	for (const char *at = text; *at; at++)
		h = (h ^ (unsigned char)*at) * UINT64_C(0x100000001b3);
	return &all[(h ^ h >> 32) % kept_max];
}

static bool known(const struct kept *k, const char *text, const void *beside)
{
	return k->text && k->beside == beside && strcmp(k->text, text) == 0;
}

/* Takes over what bytes are the copy of. */
static vs_status keep(struct vs_pool *pool, struct kept *k, const char *text,
                      const void *bytes, size_t len)
{
	const void *copy;
	vs_status status = vs_pool_take(pool, bytes, len, &copy);
	char *mine = status ? NULL : strdup(text);

	if (!status && !mine)
		status = VS_ERR_NOMEM;
	if (status)
		return status;
	vs_pool_give(pool, k->means);
	free(k->text);
	k->text = mine;
	k->means = copy;
	return VS_OK;
}

static void kept_drop(struct vs_pool *pool, struct kept *all)
{
	for (size_t i = 0; i < kept_max; i++) {
		vs_pool_give(pool, all[i].means);
		free(all[i].text);
	}
}

static struct vs_device *find(struct loading *l, const struct vs_row *row)
{
	const char *id = vs_row_text(l->store, row, 0);
	size_t len = strnlen(id, VS_DEVICE_ID_LEN - 1);

	memcpy(l->bad, id, len);
	l->bad[len] = 0;
	return vs_fleet_find(l->fleet, id);
}

static vs_status load_device(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	struct vs_device *d;
	size_t len;
	const struct vs_enrolled e = {
		.id = vs_row_text(s, row, 0),
		.seq = vs_row_uint(s, row, 1),
		.site = vs_row_text(s, row, 2),
		.feeder = vs_row_text(s, row, 3),
		.model = vs_row_text(s, row, 4),
		.utc_offset_min =
			(int32_t)strtol(vs_row_text(s, row, 5), NULL, 10),
		.labels = vs_row_text(s, row, 6),
		.ecus = vs_row_text(s, row, 7),
		.fingerprint = vs_row_blob(s, row, 8, &len),
		.expires_s = vs_row_uint(s, row, 9),
	};

	(void)find(l, row); /* so that bad names it */
	return len == 32 ? vs_fleet_add(l->fleet, &e, &d) : VS_ERR_INPUT;
}

static vs_status load_said(struct loading *l, struct vs_device *d,
                           const char *text)
{
	struct vs_pool *pool = &l->fleet->pool;
	struct kept *k = kept_at(l->said, text, NULL);

	if (!known(k, text, NULL)) {
		struct vs_device_state state;
		vs_status status = vs_device_said_read(text, &state, l->why);

		if (!status)
			status = keep(pool, k, text, &state, sizeof state);
		if (status)
			return status;
	}
	vs_pool_give(pool, d->state);
	d->state = vs_pool_again(k->means);
	return VS_OK;
}

static vs_status load_runs(struct loading *l, struct vs_device *d,
                           const char *text)
{
	struct vs_pool *pool = &l->fleet->pool;
	struct kept *k = kept_at(l->runs, text, d->ecus);
	const size_t len = d->ecu_count * sizeof *d->ecus;

	if (!known(k, text, d->ecus)) {
		struct vs_device_ecu ecus[VS_ECUS_MAX];

		memcpy(ecus, d->ecus, len);
		vs_status status =
			vs_device_runs_read(text, ecus, d->ecu_count, l->why);
		if (!status)
			status = keep(pool, k, text, ecus, len);
		if (status)
			return status;
		k->beside = d->ecus;
	}
	/* what it depends on stays where it is for as long as it is kept */
	d->ecus = vs_pool_again(k->means);
	return VS_OK;
}

static vs_status load_state(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	struct vs_device *d = find(l, row);
	uint64_t received_s = vs_row_uint(s, row, 2);
	uint64_t faults = vs_row_uint(s, row, 3);
	uint64_t fetched = vs_row_uint(s, row, 4);

	if (!d || received_s > UINT32_MAX || faults > UINT32_MAX ||
	    fetched >> 48)
		return VS_ERR_INPUT;
	vs_status status = load_runs(l, d, vs_row_text(s, row, 5));
	if (!status)
		status = load_said(l, d, vs_row_text(s, row, 6));
	d->counter = vs_row_uint(s, row, 1);
	d->received_s = (uint32_t)received_s;
	d->faults = (uint32_t)faults;
	d->fetched_low = (uint32_t)fetched;
	d->fetched_high = (uint16_t)(fetched >> 32);
	return status;
}

static vs_status load_director(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	struct vs_device *d = find(l, row);

	if (!d)
		return VS_ERR_INPUT;
	uint64_t version = vs_row_uint(l->store, row, 1);
	/* One that leaves no versions was written by a server that followed
	 * a charger anywhere. */
	if (d->director_version < version &&
	    version <= VS_DIRECTOR_FOLLOW_MAX / 2 * 3)
		d->director_version = version;
	return VS_OK;
}

static vs_status load_assignment(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	struct vs_device *d = find(l, row);
	const struct vs_device_told *told;

	if (!d)
		return VS_ERR_INPUT;
	vs_status status =
		vs_device_told_take(l->fleet, vs_row_text(l->store, row, 1),
	                            vs_row_text(l->store, row, 2), &told);
	if (!status)
		vs_device_told_put(l->fleet, d, told);
	return status;
}

static vs_status load_all(struct loading *l)
{
	/* clang-format off */
	static const struct {
		const char *sql;
		vs_row_fn each;
	} tables[] = {
		{"SELECT id, seq, site, feeder, model, utc_offset, labels, "
		 "ecus, fingerprint, expires_s FROM device", load_device},
		{"SELECT device, counter, received_s, faults, fetched, runs, "
		 "said FROM charger_state", load_state},
		{"SELECT device, version FROM director", load_director},
		{"SELECT device, release, campaign FROM assignment",
		 load_assignment},
	};
	/* clang-format on */
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < sizeof tables / sizeof *tables; i++)
		status = vs_store_query(l->store, tables[i].sql, NULL, 0,
		                        tables[i].each, l);
	return status;
}

vs_status vs_fleet_load(struct vs_store *s, struct vs_fleet *out,
                        char bad[static VS_DEVICE_ID_LEN], struct vs_why *why)
{
	struct loading *l = calloc(1, sizeof *l);
	unsigned char *seed = (unsigned char *)&out->pool.seed;

	*out = (struct vs_fleet){0};
	bad[0] = 0;
	vs_fail(VS_OK, why, VS_REASON_UNREADABLE, "a row that fits nothing", 0);
	if (!l)
		return VS_ERR_NOMEM;
	l->store = s;
	l->fleet = out;
	l->bad = bad;
	l->why = why;
	vs_status status =
		RAND_bytes(out->nonce_key, sizeof out->nonce_key) == 1 &&
				RAND_bytes(seed, sizeof out->pool.seed) == 1
			? load_all(l)
			: VS_ERR_CRYPTO;
	kept_drop(&out->pool, l->said);
	kept_drop(&out->pool, l->runs);
	free(l);
	return status ? status : vs_fleet_sort(out);
}

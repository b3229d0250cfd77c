/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet.c - the table of chargers.
 */
#include "server/fleet.h"
#include "base/pem.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "trust/json.h"

static size_t hash(const char *id)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *id; id++)
		h = (h ^ (unsigned char)*id) * UINT64_C(0x100000001b3);
	return (size_t)(h ^ (h >> 32));
}

static void place(struct vs_fleet *f, struct vs_device *d)
{
	size_t i = hash(d->id) & (f->slots - 1);

	while (f->table[i])
		i = (i + 1) & (f->slots - 1);
	f->table[i] = d;
}

static vs_status grow(struct vs_fleet *f)
{
	size_t cap = f->cap ? f->cap * 2 : 64;
	struct vs_device **all = realloc(f->all, cap * sizeof(*all));

	if (!all)
		return VS_ERR_NOMEM;
	f->all = all;
	struct vs_device **table = calloc(cap * 2, sizeof(*table));
	if (!table)
		return VS_ERR_NOMEM;
	free(f->table);
	f->table = table;
	f->slots = cap * 2;
	f->cap = cap;
	for (size_t i = 0; i < f->count; i++)
		place(f, f->all[i]);
	return VS_OK;
}

vs_status vs_fleet_add(struct vs_fleet *f, struct vs_device *d)
{
	if (f->count == f->cap) {
		vs_status status = grow(f);

		if (status)
			return status;
	}
	f->all[f->count++] = d;
	place(f, d);
	if (d->seq > f->last_seq)
		f->last_seq = d->seq;
	return VS_OK;
}

struct vs_device *vs_fleet_find(const struct vs_fleet *f, const char *id)
{
	if (!f->slots)
		return NULL;
	for (size_t i = hash(id) & (f->slots - 1); f->table[i];
	     i = (i + 1) & (f->slots - 1))
		if (strcmp(f->table[i]->id, id) == 0)
			return f->table[i];
	return NULL;
}

void vs_fleet_drop(struct vs_fleet *f)
{
	for (size_t i = 0; i < f->count; i++)
		vs_device_free(&f->all[i]);
	free(f->all);
	free(f->table);
	*f = (struct vs_fleet){0};
}

struct loading {
	struct vs_store *store;
	struct vs_fleet *fleet;
	char *bad;
	struct vs_why *why;
};

static vs_status load_ecu(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	struct vs_device *d =
		vs_fleet_find(l->fleet, vs_row_text(l->store, row, 0));

	if (!d || d->ecu_count == VS_ECUS_MAX)
		return VS_ERR_INPUT;
	struct vs_device_ecu *e = &d->ecus[d->ecu_count++];
	snprintf(e->id, sizeof e->id, "%s", vs_row_text(l->store, row, 1));
	snprintf(e->component, sizeof e->component, "%s",
	         vs_row_text(l->store, row, 2));
	snprintf(e->hardware, sizeof e->hardware, "%s",
	         vs_row_text(l->store, row, 3));
	return VS_OK;
}

static vs_status load_device(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	struct vs_device *d;
	const struct vs_registration r = {
		.id = vs_row_text(s, row, 0),
		.site = vs_row_text(s, row, 2),
		.feeder = vs_row_text(s, row, 3),
		.model = vs_row_text(s, row, 4),
		.utc_offset_min =
			(int32_t)strtol(vs_row_text(s, row, 5), NULL, 10),
		.certificate = vs_row_text(s, row, 6),
	};

	snprintf(l->bad, VS_DEVICE_ID_LEN, "%s", r.id);
	vs_status status = vs_device_new(&r, &d, l->why);
	if (status)
		return status;
	d->seq = vs_row_uint(s, row, 1);
	status = vs_fleet_add(l->fleet, d);
	if (status)
		vs_device_free(&d);
	return status;
}

static vs_status load_label(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	struct vs_device *d =
		vs_fleet_find(l->fleet, vs_row_text(l->store, row, 0));

	return d ? vs_device_label(d, vs_row_text(l->store, row, 1),
	                           vs_row_text(l->store, row, 2))
	         : VS_ERR_INPUT;
}

/* With a certificate that was replaced since. */
static vs_status decode_before(const void *body, size_t len, const char *pem,
                               struct vs_report *r, struct vs_why *why)
{
	struct vs_key key = {0};
	X509 *cert = NULL;
	vs_status status = vs_pem_certificate_text(pem, strlen(pem), &cert);

	if (!status)
		status = vs_key_from_pkey(X509_get0_pubkey(cert), &key);
	if (!status)
		status = vs_report_decode(body, len, &key, r, why);
	vs_key_drop(&key);
	X509_free(cert);
	return status;
}

/* The report is verified again: what a charger signed is what counts. */
static vs_status load_report(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	const struct vs_store *s = l->store;
	struct vs_device *d = vs_fleet_find(l->fleet, vs_row_text(s, row, 0));
	struct vs_report *r = calloc(1, sizeof *r);
	size_t len;
	const void *body = vs_row_blob(s, row, 3, &len);

	if (!d || !r) {
		free(r);
		return d ? VS_ERR_NOMEM : VS_ERR_INPUT;
	}
	snprintf(l->bad, VS_DEVICE_ID_LEN, "%s", d->id);
	const char *before = vs_row_text(s, row, 4);
	vs_status status = vs_report_decode(body, len, &d->key, r, l->why);
	if (status == VS_ERR_REFUSED && *before)
		status = decode_before(body, len, before, r, l->why);
	if (!status)
		status = vs_device_boot(r, &d->boot);
	if (!status)
		vs_device_report(d, r, vs_row_text(s, row, 1),
		                 vs_row_uint(s, row, 2));
	free(r);
	return status;
}

static vs_status load_watch(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	struct vs_device *d =
		vs_fleet_find(l->fleet, vs_row_text(l->store, row, 0));
	const char *ecus[VS_ECUS_MAX];

	if (!d)
		return VS_ERR_INPUT;
	const struct vs_watch_with with = vs_device_watch(d, ecus, 0, 0);
	return vs_watch_load(&d->watch, vs_row_text(l->store, row, 1),
	                     vs_row_uint(l->store, row, 2), &with);
}

static vs_status load_director(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	struct vs_device *d =
		vs_fleet_find(l->fleet, vs_row_text(l->store, row, 0));

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
	struct vs_device *d =
		vs_fleet_find(l->fleet, vs_row_text(l->store, row, 0));

	if (!d)
		return VS_ERR_INPUT;
	snprintf(d->release, sizeof d->release, "%s",
	         vs_row_text(l->store, row, 1));
	snprintf(d->campaign, sizeof d->campaign, "%s",
	         vs_row_text(l->store, row, 2));
	return VS_OK;
}

vs_status vs_fleet_load(struct vs_store *s, struct vs_fleet *out,
                        char bad[static VS_DEVICE_ID_LEN], struct vs_why *why)
{
	/* clang-format off */
	static const struct {
		const char *sql;
		vs_row_fn each;
	} tables[] = {
		{"SELECT id, seq, site, feeder, model, utc_offset, certificate "
		 "FROM device ORDER BY seq", load_device},
		{"SELECT device, id, component, hardware FROM ecu "
		 "ORDER BY device, place", load_ecu},
		{"SELECT device, kind, value FROM label "
		 "ORDER BY device, kind, value", load_label},
		{"SELECT r.device, r.nonce, r.received_s, r.body, "
		 "COALESCE(b.certificate, '') FROM report r "
		 "LEFT JOIN certificate_before b ON b.device = r.device",
		 load_report},
		{"SELECT device, name, value FROM watch", load_watch},
		{"SELECT device, version FROM director", load_director},
		{"SELECT device, release, campaign FROM assignment",
		 load_assignment},
	};
	/* clang-format on */
	struct loading l = {.store = s, .fleet = out, .bad = bad, .why = why};
	vs_status status = VS_OK;

	*out = (struct vs_fleet){0};
	bad[0] = 0;
	vs_fail(VS_OK, why, VS_REASON_UNREADABLE, "a row that fits nothing", 0);
	for (size_t i = 0; !status && i < sizeof tables / sizeof *tables; i++)
		status = vs_store_query(s, tables[i].sql, NULL, 0,
		                        tables[i].each, &l);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/fleet_upgrade.c - what is slow and done once: chargers' rows out
 * of older ones, and reports verified again.
 *
 * Until schema 4 a start read every certificate and verified every report.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "server/fleet/device_row.h"
#include "server/fleet/fleet.h"

enum { batch_max = 1000 };

/* One charger of an older server, as its rows are read. */
struct upgrade {
	struct vs_store *store;
	struct vs_why *why;
	char *bad;
	struct vs_registration_texts texts;
	struct vs_fleet alone; /* of this charger, and with nobody else */
	struct vs_device *device;
	struct vs_device_next next;
	bool reported;
	char ids[batch_max][VS_DEVICE_ID_LEN];
	size_t count;
};

static vs_status add(char *out, size_t cap, const char *a, const char *b,
                     const char *c)
{
	size_t used = strlen(out);
	int n = snprintf(out + used, cap - used, "%s%s%s", a, b, c);

	return n >= 0 && (size_t)n < cap - used ? VS_OK : VS_ERR_LIMIT;
}

static vs_status read_id(void *ctx, const struct vs_row *row)
{
	struct upgrade *u = ctx;

	snprintf(u->ids[u->count++], VS_DEVICE_ID_LEN, "%.63s",
	         vs_row_text(u->store, row, 0));
	return VS_OK;
}

static vs_status read_ecu(void *ctx, const struct vs_row *row)
{
	struct upgrade *u = ctx;
	char *out = u->texts.ecus;
	const struct vs_store *s = u->store;
	vs_status status = add(out, VS_ECUS_LEN, *out ? " " : "",
	                       vs_row_text(s, row, 0), " ");

	return status ? status
	              : add(out, VS_ECUS_LEN, vs_row_text(s, row, 1), " ",
	                    vs_row_text(s, row, 2));
}

static vs_status read_label(void *ctx, const struct vs_row *row)
{
	struct upgrade *u = ctx;
	char *out = u->texts.labels;
	vs_status status =
		add(out, VS_LABELS_LEN, vs_row_text(u->store, row, 0), "=",
	            vs_row_text(u->store, row, 1));

	return status ? status : add(out, VS_LABELS_LEN, "\n", "", "");
}

static vs_status read_report(void *ctx, const struct vs_row *row)
{
	struct upgrade *u = ctx;
	struct vs_report *r = calloc(1, sizeof *r);
	size_t len;
	const void *body = vs_row_blob(u->store, row, 1, &len);
	const struct vs_report_kept kept = {u->device->id, body, len,
	                                    vs_row_text(u->store, row, 2),
	                                    vs_row_text(u->store, row, 3)};
	vs_status status =
		r ? vs_report_reread(&kept, r, u->why) : VS_ERR_NOMEM;

	if (!status)
		status = vs_device_report(&u->alone, u->device, r,
		                          vs_row_uint(u->store, row, 0),
		                          &u->next);
	u->reported = true;
	free(r);
	return status;
}

static vs_status read_watch(void *ctx, const struct vs_row *row)
{
	struct upgrade *u = ctx;
	const char *ecus[VS_ECUS_MAX];
	const struct vs_watch_with with =
		vs_device_watch(u->device, ecus, 0, 0);

	return vs_watch_load(&u->next.state.watch,
	                     vs_row_text(u->store, row, 0),
	                     vs_row_uint(u->store, row, 1), &with);
}

static vs_status complete_device(struct upgrade *u, const char *id)
{
	const struct vs_value key[] = {vs_text(id)};
	VS_AUTO(vs_free_drop) char *pem = NULL;
	struct vs_device_certificate c = {0};
	vs_status status = vs_enrolled_certificate(u->store, id, &pem);

	if (!status)
		status = vs_device_certificate_read(pem, id, &c, u->why);
	vs_device_certificate_drop(&c);
	if (!status)
		status = vs_store_query(
			u->store,
			"SELECT id, component, hardware FROM ecu "
			"WHERE device = ?1 ORDER BY place",
			key, 1, read_ecu, u);
	if (!status)
		status = vs_store_query(u->store,
		                        "SELECT kind, value FROM label "
		                        "WHERE device = ?1 "
		                        "ORDER BY kind, value",
		                        key, 1, read_label, u);
	if (status)
		return status;
	const struct vs_enrolled e = {
		.id = id,
		.site = "",
		.feeder = "",
		.model = "",
		.labels = u->texts.labels,
		.ecus = u->texts.ecus,
		.fingerprint = c.fingerprint,
		.expires_s = c.expires_s,
	};
	const struct vs_value row[] = {
		vs_text(id), vs_text(e.labels), vs_text(e.ecus),
		vs_blob(e.fingerprint, sizeof c.fingerprint),
		vs_uint(e.expires_s)};
	status = vs_store_query(u->store,
	                        "UPDATE device SET labels = ?2, ecus = ?3, "
	                        "fingerprint = ?4, expires_s = ?5 "
	                        "WHERE id = ?1",
	                        row, 5, NULL, NULL);
	return status ? status : vs_fleet_add(&u->alone, &e, &u->device);
}

static vs_status complete_report(struct upgrade *u, const char *id)
{
	const struct vs_value key[] = {vs_text(id)};
	vs_status status = vs_store_query(
		u->store,
		"SELECT r.received_s, r.body, c.pem, "
		"COALESCE(b.certificate, '') FROM report r "
		"JOIN certificate c ON c.device = r.device "
		"LEFT JOIN certificate_before b ON b.device = r.device "
		"WHERE r.device = ?1",
		key, 1, read_report, u);

	if (status || !u->reported)
		return status;
	status = vs_store_query(u->store,
	                        "SELECT name, value FROM watch "
	                        "WHERE device = ?1",
	                        key, 1, read_watch, u);
	return status ? status
	              : vs_device_state_store(u->store, &u->next, u->device);
}

static vs_status complete(struct upgrade *u, const char *id)
{
	snprintf(u->bad, VS_DEVICE_ID_LEN, "%s", id);
	u->texts.labels[0] = u->texts.ecus[0] = 0;
	memset(&u->next, 0, sizeof u->next);
	u->reported = false;
	vs_status status = complete_device(u, id);
	if (!status)
		status = complete_report(u, id);
	vs_fleet_drop(&u->alone);
	return status;
}

/* Nothing is in the way of doing it again. */
static vs_status drop_old(struct vs_store *s)
{
	static const char *const sql[] = {"DROP TABLE IF EXISTS ecu",
	                                  "DROP TABLE IF EXISTS label",
	                                  "DROP TABLE IF EXISTS watch"};
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < sizeof sql / sizeof *sql; i++)
		status = vs_store_query(s, sql[i], NULL, 0, NULL, NULL);
	return status;
}

/* Those after the id last. */
static vs_status batch(struct upgrade *u, const char *last)
{
	const struct vs_value args[] = {vs_text(last), vs_uint(batch_max)};

	u->count = 0;
	vs_status status = vs_store_query(
		u->store,
		"SELECT id FROM device WHERE expires_s = 0 AND id > ?1 "
		"ORDER BY id LIMIT ?2",
		args, 2, read_id, u);
	if (status || !u->count)
		return status;
	status = vs_store_begin(u->store);
	if (status)
		return status;
	for (size_t i = 0; !status && i < u->count; i++)
		status = complete(u, u->ids[i]);
	if (!status)
		return vs_store_commit(u->store);
	vs_store_undo(u->store);
	return status;
}

vs_status vs_fleet_upgrade(struct vs_store *s,
                           char bad[static VS_DEVICE_ID_LEN],
                           struct vs_why *why)
{
	struct upgrade *u = calloc(1, sizeof *u);
	char last[VS_DEVICE_ID_LEN] = "";
	vs_status status = VS_OK;

	bad[0] = 0;
	vs_fail(VS_OK, why, VS_REASON_UNREADABLE, "a row that fits nothing", 0);
	if (!u)
		return VS_ERR_NOMEM;
	u->store = s;
	u->why = why;
	u->bad = bad;
	do {
		status = batch(u, last);
		if (u->count)
			snprintf(last, sizeof last, "%s", u->ids[u->count - 1]);
	} while (!status && u->count == batch_max);
	free(u);
	return status ? status : drop_old(s);
}

struct verifying {
	struct vs_store *store;
	const struct vs_fleet *fleet;
	char *bad;
	struct vs_why *why;
	struct vs_report *report;    /* owned */
	struct vs_device_next *next; /* owned */
};

/* Whether memory has what the report says.  What follows from more than one
 * report is not compared.
 */
static bool same(const struct vs_device *d, const struct vs_device_next *n)
{
	struct vs_device_state has, says;

	memcpy(&has, d->state, sizeof has);
	memcpy(&says, &n->state, sizeof says);
	has.director_trusted = says.director_trusted = 0;
	has.image_trusted = says.image_trusted = 0;
	memset(&has.watch, 0, sizeof has.watch);
	memset(&says.watch, 0, sizeof says.watch);
	return d->counter == n->device.counter &&
	       d->faults == n->device.faults &&
	       vs_device_fetched(d) == vs_device_fetched(&n->device) &&
	       vs_device_state_same(&has, &says) &&
	       memcmp(d->ecus, n->ecus, d->ecu_count * sizeof *n->ecus) == 0;
}

static vs_status verify_report(void *ctx, const struct vs_row *row)
{
	struct verifying *v = ctx;
	const struct vs_store *s = v->store;
	const char *id = vs_row_text(s, row, 0);
	const struct vs_device *d = vs_fleet_find(v->fleet, id);
	size_t len;
	const void *body = vs_row_blob(s, row, 1, &len);
	const struct vs_report_kept kept = {
		id, body, len, vs_row_text(s, row, 2), vs_row_text(s, row, 3)};

	snprintf(v->bad, VS_DEVICE_ID_LEN, "%.63s", id);
	if (!d)
		return VS_ERR_REFUSED;
	memset(v->report, 0, sizeof *v->report);
	memset(v->next, 0, sizeof *v->next);
	vs_status status = vs_report_reread(&kept, v->report, v->why);
	if (!status)
		status = vs_device_report(v->fleet, d, v->report, 0, v->next);
	if (!status && !same(d, v->next))
		status =
			vs_fail(VS_ERR_REFUSED, v->why, VS_REASON_HASH_MISMATCH,
		                "its report says other than its state", 0);
	return status;
}

vs_status vs_fleet_verify(struct vs_store *s, const struct vs_fleet *f,
                          char bad[static VS_DEVICE_ID_LEN], struct vs_why *why)
{
	struct verifying v = {
		.store = s,
		.fleet = f,
		.bad = bad,
		.why = why,
		.report = malloc(sizeof *v.report),
		.next = malloc(sizeof *v.next),
	};
	vs_status status = v.report && v.next ? VS_OK : VS_ERR_NOMEM;

	bad[0] = 0;
	vs_fail(VS_OK, why, VS_REASON_UNREADABLE, "reports", 0);
	if (!status)
		status = vs_store_query(
			s,
			"SELECT r.device, r.body, c.pem, "
			"COALESCE(b.certificate, '') FROM report r "
			"JOIN certificate c ON c.device = r.device "
			"LEFT JOIN certificate_before b "
			"ON b.device = r.device",
			NULL, 0, verify_report, &v);
	free(v.report);
	free(v.next);
	return status;
}

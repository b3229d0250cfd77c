/* SPDX-License-Identifier: Apache-2.0
 *
 * server/monitor/forecast.c - what expires when: certificates, metadata,
 * chargers.
 */
#include <openssl/err.h>
#include <stdio.h>
#include <string.h>

#include "base/pem.h"
#include "server/campaigns/scope.h"
#include "server/monitor/compliance.h"
#include "server/net/peer.h"
#include "server/store/name.h"
#include "trust/envelope.h"
#include "trust/json.h"
#include "trust/time.h"
#include "trust/tuf.h"

enum { soon_s = 90 * 86400, soon_max = 100, months_max = 600 };

typedef vs_status (*each_fn)(void *ctx, const char *kind, const char *name,
                             uint64_t at_s);

static vs_status certificate(const char *kind, const char *path, each_fn each,
                             void *ctx)
{
	X509 *cert = NULL;
	uint64_t at_s = 0;
	vs_status status = vs_pem_certificate(path, &cert);

	if (!status)
		status = vs_peer_expires(cert, &at_s);
	X509_free(cert);
	ERR_clear_error();
	/* A file that was moved since the start is no reason to tell nothing.
	 */
	return each(ctx, kind, path, status ? 0 : at_s);
}

static vs_status metadata(const char *kind, const struct vs_file *f,
                          each_fn each, void *ctx)
{
	struct vs_envelope e = {0};
	struct vs_why why;
	const char *text;
	uint64_t at_s = 0;
	vs_status status = vs_envelope_parse(
		f->bytes, f->len, VS_TUF_TARGETS_MAX, NULL, &e, &why);

	if (!status)
		status = vs_json_string(e.body, "expires", &text, &why);
	if (!status)
		status = vs_time_parse(text, &at_s);
	vs_envelope_drop(&e);
	return status ? status : each(ctx, kind, f->name, at_s);
}

/* The newest file of each role. */
static vs_status repository(const char *kind, const struct vs_fileset *files,
                            each_fn each, void *ctx)
{
	vs_status status = VS_OK;
	char role[128];
	uint64_t n;

	for (size_t i = 0; !status && i < files->count; i++) {
		const struct vs_file *f = &files->files[i];

		if (!vs_name_metadata(f->name, &n, role, sizeof role) &&
		    f == vs_fileset_newest(files, role, &n))
			status = metadata(kind, f, each, ctx);
	}
	const struct vs_file *t = vs_fileset_find(files, "timestamp.json");
	return status || !t ? status : metadata(kind, t, each, ctx);
}

vs_status vs_expiries(struct vs_server *s, each_fn each, void *ctx)
{
	vs_status status =
		certificate("tls_cert", s->settings->tls_cert, each, ctx);

	if (!status)
		status = certificate("device_ca", s->settings->device_ca, each,
		                     ctx);
	if (!status)
		status = repository("director", &s->director_roots, each, ctx);
	pthread_rwlock_rdlock(&s->lock);
	if (!status)
		status = repository("image", &s->image.files, each, ctx);
	pthread_rwlock_unlock(&s->lock);
	return status;
}

struct forecast {
	json_t *list;
	uint64_t now_s;
};

static json_t *entry(const char *kind, const char *name, uint64_t at_s,
                     uint64_t now_s)
{
	char at[VS_TIME_LEN] = "";
	json_int_t days = ((json_int_t)at_s - (json_int_t)now_s) / 86400;

	if (at_s)
		vs_time_format(at_s, at);
	return json_pack("{s:s, s:s, s:s, s:I}", "kind", kind, "name", name,
	                 "expires", at, "days", at_s ? days : -1);
}

/* Soonest first: lists are short. */
static vs_status insert(json_t *list, json_t *one)
{
	const char *at = json_string_value(json_object_get(one, "expires"));
	size_t i = 0;

	while (at && i < json_array_size(list) &&
	       strcmp(json_string_value(json_object_get(json_array_get(list, i),
	                                                "expires")),
	              at) <= 0)
		i++;
	return json_array_insert_new(list, i, one) ? VS_ERR_NOMEM : VS_OK;
}

static vs_status add(void *ctx, const char *kind, const char *name,
                     uint64_t at_s)
{
	struct forecast *f = ctx;

	return insert(f->list, entry(kind, name, at_s, f->now_s));
}

/* "2027-03" and how many chargers' certificates end in it. */
static vs_status add_month(json_t *months, uint64_t at_s)
{
	char text[VS_TIME_LEN];

	vs_time_format(at_s, text);
	text[7] = 0;
	json_int_t n = json_integer_value(json_object_get(months, text));
	if (n == 0 && json_object_size(months) == months_max)
		return VS_OK;
	return json_object_set_new(months, text, json_integer(n + 1))
	               ? VS_ERR_NOMEM
	               : VS_OK;
}

static vs_status chargers(struct vs_server *s, const struct vs_person *p,
                          uint64_t now_s, json_t *months, json_t *soon)
{
	vs_status status = VS_OK;

	pthread_rwlock_rdlock(&s->lock);
	for (size_t i = 0; !status && i < s->fleet.count; i++) {
		const struct vs_device *d = vs_fleet_at(&s->fleet, i);

		if (!vs_scope_device(p, d))
			continue;
		status = add_month(months, d->expires_s);
		if (!status && d->expires_s < now_s + soon_s)
			status = insert(soon, entry("charger", d->id,
			                            d->expires_s, now_s));
		/* Of more than that the months are enough. */
		if (!status && json_array_size(soon) > soon_max &&
		    json_array_remove(soon, soon_max))
			status = VS_ERR_NOMEM;
	}
	pthread_rwlock_unlock(&s->lock);
	return status;
}

vs_status vs_forecast(struct vs_server *s, const struct vs_person *p,
                      json_t **out)
{
	struct forecast f = {json_array(), vs_server_now()};
	json_t *months = json_object(), *soon = json_array();
	vs_status status = f.list && months && soon ? VS_OK : VS_ERR_NOMEM;

	if (!status)
		status = vs_expiries(s, add, &f);
	if (!status)
		status = chargers(s, p, f.now_s, months, soon);
	*out = status ? NULL
	              : json_pack("{s:O, s:O, s:O}", "server", f.list,
	                          "chargers_by_month", months, "chargers_soon",
	                          soon);
	json_decref(f.list);
	json_decref(months);
	json_decref(soon);
	return status || *out ? status : VS_ERR_NOMEM;
}

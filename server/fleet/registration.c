/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/registration.c - JSON to rows.
 */
#include "server/fleet/registration.h"

#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pem.h"
#include "server/fleet/rollout_zone.h"
#include "server/net/peer.h"
#include "server/store/name.h"
#include "trust/json.h"

enum { offset_max = 14 * 60, tags_max = 16 };

static vs_status bad(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static vs_status take_name(const json_t *o, const char *field, size_t cap,
                           bool needed, const char **out, struct vs_why *why)
{
	*out = "";
	if (!needed && !json_object_get(o, field))
		return VS_OK;
	vs_status status = vs_json_string(o, field, out, why);
	if (status)
		return status;
	if (!needed && !**out)
		return VS_OK;
	return vs_name_ok(*out, cap) ? VS_OK : bad(why, field);
}

/* A misspelt field must not become none. */
static bool only(const json_t *o, const char *const *names, size_t count)
{
	size_t known = 0;

	for (size_t i = 0; i < count; i++)
		known += json_object_get(o, names[i]) != NULL;
	return known == json_object_size(o);
}

static vs_status parse_ecu(const json_t *o, struct vs_registration *r,
                           struct vs_why *why)
{
	static const char *const names[] = {"id", "component", "hardware"};
	size_t n = r->ecu_count;

	if (!only(o, names, sizeof names / sizeof *names))
		return bad(why, "ecus: a field that ECUs do not have");
	if (n == VS_ECUS_MAX)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_TOO_LARGE, "ecus",
		               0);
	vs_status status = take_name(o, "id", 64, true, &r->ecus[n].id, why);
	if (!status)
		status = take_name(o, "component", VS_COMPONENT_LEN, true,
		                   &r->ecus[n].component, why);
	if (!status)
		status = take_name(o, "hardware", VS_HARDWARE_LEN, true,
		                   &r->ecus[n].hardware, why);
	for (size_t i = 0; !status && i < n; i++)
		if (strcmp(r->ecus[i].id, r->ecus[n].id) == 0)
			status = vs_fail(VS_ERR_INPUT, why,
			                 VS_REASON_DUPLICATE_ECU, "ecus.id", 0);
	r->ecu_count++;
	return status;
}

static vs_status parse_offset(const json_t *body, struct vs_registration *r,
                              struct vs_why *why)
{
	const json_t *v = json_object_get(body, "utc_offset_min");
	json_int_t n = json_integer_value(v);

	if (v && (!json_is_integer(v) || n < -offset_max || n > offset_max))
		return bad(why, "utc_offset_min");
	r->utc_offset_min = (int32_t)n;
	return VS_OK;
}

static void add_label(struct vs_registration *r, const char *kind,
                      const char *value)
{
	if (!*value)
		return;
	r->labels[r->label_count].kind = kind;
	r->labels[r->label_count++].value = value;
}

/* Labels that come once, and what they may say; the first one is the same as
 * nothing.
 */
static vs_status parse_word(const json_t *body, struct vs_registration *r,
                            const char *field, const char *const words[2],
                            struct vs_why *why)
{
	const char *text;
	vs_status status =
		take_name(body, field, VS_NAME_LEN, false, &text, why);

	if (status || !*text || strcmp(text, words[0]) == 0)
		return status;
	if (strcmp(text, words[1]) != 0)
		return bad(why, field);
	add_label(r, field, text);
	return VS_OK;
}

static vs_status parse_zone(const json_t *body, struct vs_registration *r,
                            struct vs_why *why)
{
	const char *text = "";

	if (!json_object_get(body, "zone"))
		return VS_OK;
	vs_status status = vs_json_string(body, "zone", &text, why);
	if (!status && *text && !vs_zone_known(text))
		status = bad(why, "zone: no IANA time zone of this server");
	if (!status)
		add_label(r, "zone", text);
	return status;
}

static vs_status parse_labels(const json_t *body, struct vs_registration *r,
                              struct vs_why *why)
{
	static const char *const updates[] = {"all", "security"};
	static const char *const profiles[] = {"agent", "legacy"};
	const json_t *tags = json_object_get(body, "tags");
	const char *tenant = "", *region = "", *text;
	vs_status status =
		take_name(body, "tenant", VS_NAME_LEN, false, &tenant, why);

	add_label(r, "tenant", tenant);
	if (!status)
		status = take_name(body, "region", VS_NAME_LEN, false, &region,
		                   why);
	add_label(r, "region", region);
	if (!status)
		status = parse_zone(body, r, why);
	if (!status)
		status = parse_word(body, r, "updates", updates, why);
	if (!status)
		status = parse_word(body, r, "profile", profiles, why);
	if (status)
		return status;
	if (tags && (!json_is_array(tags) || json_array_size(tags) > tags_max))
		return bad(why, "tags: a list of up to 16");
	for (size_t i = 0; i < json_array_size(tags); i++) {
		text = json_string_value(json_array_get(tags, i));
		if (!text || !vs_name_ok(text, VS_NAME_LEN))
			return bad(why, "tags: each is a name");
		add_label(r, "tag", text);
	}
	return VS_OK;
}

vs_status vs_registration_parse(const json_t *body, struct vs_registration *r,
                                struct vs_why *why)
{
	static const char *const names[] = {
		"id",          "site",           "feeder", "model",
		"certificate", "utc_offset_min", "ecus",   "tenant",
		"tags",        "region",         "zone",   "updates",
		"profile",
	};
	json_t *ecus = NULL;

	*r = (struct vs_registration){0};
	if (!only(body, names, sizeof names / sizeof *names))
		return bad(why, "a field that chargers do not have");
	vs_status status =
		take_name(body, "id", VS_DEVICE_ID_LEN, true, &r->id, why);
	if (!status)
		status = take_name(body, "site", VS_NAME_LEN, true, &r->site,
		                   why);
	if (!status)
		status = take_name(body, "feeder", VS_NAME_LEN, false,
		                   &r->feeder, why);
	if (!status)
		status = take_name(body, "model", VS_NAME_LEN, false, &r->model,
		                   why);
	if (!status)
		status = vs_json_string(body, "certificate", &r->certificate,
		                        why);
	if (!status)
		status = parse_offset(body, r, why);
	if (!status)
		status = parse_labels(body, r, why);
	if (!status)
		status = vs_json_array(body, "ecus", &ecus, why);
	for (size_t i = 0; !status && i < json_array_size(ecus); i++)
		status = parse_ecu(json_array_get(ecus, i), r, why);
	return !status && r->ecu_count == 0 ? bad(why, "ecus") : status;
}

vs_status vs_device_certificate_read(const char *pem, const char *id,
                                     struct vs_device_certificate *out,
                                     struct vs_why *why)
{
	X509 *cert = NULL;
	unsigned len = sizeof out->fingerprint;
	char name[VS_DEVICE_ID_LEN];

	*out = (struct vs_device_certificate){0};
	if (vs_pem_certificate_text(pem, strlen(pem), &cert))
		return bad(why, "certificate");
	vs_status status = vs_peer_name(cert, name, sizeof name);
	if (!status)
		status = vs_peer_expires(cert, &out->expires_s);
	if (status || strcmp(name, id) != 0)
		status = bad(why, "certificate: its common name is not id");
	else if (X509_digest(cert, EVP_sha256(), out->fingerprint, &len) != 1)
		status = vs_fail(VS_ERR_CRYPTO, why, VS_REASON_NONE,
		                 "certificate", 0);
	else if (vs_key_from_pkey(X509_get0_pubkey(cert), &out->key))
		status = vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		                 "certificate: its kind of key", 0);
	X509_free(cert);
	return status;
}

void vs_device_certificate_drop(struct vs_device_certificate *c)
{
	vs_key_drop(&c->key);
}

/* Adds a text; false if it does not fit. */
static bool add(char *out, size_t cap, size_t *used, const char *text)
{
	size_t len = strlen(text);

	if (len >= cap - *used)
		return false;
	memcpy(out + *used, text, len + 1);
	*used += len;
	return true;
}

static bool spell_labels(const struct vs_registration *r,
                         char out[static VS_LABELS_LEN])
{
	size_t used = 0;
	bool fits = true;

	out[0] = 0;
	for (size_t i = 0; fits && i < r->label_count; i++) {
		char line[VS_NAME_LEN + 16];

		snprintf(line, sizeof line, "%.8s=%.63s\n", r->labels[i].kind,
		         r->labels[i].value);
		if (i == 0 || !strstr(out, line)) /* once */
			fits = add(out, VS_LABELS_LEN, &used, line);
	}
	return fits;
}

static bool spell_ecus(const struct vs_registration *r,
                       char out[static VS_ECUS_LEN])
{
	size_t used = 0;
	bool fits = true;

	out[0] = 0;
	for (size_t i = 0; fits && i < r->ecu_count; i++) {
		const char *const words[] = {i ? " " : "", r->ecus[i].id,
		                             " ",          r->ecus[i].component,
		                             " ",          r->ecus[i].hardware};

		for (size_t k = 0; fits && k < 6; k++)
			fits = add(out, VS_ECUS_LEN, &used, words[k]);
	}
	return fits;
}

vs_status vs_registration_spell(const struct vs_registration *r,
                                const struct vs_device_certificate *c,
                                struct vs_registration_texts *texts,
                                struct vs_enrolled *out)
{
	*out = (struct vs_enrolled){
		.id = r->id,
		.site = r->site,
		.feeder = r->feeder,
		.model = r->model,
		.labels = texts->labels,
		.ecus = texts->ecus,
		.fingerprint = c->fingerprint,
		.expires_s = c->expires_s,
		.utc_offset_min = r->utc_offset_min,
	};
	return spell_labels(r, texts->labels) && spell_ecus(r, texts->ecus)
	               ? VS_OK
	               : VS_ERR_LIMIT;
}

vs_status vs_enrolled_store(struct vs_store *s, const struct vs_enrolled *e,
                            const char *pem, uint64_t now_s)
{
	char offset[16];

	snprintf(offset, sizeof offset, "%d", (int)e->utc_offset_min);
	const struct vs_value row[] = {
		vs_text(e->id),        vs_uint(e->seq),
		vs_text(e->site),      vs_text(e->feeder),
		vs_text(e->model),     vs_text(offset),
		vs_uint(now_s),        vs_text(e->labels),
		vs_text(e->ecus),      vs_blob(e->fingerprint, 32),
		vs_uint(e->expires_s),
	};
	const struct vs_value certificate[] = {vs_text(e->id), vs_text(pem)};
	vs_status status = vs_store_query(
		s,
		"INSERT INTO device (id, seq, site, feeder, model, utc_offset, "
		"registered_s, labels, ecus, fingerprint, expires_s) VALUES "
		"(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11)",
		row, 11, NULL, NULL);

	return status ? status
	              : vs_store_query(s,
	                               "INSERT INTO certificate (device, pem) "
	                               "VALUES (?1, ?2)",
	                               certificate, 2, NULL, NULL);
}

struct reading {
	struct vs_store *store;
	char **out;
};

static vs_status read_pem(void *ctx, const struct vs_row *row)
{
	const struct reading *r = ctx;

	*r->out = strdup(vs_row_text(r->store, row, 0));
	return *r->out ? VS_OK : VS_ERR_NOMEM;
}

vs_status vs_enrolled_certificate(struct vs_store *s, const char *id,
                                  char **out)
{
	struct reading r = {s, out};

	*out = NULL;
	vs_status status = vs_store_query(
		s, "SELECT pem FROM certificate WHERE device = ?1",
		(struct vs_value[]){vs_text(id)}, 1, read_pem, &r);
	return status || *out ? status : VS_ERR_ABSENT;
}

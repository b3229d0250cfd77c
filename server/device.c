/* SPDX-License-Identifier: Apache-2.0
 *
 * server/device.c - one charger: registration, report, what fits it.
 */
#include <openssl/err.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/pem.h"
#include "server/compliance.h"
#include "server/fleet.h"
#include "server/name.h"
#include "server/peer.h"
#include "server/rollout_zone.h"
#include "trust/json.h"
#include "trust/time.h"

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

static vs_status read_certificate(const char *pem, struct vs_device *d,
                                  struct vs_why *why)
{
	X509 *cert = NULL;
	unsigned len = sizeof d->fingerprint;
	char name[VS_DEVICE_ID_LEN];

	if (vs_pem_certificate_text(pem, strlen(pem), &cert))
		return bad(why, "certificate");
	vs_status status = vs_peer_name(cert, name, sizeof name);
	if (!status)
		status = vs_peer_expires(cert, &d->expires_s);
	if (status || strcmp(name, d->id) != 0)
		status = bad(why, "certificate: its common name is not id");
	else if (X509_digest(cert, EVP_sha256(), d->fingerprint, &len) != 1)
		status = vs_fail(VS_ERR_CRYPTO, why, VS_REASON_NONE,
		                 "certificate", 0);
	else if (vs_key_from_pkey(X509_get0_pubkey(cert), &d->key))
		status = vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		                 "certificate: its kind of key", 0);
	X509_free(cert);
	return status;
}

static void copy_ecus(const struct vs_registration *r, struct vs_device *d)
{
	for (size_t i = 0; i < r->ecu_count; i++) {
		struct vs_device_ecu *e = &d->ecus[d->ecu_count++];

		snprintf(e->id, sizeof e->id, "%s", r->ecus[i].id);
		snprintf(e->component, sizeof e->component, "%s",
		         r->ecus[i].component);
		snprintf(e->hardware, sizeof e->hardware, "%s",
		         r->ecus[i].hardware);
	}
}

/* Where "KIND=VALUE\n" begins in the labels, NULL if it is not there. */
static const char *find_label(const struct vs_device *d, const char *line)
{
	const char *at = d->labels;

	while (at && *at && strncmp(at, line, strlen(line)) != 0)
		at = strchr(at, '\n') + 1;
	return at && *at ? at : NULL;
}

static void label_line(const char *kind, const char *value,
                       char out[static VS_NAME_LEN + 16])
{
	snprintf(out, VS_NAME_LEN + 16, "%s=%s\n", kind, value);
}

bool vs_device_has_label(const struct vs_device *d, const char *kind,
                         const char *value)
{
	char line[VS_NAME_LEN + 16];

	label_line(kind, value, line);
	return find_label(d, line);
}

vs_status vs_device_label(struct vs_device *d, const char *kind,
                          const char *value)
{
	char line[VS_NAME_LEN + 16];
	size_t used = d->labels ? strlen(d->labels) : 0;

	label_line(kind, value, line);
	if (find_label(d, line))
		return VS_OK;
	char *more = realloc(d->labels, used + strlen(line) + 1);
	if (!more)
		return VS_ERR_NOMEM;
	memcpy(more + used, line, strlen(line) + 1);
	d->labels = more;
	return VS_OK;
}

vs_status vs_device_new(const struct vs_registration *r, struct vs_device **out,
                        struct vs_why *why)
{
	struct vs_device *d = calloc(1, sizeof *d);

	*out = NULL;
	if (!d)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	snprintf(d->id, sizeof d->id, "%s", r->id);
	snprintf(d->site, sizeof d->site, "%s", r->site);
	snprintf(d->feeder, sizeof d->feeder, "%s", r->feeder);
	snprintf(d->model, sizeof d->model, "%s", r->model);
	d->utc_offset_min = r->utc_offset_min;
	d->director_stale = true;
	copy_ecus(r, d);
	vs_status status = read_certificate(r->certificate, d, why);
	for (size_t i = 0; !status && i < r->label_count; i++)
		if (vs_device_label(d, r->labels[i].kind, r->labels[i].value))
			status = vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE,
			                 "memory", 0);
	if (status)
		vs_device_free(&d);
	*out = d;
	return status;
}

void vs_device_free(struct vs_device **device)
{
	struct vs_device *d = *device;

	*device = NULL;
	if (!d)
		return;
	vs_key_drop(&d->key);
	vs_director_drop(&d->director);
	free(d->labels);
	free(d->boot);
	free(d);
}

static vs_status store_labels(struct vs_store *s, const struct vs_device *d)
{
	vs_status status = VS_OK;
	char kind[16], value[VS_NAME_LEN];

	for (const char *at = d->labels; !status && at && *at;
	     at = strchr(at, '\n') + 1) {
		size_t len = strcspn(at, "=");
		const char *rest = at + len + 1;

		snprintf(kind, sizeof kind, "%.*s", (int)len, at);
		snprintf(value, sizeof value, "%.*s", (int)strcspn(rest, "\n"),
		         rest);
		const struct vs_value row[] = {vs_text(d->id), vs_text(kind),
		                               vs_text(value)};
		status = vs_store_query(s,
		                        "INSERT INTO label (device, kind, "
		                        "value) VALUES (?1, ?2, ?3)",
		                        row, 3, NULL, NULL);
	}
	return status;
}

vs_status vs_device_store(struct vs_store *s, const struct vs_device *d,
                          const char *certificate, uint64_t now_s)
{
	char offset[16];

	snprintf(offset, sizeof offset, "%d", (int)d->utc_offset_min);
	const struct vs_value row[] = {
		vs_text(d->id),       vs_uint(d->seq),   vs_text(d->site),
		vs_text(d->feeder),   vs_text(d->model), vs_text(offset),
		vs_text(certificate), vs_uint(now_s),
	};
	vs_status status = vs_store_query(
		s,
		"INSERT INTO device (id, seq, site, feeder, model, utc_offset, "
		"certificate, registered_s) "
		"VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
		row, 8, NULL, NULL);
	for (size_t i = 0; !status && i < d->ecu_count; i++) {
		const struct vs_value ecu[] = {vs_text(d->id), vs_uint(i),
		                               vs_text(d->ecus[i].id),
		                               vs_text(d->ecus[i].component),
		                               vs_text(d->ecus[i].hardware)};

		status = vs_store_query(s,
		                        "INSERT INTO ecu (device, place, id, "
		                        "component, hardware) "
		                        "VALUES (?1, ?2, ?3, ?4, ?5)",
		                        ecu, 5, NULL, NULL);
	}
	return status ? status : store_labels(s, d);
}

vs_status vs_device_check(const struct vs_device *d, const struct vs_report *r,
                          struct vs_why *why)
{
	struct vs_ecu ecus[VS_ECUS_MAX];
	const struct vs_report_known known = {
		.vehicle = d->id,
		.counter = d->state.counter,
		/* it may be one of a server before: any, but one */
		.nonce = d->state.nonce_ours || !*r->nonce ? d->state.nonce
	                                                   : r->nonce,
		.nonce_before = d->state.nonce_before,
		.ecus = ecus,
		.ecu_count = d->ecu_count,
	};

	for (size_t i = 0; i < d->ecu_count; i++)
		ecus[i] = (struct vs_ecu){.id = d->ecus[i].id,
		                          .hardware = d->ecus[i].hardware};
	return vs_report_check(r, &known, why);
}

void vs_device_report(struct vs_device *d, const struct vs_report *r,
                      const char *nonce, uint64_t now_s)
{
	struct vs_device_state *s = &d->state;

	*s = (struct vs_device_state){
		.counter = r->counter,
		.received_s = now_s,
		.reason = r->reason,
		.fallback_reason = r->fallback_reason,
		.campaign_seq = r->campaign_seq,
		.healthy = r->healthy,
		.charging = r->charging,
		.trial = r->trial,
		.fell_back = r->fell_back,
		.faults = r->faults,
		.slot = r->slot,
		.bytes_fetched = r->bytes_fetched,
		.bytes_total = r->bytes_total,
		.director_trusted = r->director_version,
	};
	snprintf(s->nonce, sizeof s->nonce, "%s", nonce);
	memcpy(s->nonce_before, r->nonce, sizeof s->nonce_before);
	memcpy(s->status, r->status, sizeof s->status);
	memcpy(s->phase, r->phase, sizeof s->phase);
	memcpy(s->detail, r->detail, sizeof s->detail);
	memcpy(s->about, r->about, sizeof s->about);
	for (size_t i = 0; i < d->ecu_count; i++)
		for (size_t k = 0; k < r->ecu_count; k++) {
			struct vs_device_ecu *e = &d->ecus[i];

			if (strcmp(e->id, r->ecus[k].id) != 0)
				continue;
			memcpy(e->version, r->ecus[k].version,
			       sizeof e->version);
			e->release_seq = r->ecus[k].release_seq;
			e->floor = r->ecus[k].floor;
			e->seal = vs_seal_short(r->ecus[k].sha256);
		}
	if (r->director_version > d->director_version &&
	    r->director_version <= VS_DIRECTOR_FOLLOW_MAX) {
		d->director_version = r->director_version;
		d->director_stale = true;
	}
}

struct vs_watch_with vs_device_watch(const struct vs_device *d,
                                     const char *ecus[static VS_ECUS_MAX],
                                     uint64_t now_s, uint64_t floor_due_s)
{
	for (size_t i = 0; i < d->ecu_count; i++)
		ecus[i] = d->ecus[i].id;
	return (struct vs_watch_with){now_s, floor_due_s, ecus, d->ecu_count};
}

vs_status vs_device_boot(const struct vs_report *r, struct vs_report_boot **out)
{
	*out = NULL;
	if (!r->boot.known)
		return VS_OK;
	*out = malloc(sizeof **out);
	if (!*out)
		return VS_ERR_NOMEM;
	**out = r->boot;
	return VS_OK;
}

vs_status vs_device_boot_json(const struct vs_device *d, json_t *out)
{
	static const struct vs_report_boot none;

	return json_object_set_new(
		       out, "boot",
		       vs_watch_boot_json(d->boot ? d->boot : &none))
	               ? VS_ERR_NOMEM
	               : VS_OK;
}

bool vs_device_flagged(const struct vs_device *d, enum vs_flag flag)
{
	return d->watch.since_s[flag] != 0;
}

bool vs_device_runs(const struct vs_device *d, const struct vs_releases *r,
                    const char *release)
{
	size_t targets = 0;

	for (size_t i = 0; i < d->ecu_count; i++) {
		const struct vs_device_ecu *e = &d->ecus[i];
		const struct vs_release_target *t = vs_release_target(
			r, release, e->component, e->hardware);

		if (!t)
			continue;
		targets++;
		if (e->release_seq != t->release_seq)
			return false;
	}
	return targets > 0;
}

bool vs_device_later(const struct vs_device *d, const struct vs_releases *r,
                     const char *release)
{
	for (size_t i = 0; i < d->ecu_count; i++) {
		const struct vs_device_ecu *e = &d->ecus[i];
		const struct vs_release_target *t = vs_release_target(
			r, release, e->component, e->hardware);

		if (t && e->release_seq > t->release_seq)
			return true;
	}
	return false;
}

static bool takes(const struct vs_device *d, const struct vs_releases *r,
                  const char *release, const char *path)
{
	for (size_t i = 0; i < d->ecu_count; i++) {
		const struct vs_release_target *t = vs_release_target(
			r, release, d->ecus[i].component, d->ecus[i].hardware);

		if (t && strcmp(t->path, path) == 0)
			return true;
	}
	return false;
}

/* NULL if a release in its stage is for this charger. */
static const char *too_early(const struct vs_device *d,
                             const struct vs_releases *r, const char *release)
{
	const struct vs_release *found = vs_releases_find(r, release);
	bool lab = vs_device_has_label(d, "tag", "lab");

	switch (found ? found->standing.stage : VS_STAGE_GENERAL) {
	case VS_STAGE_LAB:
		return lab ? NULL
		           : "the release is in the lab: only for "
		             "chargers with the tag lab";
	case VS_STAGE_PILOT:
		return lab || vs_device_has_label(d, "tag", "pilot")
		               ? NULL
		               : "the release is a pilot: only for chargers "
		                 "with the tag lab or pilot";
	case VS_STAGE_RETIRED:
		return "the release is retired";
	case VS_STAGE_GENERAL:
		break;
	}
	return NULL;
}

const char *vs_device_unfit(const struct vs_device *d,
                            const struct vs_releases *r, const char *release)
{
	bool some = false;

	for (size_t i = 0; i < d->ecu_count; i++) {
		const struct vs_release_target *t = vs_release_target(
			r, release, d->ecus[i].component, d->ecus[i].hardware);
		const json_t *set =
			t ? json_object_get(t->custom, "releaseSet") : NULL;

		some = some || t;
		for (size_t k = 0; k < json_array_size(set); k++) {
			const char *path =
				json_string_value(json_array_get(set, k));

			if (path && !takes(d, r, release, path))
				return "lacks a component of the release";
		}
	}
	return some ? too_early(d, r, release)
	            : "the release has nothing for its hardware";
}

const char *vs_device_release(const struct vs_device *d,
                              const struct vs_releases *r)
{
	return vs_device_later(d, r, d->release) ? "" : d->release;
}

/* Adds "tags", and the labels that come once: "" if they do not. */
static int add_labels(const struct vs_device *d, json_t *out)
{
	static const char *const once[] = {"tenant", "region", "zone",
	                                   "updates", "profile"};
	json_t *tags = json_array();
	int bad = json_object_set_new(out, "tags", tags);

	for (size_t i = 0; !bad && i < sizeof once / sizeof *once; i++)
		bad = json_object_set_new(out, once[i], json_string(""));
	for (const char *at = d->labels; !bad && at && *at;
	     at = strchr(at, '\n') + 1) {
		size_t kind_len = strcspn(at, "=");
		const char *value = at + kind_len + 1;
		size_t len = strcspn(value, "\n");

		if (strncmp(at, "tag=", 4) == 0)
			bad = json_array_append_new(tags,
			                            json_stringn(value, len));
		else
			bad = json_object_setn_new(out, at, kind_len,
			                           json_stringn(value, len));
	}
	return bad;
}

static json_t *components_json(const struct vs_device *d)
{
	json_t *all = json_object();

	for (size_t i = 0; all && i < d->ecu_count; i++) {
		const struct vs_device_ecu *e = &d->ecus[i];
		json_t *one =
			json_pack("{s:s, s:I, s:I}", "version", e->version,
		                  "release_seq", (json_int_t)e->release_seq,
		                  "floor", (json_int_t)e->floor);

		if (json_object_set_new(all, e->component, one)) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

static const char *word(vs_reason reason)
{
	return reason == VS_REASON_NONE ? "" : vs_reason_name(reason);
}

static json_t *state_json(const struct vs_device_state *s)
{
	char at[VS_TIME_LEN] = "";

	if (s->counter)
		vs_time_format(s->received_s, at);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:i, s:b, "
		"s:b, s:s}",
		"last_report", at, "phase", s->phase, "status", s->status,
		"detail", s->detail, "reason", word(s->reason), "about",
		s->about, "healthy", (int)s->healthy, "charging",
		(int)s->charging, "bytes_fetched", (json_int_t)s->bytes_fetched,
		"bytes_total", (json_int_t)s->bytes_total, "slot", s->slot,
		"trial", (int)s->trial, "fell_back", (int)s->fell_back,
		"fallback_reason", word(s->fallback_reason));
}

vs_status vs_device_json(const struct vs_device *d, uint64_t now_s,
                         uint64_t online_s, json_t **out)
{
	uint64_t seen = atomic_load(&d->seen_s);
	int online = seen && now_s < seen + online_s;
	json_t *components = components_json(d);
	json_t *state = components ? state_json(&d->state) : NULL;

	json_t *flags = state ? vs_watch_json(&d->watch) : NULL;

	if (!flags) {
		json_decref(state);
		state = NULL;
	}
	*out = state ? json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:o, "
	                         "s:o}",
	                         "id", d->id, "site", d->site, "feeder",
	                         d->feeder, "model", d->model, "online", online,
	                         "campaign", d->campaign, "release", d->release,
	                         "components", components, "flags", flags)
	             : NULL;
	if (!state)
		json_decref(components);
	if (*out && (json_object_update(*out, state) || add_labels(d, *out))) {
		json_decref(*out);
		*out = NULL;
	}
	json_decref(state);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

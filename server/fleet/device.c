/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/device.c - one charger: its report, what fits it.
 */
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "server/fleet/fleet.h"

/* Where "KIND=VALUE\n" begins in the labels, NULL if it is not there. */
static const char *find_label(const struct vs_device *d, const char *line)
{
	const char *at = d->kind->labels;

	while (*at && strncmp(at, line, strlen(line)) != 0)
		at = strchr(at, '\n') + 1;
	return *at ? at : NULL;
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

uint64_t vs_device_fetched(const struct vs_device *d)
{
	return (uint64_t)d->fetched_high << 32 | d->fetched_low;
}

/* A keyed digest of what and of up to two more things. */
static vs_status digest(const struct vs_fleet *f, const char *what,
                        const char *text, uint64_t number,
                        uint8_t out[static 32])
{
	uint8_t in[256];
	unsigned len = 32;
	int n = snprintf((char *)in, sizeof in, "%s %s %llu", what, text,
	                 (unsigned long long)number);

	return HMAC(EVP_sha256(), f->nonce_key, sizeof f->nonce_key, in,
	            (size_t)n, out, &len)
	               ? VS_OK
	               : VS_ERR_CRYPTO;
}

vs_status vs_device_nonce(const struct vs_fleet *f, const struct vs_device *d,
                          char out[static VS_NONCE_LEN])
{
	uint8_t bytes[32];

	out[0] = 0;
	if (!d->counter && !d->nonce_ours)
		return VS_OK;
	vs_status status = digest(f, "nonce", d->id, d->counter, bytes);
	if (!status)
		vs_hex_encode(bytes, sizeof bytes, out);
	return status;
}

/* Keyed, so that nobody can look for another with the same mark. */
static vs_status mark(const struct vs_fleet *f, const char *nonce,
                      uint32_t *out)
{
	uint8_t bytes[32];

	*out = 0;
	if (!*nonce)
		return VS_OK;
	vs_status status = digest(f, "mark", nonce, 0, bytes);
	if (!status)
		memcpy(out, bytes, sizeof *out);
	return status;
}

vs_status vs_device_check(const struct vs_fleet *f, const struct vs_device *d,
                          const struct vs_report *r, struct vs_why *why)
{
	struct vs_ecu ecus[VS_ECUS_MAX];
	char nonce[VS_NONCE_LEN];
	uint32_t shown;
	vs_status status = mark(f, r->nonce, &shown);

	if (!status)
		status = vs_device_nonce(f, d, nonce);
	if (status)
		return vs_fail(status, why, VS_REASON_NONE, "nonce", 0);
	const struct vs_report_known known = {
		.vehicle = d->id,
		.counter = d->counter,
		/* it may be one of a server before: any, but one */
		.nonce = d->nonce_ours || !*r->nonce ? nonce : r->nonce,
		.nonce_before =
			shown && shown == d->nonce_before ? r->nonce : "",
		.ecus = ecus,
		.ecu_count = d->ecu_count,
	};

	for (size_t i = 0; i < d->ecu_count; i++)
		ecus[i] = (struct vs_ecu){.id = vs_device_ecu_id(d, i),
		                          .hardware = d->ecus[i].hardware};
	return vs_report_check(r, &known, why);
}

static void take_state(const struct vs_report *r, struct vs_device_state *s)
{
	s->reason = r->reason;
	s->fallback_reason = r->fallback_reason;
	s->campaign_seq = r->campaign_seq;
	s->healthy = r->healthy;
	s->charging = r->charging;
	s->trial = r->trial;
	s->fell_back = r->fell_back;
	s->slot = r->slot;
	s->bytes_total = r->bytes_total;
	snprintf(s->status, sizeof s->status, "%s", r->status);
	snprintf(s->phase, sizeof s->phase, "%s", r->phase);
	snprintf(s->detail, sizeof s->detail, "%s", r->detail);
	snprintf(s->about, sizeof s->about, "%s", r->about);
}

static void take_ecus(const struct vs_device *d, const struct vs_report *r,
                      struct vs_device_ecu ecus[static VS_ECUS_MAX])
{
	memcpy(ecus, d->ecus, d->ecu_count * sizeof *ecus);
	for (size_t i = 0; i < d->ecu_count; i++)
		for (size_t k = 0; k < r->ecu_count; k++) {
			struct vs_device_ecu *e = &ecus[i];

			if (strcmp(vs_device_ecu_id(d, i), r->ecus[k].id) != 0)
				continue;
			memset(e->version, 0, sizeof e->version);
			snprintf(e->version, sizeof e->version, "%s",
			         r->ecus[k].version);
			e->release_seq = r->ecus[k].release_seq;
			e->floor = r->ecus[k].floor;
			e->seal = vs_seal_short(r->ecus[k].sha256);
		}
}

static uint32_t brief(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static void take_fetched(struct vs_device *d, uint64_t bytes)
{
	const uint64_t most = (UINT64_C(1) << 48) - 1;

	if (bytes > most)
		bytes = most;
	d->fetched_low = (uint32_t)bytes;
	d->fetched_high = (uint16_t)(bytes >> 32);
}

vs_status vs_device_report(const struct vs_fleet *f, const struct vs_device *d,
                           const struct vs_report *r, uint64_t now_s,
                           struct vs_device_next *n)
{
	struct vs_device *to = &n->device;

	memcpy(to, d, sizeof *to);
	to->state = &n->state;
	to->ecus = n->ecus;
	take_state(r, &n->state);
	memcpy(&n->state.watch, &d->state->watch, sizeof n->state.watch);
	take_ecus(d, r, n->ecus);
	to->counter = r->counter;
	to->received_s = brief(now_s);
	to->faults = brief(r->faults);
	take_fetched(to, r->bytes_fetched);
	to->nonce_ours = true;
	if (r->director_version > d->director_version &&
	    r->director_version <= VS_DIRECTOR_FOLLOW_MAX) {
		to->director_version = r->director_version;
		to->director_stale = true;
	}
	if (r->director_version > to->director_version)
		n->state.director_trusted = r->director_version;
	return mark(f, r->nonce, &to->nonce_before);
}

vs_status vs_device_prepare(struct vs_fleet *f, struct vs_device_next *n)
{
	struct vs_device *d = &n->device;
	const void *state, *ecus;
	vs_status status =
		vs_pool_take(&f->pool, &n->state, sizeof n->state, &state);

	if (status)
		return status;
	status = vs_pool_take(&f->pool, n->ecus, d->ecu_count * sizeof *n->ecus,
	                      &ecus);
	if (status) {
		vs_pool_give(&f->pool, state);
		return status;
	}
	d->state = state;
	d->ecus = ecus;
	return VS_OK;
}

void vs_device_become(struct vs_fleet *f, struct vs_device *d,
                      const struct vs_device_next *n)
{
	const struct vs_device *to = &n->device;
	const struct vs_device_state *state = d->state;
	const struct vs_device_ecu *ecus = d->ecus;

	d->state = to->state;
	d->ecus = to->ecus;
	d->counter = to->counter;
	d->received_s = to->received_s;
	d->faults = to->faults;
	d->fetched_low = to->fetched_low;
	d->fetched_high = to->fetched_high;
	d->nonce_before = to->nonce_before;
	d->nonce_ours = to->nonce_ours;
	d->director_version = to->director_version;
	d->director_stale = to->director_stale;
	d->refused = VS_REASON_NONE;
	vs_pool_give(&f->pool, state);
	vs_pool_give(&f->pool, ecus);
}

void vs_device_forget(struct vs_fleet *f, const struct vs_device_next *n)
{
	vs_pool_give(&f->pool, n->device.state);
	vs_pool_give(&f->pool, n->device.ecus);
}

struct vs_watch_with vs_device_watch(const struct vs_device *d,
                                     const char *ecus[static VS_ECUS_MAX],
                                     uint64_t now_s, uint64_t floor_due_s)
{
	for (size_t i = 0; i < d->ecu_count; i++)
		ecus[i] = vs_device_ecu_id(d, i);
	return (struct vs_watch_with){now_s, floor_due_s, ecus, d->ecu_count};
}

bool vs_device_flagged(const struct vs_device *d, enum vs_flag flag)
{
	return d->state->watch.since_s[flag] != 0;
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
	return vs_device_later(d, r, d->told->release) ? "" : d->told->release;
}

uint64_t vs_seal_short(const char *sha256)
{
	char head[17] = "";

	memcpy(head, sha256, strnlen(sha256, sizeof head - 1));
	return strtoull(head, NULL, 16);
}

bool vs_device_runs_seal(const struct vs_device *d, uint64_t seal)
{
	for (size_t i = 0; i < d->ecu_count; i++)
		if (d->ecus[i].seal == seal && seal)
			return true;
	return false;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/director.c - one charger's targets, snapshot and timestamp.
 */
#include "server/publish/director.h"

#include <stdlib.h>
#include <string.h>

#include "trust/json.h"
#include "trust/write.h"

#define VERSION_MAX UINT64_C(9007199254740991) /* 2^53 - 1 */

uint64_t vs_director_next(uint64_t last, uint64_t now_s)
{
	if (last >= VERSION_MAX)
		return 0;
	return now_s > last && now_s <= VERSION_MAX ? now_s : last + 1;
}

void vs_director_drop(struct vs_director *d)
{
	free(d->timestamp.bytes);
	free(d->snapshot.bytes);
	free(d->targets.bytes);
	*d = (struct vs_director){0};
}

void vs_director_free(struct vs_director **d)
{
	if (*d)
		vs_director_drop(*d);
	free(*d);
	*d = NULL;
}

/* The fields that both repositories must give alike, and no others. */
static json_t *new_entry(const struct vs_release_target *t,
                         const char *campaign)
{
	return json_pack(
		"{s:I, s:O, s:{s:O, s:O, s:O, s:{}, s:s}}", "length",
		(json_int_t)t->length, "hashes", t->hashes, "custom",
		"hardwareIds", json_object_get(t->custom, "hardwareIds"),
		"releaseCounter", json_object_get(t->custom, "releaseCounter"),
		"rollbackIndex", json_object_get(t->custom, "rollbackIndex"),
		"ecuIdentifiers", "campaign", campaign);
}

static vs_status add_ecu(json_t *targets, const struct vs_release_target *t,
                         const struct vs_director_ecu *ecu,
                         const char *campaign)
{
	json_t *entry = json_object_get(targets, t->path);

	if (!entry) {
		entry = new_entry(t, campaign);
		if (json_object_set_new(targets, t->path, entry))
			return VS_ERR_NOMEM;
	}
	json_t *ecus = json_object_get(json_object_get(entry, "custom"),
	                               "ecuIdentifiers");
	return json_object_set_new(
		       ecus, ecu->id,
		       json_pack("{s:s}", "hardwareId", ecu->hardware))
	               ? VS_ERR_NOMEM
	               : VS_OK;
}

static vs_status targets_body(const struct vs_releases *releases,
                              const struct vs_director_order *o, json_t **out)
{
	vs_status status =
		vs_write_targets(o->version, o->now_s + o->ttl_s, out);

	if (!status && json_object_set_new(*out, "vehicleIdentifier",
	                                   json_string(o->vehicle)))
		status = VS_ERR_NOMEM;
	for (size_t i = 0; !status && o->release[0] && i < o->ecu_count; i++) {
		const struct vs_director_ecu *ecu = &o->ecus[i];
		const struct vs_release_target *t = vs_release_target(
			releases, o->release, ecu->component, ecu->hardware);

		if (t)
			status = add_ecu(json_object_get(*out, "targets"), t,
			                 ecu, o->campaign);
	}
	if (status) {
		json_decref(*out);
		*out = NULL;
	}
	return status;
}

static vs_status make_targets(const struct vs_online *keys,
                              const struct vs_signers *signers,
                              const struct vs_releases *releases,
                              const struct vs_director_order *o,
                              struct vs_director *out, struct vs_why *why)
{
	json_t *body;
	vs_status status = targets_body(releases, o, &body);

	if (status)
		return vs_fail(status, why, VS_REASON_NONE, "targets", 0);
	return vs_online_sign(keys, &signers->targets, body,
	                      &out->targets.bytes, &out->targets.len, why);
}

static vs_status make_snapshot(const struct vs_online *keys,
                               const struct vs_signers *signers,
                               const struct vs_director_order *o,
                               struct vs_director *out, struct vs_why *why)
{
	const struct vs_write_file file = {
		.name = "targets.json",
		.version = o->version,
		.bytes = out->targets.bytes,
		.len = out->targets.len,
	};
	json_t *body;
	vs_status status = vs_write_snapshot(o->version, o->now_s + o->ttl_s,
	                                     &file, 1, &body);

	if (status)
		return vs_fail(status, why, VS_REASON_NONE, "snapshot", 0);
	return vs_online_sign(keys, &signers->snapshot, body,
	                      &out->snapshot.bytes, &out->snapshot.len, why);
}

static vs_status make_timestamp(const struct vs_online *keys,
                                const struct vs_signers *signers,
                                const struct vs_director_order *o,
                                struct vs_director *out, struct vs_why *why)
{
	const struct vs_write_file file = {
		.name = "snapshot.json",
		.version = o->version,
		.bytes = out->snapshot.bytes,
		.len = out->snapshot.len,
	};
	json_t *body;
	vs_status status =
		vs_write_timestamp(o->version, o->now_s,
	                           o->now_s + o->timestamp_ttl_s, &file, &body);

	if (status)
		return vs_fail(status, why, VS_REASON_NONE, "timestamp", 0);
	return vs_online_sign(keys, &signers->timestamp, body,
	                      &out->timestamp.bytes, &out->timestamp.len, why);
}

vs_status vs_director_make(const struct vs_online *keys,
                           const struct vs_signers *signers,
                           const struct vs_releases *releases,
                           const struct vs_director_order *o,
                           struct vs_director *out, struct vs_why *why)
{
	uint64_t shortest =
		o->timestamp_ttl_s < o->ttl_s ? o->timestamp_ttl_s : o->ttl_s;

	*out = (struct vs_director){
		.version = o->version,
		.renew_s = o->now_s + shortest / 2,
	};
	vs_status status = make_targets(keys, signers, releases, o, out, why);
	if (!status)
		status = make_snapshot(keys, signers, o, out, why);
	if (!status)
		status = make_timestamp(keys, signers, o, out, why);
	return status;
}

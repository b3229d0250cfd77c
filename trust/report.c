/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/report.c - what a charger runs, signed by its device key.
 *
 * A report is verified before any of its fields is looked at.
 *
 * Format: docs/formats/report.md, version 1.
 */
#include "trust/report.h"

#include <stdlib.h>
#include <string.h>

#include "trust/envelope.h"
#include "trust/json.h"
#include "trust/report_fields.h"

#define TYPE "vehicle-manifest"
#define FORMAT_VERSION 1
#define SIGNATURE_MAX 1024

static const struct vs_field report_fields[] = {
	VS_FIELD(vs_report, TEXT, vehicle, "vehicleIdentifier"),
	VS_FIELD(vs_report, TEXT, primary, "primary"),
	VS_FIELD(vs_report, NUMBER, counter, "counter"),
	VS_FIELD(vs_report, TIME, time_s, "time"),
	VS_FIELD(vs_report, TEXT, nonce, "nonce"),
	VS_FIELD(vs_report, TEXT, status, "status"),
	VS_FIELD(vs_report, TEXT, phase, "phase"),
	VS_FIELD(vs_report, TEXT, detail, "detail"),
	VS_FIELD(vs_report, REASON, reason, "reason"),
	VS_FIELD(vs_report, TEXT, about, "about"),
	VS_FIELD(vs_report, NUMBER, campaign_seq, "campaignSeq"),
	VS_FIELD_LATE(vs_report, TEXT, source, "source"),
	VS_FIELD(vs_report, FLAG, healthy, "healthy"),
	VS_FIELD(vs_report, FLAG, charging, "charging"),
	VS_FIELD(vs_report, NUMBER, director_version, "directorVersion"),
	VS_FIELD_LATE(vs_report, NUMBER, image_version, "imageVersion"),
	VS_FIELD_LATE(vs_report, NUMBER, image_snapshot_version,
                      "imageSnapshotVersion"),
	VS_FIELD_LATE(vs_report, NUMBER, faults, "faults"),
	VS_FIELD(vs_report, SLOT, slot, "slot"),
	VS_FIELD(vs_report, FLAG, trial, "trial"),
	VS_FIELD(vs_report, FLAG, fell_back, "fellBack"),
	VS_FIELD(vs_report, REASON, fallback_reason, "fallbackReason"),
	VS_FIELD(vs_report, NUMBER, bytes_fetched, "bytesFetched"),
	VS_FIELD(vs_report, NUMBER, bytes_total, "bytesTotal"),
};

static const struct vs_field ecu_fields[] = {
	VS_FIELD(vs_report_ecu, TEXT, id, "ecuIdentifier"),
	VS_FIELD(vs_report_ecu, TEXT, hardware, "hardwareId"),
	VS_FIELD(vs_report_ecu, TEXT, path, "path"),
	VS_FIELD(vs_report_ecu, NUMBER, length, "length"),
	VS_FIELD(vs_report_ecu, TEXT, sha256, "sha256"),
	VS_FIELD(vs_report_ecu, TEXT, version, "version"),
	VS_FIELD(vs_report_ecu, NUMBER, release_seq, "releaseCounter"),
	VS_FIELD(vs_report_ecu, SMALL, security_version, "rollbackIndex"),
	VS_FIELD(vs_report_ecu, SMALL, floor, "floor"),
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

static vs_status encode_ecus(const struct vs_report *r, json_t *body)
{
	json_t *list = json_array();
	vs_status status = VS_OK;

	if (json_object_set_new(body, "ecus", list))
		return VS_ERR_NOMEM;
	for (size_t i = 0; !status && i < r->ecu_count; i++) {
		json_t *one = json_object();

		status =
			json_array_append_new(list, one) ? VS_ERR_NOMEM : VS_OK;
		if (!status)
			status = vs_fields_encode(ecu_fields, COUNT(ecu_fields),
			                          &r->ecus[i], one);
	}
	return status;
}

static vs_status encode_body(const struct vs_report *r, json_t **out)
{
	json_t *body = json_pack("{s:s, s:i}", "_type", TYPE, "formatVersion",
	                         FORMAT_VERSION);
	vs_status status = VS_ERR_NOMEM;

	if (body)
		status = vs_fields_encode(report_fields, COUNT(report_fields),
		                          r, body);
	if (!status)
		status = encode_ecus(r, body);
	if (!status)
		status = vs_report_boot_encode(&r->boot, body);
	if (status) {
		json_decref(body);
		body = NULL;
	}
	*out = body;
	return status;
}

static vs_status decode_body(const json_t *body, struct vs_report *out,
                             struct vs_why *why);

vs_status vs_report_encode(const struct vs_report *r, const char *key_id,
                           vs_report_sign_fn sign, void *ctx, char **out,
                           size_t *len)
{
	struct vs_report check;
	struct vs_envelope e;
	uint8_t sig[SIGNATURE_MAX];
	size_t sig_len = sizeof sig;
	json_t *body;
	vs_status status;

	*out = NULL;
	*len = 0;
	if (r->ecu_count > VS_ECUS_MAX)
		return VS_ERR_INPUT;
	status = encode_body(r, &body);
	if (status)
		return status;
	status = vs_envelope_new(body, &e);
	if (status)
		return status;
	/* Nothing is signed that the other side would refuse. */
	status = decode_body(e.body, &check, NULL);
	if (!status)
		status = sign(ctx, (const uint8_t *)e.canon, e.canon_len, sig,
		              &sig_len);
	if (!status)
		status = vs_envelope_add(&e, key_id, sig, sig_len);
	if (!status)
		status = vs_envelope_encode(&e, out, len);
	vs_envelope_drop(&e);
	return status;
}

static vs_status decode_ecus(const json_t *body, struct vs_report *out,
                             struct vs_why *why)
{
	json_t *list;
	vs_status status = vs_json_array(body, "ecus", &list, why);

	if (status)
		return status;
	if (json_array_size(list) > VS_ECUS_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "too many ECUs", 0);
	for (size_t i = 0; i < json_array_size(list); i++) {
		status = vs_fields_decode(ecu_fields, COUNT(ecu_fields),
		                          json_array_get(list, i),
		                          &out->ecus[i], why);
		if (status)
			return status;
		for (size_t j = 0; j < i; j++) {
			if (strcmp(out->ecus[i].id, out->ecus[j].id) == 0)
				return vs_fail(VS_ERR_INPUT, why,
				               VS_REASON_DUPLICATE_ECU,
				               "names one ECU twice", 0);
		}
		out->ecu_count++;
	}
	return VS_OK;
}

static vs_status decode_body(const json_t *body, struct vs_report *out,
                             struct vs_why *why)
{
	const char *type;
	uint64_t version;
	vs_status status = vs_json_string(body, "_type", &type, why);

	*out = (struct vs_report){0};
	if (status)
		return status;
	if (strcmp(type, TYPE) != 0)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_WRONG_TYPE,
		               "not a report", 0);
	status = vs_json_uint(body, "formatVersion", &version, why);
	if (status)
		return status;
	if (version != FORMAT_VERSION)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_UNSUPPORTED,
		               "unknown formatVersion", 0);
	status = vs_fields_decode(report_fields, COUNT(report_fields), body,
	                          out, why);
	if (!status)
		status = decode_ecus(body, out, why);
	return status ? status : vs_report_boot_decode(body, &out->boot, why);
}

static vs_status verify(const struct vs_envelope *e, const struct vs_key *key,
                        struct vs_why *why)
{
	struct vs_key one = *key;
	const struct vs_role role = {
		.keys = &one, .key_count = 1, .threshold = 1};
	vs_status status = vs_envelope_verify(e, &role, why);

	if (status != VS_ERR_REFUSED)
		return status;
	return vs_fail(status, why, VS_REASON_BAD_SIGNATURE,
	               "not signed by the charger's key, or altered", 0);
}

vs_status vs_report_decode(const void *in, size_t len, const struct vs_key *key,
                           struct vs_report *out, struct vs_why *why)
{
	struct vs_envelope e;
	vs_status status =
		vs_envelope_parse(in, len, VS_REPORT_MAX, NULL, &e, why);

	*out = (struct vs_report){0};
	if (status)
		return status;
	status = verify(&e, key, why);
	if (!status)
		status = decode_body(e.body, out, why);
	if (status)
		*out = (struct vs_report){0};
	vs_envelope_drop(&e);
	return status;
}

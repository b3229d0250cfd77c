/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/report.c - what a charger runs, signed by its device key.
 *
 * One table names every field of a struct, for writing and for reading, so
 * that the two cannot come apart.  A report is verified before any of its
 * fields is looked at.
 *
 * Format: docs/formats/report.md, version 1.
 */
#include "trust/report.h"

#include <stdlib.h>
#include <string.h>

#include "trust/envelope.h"
#include "trust/json.h"
#include "trust/time.h"

#define TYPE "vehicle-manifest"
#define FORMAT_VERSION 1
#define SIGNATURE_MAX 1024

enum kind { TEXT, NUMBER, SMALL, FLAG, REASON, SLOT, TIME };

struct field {
	const char *name;
	enum kind kind;
	size_t at;   /* offset in the struct */
	size_t size; /* of a text, with the closing zero */
	bool late;   /* a number that older reports lack: 0 is not written */
};

#define FIELD(s, kind, member, name)                                           \
	{                                                                      \
		name, kind, offsetof(struct s, member),                        \
			sizeof((struct s *)0)->member, false                   \
	}
#define LATE(s, member, name)                                                  \
	{                                                                      \
		name, NUMBER, offsetof(struct s, member),                      \
			sizeof((struct s *)0)->member, true                    \
	}

static const struct field report_fields[] = {
	FIELD(vs_report, TEXT, vehicle, "vehicleIdentifier"),
	FIELD(vs_report, TEXT, primary, "primary"),
	FIELD(vs_report, NUMBER, counter, "counter"),
	FIELD(vs_report, TIME, time_s, "time"),
	FIELD(vs_report, TEXT, nonce, "nonce"),
	FIELD(vs_report, TEXT, status, "status"),
	FIELD(vs_report, TEXT, phase, "phase"),
	FIELD(vs_report, TEXT, detail, "detail"),
	FIELD(vs_report, REASON, reason, "reason"),
	FIELD(vs_report, TEXT, about, "about"),
	FIELD(vs_report, NUMBER, campaign_seq, "campaignSeq"),
	FIELD(vs_report, FLAG, healthy, "healthy"),
	FIELD(vs_report, FLAG, charging, "charging"),
	FIELD(vs_report, NUMBER, director_version, "directorVersion"),
	LATE(vs_report, image_version, "imageVersion"),
	LATE(vs_report, image_snapshot_version, "imageSnapshotVersion"),
	FIELD(vs_report, SLOT, slot, "slot"),
	FIELD(vs_report, FLAG, trial, "trial"),
	FIELD(vs_report, FLAG, fell_back, "fellBack"),
	FIELD(vs_report, REASON, fallback_reason, "fallbackReason"),
	FIELD(vs_report, NUMBER, bytes_fetched, "bytesFetched"),
	FIELD(vs_report, NUMBER, bytes_total, "bytesTotal"),
};

static const struct field ecu_fields[] = {
	FIELD(vs_report_ecu, TEXT, id, "ecuIdentifier"),
	FIELD(vs_report_ecu, TEXT, hardware, "hardwareId"),
	FIELD(vs_report_ecu, TEXT, path, "path"),
	FIELD(vs_report_ecu, NUMBER, length, "length"),
	FIELD(vs_report_ecu, TEXT, sha256, "sha256"),
	FIELD(vs_report_ecu, TEXT, version, "version"),
	FIELD(vs_report_ecu, NUMBER, release_seq, "releaseCounter"),
	FIELD(vs_report_ecu, SMALL, security_version, "rollbackIndex"),
	FIELD(vs_report_ecu, SMALL, floor, "floor"),
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* A line cut in the middle of a character is still worth reporting. */
static json_t *text_value(const char *text)
{
	size_t len = strlen(text);
	json_t *v = json_stringn(text, len);
	char *ascii;

	if (v)
		return v;
	ascii = strdup(text);
	for (size_t i = 0; ascii && i < len; i++) {
		if ((unsigned char)ascii[i] >= 0x80)
			ascii[i] = '?';
	}
	v = json_string(ascii); /* NULL of NULL */
	free(ascii);
	return v;
}

static json_t *time_value(uint64_t s)
{
	char text[VS_TIME_LEN];

	vs_time_format(s, text);
	return json_string(text);
}

static json_t *encode_field(const struct field *f, const void *from)
{
	const char *at = (const char *)from + f->at;
	uint64_t number;
	uint32_t small;
	vs_reason reason;
	bool flag;
	int slot;

	switch (f->kind) {
	case TEXT:
		return text_value(at);
	case NUMBER:
		memcpy(&number, at, sizeof number);
		return json_integer((json_int_t)number);
	case TIME:
		memcpy(&number, at, sizeof number);
		return time_value(number);
	case SMALL:
		memcpy(&small, at, sizeof small);
		return json_integer((json_int_t)small);
	case FLAG:
		memcpy(&flag, at, sizeof flag);
		return json_boolean(flag);
	case REASON:
		memcpy(&reason, at, sizeof reason);
		return json_string(vs_reason_name(reason));
	case SLOT:
		break;
	}
	memcpy(&slot, at, sizeof slot);
	return json_integer((json_int_t)slot);
}

static bool is_zero(const struct field *f, const void *from)
{
	uint64_t number;

	memcpy(&number, (const char *)from + f->at, sizeof number);
	return number == 0;
}

static vs_status encode_fields(const struct field *fields, size_t count,
                               const void *from, json_t *out)
{
	for (size_t i = 0; i < count; i++) {
		if (fields[i].late && is_zero(&fields[i], from))
			continue;
		if (json_object_set_new(out, fields[i].name,
		                        encode_field(&fields[i], from)))
			return VS_ERR_NOMEM;
	}
	return VS_OK;
}

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
			status = encode_fields(ecu_fields, COUNT(ecu_fields),
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
		status = encode_fields(report_fields, COUNT(report_fields), r,
		                       body);
	if (!status)
		status = encode_ecus(r, body);
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

static bool reason_from(const char *name, vs_reason *out)
{
	for (int i = 0; i < VS_REASON_COUNT; i++) {
		if (strcmp(vs_reason_name((vs_reason)i), name) == 0) {
			*out = (vs_reason)i;
			return true;
		}
	}
	return false;
}

static bool decode_text(const struct field *f, const json_t *v, char *at)
{
	const char *text = json_string_value(v);
	vs_reason reason = VS_REASON_NONE;
	uint64_t s = 0;

	if (!text)
		return false;
	if (f->kind == TEXT) {
		if (json_string_length(v) >= f->size)
			return false;
		memcpy(at, text, json_string_length(v) + 1);
		return true;
	}
	if (f->kind == REASON) {
		if (!reason_from(text, &reason))
			return false;
		memcpy(at, &reason, sizeof reason);
		return true;
	}
	if (vs_time_parse(text, &s))
		return false;
	memcpy(at, &s, sizeof s);
	return true;
}

static bool decode_number(const struct field *f, const json_t *v, char *at)
{
	json_int_t n = json_integer_value(v);
	uint64_t number = (uint64_t)n;
	uint32_t small = (uint32_t)n;
	int slot = (int)n;

	if (!json_is_integer(v) || n > 9007199254740991 ||
	    n < (f->kind == SLOT ? -1 : 0))
		return false;
	if (f->kind == NUMBER) {
		memcpy(at, &number, sizeof number);
	} else if (f->kind == SMALL) {
		if (n > UINT32_MAX)
			return false;
		memcpy(at, &small, sizeof small);
	} else {
		if (n > 255)
			return false;
		memcpy(at, &slot, sizeof slot);
	}
	return true;
}

static bool decode_field(const struct field *f, const json_t *v, char *at)
{
	bool flag = json_is_true(v);

	switch (f->kind) {
	case TEXT:
	case REASON:
	case TIME:
		return decode_text(f, v, at);
	case NUMBER:
	case SMALL:
	case SLOT:
		return decode_number(f, v, at);
	case FLAG:
		break;
	}
	memcpy(at, &flag, sizeof flag);
	return json_is_boolean(v);
}

static vs_status decode_fields(const struct field *fields, size_t count,
                               const json_t *from, void *out,
                               struct vs_why *why)
{
	for (size_t i = 0; i < count; i++) {
		const struct field *f = &fields[i];

		if (f->late && !json_object_get(from, f->name))
			continue;
		if (!decode_field(f, json_object_get(from, f->name),
		                  (char *)out + f->at))
			return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
			               f->name, 0);
	}
	return VS_OK;
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
		status = decode_fields(ecu_fields, COUNT(ecu_fields),
		                       json_array_get(list, i), &out->ecus[i],
		                       why);
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
	status = decode_fields(report_fields, COUNT(report_fields), body, out,
	                       why);
	return status ? status : decode_ecus(body, out, why);
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

/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/report_boot.c - the boot loader's decision in a report.
 *
 * All of the record's fields stand here by name, so that the record can be
 * made of them again, byte for byte.
 *
 * Format: docs/formats/report.md.
 */
#include <string.h>

#include "trust/json.h"
#include "trust/report_fields.h"

static const struct vs_field boot_fields[] = {
	VS_FIELD(vs_report_boot, TEXT, verdict, "verdict"),
	VS_FIELD(vs_report_boot, TEXT, cause, "cause"),
	VS_FIELD(vs_report_boot, SLOT, slot, "slot"),
	VS_FIELD(vs_report_boot, FLAG, trial, "trial"),
	VS_FIELD(vs_report_boot, FLAG, fell_back, "fellBack"),
	VS_FIELD(vs_report_boot, FLAG, record_lost, "recordLost"),
	VS_FIELD(vs_report_boot, FLAG, floor_raised, "floorRaised"),
	VS_FIELD(vs_report_boot, SMALL, tries, "tries"),
	VS_FIELD(vs_report_boot, REASON, recovery, "recovery"),
	VS_FIELD(vs_report_boot, SMALL, keyring, "keyring"),
	VS_FIELD(vs_report_boot, SMALL, epoch, "epoch"),
};

static const struct vs_field ring_fields[] = {
	VS_FIELD(vs_report_ring, SMALL, version, "version"),
	VS_FIELD(vs_report_ring, REASON, refused, "refused"),
};

static const struct vs_field slot_fields[] = {
	VS_FIELD(vs_report_boot_slot, REASON, refused, "refused"),
	VS_FIELD(vs_report_boot_slot, SMALL, part, "component"),
	VS_FIELD(vs_report_boot_slot, SMALL, keyring, "keyring"),
};

static const struct vs_field part_fields[] = {
	VS_FIELD(vs_report_part, TEXT, name, "name"),
	VS_FIELD(vs_report_part, TEXT, version, "version"),
	VS_FIELD(vs_report_part, TEXT, salt, "salt"),
	VS_FIELD(vs_report_part, TEXT, root_hash, "rootHash"),
	VS_FIELD(vs_report_part, NUMBER, length, "length"),
	VS_FIELD(vs_report_part, NUMBER, release_seq, "releaseCounter"),
	VS_FIELD(vs_report_part, SMALL, security_version, "rollbackIndex"),
	VS_FIELD(vs_report_part, SMALL, floor, "floor"),
	VS_FIELD(vs_report_part, NUMBER, seen_seq_a, "releaseCounterA"),
	VS_FIELD(vs_report_part, NUMBER, seen_seq_b, "releaseCounterB"),
	VS_FIELD(vs_report_part, SMALL, seen_security_a, "rollbackIndexA"),
	VS_FIELD(vs_report_part, SMALL, seen_security_b, "rollbackIndexB"),
};

#define COUNT(table) (sizeof(table) / sizeof *(table))

/* A list of structs, each of size bytes. */
struct list {
	const char *name;
	const struct vs_field *fields;
	size_t field_count;
	size_t at, size; /* in struct vs_report_boot, and of one */
	size_t least, most;
};

#define BOOT_LIST(name, fields, member, type, least, most)                     \
	{                                                                      \
		name, fields, COUNT(fields),                                   \
			offsetof(struct vs_report_boot, member), sizeof(type), \
			least, most                                            \
	}

static const struct list lists[] = {
	BOOT_LIST("keyrings", ring_fields, rings, struct vs_report_ring,
                  VS_REPORT_RINGS, VS_REPORT_RINGS),
	BOOT_LIST("slots", slot_fields, slots, struct vs_report_boot_slot, 2,
                  2),
	BOOT_LIST("components", part_fields, parts, struct vs_report_part, 1,
                  VS_REPORT_PARTS_MAX),
};

/* Only the last list has not always as many. */
static size_t length(const struct list *l, const struct vs_report_boot *b)
{
	return l->least == l->most ? l->most : b->part_count;
}

static vs_status encode_list(const struct list *l,
                             const struct vs_report_boot *b, json_t *out)
{
	json_t *all = json_array();
	vs_status status = VS_OK;

	if (json_object_set_new(out, l->name, all))
		return VS_ERR_NOMEM;
	for (size_t i = 0; i < length(l, b) && !status; i++) {
		json_t *one = json_object();

		status = json_array_append_new(all, one) ? VS_ERR_NOMEM : VS_OK;
		if (!status)
			status = vs_fields_encode(
				l->fields, l->field_count,
				(const char *)b + l->at + i * l->size, one);
	}
	return status;
}

vs_status vs_report_boot_encode(const struct vs_report_boot *b, json_t *body)
{
	json_t *out;
	vs_status status;

	if (!b->known)
		return VS_OK;
	if (b->part_count > VS_REPORT_PARTS_MAX)
		return VS_ERR_INPUT;
	out = json_object();
	if (json_object_set_new(body, "boot", out))
		return VS_ERR_NOMEM;
	status = vs_fields_encode(boot_fields, COUNT(boot_fields), b, out);
	for (size_t i = 0; i < COUNT(lists) && !status; i++)
		status = encode_list(&lists[i], b, out);
	return status;
}

static vs_status decode_list(const struct list *l, const json_t *from,
                             struct vs_report_boot *out, struct vs_why *why)
{
	json_t *all;
	vs_status status = vs_json_array(from, l->name, &all, why);
	size_t count = status ? 0 : json_array_size(all);

	if (status)
		return status;
	if (count < l->least || count > l->most)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, l->name,
		               0);
	for (size_t i = 0; i < count && !status; i++)
		status = vs_fields_decode(
			l->fields, l->field_count, json_array_get(all, i),
			(char *)out + l->at + i * l->size, why);
	if (l->least != l->most)
		out->part_count = count;
	return status;
}

/* What no loader decides is no decision. */
static bool has_meaning(const struct vs_report_boot *b)
{
	bool boots = strcmp(b->verdict, "boot") == 0;

	if (!boots && strcmp(b->verdict, "recovery") != 0 &&
	    strcmp(b->verdict, "deny") != 0)
		return false;
	if (b->slot > 1 || boots != (b->slot >= 0))
		return false;
	return b->slots[0].part < b->part_count &&
	       b->slots[1].part < b->part_count;
}

vs_status vs_report_boot_decode(const json_t *body, struct vs_report_boot *out,
                                struct vs_why *why)
{
	const json_t *from = json_object_get(body, "boot");
	vs_status status;

	if (!from)
		return VS_OK;
	out->known = true;
	status = vs_fields_decode(boot_fields, COUNT(boot_fields), from, out,
	                          why);
	for (size_t i = 0; i < COUNT(lists) && !status; i++)
		status = decode_list(&lists[i], from, out, why);
	if (!status && !has_meaning(out))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, "boot",
		               0);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/watch_json.c - the boot loader's decision, for people.
 */
#include <string.h>

#include "server/fleet/watch.h"

static const char *word(vs_reason reason)
{
	return reason == VS_REASON_NONE ? "" : vs_reason_name(reason);
}

/* null: it could not be read. */
static json_t *floor_json(uint32_t floor)
{
	return floor == UINT32_MAX ? json_null()
	                           : json_integer((json_int_t)floor);
}

static json_t *slot_json(const struct vs_report_boot *b, int i)
{
	const struct vs_report_boot_slot *s = &b->slots[i];

	return json_pack(
		"{s:s, s:s, s:I}", "refused", word(s->refused), "component",
		s->refused == VS_REASON_NONE ? "" : b->parts[s->part].name,
		"keyring", (json_int_t)s->keyring);
}

static json_t *part_json(const struct vs_report_part *p)
{
	return json_pack(
		"{s:s, s:I, s:I, s:o, s:s, s:[I, I], s:[I, I]}", "version",
		p->version, "release_seq", (json_int_t)p->release_seq,
		"security_version", (json_int_t)p->security_version, "floor",
		floor_json(p->floor), "root_hash", p->root_hash,
		"seen_release_seq", (json_int_t)p->seen_seq_a,
		(json_int_t)p->seen_seq_b, "seen_security_version",
		(json_int_t)p->seen_security_a, (json_int_t)p->seen_security_b);
}

static json_t *rings_json(const struct vs_report_boot *b)
{
	json_t *all = json_array();

	for (size_t i = 0; all && i < VS_REPORT_RINGS; i++)
		if (json_array_append_new(
			    all,
			    json_pack("{s:I, s:s}", "version",
		                      (json_int_t)b->rings[i].version,
		                      "refused", word(b->rings[i].refused)))) {
			json_decref(all);
			return NULL;
		}
	return all;
}

static json_t *parts_json(const struct vs_report_boot *b)
{
	json_t *all = json_object();

	for (size_t i = 0; all && i < b->part_count; i++)
		if (json_object_set_new(all, b->parts[i].name,
		                        part_json(&b->parts[i]))) {
			json_decref(all);
			return NULL;
		}
	return all;
}

json_t *vs_watch_boot_json(const struct vs_report_boot *b)
{
	if (!b->known)
		return json_object();
	return json_pack(
		"{s:s, s:s, s:i, s:b, s:b, s:b, s:b, s:I, s:s, s:I, s:o, s:o, "
		"s:[o, o], s:o}",
		"verdict", b->verdict, "cause", b->cause, "slot", b->slot,
		"trial", (int)b->trial, "fell_back", (int)b->fell_back,
		"record_lost", (int)b->record_lost, "floor_raised",
		(int)b->floor_raised, "tries", (json_int_t)b->tries,
		"recovery_refused", word(b->recovery), "keyring",
		(json_int_t)b->keyring, "epoch", floor_json(b->epoch),
		"keyrings", rings_json(b), "slots", slot_json(b, 0),
		slot_json(b, 1), "components", parts_json(b));
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/slots/decided.c - what the boot loader decided, read and told.
 */
#include "agent/slots/decided.h"

#include <stdio.h>
#include <string.h>

#include "agent/state/outbox.h"
#include "base/hex.h"
#include "trust/json.h"

static bool get_number(const json_t *o, const char *name, uint64_t max,
                       uint64_t *out)
{
	return vs_json_uint(o, name, out, NULL) == VS_OK && *out <= max;
}

static bool get32(const json_t *o, const char *name, uint32_t *out)
{
	uint64_t n = 0;
	bool ok = get_number(o, name, UINT32_MAX, &n);

	*out = (uint32_t)n;
	return ok;
}

static bool get_flag(const json_t *o, const char *name, bool *out)
{
	const json_t *v = json_object_get(o, name);

	*out = json_is_true(v);
	return json_is_boolean(v);
}

static bool get_reason(const json_t *o, const char *name, vs_reason *out)
{
	const char *word;

	if (vs_json_string(o, name, &word, NULL) != VS_OK)
		return false;
	*out = vs_reason_parse(word);
	return true;
}

static bool get_hex(const json_t *o, const char *name, uint8_t *out, size_t len)
{
	const char *text;

	return vs_json_string(o, name, &text, NULL) == VS_OK &&
	       vs_hex_decode(text, out, len) == VS_OK;
}

/* In the order of enum vs_reset_cause, as voltseal-boot writes them. */
static const char *const causes[] = {
	[VS_RESET_UNKNOWN] = "unknown", [VS_RESET_POWER] = "power",
	[VS_RESET_REQUEST] = "request", [VS_RESET_WATCHDOG] = "watchdog",
	[VS_RESET_CRASH] = "crash",
};

#define CAUSES (sizeof(causes) / sizeof(*causes))

static bool get_cause(const json_t *o, enum vs_reset_cause *out)
{
	const char *word;

	if (vs_json_string(o, "cause", &word, NULL) != VS_OK)
		return false;
	for (size_t i = 0; i < CAUSES; i++) {
		*out = (enum vs_reset_cause)i;
		if (strcmp(causes[i], word) == 0)
			return true;
	}
	return false;
}

static bool get_head(const json_t *o, struct vs_boot_decision *out)
{
	const char *verdict;
	uint64_t slot = 0, tries;
	bool boots;

	if (vs_json_string(o, "verdict", &verdict, NULL) != VS_OK)
		return false;
	boots = strcmp(verdict, "boot") == 0;
	out->verdict = boots ? VS_VERDICT_BOOT : VS_VERDICT_DENY;
	out->slot = -1;
	if (boots && !get_number(o, "slot", VS_SLOTS - 1, &slot))
		return false;
	if (boots)
		out->slot = (int)slot;
	if (!get_number(o, "tries_left", UINT8_MAX, &tries))
		return false;
	out->tries_left = (uint8_t)tries;
	return get_cause(o, &out->cause) && get_flag(o, "trial", &out->trial) &&
	       get_flag(o, "fell_back", &out->fell_back) &&
	       get_flag(o, "record_lost", &out->record_lost) &&
	       get_flag(o, "floor_raised", &out->floor_raised) &&
	       get32(o, "keyring_version", &out->keyring_version) &&
	       get32(o, "epoch_floor", &out->epoch_floor);
}

static bool get_rings(const json_t *o, struct vs_boot_decision *out)
{
	json_t *all = json_object_get(o, "keyrings");
	bool ok = json_array_size(all) == VS_BOOT_RINGS;

	for (size_t i = 0; i < VS_BOOT_RINGS && ok; i++) {
		const json_t *one = json_array_get(all, i);

		ok = get32(one, "version", &out->rings[i].version) &&
		     get_reason(one, "refused", &out->rings[i].refused);
	}
	return ok;
}

/* Nothing but why a slot was refused names a component. */
static bool get_slot(const json_t *o, const struct vs_machine *m,
                     struct vs_boot_slot_view *out)
{
	const json_t *seq = json_object_get(o, "release_seq");
	const json_t *security = json_object_get(o, "security_version");
	const char *name = json_string_value(json_object_get(o, "component"));
	int component = name ? vs_machine_find(m, name) : 0;

	if (!get_reason(o, "refused", &out->refused) ||
	    !get32(o, "keyring_version", &out->epoch) || component < 0 ||
	    (name != NULL) != (out->refused != VS_REASON_NONE))
		return false;
	out->component = component;
	for (int c = 0; c < m->count; c++) {
		const char *part = m->components[c].name;

		if (!get_number(seq, part, UINT64_MAX, &out->release_seq[c]) ||
		    !get32(security, part, &out->security_version[c]))
			return false;
	}
	return true;
}

static bool get_header(const json_t *o, struct vs_seal_header *out)
{
	const char *version;

	if (vs_json_string(o, "version", &version, NULL) != VS_OK ||
	    strlen(version) >= sizeof(out->version))
		return false;
	memcpy(out->version, version, strlen(version) + 1);
	return get_number(o, "release_seq", UINT64_MAX, &out->release_seq) &&
	       get_number(o, "image_len", UINT64_MAX, &out->image_len) &&
	       get32(o, "security_version", &out->security_version) &&
	       get_hex(o, "salt", out->salt, sizeof(out->salt)) &&
	       get_hex(o, "root_hash", out->root_hash, sizeof(out->root_hash));
}

vs_status vs_decided_parse(const json_t *decision, const struct vs_machine *m,
                           struct vs_boot_decision *out)
{
	const json_t *floor = json_object_get(decision, "floor");
	const json_t *header = json_object_get(decision, "header");
	json_t *seen = json_object_get(decision, "seen");
	bool ok;

	memset(out, 0, sizeof(*out));
	ok = get_head(decision, out) && get_rings(decision, out) &&
	     json_array_size(seen) == VS_SLOTS;
	for (size_t i = 0; i < VS_SLOTS && ok; i++)
		ok = get_slot(json_array_get(seen, i), m, &out->seen[i]);
	for (int c = 0; c < m->count && ok; c++) {
		const char *name = m->components[c].name;

		ok = get32(floor, name, &out->floor[c]);
		if (ok && out->slot >= 0)
			ok = get_header(json_object_get(header, name),
			                &out->header[c]);
	}
	return ok ? VS_OK : VS_ERR_INPUT;
}

static void tell_part(const struct vs_charger *c,
                      const struct vs_boot_decision *d, int i,
                      struct vs_report_part *out)
{
	const struct vs_seal_header *h = &d->header[i];

	snprintf(out->name, sizeof(out->name), "%s",
	         c->machine.components[i].name);
	snprintf(out->version, sizeof(out->version), "%s", h->version);
	vs_hex_encode(h->salt, sizeof(h->salt), out->salt);
	vs_hex_encode(h->root_hash, sizeof(h->root_hash), out->root_hash);
	out->length = h->image_len;
	out->release_seq = h->release_seq;
	out->security_version = h->security_version;
	out->floor = d->floor[i];
	out->seen_seq_a = d->seen[0].release_seq[i];
	out->seen_seq_b = d->seen[1].release_seq[i];
	out->seen_security_a = d->seen[0].security_version[i];
	out->seen_security_b = d->seen[1].security_version[i];
}

void vs_decided_tell(const struct vs_charger *c, struct vs_report_boot *out)
{
	const struct vs_boot_decision *d = &c->storage.start.decision;

	memset(out, 0, sizeof(*out));
	if (!c->storage.start.known)
		return;
	out->known = true;
	snprintf(out->verdict, sizeof(out->verdict), "%s",
	         d->verdict == VS_VERDICT_BOOT      ? "boot"
	         : d->verdict == VS_VERDICT_RECOVER ? "recovery"
	                                            : "deny");
	snprintf(out->cause, sizeof(out->cause), "%s",
	         (size_t)d->cause < CAUSES ? causes[d->cause]
	                                   : causes[VS_RESET_UNKNOWN]);
	out->slot = d->slot;
	out->trial = d->trial;
	out->fell_back = d->fell_back;
	out->record_lost = d->record_lost;
	out->floor_raised = d->floor_raised;
	out->tries = d->tries_left;
	out->recovery = d->recovery;
	out->keyring = d->keyring_version;
	out->epoch = d->epoch_floor;
	for (int i = 0; i < VS_BOOT_RINGS; i++)
		out->rings[i] = (struct vs_report_ring){d->rings[i].version,
		                                        d->rings[i].refused};
	for (int i = 0; i < VS_SLOTS; i++)
		out->slots[i] = (struct vs_report_boot_slot){
			d->seen[i].refused, (uint32_t)d->seen[i].component,
			d->seen[i].epoch};
	for (int i = 0; i < c->machine.count; i++)
		tell_part(c, d, i, &out->parts[i]);
	out->part_count = (size_t)c->machine.count;
}

_Static_assert(VS_REPORT_PARTS_MAX == VS_BOOT_COMPONENTS_MAX &&
                       VS_REPORT_RINGS == VS_BOOT_RINGS,
               "a report has room for a whole decision");

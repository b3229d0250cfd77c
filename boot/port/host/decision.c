/* SPDX-License-Identifier: Apache-2.0
 *
 * boot/port/host/decision.c - decision.json, written by jansson.
 */
#include "boot/port/host/decision.h"

#include <jansson.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"

const char *vs_reset_cause_name(enum vs_reset_cause cause)
{
	static const char *const names[] = {
		[VS_RESET_UNKNOWN] = "unknown",   [VS_RESET_POWER] = "power",
		[VS_RESET_REQUEST] = "request",   [VS_RESET_CRASH] = "crash",
		[VS_RESET_WATCHDOG] = "watchdog",
	};

	return (unsigned)cause < sizeof(names) / sizeof(*names) ? names[cause]
	                                                        : "unknown";
}

/* jansson's setters take the value and fail on NULL, so one flag at the end
 * of a chain tells whether all of it was built.
 */
static void set(json_t *object, const char *key, json_t *value, int *failed)
{
	*failed |= json_object_set_new(object, key, value);
}

static json_t *hex(const uint8_t *in, size_t len)
{
	static const char digits[] = "0123456789abcdef";
	char out[2 * VS_SHA256_LEN];

	for (size_t i = 0; i < len && i < VS_SHA256_LEN; i++) {
		out[2 * i] = digits[in[i] >> 4];
		out[2 * i + 1] = digits[in[i] & 15];
	}
	return json_stringn(out, 2 * len);
}

static json_t *seen_slot(const struct vs_machine *m,
                         const struct vs_boot_slot_view *v, int *failed)
{
	json_t *out = json_object();
	json_t *seq = json_object();
	json_t *security = json_object();

	for (int c = 0; c < m->count; c++) {
		const char *name = m->components[c].name;

		set(seq, name, json_integer((json_int_t)v->release_seq[c]),
		    failed);
		set(security, name, json_integer(v->security_version[c]),
		    failed);
	}
	set(out, "refused", json_string(vs_reason_name(v->refused)), failed);
	set(out, "component",
	    v->refused == VS_REASON_NONE
	            ? json_null()
	            : json_string(m->components[v->component].name),
	    failed);
	set(out, "keyring_version", json_integer(v->epoch), failed);
	set(out, "release_seq", seq, failed);
	set(out, "security_version", security, failed);
	return out;
}

static json_t *header(const struct vs_seal_header *h, int *failed)
{
	json_t *out = json_object();
	json_t *hardware = json_array();

	for (int i = 0; i < VS_HARDWARE_MAX && h->hardware[i][0] != '\0'; i++)
		*failed |= json_array_append_new(hardware,
		                                 json_string(h->hardware[i]));
	set(out, "component", json_string(h->component), failed);
	set(out, "hardware", hardware, failed);
	set(out, "version", json_string(h->version), failed);
	set(out, "release_seq", json_integer((json_int_t)h->release_seq),
	    failed);
	set(out, "security_version", json_integer(h->security_version), failed);
	set(out, "image_len", json_integer((json_int_t)h->image_len), failed);
	set(out, "salt", hex(h->salt, sizeof(h->salt)), failed);
	set(out, "root_hash", hex(h->root_hash, sizeof(h->root_hash)), failed);
	return out;
}

static json_t *keyrings(const struct vs_boot_decision *d, int *failed)
{
	json_t *out = json_array();

	for (int i = 0; i < VS_BOOT_RINGS; i++) {
		json_t *one = json_object();

		set(one, "version", json_integer(d->rings[i].version), failed);
		set(one, "refused",
		    json_string(vs_reason_name(d->rings[i].refused)), failed);
		*failed |= json_array_append_new(out, one);
	}
	return out;
}

static json_t *encode(const struct vs_machine *m, enum vs_reset_cause cause,
                      const struct vs_boot_decision *d, int *failed)
{
	bool boots = d->verdict == VS_VERDICT_BOOT;
	json_t *out = json_object();
	json_t *floor = json_object();
	json_t *headers = json_object();
	json_t *seen = json_array();

	set(out, "verdict", json_string(boots ? "boot" : "deny"), failed);
	set(out, "cause", json_string(vs_reset_cause_name(cause)), failed);
	set(out, "slot", json_integer(boots ? d->slot : -1), failed);
	set(out, "trial", json_boolean(d->trial), failed);
	set(out, "tries_left", json_integer(d->tries_left), failed);
	set(out, "fell_back", json_boolean(d->fell_back), failed);
	set(out, "record_lost", json_boolean(d->record_lost), failed);
	set(out, "floor_raised", json_boolean(d->floor_raised), failed);
	set(out, "keyring_version", json_integer(d->keyring_version), failed);
	set(out, "epoch_floor", json_integer(d->epoch_floor), failed);
	set(out, "keyrings", keyrings(d, failed), failed);
	for (int c = 0; c < m->count; c++) {
		set(floor, m->components[c].name, json_integer(d->floor[c]),
		    failed);
		if (boots)
			set(headers, m->components[c].name,
			    header(&d->header[c], failed), failed);
	}
	set(out, "floor", floor, failed);
	for (int slot = 0; slot < VS_SLOTS; slot++)
		*failed |= json_array_append_new(
			seen, seen_slot(m, &d->seen[slot], failed));
	set(out, "seen", seen, failed);
	set(out, "header", headers, failed);
	return out;
}

vs_status vs_decision_store(const char *dir, const struct vs_machine *m,
                            enum vs_reset_cause cause,
                            const struct vs_boot_decision *d)
{
	char path[PATH_MAX];
	int failed = 0;
	json_t *json;
	char *text;
	vs_status status =
		vs_path_join(path, sizeof(path), dir, "decision.json");

	if (status != VS_OK)
		return status;
	json = encode(m, cause, d, &failed);
	text = failed ? NULL : json_dumps(json, JSON_INDENT(1));
	json_decref(json);
	if (!text)
		return VS_ERR_NOMEM;
	status = vs_file_replace(path, text, strlen(text), 0644);
	free(text);
	return status;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/state/outbox.c - notes for the server, bounded and without echoes.
 */
#include "agent/state/outbox.h"

#include <stdio.h>
#include <string.h>

#include "trust/json.h"

static size_t find_seen(const struct vs_outbox *o, const struct vs_news *note)
{
	size_t i = 0;

	while (i < o->seen_count &&
	       (o->seen[i].reason != note->reason ||
	        strcmp(o->seen[i].about, note->about) != 0))
		i++;
	return i;
}

static void forget(struct vs_outbox *o, size_t i)
{
	o->seen_count--;
	memmove(&o->seen[i], &o->seen[i + 1],
	        sizeof(o->seen[0]) * (o->seen_count - i));
}

/* False if it was seen since the last settle. */
static bool remember(struct vs_outbox *o, const struct vs_news *note)
{
	size_t i = find_seen(o, note);

	if (i < o->seen_count && !o->seen[i].settled)
		return false;
	if (i < o->seen_count)
		forget(o, i);
	else if (o->seen_count == VS_OUTBOX_SEEN_MAX)
		forget(o, 0);
	i = o->seen_count++;
	o->seen[i].reason = note->reason;
	memcpy(o->seen[i].about, note->about, sizeof(note->about));
	o->seen[i].time_s = note->time_s;
	o->seen[i].settled = false;
	return true;
}

bool vs_outbox_add(struct vs_outbox *o, const struct vs_news *note)
{
	if (note->reason != VS_REASON_NONE && !remember(o, note))
		return false;
	if (o->count == VS_OUTBOX_MAX) {
		vs_outbox_pop(o);
		o->dropped++;
	}
	o->notes[o->count++] = *note;
	return true;
}

void vs_outbox_settle(struct vs_outbox *o)
{
	for (size_t i = 0; i < o->seen_count; i++)
		o->seen[i].settled = true;
}

void vs_outbox_pop(struct vs_outbox *o)
{
	if (o->count == 0)
		return;
	o->count--;
	memmove(&o->notes[0], &o->notes[1], sizeof(o->notes[0]) * o->count);
}

vs_reason vs_reason_parse(const char *name)
{
	for (int i = 0; i < VS_REASON_COUNT; i++)
		if (strcmp(vs_reason_name((vs_reason)i), name) == 0)
			return (vs_reason)i;
	return VS_REASON_NONE;
}

static json_t *encode_note(const struct vs_news *n)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:s, s:I, s:b, s:I}", "status",
	                 n->status, "phase", n->phase, "reason",
	                 vs_reason_name(n->reason), "about", n->about, "detail",
	                 n->detail, "campaign_seq", (json_int_t)n->campaign_seq,
	                 "bundle", n->bundle, "time", (json_int_t)n->time_s);
}

vs_status vs_outbox_encode(const struct vs_outbox *o, json_t **out)
{
	json_t *notes = json_array();
	json_t *seen = json_array();
	int bad = !notes || !seen;

	for (size_t i = 0; i < o->count && !bad; i++)
		bad = json_array_append_new(notes, encode_note(&o->notes[i]));
	for (size_t i = 0; i < o->seen_count && !bad; i++)
		bad = json_array_append_new(
			seen, json_pack("{s:s, s:s, s:I, s:b}", "reason",
		                        vs_reason_name(o->seen[i].reason),
		                        "about", o->seen[i].about, "time",
		                        (json_int_t)o->seen[i].time_s,
		                        "settled", o->seen[i].settled));
	*out = bad ? NULL
	           : json_pack("{s:O, s:O, s:I}", "notes", notes, "seen", seen,
	                       "dropped", (json_int_t)o->dropped);
	json_decref(notes);
	json_decref(seen);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

static vs_status copy_text(const json_t *in, const char *name, char *out,
                           size_t cap, struct vs_why *why)
{
	const char *text;
	vs_status status = vs_json_string(in, name, &text, why);

	if (status != VS_OK)
		return status;
	if (strlen(text) >= cap)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_TOO_LARGE, name, 0);
	memcpy(out, text, strlen(text) + 1);
	return VS_OK;
}

static vs_status decode_reason(const json_t *in, vs_reason *out,
                               struct vs_why *why)
{
	const char *name;
	vs_status status = vs_json_string(in, "reason", &name, why);

	if (status == VS_OK)
		*out = vs_reason_parse(name);
	return status;
}

static vs_status decode_note(const json_t *in, struct vs_news *n,
                             struct vs_why *why)
{
	vs_status status =
		copy_text(in, "status", n->status, sizeof(n->status), why);

	if (status == VS_OK)
		status =
			copy_text(in, "phase", n->phase, sizeof(n->phase), why);
	if (status == VS_OK)
		status = decode_reason(in, &n->reason, why);
	if (status == VS_OK)
		status =
			copy_text(in, "about", n->about, sizeof(n->about), why);
	if (status == VS_OK)
		status = copy_text(in, "detail", n->detail, sizeof(n->detail),
		                   why);
	if (status == VS_OK)
		status =
			vs_json_uint(in, "campaign_seq", &n->campaign_seq, why);
	/* what an older agent wrote does not say it */
	n->bundle = json_is_true(json_object_get(in, "bundle"));
	if (status == VS_OK)
		status = vs_json_uint(in, "time", &n->time_s, why);
	return status;
}

static vs_status decode_seen(const json_t *list, struct vs_outbox *o,
                             struct vs_why *why)
{
	vs_status status = VS_OK;

	o->seen_count = json_array_size(list);
	if (o->seen_count > VS_OUTBOX_SEEN_MAX)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_TOO_LARGE, "seen",
		               0);
	for (size_t i = 0; i < o->seen_count && status == VS_OK; i++) {
		const json_t *in = json_array_get(list, i);

		status = decode_reason(in, &o->seen[i].reason, why);
		if (status == VS_OK)
			status = copy_text(in, "about", o->seen[i].about,
			                   sizeof(o->seen[i].about), why);
		if (status == VS_OK)
			status = vs_json_uint(in, "time", &o->seen[i].time_s,
			                      why);
		o->seen[i].settled =
			json_is_true(json_object_get(in, "settled"));
	}
	return status;
}

vs_status vs_outbox_decode(const json_t *in, struct vs_outbox *o,
                           struct vs_why *why)
{
	json_t *notes, *seen;
	vs_status status = vs_json_array(in, "notes", &notes, why);

	memset(o, 0, sizeof(*o));
	if (status == VS_OK)
		status = vs_json_array(in, "seen", &seen, why);
	if (status == VS_OK)
		status = vs_json_uint(in, "dropped", &o->dropped, why);
	if (status == VS_OK)
		status = decode_seen(seen, o, why);
	if (status != VS_OK)
		return status;
	o->count = json_array_size(notes);
	if (o->count > VS_OUTBOX_MAX)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_TOO_LARGE, "notes",
		               0);
	for (size_t i = 0; i < o->count && status == VS_OK; i++)
		status = decode_note(json_array_get(notes, i), &o->notes[i],
		                     why);
	return status;
}

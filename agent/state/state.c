/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/state/state.c - state.json, and the one function that makes a move.
 */
#include "agent/state/state.h"

#include <jansson.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "trust/json.h"

static json_t *encode_parts(const struct vs_state *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->part_count && list; i++) {
		const struct vs_state_part *p = &s->parts[i];
		json_t *one = json_pack(
			"{s:s, s:s, s:s, s:s, s:I}", "component", p->component,
			"path", p->path, "sha256", p->sha256, "version",
			p->version, "release_seq", (json_int_t)p->release_seq);

		if (json_array_append_new(list, one) != 0) {
			json_decref(list);
			list = NULL;
		}
	}
	return list;
}

static json_t *encode_failed(const struct vs_state *s)
{
	json_t *list = json_array();

	for (size_t i = 0; i < s->failed_count && list; i++)
		if (json_array_append_new(list, json_string(s->failed[i]))) {
			json_decref(list);
			list = NULL;
		}
	return list;
}

static json_t *encode_paths(const struct vs_state *s)
{
	json_t *list = json_array();
	int bad = !list;

	for (int slot = 0; slot < VS_SLOTS && !bad; slot++)
		for (int c = 0; c < VS_BOOT_COMPONENTS_MAX && !bad; c++)
			bad = json_array_append_new(
				list, json_string(s->paths[slot][c]));
	if (bad) {
		json_decref(list);
		return NULL;
	}
	return list;
}

vs_status vs_state_encode(const struct vs_state *s, char **out, size_t *len)
{
	json_t *outbox = NULL;
	vs_status status = vs_outbox_encode(&s->outbox, &outbox);
	json_t *whole;

	if (status != VS_OK)
		return status;
	/* json_pack takes the "o" values, also when it fails. */
	whole = json_pack(
		"{s:s, s:i, s:I, s:b, s:o, s:s, s:s, s:I, s:I, s:o, s:o, s:o}",
		"phase", vs_phase_name(s->phase), "target", s->target,
		"campaign_seq", (json_int_t)s->campaign_seq, "bundle",
		s->bundle, "release", encode_parts(s), "reason",
		vs_reason_name(s->reason), "detail", s->detail, "bytes_fetched",
		(json_int_t)s->bytes_fetched, "bytes_total",
		(json_int_t)s->bytes_total, "failed", encode_failed(s), "paths",
		encode_paths(s), "outbox", outbox);
	if (!whole)
		return VS_ERR_NOMEM;
	*out = json_dumps(whole, JSON_INDENT(1));
	json_decref(whole);
	if (!*out)
		return VS_ERR_NOMEM;
	*len = strlen(*out);
	return VS_OK;
}

static vs_status malformed(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

static vs_status copy_text(const json_t *in, const char *name, char *out,
                           size_t cap, struct vs_why *why)
{
	const char *text;
	vs_status status = vs_json_string(in, name, &text, why);

	if (status != VS_OK)
		return status;
	if (strlen(text) >= cap)
		return malformed(why, name);
	memcpy(out, text, strlen(text) + 1);
	return VS_OK;
}

static vs_status decode_part(const json_t *in, struct vs_state_part *p,
                             struct vs_why *why)
{
	vs_status status = copy_text(in, "component", p->component,
	                             sizeof(p->component), why);

	if (status == VS_OK)
		status = copy_text(in, "path", p->path, sizeof(p->path), why);
	if (status == VS_OK)
		status = copy_text(in, "sha256", p->sha256, sizeof(p->sha256),
		                   why);
	if (status == VS_OK)
		status = copy_text(in, "version", p->version,
		                   sizeof(p->version), why);
	if (status == VS_OK)
		status = vs_json_uint(in, "release_seq", &p->release_seq, why);
	return status;
}

static vs_status decode_lists(const json_t *in, struct vs_state *s,
                              struct vs_why *why)
{
	json_t *parts, *failed, *paths;
	vs_status status = vs_json_array(in, "release", &parts, why);

	if (status == VS_OK)
		status = vs_json_array(in, "failed", &failed, why);
	if (status == VS_OK)
		status = vs_json_array(in, "paths", &paths, why);
	if (status != VS_OK)
		return status;
	s->part_count = json_array_size(parts);
	s->failed_count = json_array_size(failed);
	if (s->part_count > VS_BOOT_COMPONENTS_MAX ||
	    s->failed_count > VS_FAILED_MAX ||
	    json_array_size(paths) != VS_SLOTS * VS_BOOT_COMPONENTS_MAX)
		return malformed(why, "length of a list");
	for (size_t i = 0; i < s->part_count && status == VS_OK; i++)
		status = decode_part(json_array_get(parts, i), &s->parts[i],
		                     why);
	for (size_t i = 0; i < s->failed_count && status == VS_OK; i++) {
		const char *hex = json_string_value(json_array_get(failed, i));

		if (!hex || !vs_hex_is_sha256(hex))
			return malformed(why, "failed");
		memcpy(s->failed[i], hex, sizeof(s->failed[i]));
	}
	for (size_t i = 0; i < json_array_size(paths); i++) {
		const char *text = json_string_value(json_array_get(paths, i));

		if (!text || strlen(text) >= VS_TARGET_PATH_LEN)
			return malformed(why, "paths");
		memcpy(s->paths[i / VS_BOOT_COMPONENTS_MAX]
		               [i % VS_BOOT_COMPONENTS_MAX],
		       text, strlen(text) + 1);
	}
	return status;
}

static vs_status decode_numbers(const json_t *in, struct vs_state *s,
                                struct vs_why *why)
{
	uint64_t target;
	vs_status status = vs_json_uint(in, "target", &target, why);

	if (status == VS_OK && target >= VS_SLOTS)
		return malformed(why, "target");
	/* what an older agent wrote does not say it */
	s->bundle = json_is_true(json_object_get(in, "bundle"));
	if (status == VS_OK) {
		s->target = (int)target;
		status =
			vs_json_uint(in, "campaign_seq", &s->campaign_seq, why);
	}
	if (status == VS_OK)
		status = vs_json_uint(in, "bytes_fetched", &s->bytes_fetched,
		                      why);
	if (status == VS_OK)
		status = vs_json_uint(in, "bytes_total", &s->bytes_total, why);
	return status;
}

static vs_status decode_whole(const json_t *in, struct vs_state *s,
                              struct vs_why *why)
{
	const char *text;
	json_t *outbox;
	vs_status status = vs_json_string(in, "phase", &text, why);

	if (status == VS_OK && vs_phase_parse(text, &s->phase) != VS_OK)
		return malformed(why, "phase");
	if (status == VS_OK)
		status = vs_json_string(in, "reason", &text, why);
	if (status == VS_OK) {
		s->reason = vs_reason_parse(text);
		status = copy_text(in, "detail", s->detail, sizeof(s->detail),
		                   why);
	}
	if (status == VS_OK)
		status = decode_numbers(in, s, why);
	if (status == VS_OK)
		status = decode_lists(in, s, why);
	if (status == VS_OK)
		status = vs_json_object(in, "outbox", &outbox, why);
	if (status == VS_OK)
		status = vs_outbox_decode(outbox, &s->outbox, why);
	return status;
}

vs_status vs_state_decode(const void *in, size_t len, struct vs_state *s,
                          struct vs_why *why)
{
	json_t *whole VS_AUTO(vs_json_drop) = NULL;
	vs_status status = vs_json_parse(in, len, VS_STATE_MAX, &whole, why);

	memset(s, 0, sizeof(*s));
	if (status != VS_OK)
		return status;
	return decode_whole(whole, s, why);
}

vs_status vs_state_save(const struct vs_state *s, const struct vs_state_io *io)
{
	char *text = NULL;
	size_t len;
	vs_status status = vs_state_encode(s, &text, &len);

	if (status == VS_OK)
		status = io->save(io->ctx, text, len);
	free(text);
	return status;
}

/* Cuts text to fit; a person reads it, no program does.  Bytes that are not
 * printable ASCII are quoted, so that the JSON stays valid UTF-8.
 */
static void fill_note(struct vs_news *n, const char *status,
                      enum vs_phase phase, const struct vs_move_info *info)
{
	memset(n, 0, sizeof(*n));
	snprintf(n->status, sizeof(n->status), "%s", status);
	snprintf(n->phase, sizeof(n->phase), "%s", vs_phase_name(phase));
	n->reason = info->reason;
	if (info->about)
		vs_log_quote(info->about, n->about, sizeof(n->about));
	if (info->detail)
		vs_log_quote(info->detail, n->detail, sizeof(n->detail));
	n->bundle = info->bundle;
	n->time_s = info->now_s;
}

/* Saves *next and, only if that went well, makes it *s. */
static vs_status adopt(struct vs_state *s, const struct vs_state *next,
                       const struct vs_state_io *io)
{
	vs_status status = vs_state_save(next, io);

	if (status == VS_OK)
		*s = *next;
	return status;
}

/* What came from outside cannot forge a line of the log. */
static void say(const struct vs_move *move, enum vs_event on,
                const struct vs_move_info *info)
{
	const char *reason = info->reason ? vs_reason_name(info->reason) : "";
	char about[VS_NEWS_ABOUT_LEN];
	char detail[VS_NEWS_DETAIL_LEN];

	vs_log_quote(info->about ? info->about : "", about, sizeof(about));
	vs_log_quote(info->detail ? info->detail : "", detail, sizeof(detail));
	vs_info("%s on %s -> %s%s%s%s%s%s%s", vs_phase_name(move->from),
	        vs_event_name(on), vs_phase_name(move->to),
	        reason[0] ? ": " : "", reason, about[0] ? ": " : "", about,
	        detail[0] ? ": " : "", detail);
}

vs_status vs_state_move(struct vs_state *s, const struct vs_state_io *io,
                        enum vs_event on, const struct vs_move_info *info)
{
	const struct vs_move *move = vs_phase_next(s->phase, on);
	struct vs_state *next;
	struct vs_news note;
	bool news = false;
	vs_status status;

	if (!move)
		return VS_ERR_STATE;
	next = malloc(sizeof(*next)); /* 40 KB: not on the stack */
	if (!next)
		return VS_ERR_NOMEM;
	*next = *s;
	next->phase = move->to;
	if (move->status) {
		fill_note(&note, move->status, move->to, info);
		note.campaign_seq = s->campaign_seq;
		news = vs_outbox_add(&next->outbox, &note);
	}
	if (move->to == s->phase && !news)
		status = VS_OK;
	else
		status = adopt(s, next, io);
	free(next);
	if (status == VS_OK && (news || move->to != move->from))
		say(move, on, info);
	return status;
}

vs_status vs_state_set_id(const struct vs_state *s, char out[static 65])
{
	char text[VS_BOOT_COMPONENTS_MAX * 64 + 1] = "";
	uint8_t digest[32];
	unsigned len = sizeof(digest);

	for (size_t i = 0; i < s->part_count; i++)
		memcpy(text + i * 64, s->parts[i].sha256, 64);
	if (EVP_Digest(text, s->part_count * 64, digest, &len, EVP_sha256(),
	               NULL) != 1)
		return VS_ERR_CRYPTO;
	vs_hex_encode(digest, sizeof(digest), out);
	return VS_OK;
}

bool vs_state_has_failed(const struct vs_state *s, const char *set_id)
{
	for (size_t i = 0; i < s->failed_count; i++)
		if (strcmp(s->failed[i], set_id) == 0)
			return true;
	return false;
}

vs_status vs_state_add_failed(struct vs_state *s)
{
	char id[65];
	vs_status status = vs_state_set_id(s, id);

	if (status != VS_OK || s->part_count == 0 || vs_state_has_failed(s, id))
		return status;
	if (s->failed_count == VS_FAILED_MAX) {
		memmove(s->failed[0], s->failed[1],
		        sizeof(s->failed[0]) * (VS_FAILED_MAX - 1));
		s->failed_count--;
	}
	memcpy(s->failed[s->failed_count++], id, sizeof(id));
	return VS_OK;
}

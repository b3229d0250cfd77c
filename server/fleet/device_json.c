/* SPDX-License-Identifier: Apache-2.0
 *
 * server/fleet/device_json.c - a charger as people see it.
 */
#include <stdlib.h>
#include <string.h>

#include "server/fleet/device_row.h"
#include "server/fleet/fleet.h"
#include "trust/time.h"

/* Adds "tags", and the labels that come once: "" if they do not. */
static int add_labels(const struct vs_device *d, json_t *out)
{
	static const char *const once[] = {"tenant", "region", "zone",
	                                   "updates", "profile"};
	json_t *tags = json_array();
	int bad = json_object_set_new(out, "tags", tags);

	for (size_t i = 0; !bad && i < sizeof once / sizeof *once; i++)
		bad = json_object_set_new(out, once[i], json_string(""));
	for (const char *at = d->kind->labels; !bad && *at;
	     at = strchr(at, '\n') + 1) {
		size_t kind_len = strcspn(at, "=");
		const char *value = at + kind_len + 1;
		size_t len = strcspn(value, "\n");

		if (strncmp(at, "tag=", 4) == 0)
			bad = json_array_append_new(tags,
			                            json_stringn(value, len));
		else
			bad = json_object_setn_new(out, at, kind_len,
			                           json_stringn(value, len));
	}
	return bad;
}

static json_t *components_json(const struct vs_device *d)
{
	json_t *all = json_object();

	for (size_t i = 0; all && i < d->ecu_count; i++) {
		const struct vs_device_ecu *e = &d->ecus[i];
		json_t *one =
			json_pack("{s:s, s:I, s:I}", "version", e->version,
		                  "release_seq", (json_int_t)e->release_seq,
		                  "floor", (json_int_t)e->floor);

		if (json_object_set_new(all, e->component, one)) {
			json_decref(all);
			return NULL;
		}
	}
	return all;
}

static const char *word(vs_reason reason)
{
	return reason == VS_REASON_NONE ? "" : vs_reason_name(reason);
}

static json_t *state_json(const struct vs_device *d)
{
	const struct vs_device_state *s = d->state;
	char at[VS_TIME_LEN] = "";

	if (d->counter)
		vs_time_format(d->received_s, at);
	return json_pack(
		"{s:s, s:s, s:s, s:s, s:s, s:s, s:b, s:b, s:I, s:I, s:i, s:b, "
		"s:b, s:s}",
		"last_report", at, "phase", s->phase, "status", s->status,
		"detail", s->detail, "reason", word(s->reason), "about",
		s->about, "healthy", (int)s->healthy, "charging",
		(int)s->charging, "bytes_fetched",
		(json_int_t)vs_device_fetched(d), "bytes_total",
		(json_int_t)s->bytes_total, "slot", s->slot, "trial",
		(int)s->trial, "fell_back", (int)s->fell_back,
		"fallback_reason", word(s->fallback_reason));
}

vs_status vs_device_json(const struct vs_device *d, uint64_t now_s,
                         uint64_t online_s, json_t **out)
{
	uint64_t seen = atomic_load(&d->seen_s);
	int online = seen && now_s < seen + online_s;
	json_t *components = components_json(d);
	json_t *state = components ? state_json(d) : NULL;

	json_t *flags = state ? vs_watch_json(&d->state->watch) : NULL;

	if (!flags) {
		json_decref(state);
		state = NULL;
	}
	*out = state ? json_pack("{s:s, s:s, s:s, s:s, s:b, s:s, s:s, s:o, "
	                         "s:o}",
	                         "id", d->id, "site", d->site, "feeder",
	                         d->feeder, "model", d->kind->model, "online",
	                         online, "campaign", d->told->campaign,
	                         "release", d->told->release, "components",
	                         components, "flags", flags)
	             : NULL;
	if (!state)
		json_decref(components);
	if (*out && (json_object_update(*out, state) || add_labels(d, *out))) {
		json_decref(*out);
		*out = NULL;
	}
	json_decref(state);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

struct reading {
	struct vs_store *store;
	const char *id;
	json_t *out;
};

/* Of one that cannot be verified nothing is shown. */
static vs_status add_boot(void *ctx, const struct vs_row *row)
{
	const struct reading *l = ctx;
	struct vs_report *r = calloc(1, sizeof *r);
	struct vs_why why = {0};
	size_t len;
	const void *body = vs_row_blob(l->store, row, 0, &len);
	const struct vs_report_kept kept = {l->id, body, len,
	                                    vs_row_text(l->store, row, 1),
	                                    vs_row_text(l->store, row, 2)};
	vs_status status = r ? vs_report_reread(&kept, r, &why) : VS_ERR_NOMEM;

	if (!status &&
	    json_object_set_new(l->out, "boot", vs_watch_boot_json(&r->boot)))
		status = VS_ERR_NOMEM;
	free(r);
	return status == VS_ERR_REFUSED || status == VS_ERR_INPUT ? VS_OK
	                                                          : status;
}

vs_status vs_device_boot_json(struct vs_store *s, const char *id, json_t *out)
{
	static const struct vs_report_boot none;
	struct reading l = {s, id, out};

	if (json_object_set_new(out, "boot", vs_watch_boot_json(&none)))
		return VS_ERR_NOMEM;
	return vs_store_query(
		s,
		"SELECT r.body, c.pem, COALESCE(b.certificate, '') "
		"FROM report r JOIN certificate c ON c.device = r.device "
		"LEFT JOIN certificate_before b ON b.device = r.device "
		"WHERE r.device = ?1",
		(struct vs_value[]){vs_text(id)}, 1, add_boot, &l);
}

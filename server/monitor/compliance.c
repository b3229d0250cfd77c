/* SPDX-License-Identifier: Apache-2.0
 *
 * server/monitor/compliance.c - who runs what, and who should run something
 * else.
 */
#include "server/monitor/compliance.h"

#include <stdlib.h>
#include <string.h>

#include "server/campaigns/scope.h"

struct count {
	const struct vs_device_ecu *ecu; /* one that runs it */
	uint64_t chargers;
};

struct counts {
	struct count *at;
	size_t count, cap;
};

static bool same(const struct vs_device_ecu *a, const struct vs_device_ecu *b)
{
	return a->release_seq == b->release_seq &&
	       strcmp(a->component, b->component) == 0 &&
	       strcmp(a->version, b->version) == 0;
}

/* Fleets run few versions; the one seen last is the likeliest. */
static vs_status count(struct counts *c, const struct vs_device_ecu *e)
{
	for (size_t i = c->count; i-- > 0;)
		if (same(c->at[i].ecu, e)) {
			c->at[i].chargers++;
			return VS_OK;
		}
	if (c->count == c->cap) {
		size_t cap = c->cap ? 2 * c->cap : 64;
		struct count *more = realloc(c->at, cap * sizeof *more);

		if (!more)
			return VS_ERR_NOMEM;
		c->at = more;
		c->cap = cap;
	}
	c->at[c->count++] = (struct count){e, 1};
	return VS_OK;
}

static int by_version(const void *left, const void *right)
{
	const struct count *a = left, *b = right;
	int n = strcmp(a->ecu->component, b->ecu->component);

	if (n)
		return n;
	if (a->ecu->release_seq != b->ecu->release_seq)
		return a->ecu->release_seq < b->ecu->release_seq ? -1 : 1;
	return strcmp(a->ecu->version, b->ecu->version);
}

static const char *release_of(const struct vs_releases *r,
                              const struct vs_device_ecu *e)
{
	for (size_t i = 0; i < r->target_count; i++)
		if (r->targets[i].release_seq == e->release_seq &&
		    strcmp(r->targets[i].component, e->component) == 0)
			return r->targets[i].release;
	return "";
}

static vs_status to_json(const struct vs_server *s, struct counts *c,
                         json_t **out)
{
	*out = json_array();
	if (c->count)
		qsort(c->at, c->count, sizeof *c->at, by_version);
	for (size_t i = 0; *out && i < c->count; i++) {
		const struct vs_device_ecu *e = c->at[i].ecu;
		json_t *one =
			json_pack("{s:s, s:s, s:I, s:s, s:I}", "component",
		                  e->component, "version", e->version,
		                  "release_seq", (json_int_t)e->release_seq,
		                  "release", release_of(&s->image.releases, e),
		                  "chargers", (json_int_t)c->at[i].chargers);

		if (json_array_append_new(*out, one)) {
			json_decref(*out);
			*out = NULL;
		}
	}
	return *out ? VS_OK : VS_ERR_NOMEM;
}

vs_status vs_versions(const struct vs_server *s, const struct vs_person *p,
                      json_t **out)
{
	struct counts c = {0};
	vs_status status = VS_OK;

	*out = NULL;
	for (size_t i = 0; !status && i < s->fleet.count; i++) {
		const struct vs_device *d = vs_fleet_at(&s->fleet, i);

		if (!vs_scope_device(p, d))
			continue;
		for (size_t k = 0; !status && k < d->ecu_count; k++)
			status = count(&c, &d->ecus[k]);
	}
	if (!status)
		status = to_json(s, &c, out);
	free(c.at);
	return status;
}

static uint64_t allowed_s(const struct vs_server *s,
                          const struct vs_release_target *t)
{
	const char *kind =
		json_string_value(json_object_get(t->custom, "updateType"));

	return kind && strcmp(kind, "security") == 0
	               ? s->settings->overdue_security_s
	               : s->settings->overdue_feature_s;
}

static void look_at(const struct vs_server *s, const struct vs_device_ecu *e,
                    const struct vs_release_target *t, uint64_t now_s,
                    struct vs_overdue *out)
{
	if (t->release_seq <= e->release_seq ||
	    strcmp(t->component, e->component) != 0 ||
	    !vs_release_fits(t, e->hardware))
		return;
	const struct vs_release *r =
		vs_releases_find(&s->image.releases, t->release);
	if (!r || r->standing.stage != VS_STAGE_GENERAL)
		return;
	uint64_t from_s =
		r->standing.since_s ? r->standing.since_s : r->uploaded_s;
	uint64_t since_s = from_s + allowed_s(s, t);
	if (since_s <= now_s && (!out->target || since_s < out->since_s))
		*out = (struct vs_overdue){t, e, since_s};
}

bool vs_device_overdue(const struct vs_server *s, const struct vs_device *d,
                       uint64_t now_s, struct vs_overdue *out)
{
	const struct vs_releases *all = &s->image.releases;

	*out = (struct vs_overdue){0};
	for (size_t i = 0; i < d->ecu_count; i++)
		for (size_t k = 0; k < all->target_count; k++)
			look_at(s, &d->ecus[i], &all->targets[k], now_s, out);
	return out->target;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout_select.c - who is in a campaign, and who is refused.
 *
 * Members are settled when a campaign is made, and kept as a set: versions
 * change, and with them what a filter would take today.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "campaign/filter.h"
#include "server/campaigns/requires.h"
#include "server/campaigns/rollout.h"
#include "server/campaigns/rollout_store.h"
#include "trust/json.h"

enum { facts_len = 2048 };

/* What a filter asks, with the texts that it borrows. */
struct asked {
	char text[facts_len];
	const char *tags[VS_LABELS_MAX];
	struct vs_fact_component components[VS_ECUS_MAX];
	struct vs_facts facts;
};

/* "tag=x\nregion=y\n" */
static void take_labels(const struct vs_device *d, struct asked *out)
{
	char *at = out->text;

	snprintf(out->text, sizeof out->text, "%s", d->kind->labels);
	while (*at) {
		char *value = at + strcspn(at, "=\n");
		char *end = value + strcspn(value, "\n");
		char *next = *end ? end + 1 : end;

		*end = 0;
		if (*value)
			*value++ = 0;
		if (strcmp(at, "tag") == 0 &&
		    out->facts.tag_count < VS_LABELS_MAX)
			out->tags[out->facts.tag_count++] = value;
		else if (strcmp(at, "tenant") == 0)
			out->facts.tenant = value;
		else if (strcmp(at, "region") == 0)
			out->facts.region = value;
		else if (strcmp(at, "zone") == 0)
			out->facts.zone = value;
		at = next;
	}
}

static void ask(const struct vs_device *d, struct asked *out)
{
	out->facts = (struct vs_facts){
		.id = d->id,
		.model = d->kind->model,
		.site = d->site,
		.feeder = d->feeder,
		.region = "",
		.tenant = "",
		.zone = "",
		.tags = out->tags,
		.components = out->components,
		.component_count = d->ecu_count,
	};
	take_labels(d, out);
	for (size_t i = 0; i < d->ecu_count; i++)
		out->components[i] = (struct vs_fact_component){
			d->ecus[i].component, d->ecus[i].version,
			d->ecus[i].hardware};
}

static bool listed(const json_t *list, const char *text)
{
	for (size_t i = 0; i < json_array_size(list); i++)
		if (strcmp(json_string_value(json_array_get(list, i)), text) ==
		    0)
			return true;
	return false;
}

/* The filters of a campaign, read. */
struct filters {
	struct vs_filter *who; /* NULL: by lists */
	const json_t *lists;
	struct vs_filter *waves[VS_WAVES_MAX];
};

static void filters_drop(struct filters *f)
{
	vs_filter_free(&f->who);
	for (size_t i = 0; i < VS_WAVES_MAX; i++)
		vs_filter_free(&f->waves[i]);
}

static vs_status filters_read(const struct vs_rollout *r, struct filters *f,
                              struct vs_why *why)
{
	const json_t *who = json_object_get(r->body, "filter");
	const json_t *waves = json_object_get(r->body, "waves");
	vs_status status = VS_OK;

	*f = (struct filters){.lists = who};
	if (json_is_string(who))
		status = vs_filter_parse(json_string_value(who),
		                         json_string_length(who), &f->who, why);
	for (size_t i = 0; !status && i < r->plan.wave_count; i++) {
		const json_t *text =
			json_object_get(json_array_get(waves, i), "filter");

		if (json_is_string(text))
			status = vs_filter_parse(json_string_value(text),
			                         json_string_length(text),
			                         &f->waves[i], why);
	}
	if (status)
		filters_drop(f);
	return status;
}

/* An empty list means everybody; both lists together narrow. */
static bool selected(const struct filters *f, const struct vs_device *d,
                     const struct asked *a)
{
	const json_t *sites = json_object_get(f->lists, "sites");
	const json_t *ids = json_object_get(f->lists, "ids");

	if (f->who)
		return vs_filter_match(f->who, &a->facts);
	return (!json_array_size(sites) || listed(sites, d->site)) &&
	       (!json_array_size(ids) || listed(ids, d->id));
}

static uint16_t fits(const struct filters *f, const struct asked *a)
{
	unsigned bits = 0;

	for (unsigned w = 0; w < VS_WAVES_MAX; w++)
		if (f->waves[w] && vs_filter_match(f->waves[w], &a->facts))
			bits |= 1u << w;
	return (uint16_t)bits;
}

static const char *id_of(void *ctx, uint32_t device)
{
	const struct vs_fleet *fleet = ctx;

	return vs_fleet_at(fleet, device)->id;
}

static vs_status seat_by(struct vs_rollout *r, struct vs_rollouts *all,
                         const struct vs_rollout_set *set,
                         const struct filters *f)
{
	uint64_t last_seq = (uint64_t)json_integer_value(
		json_object_get(r->body, "last_device"));
	vs_status status = VS_OK;

	for (uint32_t i = 0; !status && i < all->grid.count; i++) {
		const struct vs_device *d = vs_fleet_at(all->fleet, i);
		struct asked a;

		if (set ? !vs_rollout_set_has(set, d->seq) : d->seq > last_seq)
			continue;
		ask(d, &a);
		if (set || selected(f, d, &a))
			status = vs_run_add(&r->run, i, fits(f, &a));
	}
	return status;
}

vs_status vs_rollout_seat(struct vs_rollout *r, struct vs_rollouts *all,
                          const struct vs_rollout_set *set, struct vs_why *why)
{
	struct filters f;
	vs_status status = filters_read(r, &f, why);

	if (status)
		return status;
	r->fleet = all->fleet;
	r->among = all;
	vs_run_init(&r->run, &r->plan, &all->grid);
	status = seat_by(r, all, set, &f);
	filters_drop(&f);
	if (!status)
		status = vs_run_order(&r->run, id_of, all->fleet);
	if (!status) {
		size_t n = r->run.count ? r->run.count : 1;

		r->notes = calloc(n, sizeof(*r->notes));
		status = r->notes ? VS_OK : VS_ERR_NOMEM;
	}
	if (!status)
		vs_run_judge(&r->run);
	return status ? vs_fail(status, why, VS_REASON_NONE, "memory", 0)
	              : VS_OK;
}

static const char *type_of(const struct vs_device *d,
                           const struct vs_releases *releases,
                           const char *release, bool *below)
{
	const char *type = "security";

	*below = false;
	for (size_t i = 0; i < d->ecu_count; i++) {
		const struct vs_release_target *t = vs_release_target(
			releases, release, d->ecus[i].component,
			d->ecus[i].hardware);
		const char *one = t ? json_string_value(json_object_get(
					      t->custom, "updateType"))
		                    : NULL;

		if (one && strcmp(one, "security") != 0)
			type = one;
		*below =
			*below || (t && t->security_version < d->ecus[i].floor);
	}
	return type;
}

static const struct {
	const char *begins, *kind;
} words[] = {
	{"the release has nothing", "hardware" },
	{"lacks a component",       "component"},
	{"the release is",          "stage"    },
};

const char *vs_rollout_refusal(const struct vs_device *d,
                               const struct vs_releases *releases,
                               const char *release, const char **kind)
{
	const char *why = vs_device_unfit(d, releases, release);
	bool below;
	const char *type = type_of(d, releases, release, &below);
	char lacks[VS_LACKS_LEN];

	*kind = "release";
	for (size_t i = 0; why && i < sizeof words / sizeof *words; i++)
		if (strncmp(why, words[i].begins, strlen(words[i].begins)) == 0)
			*kind = words[i].kind;
	if (why)
		return why;
	if (vs_device_runs(d, releases, release)) {
		*kind = "has-it";
		return "runs it already";
	}
	if (vs_device_later(d, releases, release)) {
		*kind = "later";
		return "runs a later release";
	}
	if (below) {
		*kind = "floor";
		return "its security floor is above the release";
	}
	if (vs_device_lacks(d, releases, release, lacks)) {
		*kind = "requires";
		return "another component is older than the release requires";
	}
	if (vs_device_has_label(d, "updates", "security") &&
	    strcmp(type, "security") != 0) {
		*kind = "policy";
		return "takes security updates only";
	}
	if (vs_device_has_label(d, "profile", "legacy")) {
		*kind = "legacy";
		return "its profile cannot take sealed releases";
	}
	return NULL;
}

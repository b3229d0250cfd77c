/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/grid.c - away counters, kept as things happen.
 *
 * A charger is away while a campaign has it under way, and after it failed in
 * one for as long as its reports say it is ill: its site has lost it already.
 */
#include "campaign/grid.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Groups by name: open addressing over owned copies. */
struct vs_names {
	char **texts;    /* by group */
	uint32_t *slots; /* group + 1; 0: free */
	size_t count, cap, slot_count;
};

static uint64_t hash(const char *s)
{
	uint64_t h = UINT64_C(0xcbf29ce484222325);

	for (; *s; s++)
		h = (h ^ (unsigned char)*s) * UINT64_C(0x100000001b3);
	return h ^ h >> 32;
}

static void names_free(struct vs_names **names)
{
	struct vs_names *n = *names;

	*names = NULL;
	if (!n)
		return;
	for (size_t i = 0; i < n->count; i++)
		free(n->texts[i]);
	free(n->texts);
	free(n->slots);
	free(n);
}

static size_t slot_of(const struct vs_names *n, const char *name)
{
	size_t i = (size_t)hash(name) & (n->slot_count - 1);

	while (n->slots[i] && strcmp(n->texts[n->slots[i] - 1], name) != 0)
		i = (i + 1) & (n->slot_count - 1);
	return i;
}

static vs_status names_grow(struct vs_names *n)
{
	size_t cap = n->cap ? n->cap * 2 : 64;
	char **texts = realloc(n->texts, cap * sizeof(*texts));

	if (!texts)
		return VS_ERR_NOMEM;
	n->texts = texts;
	uint32_t *slots = calloc(cap * 2, sizeof *slots);
	if (!slots)
		return VS_ERR_NOMEM;
	free(n->slots);
	n->slots = slots;
	n->slot_count = cap * 2;
	n->cap = cap;
	for (size_t i = 0; i < n->count; i++)
		n->slots[slot_of(n, n->texts[i])] = (uint32_t)(i + 1);
	return VS_OK;
}

/* The group of a name; *fresh: it is a new one. */
static vs_status names_take(struct vs_names **names, const char *name,
                            uint32_t *out, bool *fresh)
{
	*fresh = false;
	if (!*names)
		*names = calloc(1, sizeof **names);
	struct vs_names *n = *names;
	if (!n)
		return VS_ERR_NOMEM;
	if (n->count == n->cap) {
		vs_status status = names_grow(n);

		if (status)
			return status;
	}
	size_t at = slot_of(n, name);
	if (!n->slots[at]) {
		if (n->count >= VS_NO_GROUP - 1)
			return VS_ERR_LIMIT;
		n->texts[n->count] = strdup(name);
		if (!n->texts[n->count])
			return VS_ERR_NOMEM;
		n->slots[at] = (uint32_t)++n->count;
		*fresh = true;
	}
	*out = n->slots[at] - 1;
	return VS_OK;
}

void vs_grid_drop(struct vs_grid *g)
{
	names_free(&g->site_names);
	names_free(&g->feeder_names);
	free(g->devices);
	free(g->sites);
	free(g->feeders);
	free(g->zones);
	*g = (struct vs_grid){0};
}

vs_status vs_grid_zone(struct vs_grid *g, const struct vs_zone *z,
                       uint16_t *out)
{
	size_t i = 0;

	while (i < g->zone_count && g->zones[i] != z)
		i++;
	if (i == UINT16_MAX)
		return VS_ERR_LIMIT;
	if (i == g->zone_count) {
		const struct vs_zone **more =
			realloc(g->zones, (i + 1) * sizeof(*more));

		if (!more)
			return VS_ERR_NOMEM;
		g->zones = more;
		g->zones[g->zone_count++] = z;
	}
	*out = (uint16_t)i;
	return VS_OK;
}

static vs_status join(struct vs_names **names, struct vs_group **groups,
                      const char *name, uint32_t *out)
{
	bool fresh;
	vs_status status = names_take(names, name, out, &fresh);

	if (status)
		return status;
	/* Grown as the names are, by doubling from 64. */
	size_t n = (size_t)*out + 1;
	if (fresh && (n == 1 || (n > 64 && ((n - 1) & (n - 2)) == 0))) {
		size_t cap = n == 1 ? 64 : (n - 1) * 2;
		struct vs_group *more =
			realloc(*groups, cap * sizeof(**groups));

		if (!more)
			return VS_ERR_NOMEM;
		*groups = more;
	}
	if (fresh)
		(*groups)[*out] = (struct vs_group){0};
	(*groups)[*out].size++;
	return VS_OK;
}

vs_status vs_grid_add(struct vs_grid *g, const char *site, const char *feeder,
                      uint16_t zone, uint32_t *out)
{
	struct vs_grid_device d = {.feeder = VS_NO_GROUP, .zone = zone};

	assert(zone < g->zone_count);
	if (g->count >= VS_NO_GROUP - 1)
		return VS_ERR_LIMIT;
	if (g->count == g->cap) {
		size_t cap = g->cap ? g->cap * 2 : 64;
		struct vs_grid_device *more =
			realloc(g->devices, cap * sizeof *more);

		if (!more)
			return VS_ERR_NOMEM;
		g->devices = more;
		g->cap = cap;
	}
	vs_status status = join(&g->site_names, &g->sites, site, &d.site);
	if (!status && feeder[0])
		status = join(&g->feeder_names, &g->feeders, feeder, &d.feeder);
	if (status)
		return status;
	*out = (uint32_t)g->count;
	g->devices[g->count++] = d;
	return VS_OK;
}

static void settle(struct vs_grid *g, struct vs_grid_device *d)
{
	bool away = d->busy || (d->failed && d->ill);

	if (away == d->away)
		return;
	d->away = away;
	g->sites[d->site].away += away ? 1u : (uint32_t)-1;
	if (d->feeder != VS_NO_GROUP)
		g->feeders[d->feeder].away += away ? 1u : (uint32_t)-1;
}

static uint32_t brief(uint64_t n)
{
	return n < UINT32_MAX ? (uint32_t)n : UINT32_MAX;
}

static void note_faults(struct vs_grid_device *d,
                        const struct vs_grid_report *r)
{
	uint32_t now_s = brief(r->time_s), faults = brief(r->faults);

	/* A counter that went back began anew: what was before is no measure.
	 */
	if (!d->has_faults || faults < d->faults) {
		d->old_faults = d->new_faults = faults;
		d->old_s = d->new_s = now_s;
	} else if (now_s >= d->new_s && now_s - d->new_s >= VS_MARK_S) {
		d->old_faults = d->new_faults;
		d->old_s = d->new_s;
		d->new_faults = faults;
		d->new_s = now_s;
	}
	d->has_faults = true;
	d->faults = faults;
}

void vs_grid_report(struct vs_grid *g, uint32_t device,
                    const struct vs_grid_report *r)
{
	struct vs_grid_device *d = &g->devices[device];

	if (r->has_faults)
		note_faults(d, r);
	d->ill = !r->healthy;
	d->last_report_s = brief(r->time_s);
	settle(g, d);
}

void vs_grid_restore(struct vs_grid *g, uint32_t device,
                     const struct vs_grid_device *kept)
{
	struct vs_grid_device *d = &g->devices[device], was = *d;

	*d = *kept;
	d->site = was.site;
	d->feeder = was.feeder;
	d->zone = was.zone;
	d->busy = was.busy;
	d->failed = was.failed;
	d->away = was.away;
	settle(g, d);
}

void vs_grid_count(struct vs_grid *g, uint32_t device, int busy, int failed)
{
	struct vs_grid_device *d = &g->devices[device];

	assert(d->busy + busy >= 0 && d->failed + failed >= 0);
	d->busy = (uint16_t)(d->busy + busy);
	d->failed = (uint16_t)(d->failed + failed);
	settle(g, d);
}

uint32_t vs_grid_site_away(const struct vs_grid *g, uint32_t device)
{
	const struct vs_grid_device *d = &g->devices[device];

	return g->sites[d->site].away - d->away;
}

uint32_t vs_grid_feeder_away(const struct vs_grid *g, uint32_t device)
{
	const struct vs_grid_device *d = &g->devices[device];

	return d->feeder == VS_NO_GROUP ? 0
	                                : g->feeders[d->feeder].away - d->away;
}

uint32_t vs_grid_site_size(const struct vs_grid *g, uint32_t device)
{
	return g->sites[g->devices[device].site].size;
}

const struct vs_zone *vs_grid_zone_of(const struct vs_grid *g, uint32_t device)
{
	return g->zones[g->devices[device].zone];
}

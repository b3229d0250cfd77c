/* SPDX-License-Identifier: Apache-2.0
 *
 * server/work/pairs.c - predecessors, and who runs them.
 */
#include "server/work/pairs.h"

#include <stdlib.h>
#include <string.h>

static bool share_hardware(const struct vs_release_target *a,
                           const struct vs_release_target *b)
{
	const json_t *ids = json_object_get(a->custom, "hardwareIds");
	const json_t *id;
	size_t i;

	json_array_foreach(
		ids, i,
		id) if (json_is_string(id) &&
	                vs_release_fits(b, json_string_value(id))) return true;
	return false;
}

static void add_pair(struct vs_pairs *p, const struct vs_release_target *from,
                     const struct vs_release_target *to)
{
	struct vs_pair *one = &p->at[p->count];

	if (p->count == VS_PAIRS_MAX)
		return;
	p->count++;
	memset(one, 0, sizeof *one);
	memcpy(one->from.seal, from->seal_sha256, sizeof one->from.seal);
	memcpy(one->from.pack, from->pack_sha256, sizeof one->from.pack);
	memcpy(one->to.seal, to->seal_sha256, sizeof one->to.seal);
	memcpy(one->to.pack, to->pack_sha256, sizeof one->to.pack);
	memcpy(one->component, from->component, sizeof one->component);
	memcpy(one->version, from->version, sizeof one->version);
	one->old_seal = vs_seal_short(from->seal_sha256);
	one->release_seq = from->release_seq;
}

static bool is_retired(const struct vs_releases *all, const char *name)
{
	const struct vs_release *r = vs_releases_find(all, name);

	return !r || r->standing.stage == VS_STAGE_RETIRED;
}

/* Under the lock.  The newest come first, should there be too many. */
static void collect(const struct vs_releases *all, const char *release,
                    struct vs_pairs *p)
{
	for (size_t i = all->target_count; i-- > 0;) {
		const struct vs_release_target *to = &all->targets[i];

		if (release ? strcmp(to->release, release) != 0
		            : is_retired(all, to->release))
			continue;
		for (size_t k = all->target_count; k-- > 0;) {
			const struct vs_release_target *from = &all->targets[k];

			if (from->release_seq < to->release_seq &&
			    strcmp(from->component, to->component) == 0 &&
			    share_hardware(from, to))
				add_pair(p, from, to);
		}
	}
}

static void count_chargers(const struct vs_fleet *fleet, struct vs_pairs *p)
{
	for (size_t i = 0; i < fleet->count; i++) {
		const struct vs_device *d = vs_fleet_at(fleet, i);

		for (size_t k = 0; k < d->ecu_count; k++)
			for (size_t n = 0; n < p->count; n++)
				p->at[n].chargers +=
					d->ecus[k].seal == p->at[n].old_seal &&
					strcmp(d->ecus[k].component,
				               p->at[n].component) == 0;
	}
}

static int by_chargers(const void *a, const void *b)
{
	const struct vs_pair *x = a, *y = b;
	int c = strcmp(x->component, y->component);

	if (c != 0)
		return c;
	if (x->chargers != y->chargers)
		return x->chargers < y->chargers ? 1 : -1;
	if (x->release_seq != y->release_seq)
		return x->release_seq < y->release_seq ? 1 : -1;
	return strcmp(x->from.seal, y->from.seal);
}

void vs_pairs_collect(struct vs_server *s, const char *release,
                      struct vs_pairs *out)
{
	out->count = 0;
	pthread_rwlock_rdlock(&s->lock);
	collect(&s->image.releases, release, out);
	count_chargers(&s->fleet, out);
	pthread_rwlock_unlock(&s->lock);
	qsort(out->at, out->count, sizeof out->at[0], by_chargers);
}

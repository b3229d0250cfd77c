/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/downloads.c - predecessors, who runs them, and the way from each.
 */
#include "server/api/downloads.h"

#include <stdlib.h>
#include <string.h>

#include "server/monitor/compliance.h"
#include "server/publish/ways.h"

/* One predecessor of one target; copied, so that files are read without the
 * lock.
 */
struct pair {
	struct vs_way_end from, to;
	char component[VS_COMPONENT_LEN], version[VS_VERSION_LEN];
	uint64_t old_seal; /* as the fleet has it */
	uint64_t release_seq, chargers;
};

struct pairs {
	struct pair at[VS_DOWNLOADS_MAX];
	size_t count;
};

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

static void add_pair(struct pairs *p, const struct vs_release_target *from,
                     const struct vs_release_target *to)
{
	struct pair *one = &p->at[p->count];

	if (p->count == VS_DOWNLOADS_MAX)
		return;
	p->count++;
	memcpy(one->from.seal, from->seal_sha256, sizeof one->from.seal);
	memcpy(one->to.seal, to->seal_sha256, sizeof one->to.seal);
	memcpy(one->to.pack, to->pack_sha256, sizeof one->to.pack);
	memcpy(one->component, from->component, sizeof one->component);
	memcpy(one->version, from->version, sizeof one->version);
	one->old_seal = vs_seal_short(from->seal_sha256);
	one->release_seq = from->release_seq;
}

/* Under the lock. */
static void collect(const struct vs_releases *all, const char *release,
                    struct pairs *p)
{
	for (size_t i = 0; i < all->target_count; i++) {
		const struct vs_release_target *to = &all->targets[i];

		if (strcmp(to->release, release) != 0)
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

static void count_chargers(const struct vs_fleet *fleet, struct pairs *p)
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
	const struct pair *x = a, *y = b;
	int c = strcmp(x->component, y->component);

	if (c != 0)
		return c;
	if (x->chargers != y->chargers)
		return x->chargers < y->chargers ? 1 : -1;
	if (x->release_seq != y->release_seq)
		return x->release_seq < y->release_seq ? 1 : -1;
	return strcmp(x->from.seal, y->from.seal);
}

static json_t *pair_json(const char *data_dir, const struct pair *one)
{
	struct vs_way way;
	vs_status status = vs_way_between(data_dir, &one->from, &one->to, &way);
	json_t *o = json_pack("{s:s, s:s, s:I, s:I, s:s}", "component",
	                      one->component, "from", one->version,
	                      "release_seq", (json_int_t)one->release_seq,
	                      "chargers", (json_int_t)one->chargers, "way",
	                      status ? "unknown" : vs_way_name(way.kind));

	if (o && !status &&
	    (json_object_set_new(o, "bytes",
	                         json_integer((json_int_t)way.bytes)) ||
	     json_object_set_new(o, "without_delta",
	                         json_integer((json_int_t)way.clusters_len)))) {
		json_decref(o);
		return NULL;
	}
	return o;
}

vs_status vs_downloads_add(struct vs_server *s, const char *release,
                           json_t *one)
{
	struct pairs *p = calloc(1, sizeof *p);
	json_t *list = json_array();
	bool good = p && list;

	if (good) {
		pthread_rwlock_rdlock(&s->lock);
		collect(&s->image.releases, release, p);
		count_chargers(&s->fleet, p);
		pthread_rwlock_unlock(&s->lock);
		qsort(p->at, p->count, sizeof p->at[0], by_chargers);
	}
	for (size_t i = 0; good && i < p->count; i++)
		good = json_array_append_new(list,
		                             pair_json(s->settings->data_dir,
		                                       &p->at[i])) == 0;
	good = good && json_object_set(one, "downloads", list) == 0;
	json_decref(list);
	free(p);
	return good ? VS_OK : VS_ERR_NOMEM;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/campaigns/rollout_rehearse.c - what a campaign would do, without doing
 * it.
 */
#include <string.h>

#include "server/campaigns/requires.h"
#include "server/campaigns/rollout.h"

enum { ids_max = 100, refused_max = 1000 };

/* Counts one more under a word. */
static int count_up(json_t *counts, const char *word)
{
	json_int_t n = json_integer_value(json_object_get(counts, word));

	return json_object_set_new(counts, word, json_integer(n + 1));
}

static int add_refused(json_t *list, const struct vs_device *d,
                       const char *kind, const char *why)
{
	if (json_array_size(list) >= refused_max)
		return 0;
	return json_array_append_new(
		list, json_pack("{s:s, s:s, s:s, s:s}", "id", d->id, "site",
	                        d->site, "reason", kind, "why", why));
}

/* Takes place i of the run, who is not refused. */
static int add_told(json_t *waves, const struct vs_rollout *r, size_t place)
{
	uint8_t w = r->run.seats[place].wave;
	json_t *wave, *ids;

	if (w >= r->plan.wave_count)
		return 0;
	wave = json_array_get(waves, w);
	ids = json_object_get(wave, "ids");
	json_int_t n = json_integer_value(json_object_get(wave, "size"));
	if (json_object_set_new(wave, "size", json_integer(n + 1)))
		return -1;
	return json_array_size(ids) < ids_max
	               ? json_array_append_new(
				 ids,
				 json_string(vs_rollout_device(r, place)->id))
	               : 0;
}

static json_t *make_waves(const struct vs_rollout *r)
{
	json_t *waves = json_array();

	for (size_t w = 0; waves && w < r->plan.wave_count; w++)
		if (json_array_append_new(waves, json_pack("{s:i, s:[]}",
		                                           "size", 0, "ids"))) {
			json_decref(waves);
			return NULL;
		}
	return waves;
}

/* The run is this rehearsal's own: who is refused is skipped in it. */
static vs_status skip_refused(struct vs_rollout *r,
                              const struct vs_releases *releases,
                              json_t *refused, json_t *counts)
{
	const struct vs_seat skipped = {.state = VS_MEMBER_SKIPPED};

	for (size_t i = 0; i < vs_rollout_count(r); i++) {
		const struct vs_device *d = vs_rollout_device(r, i);
		const char *kind;
		const char *why =
			vs_rollout_refusal(d, releases, r->release, &kind);
		char lacks[VS_LACKS_LEN];

		if (!why)
			continue;
		if (strcmp(kind, "requires") == 0 &&
		    vs_device_lacks(d, releases, r->release, lacks))
			why = lacks;
		vs_run_restore(&r->run, i, &skipped);
		if (count_up(counts, kind) ||
		    add_refused(refused, d, kind, why))
			return VS_ERR_NOMEM;
	}
	vs_run_restored(&r->run);
	return VS_OK;
}

vs_status vs_rollout_rehearse(struct vs_rollout *r,
                              const struct vs_releases *releases, json_t **out)
{
	json_t *waves = make_waves(r);
	json_t *refused = json_array(), *counts = json_object();
	size_t told = 0;
	vs_status status = waves && refused && counts
	                           ? skip_refused(r, releases, refused, counts)
	                           : VS_ERR_NOMEM;

	for (size_t i = 0; !status && i < vs_rollout_count(r); i++) {
		if (r->run.seats[i].state == VS_MEMBER_SKIPPED)
			continue;
		told += r->run.seats[i].wave < r->plan.wave_count;
		if (add_told(waves, r, i))
			status = VS_ERR_NOMEM;
	}
	*out = status ? NULL
	              : json_pack("{s:s, s:O*, s:I, s:I, s:O, s:O, s:O}",
	                          "release", r->release, "filter",
	                          json_object_get(r->body, "filter"), "members",
	                          (json_int_t)vs_rollout_count(r), "told",
	                          (json_int_t)told, "waves", waves,
	                          "refused_by", counts, "refused", refused);
	json_decref(waves);
	json_decref(refused);
	json_decref(counts);
	return *out ? VS_OK : VS_ERR_NOMEM;
}

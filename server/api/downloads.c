/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/downloads.c - the way from each predecessor, and its bytes.
 */
#include "server/api/downloads.h"

#include <stdlib.h>

#include "server/work/pairs.h"

static json_t *pair_json(const char *data_dir, const struct vs_pair *one)
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
	struct vs_pairs *p = calloc(1, sizeof *p);
	json_t *list = json_array();
	bool good = p && list;

	if (good)
		vs_pairs_collect(s, release, p);
	for (size_t i = 0; good && i < p->count; i++)
		good = json_array_append_new(list,
		                             pair_json(s->settings->data_dir,
		                                       &p->at[i])) == 0;
	good = good && json_object_set(one, "downloads", list) == 0;
	json_decref(list);
	free(p);
	return good ? VS_OK : VS_ERR_NOMEM;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/uptane_world.c - a charger of two ECUs and its repositories.
 */
#include "tests/trust/uptane_world.h"

#include <stdlib.h>

static json_t *custom(const char *component, const char *version,
                      const char *hardware)
{
	return json_pack("{s:s, s:s, s:[s], s:i, s:i, s:s, s:[s, s]}",
	                 "component", component, "version", version,
	                 "hardwareIds", hardware, "releaseCounter", 11,
	                 "rollbackIndex", 5, "release", "2027.1", "releaseSet",
	                 GATEWAY, CONTROLLER);
}

static json_t *assign(const char *ecu, const char *hardware, int counter,
                      int floor)
{
	return json_pack("{s:[s], s:i, s:i, s:{s:{s:s}}}", "hardwareIds",
	                 hardware, "releaseCounter", counter, "rollbackIndex",
	                 floor, "ecuIdentifiers", ecu, "hardwareId", hardware);
}

int world_set_up(void **state)
{
	struct world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	repo_init(&w->director);
	repo_init(&w->image);
	w->release = repo_add_role(&w->image, "release", 7);
	repo_delegate(&w->image, NULL, "release", 7, "*/*", true);
	repo_add_target(w->release->body, GATEWAY, "gateway seal",
	                custom("gateway", "1.1.0", "gw-rev3"));
	repo_add_target(w->release->body, CONTROLLER, "controller seal",
	                custom("controller", "2.0.0", "mc-rev1"));
	json_object_set_new(w->director.targets, "vehicleIdentifier",
	                    json_string("CP-0001"));
	repo_add_target(w->director.targets, GATEWAY, "gateway seal",
	                assign("CP-0001-gateway", "gw-rev3", 11, 5));
	repo_add_target(w->director.targets, CONTROLLER, "controller seal",
	                assign("CP-0001-controller", "mc-rev1", 11, 5));
	w->ecus[0] = (struct vs_ecu){"CP-0001-gateway", "gw-rev3", 10, 4, "",
	                             "gateway",         "1.0.0"};
	w->ecus[1] = (struct vs_ecu){"CP-0001-controller", "mc-rev1", 10, 4, "",
	                             "controller",         "1.9.0"};
	w->vehicle = (struct vs_vehicle){"CP-0001", w->ecus, 2};
	*state = w;
	return 0;
}

int world_tear_down(void **state)
{
	struct world *w = *state;

	vs_assignments_drop(&w->out);
	vs_tuf_close(&w->d);
	vs_tuf_close(&w->i);
	repo_drop(&w->director);
	repo_drop(&w->image);
	free(w);
	return 0;
}

static void publish(struct world *w)
{
	repo_publish(&w->director);
	repo_provision(&w->director, 1);
	repo_publish(&w->image);
	repo_provision(&w->image, 1);
	assert_int_equal(repo_refresh(&w->director, NOW, &w->d, NULL), VS_OK);
	assert_int_equal(repo_refresh(&w->image, NOW, &w->i, NULL), VS_OK);
}

vs_status world_check(struct world *w)
{
	publish(w);
	return vs_uptane_check(w->d, w->i, &w->vehicle, &w->out, &w->why);
}

vs_status world_check_plain(struct world *w)
{
	publish(w);
	return vs_uptane_check_plain(w->d, w->i, &w->vehicle, &w->out, &w->why);
}

json_t *world_target(json_t *body, const char *path)
{
	json_t *t = json_object_get(json_object_get(body, "targets"), path);

	assert_non_null(t);
	return t;
}

json_t *world_custom(json_t *body, const char *path)
{
	return json_object_get(world_target(body, path), "custom");
}

void world_set_both(struct world *w, const char *path, const char *name,
                    json_t *v)
{
	json_object_set(world_custom(w->director.targets, path), name, v);
	json_object_set_new(world_custom(w->release->body, path), name, v);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/trust/uptane_world.h - a charger of two ECUs, its director and the
 * image repository, with a good offer for both.
 *
 * A test spoils one thing and looks at the verdict.
 */
#ifndef VS_TESTS_TRUST_UPTANE_WORLD_H
#define VS_TESTS_TRUST_UPTANE_WORLD_H

#include "tests/trust/repo.h"

#include "trust/uptane.h"

#define GATEWAY "gateway/1.1.0.seal"
#define CONTROLLER "controller/2.0.0.seal"

struct world {
	struct repo director, image;
	struct extra *release; /* the image repository's delegated role */
	struct vs_ecu ecus[2];
	struct vs_vehicle vehicle;
	struct vs_tuf *d, *i;
	struct vs_assignments out;
	struct vs_why why;
};

/* For cmocka: *state is a struct world. */
int world_set_up(void **state);
int world_tear_down(void **state);

/* Publishes both repositories, refreshes them at NOW (must go through) and
 * compares them. */
vs_status world_check(struct world *w);
vs_status world_check_plain(struct world *w);

/* An entry of a targets body, and its custom object. */
json_t *world_target(json_t *body, const char *path);
json_t *world_custom(json_t *body, const char *path);
/* Sets a must-match field alike in both repositories.  Takes v. */
void world_set_both(struct world *w, const char *path, const char *name,
                    json_t *v);

#endif

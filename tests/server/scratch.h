/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/scratch.h - a folder and a database of a test's own.
 */
#ifndef VS_TESTS_SERVER_SCRATCH_H
#define VS_TESTS_SERVER_SCRATCH_H

#include "server/publish/release.h"
#include "server/store/store.h"

struct scratch {
	char dir[64];
	char db[96];
	struct vs_store *store;
};

/* cmocka's setup and teardown; *state is a struct scratch. */
int scratch_make(void **state);
int scratch_remove(void **state);

/* Statements on another connection, as an intruder would run them. */
void scratch_sql(const struct scratch *s, const char *sql);
/* The one number that a query gives. */
uint64_t scratch_number(const struct scratch *s, const char *sql);

/* Adds COMPONENT/COMPONENT-RELEASE.seal to a table; set: releaseSet as JSON
 * text, or NULL.
 */
struct scratch_target {
	const char *release, *component, *hardware, *set;
	unsigned seq;
};
void scratch_release(struct vs_releases *r, const struct scratch_target *t);

#endif

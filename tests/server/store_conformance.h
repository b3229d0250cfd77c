/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/server/store_conformance.h - what every engine of a store must do.
 *
 * An engine's test hands itself in and runs them all; nothing here knows which
 * one it is.  What is proved is what server/store/store.h promises, and what
 * the server relies on beyond that: docs/operations/store.md.
 */
#ifndef VS_TESTS_SERVER_STORE_CONFORMANCE_H
#define VS_TESTS_SERVER_STORE_CONFORMANCE_H

#include "server/store/store.h"

struct store_engine {
	const char *name;
	/* An empty database, made by the first writer that opens it. */
	int (*make)(void **state);
	int (*remove)(void **state);
	/* Another connection to it. */
	vs_status (*open)(void *state, bool writer, struct vs_store **out,
	                  char error[static 256]);
	/* A file that backup() wrote, opened for reading. */
	vs_status (*open_backup)(const char *path, struct vs_store **out,
	                         char error[static 256]);
};

/* Runs all of them; what is not proved fails the group.  A program runs one
 * engine.
 */
int store_conformance(const struct store_engine *engine);

#endif

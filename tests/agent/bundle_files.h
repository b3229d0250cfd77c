/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/bundle_files.h - what the server in memory would give, as a
 * folder and as one tar file.
 */
#ifndef VS_TESTS_AGENT_BUNDLE_FILES_H
#define VS_TESTS_AGENT_BUNDLE_FILES_H

#include "tests/agent/server.h"

/* Into m->dir/name, and m->dir/name.tar; replaced if they are there.  Both are
 * for this charger, whosoever files they are.
 */
void bundle_put(const struct server *s, const struct maker *m,
                const char *vehicle, const char *name);

#endif

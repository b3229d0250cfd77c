/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/fileset.h - small files in memory, by name.
 *
 * A repository's metadata is such a set; what is served is what is in it, so
 * a name from outside is compared and never becomes a path.
 */
#ifndef VS_SERVER_PUBLISH_FILESET_H
#define VS_SERVER_PUBLISH_FILESET_H

#include "base/status.h"

struct vs_file {
	char *name;     /* owned */
	uint8_t *bytes; /* owned, with a zero after them */
	size_t len;
};

struct vs_fileset {
	struct vs_file *files; /* owned */
	size_t count;
};

void vs_fileset_drop(struct vs_fileset *s);

/* NULL if there is none. */
const struct vs_file *vs_fileset_find(const struct vs_fileset *s,
                                      const char *name);
/* Adds or replaces; copies.  VS_OK; VS_ERR_NOMEM. */
vs_status vs_fileset_put(struct vs_fileset *s, const char *name,
                         const void *bytes, size_t len) VS_MUST_CHECK;
void vs_fileset_remove(struct vs_fileset *s, const char *name);
/* out is empty before; after a failure it is to be dropped too. */
vs_status vs_fileset_copy(const struct vs_fileset *s,
                          struct vs_fileset *out) VS_MUST_CHECK;

/* The file N.ROLE.json with the highest N; *version 0 and NULL if none. */
const struct vs_file *vs_fileset_newest(const struct vs_fileset *s,
                                        const char *role, uint64_t *version);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/reach/bundle.h - what a server would have given, on a stick.
 *
 * A folder, or one tar file of it, with the device listener's own paths; the
 * director's files lie in a folder of each charger's name.  Nothing in it is
 * believed: it stands in for the network, and for nothing else.
 *
 * Format: docs/formats/bundle.md.
 */
#ifndef VS_AGENT_BUNDLE_H
#define VS_AGENT_BUNDLE_H

#include <limits.h>

#include "agent/reach/source.h"
#include "base/status.h"

struct vs_bundle {
	char path[PATH_MAX];
	char vehicle[64]; /* whose director's files are looked for */
	int fd;           /* owned: the one file; -1: a folder */
};

/* VS_OK; VS_ERR_ABSENT; VS_ERR_IO; VS_ERR_INPUT: neither a folder nor a tar
 * file; VS_ERR_LIMIT.  vs_bundle_close() in every case.
 */
vs_status vs_bundle_open(struct vs_bundle *b, const char *path,
                         const char *vehicle, struct vs_why *why) VS_MUST_CHECK;
void vs_bundle_close(struct vs_bundle *b);

/* A whole file of at most max bytes, by the name that a server is asked for.
 * Gives *out (free()).
 * VS_OK; VS_ERR_ABSENT; VS_ERR_LIMIT; VS_ERR_INPUT (the tar file is damaged
 * before it); VS_ERR_IO; VS_ERR_NOMEM.
 */
vs_status vs_bundle_get(const struct vs_bundle *b, const char *folder,
                        const char *name, size_t max, uint8_t **out,
                        size_t *len) VS_MUST_CHECK;
/* A pack in it, as a source. */
struct vs_bundle_pack {
	int fd;              /* owned */
	uint64_t begin, end; /* of the pack in the file */
	uint64_t at;         /* what is read next */
	bool gave;           /* some bytes came */
};

/* The pack of that hash.  The statuses of vs_bundle_get();
 * vs_bundle_pack_close() in every case.
 */
vs_status vs_bundle_pack_open(const struct vs_bundle *b, const char *sha256,
                              struct vs_bundle_pack *p,
                              struct vs_source *out) VS_MUST_CHECK;
void vs_bundle_pack_close(struct vs_bundle_pack *p);

#endif

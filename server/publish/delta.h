/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/delta.h - deltas from one image to another, for chargers.
 *
 * A delta lies in DATA/deltas under OLDROOT-NEWROOT, the root hashes of both
 * images.  Nobody believes its bytes, the server neither: a wrong one costs a
 * charger time.  All can be made again, so backups leave them out.
 *
 * Format: docs/formats/delta.md.
 */
#ifndef VS_SERVER_PUBLISH_DELTA_H
#define VS_SERVER_PUBLISH_DELTA_H

#include "base/status.h"
#include "server/publish/artifact.h"

/* How voltseal-delta ends. */
enum vs_delta_end {
	VS_DELTA_MADE,
	VS_DELTA_FAILED,
	VS_DELTA_USELESS, /* not shorter than the clusters, or too unlike */
	VS_DELTA_NO_ROOM, /* the images do not fit on the disk's share */
	VS_DELTA_NO_MEMORY,
	VS_DELTA_NO_TIME, /* by a signal: it says no more then */
};

/* Makes DATA/deltas. */
vs_status vs_delta_init(const char *data_dir) VS_MUST_CHECK;

/* The name of the delta between two images. */
void vs_delta_name(const uint8_t old_root[static 32],
                   const uint8_t new_root[static 32],
                   char out[static VS_DELTA_NAME_LEN]);
bool vs_delta_is_name(const char *text);

/* Opens one.  VS_OK, *fd (close) and *len; VS_ERR_ABSENT; VS_ERR_IO. */
vs_status vs_delta_open(const char *data_dir, const char *name, int *fd,
                        uint64_t *len) VS_MUST_CHECK;

/* An upload as vs_upload_open() begins one.  Its end refuses what is no delta,
 * or names other images in its head.  VS_OK; VS_ERR_INPUT (no name);
 * VS_ERR_IO.
 */
vs_status vs_delta_upload(struct vs_upload *u, const char *data_dir,
                          const char *name, uint64_t max) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/image_files.h - between image_repo.c and image_publish.c.
 */
#ifndef VS_SERVER_PUBLISH_IMAGE_FILES_H
#define VS_SERVER_PUBLISH_IMAGE_FILES_H

#include "server/publish/image_repo.h"

#define VS_IMAGE_ROLES_MAX 33 /* targets and 32 delegated roles */

/* Signs a new snapshot of the newest role files, and a timestamp over it. */
vs_status vs_image_sign(struct vs_fileset *files,
                        const struct vs_image_with *with,
                        struct vs_why *why) VS_MUST_CHECK;

#endif

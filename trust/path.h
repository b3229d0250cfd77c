/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/path.h - which target paths we name, for this room's own files.
 */
#ifndef VS_TRUST_PATH_H
#define VS_TRUST_PATH_H

#include <stdbool.h>

/* Whether path is parts of [A-Za-z0-9._-] between single slashes, none of
 * them "." or "..". */
bool vs_target_path_fits(const char *path);

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/route.h - which path goes where.
 */
#ifndef VS_SERVER_API_ROUTE_H
#define VS_SERVER_API_ROUTE_H

#include "server/api/request.h"

/* The routing tables; the last row is empty. */
extern const struct vs_route vs_device_routes[];
extern const struct vs_route vs_people_routes[];
/* Of the people's listener, for whoever asks. */
extern const struct vs_route vs_public_routes[];

/* Whether path has the form of pattern; text holds what stars took. */
bool vs_route_fits(const char *pattern, const char *path,
                   char text[static VS_PATH_MAX],
                   const char *parts[static VS_PARTS_MAX]);

#endif

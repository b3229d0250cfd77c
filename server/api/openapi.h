/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/openapi.h - docs/api/openapi.yaml, as it was when this was built.
 */
#ifndef VS_SERVER_API_OPENAPI_H
#define VS_SERVER_API_OPENAPI_H

#include <stddef.h>

extern const unsigned char vs_openapi[];
extern const size_t vs_openapi_len;

#endif

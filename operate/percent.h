/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/percent.h - names made safe for a URL or a folder.
 */
#ifndef VS_OPERATE_PERCENT_H
#define VS_OPERATE_PERCENT_H

#include "base/status.h"

/* Writes name with every byte but A-Z a-z 0-9 - _ . ~ as %XX, and the dots of
 * "." and ".." too: the result is one component of a path, whatever name was.
 * VS_OK; VS_ERR_LIMIT; VS_ERR_INPUT if name is empty.
 */
vs_status vs_percent_encode(const char *name, char *out,
                            size_t cap) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * trust/time.h - TUF's time text: YYYY-MM-DDTHH:MM:SSZ, UTC.
 */
#ifndef VS_TRUST_TIME_H
#define VS_TRUST_TIME_H

#include "base/status.h"

#define VS_TIME_LEN 21 /* with the closing zero */

/* Seconds since 1970.  VS_OK; VS_ERR_INPUT (other forms, no such day). */
vs_status vs_time_parse(const char *text, uint64_t *out) VS_MUST_CHECK;
/* Years 1970 to 9999; later times are given as the last second of 9999. */
void vs_time_format(uint64_t s, char out[static VS_TIME_LEN]);

#endif

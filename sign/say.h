/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/say.h - failures told once, in one line: file, field, reason.
 */
#ifndef VS_SIGN_SAY_H
#define VS_SIGN_SAY_H

#include <jansson.h>

#include "base/status.h"

/* "FILE: what, at byte 12 (malformed)".  Gives status back. */
vs_status vs_say_why(vs_status status, const char *file,
                     const struct vs_why *why);
/* "FILE: No such file or directory"; errno tells for VS_ERR_IO. */
vs_status vs_say_io(vs_status status, const char *file);

/* Prints o as indented JSON, in ASCII, on standard output. */
vs_status vs_print_json(const json_t *o) VS_MUST_CHECK;

/* Writes o as indented JSON with a closing newline, in one piece. */
vs_status vs_say_json(const char *path, const json_t *o,
                      unsigned mode) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * base/pin.h - the PIN of a token, from a file that only its owner can read.
 */
#ifndef VS_BASE_PIN_H
#define VS_BASE_PIN_H

#include <sys/types.h>

#include "base/status.h"

#define VS_PIN_MAX 256

/* Reads a line without its end; its length, -1 with errno. */
ssize_t vs_pin_line(int fd, char out[static VS_PIN_MAX]);

/* The first line of a regular file of mode 0600 or less.  Wipe out.
 * VS_OK; VS_ERR_IO; VS_ERR_DENIED (others may read it); VS_ERR_INPUT (an empty
 * line); with a line in error[].
 */
vs_status vs_pin_file(const char *file, char out[static VS_PIN_MAX],
                      char error[static 256]) VS_MUST_CHECK;

#endif

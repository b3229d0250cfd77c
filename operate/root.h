/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/root.h - a root file that a person hands us.
 *
 * It is believed because of the way it came; what is checked is that it is
 * whole: its form, and that it satisfies itself.
 */
#ifndef VS_OPERATE_ROOT_H
#define VS_OPERATE_ROOT_H

#include "base/buffer.h"
#include "base/status.h"

/* Reads and judges it.  Gives *out: vs_buffer_drop.
 * VS_OK; VS_ERR_IO, VS_ERR_ABSENT (UNREADABLE); the refusals of vs_tuf_open.
 */
vs_status vs_root_read(const char *file, struct vs_buffer *out,
                       struct vs_why *why) VS_MUST_CHECK;

/* Makes it the root that the repository kept in dir starts from. */
vs_status vs_root_keep(const char *dir, const struct vs_buffer *root,
                       struct vs_why *why) VS_MUST_CHECK;

#endif

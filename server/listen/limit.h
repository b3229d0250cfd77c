/* SPDX-License-Identifier: Apache-2.0
 *
 * server/listen/limit.h - whether this process may have as many files open as
 * its settings need.
 *
 * A connection is one, and so is each artifact that is fetched.  Running out of
 * them in a storm would stop reports and the database too, so it is judged
 * before anything listens.
 */
#ifndef VS_SERVER_LISTEN_LIMIT_H
#define VS_SERVER_LISTEN_LIMIT_H

#include "server/config.h"

/* Sockets that a listener of so many connections may hold: also those that
 * were cut and are not closed yet.
 */
unsigned vs_limit_sockets(unsigned connections);

/* raise: as far as the hard limit permits.  VS_OK; VS_ERR_LIMIT, VS_ERR_IO
 * with a line in error[].
 */
vs_status vs_limit_check(const struct vs_settings *s, bool raise,
                         char error[static 256]) VS_MUST_CHECK;

#endif

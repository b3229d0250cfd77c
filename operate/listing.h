/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/listing.h - a list of the server's, for a person or a program.
 */
#ifndef VS_OPERATE_LISTING_H
#define VS_OPERATE_LISTING_H

#include "operate/say.h"

struct vs_listing {
	const char *path, *about; /* as vs_client_get() has them */
	const struct vs_column *columns;
	size_t count;
};

/* Gets it and prints a table; with --json the answer as it came. */
enum vs_exit vs_listing_show(const struct vs_args *a,
                             const struct vs_listing *l) VS_MUST_CHECK;

#endif

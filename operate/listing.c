/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/listing.c - asks, prints.
 */
#include "operate/listing.h"

#include "operate/client.h"

enum vs_exit vs_listing_show(const struct vs_args *a,
                             const struct vs_listing *l)
{
	VS_AUTO(vs_client_close) struct vs_client *c = NULL;
	VS_AUTO(vs_client_json_drop) json_t *v = NULL;
	enum vs_exit e = vs_client_open(a, &c);

	if (!e)
		e = vs_client_get(c, l->path, l->about, &v);
	if (!e && vs_args_has(a, "json"))
		vs_say_json(v);
	else if (!e)
		vs_say_table(v, l->columns, l->count);
	return e;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/page.c - pages of lists.
 */
#include "server/api/page.h"

#include <stdio.h>
#include <string.h>

bool vs_page_parse(struct vs_request *r, struct vs_page *out)
{
	*out = (struct vs_page){
		.after = MHD_lookup_connection_value(
			r->connection, MHD_GET_ARGUMENT_KIND, "after"),
	};
	out->begun = !out->after;
	if (!vs_request_number(r, "limit", 0, &out->limit))
		return false;
	if (out->limit > VS_PAGE_MAX)
		out->limit = VS_PAGE_MAX;
	return true;
}

enum vs_page_step vs_page_step(struct vs_page *p, const char *id)
{
	if (!p->begun) {
		p->begun = strcmp(id, p->after) == 0;
		return VS_PAGE_SKIP;
	}
	if (p->limit && p->count == p->limit) {
		p->more = true;
		return VS_PAGE_STOP;
	}
	p->count++;
	snprintf(p->last, sizeof p->last, "%s", id);
	return VS_PAGE_TAKE;
}

void vs_page_answer(struct vs_request *r, const struct vs_page *p, json_t *list)
{
	char link[VS_PATH_MAX + VS_NAME_LEN + 128];

	if (!p->begun) {
		json_decref(list);
		vs_request_error(r, 400, VS_REASON_NOT_LISTED,
		                 "after: the list has no such entry");
		return;
	}
	vs_request_json(r, 200, list);
	if (!p->more)
		return;
	snprintf(link, sizeof link,
	         "<%s?after=%s&limit=%llu%.60s>; rel=\"next\"", r->path,
	         p->last, (unsigned long long)p->limit, p->rest ? p->rest : "");
	vs_request_header(r, "Link", link);
}

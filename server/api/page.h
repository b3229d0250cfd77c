/* SPDX-License-Identifier: Apache-2.0
 *
 * server/api/page.h - a list in pages: ?after=ID&limit=N.
 *
 * Without a limit it is the whole list.  The next page begins after the last
 * id of this one, whatever came or went meanwhile; a Link header names it.
 */
#ifndef VS_SERVER_API_PAGE_H
#define VS_SERVER_API_PAGE_H

#include "server/api/request.h"

#define VS_PAGE_MAX 1000

enum vs_page_step { VS_PAGE_SKIP, VS_PAGE_TAKE, VS_PAGE_STOP };

struct vs_page {
	const char *after; /* NULL: from the first */
	uint64_t limit;
	uint64_t count;
	bool begun, more;
	char last[VS_NAME_LEN];
	/* what else the next page is asked with: "&flag=..."; NULL: nothing */
	const char *rest;
};

/* False if an answer was set instead. */
bool vs_page_parse(struct vs_request *r, struct vs_page *out);
/* What to do with the next entry that this person may see. */
enum vs_page_step vs_page_step(struct vs_page *p, const char *id);
/* Answers with the list, which it takes (NULL: no memory). */
void vs_page_answer(struct vs_request *r, const struct vs_page *p,
                    json_t *list);

#endif

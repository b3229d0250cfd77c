/* SPDX-License-Identifier: Apache-2.0
 *
 * server/cmd_routes.c - the people's API as this program has it, a line each.
 *
 * For tests and for whoever reviews who may do what.
 */
#include <stdio.h>

#include "server/api/route.h"
#include "server/commands.h"

static vs_status print(const struct vs_route *row, bool open)
{
	json_t *roles = NULL, *line;
	vs_status status = open ? VS_OK : vs_people_roles(row->roles, &roles);

	if (status)
		return status;
	line = json_pack("{s:s, s:s, s:o*, s:b}", "method", row->method,
	                 "pattern", row->pattern, "roles", roles, "whole",
	                 (row->roles & VS_PERSON_WHOLE) != 0);
	bool bad = !line || json_dumpf(line, stdout, JSON_COMPACT) ||
	           putchar('\n') == EOF;
	json_decref(line);
	return bad ? VS_ERR_IO : VS_OK;
}

int vs_command_routes(void)
{
	vs_status status = VS_OK;

	for (const struct vs_route *r = vs_public_routes; r->method; r++)
		if (!status)
			status = print(r, true);
	for (const struct vs_route *r = vs_people_routes; r->method; r++)
		if (!status)
			status = print(r, false);
	return status ? 1 : 0;
}

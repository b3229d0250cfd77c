/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_show.c - show: a proposal in words.
 */
#include "sign/commands.h"
#include "sign/proposal.h"
#include "sign/show.h"

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_proposal_free) struct vs_proposal *p = NULL;
	vs_status status = vs_room_open(vs_args_text(args, "room"), &r);

	if (!status)
		status = vs_proposal_open(&r, vs_args_text(args, "proposal"),
		                          &p);
	if (status)
		return status;
	return vs_args_flag(args, "json") ? vs_show_json(&r, p)
	                                  : vs_show_proposal(&r, p);
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "proposal", "NAME", "the proposal"),
	VS_FLAG("json", "print JSON"),
};

const struct vs_command vs_cmd_show = {
	"show",  "tell what a proposal changes and who has signed it",
	NULL,    NULL,
	options, sizeof options / sizeof *options,
	run,
};

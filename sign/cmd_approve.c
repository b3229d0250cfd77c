/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_approve.c - approve: one person signs what was shown.
 */
#include "sign/approval.h"
#include "sign/commands.h"
#include "sign/lmsvote.h"
#include "sign/token.h"

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_proposal_free) struct vs_proposal *p = NULL;
	vs_status status = vs_room_open(vs_args_text(args, "room"), &r);

	if (!status)
		status = vs_proposal_open(&r, vs_args_text(args, "proposal"),
		                          &p);
	return status ? status : vs_approval_run(args, &r, &p);
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "proposal", "NAME", "the proposal"),
	VS_TOKEN_OPTIONS,
	VS_LMS_OPTIONS,
	VS_FLAG("yes", "do not ask after showing it"),
};

const struct vs_command vs_cmd_approve = {
	"approve",
	"sign a proposal with the keys of one person's token",
	"Shows the proposal first, decodes every pack and checks it against "
	"its seal, then\nsigns with each key of the token that the proposal's "
	"roles name.  A release is\nsigned in two steps, since its metadata "
	"covers the signed seals: whoever completes\nthe seals is shown the "
	"metadata and signs it too, the others come back for it.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};

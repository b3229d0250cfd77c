/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_transcript.c - transcript: what happened, and who saw it.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sign/commands.h"
#include "sign/room.h"
#include "sign/say.h"
#include "sign/token.h"
#include "sign/transcript.h"

static vs_status load(const struct vs_args *args, struct vs_room *r,
                      struct vs_proposal **p, struct vs_transcript *t)
{
	vs_status status = vs_room_open(vs_args_text(args, "room"), r);

	if (!status)
		status = vs_proposal_open(r, vs_args_text(args, "proposal"), p);
	if (!status)
		status = vs_transcript_load((*p)->dir, t);
	if (!status && !t->count) {
		vs_error("proposal %s: no ceremony was opened", (*p)->name);
		status = VS_ERR_ABSENT;
	}
	if (!status)
		vs_transcript_print(t, r, *p);
	return status;
}

static vs_status run_show(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r = {.lock_fd = -1};
	VS_AUTO(vs_proposal_free) struct vs_proposal *p = NULL;
	VS_AUTO(vs_transcript_drop) struct vs_transcript t = {0};

	return load(args, &r, &p, &t);
}

static vs_status ask(const struct vs_args *args)
{
	char answer[16];

	if (vs_args_flag(args, "yes"))
		return VS_OK;
	printf("\nDid it happen so? Type yes: ");
	if (fflush(stdout) || !fgets(answer, sizeof answer, stdin) ||
	    strcmp(answer, "yes\n") != 0) {
		vs_error("transcript: not confirmed; nothing was signed");
		return VS_ERR_DENIED;
	}
	return VS_OK;
}

static vs_status run_witness(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r = {.lock_fd = -1};
	VS_AUTO(vs_proposal_free) struct vs_proposal *p = NULL;
	VS_AUTO(vs_transcript_drop) struct vs_transcript t = {0};
	VS_AUTO(vs_p11_close) struct vs_p11 *token = NULL;
	struct vs_p11_key key;
	vs_status status = load(args, &r, &p, &t);

	if (!status)
		status = ask(args);
	if (!status)
		status = vs_token_open(args, false, &token);
	if (status)
		return status;
	status = vs_p11_find(token, vs_args_text(args, "key"), &key);
	if (status)
		return vs_token_failed(token, status);
	const struct vs_witness who = {
		.token = token,
		.key = &key,
		.holder = vs_args_text(args, "token"),
	};
	return vs_transcript_add(&t, "witnessed", json_object(), &who);
}

static const struct vs_option show_options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "proposal", "NAME", "the proposal"),
};

const struct vs_command vs_cmd_transcript_show = {
	"transcript show",
	"verify and tell what happened at a ceremony",
	NULL,
	NULL,
	show_options,
	sizeof show_options / sizeof *show_options,
	run_show,
};

static const struct vs_option witness_options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "proposal", "NAME", "the proposal"),
	VS_TOKEN_OPTIONS,
	VS_TEXT(VS_REQUIRED, "key", "LABEL", "the witness's key on it"),
	VS_FLAG("yes", "do not ask after showing it"),
};

const struct vs_command vs_cmd_transcript_witness = {
	"transcript witness",
	"sign that a ceremony happened as its transcript tells",
	"Any token will do; it approves nothing.  The signature covers every "
	"line before it.",
	NULL,
	witness_options,
	sizeof witness_options / sizeof *witness_options,
	run_witness,
};

/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_export.c - export: a proposal onto a stick, for other machines.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sign/ceremony.h"
#include "sign/commands.h"
#include "sign/judge.h"
#include "sign/say.h"
#include "sign/show.h"
#include "sign/token.h"

/* What nobody could sign is not carried about. */
static vs_status judge(const struct vs_room *r, struct vs_proposal *p)
{
	vs_status status = vs_judge_policy(r, p);

	for (size_t i = 0; i < p->document_count && !status; i++)
		if (p->documents[i].present)
			status = vs_judge_document(r, p, &p->documents[i]);
	return status;
}

static vs_status author_line(const struct vs_args *args,
                             const struct vs_room *r,
                             const struct vs_proposal *p,
                             struct vs_transcript *t, struct vs_p11 *token)
{
	struct vs_p11_key key;
	const struct vs_witness who = {
		.token = token,
		.key = &key,
		.holder = vs_args_text(args, "token"),
	};
	json_t *digests;
	vs_status status = vs_p11_find(token, vs_args_text(args, "key"), &key);

	if (status)
		return vs_token_failed(token, status);
	status = vs_ceremony_digests(r, p, &digests);
	return status ? status : vs_transcript_add(t, "opened", digests, &who);
}

/* The author's key signs what the others will be shown. */
static vs_status open_ceremony(const struct vs_args *args,
                               const struct vs_room *r, struct vs_proposal *p,
                               struct vs_transcript *t)
{
	struct vs_p11 *token = NULL;

	if (!vs_args_text(args, "token") || !vs_args_text(args, "key")) {
		vs_error("proposal %s: no ceremony is open yet; its author "
		         "opens it with --token and --key",
		         p->name);
		return VS_ERR_INPUT;
	}
	vs_status status = vs_show_proposal(r, p);
	if (!status)
		status = vs_token_open(args, false, &token);
	if (!status)
		status = author_line(args, r, p, t, token);
	vs_p11_close(&token);
	return status;
}

static vs_status run_open(const struct vs_args *args, const struct vs_room *r,
                          struct vs_proposal *p, struct vs_transcript *t)
{
	const char *out = vs_args_text(args, "out");
	vs_status status = judge(r, p);

	if (!status && !t->count)
		status = open_ceremony(args, r, p, t);
	if (!status)
		status = vs_ceremony_check(r, p, t);
	if (!status)
		status = vs_ceremony_apart(r, p, t);
	if (!status)
		status = vs_ceremony_write(r, p, out);
	if (status)
		return status;
	vs_transcript_print(t, r, p);
	printf("%s: ready for\n  voltseal-sign sign --ceremony %s --token "
	       "NAME\n",
	       out, out);
	return VS_OK;
}

static vs_status run(const struct vs_args *args)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_proposal_free) struct vs_proposal *p = NULL;
	VS_AUTO(vs_transcript_drop) struct vs_transcript t = {0};
	vs_status status = vs_room_open(vs_args_text(args, "room"), &r);

	if (!status)
		status = vs_proposal_open(&r, vs_args_text(args, "proposal"),
		                          &p);
	if (!status)
		status = vs_transcript_load(p->dir, &t);
	return status ? status : run_open(args, &r, p, &t);
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "proposal", "NAME", "the proposal"),
	VS_TEXT(VS_REQUIRED, "out", "DIR", "a new folder on the stick"),
	VS_TEXT(VS_OPTIONAL, "token", "LABEL",
                "the author's token; the first time only"),
	VS_TEXT(VS_OPTIONAL, "key", "LABEL", "the author's key on it"),
	VS_TEXT(VS_OPTIONAL, "pin-file", "FILE",
                "its PIN, mode 0600; asked on the terminal if missing"),
	VS_TEXT(VS_OPTIONAL, "module", "FILE",
                "PKCS#11 module; " VS_P11_MODULE " if missing"),
};

const struct vs_command vs_cmd_export = {
	"export",
	"carry a proposal to machines where others sign it",
	"Writes what they need to derive it again and to see it: DIR/to-sign "
	"has the exact\nbytes, DIR/difference.txt what changes against what "
	"is in force.  The first export\nopens the ceremony: its author signs "
	"the digests of all of it, and approves none\nof it.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};

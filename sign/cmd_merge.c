/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_merge.c - merge: signatures that come back on a stick.
 */
#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "sign/ceremony.h"
#include "sign/commands.h"
#include "sign/judge.h"
#include "sign/say.h"
#include "sign/show.h"
#include "sign/store.h"

struct sides {
	struct vs_room room, stick;
	struct vs_proposal *here, *away;
	struct vs_transcript t, from;
};

static vs_status open_sides(const struct vs_args *args, struct sides *s)
{
	const char *name = vs_args_text(args, "proposal");
	vs_status status = vs_room_open(vs_args_text(args, "room"), &s->room);

	if (!status)
		status =
			vs_room_open(vs_args_text(args, "ceremony"), &s->stick);
	if (!status)
		status = vs_proposal_open(&s->room, name, &s->here);
	if (!status)
		status = vs_proposal_open(&s->stick, name, &s->away);
	if (!status)
		status = vs_store_sweep(s->here->dir);
	if (!status)
		status = vs_transcript_load(s->here->dir, &s->t);
	return status ? status : vs_transcript_load(s->away->dir, &s->from);
}

/* The transcript last: after a cut the same merge completes it. */
static vs_status merge(struct sides *s)
{
	size_t lines, votes = 0;
	vs_status status = vs_transcript_take(&s->t, &s->from, &lines);

	for (size_t i = 0; i < s->here->document_count && !status; i++)
		if (s->here->documents[i].present)
			status = vs_judge_document(&s->room, s->here,
			                           &s->here->documents[i]);
	if (!status)
		status = vs_ceremony_merge(&s->room, &s->here, s->away, &s->t,
		                           &votes);
	if (!status && (lines || votes))
		status =
			vs_transcript_add(&s->t, "merged", json_object(), NULL);
	if (status)
		return status;
	printf("%zu votes taken over\n", votes);
	return vs_show_progress(&s->room, s->here);
}

static vs_status run(const struct vs_args *args)
{
	struct sides s = {.room.lock_fd = -1, .stick.lock_fd = -1};
	vs_status status = open_sides(args, &s);

	if (!status)
		status = merge(&s);
	vs_transcript_drop(&s.t);
	vs_transcript_drop(&s.from);
	vs_proposal_free(&s.here);
	vs_proposal_free(&s.away);
	vs_room_drop(&s.stick);
	vs_room_drop(&s.room);
	return status;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "proposal", "NAME", "the proposal"),
	VS_TEXT(VS_REQUIRED, "ceremony", "DIR", "what came back"),
};

const struct vs_command vs_cmd_merge = {
	"merge",
	"take over signatures that were made on other machines",
	"Each one must verify over the room's own bytes, by a key that is "
	"asked, not the\nauthor's, and the ceremony's transcript must tell of "
	"it.  To merge again, or the\nsame from two sticks, is no error.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};

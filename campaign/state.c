/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/state.c - the moves of a campaign.
 *
 * A halted campaign cannot be resumed: its failures still stand, so it would
 * halt again.  The way on is a new campaign, or to give who failed another
 * chance; that makes it a draft, which another person must approve.
 */
#include "campaign/state.h"

static const struct move {
	enum vs_campaign_state from;
	enum vs_campaign_move move;
	enum vs_campaign_state to;
} moves[] = {
	{VS_CAMPAIGN_DRAFT,    VS_MOVE_APPROVE, VS_CAMPAIGN_APPROVED},
	{VS_CAMPAIGN_DRAFT,    VS_MOVE_ABORT,   VS_CAMPAIGN_ABORTED },
	{VS_CAMPAIGN_APPROVED, VS_MOVE_START,   VS_CAMPAIGN_RUNNING },
	{VS_CAMPAIGN_APPROVED, VS_MOVE_ABORT,   VS_CAMPAIGN_ABORTED },
	{VS_CAMPAIGN_RUNNING,  VS_MOVE_PAUSE,   VS_CAMPAIGN_PAUSED  },
	{VS_CAMPAIGN_RUNNING,  VS_MOVE_HALT,    VS_CAMPAIGN_HALTED  },
	{VS_CAMPAIGN_RUNNING,  VS_MOVE_FINISH,  VS_CAMPAIGN_DONE    },
	{VS_CAMPAIGN_RUNNING,  VS_MOVE_ABORT,   VS_CAMPAIGN_ABORTED },
	{VS_CAMPAIGN_RUNNING,  VS_MOVE_RETRY,   VS_CAMPAIGN_RUNNING },
	{VS_CAMPAIGN_PAUSED,   VS_MOVE_RESUME,  VS_CAMPAIGN_RUNNING },
	{VS_CAMPAIGN_PAUSED,   VS_MOVE_HALT,    VS_CAMPAIGN_HALTED  },
	{VS_CAMPAIGN_PAUSED,   VS_MOVE_FINISH,  VS_CAMPAIGN_DONE    },
	{VS_CAMPAIGN_PAUSED,   VS_MOVE_ABORT,   VS_CAMPAIGN_ABORTED },
	{VS_CAMPAIGN_PAUSED,   VS_MOVE_RETRY,   VS_CAMPAIGN_PAUSED  },
	{VS_CAMPAIGN_HALTED,   VS_MOVE_ABORT,   VS_CAMPAIGN_ABORTED },
	{VS_CAMPAIGN_HALTED,   VS_MOVE_RETRY,   VS_CAMPAIGN_DRAFT   },
	{VS_CAMPAIGN_DONE,     VS_MOVE_RETRY,   VS_CAMPAIGN_RUNNING },
};

static const char *const names[VS_CAMPAIGN_STATES] = {
	[VS_CAMPAIGN_DRAFT] = "draft",     [VS_CAMPAIGN_APPROVED] = "approved",
	[VS_CAMPAIGN_RUNNING] = "running", [VS_CAMPAIGN_PAUSED] = "paused",
	[VS_CAMPAIGN_HALTED] = "halted",   [VS_CAMPAIGN_DONE] = "done",
	[VS_CAMPAIGN_ABORTED] = "aborted",
};

vs_status vs_campaign_move(enum vs_campaign_state *state,
                           enum vs_campaign_move move)
{
	for (size_t i = 0; i < sizeof moves / sizeof *moves; i++)
		if (moves[i].from == *state && moves[i].move == move) {
			*state = moves[i].to;
			return VS_OK;
		}
	return VS_ERR_STATE;
}

const char *vs_campaign_state_name(enum vs_campaign_state s)
{
	return (unsigned)s < VS_CAMPAIGN_STATES ? names[s] : "unknown";
}

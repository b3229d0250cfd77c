/* SPDX-License-Identifier: Apache-2.0
 *
 * campaign/state.h - what people and the plan may do with a campaign.
 */
#ifndef VS_CAMPAIGN_STATE_H
#define VS_CAMPAIGN_STATE_H

#include "base/status.h"

enum vs_campaign_state {
	VS_CAMPAIGN_DRAFT = 0, /* created, waits for approval */
	VS_CAMPAIGN_APPROVED,  /* approved by another, not started */
	VS_CAMPAIGN_RUNNING,
	VS_CAMPAIGN_PAUSED, /* by a person: nobody new starts */
	VS_CAMPAIGN_HALTED, /* by itself: nobody new starts */
	VS_CAMPAIGN_DONE,
	VS_CAMPAIGN_ABORTED,
	VS_CAMPAIGN_STATES,
};

/* The moves that can be made; one table. */
enum vs_campaign_move {
	VS_MOVE_APPROVE,
	VS_MOVE_START,
	VS_MOVE_PAUSE,
	VS_MOVE_RESUME,
	VS_MOVE_ABORT,
	VS_MOVE_HALT,
	VS_MOVE_FINISH,
	VS_MOVE_RETRY, /* who failed waits again */
	VS_MOVES,
};

/* VS_OK; VS_ERR_STATE if the move is not in the table, *state unchanged. */
vs_status vs_campaign_move(enum vs_campaign_state *state,
                           enum vs_campaign_move move) VS_MUST_CHECK;

const char *vs_campaign_state_name(enum vs_campaign_state s);

#endif

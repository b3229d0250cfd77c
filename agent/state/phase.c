/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/state/phase.c - the table of moves.
 */
#include "agent/state/phase.h"

#include <assert.h>
#include <string.h>

#define P(x) VS_PHASE_##x
#define E(x) VS_EVENT_##x

/* A restart before the slot is armed goes back to IDLE: the next poll asks
 * both repositories again, and what the slot already holds is kept.
 */
static const struct vs_move moves[] = {
	{P(IDLE),        E(OFFERED),   P(SCHEDULED),   "DownloadScheduled"        },
	{P(IDLE),        E(REFUSED),   P(IDLE),        "InvalidSignature"         },
	{P(IDLE),        E(TRIED),     P(TRIAL),       "InstallRebooting"         },
	{P(SCHEDULED),   E(BEGUN),     P(DOWNLOADING), "Downloading"              },
	{P(SCHEDULED),   E(FAILED),    P(IDLE),        NULL                       },
	{P(SCHEDULED),   E(RESTARTED), P(IDLE),        NULL                       },
	{P(DOWNLOADING), E(WRITTEN),   P(CHECKING),    "Downloaded"               },
	{P(DOWNLOADING), E(REFUSED),   P(IDLE),        "InvalidSignature"         },
	{P(DOWNLOADING), E(FAILED),    P(IDLE),        "DownloadFailed"           },
	{P(DOWNLOADING), E(RESTARTED), P(IDLE),        "DownloadPaused"           },
	{P(CHECKING),    E(VERIFIED),  P(WAITING),     "SignatureVerified"        },
	{P(CHECKING),    E(REFUSED),   P(IDLE),        "InvalidSignature"         },
	{P(CHECKING),    E(FAILED),    P(IDLE),        "InstallationFailed"       },
	{P(CHECKING),    E(RESTARTED), P(IDLE),        NULL                       },
	{P(WAITING),     E(HELD),      P(WAITING),     "InstallScheduled"         },
	{P(WAITING),     E(CANCELLED), P(IDLE),        "Idle"                     },
	{P(WAITING),     E(REFUSED),   P(WAITING),     "InvalidSignature"         },
	{P(WAITING),     E(OPENED),    P(ARMING),      "Installing"               },
	{P(WAITING),     E(RESTARTED), P(IDLE),        NULL                       },
	{P(ARMING),      E(ARMED),     P(REBOOTING),   "InstallRebooting"         },
	{P(ARMING),      E(FAILED),    P(IDLE),        "InstallationFailed"       },
	{P(ARMING),      E(TRIED),     P(TRIAL),       NULL                       },
	{P(ARMING),      E(FELL_BACK), P(IDLE),        "InstallVerificationFailed"},
	{P(ARMING),      E(COMMITTED), P(IDLE),        "Installed"                },
	{P(REBOOTING),   E(TRIED),     P(TRIAL),       NULL                       },
	{P(REBOOTING),   E(COMMITTED), P(IDLE),        "Installed"                },
	{P(REBOOTING),   E(FELL_BACK), P(IDLE),        "InstallVerificationFailed"},
	{P(TRIAL),       E(HEALTHY),   P(COMMITTING),  NULL                       },
	{P(TRIAL),       E(SICK),      P(GIVING_UP),   NULL                       },
	{P(TRIAL),       E(COMMITTED), P(IDLE),        "Installed"                },
	{P(TRIAL),       E(FELL_BACK), P(IDLE),        "InstallVerificationFailed"},
	{P(COMMITTING),  E(COMMITTED), P(IDLE),        "Installed"                },
	{P(COMMITTING),  E(FELL_BACK), P(IDLE),        "InstallVerificationFailed"},
	{P(GIVING_UP),   E(FELL_BACK), P(IDLE),        "InstallVerificationFailed"},
};

static const struct {
	const char *name;
	const char *status;
} phases[VS_PHASE_COUNT] = {
	[P(IDLE)] = {"Idle",        "Idle"             },
	[P(SCHEDULED)] = {"Scheduled",   "DownloadScheduled"},
	[P(DOWNLOADING)] = {"Downloading", "Downloading"      },
	[P(CHECKING)] = {"Checking",    "Downloaded"       },
	[P(WAITING)] = {"Waiting",     "InstallScheduled" },
	[P(ARMING)] = {"Arming",      "Installing"       },
	[P(REBOOTING)] = {"Rebooting",   "InstallRebooting" },
	[P(TRIAL)] = {"Trial",       "InstallRebooting" },
	[P(COMMITTING)] = {"Committing",  "InstallRebooting" },
	[P(GIVING_UP)] = {"GivingUp",    "InstallRebooting" },
};

static const char *const events[VS_EVENT_COUNT] = {
	[E(OFFERED)] = "offered",     [E(BEGUN)] = "begun",
	[E(WRITTEN)] = "written",     [E(VERIFIED)] = "verified",
	[E(HELD)] = "held",           [E(OPENED)] = "opened",
	[E(CANCELLED)] = "cancelled", [E(ARMED)] = "armed",
	[E(TRIED)] = "tried",         [E(HEALTHY)] = "healthy",
	[E(COMMITTED)] = "committed", [E(SICK)] = "sick",
	[E(FELL_BACK)] = "fell-back", [E(REFUSED)] = "refused",
	[E(FAILED)] = "failed",       [E(RESTARTED)] = "restarted",
};

const struct vs_move *vs_phase_next(enum vs_phase from, enum vs_event on)
{
	for (size_t i = 0; i < sizeof(moves) / sizeof(moves[0]); i++)
		if (moves[i].from == from && moves[i].on == on)
			return &moves[i];
	return NULL;
}

const char *vs_phase_name(enum vs_phase phase)
{
	assert(phase < VS_PHASE_COUNT);
	return phases[phase].name;
}

vs_status vs_phase_parse(const char *name, enum vs_phase *out)
{
	for (size_t i = 0; i < VS_PHASE_COUNT; i++) {
		if (strcmp(phases[i].name, name) == 0) {
			*out = (enum vs_phase)i;
			return VS_OK;
		}
	}
	return VS_ERR_INPUT;
}

const char *vs_event_name(enum vs_event event)
{
	assert(event < VS_EVENT_COUNT);
	return events[event];
}

const char *vs_phase_status(enum vs_phase phase)
{
	assert(phase < VS_PHASE_COUNT);
	return phases[phase].status;
}

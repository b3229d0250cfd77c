/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/line/requests.h - which request may pass between the agent's processes,
 * and when: one table.
 *
 * What is not in the table does not pass: who hears it breaks off.
 *
 * Format: docs/formats/lane.md.
 */
#ifndef VS_AGENT_REQUESTS_H
#define VS_AGENT_REQUESTS_H

#include "base/status.h"

enum vs_party {
	VS_PARTY_DISK,
	VS_PARTY_UNPACK,
	VS_PARTY_NET,
	VS_PARTY_KEY,
	VS_PARTY_RUNNER,
};

enum vs_request {
	VS_REQUEST_READY = 1, /* the other: all it may do from now on is this */
	VS_REQUEST_DECODE,    /* disk: a frame lies there */
	VS_REQUEST_DECODED,   /* unpack: a cluster lies there */
	VS_REQUEST_NO_FRAME,  /* unpack: that is no frame of such a cluster */
	VS_REQUEST_NO_MEMORY, /* unpack: not with this memory */
	VS_REQUEST_APPLY,     /* disk: a delta to so long an old image begins */
	VS_REQUEST_NEXT,      /* disk: the next cluster that it gives */
	VS_REQUEST_MORE,      /* unpack: not without more of the delta */
	VS_REQUEST_FED,       /* disk: that lies there; nothing: it ends */
	VS_REQUEST_OTHER_PACKER, /* unpack: not with the library here */
	VS_REQUEST_UNREADABLE,   /* unpack: the old slot cannot be read */

	VS_REQUEST_OPEN = 16, /* disk: whose certificate to ask, and limits */
	VS_REQUEST_GET,       /* disk: a whole file */
	VS_REQUEST_SEND,      /* disk: a report, and its answer */
	VS_REQUEST_STREAM,    /* disk: a range of a file */
	VS_REQUEST_READ,      /* disk: its next bytes */
	VS_REQUEST_CLOSE,     /* disk: no more of it */
	VS_REQUEST_SIGNED,    /* disk: a signature; empty: it gives none */
	VS_REQUEST_DONE,      /* net */
	VS_REQUEST_ANSWER,    /* net: of a server */
	VS_REQUEST_BYTES,     /* net: as many as were asked for */
	VS_REQUEST_FAILED,    /* net: and why */
	VS_REQUEST_SIGN,      /* net: the last word of a TLS 1.3 handshake;
	                       * disk to key: a digest */

	VS_REQUEST_TOLD = 32, /* key: its public part.  It says READY, SIGNED
	                       * and FAILED too, and hears OPEN and SIGN. */

	VS_REQUEST_CHECK = 48, /* disk: is the image well? */
	VS_REQUEST_CHECKED,    /* runner: what its checks came to */
	VS_REQUEST_ASK,        /* disk: what does status_command print? */
	VS_REQUEST_PRINTED,    /* runner: that */
	VS_REQUEST_START,      /* disk: a voltseal-net, in place of any other */
	VS_REQUEST_STARTED,    /* runner: its lines, or why there is none */
	VS_REQUEST_END,        /* disk: no voltseal-net any more */
	VS_REQUEST_ENDED,      /* runner */
};

/* Where a lane between disk and unpack stands. */
enum vs_lane_phase {
	VS_LANE_STARTING, /* the other side is not ready yet */
	VS_LANE_WAITING,  /* for disk's next question */
	VS_LANE_ASKED,    /* a question is open */
	VS_LANE_APPLYING, /* a delta is open, and no question */
	VS_LANE_ASKED_OF_DELTA,
	VS_LANE_HUNGRY, /* and waits for more of it */
	VS_LANE_BROKEN, /* nothing passes any more */

	/* And a line between disk and net. */
	VS_LINE_STARTING, /* net is not ready yet */
	VS_LINE_BLANK,    /* ready, without a certificate */
	VS_LINE_OPENING,
	VS_LINE_WAITING, /* for disk's next question */
	VS_LINE_ASKED,
	VS_LINE_ASKED_SIGN, /* net waits for a signature first */
	VS_LINE_SEEKING,
	VS_LINE_SEEKING_SIGN,
	VS_LINE_STREAMING, /* a range is open */
	VS_LINE_READING,
	VS_LINE_CLOSING,

	/* And a line between disk and key. */
	VS_SIGNER_STARTING,
	VS_SIGNER_BLANK, /* ready, without a device */
	VS_SIGNER_OPENING,
	VS_SIGNER_WAITING,
	VS_SIGNER_ASKED,

	/* And the runner's. */
	VS_RUNNER_STARTING, /* it has not left disk's files yet */
	VS_RUNNER_WAITING,  /* for disk's next request */
	VS_RUNNER_CHECKING,
	VS_RUNNER_ASKING,
	VS_RUNNER_BEARING,
	VS_RUNNER_ENDING,
};

/* Whether from may say this in *phase.  Moves *phase: to what comes after it,
 * or to VS_LANE_BROKEN.
 */
bool vs_request_pass(enum vs_party from, uint32_t request,
                     enum vs_lane_phase *phase) VS_MUST_CHECK;

#endif

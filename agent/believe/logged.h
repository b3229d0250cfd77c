/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/logged.h - whether a seal stands in a log that this charger
 * believes.
 *
 * DIR/tlog-policy says which logs and witnesses are asked for; without it
 * nothing is.  What a log said last is on the disk before a seal that it
 * covers is used, so that no power cut makes the charger forget a log.
 *
 * Standard: C2SP tlog-policy, tlog-proof, tlog-tiles.  docs/formats/tlog.md.
 */
#ifndef VS_AGENT_LOGGED_H
#define VS_AGENT_LOGGED_H

#include "agent/reach/net.h"
#include "base/status.h"
#include "seal/header.h"
#include "trust/policy.h"

#define VS_LOGGED_END                                                          \
	".tlog-proof" /* of the proof's name, after the seal's                 \
	               */

struct vs_logged {
	char dir[PATH_MAX];            /* where checkpoints are kept */
	uint8_t *text;                 /* owned: the policy's */
	struct vs_tlog_policy *policy; /* owned; NULL: nothing is asked for */
};

/* Reads DIR/tlog-policy, which may not be there.
 * VS_OK (vs_logged_close); else a line for a person in error, safe to close.
 */
vs_status vs_logged_open(struct vs_logged *l, const char *charger_dir,
                         char error[static 256]) VS_MUST_CHECK;
void vs_logged_close(struct vs_logged *l);

/* A seal that the boot keys signed, and the proof that came with it. */
struct vs_logged_claim {
	const struct vs_seal_header *header;
	const char *sha256; /* of the seal file */
	uint64_t seal_len;
	const void *proof; /* len 0: there is none */
	size_t proof_len;
	struct vs_net *net; /* where the log's tiles are; NULL: offline */
};

/* Judges a claim by the policy and by what was kept, and keeps what is new.
 * VS_OK: the seal may be used; VS_ERR_REFUSED, VS_ERR_INPUT, VS_ERR_LIMIT as
 * vs_tlog_judge(), with LOG_GAP where nothing links the checkpoint to the
 * kept one and MALFORMED where the kept one cannot be read; VS_ERR_IO
 * (UNREADABLE): not now.
 */
vs_status vs_logged_judge(const struct vs_logged *l,
                          const struct vs_logged_claim *claim,
                          struct vs_why *why) VS_MUST_CHECK;

#endif

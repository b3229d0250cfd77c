/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/logfolder.h - the transparency log beside a release, sent.
 *
 * DIR/log is a copy of ROOM/log, DIR/proofs what "log prove" wrote; either
 * may be missing.  Tiles go first and the checkpoint last, so that a send
 * that is cut off leaves the server with the log it had; what the server's
 * checkpoint covers is not sent again.
 *
 * Standard: C2SP tlog-tiles.  Format: docs/formats/tlog.md.
 * Each function says by itself what is wrong.
 */
#ifndef VS_OPERATE_LOGFOLDER_H
#define VS_OPERATE_LOGFOLDER_H

#include "operate/client.h"
#include "trust/checkpoint.h"

struct vs_logfolder {
	const char *dir; /* keeps */
	uint8_t *note;   /* owned: the checkpoint; NULL: there is no log */
	size_t note_len;
	struct vs_checkpoint checkpoint;
	size_t proofs;            /* how many there are */
	size_t sent, proofs_sent; /* tiles and checkpoint; proofs */
};

/* Reads the checkpoint and every proof, before anything is sent.
 * vs_logfolder_drop() in every case.
 */
enum vs_exit vs_logfolder_load(const char *dir,
                               struct vs_logfolder *out) VS_MUST_CHECK;
void vs_logfolder_drop(struct vs_logfolder *l); /* also for VS_AUTO */

/* Sends tiles and checkpoint. */
enum vs_exit vs_logfolder_send(struct vs_logfolder *l,
                               struct vs_client *c) VS_MUST_CHECK;
/* Sends the proofs of seals that the server has, released or not yet. */
enum vs_exit vs_logfolder_send_proofs(struct vs_logfolder *l,
                                      struct vs_client *c) VS_MUST_CHECK;

#endif

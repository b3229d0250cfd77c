/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/transcript.h - what happened at a ceremony, signed by who did it.
 *
 * One line for each act, a JSON envelope.  The first one opens the ceremony:
 * its author signs the digests of all that the others will be shown.  Lines
 * written in the room hold the digest of all lines before them, lines written
 * on another machine that of the opening, so that these may come back in any
 * order.  A transcript with one line that does not hold is refused whole.
 *
 * Format: docs/operations/ceremonies.md.
 */
#ifndef VS_SIGN_TRANSCRIPT_H
#define VS_SIGN_TRANSCRIPT_H

#include "base/buffer.h"
#include "base/pkcs11.h"
#include "sign/proposal.h"

#define VS_TRANSCRIPT "transcript"
#define VS_TRANSCRIPT_LINES_MAX 256
#define VS_TRANSCRIPT_LEN_MAX ((size_t)1 << 20)

struct vs_transcript {
	char path[PATH_MAX];
	struct vs_buffer text;     /* whole lines */
	struct vs_envelope *lines; /* owned */
	size_t count;              /* 0: no ceremony was opened */
	struct vs_pubkey author;   /* if one was */
};

/* A person at the token, who signs a line. */
struct vs_witness {
	struct vs_p11 *token;
	const struct vs_p11_key *key;
	const char *holder;
};

/* Reads and verifies the transcript of a proposal's folder; none is no error.
 * Says by itself what is wrong.  Drop in every case.
 */
vs_status vs_transcript_load(const char *dir,
                             struct vs_transcript *out) VS_MUST_CHECK;
void vs_transcript_drop(struct vs_transcript *t); /* also for VS_AUTO */

/* Appends a line and stores the transcript.  body (taken) gets "event",
 * "at", who, and what came before; who NULL: the line is not signed.
 */
vs_status vs_transcript_add(struct vs_transcript *t, const char *event,
                            json_t *body,
                            const struct vs_witness *who) VS_MUST_CHECK;

/* Takes over what another transcript of the same ceremony has of signatures;
 * stored with the next line.  VS_OK and how many; VS_ERR_REFUSED if it is of
 * another ceremony.
 */
vs_status vs_transcript_take(struct vs_transcript *t,
                             const struct vs_transcript *from,
                             size_t *taken) VS_MUST_CHECK;

/* Whether a line says that key id signed these bytes. */
bool vs_transcript_tells(const struct vs_transcript *t, const char *subject,
                         const char *sha256, const char *id);

/* Whether who wrote an event stands in the last line. */
bool vs_transcript_ends(const struct vs_transcript *t, const char *event);

/* VS_OK if the holder of a key is not the author; VS_ERR_REFUSED, said.
 * pkey may be NULL.
 */
vs_status vs_transcript_apart(const struct vs_transcript *t,
                              const struct vs_room *r,
                              const struct vs_proposal *p, const char *holder,
                              EVP_PKEY *pkey) VS_MUST_CHECK;

/* Prints who did what, line by line. */
void vs_transcript_print(const struct vs_transcript *t, const struct vs_room *r,
                         const struct vs_proposal *p);

#endif

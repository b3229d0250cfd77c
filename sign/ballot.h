/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/ballot.h - who must sign a thing, who has, and how many are enough.
 *
 * A signature counts if it verifies over the bytes as they stand now; one
 * that does not is held against the proposal, never counted.
 */
#ifndef VS_SIGN_BALLOT_H
#define VS_SIGN_BALLOT_H

#include "sign/proposal.h"

#define VS_BALLOTS_MAX 2

struct vs_voter {
	char id[65];
	char holder[VS_HOLDER_MAX + VS_P11_LABEL_MAX + 4];
	EVP_PKEY *pkey; /* owned; NULL: an LMS key */
	bool voted;     /* its good signature is there */
	bool broken;    /* a signature of its is there and does not verify */
};

struct vs_ballot {
	char what[96]; /* "image root 1", "seals of release 1.1.0" */
	size_t threshold;
	size_t good;
	size_t lms_threshold; /* LMS keys are asked for, and counted, apart */
	size_t lms_good;
	bool enough; /* by the code that a charger judges with */
	size_t broken;
	struct vs_voter voters[VS_POLICY_KEYS_MAX];
	size_t voter_count;
};

/* The ballots of a document: two where the keys in force must agree to their
 * successors.  Drop each in every case.  Says by itself what is wrong.
 */
vs_status vs_ballot_document(const struct vs_room *r, struct vs_proposal *p,
                             const struct vs_document *d,
                             struct vs_ballot out[static VS_BALLOTS_MAX],
                             size_t *count) VS_MUST_CHECK;

/* The ballots of all seals of a release together, who signed each of them:
 * two where they are to suit the next keyring as well.  Drop each in every
 * case.
 */
vs_status vs_ballot_seals(const struct vs_room *r, const struct vs_proposal *p,
                          struct vs_ballot out[static VS_BALLOTS_MAX],
                          size_t *count) VS_MUST_CHECK;

void vs_ballot_drop(struct vs_ballot *b);
void vs_ballots_drop(struct vs_ballot *b, size_t count);

/* Whether each of them has enough. */
bool vs_ballots_enough(const struct vs_ballot *b, size_t count);

/* Whether it has as many votes as its thresholds say. */
bool vs_ballot_full(const struct vs_ballot *b);

/* Whether one more vote of this voter's kind is of use: an LMS key has only
 * so many, and a seal has just as many signatures as it needs.
 */
bool vs_ballot_wants(const struct vs_ballot *b, const struct vs_voter *v);

/* Counts a voter's new vote. */
void vs_ballot_vote(struct vs_ballot *b, struct vs_voter *v);

/* "1 of 2", or "1 of 2 and LMS 0 of 1". */
void vs_ballot_score(const struct vs_ballot *b, char out[static 96]);

/* "alice (release), bob (release)" of those who have, or have not, voted. */
void vs_ballot_names(const struct vs_ballot *b, bool voted, char *out,
                     size_t cap);

/* Says it and gives VS_ERR_REFUSED if a signature is broken. */
vs_status vs_ballot_unbroken(const struct vs_ballot *b) VS_MUST_CHECK;

/* Whether key id has signed. */
const struct vs_signature *vs_signature_of(const struct vs_signatures *sigs,
                                           const uint8_t id[static 32]);

/* Adds the signature new, whose bytes are kept, of the boot key id, in the
 * order of ids; new->key_id is set.
 * VS_OK; VS_ERR_LIMIT; VS_ERR_INPUT if id is none.
 */
vs_status vs_signature_insert(struct vs_signatures *sigs, const char *id,
                              struct vs_signature *new) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/proposal.h - what people are asked to sign, as files in a folder.
 *
 * ROOM/proposals/NAME/proposal.json says what is proposed; each document
 * stands beside it as the exact bytes to be signed with the signatures so
 * far, and for a release each component's seal and pack.
 *
 * A release goes in two steps, because its metadata covers the seal files
 * with their signatures: first the seals are signed and frozen, then the
 * metadata.  A document that is not there yet is the second step's.
 */
#ifndef VS_SIGN_PROPOSAL_H
#define VS_SIGN_PROPOSAL_H

#include "seal/seal.h"
#include "sign/room.h"
#include "sign/sealer.h"
#include "trust/requires.h"

#define VS_DOCUMENTS_MAX 12
#define VS_IMAGES_MAX VS_KEYRING_COMPONENTS_MAX

struct vs_document {
	char path[PATH_MAX];
	const char *repository; /* these three from proposal.json */
	const char *role;
	uint64_t version;
	bool present;
	struct vs_envelope envelope; /* of metadata; owned */
	uint8_t *bytes;              /* of a keyring; owned */
	size_t len, body_len;
	struct vs_keyring ring;
	struct vs_signatures signatures; /* point into bytes */
};

struct vs_image {
	char seal_path[PATH_MAX];
	char pack_path[PATH_MAX];
	const char *image_sha256; /* these three from proposal.json */
	const char *pack_sha256;
	uint64_t pack_len;
	struct vs_requires requires; /* likewise */
	uint8_t *bytes;              /* the seal file; owned */
	size_t len;
	struct vs_seal seal; /* views into bytes */
};

struct vs_proposal {
	const char *name;
	char dir[PATH_MAX];
	json_t *about;            /* owned: proposal.json */
	struct vs_policy *policy; /* owned; NULL if it proposes none */
	struct vs_document documents[VS_DOCUMENTS_MAX];
	size_t document_count;
	struct vs_image images[VS_IMAGES_MAX];
	size_t image_count;
	/* of a release: */
	const char *release;
	const char *update_type;
	uint64_t release_seq;
	/* owned: the proposal of a keyring that the seals must suit, too */
	struct vs_proposal *successor;
	bool is_successor; /* it is opened as one, and may be no release */
};

/* Reads a proposal; checks that its files say what proposal.json says.  Says
 * by itself what is wrong.  Gives *out: vs_proposal_free().
 */
vs_status vs_proposal_open(const struct vs_room *r, const char *name,
                           struct vs_proposal **out) VS_MUST_CHECK;
void vs_proposal_free(struct vs_proposal **p);

/* Writes a document, or an image's seal, with the signatures it has now. */
vs_status vs_document_store(const struct vs_document *d) VS_MUST_CHECK;
vs_status
vs_document_set_signatures(struct vs_document *d,
                           const struct vs_signatures *sigs) VS_MUST_CHECK;
vs_status
vs_image_set_signatures(struct vs_image *i,
                        const struct vs_signatures *sigs) VS_MUST_CHECK;

/* The document of a proposal; NULL if it has none. */
struct vs_document *vs_proposal_document(struct vs_proposal *p,
                                         const char *repository,
                                         const char *role);

/* The holder of a key as vs_policy_holder() gives it, by the proposed policy
 * or else by the room's.
 */
void vs_proposal_holder(const struct vs_room *r, const struct vs_proposal *p,
                        const char *id, char *out, size_t cap);

/* "gateway/gateway-1.1.0.seal", the target path of an image. */
vs_status vs_image_path(const struct vs_proposal *p, const struct vs_image *i,
                        char *out, size_t cap) VS_MUST_CHECK;

/* A proposal being made.  It appears whole, when it is committed. */
struct vs_draft {
	char dir[PATH_MAX], final[PATH_MAX];
	json_t *about; /* owned */
	bool begun, committed;
};

vs_status vs_draft_begin(const struct vs_room *r, const char *name,
                         struct vs_draft *out) VS_MUST_CHECK;
/* body NULL: the document comes in the second step.  Takes body. */
vs_status vs_draft_add_metadata(struct vs_draft *d, const char *repository,
                                const char *role, uint64_t version,
                                json_t *body) VS_MUST_CHECK;
vs_status vs_draft_add_keyring(struct vs_draft *d,
                               const struct vs_keyring *ring) VS_MUST_CHECK;
vs_status vs_draft_add_policy(struct vs_draft *d,
                              const struct vs_policy *p) VS_MUST_CHECK;
/* The pack is where vs_draft_pack_path() says already. */
vs_status vs_draft_pack_path(const struct vs_draft *d, const char *component,
                             char out[static PATH_MAX]) VS_MUST_CHECK;
vs_status vs_draft_add_image(struct vs_draft *d, const struct vs_sealed *s,
                             const struct vs_requires *requires) VS_MUST_CHECK;
vs_status vs_draft_commit(struct vs_draft *d) VS_MUST_CHECK;
void vs_draft_drop(struct vs_draft *d); /* what is not committed goes */

/* Removes a proposal; only while the room is being made. */
vs_status vs_draft_clear(const struct vs_room *r,
                         const char *name) VS_MUST_CHECK;

/* Stores a document's body, not yet signed. */
vs_status vs_metadata_store(const char *path, json_t *body) VS_MUST_CHECK;

#endif

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/stage.h - how far a release has come: lab, pilot, general,
 * retired.
 *
 * Each step is one person's and names evidence; the step to general is asked
 * for by one person and approved by another.  There is no way back: what is
 * not good enough is retired, and its successor begins in the lab.
 */
#ifndef VS_SERVER_PUBLISH_STAGE_H
#define VS_SERVER_PUBLISH_STAGE_H

#include <jansson.h>

#include "server/store/store.h"

enum vs_stage {
	VS_STAGE_LAB,     /* for chargers with the tag "lab" */
	VS_STAGE_PILOT,   /* and for those with the tag "pilot" */
	VS_STAGE_GENERAL, /* for all */
	VS_STAGE_RETIRED, /* for none any more */
};

#define VS_EVIDENCE_MAX 16 /* at once */
#define VS_EVIDENCE_KIND_LEN 33
#define VS_EVIDENCE_NOTE_LEN 257
#define VS_STAGE_NAME_LEN 64

/* Where a release stands.  All zero: just published. */
struct vs_standing {
	enum vs_stage stage;
	uint64_t since_s;
	char by[VS_STAGE_NAME_LEN];
	char approved_by[VS_STAGE_NAME_LEN]; /* general; "" = nobody was to */
	char asked_by[VS_STAGE_NAME_LEN];    /* wants it general; "" = nobody */
};

const char *vs_stage_name(enum vs_stage stage);
/* VS_OK; VS_ERR_INPUT. */
vs_status vs_stage_parse(const char *name, enum vs_stage *out) VS_MUST_CHECK;

enum vs_stage_move {
	VS_STAGE_PROMOTE, /* to pilot at once, to general by asking for it */
	VS_STAGE_APPROVE, /* what another person asked for */
	VS_STAGE_REJECT,
	VS_STAGE_RETIRE,
};

/* Makes a person's move on *s.
 * VS_OK; VS_ERR_STATE (not from this stage); VS_ERR_DENIED (who asked does
 * not approve).
 */
vs_status vs_stage_move(struct vs_standing *s, enum vs_stage_move move,
                        const char *who, uint64_t now_s) VS_MUST_CHECK;

/* One piece of evidence: an artifact that this server keeps. */
struct vs_evidence {
	const char *kind, *sha256, *note; /* "test-report", "sbom" ... */
};

vs_status vs_standing_store(struct vs_store *s, const char *release,
                            const struct vs_standing *standing) VS_MUST_CHECK;
/* A release without a row was published before there were stages: general. */
vs_status vs_standing_load(struct vs_store *s, const char *release,
                           struct vs_standing *out) VS_MUST_CHECK;

/* Adds evidence for a stage.  VS_ERR_LIMIT if there is too much already. */
vs_status vs_evidence_add(struct vs_store *s, const char *release,
                          enum vs_stage stage, const struct vs_evidence *e,
                          const char *who, uint64_t now_s) VS_MUST_CHECK;
/* Gives *out (json_decref), in the order in which it was added. */
vs_status vs_evidence_list(struct vs_store *s, const char *release,
                           json_t **out) VS_MUST_CHECK;

#endif

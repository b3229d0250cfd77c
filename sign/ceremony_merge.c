/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/ceremony_merge.c - signatures that were made on other machines.
 *
 * What comes in is bytes from a stick.  A signature is taken over if it
 * verifies over the room's own bytes, by a key that the room asks for, of a
 * person who is not the author, and if the transcript tells of it.
 */
#include "sign/ceremony.h"

#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "sign/approval.h"
#include "sign/judge.h"
#include "sign/say.h"
#include "sign/subject.h"
#include "trust/json.h"

enum { sig_max = 1024 };

struct merge {
	const struct vs_room *room;
	struct vs_proposal *p;    /* the room's */
	struct vs_proposal *away; /* the stick's */
	const struct vs_transcript *t;
	size_t taken;
};

static vs_status refuse(const char *path, const char *what, vs_reason reason)
{
	vs_error("%s: %s (%s)", path, what, vs_reason_name(reason));
	return VS_ERR_REFUSED;
}

/* The author's votes are no votes, wherever they come from. */
static vs_status apart(const struct vs_room *r, const struct vs_proposal *p,
                       const struct vs_transcript *t, const struct vs_ballot *b)
{
	vs_status status = vs_ballot_unbroken(b);

	for (size_t i = 0; i < b->voter_count && !status; i++)
		if (b->voters[i].voted)
			status = vs_transcript_apart(t, r, p,
			                             b->voters[i].holder,
			                             b->voters[i].pkey);
	return status;
}

static vs_status apart_document(const struct vs_room *r, struct vs_proposal *p,
                                const struct vs_document *d,
                                const struct vs_transcript *t)
{
	struct vs_ballot ballots[VS_BALLOTS_MAX];
	size_t count;
	vs_status status = vs_ballot_document(r, p, d, ballots, &count);

	for (size_t i = 0; i < count; i++) {
		if (!status)
			status = apart(r, p, t, &ballots[i]);
		vs_ballot_drop(&ballots[i]);
	}
	return status;
}

vs_status vs_ceremony_apart(const struct vs_room *r, struct vs_proposal *p,
                            const struct vs_transcript *t)
{
	struct vs_ballot b[VS_BALLOTS_MAX];
	size_t count;
	vs_status status = VS_OK;

	if (!t->count)
		return VS_OK;
	if (p->image_count) {
		status = vs_ballot_seals(r, p, b, &count);
		for (size_t i = 0; i < count && !status; i++)
			status = apart(r, p, t, &b[i]);
		vs_ballots_drop(b, VS_BALLOTS_MAX);
	}
	for (size_t i = 0; i < p->document_count && !status; i++)
		if (p->documents[i].present)
			status = apart_document(r, p, &p->documents[i], t);
	return status;
}

/* Whether a vote may count here; sets *wanted if it is new as well. */
static vs_status judge_vote(const struct merge *m, const struct vs_subject *s,
                            const struct vs_ballot *away,
                            const struct vs_ballot *here, size_t i,
                            bool *wanted)
{
	const struct vs_voter *v = &away->voters[i];

	*wanted = v->voted && !here->voters[i].voted;
	if (!*wanted)
		return VS_OK;
	vs_status status =
		vs_transcript_apart(m->t, m->room, m->p, v->holder, v->pkey);
	if (status)
		return status;
	if (vs_transcript_tells(m->t, s->name, s->sha256, v->id))
		return VS_OK;
	vs_error("%s: the transcript tells of no signature of %s (%s)", s->name,
	         v->holder, vs_reason_name(VS_REASON_NOT_LISTED));
	return VS_ERR_REFUSED;
}

static vs_status take_metadata(struct vs_document *to,
                               const struct vs_document *from, const char *id)
{
	const json_t *all = json_object_get(from->envelope.whole, "signatures");
	const json_t *one;
	size_t i;

	json_array_foreach(all, i, one)
	{
		const char *is =
			json_string_value(json_object_get(one, "keyid"));
		const char *hex =
			json_string_value(json_object_get(one, "sig"));
		uint8_t sig[sig_max];
		size_t len = hex ? strlen(hex) / 2 : 0;

		if (!is || strcmp(is, id) != 0)
			continue;
		if (len > sizeof sig || vs_hex_decode(hex, sig, len) ||
		    vs_envelope_add(&to->envelope, id, sig, len))
			return vs_say_io(VS_ERR_INPUT, from->path);
		return vs_document_store(to);
	}
	return VS_OK;
}

static vs_status take_boot(struct vs_signatures *to,
                           const struct vs_signatures *from, const char *id)
{
	uint8_t key[VS_SHA256_LEN];
	vs_status status = vs_hex_decode(id, key, sizeof key);
	const struct vs_signature *s =
		status ? NULL : vs_signature_of(from, key);

	if (!s || vs_signature_of(to, key))
		return status;
	struct vs_signature new = *s;
	return vs_signature_insert(to, id, &new);
}

static vs_status take_document(struct vs_document *to,
                               const struct vs_document *from, const char *id)
{
	struct vs_signatures sigs = to->signatures;

	if (strcmp(to->repository, VS_BOOT) != 0)
		return take_metadata(to, from, id);
	vs_status status = take_boot(&sigs, &from->signatures, id);
	return status ? vs_say_io(status, to->path)
	              : vs_document_set_signatures(to, &sigs);
}

static vs_status merge_ballot(struct merge *m, struct vs_document *to,
                              const struct vs_document *from,
                              const struct vs_ballot *away,
                              const struct vs_ballot *here)
{
	struct vs_subject s;
	vs_status status = vs_ballot_unbroken(away);

	if (!status)
		status = vs_subject_document(to, &s);
	for (size_t i = 0; i < away->voter_count && !status; i++) {
		bool wanted;

		status = judge_vote(m, &s, away, here, i, &wanted);
		if (!status && wanted) {
			status = take_document(to, from, away->voters[i].id);
			m->taken++;
		}
	}
	return status;
}

static bool same_bytes(const struct vs_document *a, const struct vs_document *b)
{
	struct vs_subject x, y;

	return !vs_subject_document(a, &x) && !vs_subject_document(b, &y) &&
	       x.len == y.len && memcmp(x.bytes, y.bytes, x.len) == 0;
}

/* Both are asked the same: who has voted there, who has voted here. */
static vs_status merge_document(struct merge *m, struct vs_document *to,
                                const struct vs_document *from)
{
	struct vs_ballot away[VS_BALLOTS_MAX], here[VS_BALLOTS_MAX];
	size_t n, k;

	if (!same_bytes(to, from))
		return refuse(from->path, "is not what the room asks to sign",
		              VS_REASON_CONFLICT);
	vs_status status = vs_ballot_document(m->room, m->away, from, away, &n);
	if (status) {
		for (size_t i = 0; i < n; i++)
			vs_ballot_drop(&away[i]);
		return status;
	}
	status = vs_ballot_document(m->room, m->p, to, here, &k);
	for (size_t i = 0; i < n; i++) {
		if (!status && away[i].voter_count != here[i].voter_count)
			status = refuse(from->path, "asks others than the room",
			                VS_REASON_CONFLICT);
		if (!status)
			status = merge_ballot(m, to, from, &away[i], &here[i]);
		vs_ballot_drop(&away[i]);
		vs_ballot_drop(&here[i]);
	}
	return status;
}

static bool same_image(const struct vs_image *a, const struct vs_image *b)
{
	return memcmp(a->seal.raw, b->seal.raw, VS_SEAL_HEADER_LEN) == 0 &&
	       a->seal.tree.upper_len == b->seal.tree.upper_len &&
	       memcmp(a->seal.upper, b->seal.upper,
	              (size_t)a->seal.tree.upper_len) == 0;
}

static vs_status merge_image(struct merge *m, const char *id, size_t i)
{
	struct vs_image *to = &m->p->images[i];
	struct vs_signatures sigs = to->seal.signatures;
	vs_status status =
		take_boot(&sigs, &m->away->images[i].seal.signatures, id);

	return status ? vs_say_io(status, to->seal_path)
	              : vs_image_set_signatures(to, &sigs);
}

static vs_status merge_voter(struct merge *m, const struct vs_ballot *away,
                             const struct vs_ballot *here, size_t voter)
{
	vs_status status = VS_OK;
	bool wanted = false;

	for (size_t i = 0; i < m->p->image_count && !status; i++) {
		struct vs_subject s;

		status = vs_subject_image(&m->p->images[i], &s);
		if (!status)
			status = judge_vote(m, &s, away, here, voter, &wanted);
		if (!status && wanted)
			status = merge_image(m, away->voters[voter].id, i);
	}
	m->taken += wanted;
	return status;
}

static vs_status merge_ballot_of_seals(struct merge *m,
                                       const struct vs_ballot *away,
                                       size_t which)
{
	vs_status status = vs_ballot_unbroken(away);

	/* up to the threshold and no further: a seal has just that many */
	for (size_t i = 0; !status && i < away->voter_count; i++) {
		struct vs_ballot here[VS_BALLOTS_MAX];
		size_t count;

		status = vs_ballot_seals(m->room, m->p, here, &count);
		if (!status && (which >= count ||
		                here[which].voter_count != away->voter_count))
			status = refuse(m->away->dir,
			                "asks others than the room",
			                VS_REASON_CONFLICT);
		if (!status &&
		    vs_ballot_wants(&here[which], &here[which].voters[i]))
			status = merge_voter(m, away, &here[which], i);
		vs_ballots_drop(here, VS_BALLOTS_MAX);
	}
	return status;
}

static vs_status merge_all_seals(struct merge *m)
{
	struct vs_ballot away[VS_BALLOTS_MAX];
	size_t count;
	vs_status status = vs_ballot_seals(m->room, m->away, away, &count);

	for (size_t i = 0; i < count && !status; i++)
		status = merge_ballot_of_seals(m, &away[i], i);
	vs_ballots_drop(away, VS_BALLOTS_MAX);
	return status;
}

static vs_status merge_seals(struct merge *m)
{
	for (size_t i = 0; i < m->p->image_count; i++)
		if (i >= m->away->image_count ||
		    !same_image(&m->p->images[i], &m->away->images[i]))
			return refuse(m->p->images[i].seal_path,
			              "is another one on the stick",
			              VS_REASON_CONFLICT);
	return merge_all_seals(m);
}

/* Whether the seals here are those that metadata there was made over. */
static bool seals_agree(const struct merge *m)
{
	for (size_t i = 0; i < m->p->image_count; i++) {
		const struct vs_image *a = &m->p->images[i];
		const struct vs_image *b = &m->away->images[i];

		if (a->len != b->len || memcmp(a->bytes, b->bytes, a->len) != 0)
			return false;
	}
	return true;
}

static bool metadata_missing(const struct vs_proposal *p)
{
	for (size_t i = 0; i < p->document_count; i++)
		if (!p->documents[i].present)
			return true;
	return false;
}

static vs_status reopen(struct merge *m)
{
	char name[VS_VERSION_LEN];
	size_t len = strlen(m->p->name);

	memcpy(name, m->p->name, len < sizeof name ? len + 1 : 0);
	vs_proposal_free(&m->p);
	return vs_proposal_open(m->room, name, &m->p);
}

/* Metadata that was made over the same seals, judged by the room's code. */
static vs_status adopt(struct merge *m)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < m->p->document_count && !status; i++) {
		struct vs_document *to = &m->p->documents[i];
		const struct vs_document *from =
			vs_proposal_document(m->away, to->repository, to->role);

		if (to->present || !from || !from->present)
			continue;
		status = vs_judge_document(m->room, m->away, from);
		if (!status)
			status = vs_metadata_store(
				to->path, json_deep_copy(from->envelope.body));
	}
	return status ? status : reopen(m);
}

/* Once the seals have enough signatures their metadata is there: the stick's
 * if it covers these very seals, else it is made now.
 */
static vs_status complete(struct merge *m)
{
	struct vs_ballot b[VS_BALLOTS_MAX];
	size_t count;

	if (!m->p->image_count || !metadata_missing(m->p))
		return VS_OK;
	vs_status status = vs_ballot_seals(m->room, m->p, b, &count);
	bool enough = !status && vs_ballots_enough(b, count);
	vs_ballots_drop(b, VS_BALLOTS_MAX);
	if (!enough)
		return status;
	if (!metadata_missing(m->away) && seals_agree(m))
		status = adopt(m);
	return status || !metadata_missing(m->p)
	               ? status
	               : vs_approval_freeze(m->room, &m->p);
}

/* Metadata made on the stick over other signatures is left there. */
static vs_status merge_documents(struct merge *m)
{
	bool other = m->p->image_count && !seals_agree(m);
	vs_status status = VS_OK;

	for (size_t i = 0; i < m->p->document_count && !status; i++) {
		struct vs_document *to = &m->p->documents[i];
		const struct vs_document *from =
			vs_proposal_document(m->away, to->repository, to->role);

		if (!from)
			status = refuse(m->away->dir, "lacks a document",
			                VS_REASON_CONFLICT);
		else if (to->present && from->present && !other)
			status = merge_document(m, to, from);
	}
	return status;
}

vs_status vs_ceremony_merge(const struct vs_room *r, struct vs_proposal **p,
                            struct vs_proposal *away,
                            const struct vs_transcript *t, size_t *taken)
{
	struct merge m = {.room = r, .p = *p, .away = away, .t = t};
	vs_status status = VS_OK;

	if (m.p->image_count && metadata_missing(m.p)) {
		status = merge_seals(&m);
		if (!status)
			status = complete(&m);
	}
	if (!status)
		status = merge_documents(&m);
	*p = m.p;
	*taken = m.taken;
	return status;
}

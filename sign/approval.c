/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/approval.c - one person signs what was shown.
 *
 * The bytes that were checked and shown are the bytes that are signed: they
 * are read once.
 */
#include "sign/approval.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/hex.h"
#include "base/log.h"
#include "sign/ballot.h"
#include "sign/derive.h"
#include "sign/judge.h"
#include "sign/lmsvote.h"
#include "sign/release.h"
#include "sign/say.h"
#include "sign/show.h"
#include "sign/store.h"
#include "sign/subject.h"
#include "sign/token.h"
#include "sign/transcript.h"

struct approval {
	const struct vs_args *args;
	const struct vs_room *room;
	struct vs_proposal *p; /* owned; read anew when metadata is made */
	struct vs_p11 *token;
	struct vs_p11_key keys[VS_P11_KEYS_MAX];
	size_t key_count;
	struct vs_lmskey lms;            /* without a tree: none was given */
	struct vs_transcript transcript; /* empty: no ceremony was opened */
	size_t signed_count;
	char already[128];  /* a holder who had signed before */
	char unusable[256]; /* why a key of the token may not sign at all */
};

/* Makes one voter's signature on the ballot's subject; key NULL: with the LMS
 * key.
 */
typedef vs_status (*sign_fn)(struct approval *a, void *subject,
                             const struct vs_p11_key *key,
                             const struct vs_voter *v);

static vs_status sign_seals(struct approval *a, void *subject,
                            const struct vs_p11_key *key,
                            const struct vs_voter *v);

struct vs_boot_signature {
	struct vs_signature s; /* its bytes are raw */
	uint8_t raw[VS_LMS_SIG_LEN_MAX];
};

static const struct vs_p11_key *key_of(const struct approval *a,
                                       const struct vs_voter *v)
{
	for (size_t i = 0; i < a->key_count; i++) {
		EVP_PKEY *pkey = NULL;
		bool same = vs_p256_key(a->keys[i].point, &pkey) == VS_OK &&
		            EVP_PKEY_eq(pkey, v->pkey) == 1;

		EVP_PKEY_free(pkey);
		if (same)
			return &a->keys[i];
	}
	return NULL;
}

/* Votes that nobody needs are cast on metadata only: there they cost nothing.
 */
static vs_status vote(struct approval *a, struct vs_ballot *b, void *subject,
                      sign_fn sign)
{
	vs_status status = vs_ballot_unbroken(b);

	for (size_t i = 0; i < b->voter_count && !status; i++) {
		struct vs_voter *v = &b->voters[i];
		const struct vs_p11_key *key = key_of(a, v);

		if (!key && (v->pkey || !vs_lmsvote_is(&a->lms, v->id)))
			continue;
		if (v->voted) {
			snprintf(a->already, sizeof a->already, "%s",
			         v->holder);
			continue;
		}
		if ((!key || sign == sign_seals) && !vs_ballot_wants(b, v))
			continue;
		status = sign(a, subject, key, v);
		if (status)
			break;
		vs_ballot_vote(b, v);
		a->signed_count++;
		printf("%s signs %s\n", v->holder, b->what);
	}
	return status;
}

/* Before the signature is stored: none is there that no line tells of. */
static vs_status tell(struct approval *a, const struct vs_subject *s,
                      const struct vs_p11_key *key, const struct vs_voter *v)
{
	const struct vs_witness who = {
		.token = a->token,
		/* who adds an LMS signature signs the line with the token */
		.key = key ? key : &a->keys[0],
		.holder = vs_args_text(a->args, "token"),
	};

	if (!a->transcript.count ||
	    vs_transcript_tells(&a->transcript, s->name, s->sha256, v->id))
		return VS_OK;
	return vs_transcript_add(&a->transcript, "signed",
	                         json_pack("{s:{s:{s:s, s:[s]}}}", "subjects",
	                                   s->name, "sha256", s->sha256, "keys",
	                                   v->id),
	                         &who);
}

static vs_status tell_document(struct approval *a, const struct vs_document *d,
                               const struct vs_p11_key *key,
                               const struct vs_voter *v)
{
	struct vs_subject s;
	vs_status status = vs_subject_document(d, &s);

	return status ? status : tell(a, &s, key, v);
}

static vs_status tell_image(struct approval *a, const struct vs_image *image,
                            const struct vs_p11_key *key,
                            const struct vs_voter *v)
{
	struct vs_subject s;
	vs_status status = vs_subject_image(image, &s);

	return status ? status : tell(a, &s, key, v);
}

static vs_status sign_metadata(struct approval *a, void *subject,
                               const struct vs_p11_key *key,
                               const struct vs_voter *v)
{
	struct vs_document *d = subject;
	uint8_t raw[VS_P256_RAW_LEN], der[VS_P256_DER_MAX];
	size_t len;
	vs_status status = vs_p11_sign(a->token, key, d->envelope.canon,
	                               d->envelope.canon_len, raw);

	if (status)
		return vs_token_failed(a->token, status);
	status = vs_p256_der(raw, der, &len);
	if (!status)
		status = vs_envelope_add(&d->envelope, v->id, der, len);
	if (status)
		return vs_say_io(status, d->path);
	status = tell_document(a, d, key, v);
	return status ? status : vs_document_store(d);
}

/* A signature of a boot key: the token's, or the LMS key for key NULL.  raw
 * holds its bytes.
 */
static vs_status sign_boot(struct approval *a, const struct vs_p11_key *key,
                           const void *message, size_t len,
                           struct vs_boot_signature *out)
{
	vs_status status;

	out->s = (struct vs_signature){.scheme = VS_SCHEME_P256_SHA256,
	                               .len = VS_P256_SIG_LEN,
	                               .bytes = out->raw};
	if (key) {
		status = vs_p11_sign(a->token, key, message, len, out->raw);
		return status ? vs_token_failed(a->token, status) : VS_OK;
	}
	size_t lms_len;
	status = vs_lmskey_sign(&a->lms, message, len, out->raw, &lms_len);
	out->s.scheme = VS_SCHEME_LMS_SHA256;
	out->s.len = status ? 0 : (uint16_t)lms_len;
	return status;
}

static vs_status sign_ring(struct approval *a, void *subject,
                           const struct vs_p11_key *key,
                           const struct vs_voter *v)
{
	struct vs_document *d = subject;
	struct vs_signatures sigs = d->signatures;
	struct vs_boot_signature new;
	uint8_t id[VS_SHA256_LEN];
	vs_status status = vs_hex_decode(v->id, id, sizeof id);

	if (!status && vs_signature_of(&sigs, id))
		return VS_OK; /* it is in both keyrings */
	if (status)
		return vs_say_io(status, d->path);
	status = sign_boot(a, key, d->bytes, d->body_len, &new);
	if (status)
		return status;
	status = vs_signature_insert(&sigs, v->id, &new.s);
	if (status)
		return vs_say_io(status, d->path);
	status = tell_document(a, d, key, v);
	return status ? status : vs_document_set_signatures(d, &sigs);
}

/* Whether the LMS key has a leaf for each seal that it has not signed. */
static vs_status check_leaves(const struct approval *a,
                              const struct vs_proposal *p, const uint8_t *id)
{
	uint32_t count = 0;

	for (size_t i = 0; i < p->image_count; i++)
		count += !vs_signature_of(&p->images[i].seal.signatures, id);
	return vs_lmskey_enough(&a->lms, count);
}

/* A vote cut off between two seals is completed here. */
static vs_status sign_seals(struct approval *a, void *subject,
                            const struct vs_p11_key *key,
                            const struct vs_voter *v)
{
	struct vs_proposal *p = subject;
	uint8_t id[VS_SHA256_LEN];
	vs_status status = vs_hex_decode(v->id, id, sizeof id);

	if (status)
		return vs_say_io(status, p->dir);
	if (!key)
		status = check_leaves(a, p, id);
	for (size_t i = 0; i < p->image_count && !status; i++) {
		struct vs_image *image = &p->images[i];
		struct vs_signatures sigs = image->seal.signatures;
		struct vs_boot_signature new;

		if (vs_signature_of(&sigs, id))
			continue;
		status = sign_boot(a, key, image->seal.raw, VS_SEAL_HEADER_LEN,
		                   &new);
		if (status)
			return status;
		status = vs_signature_insert(&sigs, v->id, &new.s);
		if (!status)
			status = tell_image(a, image, key, v);
		if (!status)
			status = vs_image_set_signatures(image, &sigs);
	}
	return status;
}

static vs_status make_metadata(const struct vs_room *r,
                               const struct vs_proposal *p,
                               const struct vs_document *d)
{
	enum vs_policy_roles row;
	json_t *body;

	if (!vs_policy_find(d->role, &row))
		return vs_say_io(VS_ERR_INPUT, d->path);
	vs_status status = vs_release_body(
		r, p, d, vs_derive_expiry(r->policy, row), &body);
	return status ? status : vs_metadata_store(d->path, body);
}

vs_status vs_approval_freeze(const struct vs_room *r, struct vs_proposal **p)
{
	char name[VS_VERSION_LEN];
	vs_status status = vs_release_open_seals(r, *p);

	for (size_t i = 0; i < (*p)->document_count && !status; i++)
		if (!(*p)->documents[i].present)
			status = make_metadata(r, *p, &(*p)->documents[i]);
	if (status)
		return status;
	printf("enough seals are signed; the metadata is made\n");
	snprintf(name, sizeof name, "%s", (*p)->name);
	vs_proposal_free(p);
	return vs_proposal_open(r, name, p);
}

/* A key may be in both ballots: they are taken anew for each. */
static vs_status vote_seals(struct approval *a, size_t which)
{
	struct vs_ballot b[VS_BALLOTS_MAX];
	size_t count;
	vs_status status = vs_ballot_seals(a->room, a->p, b, &count);

	if (!status && which < count && !b[which].enough)
		status = vote(a, &b[which], a->p, sign_seals);
	vs_ballots_drop(b, VS_BALLOTS_MAX);
	return status;
}

/* Step one: stops at the threshold, so a seal has just that many. */
static vs_status approve_seals(struct approval *a)
{
	struct vs_ballot b[VS_BALLOTS_MAX];
	size_t count;
	vs_status status = VS_OK;

	for (size_t i = 0; i < VS_BALLOTS_MAX && !status; i++)
		status = vote_seals(a, i);
	if (status)
		return status;
	status = vs_ballot_seals(a->room, a->p, b, &count);
	bool enough = !status && vs_ballots_enough(b, count);
	vs_ballots_drop(b, VS_BALLOTS_MAX);
	return enough ? vs_approval_freeze(a->room, &a->p) : status;
}

/* All are judged before one is signed: a refusal leaves nothing behind. */
static vs_status judge_all(struct approval *a)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < a->p->document_count; i++)
		if (a->p->documents[i].present)
			status = vs_judge_document(a->room, a->p,
			                           &a->p->documents[i]);
	return status;
}

static vs_status approve_document(struct approval *a, struct vs_document *d)
{
	struct vs_ballot ballots[VS_BALLOTS_MAX];
	size_t count;
	bool ring = strcmp(d->repository, VS_BOOT) == 0;
	vs_status status =
		vs_ballot_document(a->room, a->p, d, ballots, &count);

	for (size_t i = 0; i < count; i++) {
		if (!status)
			status = vote(a, &ballots[i], d,
			              ring ? sign_ring : sign_metadata);
		vs_ballot_drop(&ballots[i]);
	}
	return status;
}

static vs_status ask(const struct approval *a, const char *otherwise)
{
	char answer[16];

	if (vs_args_flag(a->args, "yes"))
		return VS_OK;
	printf("\nSign this with the keys of token %s? Type yes: ",
	       vs_args_text(a->args, "token"));
	if (fflush(stdout) || !fgets(answer, sizeof answer, stdin) ||
	    strcmp(answer, "yes\n") != 0) {
		vs_error("approve: not confirmed; %s", otherwise);
		return VS_ERR_DENIED;
	}
	return VS_OK;
}

static bool all_present(const struct vs_proposal *p)
{
	for (size_t i = 0; i < p->document_count; i++)
		if (!p->documents[i].present)
			return false;
	return true;
}

/* Whoever completes the seals goes on with the metadata, seen first. */
static vs_status approve_release(struct approval *a)
{
	vs_status status = vs_release_check_allowed(a->room, a->p);

	if (!status)
		status = vs_release_check_packs(a->p);
	if (status)
		return status;
	if (all_present(a->p))
		return vs_release_open_seals(a->room, a->p);
	status = approve_seals(a);
	if (status || !all_present(a->p))
		return status;
	status = vs_show_proposal(a->room, a->p);
	return status ? status
	              : ask(a, "the seals are signed, the metadata is not");
}

static vs_status approve_all(struct approval *a)
{
	vs_status status = vs_judge_policy(a->room, a->p);

	if (!status)
		status = judge_all(a);
	if (!status && a->p->image_count) {
		status = approve_release(a);
		if (!status) /* it may have been made just now */
			status = judge_all(a);
	}
	for (size_t i = 0; !status && i < a->p->document_count; i++)
		if (a->p->documents[i].present)
			status = approve_document(a, &a->p->documents[i]);
	return status;
}

static vs_status verdict(const struct approval *a)
{
	const char *token = vs_args_text(a->args, "token");

	if (a->signed_count)
		return VS_OK;
	if (a->already[0]) {
		vs_error("proposal %s: %s has approved it already; a key "
		         "counts once (%s)",
		         a->p->name, a->already,
		         vs_reason_name(VS_REASON_FOUR_EYES));
		return VS_ERR_REFUSED;
	}
	vs_error("proposal %s: token %s holds no key that may approve it now "
	         "(%s)%s%s",
	         a->p->name, token, vs_reason_name(VS_REASON_NOT_ALLOWED),
	         a->unusable[0] ? "; " : "", a->unusable);
	return VS_ERR_REFUSED;
}

/* A key that the policy asks this token for tells best what is wrong. */
static void find_unusable(struct approval *a)
{
	const char *token = vs_args_text(a->args, "token");
	const struct vs_policy *policy = a->room->policy;
	struct vs_p11_key key;
	bool found = false;

	for (size_t i = 0; !found && i < VS_POLICY_ROLES; i++) {
		const struct vs_policy_role *role = &policy->role[i];

		for (size_t k = 0; !found && k < role->key_count; k++)
			found = strcmp(role->keys[k].holder, token) == 0 &&
			        vs_p11_find(a->token, role->keys[k].label,
			                    &key) == VS_ERR_REFUSED;
	}
	if (found)
		vs_log_quote(vs_p11_error(a->token), a->unusable,
		             sizeof a->unusable);
}

static vs_status list_keys(struct approval *a)
{
	size_t refused;
	vs_status status =
		vs_p11_list(a->token, a->keys, &a->key_count, &refused);

	if (status)
		return vs_token_failed(a->token, status);
	if (refused)
		find_unusable(a);
	return VS_OK;
}

/* Whoever wrote the proposal approves it with no key of his. */
static vs_status check_author(const struct approval *a)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < a->key_count && !status; i++) {
		struct vs_pubkey key;
		char holder[128];

		status = vs_pubkey_make(vs_args_text(a->args, "token"),
		                        &a->keys[i], &key);
		if (status)
			return vs_say_io(status, a->p->dir);
		vs_proposal_holder(a->room, a->p, key.tuf.id, holder,
		                   sizeof holder);
		status = vs_transcript_apart(&a->transcript, a->room, a->p,
		                             holder, key.tuf.pkey);
		vs_pubkey_drop(&key);
	}
	return status;
}

/* A line of the transcript is signed by the token also where an LMS key adds
 * the signature it tells of.
 */
static vs_status check_transcript_key(const struct approval *a)
{
	if (!a->lms.tree || !a->transcript.count || a->key_count)
		return VS_OK;
	vs_error("token %s: holds no key to sign the transcript with",
	         vs_args_text(a->args, "token"));
	return VS_ERR_ABSENT;
}

static vs_status run_open(struct approval *a)
{
	vs_status status = vs_store_sweep(a->p->dir);

	if (!status)
		status = vs_transcript_load(a->p->dir, &a->transcript);
	if (!status)
		status = vs_show_proposal(a->room, a->p);
	if (!status)
		status = ask(a, "nothing was signed");
	if (!status)
		status = vs_token_open(a->args, false, &a->token);
	if (!status)
		status = list_keys(a);
	if (!status)
		status = check_author(a);
	if (!status)
		status = vs_lmsvote_open(a->args, a->room, &a->lms);
	if (!status)
		status = check_transcript_key(a);
	if (!status)
		status = approve_all(a);
	if (!status)
		status = verdict(a);
	vs_lmsvote_warn(&a->lms);
	return status ? status : vs_show_progress(a->room, a->p);
}

vs_status vs_approval_run(const struct vs_args *args, const struct vs_room *r,
                          struct vs_proposal **p)
{
	struct approval a = {
		.args = args, .room = r, .p = *p, .lms = {.fd = -1}};
	vs_status status = run_open(&a);

	vs_p11_close(&a.token);
	vs_lmskey_drop(&a.lms);
	vs_transcript_drop(&a.transcript);
	*p = a.p;
	return status;
}

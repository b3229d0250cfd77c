/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/ballot.c - who must sign a thing, who has, and how many are enough.
 */
#include "sign/ballot.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "seal/lms.h"
#include "seal/openssl.h"
#include "sign/derive.h"
#include "sign/rotate.h"
#include "sign/say.h"
#include "trust/json.h"

enum { sig_max = 1024 };

void vs_ballot_drop(struct vs_ballot *b)
{
	for (size_t i = 0; i < b->voter_count; i++)
		EVP_PKEY_free(b->voters[i].pkey);
	*b = (struct vs_ballot){0};
}

/* The second ballot on what the first is on, by other keys. */
static void name_second(struct vs_ballot out[static VS_BALLOTS_MAX],
                        const char *by)
{
	char what[61];

	snprintf(what, sizeof what, "%.60s", out[0].what);
	snprintf(out[1].what, sizeof out[1].what, "%s, %s", what, by);
}

/* Counts a voter whose pkey it takes. */
static vs_status add_voter(const struct vs_room *r, const struct vs_proposal *p,
                           struct vs_ballot *b, const char *id, EVP_PKEY *pkey)
{
	if (b->voter_count == VS_POLICY_KEYS_MAX) {
		EVP_PKEY_free(pkey);
		vs_error("%s: keys: more than %d", b->what, VS_POLICY_KEYS_MAX);
		return VS_ERR_LIMIT;
	}
	struct vs_voter *v = &b->voters[b->voter_count++];
	*v = (struct vs_voter){.pkey = pkey};
	snprintf(v->id, sizeof v->id, "%s", id);
	vs_proposal_holder(r, p, id, v->holder, sizeof v->holder);
	return VS_OK;
}

static void count(struct vs_ballot *b)
{
	for (size_t i = 0; i < b->voter_count; i++) {
		const struct vs_voter *v = &b->voters[i];

		*(v->pkey ? &b->good : &b->lms_good) += v->voted;
		b->broken += v->broken;
	}
}

bool vs_ballot_full(const struct vs_ballot *b)
{
	return b->good >= b->threshold && b->lms_good >= b->lms_threshold;
}

bool vs_ballot_wants(const struct vs_ballot *b, const struct vs_voter *v)
{
	if (v->voted)
		return false;
	return v->pkey ? b->good < b->threshold
	               : b->lms_good < b->lms_threshold;
}

void vs_ballot_vote(struct vs_ballot *b, struct vs_voter *v)
{
	v->voted = true;
	*(v->pkey ? &b->good : &b->lms_good) += 1;
}

void vs_ballot_score(const struct vs_ballot *b, char out[static 96])
{
	if (b->lms_threshold)
		snprintf(out, 96, "%zu of %zu and LMS %zu of %zu", b->good,
		         b->threshold, b->lms_good, b->lms_threshold);
	else
		snprintf(out, 96, "%zu of %zu", b->good, b->threshold);
}

/* Metadata */

static void look_up(const struct vs_envelope *e, const struct vs_key *key,
                    struct vs_voter *v)
{
	const json_t *all = json_object_get(e->whole, "signatures");
	const json_t *one;
	size_t i;

	json_array_foreach(all, i, one)
	{
		const char *id =
			json_string_value(json_object_get(one, "keyid"));
		const char *hex =
			json_string_value(json_object_get(one, "sig"));
		uint8_t sig[sig_max];
		size_t len = hex ? strlen(hex) / 2 : 0;

		if (!id || strcmp(id, key->id) != 0)
			continue;
		v->voted = len && len <= sizeof sig &&
		           vs_hex_decode(hex, sig, len) == VS_OK &&
		           vs_key_verify(key, e->canon, e->canon_len, sig,
		                         len) == VS_OK;
		v->broken = !v->voted;
	}
}

static vs_status ballot_of_role(const struct vs_room *r,
                                const struct vs_proposal *p,
                                const struct vs_envelope *e, const json_t *role,
                                const json_t *keys, struct vs_ballot *out)
{
	struct vs_role parsed;
	struct vs_why why = {0};
	vs_status status = vs_role_parse(role, keys, &parsed, &why);

	if (status)
		return vs_say_why(status, out->what, &why);
	out->threshold = (size_t)parsed.threshold;
	out->enough = vs_envelope_verify(e, &parsed, &why) == VS_OK;
	for (size_t i = 0; i < parsed.key_count && !status; i++) {
		EVP_PKEY *pkey = parsed.keys[i].pkey;

		if (EVP_PKEY_up_ref(pkey) != 1)
			status = vs_say_io(VS_ERR_CRYPTO, out->what);
		else
			status = add_voter(r, p, out, parsed.keys[i].id, pkey);
		if (!status)
			look_up(e, &parsed.keys[i], &out->voters[i]);
	}
	vs_role_drop(&parsed);
	count(out);
	return status;
}

/* The file that says who may sign: the proposed one if it is proposed too. */
static const json_t *body_of(const struct vs_room *r, struct vs_proposal *p,
                             const char *repository, const char *role,
                             struct vs_envelope *in_force, vs_status *status)
{
	const struct vs_document *d = vs_proposal_document(p, repository, role);

	*status = VS_OK;
	if (d && d->present)
		return d->envelope.body;
	*status = vs_room_metadata(r, repository, role, in_force);
	if (*status == VS_ERR_ABSENT)
		vs_error("%s: there is no %s %s in force yet", p->dir,
		         repository, role);
	return *status ? NULL : in_force->body;
}

static vs_status ballot_of_targets(const struct vs_room *r,
                                   struct vs_proposal *p,
                                   const struct vs_document *d,
                                   struct vs_ballot *out)
{
	struct vs_envelope in_force = {0};
	bool top = strcmp(d->role, "targets") == 0;
	vs_status status;
	const json_t *body =
		body_of(r, p, d->repository, top ? "root" : "targets",
	                &in_force, &status);
	const json_t *in = top ? body : json_object_get(body, "delegations");
	const json_t *role =
		top ? json_object_get(json_object_get(in, "roles"), d->role)
		    : vs_delegation_find(in, d->role);

	if (!status)
		status = ballot_of_role(r, p, &d->envelope, role,
		                        json_object_get(in, "keys"), out);
	vs_envelope_drop(&in_force);
	return status;
}

static vs_status ballot_of_root(const struct vs_room *r,
                                const struct vs_proposal *p,
                                const struct vs_document *d, const json_t *root,
                                struct vs_ballot *out)
{
	const json_t *roles = json_object_get(root, "roles");

	return ballot_of_role(r, p, &d->envelope,
	                      json_object_get(roles, "root"),
	                      json_object_get(root, "keys"), out);
}

static vs_status ballots_of_root(const struct vs_room *r,
                                 const struct vs_proposal *p,
                                 const struct vs_document *d,
                                 struct vs_ballot out[static VS_BALLOTS_MAX],
                                 size_t *n)
{
	struct vs_envelope in_force;
	vs_status status = ballot_of_root(r, p, d, d->envelope.body, &out[0]);

	if (status || d->version == 1)
		return status;
	*n = 2;
	status = vs_room_metadata(r, d->repository, "root", &in_force);
	if (status)
		return status;
	name_second(out, "by the keys in force");
	status = ballot_of_root(r, p, d, in_force.body, &out[1]);
	vs_envelope_drop(&in_force);
	return status;
}

/* Boot keys */

const struct vs_signature *vs_signature_of(const struct vs_signatures *sigs,
                                           const uint8_t id[static 32])
{
	for (size_t i = 0; i < sigs->count; i++)
		if (memcmp(sigs->at[i].key_id, id, VS_SHA256_LEN) == 0)
			return &sigs->at[i];
	return NULL;
}

vs_status vs_signature_insert(struct vs_signatures *sigs, const char *id,
                              struct vs_signature *new)
{
	size_t at = 0;

	if (sigs->count == VS_SIGNATURES_MAX)
		return VS_ERR_LIMIT;
	if (vs_hex_decode(id, new->key_id, sizeof new->key_id))
		return VS_ERR_INPUT;
	while (at < sigs->count &&
	       memcmp(sigs->at[at].key_id, new->key_id, sizeof new->key_id) < 0)
		at++;
	memmove(&sigs->at[at + 1], &sigs->at[at],
	        (sigs->count - at) * sizeof *sigs->at);
	sigs->at[at] = *new;
	sigs->count++;
	return VS_OK;
}

/* Whether key i of the ring signed message; sets *broken if it tried. */
static bool boot_signed(const struct vs_crypto *crypto,
                        const struct vs_keyring *ring, size_t i,
                        const uint8_t *message, size_t len,
                        const struct vs_signatures *sigs, bool *broken)
{
	const struct vs_signature *s = vs_signature_of(sigs, ring->keys[i].id);
	const uint8_t *key = ring->keys[i].point;
	uint8_t digest[VS_SHA256_LEN];
	bool ok;

	if (!s)
		return false;
	if (s->scheme != ring->keys[i].scheme)
		ok = false;
	else if (s->scheme == VS_SCHEME_LMS_SHA256)
		ok = vs_lms_verify(crypto, key, message, len, s->bytes,
		                   s->len) == VS_OK;
	else
		ok = s->len == VS_P256_SIG_LEN &&
		     crypto->sha256(crypto->ctx, message, len, NULL, 0,
		                    digest) == VS_OK &&
		     crypto->p256_verify(crypto->ctx, key, digest, s->bytes) ==
		             VS_OK;
	if (!ok)
		*broken = true;
	return ok;
}

static vs_status ring_voters(const struct vs_room *r,
                             const struct vs_proposal *p,
                             const struct vs_keyring *ring,
                             struct vs_ballot *out)
{
	vs_status status = VS_OK;

	out->threshold = ring->threshold;
	out->lms_threshold = ring->lms_threshold;
	for (size_t i = 0; i < ring->key_count && !status; i++) {
		char id[65];
		EVP_PKEY *pkey = NULL;

		vs_hex_encode(ring->keys[i].id, VS_SHA256_LEN, id);
		if (ring->keys[i].scheme == VS_SCHEME_P256_SHA256 &&
		    vs_p256_key(ring->keys[i].point, &pkey))
			return vs_say_io(VS_ERR_CRYPTO, out->what);
		status = add_voter(r, p, out, id, pkey);
	}
	return status;
}

static vs_status ballot_of_ring(const struct vs_room *r,
                                const struct vs_proposal *p,
                                const struct vs_document *d,
                                const struct vs_keyring *ring,
                                struct vs_ballot *out)
{
	struct vs_crypto crypto;
	struct vs_why why;
	vs_status status = ring_voters(r, p, ring, out);

	if (status)
		return status;
	status = vs_openssl_init(&crypto);
	if (status)
		return vs_say_io(status, out->what);
	for (size_t i = 0; i < ring->key_count; i++)
		out->voters[i].voted =
			boot_signed(&crypto, ring, i, d->bytes, d->body_len,
		                    &d->signatures, &out->voters[i].broken);
	out->enough = vs_keyring_verify(ring, &crypto, d->bytes, d->body_len,
	                                &d->signatures, &why) == VS_OK;
	vs_openssl_drop(&crypto);
	count(out);
	return VS_OK;
}

static vs_status ballots_of_ring(const struct vs_room *r,
                                 const struct vs_proposal *p,
                                 const struct vs_document *d,
                                 struct vs_ballot out[static VS_BALLOTS_MAX],
                                 size_t *n)
{
	struct vs_keyring in_force;
	vs_status status = ballot_of_ring(r, p, d, &d->ring, &out[0]);

	if (status || d->version == 1)
		return status;
	*n = 2;
	status = vs_room_keyring(r, &in_force);
	if (status)
		return status;
	name_second(out, "by the keys in force");
	return ballot_of_ring(r, p, d, &in_force, &out[1]);
}

/* Who signed each seal with a key of this ring. */
static vs_status ballot_of_seals(const struct vs_room *r,
                                 const struct vs_proposal *p,
                                 const struct vs_keyring *ring,
                                 struct vs_ballot *out)
{
	struct vs_crypto crypto;
	struct vs_why why;
	vs_status status = ring_voters(r, p, ring, out);

	if (status)
		return status;
	status = vs_openssl_init(&crypto);
	if (status)
		return vs_say_io(status, out->what);
	for (size_t i = 0; i < ring->key_count; i++) {
		struct vs_voter *v = &out->voters[i];
		size_t good = 0;

		for (size_t k = 0; k < p->image_count; k++)
			good += boot_signed(
				&crypto, ring, i, p->images[k].seal.raw,
				VS_SEAL_HEADER_LEN,
				&p->images[k].seal.signatures, &v->broken);
		v->voted = good == p->image_count;
	}
	out->enough = true;
	for (size_t k = 0; k < p->image_count; k++)
		if (vs_keyring_verify(ring, &crypto, p->images[k].seal.raw,
		                      VS_SEAL_HEADER_LEN,
		                      &p->images[k].seal.signatures, &why))
			out->enough = false;
	vs_openssl_drop(&crypto);
	count(out);
	return VS_OK;
}

vs_status vs_ballot_seals(const struct vs_room *r, const struct vs_proposal *p,
                          struct vs_ballot out[static VS_BALLOTS_MAX],
                          size_t *n)
{
	struct vs_keyring ring;
	char by[32];

	*n = 1;
	out[0] = out[1] = (struct vs_ballot){0};
	snprintf(out[0].what, sizeof out[0].what, "seals of release %s",
	         p->release);
	vs_status status = vs_room_keyring(r, &ring);
	if (status == VS_ERR_ABSENT)
		vs_error("%s: there is no boot keyring in force yet", r->dir);
	if (!status)
		status = ballot_of_seals(r, p, &ring, &out[0]);
	if (status)
		return status;
	status = vs_rotate_successor(r, p, &ring);
	if (status)
		return status == VS_ERR_ABSENT ? VS_OK : status;
	*n = 2;
	snprintf(by, sizeof by, "for keyring %u", (unsigned)ring.version);
	name_second(out, by);
	return ballot_of_seals(r, p, &ring, &out[1]);
}

void vs_ballots_drop(struct vs_ballot *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		vs_ballot_drop(&b[i]);
}

bool vs_ballots_enough(const struct vs_ballot *b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!b[i].enough)
			return false;
	return n > 0;
}

vs_status vs_ballot_document(const struct vs_room *r, struct vs_proposal *p,
                             const struct vs_document *d,
                             struct vs_ballot out[static VS_BALLOTS_MAX],
                             size_t *n)
{
	*n = 1;
	out[0] = out[1] = (struct vs_ballot){0};
	snprintf(out[0].what, sizeof out[0].what, "%s %s %" PRIu64,
	         d->repository, d->role, d->version);
	if (strcmp(d->repository, VS_BOOT) == 0)
		return ballots_of_ring(r, p, d, out, n);
	if (strcmp(d->role, "root") == 0)
		return ballots_of_root(r, p, d, out, n);
	return ballot_of_targets(r, p, d, &out[0]);
}

void vs_ballot_names(const struct vs_ballot *b, bool voted, char *out,
                     size_t cap)
{
	size_t used = 0;

	snprintf(out, cap, "nobody");
	for (size_t i = 0; i < b->voter_count && used < cap; i++) {
		if (b->voters[i].voted != voted)
			continue;
		int n = snprintf(out + used, cap - used, "%s%s",
		                 used ? ", " : "", b->voters[i].holder);
		if (n < 0)
			return;
		used += (size_t)n;
	}
}

vs_status vs_ballot_unbroken(const struct vs_ballot *b)
{
	for (size_t i = 0; i < b->voter_count; i++) {
		if (!b->voters[i].broken)
			continue;
		vs_error("%s: the signature of %s does not verify: it was "
		         "changed after it was signed",
		         b->what, b->voters[i].holder);
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

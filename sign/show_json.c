/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/show_json.c - a proposal for other programs: the same that people see.
 */
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "sign/ballot.h"
#include "sign/release.h"
#include "sign/say.h"
#include "sign/show.h"
#include "trust/json.h"

static json_t *hex_of(const uint8_t hash[static VS_SHA256_LEN])
{
	char hex[2 * VS_SHA256_LEN + 1];

	vs_hex_encode(hash, VS_SHA256_LEN, hex);
	return json_string(hex);
}

static json_t *component(const struct vs_image *i)
{
	const struct vs_seal_header *h = &i->seal.header;
	json_t *hardware = json_array();

	for (size_t k = 0; k < VS_HARDWARE_MAX && h->hardware[k][0]; k++)
		json_array_append_new(hardware, json_string(h->hardware[k]));
	return json_pack(
		"{s:s, s:s, s:I, s:I, s:o, s:o, s:I, s:s, s:o, s:I, s:s}",
		"component", h->component, "version", h->version, "release_seq",
		(json_int_t)h->release_seq, "security_version",
		(json_int_t)h->security_version, "hardware", hardware,
		"requires", vs_requires_json(&i->requires), "image_len",
		(json_int_t)h->image_len, "image_sha256", i->image_sha256,
		"root_hash", hex_of(h->root_hash), "pack_len",
		(json_int_t)i->pack_len, "pack_sha256", i->pack_sha256);
}

static json_t *document(const struct vs_room *r, const struct vs_document *d)
{
	json_t *o = json_pack(
		"{s:s, s:s, s:I, s:I, s:b}", "repository", d->repository,
		"role", d->role, "version", (json_int_t)d->version, "in_force",
		(json_int_t)vs_room_version(r, d->repository, d->role), "made",
		d->present);

	if (o && d->envelope.body)
		json_object_set(o, "signed", d->envelope.body);
	return o;
}

static json_t *ballot(const struct vs_ballot *b)
{
	json_t *voters[2] = {json_array(), json_array()};

	for (size_t i = 0; i < b->voter_count; i++)
		json_array_append_new(voters[b->voters[i].voted],
		                      json_string(b->voters[i].holder));
	return json_pack("{s:s, s:I, s:I, s:I, s:b, s:o, s:o}", "what", b->what,
	                 "threshold", (json_int_t)b->threshold, "lms_threshold",
	                 (json_int_t)b->lms_threshold, "broken",
	                 (json_int_t)b->broken, "enough", b->enough, "approved",
	                 voters[true], "asked", voters[false]);
}

/* Takes the ballots. */
static vs_status add_ballots(json_t *all, struct vs_ballot *ballots, size_t n,
                             vs_status status)
{
	for (size_t i = 0; i < n; i++) {
		if (!status && json_array_append_new(all, ballot(&ballots[i])))
			status = vs_say_io(VS_ERR_NOMEM, ballots[i].what);
		vs_ballot_drop(&ballots[i]);
	}
	return status;
}

static vs_status approvals(const struct vs_room *r, struct vs_proposal *p,
                           json_t *all)
{
	struct vs_ballot ballots[VS_BALLOTS_MAX];
	size_t n;
	vs_status status = VS_OK;

	if (p->image_count) {
		status = vs_ballot_seals(r, p, ballots, &n);
		status = add_ballots(all, ballots, n, status);
	}
	for (size_t i = 0; i < p->document_count && !status; i++) {
		if (!p->documents[i].present)
			continue;
		status =
			vs_ballot_document(r, p, &p->documents[i], ballots, &n);
		status = add_ballots(all, ballots, n, status);
	}
	return status;
}

vs_status vs_show_json(const struct vs_room *r, struct vs_proposal *p)
{
	VS_AUTO(vs_json_drop)
	json_t *o = json_pack("{s:s, s:O, s:[], s:[], s:[]}", "name", p->name,
	                      "made", json_object_get(p->about, "made"),
	                      "components", "documents", "approvals");
	bool ok = o != NULL;

	for (size_t i = 0; i < p->image_count && ok; i++)
		ok = json_array_append_new(json_object_get(o, "components"),
		                           component(&p->images[i])) == 0;
	for (size_t i = 0; i < p->document_count && ok; i++)
		ok = json_array_append_new(json_object_get(o, "documents"),
		                           document(r, &p->documents[i])) == 0;
	if (ok && p->image_count)
		ok = json_object_set(o, "release",
		                     json_object_get(p->about, "release")) == 0;
	if (ok && p->policy)
		ok = json_object_set_new(
			     o, "policy",
			     json_integer((json_int_t)p->policy->version)) == 0;
	if (!ok)
		return vs_say_io(VS_ERR_NOMEM, p->dir);
	vs_status status = approvals(r, p, json_object_get(o, "approvals"));
	return status ? status : vs_print_json(o);
}

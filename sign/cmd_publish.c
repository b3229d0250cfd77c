/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_publish.c - publish: an approved proposal comes into force.
 *
 * Nothing comes into force that a charger would refuse: the same code judges
 * here.  Artifacts go first and metadata last, so that a cut leaves nothing
 * that names what is not there.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "sign/ballot.h"
#include "sign/ceremony.h"
#include "sign/commands.h"
#include "sign/inforce.h"
#include "sign/judge.h"
#include "sign/leafuse.h"
#include "sign/release.h"
#include "sign/say.h"
#include "sign/store.h"
#include "sign/tlog_out.h"

static vs_status check_ballot(const struct vs_ballot *b)
{
	vs_status status = vs_ballot_unbroken(b);
	char names[512], score[96];

	if (status || (b->enough && vs_ballot_full(b)))
		return status;
	vs_ballot_names(b, false, names, sizeof names);
	vs_ballot_score(b, score);
	vs_error("%s: %s approvals (%s); still asked: %s", b->what, score,
	         vs_reason_name(VS_REASON_THRESHOLD), names);
	return VS_ERR_REFUSED;
}

/* Whether this very document is in force. */
static bool in_force(const struct vs_room *r, const struct vs_document *d)
{
	return d->present &&
	       vs_room_version(r, d->repository, d->role) >= d->version;
}

static vs_status check_expiry(const struct vs_document *d)
{
	if (d->envelope.body &&
	    vs_envelope_expires(&d->envelope) <= (uint64_t)time(NULL)) {
		vs_error("%s: expires: is over; propose it again (%s)", d->path,
		         vs_reason_name(VS_REASON_EXPIRED));
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

static vs_status check_document(const struct vs_room *r, struct vs_proposal *p,
                                const struct vs_document *d)
{
	struct vs_ballot ballots[VS_BALLOTS_MAX];
	size_t count;
	vs_status status = vs_judge_document(r, p, d);

	if (!status)
		status = check_expiry(d);
	if (status)
		return status;
	status = vs_ballot_document(r, p, d, ballots, &count);
	for (size_t i = 0; i < count; i++) {
		if (!status)
			status = check_ballot(&ballots[i]);
		vs_ballot_drop(&ballots[i]);
	}
	return status;
}

static vs_status check_seals(const struct vs_room *r,
                             const struct vs_proposal *p)
{
	struct vs_ballot b[VS_BALLOTS_MAX];
	size_t count;
	vs_status status = vs_ballot_seals(r, p, b, &count);

	for (size_t i = 0; i < count && !status; i++)
		status = check_ballot(&b[i]);
	vs_ballots_drop(b, VS_BALLOTS_MAX);
	return status;
}

static vs_status check_release(const struct vs_room *r, struct vs_proposal *p)
{
	vs_status status = check_seals(r, p);

	for (size_t i = 0; i < p->document_count && !status; i++) {
		if (p->documents[i].present)
			continue;
		vs_error("proposal %s: its metadata is not made yet: 0 "
		         "approvals (%s)",
		         p->name, vs_reason_name(VS_REASON_THRESHOLD));
		return VS_ERR_REFUSED;
	}
	if (!status)
		status = vs_release_open_seals(r, p);
	for (size_t i = 0; i < p->document_count && !status; i++)
		if (!in_force(r, &p->documents[i]))
			status = check_document(r, p, &p->documents[i]);
	return status ? status : vs_release_check_packs(p);
}

static vs_status put_document(const struct vs_room *r,
                              const struct vs_document *d)
{
	char path[PATH_MAX], dir[PATH_MAX];
	vs_status status = vs_room_path(r, dir, "in-force/%s", d->repository);

	if (!status)
		status = vs_room_file(r, d->repository, d->role, d->version,
		                      path);
	if (!status && vs_file_mkdirs(dir, 0755))
		status = vs_say_io(VS_ERR_IO, dir);
	if (!status)
		status = vs_store_sweep(dir);
	/* the bytes that were parsed and verified, not the file again */
	return status ? status : vs_store_bytes(path, d->bytes, d->len);
}

static vs_status put_image(const struct vs_image *i, const char *dir)
{
	char sha256[65];
	uint64_t len;
	vs_status status = vs_file_sha256(i->seal_path, sha256, &len);

	if (status)
		return vs_say_io(status, i->seal_path);
	status = vs_store_artifact(i->seal_path, dir, sha256, VS_STORE_LINK);
	return status ? status
	              : vs_store_artifact(i->pack_path, dir, i->pack_sha256,
	                                  VS_STORE_LINK);
}

static vs_status put_images(const struct vs_room *r,
                            const struct vs_proposal *p)
{
	char dir[PATH_MAX];
	vs_status status = vs_room_path(r, dir, "in-force/artifacts");

	if (!status && vs_file_mkdirs(dir, 0755))
		status = vs_say_io(VS_ERR_IO, dir);
	for (size_t i = 0; i < p->image_count && !status; i++)
		status = put_image(&p->images[i], dir);
	return status;
}

/* Those of a proposal that is in force already are only compared. */
static vs_status check_all(const struct vs_room *r, struct vs_proposal *p,
                           const struct vs_transcript *t, size_t *new)
{
	vs_status status = VS_OK;
	size_t files;

	*new = 0;
	for (size_t i = 0; i < p->document_count && !status; i++) {
		struct vs_document *d = &p->documents[i];

		if (in_force(r, d))
			continue;
		++*new;
		if (!p->image_count)
			status = check_document(r, p, d);
	}
	if (!status && *new && p->image_count)
		status = check_release(r, p);
	if (status || !*new)
		return status;
	status = vs_judge_policy(r, p);
	if (!status)
		status = vs_ceremony_apart(r, p, t);
	if (!status)
		status = vs_leafuse_once(r, p);
	return status ? status
	              : vs_inforce_verify(r, p, VS_INFORCE_SEALS, &files);
}

/* Last, so that a cut before it is seen and made good: a policy that was
 * published before another one stays in the past.
 */
static vs_status put_policy(const struct vs_room *r,
                            const struct vs_proposal *p)
{
	char path[PATH_MAX];

	if (!p->policy || p->policy->version != r->policy->version + 1)
		return VS_OK;
	vs_status status = vs_room_path(r, path, "policy.json");
	return status ? status : vs_policy_store(p->policy, path);
}

static vs_status put_all(const struct vs_room *r, struct vs_proposal *p)
{
	vs_status status = p->image_count ? put_images(r, p) : VS_OK;

	for (size_t i = 0; i < p->document_count && !status; i++)
		status = put_document(r, &p->documents[i]);
	return status ? status : put_policy(r, p);
}

/* The ceremony ends with what came into force. */
static vs_status close_transcript(const struct vs_room *r,
                                  const struct vs_proposal *p,
                                  struct vs_transcript *t)
{
	json_t *what;

	if (!t->count || vs_transcript_ends(t, "published"))
		return VS_OK;
	vs_status status = vs_ceremony_digests(r, p, &what);
	if (status)
		return status;
	return vs_transcript_add(t, "published", what, NULL);
}

/* Exit status 0 all the same: the proposal is in force, and the log comes
 * after that.
 */
static void say_lacking(const struct vs_room *r,
                        const struct vs_tlog_lacking *l)
{
	static const char *const next[] = {
		[VS_TLOG_LACKS_WITNESSES] = "log request, log cosign",
		[VS_TLOG_LACKS_CHECKPOINT] = "log checkpoint",
		[VS_TLOG_LACKS_ENTRY] = "log append, log checkpoint",
	};

	if (l->count)
		printf("%zu seals in force are not in the published log yet "
		       "(%s): a server with a\ntlog-policy refuses them.  "
		       "Next: voltseal-sign %s --room %s, then publish again\n",
		       l->count, vs_reason_name(VS_REASON_NOT_LOGGED),
		       next[l->worst], r->dir);
}

static vs_status write_out(const struct vs_room *r, const char *out,
                           struct vs_tlog_lacking *lacking)
{
	vs_status status = vs_tlog_out(r, out, lacking);

	/* last: metadata names what must be there before it */
	return status ? status : vs_store_export(r, out);
}

static vs_status run(const struct vs_args *args)
{
	struct vs_tlog_lacking lacking = {0};
	VS_AUTO(vs_room_drop) struct vs_room r;
	VS_AUTO(vs_proposal_free) struct vs_proposal *p = NULL;
	VS_AUTO(vs_transcript_drop) struct vs_transcript t = {0};
	const char *out = vs_args_text(args, "out");
	size_t new;
	vs_status status = vs_room_open(vs_args_text(args, "room"), &r);

	if (!status)
		status = vs_proposal_open(&r, vs_args_text(args, "proposal"),
		                          &p);
	if (!status)
		status = vs_store_sweep(r.dir);
	if (!status)
		status = vs_transcript_load(p->dir, &t);
	if (!status)
		status = check_all(&r, p, &t, &new);
	if (!status)
		status = put_all(&r, p);
	if (!status)
		status = close_transcript(&r, p, &t);
	if (!status && out)
		status = write_out(&r, out, &lacking);
	if (!status)
		printf("proposal %s is in force%s%s%s\n", p->name,
		       new ? "" : " already", out ? ", written to " : "",
		       out ? out : "");
	if (!status)
		say_lacking(&r, &lacking);
	return status;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_REQUIRED, "room", "ROOM", "the signing room"),
	VS_TEXT(VS_REQUIRED, "proposal", "NAME", "the proposal"),
	VS_TEXT(VS_OPTIONAL, "out", "DIR",
                "writes all that is in force there, for the server"),
};

const struct vs_command vs_cmd_publish = {
	"publish",
	"put an approved proposal in force",
	"Refuses below any threshold.  Verifies all with the code a charger "
	"verifies with,\nthen writes DIR/metadata and DIR/artifacts for the "
	"server, and DIR/image-root,\nDIR/director-root and DIR/keyring for "
	"new chargers.  If the room has a log, DIR/log is\nwhat is published "
	"of it, and DIR/proofs proves the seals that are in it.  To\npublish "
	"again is no error.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};

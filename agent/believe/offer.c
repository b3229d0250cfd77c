/* SPDX-License-Identifier: Apache-2.0
 *
 * agent/believe/offer.c - director and image repository, then the seals.
 */
#include "agent/believe/offer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/believe/believe.h"
#include "agent/believe/pieces.h"
#include "base/hex.h"
#include "trust/json.h"
#include "trust/proof.h"

/* More than any pack has, and less than what sums of it overflow at. */
#define PACK_LEN_MAX (UINT64_C(1) << 40)

struct look {
	const struct vs_offer_eyes *eyes;
	const struct vs_charger *c;
	struct vs_offer *o;
	struct vs_why *why;
};

void vs_offer_ecu_id(const struct vs_charger *c, int i, char out[static 64])
{
	snprintf(out, 64, "%.31s-%.31s", c->machine.vehicle,
	         c->components[i].name);
}

static void set_about(struct vs_offer *o, const char *where, const char *name)
{
	snprintf(o->about, sizeof(o->about), "%s/%s", where, name);
}

/* Both repositories, and what follows from their files alone. */
struct repos {
	struct vs_repo at[2];
	struct vs_tuf *director, *image; /* they point into at: do not move */
};

static vs_status open_repo(const struct look *l, struct vs_repo *repo,
                           const char *name, struct vs_tuf **out)
{
	vs_status status = vs_repo_init(repo, l->eyes->net, name, l->c->dir);

	set_about(l->o, name, "root.json");
	if (status == VS_OK)
		status = vs_tuf_open(&repo->ops, 0, out, l->why);
	return status;
}

/* The floor is worked out anew from the files each time: what was stored
 * under a key that the root withdrew does not hold it up.
 */
static vs_status refresh(const struct look *l, const struct repos *r,
                         struct vs_tuf *t)
{
	vs_status status;

	vs_uptane_set_now(t, vs_uptane_now(l->o->floor_s, l->eyes->clock_s));
	status = vs_tuf_refresh(t, l->why);
	l->o->floor_s =
		vs_uptane_floor(l->eyes->build_s, r->director, r->image);
	if (status != VS_OK)
		set_about(l->o, t == r->director ? "director" : "image",
		          vs_tuf_failed_file(t));
	return status;
}

static uint64_t highest_version(const struct vs_tuf *t)
{
	static const char *const roles[] = {"timestamp", "snapshot", "targets"};
	uint64_t highest = 0;

	for (size_t i = 0; i < sizeof(roles) / sizeof(roles[0]); i++) {
		uint64_t version = vs_tuf_version(t, roles[i]);

		if (version > highest)
			highest = version;
	}
	return highest;
}

/* What of the image repository is believed now. */
static void note_image(struct vs_offer *o, const struct vs_tuf *image)
{
	o->image_version = vs_tuf_version(image, "timestamp");
	o->image_snapshot_version = vs_tuf_version(image, "snapshot");
}

/* Opens both, and says what their stored files do. */
static vs_status open_repos(const struct look *l, struct repos *r)
{
	vs_status status = open_repo(l, &r->at[0], "director", &r->director);

	if (status == VS_OK) {
		l->o->director_version = highest_version(r->director);
		status = open_repo(l, &r->at[1], "image", &r->image);
	}
	if (status == VS_OK)
		note_image(l->o, r->image);
	l->o->floor_s =
		vs_uptane_floor(l->eyes->build_s, r->director, r->image);
	return status;
}

/* The states point at their repositories: close them before those go. */
static void close_repos(struct repos *r)
{
	vs_tuf_close(&r->director);
	vs_tuf_close(&r->image);
}

void vs_offer_recall(const struct vs_charger *c, uint64_t build_s,
                     struct vs_offer *o)
{
	const struct vs_offer_eyes eyes = {.charger = c, .build_s = build_s};
	struct vs_why why;
	const struct look l = {&eyes, c, o, &why};
	struct repos r = {.director = NULL};

	memset(o, 0, sizeof(*o));
	/* what cannot be opened now is said by the next look */
	if (open_repos(&l, &r) != VS_OK)
		o->about[0] = '\0';
	close_repos(&r);
}

/* What it says itself, as in the reports; a controller that has not answered
 * yet is brought to what the slot holds before a gateway is armed.
 */
static const char *version_of(const struct vs_charger *c, int i)
{
	return c->told[i].known ? c->told[i].version
	                        : c->running[i].header.version;
}

static void fill_vehicle(const struct vs_charger *c, struct vs_vehicle *v,
                         struct vs_ecu *ecus, char (*ids)[64])
{
	v->id = c->machine.vehicle;
	v->ecus = ecus;
	v->ecu_count = (size_t)c->machine.count;
	for (int i = 0; i < c->machine.count; i++) {
		vs_offer_ecu_id(c, i, ids[i]);
		ecus[i] = (struct vs_ecu){
			.id = ids[i],
			.hardware = c->components[i].hardware,
			.release_seq = c->running[i].above,
			.security_version = c->running[i].floor,
			.installed_sha256 = c->running[i].sha256,
			.component = c->components[i].name,
			.version = version_of(c, i),
		};
	}
}

/* The pack's name; its bytes are guesses, its name only has to be a name. */
static vs_status take_pack(const json_t *custom, struct vs_offer_part *p,
                           struct vs_why *why)
{
	json_t *pack;
	const char *hex;
	vs_status status = vs_json_object(custom, "pack", &pack, why);

	if (status == VS_OK)
		status = vs_json_string(pack, "sha256", &hex, why);
	if (status != VS_OK)
		return status;
	if (!vs_hex_is_sha256(hex))
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED,
		               "pack.sha256", 0);
	memcpy(p->pack, hex, sizeof(p->pack));
	if (vs_json_uint(pack, "length", &p->pack_len, NULL) != VS_OK ||
	    p->pack_len > PACK_LEN_MAX)
		p->pack_len = 0;
	return VS_OK;
}

static vs_status open_seal(const struct look *l, const struct vs_assignment *a,
                           struct vs_offer_part *p)
{
	int i = (int)a->ecu;
	vs_status status = vs_believe_bytes(l->c, a, p->file, p->len, l->why);

	if (status == VS_OK)
		status = vs_seal_open(&l->c->ring, &l->c->ops.crypto, p->file,
		                      p->len, &p->seal, l->why);
	if (status == VS_OK)
		status = vs_believe_custom(&p->seal.header, a->custom, l->why);
	if (status == VS_OK)
		status = vs_believe_seal(l->c, i, &p->seal, a->sha256, l->why);
	if (status == VS_OK)
		status = take_pack(a->custom, p, l->why);
	return status;
}

/* The proof lies beside the seal and is signed by nobody: what is asked for
 * does not depend on what the metadata say of it.
 */
static vs_status check_log(const struct look *l, const struct vs_assignment *a,
                           const struct vs_offer_part *p)
{
	struct vs_logged_claim claim = {.header = &p->seal.header,
	                                .sha256 = p->sha256,
	                                .seal_len = p->len,
	                                .net = l->eyes->net};
	char name[VS_URL_LEN];
	uint8_t *proof = NULL;
	vs_status status;
	int n;

	if (!l->eyes->log->policy)
		return VS_OK;
	snprintf(l->o->about, sizeof(l->o->about), "targets/%s" VS_LOGGED_END,
	         a->path);
	n = snprintf(name, sizeof(name), "%s" VS_LOGGED_END, a->name);
	if (n < 0 || (size_t)n >= sizeof(name))
		return VS_ERR_LIMIT;
	status = vs_net_get(l->eyes->net, "targets", name, VS_PROOF_LEN_MAX,
	                    &proof, &claim.proof_len, NULL);
	claim.proof = proof;
	if (status == VS_OK || status == VS_ERR_ABSENT)
		status = vs_logged_judge(l->eyes->log, &claim, l->why);
	else if (status == VS_ERR_LIMIT)
		status = vs_fail(status, l->why, VS_REASON_TOO_LARGE,
		                 "the proof is too large", 0);
	else
		status = vs_fail(status, l->why, VS_REASON_UNREADABLE,
		                 "the proof cannot be fetched", 0);
	free(proof);
	return status;
}

/* Takes a copy of it, if it is the one that is named now. */
static bool take_from_shelf(const struct look *l, const struct vs_assignment *a,
                            struct vs_offer_part *p)
{
	const struct vs_seal_shelf *shelf = l->eyes->shelf;
	struct vs_why why;

	if (!shelf || !shelf->files[a->ecu] ||
	    vs_believe_bytes(l->c, a, shelf->files[a->ecu], shelf->lens[a->ecu],
	                     &why) != VS_OK)
		return false;
	p->file = malloc(shelf->lens[a->ecu]);
	if (!p->file)
		return false;
	p->len = shelf->lens[a->ecu];
	memcpy(p->file, shelf->files[a->ecu], p->len);
	return true;
}

/* Lost for want of memory, it is fetched again. */
static void put_on_shelf(const struct look *l, const struct vs_assignment *a,
                         const struct vs_offer_part *p)
{
	struct vs_seal_shelf *shelf = l->eyes->shelf;

	if (!shelf)
		return;
	free(shelf->files[a->ecu]);
	shelf->files[a->ecu] = malloc(p->len);
	shelf->lens[a->ecu] = p->len;
	if (shelf->files[a->ecu])
		memcpy(shelf->files[a->ecu], p->file, p->len);
}

void vs_seal_shelf_drop(struct vs_seal_shelf *shelf)
{
	for (int i = 0; i < VS_BOOT_COMPONENTS_MAX; i++) {
		free(shelf->files[i]);
		shelf->files[i] = NULL;
	}
}

/* By ranges, on the connection that a delta or pack comes by later. */
struct ranges {
	struct vs_http *http;
	char url[VS_URL_LEN];
};

static vs_status read_range(void *ctx, uint64_t from, uint8_t *out, size_t len)
{
	const struct ranges *r = ctx;
	struct vs_http_stream *s = NULL;
	vs_status status =
		vs_http_stream_open(r->http, r->url, from, from + len - 1, &s);

	if (status == VS_OK)
		status = vs_http_stream_read(s, out, len);
	vs_http_stream_close(&s);
	return status;
}

/* What of it the running slot's seal has is not fetched.  False: no such luck,
 * whatever the reason; then all of it comes at once.
 */
static bool take_in_pieces(const struct look *l, const struct vs_assignment *a,
                           struct vs_offer_part *p)
{
	struct ranges r = {.http = l->eyes->net->download};
	int i = (int)a->ecu;
	uint8_t *old = NULL;
	size_t old_len;
	struct vs_seal was;
	struct vs_why why;
	bool whole = false;

	if (l->eyes->net->bundle || l->c->slot < 0 ||
	    vs_net_url(l->eyes->net, "targets", a->name, r.url) != VS_OK ||
	    vs_charger_seal(l->c, i, l->c->slot, &old, &old_len, &was, &why) !=
	            VS_OK)
		return false;
	p->len = (size_t)a->length;
	p->file = malloc(p->len + 1);
	if (p->file &&
	    vs_pieces_gather(&was, p->len, read_range, &r, p->file) == VS_OK)
		whole = vs_believe_bytes(l->c, a, p->file, p->len, &why) ==
		        VS_OK;
	free(old);
	if (!whole) {
		free(p->file);
		p->file = NULL;
	}
	return whole;
}

static vs_status fetch_seal(const struct look *l, const struct vs_assignment *a)
{
	struct vs_offer_part *p = &l->o->parts[a->ecu];
	bool kept;
	vs_status status = VS_OK;

	snprintf(p->path, sizeof(p->path), "%s", a->path);
	memcpy(p->sha256, a->sha256, sizeof(p->sha256));
	set_about(l->o, "targets", a->path);
	if (a->length > VS_SEAL_LEN_MAX || strlen(a->path) >= sizeof(p->path))
		return vs_fail(VS_ERR_LIMIT, l->why, VS_REASON_TOO_LARGE,
		               "the seal is too large", 0);
	kept = take_from_shelf(l, a, p);
	if (!kept && !take_in_pieces(l, a, p))
		status = vs_net_get(l->eyes->net, "targets", a->name,
		                    (size_t)a->length, &p->file, &p->len, NULL);
	if (status == VS_ERR_LIMIT)
		return vs_fail(VS_ERR_REFUSED, l->why,
		               VS_REASON_LENGTH_MISMATCH,
		               "the seal is longer than announced", 0);
	if (status != VS_OK)
		return vs_fail(status, l->why, VS_REASON_UNREADABLE,
		               "the seal cannot be fetched", 0);
	status = open_seal(l, a, p);
	if (status == VS_OK && !kept)
		put_on_shelf(l, a, p);
	if (status == VS_OK)
		status = check_log(l, a, p);
	if (status != VS_OK)
		return status;
	p->named = true;
	l->o->bytes_total += p->seal.header.image_len;
	if (p->seal.header.release_seq > l->o->release_seq)
		l->o->release_seq = p->seal.header.release_seq;
	return VS_OK;
}

/* "requires controller 1.4.0, has 1.3.2" */
static void say_unmet(struct vs_offer *o, const struct vs_assignments *as)
{
	snprintf(o->detail, sizeof(o->detail), "requires %s %s, has %s",
	         as->unmet.component, as->unmet.least,
	         as->unmet.has[0] ? as->unmet.has : "none");
}

static vs_status compare(const struct look *l, struct vs_tuf *director,
                         struct vs_tuf *image, struct vs_assignments *as)
{
	struct vs_ecu ecus[VS_BOOT_COMPONENTS_MAX];
	char ids[VS_BOOT_COMPONENTS_MAX][64];
	struct vs_vehicle vehicle;
	vs_status status;

	fill_vehicle(l->c, &vehicle, ecus, ids);
	status = vs_uptane_check(director, image, &vehicle, as, l->why);
	if (status == VS_OK)
		return VS_OK;
	if (vs_tuf_failed_file(image)[0] != '\0')
		set_about(l->o, "image", vs_tuf_failed_file(image));
	else
		set_about(l->o, "director", vs_tuf_failed_file(director));
	if (l->why->code == VS_REASON_REQUIRES_UNMET)
		say_unmet(l->o, as);
	return status;
}

static vs_status refresh_both(const struct look *l, struct repos *r)
{
	vs_status status = refresh(l, r, r->director);

	l->o->retry_after_s = r->at[0].retry_after_s;
	l->o->director_version = highest_version(r->director);
	if (status == VS_OK) {
		status = refresh(l, r, r->image);
		note_image(l->o, r->image);
	}
	return status;
}

static vs_status look(const struct look *l, struct repos *r)
{
	struct vs_assignments as = {0};
	vs_status status = open_repos(l, r);

	if (status == VS_OK)
		status = refresh_both(l, r);
	if (status == VS_OK)
		status = compare(l, r->director, r->image, &as);
	if (status == VS_OK) {
		l->o->count = as.count;
		l->o->installed = as.installed;
	}
	for (size_t k = 0; status == VS_OK && !as.installed && k < as.count;
	     k++)
		status = fetch_seal(l, &as.at[k]);
	vs_assignments_drop(&as);
	return status;
}

vs_status vs_offer_look(const struct vs_offer_eyes *eyes, struct vs_offer *o,
                        struct vs_why *why)
{
	const struct look l = {eyes, eyes->charger, o, why};
	struct repos r = {.director = NULL};
	vs_status status;

	memset(o, 0, sizeof(*o));
	*why = (struct vs_why){VS_REASON_NONE, "", 0};
	status = look(&l, &r);
	close_repos(&r);
	return status;
}

void vs_offer_drop(struct vs_offer *o)
{
	for (int i = 0; i < VS_BOOT_COMPONENTS_MAX; i++) {
		free(o->parts[i].file);
		o->parts[i].file = NULL;
	}
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/show.c - what a person is asked to sign, in words.
 */
#include "sign/show.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/hex.h"
#include "base/log.h"
#include "sign/ballot.h"
#include "sign/derive.h"
#include "sign/release.h"
#include "sign/say.h"
#include "trust/json.h"
#include "trust/key.h"

/* Metadata's text comes from outside: nothing of it may move the cursor. */
static const char *text_of(const json_t *o, const char *name, char *out,
                           size_t cap)
{
	const char *text = json_string_value(json_object_get(o, name));

	return vs_log_quote(text ? text : "-", out, cap);
}

/* What a document says is told against the one in force. */
struct view {
	const struct vs_room *room;
	const struct vs_proposal *p;
};

static void show_holders(const struct view *v, const json_t *role)
{
	const json_t *ids = json_object_get(role, "keyids");
	const json_t *id;
	size_t i;

	printf("%lld of %zu:",
	       (long long)json_integer_value(
		       json_object_get(role, "threshold")),
	       json_array_size(ids));
	json_array_foreach(ids, i, id)
	{
		char holder[128];
		const char *text = json_string_value(id);

		vs_proposal_holder(v->room, v->p, text ? text : "", holder,
		                   sizeof holder);
		printf("%s %s", i ? "," : "", holder);
	}
	putchar('\n');
}

static void show_role(const struct view *v, const char *name,
                      const json_t *role, const json_t *was)
{
	char quoted[64];

	printf("    %-10s ", vs_log_quote(name, quoted, 64));
	show_holders(v, role);
	if (was && !json_equal(role, was)) {
		printf("      was      ");
		show_holders(v, was);
	}
}

/* The images that a role is held to; a plus before one that is new. */
static void show_checksums(const json_t *role, const json_t *was)
{
	const json_t *list = vs_delegation_checksums(role);
	const json_t *old = vs_delegation_checksums(was);
	const json_t *one;
	size_t i;

	json_array_foreach(list, i, one)
	{
		char quoted[80];
		const char *text = json_string_value(one);
		bool known = old && vs_policy_lists(old, text ? text : "");

		printf("             %s image %s\n", known ? " only" : "+only",
		       vs_log_quote(text ? text : "-", quoted, sizeof quoted));
	}
}

static void show_delegation(const struct view *v, const json_t *role,
                            const json_t *was)
{
	const json_t *paths = json_object_get(role, "paths");
	const json_t *path;
	size_t i;
	const char *name = json_string_value(json_object_get(role, "name"));

	show_role(v, name ? name : "-", role, was);
	printf("               for");
	json_array_foreach(paths, i, path)
	{
		char quoted[128];
		const char *text = json_string_value(path);

		printf(" %s",
		       vs_log_quote(text ? text : "-", quoted, sizeof quoted));
	}
	putchar('\n');
	show_checksums(role, was);
}

/* Names stand in a policy that nobody has signed; key ids do not lie. */
static void show_keys(const struct view *v, json_t *keys)
{
	const char *id;
	json_t *object;

	json_object_foreach(keys, id, object)
	{
		char holder[128], quoted[80];
		struct vs_key key;
		bool good = vs_key_parse(object, &key, NULL) == VS_OK;
		bool same = good && strcmp(key.id, id) == 0;

		vs_key_drop(&key);
		vs_proposal_holder(v->room, v->p, id, holder, sizeof holder);
		printf("    key %s\n        of %s%s\n",
		       vs_log_quote(id, quoted, sizeof quoted), holder,
		       same ? "" : ", which is NO KEY OF THIS ID");
	}
}

static void show_body(const struct view *v, const json_t *body,
                      const json_t *was)
{
	json_t *roles = json_object_get(body, "roles");
	const json_t *now = json_object_get(body, "delegations");
	const json_t *old = json_object_get(was, "delegations");
	const char *name;
	json_t *role;
	size_t i;
	char text[64];

	printf("    expires    %s\n",
	       text_of(body, "expires", text, sizeof text));
	was = json_object_get(was, "roles");
	json_object_foreach(roles, name, role)
	{
		show_role(v, name, role, json_object_get(was, name));
	}
	json_array_foreach(json_object_get(now, "roles"), i, role)
	{
		name = json_string_value(json_object_get(role, "name"));
		show_delegation(v, role,
		                vs_delegation_find(old, name ? name : ""));
	}
	show_keys(v, json_object_get(body, "keys"));
	show_keys(v, json_object_get(now, "keys"));
	if (json_object_get(body, "targets"))
		printf("    targets    %zu\n",
		       json_object_size(json_object_get(body, "targets")));
}

static void show_ring(const struct view *v, const struct vs_keyring *ring)
{
	char id[65], holder[128];

	size_t lms = 0;

	for (size_t i = 0; i < ring->key_count; i++)
		lms += ring->keys[i].scheme == VS_SCHEME_LMS_SHA256;
	printf("    threshold  %u of %zu\n", ring->threshold,
	       ring->key_count - lms);
	if (lms)
		printf("    and LMS    %u of %zu\n", ring->lms_threshold, lms);
	for (size_t i = 0; i < ring->key_count; i++) {
		vs_hex_encode(ring->keys[i].id, VS_SHA256_LEN, id);
		vs_proposal_holder(v->room, v->p, id, holder, sizeof holder);
		printf("    key %s\n        of %s\n", id, holder);
	}
	printf("    components");
	for (size_t i = 0; i < ring->component_count; i++)
		printf(" %s", ring->components[i]);
	putchar('\n');
}

static vs_status show_document(const struct view *v,
                               const struct vs_document *d)
{
	uint64_t now = vs_room_version(v->room, d->repository, d->role);
	bool ring = strcmp(d->repository, VS_BOOT) == 0;
	struct vs_envelope was = {0};
	vs_status status = VS_OK;

	printf("  %s %s %" PRIu64, d->repository, d->role, d->version);
	if (now)
		printf(" (in force: %" PRIu64 ")\n", now);
	else
		printf(" (nothing in force yet)\n");
	if (now && !ring)
		status =
			vs_room_metadata(v->room, d->repository, d->role, &was);
	if (status)
		return status;
	if (!d->present)
		printf("    is made when enough seals are signed\n");
	else if (ring)
		show_ring(v, &d->ring);
	else
		show_body(v, d->envelope.body, was.body);
	vs_envelope_drop(&was);
	return VS_OK;
}

static void show_hardware(const struct vs_seal_header *h,
                          const struct vs_predecessor *old)
{
	size_t i;
	const json_t *id;

	printf("    hardware          ");
	for (i = 0; i < VS_HARDWARE_MAX && h->hardware[i][0]; i++)
		printf(" %s", h->hardware[i]);
	json_array_foreach(old->hardware, i, id)
	{
		const char *text = json_string_value(id);

		if (text && !vs_seal_header_fits(h, text))
			printf(" (no more: %s)", text);
	}
	putchar('\n');
}

/* Who reads it must know whether this release satisfies it by itself. */
static void show_requires(const struct vs_proposal *p,
                          const struct vs_requires *requires)
{
	for (size_t i = 0; i < requires->count; i++) {
		const struct vs_requirement *r = &requires->at[i];
		const char *comes = NULL;

		for (size_t k = 0; k < p->image_count; k++)
			if (strcmp(p->images[k].seal.header.component,
			           r->component) == 0)
				comes = p->images[k].seal.header.version;
		printf("    requires           %s %s or later%s%s%s\n",
		       r->component, r->least,
		       comes ? " (this release brings " : "",
		       comes ? comes : "", comes ? ")" : "");
	}
}

static void show_image(const struct vs_proposal *p,
                       const struct vs_image *image, const json_t *in_force)
{
	const struct vs_seal_header *h = &image->seal.header;
	struct vs_predecessor old;
	char hash[65];

	vs_predecessor_find(in_force, h->component, &old);
	printf("  component %s\n", h->component);
	if (old.found)
		printf("    version            %s -> %s\n"
		       "    release_seq        %" PRIu64 " -> %" PRIu64
		       "\n    security_version   %" PRIu64 " -> %" PRIu32
		       "%s\n",
		       old.version, h->version, old.release_seq, h->release_seq,
		       old.security_version, h->security_version,
		       h->security_version > old.security_version
		               ? "  RAISES THE FLOOR: no way back"
		               : "");
	else
		printf("    version            %s (the first)\n"
		       "    release_seq        %" PRIu64
		       "\n    security_version   %" PRIu32 "\n",
		       h->version, h->release_seq, h->security_version);
	show_hardware(h, &old);
	show_requires(p, &image->requires);
	vs_hex_encode(h->root_hash, sizeof h->root_hash, hash);
	printf("    image              %" PRIu64 " bytes\n"
	       "    image SHA-256      %s\n"
	       "    root hash          %s\n"
	       "    pack               %" PRIu64 " bytes\n"
	       "    pack SHA-256       %s\n",
	       h->image_len, image->image_sha256, hash, image->pack_len,
	       image->pack_sha256);
}

static vs_status show_images(const struct vs_room *r,
                             const struct vs_proposal *p)
{
	VS_AUTO(vs_json_drop) json_t *in_force = NULL;
	char name[64], type[64];
	vs_status status = vs_room_released(r, &in_force);

	if (status)
		return status;
	printf("  release %s (%s)\n", vs_log_quote(p->release, name, 64),
	       vs_log_quote(p->update_type, type, 64));
	for (size_t i = 0; i < p->image_count; i++)
		show_image(p, &p->images[i], in_force);
	return VS_OK;
}

static void show_ballot(const struct vs_ballot *b)
{
	char names[512], score[96];

	vs_ballot_names(b, true, names, sizeof names);
	vs_ballot_score(b, score);
	printf("  %s: %s approvals: %s\n", b->what, score, names);
	if (b->broken)
		printf("    %zu SIGNATURES DO NOT VERIFY\n", b->broken);
	if (vs_ballot_full(b))
		return;
	vs_ballot_names(b, false, names, sizeof names);
	if (b->good < b->threshold)
		printf("    needs %zu more of: %s\n", b->threshold - b->good,
		       names);
	else
		printf("    needs %zu more LMS keys of: %s\n",
		       b->lms_threshold - b->lms_good, names);
}

static vs_status show_seals(const struct vs_room *r,
                            const struct vs_proposal *p)
{
	struct vs_ballot b[VS_BALLOTS_MAX];
	size_t count;
	vs_status status = vs_ballot_seals(r, p, b, &count);

	for (size_t i = 0; i < count && !status; i++)
		show_ballot(&b[i]);
	vs_ballots_drop(b, VS_BALLOTS_MAX);
	return status;
}

vs_status vs_show_progress(const struct vs_room *r, struct vs_proposal *p)
{
	vs_status status = VS_OK;

	printf("signatures:\n");
	if (p->image_count)
		status = show_seals(r, p);
	for (size_t i = 0; i < p->document_count && !status; i++) {
		struct vs_document *d = &p->documents[i];
		struct vs_ballot ballots[VS_BALLOTS_MAX];
		size_t count;

		if (!d->present) {
			printf("  %s %s %" PRIu64 ": after the seals\n",
			       d->repository, d->role, d->version);
			continue;
		}
		status = vs_ballot_document(r, p, d, ballots, &count);
		for (size_t k = 0; k < count; k++) {
			if (!status)
				show_ballot(&ballots[k]);
			vs_ballot_drop(&ballots[k]);
		}
	}
	return status;
}

vs_status vs_show_proposal(const struct vs_room *r, struct vs_proposal *p)
{
	const struct view v = {r, p};
	char made[64];
	vs_status status = VS_OK;

	printf("proposal %s, made %s\n", p->name,
	       text_of(p->about, "made", made, sizeof made));
	if (p->image_count)
		status = show_images(r, p);
	if (p->policy)
		printf("  policy %" PRIu64 " (in force: %" PRIu64 ")\n",
		       p->policy->version, r->policy->version);
	if ((p->policy ? p->policy : r->policy)->demo)
		printf("  mode demo: chargers in production take none of it\n");
	for (size_t i = 0; i < p->document_count && !status; i++)
		status = show_document(&v, &p->documents[i]);
	return status ? status : vs_show_progress(r, p);
}

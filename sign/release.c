/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/release.c - what a release's metadata must say.
 */
#include "sign/release.h"

#include <stdio.h>
#include <string.h>

#include "base/log.h"
#include "seal/openssl.h"
#include "sign/derive.h"
#include "sign/say.h"
#include "trust/json.h"
#include "trust/write.h"

static void copy(char out[static VS_VERSION_LEN], const json_t *text)
{
	const char *s = json_string_value(text);

	snprintf(out, VS_VERSION_LEN, "%s", s ? s : "");
}

void vs_predecessor_find(const json_t *targets, const char *component,
                         struct vs_predecessor *out)
{
	json_t *all = json_object_get(targets, "targets");
	const char *path;
	json_t *entry;

	*out = (struct vs_predecessor){0};
	json_object_foreach(all, path, entry)
	{
		const json_t *custom = json_object_get(entry, "custom");
		const char *is =
			json_string_value(json_object_get(custom, "component"));
		uint64_t seq = (uint64_t)json_integer_value(
			json_object_get(custom, "releaseCounter"));
		uint64_t security = (uint64_t)json_integer_value(
			json_object_get(custom, "rollbackIndex"));

		if (!is || strcmp(is, component) != 0)
			continue;
		if (security > out->security_version)
			out->security_version = security;
		if (out->found && seq <= out->release_seq)
			continue;
		out->found = true;
		out->release_seq = seq;
		out->hardware = json_object_get(custom, "hardwareIds");
		copy(out->release, json_object_get(custom, "release"));
		copy(out->version, json_object_get(custom, "version"));
	}
}

static void target_path(const char *component, const char *release,
                        char out[static 128])
{
	/* names of 31 at the most, all three */
	snprintf(out, 128, "%.31s/%.31s-%.31s.seal", component, component,
	         release);
}

vs_status vs_release_role(const struct vs_room *r, const char *component,
                          const char *release, enum vs_policy_roles *out)
{
	char path[128];

	target_path(component, release, path);
	if (vs_policy_covers(r->policy, path, out))
		return VS_OK;
	vs_error("component %s: the policy names no role for it (%s)",
	         component, vs_reason_name(VS_REASON_WRONG_COMPONENT));
	return VS_ERR_REFUSED;
}

/* What people have signed tells, not the policy that lies beside it. */
vs_status vs_release_allowed(const struct vs_room *r, const char *component,
                             const char *release, const char *image_sha256)
{
	struct vs_envelope targets = {0};
	enum vs_policy_roles row;
	vs_status status = vs_release_role(r, component, release, &row);

	if (!status)
		status = vs_room_metadata(r, VS_IMAGE, "targets", &targets);
	if (status == VS_ERR_ABSENT)
		vs_error("%s: there is no image targets in force yet", r->dir);
	if (status)
		return status;
	const json_t *role =
		vs_delegation_find(json_object_get(targets.body, "delegations"),
	                           vs_policy_delegated(row));
	if (!vs_policy_lists(vs_delegation_checksums(role), image_sha256)) {
		vs_error("component %s: image SHA-256 %s: is not on the list "
		         "of %s (%s)",
		         component, image_sha256, vs_policy_delegated(row),
		         vs_reason_name(VS_REASON_NOT_ALLOWED));
		status = VS_ERR_REFUSED;
	}
	vs_envelope_drop(&targets);
	return status;
}

vs_status vs_release_check_allowed(const struct vs_room *r,
                                   const struct vs_proposal *p)
{
	vs_status status = VS_OK;

	for (size_t i = 0; i < p->image_count && !status; i++)
		status = vs_release_allowed(
			r, p->images[i].seal.header.component, p->release,
			p->images[i].image_sha256);
	return status;
}

bool vs_release_known(const struct vs_keyring *ring, const char *component)
{
	for (size_t i = 0; i < ring->component_count; i++)
		if (strcmp(ring->components[i], component) == 0)
			return true;
	return false;
}

vs_status vs_release_requires(const struct vs_keyring *ring,
                              const char *component,
                              const struct vs_requires *requires,
                              const struct vs_runs *brings, size_t count)
{
	for (size_t i = 0; i < requires->count; i++) {
		const struct vs_requirement *r = &requires->at[i];
		const struct vs_requires one = {.count = 1, .at = {*r}};
		const char *has;

		if (!vs_release_known(ring, r->component)) {
			vs_error("%s: requires %s %s: the boot keyring does "
			         "not name it (%s)",
			         component, r->component, r->least,
			         vs_reason_name(VS_REASON_WRONG_COMPONENT));
			return VS_ERR_REFUSED;
		}
		if (vs_requires_unmet(&one, brings, count, &has) && *has) {
			vs_error("%s: requires %s %s: this release brings %s "
			         "(%s)",
			         component, r->component, r->least, has,
			         vs_reason_name(VS_REASON_REQUIRES_UNMET));
			return VS_ERR_REFUSED;
		}
	}
	return VS_OK;
}

/* What a proposal says may have been written by anybody. */
static vs_status check_requires(const struct vs_room *r,
                                const struct vs_proposal *p)
{
	struct vs_runs brings[VS_IMAGES_MAX];
	struct vs_keyring ring;
	vs_status status = vs_room_keyring(r, &ring);

	if (status)
		return status;
	for (size_t i = 0; i < p->image_count; i++)
		brings[i] = (struct vs_runs){p->images[i].seal.header.component,
		                             p->images[i].seal.header.version};
	for (size_t i = 0; i < p->image_count && !status; i++)
		status = vs_release_requires(
			&ring, p->images[i].seal.header.component,
			&p->images[i].requires, brings, p->image_count);
	return status;
}

static json_t *hardware_list(const struct vs_seal_header *h)
{
	json_t *list = json_array();

	for (size_t i = 0; i < VS_HARDWARE_MAX && h->hardware[i][0]; i++)
		json_array_append_new(list, json_string(h->hardware[i]));
	return list;
}

static json_t *custom_of(const struct vs_proposal *p, const struct vs_image *i,
                         json_t *release_set)
{
	const struct vs_seal_header *h = &i->seal.header;
	json_t *requires = NULL;
	char pack[80];

	snprintf(pack, sizeof pack, "packs/%s.pack", i->pack_sha256);
	if (i->requires.count && !(requires = vs_requires_json(&i->requires)))
		return NULL;
	return json_pack("{s:s, s:s, s:s, s:I, s:I, s:o, s:s, s:I, s:s, "
	                 "s:{s:s, s:I, s:s}, s:O, s:o*}",
	                 "component", h->component, "version", h->version,
	                 "release", p->release, "releaseCounter",
	                 (json_int_t)h->release_seq, "rollbackIndex",
	                 (json_int_t)h->security_version, "hardwareIds",
	                 hardware_list(h), "updateType", p->update_type,
	                 "imageLength", (json_int_t)h->image_len, "imageSha256",
	                 i->image_sha256, "pack", "sha256", i->pack_sha256,
	                 "length", (json_int_t)i->pack_len, "path", pack,
	                 "releaseSet", release_set, "requires", requires);
}

static json_t *set_of(const struct vs_proposal *p)
{
	json_t *set = json_array();

	for (size_t i = 0; i < p->image_count; i++) {
		char path[128];

		if (vs_image_path(p, &p->images[i], path, sizeof path) ||
		    json_array_append_new(set, json_string(path))) {
			json_decref(set);
			return NULL;
		}
	}
	return set;
}

/* Those of the release that the role answers for. */
static vs_status add_images(const struct vs_room *r,
                            const struct vs_proposal *p, const char *role,
                            json_t *body)
{
	VS_AUTO(vs_json_drop) json_t *set = set_of(p);
	const json_t *all = json_object_get(body, "targets");
	vs_status status = set ? VS_OK : VS_ERR_NOMEM;

	for (size_t i = 0; i < p->image_count && !status; i++) {
		const struct vs_image *image = &p->images[i];
		char path[128];
		struct vs_write_file file = {
			.name = path, .bytes = image->bytes, .len = image->len};
		enum vs_policy_roles row;

		if (vs_image_path(p, image, path, sizeof path))
			return vs_say_io(VS_ERR_LIMIT, p->dir);
		status = vs_release_role(r, image->seal.header.component,
		                         p->release, &row);
		if (status)
			return status;
		if (strcmp(vs_policy_delegated(row), role) != 0)
			continue;
		if (json_object_get(all, path)) {
			vs_error("%s: target %s: is in force already", p->dir,
			         path);
			return VS_ERR_STATE;
		}
		json_t *custom = custom_of(p, image, set);
		status = custom ? vs_write_add_target(body, &file, custom)
		                : VS_ERR_NOMEM;
	}
	return status ? vs_say_io(status, p->dir) : VS_OK;
}

vs_status vs_release_body(const struct vs_room *r, const struct vs_proposal *p,
                          const struct vs_document *d, uint64_t expires_s,
                          json_t **out)
{
	struct vs_envelope in_force = {0};
	json_t *body = NULL;
	vs_status status = vs_room_metadata(r, VS_IMAGE, d->role, &in_force);

	*out = NULL;
	if (status && status != VS_ERR_ABSENT)
		return status;
	status = vs_write_targets(d->version, expires_s, &body);
	const json_t *old = json_object_get(in_force.body, "targets");
	if (!status && old &&
	    json_object_set_new(body, "targets", json_deep_copy(old)))
		status = VS_ERR_NOMEM;
	if (status)
		vs_say_io(status, p->dir);
	else
		status = add_images(r, p, d->role, body);
	vs_envelope_drop(&in_force);
	if (status)
		json_decref(body);
	else
		*out = body;
	return status;
}

vs_status vs_release_check(const struct vs_room *r, struct vs_proposal *p,
                           const struct vs_document *d)
{
	VS_AUTO(vs_json_drop) json_t *want = NULL;
	vs_status status = vs_release_body(
		r, p, d, vs_envelope_expires(&d->envelope), &want);
	if (!status)
		status = vs_release_check_allowed(r, p);
	if (!status)
		status = check_requires(r, p);
	if (status)
		return status;
	if (!json_equal(want, d->envelope.body)) {
		vs_error("%s: targets: do not say what the seals and the "
		         "metadata in force say (%s)",
		         d->path, vs_reason_name(VS_REASON_SEAL_MISMATCH));
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

vs_status vs_release_open_seals(const struct vs_room *r,
                                const struct vs_proposal *p)
{
	struct vs_keyring ring;
	struct vs_crypto crypto;
	struct vs_why why = {0};
	vs_status status = vs_room_keyring(r, &ring);

	if (status == VS_ERR_ABSENT)
		vs_error("%s: there is no boot keyring in force yet", r->dir);
	if (status)
		return status;
	status = vs_openssl_init(&crypto);
	if (status)
		return vs_say_io(status, p->dir);
	for (size_t i = 0; i < p->image_count && !status; i++) {
		const struct vs_image *image = &p->images[i];
		struct vs_seal seal;

		status = vs_seal_open(&ring, &crypto, image->bytes, image->len,
		                      &seal, &why);
		if (status)
			vs_say_why(status, image->seal_path, &why);
	}
	vs_openssl_drop(&crypto);
	return status;
}

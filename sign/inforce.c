/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/inforce.c - whether a charger would believe what is in force.
 */
#include "sign/inforce.h"

#include <fnmatch.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "sign/derive.h"
#include "sign/release.h"
#include "sign/rotate.h"
#include "sign/say.h"
#include "trust/json.h"
#include "trust/tuf.h"

struct verdict {
	const struct vs_room *room;
	struct vs_proposal *p; /* NULL: nothing is proposed */
	enum vs_inforce_depth depth;
	struct vs_rings rings;
	struct vs_crypto crypto;
	size_t files;
};

/* The document if the proposal holds just this version. */
static const struct vs_document *proposed(const struct verdict *v,
                                          const char *repository,
                                          const char *role, uint64_t version)
{
	const struct vs_document *d =
		v->p ? vs_proposal_document(v->p, repository, role) : NULL;

	return d && d->present && d->version == version ? d : NULL;
}

/* The last version, once the proposal is in force. */
static uint64_t last_version(const struct verdict *v, const char *repository,
                             const char *role)
{
	uint64_t now = vs_room_version(v->room, repository, role);

	return now + (proposed(v, repository, role, now + 1) != NULL);
}

static vs_status load(struct verdict *v, const char *repository,
                      const char *role, uint64_t version,
                      struct vs_envelope *out)
{
	char path[PATH_MAX];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len, max = vs_role_max(role);
	struct vs_why why = {0};
	const struct vs_document *d = proposed(v, repository, role, version);
	vs_status status =
		vs_room_file(v->room, repository, role, version, path);

	if (!status && d)
		snprintf(path, sizeof path, "%s", d->path);
	if (status)
		return status;
	/* what was read to be judged is what is verified */
	status = d ? VS_OK : vs_file_read(path, max, &bytes, &len);
	if (status)
		return vs_say_io(status, path);
	status = vs_envelope_parse(d ? d->bytes : bytes, d ? d->len : len, max,
	                           vs_role_type(role), out, &why);
	if (!status && vs_envelope_version(out) != version)
		status = vs_fail(VS_ERR_REFUSED, &why, VS_REASON_WRONG_VERSION,
		                 "version: is not its name's", 0);
	v->files++;
	return status ? vs_say_why(status, path, &why) : VS_OK;
}

static vs_status signed_by(const struct vs_envelope *e, const json_t *role,
                           const json_t *keys, const char *what)
{
	struct vs_role parsed;
	struct vs_why why = {0};
	vs_status status = vs_role_parse(role, keys, &parsed, &why);

	if (!status)
		status = vs_envelope_verify(e, &parsed, &why);
	vs_role_drop(&parsed);
	return status ? vs_say_why(status, what, &why) : VS_OK;
}

static vs_status root_signs(const struct vs_envelope *root, const char *role,
                            const struct vs_envelope *e, const char *what)
{
	const json_t *roles = json_object_get(root->body, "roles");

	return signed_by(e, json_object_get(roles, role),
	                 json_object_get(root->body, "keys"), what);
}

/* Each root by itself and by the one before it.  Gives the last one. */
static vs_status walk_roots(struct verdict *v, const char *repository,
                            struct vs_envelope *out)
{
	uint64_t last = last_version(v, repository, "root");
	vs_status status = VS_OK;
	char what[64];

	*out = (struct vs_envelope){0};
	for (uint64_t n = 1; n <= last && !status; n++) {
		struct vs_envelope e = {0};

		snprintf(what, sizeof what, "%s root %" PRIu64, repository, n);
		status = load(v, repository, "root", n, &e);
		if (!status)
			status = root_signs(&e, "root", &e, what);
		if (!status && n > 1)
			status = root_signs(out, "root", &e, what);
		vs_envelope_drop(out);
		*out = e;
	}
	if (!status && !last) {
		vs_error("%s: %s root: nothing is in force yet", v->room->dir,
		         repository);
		status = VS_ERR_ABSENT;
	}
	return status;
}

/* Where an artifact lies: in force, or still in the proposal. */
static vs_status find_artifact(const struct verdict *v, const char *sha256,
                               char path[static PATH_MAX])
{
	for (size_t i = 0; v->p && i < v->p->image_count; i++) {
		const struct vs_image *image = &v->p->images[i];
		char is[65];
		uint64_t len;

		snprintf(path, PATH_MAX, "%s", image->pack_path);
		if (strcmp(image->pack_sha256, sha256) == 0)
			return VS_OK;
		snprintf(path, PATH_MAX, "%s", image->seal_path);
		if (!vs_file_sha256(path, is, &len) && strcmp(is, sha256) == 0)
			return VS_OK;
	}
	return vs_room_path(v->room, path, "in-force/artifacts/%s", sha256);
}

static vs_status artifact(const struct verdict *v, const char *sha256,
                          char path[static PATH_MAX])
{
	char is[65];
	uint64_t len;
	vs_status status = find_artifact(v, sha256, path);

	if (status)
		return status;
	status = vs_file_sha256(path, is, &len);
	if (status)
		return vs_say_io(status, path);
	if (strcmp(is, sha256) != 0) {
		vs_error("%s: was changed (%s)", path,
		         vs_reason_name(VS_REASON_HASH_MISMATCH));
		return VS_ERR_REFUSED;
	}
	return VS_OK;
}

static const char *hash_of(const json_t *o)
{
	const char *hex = json_string_value(json_object_get(o, "sha256"));

	return hex && vs_hex_is_sha256(hex) ? hex : NULL;
}

/* A seal that a charger may run must suit the newest keyring; one that was
 * superseded may belong to an earlier one.
 */
static vs_status open_seal(const struct verdict *v, const char *name,
                           const json_t *all, const uint8_t *bytes, size_t len,
                           struct vs_seal *out)
{
	struct vs_why why = {0};
	size_t last = v->rings.count - 1;
	vs_status status = vs_seal_open(&v->rings.at[last], &v->crypto, bytes,
	                                len, out, &why);

	if (!status || !last)
		return status ? vs_say_why(status, name, &why) : VS_OK;
	if (vs_target_newest(all, name)) {
		vs_error("%s: keyring %" PRIu32
		         " does not accept it: chargers that run it would be "
		         "stranded; release it again for both keyrings first "
		         "(%s)",
		         name, v->rings.at[last].version,
		         vs_reason_name(why.code));
		return VS_ERR_REFUSED;
	}
	for (size_t i = last; status && i-- > 0;)
		status = vs_seal_open(&v->rings.at[i], &v->crypto, bytes, len,
		                      out, &why);
	return status ? vs_say_why(status, name, &why) : VS_OK;
}

static vs_status verify_seal(struct verdict *v, const char *name,
                             const json_t *all, char path[static PATH_MAX],
                             uint8_t **bytes, struct vs_seal *seal)
{
	const json_t *entry = json_object_get(all, name);
	const char *hash = hash_of(json_object_get(entry, "hashes"));
	size_t len;
	struct vs_why why = {0};
	struct vs_target target = {
		.path = name,
		.length = (uint64_t)json_integer_value(
			json_object_get(entry, "length")),
		.hashes = json_object_get(entry, "hashes"),
	};

	if (!hash) {
		vs_error("%s: hashes: no SHA-256 of the seal", name);
		return VS_ERR_INPUT;
	}
	vs_status status = artifact(v, hash, path);
	if (status)
		return status;
	status = vs_file_read(path, VS_SEAL_LEN_MAX, bytes, &len);
	if (status)
		return vs_say_io(status, path);
	v->files++;
	status = vs_target_check(&target, *bytes, len, &why);
	return status ? vs_say_why(status, name, &why)
	              : open_seal(v, name, all, *bytes, len, seal);
}

/* One target: seal against metadata, keyring and pack. */
static vs_status verify_target(struct verdict *v, const char *name,
                               const json_t *all)
{
	const json_t *custom =
		json_object_get(json_object_get(all, name), "custom");
	const char *pack_hash = hash_of(json_object_get(custom, "pack"));
	const char *said =
		json_string_value(json_object_get(custom, "imageSha256"));
	char seal_path[PATH_MAX], pack_path[PATH_MAX], image[65];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	struct vs_seal seal = {0};
	vs_status status = verify_seal(v, name, all, seal_path, &bytes, &seal);

	if (status || v->depth < VS_INFORCE_PACKS)
		return status;
	if (!pack_hash) {
		vs_error("%s: pack: no SHA-256", name);
		return VS_ERR_INPUT;
	}
	status = artifact(v, pack_hash, pack_path);
	if (status)
		return status;
	v->files++;
	status = vs_pack_check(pack_path, &seal, seal_path, image);
	if (!status && (!said || strcmp(said, image) != 0)) {
		vs_error("%s: imageSha256: is not the image's (%s)", name,
		         vs_reason_name(VS_REASON_HASH_MISMATCH));
		status = VS_ERR_REFUSED;
	}
	if (!status)
		printf("%s: %s %s, release_seq %" PRIu64 "\n", name,
		       seal.header.component, seal.header.version,
		       seal.header.release_seq);
	return status;
}

/* A charger looks for a target in the role its path belongs to. */
static vs_status check_path(const json_t *role, const char *path)
{
	const json_t *paths = json_object_get(role, "paths");
	const json_t *one;
	size_t i;

	json_array_foreach(paths, i, one)
	{
		const char *pattern = json_string_value(one);

		if (pattern && fnmatch(pattern, path, FNM_PATHNAME) == 0)
			return VS_OK;
	}
	vs_error("%s: is none of the paths of its role (%s)", path,
	         vs_reason_name(VS_REASON_NOT_ALLOWED));
	return VS_ERR_REFUSED;
}

static vs_status check_listed(const json_t *role, const char *path,
                              const json_t *entry)
{
	const char *image = json_string_value(json_object_get(
		json_object_get(entry, "custom"), "imageSha256"));

	if (vs_policy_lists(vs_delegation_checksums(role), image ? image : ""))
		return VS_OK;
	vs_error("%s: image SHA-256: is not on the list of its role (%s)", path,
	         vs_reason_name(VS_REASON_NOT_ALLOWED));
	return VS_ERR_REFUSED;
}

static vs_status verify_targets(struct verdict *v, const json_t *role,
                                json_t *all)
{
	const char *path;
	json_t *entry;

	json_object_foreach(all, path, entry)
	{
		vs_status status = check_path(role, path);

		if (!status)
			status = check_listed(role, path, entry);
		if (!status && v->depth >= VS_INFORCE_SEALS)
			status = verify_target(v, path, all);
		if (status)
			return status;
	}
	return VS_OK;
}

static vs_status verify_role(struct verdict *v,
                             const struct vs_envelope *targets,
                             const char *name)
{
	uint64_t last = last_version(v, VS_IMAGE, name);
	struct vs_envelope e = {0};
	const json_t *in = json_object_get(targets->body, "delegations");
	const json_t *role = vs_delegation_find(in, name);
	char what[64];

	if (!last)
		return VS_OK;
	snprintf(what, sizeof what, "image %s", name);
	vs_status status = load(v, VS_IMAGE, name, last, &e);
	if (!status)
		status = signed_by(&e, role, json_object_get(in, "keys"), what);
	if (!status)
		status = verify_targets(v, role,
		                        json_object_get(e.body, "targets"));
	vs_envelope_drop(&e);
	return status;
}

static vs_status verify_release(struct verdict *v,
                                const struct vs_envelope *targets)
{
	vs_status status = VS_OK;

	for (int row = VS_POLICY_DELEGATED_FIRST;
	     row <= VS_POLICY_DELEGATED_LAST && !status; row++)
		status = verify_role(
			v, targets,
			vs_policy_delegated((enum vs_policy_roles)row));
	return status;
}

static vs_status verify_image(struct verdict *v)
{
	struct vs_envelope root = {0}, targets = {0};
	uint64_t last = last_version(v, VS_IMAGE, "targets");
	vs_status status = walk_roots(v, VS_IMAGE, &root);

	if (!status && !last) {
		vs_error("%s: image targets: nothing is in force yet",
		         v->room->dir);
		status = VS_ERR_ABSENT;
	}
	if (!status)
		status = load(v, VS_IMAGE, "targets", last, &targets);
	if (!status)
		status =
			root_signs(&root, "targets", &targets, "image targets");
	if (!status)
		status = verify_release(v, &targets);
	vs_envelope_drop(&root);
	vs_envelope_drop(&targets);
	return status;
}

vs_status vs_inforce_verify(const struct vs_room *r, struct vs_proposal *p,
                            enum vs_inforce_depth depth, size_t *files)
{
	struct verdict v = {.room = r, .p = p, .depth = depth};
	struct vs_envelope director = {0};
	vs_status status = vs_rings_load(r, p, &v.rings);

	*files = 0;
	if (!status) {
		v.files += v.rings.count;
		status = vs_openssl_init(&v.crypto);
		if (status)
			vs_say_io(status, r->dir);
	}
	if (!status) {
		status = walk_roots(&v, VS_DIRECTOR, &director);
		vs_envelope_drop(&director);
		if (!status)
			status = verify_image(&v);
		vs_openssl_drop(&v.crypto);
	}
	vs_rings_drop(&v.rings);
	*files = v.files;
	return status;
}

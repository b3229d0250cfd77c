/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/cmd_verify.c - verify: what is in force, or one seal.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "sign/commands.h"
#include "sign/release.h"
#include "sign/say.h"
#include "trust/json.h"
#include "trust/tuf.h"

struct verdict {
	const struct vs_room *room;
	struct vs_keyring ring;
	struct vs_crypto crypto;
	size_t files;
};

static vs_status load(struct verdict *v, const char *repository,
                      const char *role, uint64_t version,
                      struct vs_envelope *out)
{
	char path[PATH_MAX];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len, max = vs_role_max(role);
	struct vs_why why = {0};
	vs_status status =
		vs_room_file(v->room, repository, role, version, path);

	if (status)
		return status;
	status = vs_file_read(path, max, &bytes, &len);
	if (status)
		return vs_say_io(status, path);
	status = vs_envelope_parse(bytes, len, max, vs_role_type(role), out,
	                           &why);
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
	uint64_t last = vs_room_version(v->room, repository, "root");
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

static vs_status artifact(const struct verdict *v, const char *sha256,
                          char path[static PATH_MAX])
{
	char is[65];
	uint64_t len;
	vs_status status =
		vs_room_path(v->room, path, "in-force/artifacts/%s", sha256);

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

/* One target: seal against metadata, keyring and pack. */
static vs_status verify_target(struct verdict *v, const char *name,
                               const json_t *entry)
{
	const json_t *custom = json_object_get(entry, "custom");
	const char *seal_hash = hash_of(json_object_get(entry, "hashes"));
	const char *pack_hash = hash_of(json_object_get(custom, "pack"));
	char seal_path[PATH_MAX], pack_path[PATH_MAX], image[65];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len;
	struct vs_seal seal;
	struct vs_why why = {0};
	struct vs_target target = {
		.path = name,
		.length = (uint64_t)json_integer_value(
			json_object_get(entry, "length")),
		.hashes = json_object_get(entry, "hashes"),
	};

	if (!seal_hash || !pack_hash) {
		vs_error("%s: hashes: no SHA-256 of seal or pack", name);
		return VS_ERR_INPUT;
	}
	vs_status status = artifact(v, seal_hash, seal_path);
	if (!status)
		status = artifact(v, pack_hash, pack_path);
	if (status)
		return status;
	status = vs_file_read(seal_path, VS_SEAL_LEN_MAX, &bytes, &len);
	if (status)
		return vs_say_io(status, seal_path);
	status = vs_target_check(&target, bytes, len, &why);
	if (!status)
		status = vs_seal_open(&v->ring, &v->crypto, bytes, len, &seal,
		                      &why);
	if (status)
		return vs_say_why(status, name, &why);
	v->files += 2;
	status = vs_pack_check(pack_path, &seal, seal_path, image);
	if (!status)
		printf("%s: %s %s, release_seq %" PRIu64 "\n", name,
		       seal.header.component, seal.header.version,
		       seal.header.release_seq);
	return status;
}

static vs_status verify_release(struct verdict *v,
                                const struct vs_envelope *targets)
{
	uint64_t last = vs_room_version(v->room, VS_IMAGE, VS_POLICY_RELEASE);
	struct vs_envelope e = {0};
	const json_t *in = json_object_get(targets->body, "delegations");
	const json_t *role = json_array_get(json_object_get(in, "roles"), 0);
	const char *name;
	json_t *entry;

	if (!last)
		return VS_OK;
	vs_status status = load(v, VS_IMAGE, VS_POLICY_RELEASE, last, &e);
	if (!status)
		status = signed_by(&e, role, json_object_get(in, "keys"),
		                   "image " VS_POLICY_RELEASE);
	json_t *all = json_object_get(e.body, "targets");
	json_object_foreach(all, name, entry)
	{
		if (!status)
			status = verify_target(v, name, entry);
	}
	vs_envelope_drop(&e);
	return status;
}

static vs_status verify_image(struct verdict *v)
{
	struct vs_envelope root = {0}, targets = {0};
	uint64_t last = vs_room_version(v->room, VS_IMAGE, "targets");
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

static vs_status verify_room(const char *dir)
{
	VS_AUTO(vs_room_drop) struct vs_room r;
	struct verdict v = {.room = &r};
	struct vs_envelope director = {0};
	vs_status status = vs_room_open(dir, &r);

	if (status)
		return status;
	status = vs_room_keyring(&r, &v.ring);
	if (status == VS_ERR_ABSENT)
		vs_error("%s: boot keyring: nothing is in force yet", dir);
	if (!status) {
		v.files++;
		status = vs_openssl_init(&v.crypto);
	}
	if (status)
		return status;
	status = walk_roots(&v, VS_DIRECTOR, &director);
	vs_envelope_drop(&director);
	if (!status)
		status = verify_image(&v);
	vs_openssl_drop(&v.crypto);
	if (!status)
		printf("%s: %zu files in force, all good\n", dir, v.files);
	return status;
}

static vs_status verify_seal(const char *seal_path, const char *ring_path)
{
	VS_AUTO(vs_free_drop) uint8_t *seal_bytes = NULL;
	VS_AUTO(vs_free_drop) uint8_t *ring_bytes = NULL;
	size_t seal_len, ring_len;
	struct vs_crypto crypto;
	struct vs_keyring ring;
	struct vs_seal seal;
	struct vs_why why = {0};
	vs_status status = vs_file_read(ring_path, VS_KEYRING_LEN_MAX,
	                                &ring_bytes, &ring_len);

	if (status)
		return vs_say_io(status, ring_path);
	status = vs_file_read(seal_path, VS_SEAL_LEN_MAX, &seal_bytes,
	                      &seal_len);
	if (status)
		return vs_say_io(status, seal_path);
	status = vs_openssl_init(&crypto);
	if (status)
		return vs_say_io(status, seal_path);
	status = vs_keyring_open(NULL, &crypto, ring_bytes, ring_len, &ring,
	                         &why);
	if (status)
		vs_say_why(status, ring_path, &why);
	if (!status) {
		status = vs_seal_open(&ring, &crypto, seal_bytes, seal_len,
		                      &seal, &why);
		if (status)
			vs_say_why(status, seal_path, &why);
	}
	vs_openssl_drop(&crypto);
	if (!status)
		printf("%s: good: %s %s, release_seq %" PRIu64
		       ", security_version %" PRIu32 "\n",
		       seal_path, seal.header.component, seal.header.version,
		       seal.header.release_seq, seal.header.security_version);
	return status;
}

static vs_status run(const struct vs_args *args)
{
	const char *room = vs_args_text(args, "room");
	const char *seal = vs_args_text(args, "seal");
	const char *ring = vs_args_text(args, "keyring");

	if (room && !seal && !ring)
		return verify_room(room);
	if (!room && seal && ring)
		return verify_seal(seal, ring);
	vs_error("verify: give either --room, or --seal and --keyring");
	return VS_ERR_INPUT;
}

static const struct vs_option options[] = {
	VS_TEXT(VS_OPTIONAL, "room", "ROOM",
                "verifies all that is in force there"),
	VS_TEXT(VS_OPTIONAL, "seal", "FILE",
                "verifies one seal, with --keyring"),
	VS_TEXT(VS_OPTIONAL, "keyring", "FILE", "a boot keyring"),
};

const struct vs_command vs_cmd_verify = {
	"verify",
	"verify a room or a seal as a charger does",
	"For a room: both roots' chains, targets, the release role, the "
	"keyring, and each\nseal and pack in force, every cluster of it.",
	NULL,
	options,
	sizeof options / sizeof *options,
	run,
};

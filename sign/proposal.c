/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/proposal.c - what people are asked to sign, as files in a folder.
 */
#include "sign/proposal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "base/log.h"
#include "seal/openssl.h"
#include "sign/say.h"
#include "trust/json.h"

enum { about_max = 64 * 1024 };

static vs_status join(const struct vs_proposal *p, const char *a, const char *b,
                      const char *ext, char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s%s%s%s", p->dir, a, *b ? "." : "",
	                 b, ext);

	return n < 0 || n >= PATH_MAX ? vs_say_io(VS_ERR_LIMIT, p->dir) : VS_OK;
}

static bool is_ring(const struct vs_document *d)
{
	return strcmp(d->repository, VS_BOOT) == 0;
}

static vs_status decode_ring(struct vs_document *d)
{
	struct vs_crypto crypto;
	struct vs_why why = {0};
	vs_status status = vs_openssl_init(&crypto);

	if (status)
		return vs_say_io(status, d->path);
	status = vs_keyring_decode(&crypto, d->bytes, d->len, &d->ring,
	                           &d->body_len, &why);
	vs_openssl_drop(&crypto);
	if (!status)
		status = vs_signatures_decode(d->bytes + d->body_len,
		                              d->len - d->body_len,
		                              &d->signatures, &why);
	if (status)
		return vs_say_why(status, d->path, &why);
	if (d->ring.version != d->version) {
		vs_error("%s: version: is not the proposed one", d->path);
		return VS_ERR_INPUT;
	}
	return VS_OK;
}

static vs_status decode_metadata(struct vs_document *d)
{
	struct vs_why why = {0};
	vs_status status =
		vs_envelope_parse(d->bytes, d->len, vs_role_max(d->role),
	                          vs_role_type(d->role), &d->envelope, &why);

	if (status)
		return vs_say_why(status, d->path, &why);
	if (vs_envelope_version(&d->envelope) != d->version) {
		vs_error("%s: version: is not the proposed one", d->path);
		return VS_ERR_INPUT;
	}
	return VS_OK;
}

static bool known(const struct vs_document *d)
{
	static const char *const rows[][2] = {
		{VS_IMAGE,    "root"    },
		{VS_IMAGE,    "targets" },
		{VS_DIRECTOR, "root"    },
		{VS_BOOT,     VS_KEYRING},
	};

	enum vs_policy_roles row;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		if (strcmp(rows[i][0], d->repository) == 0 &&
		    strcmp(rows[i][1], d->role) == 0)
			return true;
	return strcmp(d->repository, VS_IMAGE) == 0 &&
	       vs_policy_find(d->role, &row);
}

static vs_status load_document(struct vs_proposal *p, const json_t *from)
{
	struct vs_document *d = &p->documents[p->document_count];
	struct vs_why why = {0};
	vs_status status =
		vs_json_string(from, "repository", &d->repository, &why);

	if (!status)
		status = vs_json_string(from, "role", &d->role, &why);
	if (!status)
		status = vs_json_uint(from, "version", &d->version, &why);
	if (!status && !known(d))
		status = vs_fail(VS_ERR_INPUT, &why, VS_REASON_MALFORMED,
		                 "documents: names no role of ours", 0);
	if (status)
		return vs_say_why(status, p->dir, &why);
	p->document_count++;
	status = join(p, d->repository, d->role, is_ring(d) ? "" : ".json",
	              d->path);
	if (status)
		return status;
	status = vs_file_read(
		d->path, is_ring(d) ? VS_KEYRING_LEN_MAX : vs_role_max(d->role),
		&d->bytes, &d->len);
	if (status == VS_ERR_ABSENT)
		return VS_OK;
	if (status)
		return vs_say_io(status, d->path);
	d->present = true;
	return is_ring(d) ? decode_ring(d) : decode_metadata(d);
}

static vs_status decode_image(struct vs_image *i, const char *component)
{
	struct vs_why why = {0};
	vs_status status = vs_seal_decode(i->bytes, i->len, &i->seal, &why);

	if (status)
		return vs_say_why(status, i->seal_path, &why);
	if (strcmp(i->seal.header.component, component) != 0) {
		vs_error("%s: component: is not the proposed one",
		         i->seal_path);
		return VS_ERR_INPUT;
	}
	return VS_OK;
}

static vs_status load_image(struct vs_proposal *p, const json_t *from)
{
	struct vs_image *i = &p->images[p->image_count];
	struct vs_why why = {0};
	const char *component;
	vs_status status = vs_json_string(from, "component", &component, &why);

	if (!status)
		status = vs_json_string(from, "imageSha256", &i->image_sha256,
		                        &why);
	if (!status)
		status = vs_json_string(from, "packSha256", &i->pack_sha256,
		                        &why);
	if (!status)
		status = vs_json_uint(from, "packLength", &i->pack_len, &why);
	if (!status)
		status = vs_requires_read(from, &i->requires, &why);
	if (!status && (!vs_room_name_ok(component) ||
	                !vs_hex_is_sha256(i->image_sha256) ||
	                !vs_hex_is_sha256(i->pack_sha256)))
		status = vs_fail(VS_ERR_INPUT, &why, VS_REASON_MALFORMED,
		                 "images: component or SHA-256", 0);
	if (status)
		return vs_say_why(status, p->dir, &why);
	p->image_count++;
	status = join(p, component, "", ".seal", i->seal_path);
	if (!status)
		status = join(p, component, "", ".pack", i->pack_path);
	if (status)
		return status;
	status =
		vs_file_read(i->seal_path, VS_SEAL_LEN_MAX, &i->bytes, &i->len);
	if (status)
		return vs_say_io(status, i->seal_path);
	return decode_image(i, component);
}

static vs_status open_as(const struct vs_room *r, const char *name,
                         bool successor, struct vs_proposal **out);

/* A successor has none itself: it is no release. */
static vs_status load_successor(const struct vs_room *r, struct vs_proposal *p,
                                const json_t *name)
{
	if (!name)
		return VS_OK;
	if (!json_is_string(name)) {
		vs_error("%s: keyring: must be a proposal's name", p->dir);
		return VS_ERR_INPUT;
	}
	return open_as(r, json_string_value(name), true, &p->successor);
}

static vs_status load_release(const struct vs_room *r, struct vs_proposal *p)
{
	struct vs_why why = {0};
	const json_t *o = json_object_get(p->about, "release");

	if (!p->image_count)
		return VS_OK;
	if (p->is_successor) {
		vs_error("%s: proposes a release, no keyring", p->dir);
		return VS_ERR_INPUT;
	}
	vs_status status = vs_json_string(o, "name", &p->release, &why);
	if (!status)
		status = vs_json_string(o, "updateType", &p->update_type, &why);
	if (!status)
		status = vs_json_uint(o, "seq", &p->release_seq, &why);
	for (size_t i = 0; i < p->image_count && !status; i++)
		if (p->images[i].seal.header.release_seq != p->release_seq)
			status = vs_fail(
				VS_ERR_INPUT, &why, VS_REASON_SEAL_MISMATCH,
				"seq: a seal has another release_seq", 0);
	if (status)
		return vs_say_why(status, p->dir, &why);
	return load_successor(r, p, json_object_get(o, "keyring"));
}

/* A proposal that changes the policy holds the new one. */
static vs_status load_policy(struct vs_proposal *p)
{
	char path[PATH_MAX];
	vs_status status = join(p, "policy", "", ".json", path);

	if (status || !vs_file_exists(path))
		return status;
	return vs_policy_load(path, &p->policy);
}

static vs_status load_lists(const struct vs_room *r, struct vs_proposal *p)
{
	json_t *documents, *images;
	struct vs_why why = {0};
	vs_status status = vs_json_string(p->about, "name", &p->name, &why);

	if (!status)
		status = vs_json_array(p->about, "documents", &documents, &why);
	if (!status)
		status = vs_json_array(p->about, "images", &images, &why);
	if (!status && (json_array_size(documents) > VS_DOCUMENTS_MAX ||
	                json_array_size(images) > VS_IMAGES_MAX))
		status = vs_fail(VS_ERR_LIMIT, &why, VS_REASON_TOO_LARGE,
		                 "documents: too many", 0);
	if (status)
		return vs_say_why(status, p->dir, &why);
	for (size_t i = 0; i < json_array_size(documents) && !status; i++)
		status = load_document(p, json_array_get(documents, i));
	for (size_t i = 0; i < json_array_size(images) && !status; i++)
		status = load_image(p, json_array_get(images, i));
	if (!status)
		status = load_policy(p);
	return status ? status : load_release(r, p);
}

static vs_status load(const struct vs_room *r, const char *name,
                      struct vs_proposal *p)
{
	char path[PATH_MAX], quoted[64];
	VS_AUTO(vs_free_drop) uint8_t *bytes = NULL;
	size_t len;
	struct vs_why why = {0};

	if (!vs_room_name_ok(name)) {
		vs_error("proposal %s: no such name is possible",
		         vs_log_quote(name, quoted, sizeof quoted));
		return VS_ERR_INPUT;
	}
	vs_status status = vs_room_path(r, p->dir, "proposals/%s", name);
	if (!status)
		status = join(p, "proposal", "", ".json", path);
	if (status)
		return status;
	status = vs_file_read(path, about_max, &bytes, &len);
	if (status == VS_ERR_ABSENT) {
		vs_error("proposal %s: there is none of this name in %s", name,
		         r->dir);
		return status;
	}
	if (status)
		return vs_say_io(status, path);
	status = vs_json_parse(bytes, len, about_max, &p->about, &why);
	if (status)
		return vs_say_why(status, path, &why);
	return load_lists(r, p);
}

static vs_status open_as(const struct vs_room *r, const char *name,
                         bool successor, struct vs_proposal **out)
{
	struct vs_proposal *p = calloc(1, sizeof *p);

	*out = NULL;
	if (!p)
		return vs_say_io(VS_ERR_NOMEM, name);
	p->is_successor = successor;
	vs_status status = load(r, name, p);
	if (status)
		vs_proposal_free(&p);
	*out = p;
	return status;
}

vs_status vs_proposal_open(const struct vs_room *r, const char *name,
                           struct vs_proposal **out)
{
	return open_as(r, name, false, out);
}

void vs_proposal_free(struct vs_proposal **pp)
{
	struct vs_proposal *p = *pp;

	*pp = NULL;
	if (!p)
		return;
	for (size_t i = 0; i < p->document_count; i++) {
		vs_envelope_drop(&p->documents[i].envelope);
		free(p->documents[i].bytes);
	}
	for (size_t i = 0; i < p->image_count; i++)
		free(p->images[i].bytes);
	json_decref(p->about);
	vs_policy_free(&p->policy);
	vs_proposal_free(&p->successor);
	free(p);
}

struct vs_document *vs_proposal_document(struct vs_proposal *p,
                                         const char *repository,
                                         const char *role)
{
	for (size_t i = 0; i < p->document_count; i++)
		if (strcmp(p->documents[i].repository, repository) == 0 &&
		    strcmp(p->documents[i].role, role) == 0)
			return &p->documents[i];
	return NULL;
}

void vs_proposal_holder(const struct vs_room *r, const struct vs_proposal *p,
                        const char *id, char *out, size_t cap)
{
	const struct vs_policy *next =
		p->successor ? p->successor->policy : p->policy;

	if (!next || !vs_policy_holder(next, id, out, cap))
		(void)vs_policy_holder(r->policy, id, out, cap);
}

vs_status vs_image_path(const struct vs_proposal *p, const struct vs_image *i,
                        char *out, size_t cap)
{
	const char *component = i->seal.header.component;
	int n = snprintf(out, cap, "%s/%s-%s.seal", component, component,
	                 p->release);

	return n < 0 || (size_t)n >= cap ? VS_ERR_LIMIT : VS_OK;
}

vs_status vs_document_store(const struct vs_document *d)
{
	char *text = NULL;
	size_t len;
	vs_status status = vs_envelope_encode(&d->envelope, &text, &len);

	if (!status)
		status = vs_file_replace(d->path, text, len, 0644);
	free(text);
	return status ? vs_say_io(status, d->path) : VS_OK;
}

vs_status vs_document_set_signatures(struct vs_document *d,
                                     const struct vs_signatures *sigs)
{
	uint8_t *file = malloc(VS_KEYRING_LEN_MAX);
	size_t block;

	if (!file)
		return vs_say_io(VS_ERR_NOMEM, d->path);
	memcpy(file, d->bytes, d->body_len);
	vs_status status =
		vs_signatures_encode(sigs, file + d->body_len,
	                             VS_KEYRING_LEN_MAX - d->body_len, &block);
	if (!status)
		status = vs_file_replace(d->path, file, d->body_len + block,
		                         0644);
	if (status) {
		free(file);
		return vs_say_io(status, d->path);
	}
	free(d->bytes);
	d->bytes = file;
	d->len = d->body_len + block;
	return decode_ring(d);
}

vs_status vs_image_set_signatures(struct vs_image *i,
                                  const struct vs_signatures *sigs)
{
	size_t upper = (size_t)i->seal.tree.upper_len;
	size_t cap = VS_SEAL_HEADER_LEN + VS_SIGNATURE_BLOCK_MAX + upper;
	uint8_t *file = malloc(cap);
	size_t len;
	struct vs_why why = {0};

	if (!file)
		return vs_say_io(VS_ERR_NOMEM, i->seal_path);
	vs_status status = vs_seal_encode(i->seal.raw, sigs, i->seal.upper,
	                                  upper, file, cap, &len);
	if (!status)
		status = vs_file_replace(i->seal_path, file, len, 0644);
	if (status) {
		free(file);
		return vs_say_io(status, i->seal_path);
	}
	free(i->bytes);
	i->bytes = file;
	i->len = len;
	status = vs_seal_decode(i->bytes, i->len, &i->seal, &why);
	return status ? vs_say_why(status, i->seal_path, &why) : VS_OK;
}

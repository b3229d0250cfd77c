/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/release.c - releases out of targets, and their artifacts.
 */
#include "server/publish/release.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/hex.h"
#include "seal/pack.h"
#include "server/publish/artifact.h"
#include "server/store/name.h"
#include "trust/json.h"
#include "trust/time.h"

static vs_status bad(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_INPUT, why, VS_REASON_MALFORMED, what, 0);
}

/* A text of a seal's header is compared with it later; here it must fit. */
static vs_status copy_text(const json_t *from, const char *field, char *out,
                           size_t cap, struct vs_why *why)
{
	const char *text;
	vs_status status = vs_json_string(from, field, &text, why);

	if (status)
		return status;
	if (!*text || strlen(text) >= cap)
		return bad(why, field);
	memcpy(out, text, strlen(text) + 1);
	return VS_OK;
}

/* A name that also stands in paths and logs. */
static vs_status copy(const json_t *from, const char *field, char *out,
                      size_t cap, struct vs_why *why)
{
	vs_status status = copy_text(from, field, out, cap, why);

	return !status && !vs_name_ok(out, cap) ? bad(why, field) : status;
}

static vs_status read_pack(const json_t *custom, struct vs_release_target *t,
                           struct vs_why *why)
{
	json_t *pack;
	vs_status status = vs_json_object(custom, "pack", &pack, why);

	if (!status)
		status = copy(pack, "sha256", t->pack_sha256,
		              sizeof t->pack_sha256, why);
	if (!status && !vs_hex_is_sha256(t->pack_sha256))
		status = bad(why, "pack.sha256");
	return status;
}

static vs_status read_custom(const json_t *custom, struct vs_release_target *t,
                             struct vs_why *why)
{
	uint64_t floor = 0;
	json_t *ids;
	vs_status status =
		copy(custom, "release", t->release, sizeof t->release, why);

	if (!status)
		status = copy_text(custom, "component", t->component,
		                   sizeof t->component, why);
	if (!status)
		status = copy_text(custom, "version", t->version,
		                   sizeof t->version, why);
	if (!status)
		status = vs_json_uint(custom, "releaseCounter", &t->release_seq,
		                      why);
	if (!status)
		status = vs_json_uint(custom, "rollbackIndex", &floor, why);
	if (!status)
		status = vs_json_array(custom, "hardwareIds", &ids, why);
	if (!status && (floor > UINT32_MAX || t->release_seq == 0))
		status = bad(why, "releaseCounter or rollbackIndex");
	t->security_version = (uint32_t)floor;
	if (!status)
		status = read_pack(custom, t, why);
	if (!status)
		status = vs_requires_read(custom, &t->requires, why);
	return status;
}

static vs_status read_target(const struct vs_target *from,
                             struct vs_release_target *t, struct vs_why *why)
{
	const char *hex;
	vs_status status = vs_json_string(from->hashes, "sha256", &hex, why);

	if (status)
		return status;
	if (!vs_hex_is_sha256(hex))
		return bad(why, "hashes.sha256");
	if (!json_is_object(from->custom))
		return bad(why, "custom");
	memcpy(t->seal_sha256, hex, sizeof t->seal_sha256);
	t->length = from->length;
	t->path = strdup(from->path);
	t->hashes = json_deep_copy(from->hashes);
	t->custom = json_deep_copy(from->custom);
	if (!t->path || !t->hashes || !t->custom)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	status = vs_target_name(from, true, &t->name, why);
	return status ? status : read_custom(t->custom, t, why);
}

static void drop_target(struct vs_release_target *t)
{
	free(t->path);
	free(t->name);
	json_decref(t->hashes);
	json_decref(t->custom);
}

vs_status vs_releases_add(struct vs_releases *r, const struct vs_target *from,
                          struct vs_why *why)
{
	struct vs_release_target t = {0};

	if (r->target_count == VS_TARGETS_MAX)
		return vs_fail(VS_ERR_LIMIT, why, VS_REASON_TOO_LARGE,
		               "targets", 0);
	struct vs_release_target *more =
		realloc(r->targets, (r->target_count + 1) * sizeof *more);
	if (!more)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	r->targets = more;
	vs_status status = read_target(from, &t, why);
	if (status)
		drop_target(&t);
	else
		r->targets[r->target_count++] = t;
	return status;
}

static int by_seq(const void *left, const void *right)
{
	const struct vs_release *a = left, *b = right;

	if (a->seq != b->seq)
		return a->seq < b->seq ? -1 : 1;
	return strcmp(a->name, b->name);
}

static struct vs_release *lookup(struct vs_releases *r, const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->all[i].name, name) == 0)
			return &r->all[i];
	return NULL;
}

vs_status vs_releases_finish(struct vs_releases *r, struct vs_why *why)
{
	r->all = calloc(r->target_count ? r->target_count : 1, sizeof *r->all);
	if (!r->all)
		return vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	for (size_t i = 0; i < r->target_count; i++) {
		const struct vs_release_target *t = &r->targets[i];
		struct vs_release *known = lookup(r, t->release);

		if (known && known->seq != t->release_seq)
			return bad(why, "a release with two releaseCounters");
		if (known) {
			if (t->security_version < known->security_version)
				known->security_version = t->security_version;
			continue;
		}
		known = &r->all[r->count++];
		known->seq = t->release_seq;
		known->security_version = t->security_version;
		memcpy(known->name, t->release, sizeof known->name);
	}
	qsort(r->all, r->count, sizeof *r->all, by_seq);
	return VS_OK;
}

void vs_releases_drop(struct vs_releases *r)
{
	for (size_t i = 0; i < r->target_count; i++)
		drop_target(&r->targets[i]);
	free(r->targets);
	free(r->all);
	*r = (struct vs_releases){0};
}

const struct vs_release *vs_releases_find(const struct vs_releases *r,
                                          const char *name)
{
	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->all[i].name, name) == 0)
			return &r->all[i];
	return NULL;
}

bool vs_release_fits(const struct vs_release_target *t, const char *hardware)
{
	const json_t *ids = json_object_get(t->custom, "hardwareIds");

	for (size_t i = 0; i < json_array_size(ids); i++) {
		const char *id = json_string_value(json_array_get(ids, i));

		if (id && strcmp(id, hardware) == 0)
			return true;
	}
	return false;
}

const struct vs_release_target *vs_release_target(const struct vs_releases *r,
                                                  const char *release,
                                                  const char *component,
                                                  const char *hardware)
{
	for (size_t i = 0; i < r->target_count; i++) {
		const struct vs_release_target *t = &r->targets[i];

		if (strcmp(t->release, release) == 0 &&
		    strcmp(t->component, component) == 0 &&
		    vs_release_fits(t, hardware))
			return t;
	}
	return NULL;
}

static vs_status mismatch(struct vs_why *why, const char *what)
{
	return vs_fail(VS_ERR_REFUSED, why, VS_REASON_SEAL_MISMATCH, what, 0);
}

static vs_status same_hardware(const struct vs_seal_header *h,
                               const struct vs_release_target *t,
                               struct vs_why *why)
{
	size_t count = 0;

	for (size_t i = 0; i < VS_HARDWARE_MAX && h->hardware[i][0]; i++) {
		count++;
		if (!vs_release_fits(t, h->hardware[i]))
			return mismatch(why,
			                "hardwareIds lack one of the seal");
	}
	if (json_array_size(json_object_get(t->custom, "hardwareIds")) != count)
		return mismatch(why, "hardwareIds name more than the seal");
	return VS_OK;
}

static vs_status agree(const struct vs_seal_header *h,
                       const struct vs_release_target *t, struct vs_why *why)
{
	if (strcmp(h->component, t->component) != 0)
		return mismatch(why, "component differs from the seal");
	if (strcmp(h->version, t->version) != 0)
		return mismatch(why, "version differs from the seal");
	if (h->release_seq != t->release_seq)
		return mismatch(why, "releaseCounter differs from the seal");
	if (h->security_version != t->security_version)
		return mismatch(why, "rollbackIndex differs from the seal");
	return same_hardware(h, t, why);
}

/* A pack is believed by nobody, but one of another image is a mistake that is
 * better found now.
 */
static vs_status check_pack(struct vs_release_target *t, const char *data_dir,
                            const struct vs_seal_header *h, struct vs_why *why)
{
	uint8_t raw[VS_PACK_HEAD_LEN];
	struct vs_pack_head head;
	VS_AUTO(vs_fd_drop) int fd = -1;
	vs_status status =
		vs_artifact_open(data_dir, t->pack_sha256, &fd, &t->pack_len);

	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               "the pack was not uploaded", 0);
	if (t->pack_len < sizeof raw || vs_file_pread(fd, raw, sizeof raw, 0))
		return bad(why, "a pack that is too short");
	status = vs_pack_head_decode(raw, &head, why);
	if (status)
		return status;
	if (head.image_len != h->image_len ||
	    memcmp(head.root_hash, h->root_hash, sizeof h->root_hash) != 0)
		return mismatch(why, "the pack is of another image");
	return VS_OK;
}

/* Proofs are made anew after each checkpoint, so the metadata names none: the
 * newest one that was put beside the seal counts.
 */
static vs_status check_proof(const struct vs_release_target *t,
                             const struct vs_seallog *log,
                             const struct vs_seal_header *h, struct vs_why *why)
{
	const struct vs_seallog_seal about = {h, t->seal_sha256, t->length};
	VS_AUTO(vs_free_drop) uint8_t *proof = NULL;
	size_t len = 0;

	if (!log->policy)
		return VS_OK;
	vs_status status =
		vs_seallog_read_proof(log, t->seal_sha256, &proof, &len);
	if (status == VS_ERR_ABSENT)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_NOT_LOGGED,
		               "no proof of its seal was uploaded", 0);
	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE, "proof", 0);
	return vs_seallog_judge(log, &about, proof, len, why);
}

vs_status vs_release_check(struct vs_release_target *t,
                           const struct vs_seallog *log,
                           const struct vs_keyring *ring,
                           const struct vs_crypto *crypto, struct vs_why *why)
{
	VS_AUTO(vs_free_drop) uint8_t *file = NULL;
	struct vs_target target = {
		.path = t->path, .length = t->length, .hashes = t->hashes};
	struct vs_seal seal;
	size_t len;
	vs_status status = vs_artifact_read(log->data_dir, t->seal_sha256,
	                                    VS_SEAL_LEN_MAX, &file, &len);

	if (status)
		return vs_fail(status, why, VS_REASON_UNREADABLE,
		               "the seal was not uploaded", 0);
	status = vs_target_check(&target, file, len, why);
	if (!status)
		status = vs_seal_open(ring, crypto, file, len, &seal, why);
	if (!status)
		status = agree(&seal.header, t, why);
	if (status)
		return status;
	t->image_len = seal.header.image_len;
	status = check_pack(t, log->data_dir, &seal.header, why);
	return status ? status : check_proof(t, log, &seal.header, why);
}

static const char *kind_of(const struct vs_release_target *t)
{
	const char *kind =
		json_string_value(json_object_get(t->custom, "updateType"));

	return kind ? kind : "";
}

const char *vs_release_kind(const struct vs_releases *r,
                            const struct vs_release *release)
{
	static const char *const kinds[] = {"security", "feature", "content"};

	for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++)
		for (size_t i = 0; i < r->target_count; i++)
			if (strcmp(r->targets[i].release, release->name) == 0 &&
			    strcmp(kind_of(&r->targets[i]), kinds[k]) == 0)
				return kinds[k];
	return "";
}

static json_t *target_json(const struct vs_release_target *t)
{
	return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I, s:O, s:s, s:s, "
	                 "s:o}",
	                 "path", t->path, "component", t->component, "version",
	                 t->version, "update_type", kind_of(t), "length",
	                 (json_int_t)t->image_len, "pack_length",
	                 (json_int_t)t->pack_len, "seal_length",
	                 (json_int_t)t->length, "hardwareIds",
	                 json_object_get(t->custom, "hardwareIds"), "seal",
	                 t->seal_sha256, "pack", t->pack_sha256, "requires",
	                 vs_requires_json(&t->requires));
}

vs_status vs_release_json(const struct vs_releases *r,
                          const struct vs_release *release, json_t **out)
{
	json_t *targets = json_array();
	const struct vs_standing *is = &release->standing;
	char at[VS_TIME_LEN], since[VS_TIME_LEN] = "";

	for (size_t i = 0; targets && i < r->target_count; i++)
		if (strcmp(r->targets[i].release, release->name) == 0 &&
		    json_array_append_new(targets,
		                          target_json(&r->targets[i]))) {
			json_decref(targets);
			targets = NULL;
		}
	vs_time_format(release->uploaded_s, at);
	if (is->since_s)
		vs_time_format(is->since_s, since);
	*out = targets ? json_pack("{s:s, s:I, s:I, s:o, s:s, s:s, s:s, s:s, "
	                           "s:s, s:s, s:s, s:s}",
	                           "name", release->name, "release_seq",
	                           (json_int_t)release->seq, "security_version",
	                           (json_int_t)release->security_version,
	                           "targets", targets, "uploaded_by",
	                           release->uploaded_by, "uploaded_at", at,
	                           "update_type", vs_release_kind(r, release),
	                           "stage", vs_stage_name(is->stage),
	                           "stage_since", since, "stage_by", is->by,
	                           "stage_approved_by", is->approved_by,
	                           "general_asked_by", is->asked_by)
	               : NULL;
	return *out ? VS_OK : VS_ERR_NOMEM;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/image_publish.c - judging proposed metadata as a charger
 * would.
 *
 * The chargers' client runs here over the proposed files, starting from what
 * is in force; then every new target's seal and pack are held against it.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "server/publish/image_files.h"
#include "server/store/name.h"
#include "trust/json.h"
#include "trust/tuf.h"

static vs_status merge_one(const struct vs_fileset *cur,
                           const struct vs_file *f, struct vs_fileset *out,
                           struct vs_why *why)
{
	const struct vs_file *old = vs_fileset_find(cur, f->name);
	uint64_t version, newest;
	char role[128];

	if (vs_name_metadata(f->name, &version, role, sizeof role) ||
	    strcmp(role, "snapshot") == 0 || strcmp(role, "timestamp") == 0)
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_BAD_PATH,
		               "not a name the signing room gives", 0);
	if (old &&
	    (old->len != f->len || memcmp(old->bytes, f->bytes, f->len) != 0))
		return vs_fail(VS_ERR_STATE, why, VS_REASON_CONFLICT,
		               "published already with other bytes", 0);
	/* The publish folder of the signing room keeps old versions. */
	vs_fileset_newest(out, role, &newest);
	if (strcmp(role, "root") != 0 && version < newest)
		return VS_OK;
	return vs_fileset_put(out, f->name, f->bytes, f->len);
}

static vs_status merge(const struct vs_fileset *cur,
                       const struct vs_fileset *proposed,
                       struct vs_fileset *out, struct vs_image_about *about,
                       struct vs_why *why)
{
	uint64_t version;
	vs_status status = vs_fileset_copy(cur, out);

	for (size_t i = 0; !status && i < proposed->count; i++) {
		status = merge_one(cur, &proposed->files[i], out, why);
		if (status)
			snprintf(about->file, sizeof about->file, "%.300s",
			         proposed->files[i].name);
	}
	if (!status && !vs_fileset_newest(out, "targets", &version)) {
		snprintf(about->file, sizeof about->file, "targets.json");
		return vs_fail(VS_ERR_INPUT, why, VS_REASON_NOT_LISTED,
		               "missing", 0);
	}
	return status;
}

/* The repository as a charger meets it. */
struct client {
	const struct vs_fileset *served;
	struct vs_fileset stored; /* by role */
};

static vs_status give(const struct vs_file *f, uint8_t **out, size_t *len)
{
	*out = NULL;
	*len = 0;
	if (!f)
		return VS_ERR_ABSENT;
	*out = malloc(f->len + 1);
	if (!*out)
		return VS_ERR_NOMEM;
	memcpy(*out, f->bytes, f->len + 1);
	*len = f->len;
	return VS_OK;
}

static vs_status fetch(void *ctx, const char *name, size_t max, uint8_t **out,
                       size_t *len)
{
	const struct client *c = ctx;
	const struct vs_file *f = vs_fileset_find(c->served, name);

	*out = NULL;
	if (f && f->len > max)
		return VS_ERR_LIMIT;
	return give(f, out, len);
}

static vs_status load(void *ctx, const char *role, uint8_t **out, size_t *len)
{
	const struct client *c = ctx;

	return give(vs_fileset_find(&c->stored, role), out, len);
}

static vs_status store(void *ctx, const char *role, const uint8_t *in,
                       size_t len)
{
	struct client *c = ctx;

	return vs_fileset_put(&c->stored, role, in, len);
}

static vs_status forget(void *ctx, const char *role)
{
	struct client *c = ctx;

	vs_fileset_remove(&c->stored, role);
	return VS_OK;
}

/* A charger that has all that is in force now. */
static vs_status remember(const struct vs_fileset *cur, struct client *c)
{
	vs_status status = VS_OK;
	const struct vs_file *f;
	char role[128];
	uint64_t n;

	for (size_t i = 0; !status && i < cur->count; i++) {
		if (vs_name_metadata(cur->files[i].name, &n, role, sizeof role))
			continue;
		f = vs_fileset_newest(cur, role, &n);
		status = vs_fileset_put(&c->stored, role, f->bytes, f->len);
	}
	f = vs_fileset_find(cur, "timestamp.json");
	if (!status && f)
		status = vs_fileset_put(&c->stored, "timestamp", f->bytes,
		                        f->len);
	return status;
}

static vs_status find_target(struct vs_tuf *t, const char *path,
                             const char *role, struct vs_releases *out,
                             struct vs_image_about *about, struct vs_why *why)
{
	struct vs_target found;
	vs_status status = vs_tuf_find(t, path, &found, why);

	/* A role's metadata may be at fault for a target that is not. */
	if (status && *vs_tuf_failed_file(t))
		snprintf(about->file, sizeof about->file, "%.300s",
		         vs_tuf_failed_file(t));
	if (status)
		return status;
	if (strcmp(found.role, role) != 0)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_NOT_LISTED,
		               "another role answers for this path", 0);
	return vs_releases_add(out, &found, why);
}

/* Everything a role's file lists has to be found by a charger. */
static vs_status find_all(struct vs_tuf *t, const struct vs_file *f,
                          const char *role, struct vs_releases *out,
                          struct vs_image_about *about, struct vs_why *why)
{
	struct vs_envelope e = {0};
	const char *path;
	json_t *targets, *entry;
	vs_status status = vs_envelope_parse(
		f->bytes, f->len, VS_TUF_TARGETS_MAX, "targets", &e, why);

	snprintf(about->file, sizeof about->file, "%.300s", f->name);
	if (!status)
		status = vs_json_object(e.body, "targets", &targets, why);
	if (!status)
		json_object_foreach(targets, path, entry)
		{
			snprintf(about->file, sizeof about->file, "%.300s",
			         path);
			status = find_target(t, path, role, out, about, why);
			if (status)
				break;
		}
	vs_envelope_drop(&e);
	return status;
}

static vs_status walk(struct vs_tuf *t, const struct vs_fileset *files,
                      struct vs_releases *out, struct vs_image_about *about,
                      struct vs_why *why)
{
	vs_status status = VS_OK;
	char role[128];
	uint64_t n, newest;

	for (size_t i = 0; !status && i < files->count; i++) {
		const struct vs_file *f = &files->files[i];

		if (vs_name_metadata(f->name, &n, role, sizeof role) ||
		    strcmp(role, "root") == 0 || strcmp(role, "snapshot") == 0)
			continue;
		if (f == vs_fileset_newest(files, role, &newest))
			status = find_all(t, f, role, out, about, why);
	}
	if (!status)
		about->file[0] = 0;
	return status ? status : vs_releases_finish(out, why);
}

static vs_status refresh(struct vs_tuf *t, const struct vs_fileset *files,
                         struct vs_image_about *about, struct vs_why *why)
{
	uint64_t newest;
	vs_status status = vs_tuf_refresh(t, why);

	snprintf(about->file, sizeof about->file, "%.300s",
	         vs_tuf_failed_file(t));
	vs_fileset_newest(files, "root", &newest);
	if (!status && vs_tuf_version(t, "root") != newest)
		return vs_fail(VS_ERR_REFUSED, why, VS_REASON_WRONG_VERSION,
		               "a root is missing in between", 0);
	return status;
}

static vs_status judge(const struct vs_image_repo *cur,
                       const struct vs_image_with *with,
                       struct vs_image_repo *out, struct vs_image_about *about,
                       struct vs_why *why)
{
	struct client c = {.served = &out->files};
	const struct vs_tuf_ops ops = {.ctx = &c,
	                               .fetch = fetch,
	                               .load = load,
	                               .store = store,
	                               .remove = forget};
	struct vs_tuf *t = NULL;
	vs_status status = remember(&cur->files, &c);

	if (!status)
		status = vs_tuf_open(&ops, with->now_s, &t, why);
	if (!status)
		status = refresh(t, &out->files, about, why);
	if (!status)
		status = walk(t, &out->files, &out->releases, about, why);
	vs_tuf_close(&t);
	vs_fileset_drop(&c.stored);
	return status;
}

/* A target that is in force already was checked then, perhaps with a keyring
 * that has since been replaced.
 */
static const struct vs_release_target *known(const struct vs_releases *cur,
                                             const struct vs_release_target *t)
{
	for (size_t i = 0; i < cur->target_count; i++)
		if (strcmp(cur->targets[i].path, t->path) == 0 &&
		    strcmp(cur->targets[i].seal_sha256, t->seal_sha256) == 0 &&
		    json_equal(cur->targets[i].custom, t->custom))
			return &cur->targets[i];
	return NULL;
}

static vs_status check_artifacts(const struct vs_image_repo *cur,
                                 const struct vs_image_with *with,
                                 struct vs_image_repo *out,
                                 struct vs_image_about *about,
                                 struct vs_why *why)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < out->releases.target_count; i++) {
		struct vs_release_target *t = &out->releases.targets[i];
		const struct vs_release_target *old = known(&cur->releases, t);

		if (old) {
			t->image_len = old->image_len;
			t->pack_len = old->pack_len;
			continue;
		}
		snprintf(about->file, sizeof about->file, "%.300s", t->path);
		status = vs_release_check(t, &with->log, with->ring,
		                          with->crypto, why);
	}
	return status;
}

static void keep_uploaders(const struct vs_releases *cur,
                           const struct vs_image_with *with,
                           struct vs_releases *out)
{
	for (size_t i = 0; i < out->count; i++) {
		const struct vs_release *old =
			vs_releases_find(cur, out->all[i].name);

		out->all[i].standing = (struct vs_standing){
			.stage = with->first_stage, .since_s = with->now_s};
		if (old) {
			memcpy(out->all[i].uploaded_by, old->uploaded_by,
			       sizeof old->uploaded_by);
			out->all[i].uploaded_s = old->uploaded_s;
			out->all[i].standing = old->standing;
		}
	}
}

vs_status vs_image_propose(const struct vs_image_repo *cur,
                           const struct vs_fileset *proposed,
                           const struct vs_image_with *with,
                           struct vs_image_repo *out,
                           struct vs_image_about *about, struct vs_why *why)
{
	uint64_t ttl = with->timestamp_ttl_s < with->snapshot_ttl_s
	                       ? with->timestamp_ttl_s
	                       : with->snapshot_ttl_s;

	*out = (struct vs_image_repo){.renew_s = with->now_s + ttl / 2};
	*about = (struct vs_image_about){0};
	vs_fail(VS_ERR_NOMEM, why, VS_REASON_NONE, "memory", 0);
	vs_status status =
		merge(&cur->files, proposed, &out->files, about, why);
	if (!status)
		status = vs_image_sign(&out->files, with, why);
	if (!status)
		status = judge(cur, with, out, about, why);
	if (!status)
		status = check_artifacts(cur, with, out, about, why);
	if (!status)
		keep_uploaders(&cur->releases, with, &out->releases);
	return status;
}

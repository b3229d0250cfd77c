/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/image_repo.c - loading, signing anew and storing the image
 * repository; image_publish.c judges what is proposed.
 */
#include "server/publish/image_repo.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "seal/pack.h"
#include "server/publish/artifact.h"
#include "server/publish/director.h"
#include "server/publish/image_files.h"
#include "server/store/name.h"
#include "trust/json.h"
#include "trust/write.h"

void vs_image_drop(struct vs_image_repo *r)
{
	vs_fileset_drop(&r->files);
	vs_releases_drop(&r->releases);
	*r = (struct vs_image_repo){0};
}

static vs_status add_listed(const struct vs_fileset *files, const char *role,
                            struct vs_write_file *list, char (*names)[136],
                            size_t *count)
{
	uint64_t version;
	const struct vs_file *f = vs_fileset_newest(files, role, &version);

	for (size_t i = 0; i < *count; i++)
		if (list[i].bytes == f->bytes)
			return VS_OK;
	if (*count == VS_IMAGE_ROLES_MAX)
		return VS_ERR_LIMIT;
	snprintf(names[*count], sizeof *names, "%s.json", role);
	list[*count] = (struct vs_write_file){.name = names[*count],
	                                      .version = version,
	                                      .bytes = f->bytes,
	                                      .len = f->len};
	(*count)++;
	return VS_OK;
}

/* The newest file of targets and of each delegated role. */
static vs_status list_roles(const struct vs_fileset *files,
                            struct vs_write_file *list, char (*names)[136],
                            size_t *count)
{
	vs_status status = VS_OK;
	char role[128];
	uint64_t n;

	*count = 0;
	for (size_t i = 0; !status && i < files->count; i++)
		if (!vs_name_metadata(files->files[i].name, &n, role,
		                      sizeof role) &&
		    strcmp(role, "root") != 0 && strcmp(role, "snapshot") != 0)
			status = add_listed(files, role, list, names, count);
	return status;
}

/* The snapshot before last is nobody's concern any more. */
static void forget_snapshots(struct vs_fileset *files, uint64_t newest)
{
	char role[128];
	uint64_t n;

	for (size_t i = files->count; i-- > 0;)
		if (!vs_name_metadata(files->files[i].name, &n, role,
		                      sizeof role) &&
		    strcmp(role, "snapshot") == 0 && n < newest)
			vs_fileset_remove(files, files->files[i].name);
}

static vs_status sign_snapshot(struct vs_fileset *files,
                               const struct vs_signers *signers,
                               const struct vs_image_with *with,
                               uint64_t version, struct vs_why *why)
{
	struct vs_write_file list[VS_IMAGE_ROLES_MAX];
	char names[VS_IMAGE_ROLES_MAX][136], file[48];
	VS_AUTO(vs_free_drop) char *text = NULL;
	size_t count, len;
	json_t *body;
	vs_status status = list_roles(files, list, names, &count);

	if (!status)
		status = vs_write_snapshot(version,
		                           with->now_s + with->snapshot_ttl_s,
		                           list, count, &body);
	if (status)
		return vs_fail(status, why, VS_REASON_NONE, "snapshot", 0);
	status = vs_online_sign(with->keys, &signers->snapshot, body, &text,
	                        &len, why);
	if (status)
		return status;
	snprintf(file, sizeof file, "%llu.snapshot.json",
	         (unsigned long long)version);
	return vs_fileset_put(files, file, text, len);
}

static vs_status sign_timestamp(struct vs_fileset *files,
                                const struct vs_signers *signers,
                                const struct vs_image_with *with,
                                uint64_t version, struct vs_why *why)
{
	VS_AUTO(vs_free_drop) char *text = NULL;
	uint64_t newest;
	const struct vs_file *f = vs_fileset_newest(files, "snapshot", &newest);
	const struct vs_write_file snapshot = {.name = "snapshot.json",
	                                       .version = newest,
	                                       .bytes = f->bytes,
	                                       .len = f->len};
	size_t len;
	json_t *body;
	vs_status status = vs_write_timestamp(
		version, with->now_s, with->now_s + with->timestamp_ttl_s,
		&snapshot, &body);

	if (status)
		return vs_fail(status, why, VS_REASON_NONE, "timestamp", 0);
	status = vs_online_sign(with->keys, &signers->timestamp, body, &text,
	                        &len, why);
	return status ? status
	              : vs_fileset_put(files, "timestamp.json", text, len);
}

static uint64_t timestamp_version(const struct vs_fileset *files)
{
	const struct vs_file *f = vs_fileset_find(files, "timestamp.json");
	struct vs_envelope e = {0};
	struct vs_why why;
	uint64_t version = 0;

	if (f && !vs_envelope_parse(f->bytes, f->len, VS_TUF_TIMESTAMP_MAX,
	                            "timestamp", &e, &why))
		version = vs_envelope_version(&e);
	vs_envelope_drop(&e);
	return version;
}

static uint64_t higher(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

struct vs_image_versions vs_image_reached(const struct vs_image_repo *r)
{
	struct vs_image_versions v;

	vs_fileset_newest(&r->files, "snapshot", &v.snapshot);
	v.snapshot = higher(v.snapshot, r->beyond.snapshot);
	v.timestamp = higher(timestamp_version(&r->files), r->beyond.timestamp);
	return v;
}

static vs_status sign_past(struct vs_fileset *files,
                           const struct vs_image_versions *last,
                           const struct vs_image_with *with, struct vs_why *why)
{
	struct vs_signers signers = {0};
	uint64_t root_version;
	const struct vs_file *root =
		vs_fileset_newest(files, "root", &root_version);
	uint64_t timestamp = vs_director_next(last->timestamp, with->now_s);
	uint64_t snapshot = vs_director_next(last->snapshot, with->now_s);

	if (!root)
		return vs_fail(VS_ERR_ABSENT, why, VS_REASON_UNREADABLE,
		               "no root", 0);
	vs_status status =
		vs_signers_parse(root->bytes, root->len, &signers, why);
	if (!status)
		status = sign_snapshot(files, &signers, with, snapshot, why);
	if (!status)
		status = sign_timestamp(files, &signers, with, timestamp, why);
	vs_signers_drop(&signers);
	return status;
}

vs_status vs_image_sign(struct vs_fileset *files,
                        const struct vs_image_with *with, struct vs_why *why)
{
	struct vs_image_versions last = {.timestamp = timestamp_version(files)};

	vs_fileset_newest(files, "snapshot", &last.snapshot);
	vs_status status = sign_past(files, &last, with, why);
	if (!status)
		forget_snapshots(files, last.snapshot);
	return status;
}

static uint64_t renew_at(const struct vs_image_with *with)
{
	uint64_t ttl = with->timestamp_ttl_s < with->snapshot_ttl_s
	                       ? with->timestamp_ttl_s
	                       : with->snapshot_ttl_s;

	return with->now_s + ttl / 2;
}

/* Targets without the client's judgement: what is in force was judged when it
 * was published, and chargers judge it again.
 */
static vs_status add_role(const void *bytes, size_t len,
                          struct vs_releases *out, struct vs_why *why)
{
	struct vs_envelope e = {0};
	const char *path;
	json_t *targets, *entry;
	vs_status status = vs_envelope_parse(bytes, len, VS_TUF_TARGETS_MAX,
	                                     "targets", &e, why);

	if (!status)
		status = vs_json_object(e.body, "targets", &targets, why);
	if (!status)
		json_object_foreach(targets, path, entry)
		{
			struct vs_target t = {
				.path = path,
				.hashes = json_object_get(entry, "hashes"),
				.custom = json_object_get(entry, "custom"),
			};
			status = vs_json_uint(entry, "length", &t.length, why);
			if (!status)
				status = vs_releases_add(out, &t, why);
			if (status)
				break;
		}
	vs_envelope_drop(&e);
	return status;
}

/* Lengths for people; what is missing stays 0. */
static void measure(struct vs_release_target *t, const char *data_dir)
{
	VS_AUTO(vs_free_drop) uint8_t *file = NULL;
	VS_AUTO(vs_fd_drop) int fd = -1;
	struct vs_seal seal;
	struct vs_why why;
	size_t len;

	if (!vs_artifact_read(data_dir, t->seal_sha256, VS_SEAL_LEN_MAX, &file,
	                      &len) &&
	    !vs_seal_decode(file, len, &seal, &why))
		t->image_len = seal.header.image_len;
	if (vs_artifact_open(data_dir, t->pack_sha256, &fd, &t->pack_len))
		t->pack_len = 0;
}

static vs_status load_releases(struct vs_image_repo *r, const char *data_dir,
                               struct vs_why *why)
{
	struct vs_write_file list[VS_IMAGE_ROLES_MAX];
	char names[VS_IMAGE_ROLES_MAX][136];
	size_t count;
	vs_status status = list_roles(&r->files, list, names, &count);

	if (status)
		return vs_fail(status, why, VS_REASON_TOO_LARGE,
		               "delegated roles", 0);
	for (size_t i = 0; !status && i < count; i++)
		status =
			add_role(list[i].bytes, list[i].len, &r->releases, why);
	for (size_t i = 0; !status && i < r->releases.target_count; i++)
		measure(&r->releases.targets[i], data_dir);
	return status ? status : vs_releases_finish(&r->releases, why);
}

struct loading {
	struct vs_store *store;
	struct vs_image_repo *repo;
};

static vs_status load_file(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	size_t len;
	const void *body = vs_row_blob(l->store, row, 1, &len);

	return vs_fileset_put(&l->repo->files, vs_row_text(l->store, row, 0),
	                      body, len);
}

static vs_status load_uploader(void *ctx, const struct vs_row *row)
{
	struct loading *l = ctx;
	struct vs_releases *r = &l->repo->releases;

	for (size_t i = 0; i < r->count; i++)
		if (strcmp(r->all[i].name, vs_row_text(l->store, row, 0)) ==
		    0) {
			snprintf(r->all[i].uploaded_by,
			         sizeof r->all[i].uploaded_by, "%s",
			         vs_row_text(l->store, row, 1));
			r->all[i].uploaded_s = vs_row_uint(l->store, row, 2);
		}
	return VS_OK;
}

vs_status vs_image_load(struct vs_store *s, const struct vs_image_with *with,
                        const uint8_t *first_root, size_t len,
                        struct vs_image_repo *out, struct vs_why *why)
{
	struct loading l = {s, out};
	uint64_t version;

	*out = (struct vs_image_repo){0};
	vs_fail(VS_ERR_IO, why, VS_REASON_UNREADABLE, "image_file", 0);
	vs_status status = vs_store_query(
		s, "SELECT name, body FROM image_file", NULL, 0, load_file, &l);
	if (!status && !vs_fileset_newest(&out->files, "root", &version))
		status = vs_fileset_put(&out->files, "1.root.json", first_root,
		                        len);
	if (!status)
		status = load_releases(out, with->data_dir, why);
	if (!status)
		status = vs_store_query(
			s, "SELECT name, uploaded_by, uploaded_s FROM release",
			NULL, 0, load_uploader, &l);
	for (size_t i = 0; !status && i < out->releases.count; i++)
		status = vs_standing_load(s, out->releases.all[i].name,
		                          &out->releases.all[i].standing);
	/* Due at once: an intruder may have counted on from our versions. */
	if (!status && vs_fileset_newest(&out->files, "targets", &version))
		out->renew_s = VS_RENEW_NOW;
	return status;
}

static vs_status copy_releases(const struct vs_releases *from,
                               struct vs_releases *out, struct vs_why *why)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < from->target_count; i++) {
		const struct vs_release_target *f = &from->targets[i];
		const struct vs_target t = {.path = f->path,
		                            .length = f->length,
		                            .hashes = f->hashes,
		                            .custom = f->custom};

		status = vs_releases_add(out, &t, why);
		if (status)
			break;
		out->targets[i].image_len = f->image_len;
		out->targets[i].pack_len = f->pack_len;
	}
	if (!status)
		status = vs_releases_finish(out, why);
	if (!status && from->count)
		memcpy(out->all, from->all, from->count * sizeof *out->all);
	return status;
}

vs_status vs_image_renew(const struct vs_image_repo *cur,
                         const struct vs_image_with *with,
                         struct vs_image_repo *out, struct vs_why *why)
{
	const struct vs_image_versions last = vs_image_reached(cur);
	uint64_t before;

	*out = (struct vs_image_repo){.renew_s = renew_at(with)};
	vs_status status = vs_fileset_copy(&cur->files, &out->files);
	if (!status)
		status = copy_releases(&cur->releases, &out->releases, why);
	if (!status)
		status = sign_past(&out->files, &last, with, why);
	vs_fileset_newest(&cur->files, "snapshot", &before);
	if (!status)
		forget_snapshots(&out->files, before);
	return status;
}

static vs_status store_files(struct vs_store *s, const struct vs_fileset *cur,
                             const struct vs_fileset *next)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < next->count; i++) {
		const struct vs_file *f = &next->files[i];
		const struct vs_value args[] = {vs_text(f->name),
		                                vs_blob(f->bytes, f->len)};

		status = vs_store_query(
			s,
			"INSERT INTO image_file (name, body) VALUES (?1, ?2) "
			"ON CONFLICT (name) DO UPDATE SET body = excluded.body "
			"WHERE image_file.body <> excluded.body",
			args, 2, NULL, NULL);
	}
	for (size_t i = 0; !status && i < cur->count; i++) {
		const struct vs_value name = vs_text(cur->files[i].name);

		if (!vs_fileset_find(next, cur->files[i].name))
			status = vs_store_query(
				s, "DELETE FROM image_file WHERE name = ?1",
				&name, 1, NULL, NULL);
	}
	return status;
}

/* One that was here before and is back stands where it stood. */
static vs_status store_standing(struct vs_store *s, struct vs_release *r)
{
	struct vs_standing was;
	vs_status status = vs_standing_load(s, r->name, &was);

	if (status || !was.since_s)
		return status ? status
		              : vs_standing_store(s, r->name, &r->standing);
	r->standing = was;
	return VS_OK;
}

vs_status vs_image_store(struct vs_store *s, const struct vs_image_repo *cur,
                         struct vs_image_repo *next, const char *who,
                         uint64_t now_s)
{
	vs_status status = store_files(s, &cur->files, &next->files);

	for (size_t i = 0; !status && i < next->releases.count; i++) {
		struct vs_release *r = &next->releases.all[i];

		if (r->uploaded_s)
			continue;
		r->uploaded_s = now_s;
		snprintf(r->uploaded_by, sizeof r->uploaded_by, "%s", who);
		snprintf(r->standing.by, sizeof r->standing.by, "%s", who);
		const struct vs_value args[] = {vs_text(r->name),
		                                vs_uint(r->seq), vs_text(who),
		                                vs_uint(now_s)};
		status = vs_store_query(
			s,
			"INSERT INTO release (name, release_seq, uploaded_by, "
			"uploaded_s) VALUES (?1, ?2, ?3, ?4) "
			"ON CONFLICT (name) DO NOTHING",
			args, 4, NULL, NULL);
		if (!status)
			status = store_standing(s, r);
	}
	return status;
}

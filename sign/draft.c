/* SPDX-License-Identifier: Apache-2.0
 *
 * sign/draft.c - a proposal being made: it appears whole or not at all.
 */
#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/log.h"
#include "sign/proposal.h"
#include "sign/say.h"
#include "trust/json.h"
#include "trust/time.h"

/* A proposal's folder has no folders in it. */
static vs_status clear(const char *dir)
{
	DIR *all = opendir(dir);
	bool ok = true;

	if (!all)
		return errno == ENOENT ? VS_OK : vs_say_io(VS_ERR_IO, dir);
	for (struct dirent *e; ok && (e = readdir(all));)
		if (strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0)
			ok = unlinkat(dirfd(all), e->d_name, 0) == 0;
	if (!ok || rmdir(dir)) {
		vs_say_io(VS_ERR_IO, dir);
		ok = false;
	}
	closedir(all);
	return ok ? VS_OK : VS_ERR_IO;
}

vs_status vs_draft_clear(const struct vs_room *r, const char *name)
{
	char dir[PATH_MAX];
	vs_status status = vs_room_path(r, dir, "proposals/%s", name);

	return status ? status : clear(dir);
}

vs_status vs_draft_begin(const struct vs_room *r, const char *name,
                         struct vs_draft *out)
{
	char now[VS_TIME_LEN], quoted[64];

	*out = (struct vs_draft){0};
	if (!vs_room_name_ok(name)) {
		vs_error("proposal %s: name: 1 to 31 of [A-Za-z0-9._-]",
		         vs_log_quote(name, quoted, sizeof quoted));
		return VS_ERR_INPUT;
	}
	vs_status status = vs_room_path(r, out->final, "proposals/%s", name);
	if (!status)
		status = vs_room_path(r, out->dir, "proposals/.new-%s", name);
	if (status)
		return status;
	if (vs_file_exists(out->final)) {
		vs_error("%s: there is such a proposal already", out->final);
		return VS_ERR_STATE;
	}
	status = clear(out->dir); /* of a command that was cut off */
	if (status)
		return status;
	if (vs_file_mkdirs(out->dir, 0755))
		return vs_say_io(VS_ERR_IO, out->dir);
	out->begun = true;
	vs_time_format((uint64_t)time(NULL), now);
	out->about = json_pack("{s:s, s:s, s:[], s:[]}", "name", name, "made",
	                       now, "documents", "images");
	return out->about ? VS_OK : vs_say_io(VS_ERR_NOMEM, out->dir);
}

void vs_draft_drop(struct vs_draft *d)
{
	/* a failure to clear is said; the next draft clears again */
	if (d->begun && !d->committed)
		(void)clear(d->dir);
	json_decref(d->about);
	*d = (struct vs_draft){0};
}

static vs_status add(struct vs_draft *d, const char *list, json_t *entry)
{
	if (json_array_append_new(json_object_get(d->about, list), entry))
		return vs_say_io(VS_ERR_NOMEM, d->dir);
	return VS_OK;
}

vs_status vs_metadata_store(const char *path, json_t *body)
{
	struct vs_envelope e;
	char *text = NULL;
	size_t len;
	vs_status status = vs_envelope_new(body, &e);

	if (!status)
		status = vs_envelope_encode(&e, &text, &len);
	if (!status)
		status = vs_file_replace(path, text, len, 0644);
	free(text);
	vs_envelope_drop(&e);
	return status ? vs_say_io(status, path) : VS_OK;
}

vs_status vs_draft_add_metadata(struct vs_draft *d, const char *repository,
                                const char *role, uint64_t version,
                                json_t *body)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/%s.%s.json", d->dir, repository, role);
	if (body) {
		vs_status status = vs_metadata_store(path, body);

		if (status)
			return status;
	}
	return add(d, "documents",
	           json_pack("{s:s, s:s, s:I}", "repository", repository,
	                     "role", role, "version", (json_int_t)version));
}

vs_status vs_draft_add_keyring(struct vs_draft *d,
                               const struct vs_keyring *ring)
{
	static const struct vs_signatures none;
	char path[PATH_MAX + 64];
	uint8_t file[VS_KEYRING_LEN_MAX];
	size_t len, block;
	struct vs_why why = {0};

	snprintf(path, sizeof path, "%s/" VS_BOOT "." VS_KEYRING, d->dir);
	vs_status status =
		vs_keyring_encode(ring, file, sizeof file, &len, &why);
	if (status)
		return vs_say_why(status, path, &why);
	status = vs_signatures_encode(&none, file + len, sizeof file - len,
	                              &block);
	if (!status)
		status = vs_file_replace(path, file, len + block, 0644);
	if (status)
		return vs_say_io(status, path);
	return add(d, "documents",
	           json_pack("{s:s, s:s, s:I}", "repository", VS_BOOT, "role",
	                     VS_KEYRING, "version", (json_int_t)ring->version));
}

vs_status vs_draft_add_policy(struct vs_draft *d, const struct vs_policy *p)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/policy.json", d->dir);
	return vs_policy_store(p, path);
}

vs_status vs_draft_pack_path(const struct vs_draft *d, const char *component,
                             char out[static PATH_MAX])
{
	int n = snprintf(out, PATH_MAX, "%s/%s.pack", d->dir, component);

	return n < 0 || n >= PATH_MAX ? vs_say_io(VS_ERR_LIMIT, d->dir) : VS_OK;
}

vs_status vs_draft_add_image(struct vs_draft *d, const struct vs_sealed *s,
                             const struct vs_requires *requires)
{
	char path[PATH_MAX + 64];
	json_t *needs = NULL;

	snprintf(path, sizeof path, "%s/%s.seal", d->dir, s->fields.component);
	vs_status status = vs_sealed_store(s, path);
	if (status)
		return status;
	if (requires->count && !(needs = vs_requires_json(requires)))
		return vs_say_io(VS_ERR_NOMEM, d->dir);
	return add(d, "images",
	           json_pack("{s:s, s:s, s:s, s:I, s:o*}", "component",
	                     s->fields.component, "imageSha256",
	                     s->image_sha256, "packSha256", s->pack_sha256,
	                     "packLength", (json_int_t)s->pack_len, "requires",
	                     needs));
}

vs_status vs_draft_commit(struct vs_draft *d)
{
	char path[PATH_MAX + 64];

	snprintf(path, sizeof path, "%s/proposal.json", d->dir);
	vs_status status = vs_say_json(path, d->about, 0644);
	if (status)
		return status;
	if (rename(d->dir, d->final))
		return vs_say_io(VS_ERR_IO, d->final);
	d->committed = true;
	return VS_OK;
}

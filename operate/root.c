/* SPDX-License-Identifier: Apache-2.0
 *
 * operate/root.c - a root file that a person hands us.
 */
#include "operate/root.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/file.h"
#include "trust/tuf.h"

enum { path_max = 4096 };

static vs_status unreadable(vs_status status, struct vs_why *why)
{
	const char *what = status == VS_ERR_IO || status == VS_ERR_DENIED
	                           ? strerror(errno)
	                           : vs_status_name(status);

	return vs_fail(status, why, VS_REASON_UNREADABLE, what, 0);
}

static vs_status load(void *ctx, const char *role, uint8_t **out, size_t *len)
{
	const struct vs_buffer *root = ctx;

	*out = NULL;
	*len = 0;
	if (strcmp(role, "root") != 0)
		return VS_ERR_ABSENT;
	*out = malloc(root->len + 1);
	if (!*out)
		return VS_ERR_NOMEM;
	memcpy(*out, root->data, root->len);
	*len = root->len;
	return VS_OK;
}

/* Opening fetches, stores and removes nothing, so only load is there. */
static vs_status judge(struct vs_buffer *root, struct vs_why *why)
{
	const struct vs_tuf_ops ops = {.ctx = root, .load = load};
	struct vs_tuf *t = NULL;
	vs_status status = vs_tuf_open(&ops, 0, &t, why);

	vs_tuf_close(&t);
	return status;
}

vs_status vs_root_read(const char *file, struct vs_buffer *out,
                       struct vs_why *why)
{
	vs_status status =
		vs_file_read(file, VS_TUF_ROOT_MAX, &out->data, &out->len);

	if (status == VS_ERR_LIMIT)
		return vs_fail(status, why, VS_REASON_TOO_LARGE,
		               "larger than a root file may be", 0);
	return status ? unreadable(status, why) : judge(out, why);
}

vs_status vs_root_keep(const char *dir, const struct vs_buffer *root,
                       struct vs_why *why)
{
	char path[path_max];
	vs_status status = vs_file_mkdirs(dir, 0755);

	if (!status)
		status = vs_path_join(path, sizeof path, dir, "root.json");
	if (!status)
		status = vs_file_replace(path, root->data, root->len, 0644);
	return status ? unreadable(status, why) : VS_OK;
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * server/publish/fileset.c - small files in memory, by name.
 */
#include "server/publish/fileset.h"

#include <stdlib.h>
#include <string.h>

#include "server/store/name.h"

static void drop_file(struct vs_file *f)
{
	free(f->name);
	free(f->bytes);
}

void vs_fileset_drop(struct vs_fileset *s)
{
	for (size_t i = 0; i < s->count; i++)
		drop_file(&s->files[i]);
	free(s->files);
	*s = (struct vs_fileset){0};
}

static struct vs_file *lookup(const struct vs_fileset *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (strcmp(s->files[i].name, name) == 0)
			return &s->files[i];
	return NULL;
}

const struct vs_file *vs_fileset_find(const struct vs_fileset *s,
                                      const char *name)
{
	return lookup(s, name);
}

static vs_status make(const char *name, const void *bytes, size_t len,
                      struct vs_file *out)
{
	*out = (struct vs_file){
		.name = strdup(name), .bytes = malloc(len + 1), .len = len};
	if (!out->name || !out->bytes) {
		drop_file(out);
		return VS_ERR_NOMEM;
	}
	memcpy(out->bytes, bytes, len);
	out->bytes[len] = 0;
	return VS_OK;
}

vs_status vs_fileset_put(struct vs_fileset *s, const char *name,
                         const void *bytes, size_t len)
{
	struct vs_file made, *old = lookup(s, name);
	vs_status status = make(name, bytes, len, &made);

	if (status)
		return status;
	if (old) {
		drop_file(old);
		*old = made;
		return VS_OK;
	}
	struct vs_file *more =
		realloc(s->files, (s->count + 1) * sizeof *s->files);
	if (!more) {
		drop_file(&made);
		return VS_ERR_NOMEM;
	}
	s->files = more;
	s->files[s->count++] = made;
	return VS_OK;
}

void vs_fileset_remove(struct vs_fileset *s, const char *name)
{
	struct vs_file *f = lookup(s, name);

	if (!f)
		return;
	drop_file(f);
	*f = s->files[--s->count];
}

vs_status vs_fileset_copy(const struct vs_fileset *s, struct vs_fileset *out)
{
	vs_status status = VS_OK;

	for (size_t i = 0; !status && i < s->count; i++)
		status = vs_fileset_put(out, s->files[i].name,
		                        s->files[i].bytes, s->files[i].len);
	return status;
}

const struct vs_file *vs_fileset_newest(const struct vs_fileset *s,
                                        const char *role, uint64_t *version)
{
	const struct vs_file *newest = NULL;
	char name[128];
	uint64_t n;

	*version = 0;
	for (size_t i = 0; i < s->count; i++)
		if (!vs_name_metadata(s->files[i].name, &n, name,
		                      sizeof name) &&
		    strcmp(name, role) == 0 && n > *version) {
			newest = &s->files[i];
			*version = n;
		}
	return newest;
}

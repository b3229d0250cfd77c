/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/bundle_files.c - writes bundles of the server in memory.
 */
#include "tests/agent/bundle_files.h"

#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "base/file.h"
#include "base/tar.h"

struct sink {
	const struct maker *maker;
	const char *name;
	struct vs_buffer tar;
};

static void add_tar(struct sink *to, const char *file, const void *bytes,
                    size_t len)
{
	static const uint8_t zeros[VS_TAR_BLOCK];
	struct vs_tar_entry e = {.len = len};
	uint8_t head[VS_TAR_BLOCK];

	assert_true(strlen(file) < sizeof(e.name));
	memcpy(e.name, file, strlen(file) + 1);
	assert_int_equal(vs_tar_encode(&e, head), VS_OK);
	assert_int_equal(vs_buffer_add(&to->tar, head, sizeof(head)), VS_OK);
	assert_int_equal(vs_buffer_add(&to->tar, bytes, len), VS_OK);
	assert_int_equal(vs_buffer_add(&to->tar, zeros,
	                               (size_t)(vs_tar_padded(len) - len)),
	                 VS_OK);
}

static void add(struct sink *to, const char *file, const void *bytes,
                size_t len)
{
	char rel[512], path[PATH_MAX];

	snprintf(rel, sizeof(rel), "%s/%s", to->name, file);
	maker_path(to->maker, rel, path);
	*strrchr(path, '/') = '\0';
	assert_int_equal(vs_file_mkdirs(path, 0755), VS_OK);
	maker_put(to->maker, rel, bytes, len);
	add_tar(to, file, bytes, len);
}

static void add_repo(struct sink *to, const struct repo *r, const char *folder)
{
	char file[400];

	for (int i = 0; i < FILES; i++) {
		if (!r->served[i].bytes)
			continue;
		snprintf(file, sizeof(file), "%s/%s", folder,
		         r->served[i].name);
		add(to, file, r->served[i].bytes, r->served[i].len);
	}
}

void bundle_put(const struct server *s, const struct maker *m,
                const char *vehicle, const char *name)
{
	static const uint8_t zeros[2 * VS_TAR_BLOCK];
	struct sink to = {.maker = m, .name = name};
	char file[300];

	maker_scrap(m, name);
	vs_buffer_init(&to.tar, 64 << 20);
	snprintf(file, sizeof(file), "director/%s", vehicle);
	add_repo(&to, &s->director, file);
	add_repo(&to, &s->image, "image");
	for (size_t i = 0; i < s->part_count; i++) {
		const struct server_part *p = &s->parts[i];

		snprintf(file, sizeof(file), "targets/%s", p->name);
		add(&to, file, p->made->seal, p->made->seal_len);
		if (s->proof) {
			snprintf(file, sizeof(file), "targets/%s.tlog-proof",
			         p->name);
			add(&to, file, s->proof, strlen(s->proof));
		}
		snprintf(file, sizeof(file), "packs/%s.pack", p->pack);
		add(&to, file, p->made->pack, p->made->pack_len);
	}
	assert_int_equal(vs_buffer_add(&to.tar, zeros, sizeof(zeros)), VS_OK);
	snprintf(file, sizeof(file), "%s.tar", name);
	maker_put(m, file, to.tar.data, to.tar.len);
	vs_buffer_drop(&to.tar);
}

/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/storage_real.c - a world, and a real folder that shows it.
 */
#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/agent/storage_world.h"

int __real_open64(const char *path, int flags, ...);
ssize_t __real_pwrite64(int fd, const void *in, size_t len, off_t at);
int __real_ftruncate64(int fd, off_t len);
int __real_unlink(const char *path);
int __real_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);

static bool is_zero(const uint8_t *block)
{
	static const uint8_t none[WORLD_BLOCK];

	return memcmp(block, none, WORLD_BLOCK) == 0;
}

static void load_file(struct node *n, const char *path, struct arena *mem)
{
	int fd = __real_open64(path, O_RDONLY | O_CLOEXEC);

	assert(fd >= 0);
	for (size_t i = 0; i < n->count; i++) {
		uint8_t block[WORLD_BLOCK] = {0};
		uint8_t *kept;

		assert(pread(fd, block, sizeof(block),
		             (off_t)(i * WORLD_BLOCK)) >= 0);
		if (is_zero(block))
			continue;
		kept = arena_take(mem, WORLD_BLOCK);
		memcpy(kept, block, WORLD_BLOCK);
		n->blocks[i] = kept;
	}
	close(fd);
}

static void load_folder(struct world *w, int id, const char *path,
                        struct arena *mem, int *next)
{
	DIR *dir = opendir(path);
	const struct dirent *d;

	assert(dir);
	while ((d = readdir(dir)) != NULL) {
		char below[PATH_MAX];
		struct stat st;
		struct node *n;
		int mine = *next;

		snprintf(below, sizeof(below), "%s/%s", path, d->d_name);
		if (strcmp(d->d_name, ".") == 0 ||
		    strcmp(d->d_name, "..") == 0 || lstat(below, &st) != 0 ||
		    (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode)))
			continue;
		++*next;
		n = world_add_node(w, mine, S_ISDIR(st.st_mode));
		n->dev = st.st_dev;
		n->ino = st.st_ino;
		world_link(w, id, d->d_name, mine);
		if (n->folder) {
			load_folder(w, mine, below, mem, next);
			continue;
		}
		world_resize(n, (uint64_t)st.st_size);
		load_file(n, below, mem);
	}
	closedir(dir);
}

void world_load(struct world *w, const char *root, struct arena *mem, int *next)
{
	struct stat st;
	struct node *n;

	memset(w, 0, sizeof(*w));
	assert(stat(root, &st) == 0);
	n = world_add_node(w, WORLD_ROOT, true);
	n->dev = st.st_dev;
	n->ino = st.st_ino;
	*next = WORLD_ROOT + 1;
	load_folder(w, WORLD_ROOT, root, mem, next);
}

/* What stands in from where e stands in its own world. */
static const struct node *same_place(const struct world *from, const char *path,
                                     bool folder)
{
	int id = world_lookup(from, path);
	const struct node *n = id < 0 ? NULL : world_node(from, id);

	return n && n->folder == folder ? n : NULL;
}

static bool remove_real(const char *real, bool folder)
{
	return (folder ? __real_rmdir(real) : __real_unlink(real)) == 0;
}

/* Files first; then folders, as often as one is empty by now. */
static void remove_gone(const char *root, const struct world *from,
                        const struct world *to)
{
	bool more = true;

	for (int round = 0; more; round++) {
		more = false;
		assert(round < 16);
		for (size_t i = 0; i < from->entry_count; i++) {
			const struct entry *e = &from->entries[i];
			bool folder = world_node(from, e->node)->folder;
			char path[PATH_MAX], real[2 * PATH_MAX];

			world_path(from, e, path, sizeof(path));
			snprintf(real, sizeof(real), "%s/%s", root, path);
			if (same_place(to, path, folder) ||
			    access(real, F_OK) != 0)
				continue;
			if (!remove_real(real, folder))
				more = true;
		}
	}
}

static void put_blocks(int fd, const struct node *n, const struct node *old)
{
	static const uint8_t none[WORLD_BLOCK];

	for (size_t i = 0; i < n->count; i++) {
		const uint8_t *before =
			old && i < old->count ? old->blocks[i] : NULL;
		uint64_t at = (uint64_t)i * WORLD_BLOCK;
		size_t len = n->len - at < WORLD_BLOCK ? (size_t)(n->len - at)
		                                       : WORLD_BLOCK;

		if (n->blocks[i] == before)
			continue;
		assert(__real_pwrite64(fd, n->blocks[i] ? n->blocks[i] : none,
		                       len, (off_t)at) == (ssize_t)len);
	}
}

static void put_file(const char *real, const struct node *n,
                     const struct node *old)
{
	bool same =
		old && old->len == n->len &&
		(n->count == 0 || memcmp(old->blocks, n->blocks,
	                                 n->count * sizeof(n->blocks[0])) == 0);
	int fd;

	if (same)
		return;
	fd = __real_open64(real, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	assert(fd >= 0);
	/* A longer one may end in bytes that its last block does not have. */
	if (old && old->len != n->len)
		assert(__real_ftruncate64(fd, 0) == 0);
	put_blocks(fd, n, old && old->len == n->len ? old : NULL);
	assert(__real_ftruncate64(fd, (off_t)n->len) == 0);
	close(fd);
}

/* False: the folder it is in is not there yet. */
static bool put_entry(const char *root, const struct world *from,
                      struct world *to, const struct entry *e)
{
	struct node *n = world_node(to, e->node);
	char path[PATH_MAX], real[2 * PATH_MAX];
	const struct node *old;
	struct stat st;

	world_path(to, e, path, sizeof(path));
	snprintf(real, sizeof(real), "%s/%s", root, path);
	old = same_place(from, path, n->folder);
	if (!n->folder)
		put_file(real, n, old);
	else if (!old && __real_mkdir(real, 0700) != 0 && errno != EEXIST)
		return false;
	assert(stat(real, &st) == 0);
	n->dev = st.st_dev;
	n->ino = st.st_ino;
	return true;
}

void world_become(const char *root, const struct world *from, struct world *to)
{
	struct stat st;
	bool more = true;

	remove_gone(root, from, to);
	for (int round = 0; more; round++) {
		more = false;
		assert(round < 16);
		for (size_t i = 0; i < to->entry_count; i++)
			if (world_node(to, to->entries[i].node)->folder &&
			    !put_entry(root, from, to, &to->entries[i]))
				more = true;
	}
	for (size_t i = 0; i < to->entry_count; i++)
		if (!world_node(to, to->entries[i].node)->folder)
			(void)put_entry(root, from, to, &to->entries[i]);
	assert(stat(root, &st) == 0);
	world_node(to, WORLD_ROOT)->dev = st.st_dev;
	world_node(to, WORLD_ROOT)->ino = st.st_ino;
}

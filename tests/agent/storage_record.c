/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/storage_record.c - between the program and the C library.
 *
 * Everything is really done; what is below the model's root is noted too.
 * Nothing is really flushed: the real folder is only what programs see.
 */
#include "tests/agent/storage_record.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

int __real_open64(const char *path, int flags, ...);
ssize_t __real_pwrite64(int fd, const void *in, size_t len, off_t at);
int __real_ftruncate64(int fd, off_t len);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);
int __real_unlinkat(int dir, const char *name, int flags);
int __real_mkdir(const char *path, mode_t mode);
int __real_rmdir(const char *path);

int __wrap_open64(const char *path, int flags, ...);
ssize_t __wrap_pwrite64(int fd, const void *in, size_t len, off_t at);
int __wrap_ftruncate64(int fd, off_t len);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_unlinkat(int dir, const char *name, int flags);
int __wrap_mkdir(const char *path, mode_t mode);
int __wrap_rmdir(const char *path);
int __wrap_remove(const char *path);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);
int __wrap_sync_file_range(int fd, off_t at, off_t len, unsigned how);

ssize_t __real_pread64(int fd, void *out, size_t len, off_t at);
ssize_t __wrap_pread64(int fd, void *out, size_t len, off_t at);

static _Thread_local bool busy;

bool model_busy(void)
{
	return busy;
}

static void enter(void)
{
	pthread_mutex_lock(&lock);
	busy = true;
}

static void leave(void)
{
	busy = false;
	pthread_mutex_unlock(&lock);
}

static struct model_fault fault;
static uint64_t calls;

void model_fail(const struct model_fault *f)
{
	fault = *f;
	calls = 0;
}

uint64_t model_calls(void)
{
	return calls;
}

/* What calls can fail with at all. */
enum { READS = 1, WRITES = 2, NAMES = 4, FLUSHES = 8 };

static bool can_fail(int kind)
{
	switch (fault.error) {
	case 0:
		return (kind & (READS | WRITES)) != 0;
	case EINTR:
		return (kind & NAMES) == 0;
	case ENOSPC:
	case EROFS:
		return (kind & READS) == 0;
	default:
		return true;
	}
}

/* With the lock held: counts a call; whether it is to fail, with errno set. */
static bool fails(int kind)
{
	if (!model.on)
		return false;
	calls++;
	if (fault.at == 0 || calls < fault.at ||
	    (calls > fault.at && !fault.for_ever) || !can_fail(kind))
		return false;
	errno = fault.error;
	return true;
}

static struct level *top(void)
{
	return &model.levels[model.depth];
}

static struct op *add(enum op_kind kind, int node)
{
	struct level *l = top();
	uint8_t *seen = model_look_outside(l);
	struct op *op;

	if (l->op_count == l->op_cap) {
		l->op_cap = l->op_cap ? l->op_cap * 2 : 128;
		l->ops = realloc(l->ops, l->op_cap * sizeof(l->ops[0]));
		assert(l->ops);
	}
	op = &l->ops[l->op_count++];
	memset(op, 0, sizeof(*op));
	op->kind = kind;
	op->node = node;
	op->folder = -1;
	op->flushed_at = SIZE_MAX;
	op->outside = seen;
	return op;
}

static struct node *node_of(int fd)
{
	struct stat st;

	if (!model.on || fstat(fd, &st) != 0)
		return NULL;
	for (size_t i = model.live.node_count; i-- > 0;) {
		struct node *n = &model.live.nodes[i];

		if (n->ino == st.st_ino && n->dev == st.st_dev)
			return n;
	}
	return NULL;
}

/* Splits a path below root into folder and name.  Gives the folder's node, or
 * -1 if it is elsewhere.
 */
static int folder_of(const char *path, const char **name)
{
	char rel[PATH_MAX];
	size_t len = strlen(model.root);
	const char *slash;

	if (!model.on || strncmp(path, model.root, len) != 0 ||
	    path[len] != '/')
		return -1;
	snprintf(rel, sizeof(rel), "%s", path + len + 1);
	slash = strrchr(rel, '/');
	*name = path + len + 1 + (slash ? slash - rel + 1 : 0);
	rel[slash ? slash - rel : 0] = '\0';
	return world_lookup(&model.live, rel);
}

static bool is_below(const char *path)
{
	const char *name;

	return folder_of(path, &name) >= 0;
}

static struct op *add_name(enum op_kind kind, int folder, const char *name,
                           int node)
{
	struct op *op = add(kind, node);

	op->folder = folder;
	snprintf(op->name, sizeof(op->name), "%s", name);
	return op;
}

/* Something new stands at a path. */
static void note_created(const char *path, bool is_folder)
{
	const char *name;
	struct node *n;
	struct stat st;
	int folder = folder_of(path, &name);

	if (folder < 0)
		return;
	assert(lstat(path, &st) == 0);
	for (size_t i = 0; i < model.live.node_count; i++)
		if (model.live.nodes[i].ino == st.st_ino)
			model.live.nodes[i].ino = 0; /* the kernel's again */
	n = world_add_node(&model.live, model.next_node++, is_folder);
	n->dev = st.st_dev;
	n->ino = st.st_ino;
	world_link(&model.live, folder, name, n->id);
	add_name(OP_CREATE, folder, name, n->id)->is_folder = is_folder;
}

int __wrap_open64(const char *path, int flags, ...)
{
	mode_t mode = 0;
	struct node *n;
	va_list more;
	bool fresh;
	int fd;

	va_start(more, flags);
	if (flags & O_CREAT)
		mode = va_arg(more, mode_t);
	va_end(more);
	if (!model.on)
		return __real_open64(path, flags, mode);
	enter();
	if (is_below(path) &&
	    fails(flags & (O_WRONLY | O_RDWR) ? NAMES : READS | NAMES) &&
	    fault.error) {
		leave();
		return -1;
	}
	if (!(flags & (O_CREAT | O_TRUNC))) {
		leave();
		return __real_open64(path, flags, mode);
	}
	fresh = access(path, F_OK) != 0;
	fd = __real_open64(path, flags, mode);
	if (fd >= 0 && fresh) {
		note_created(path, false);
	} else if (fd >= 0 && flags & O_TRUNC && (n = node_of(fd))) {
		add(OP_RESIZE, n->id);
		world_resize(n, 0);
	}
	leave();
	return fd;
}

ssize_t __wrap_pwrite64(int fd, const void *in, size_t len, off_t at)
{
	struct node *n;
	uint8_t *bytes;
	struct op *op;
	ssize_t done;

	enter();
	n = node_of(fd);
	if (n && fails(WRITES)) {
		if (fault.error || len < 2) {
			leave();
			return fault.error ? -1 : (ssize_t)len;
		}
		len /= 2;
	}
	done = __real_pwrite64(fd, in, len, at);
	if (n && done > 0) {
		bytes = arena_take(&top()->mem, (size_t)done);
		memcpy(bytes, in, (size_t)done);
		op = add(OP_WRITE, n->id);
		op->at = (uint64_t)at;
		op->len = (size_t)done;
		op->bytes = bytes;
		world_write(n, &top()->mem, bytes, op->len, op->at);
	}
	leave();
	return done;
}

ssize_t __wrap_pread64(int fd, void *out, size_t len, off_t at)
{
	bool fail;

	if (!model.on)
		return __real_pread64(fd, out, len, at);
	enter();
	fail = node_of(fd) && fails(READS);
	leave();
	if (fail && fault.error)
		return -1;
	return __real_pread64(fd, out, fail && len > 1 ? len / 2 : len, at);
}

int __wrap_ftruncate64(int fd, off_t len)
{
	struct node *n;
	int done;

	enter();
	n = node_of(fd);
	done = n && fails(NAMES) ? -1 : __real_ftruncate64(fd, len);
	if (n && done == 0) {
		add(OP_RESIZE, n->id)->at = (uint64_t)len;
		world_resize(n, (uint64_t)len);
	}
	leave();
	return done;
}

int __wrap_rename(const char *from, const char *to)
{
	const char *name, *to_name;
	int folder, to_folder, done;

	enter();
	folder = folder_of(from, &name);
	to_folder = folder_of(to, &to_name);
	done = folder >= 0 && fails(NAMES) ? -1 : __real_rename(from, to);
	assert(folder == to_folder || !model.on);
	if (folder >= 0 && done == 0) {
		int node = world_find(&model.live, folder, name)->node;
		struct op *op = add_name(OP_RENAME, folder, name, node);

		snprintf(op->to, sizeof(op->to), "%s", to_name);
		world_unlink(&model.live, folder, name);
		world_link(&model.live, folder, to_name, node);
	}
	leave();
	return done;
}

static void note_removed(int folder, const char *name)
{
	const struct entry *e = world_find(&model.live, folder, name);

	if (!e)
		return;
	add_name(OP_REMOVE, folder, name, e->node);
	world_unlink(&model.live, folder, name);
}

static int remove_one(const char *path, int (*really)(const char *path))
{
	const char *name;
	int folder, done;

	enter();
	folder = folder_of(path, &name);
	done = folder >= 0 && fails(NAMES) ? -1 : really(path);
	if (folder >= 0 && done == 0)
		note_removed(folder, name);
	leave();
	return done;
}

int __wrap_unlink(const char *path)
{
	return remove_one(path, __real_unlink);
}

int __wrap_rmdir(const char *path)
{
	return remove_one(path, __real_rmdir);
}

int __wrap_remove(const char *path)
{
	struct stat st;

	if (lstat(path, &st) == 0 && S_ISDIR(st.st_mode))
		return __wrap_rmdir(path);
	return __wrap_unlink(path);
}

int __wrap_unlinkat(int dir, const char *name, int flags)
{
	const struct node *n;
	int done;

	enter();
	n = node_of(dir);
	done = __real_unlinkat(dir, name, flags);
	if (n && done == 0)
		note_removed(n->id, name);
	leave();
	return done;
}

int __wrap_mkdir(const char *path, mode_t mode)
{
	int done;

	enter();
	done = fails(NAMES) ? -1 : __real_mkdir(path, mode);
	if (done == 0)
		note_created(path, true);
	leave();
	return done;
}

/* A folder's flush is about the names in it; a file's, about its bytes. */
static bool is_about(const struct op *op, const struct node *n)
{
	bool names = op->kind == OP_CREATE || op->kind == OP_RENAME ||
	             op->kind == OP_REMOVE;

	if (op->kind == OP_FLUSH || op->kind == OP_COUNTER)
		return false;
	return n->folder ? names && op->folder == n->id
	                 : !names && op->node == n->id;
}

int __wrap_fsync(int fd)
{
	struct node *n;
	struct level *l;

	enter();
	n = node_of(fd);
	if (n && fails(FLUSHES)) {
		leave();
		return -1;
	}
	if (n) {
		add(OP_FLUSH, n->id);
		l = top();
		for (size_t i = 0; i + 1 < l->op_count; i++)
			if (l->ops[i].flushed_at == SIZE_MAX &&
			    is_about(&l->ops[i], n))
				l->ops[i].flushed_at = l->op_count - 1;
	}
	leave();
	return 0;
}

int __wrap_fdatasync(int fd)
{
	return __wrap_fsync(fd);
}

int __wrap_sync_file_range(int fd, off_t at, off_t len, unsigned how)
{
	(void)fd;
	(void)at;
	(void)len;
	(void)how;
	return 0; /* a hint, and no promise */
}

void model_counter(void)
{
	enter();
	if (model.on)
		(void)add(OP_COUNTER, -1);
	leave();
}

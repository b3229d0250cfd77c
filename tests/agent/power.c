/* SPDX-License-Identifier: Apache-2.0
 *
 * tests/agent/power.c - a journal of what is not on the disk yet.
 *
 * Each write notes what it overwrote; a sync forgets the notes of its file or
 * folder; a cut puts back what the notes say.  Nothing is really synced.
 */
#include "tests/agent/power.h"

#include <assert.h>
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define NOTES 512

/* One write, or one rename or unlink (path), that may still be lost. */
struct note {
	int fd; /* -1: a name */
	dev_t dev;
	ino_t ino; /* of the file, or of the folder of the name */
	char path[PATH_MAX];
	bool existed;
	uint64_t at;
	size_t len, old_len; /* written, and what stood there before */
	uint8_t *old;        /* owned */
	bool kept;
};

static struct note notes[NOTES];
static size_t note_count;
static uint64_t writes, cut_at;
static enum power_loss loss;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

ssize_t __real_pwrite64(int fd, const void *in, size_t len, off_t at);
int __real_rename(const char *from, const char *to);
int __real_unlink(const char *path);

ssize_t __wrap_pwrite64(int fd, const void *in, size_t len, off_t at);
int __wrap_rename(const char *from, const char *to);
int __wrap_unlink(const char *path);
int __wrap_fsync(int fd);
int __wrap_fdatasync(int fd);

static void forget(size_t i)
{
	if (notes[i].fd >= 0)
		close(notes[i].fd);
	free(notes[i].old);
	memmove(&notes[i], &notes[i + 1],
	        sizeof(notes[0]) * (--note_count - i));
}

void power_arm(uint64_t n, enum power_loss how)
{
	while (note_count > 0)
		forget(note_count - 1);
	writes = 0;
	cut_at = n;
	loss = how;
}

static struct note *new_note(void)
{
	struct note *n = &notes[note_count++];

	assert(note_count < NOTES);
	memset(n, 0, sizeof(*n));
	n->fd = -1;
	return n;
}

static void note_write(int fd, size_t len, off_t at)
{
	struct note *n = new_note();
	struct stat st;
	ssize_t got;

	assert(fstat(fd, &st) == 0);
	n->dev = st.st_dev;
	n->ino = st.st_ino;
	n->fd = dup(fd);
	n->at = (uint64_t)at;
	n->len = len;
	n->old = malloc(len);
	assert(n->fd >= 0 && n->old);
	got = pread(fd, n->old, len, at);
	n->old_len = got > 0 ? (size_t)got : 0;
}

/* What name stood for before it is replaced or removed. */
static void note_name(const char *path)
{
	struct note *n = new_note();
	char folder[PATH_MAX];
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	snprintf(n->path, sizeof(n->path), "%s", path);
	snprintf(folder, sizeof(folder), "%s", path);
	n->existed = fd >= 0;
	if (n->existed) {
		ssize_t got;

		assert(fstat(fd, &st) == 0);
		n->old_len = (size_t)st.st_size;
		n->old = malloc(n->old_len + 1);
		assert(n->old);
		got = pread(fd, n->old, n->old_len, 0);
		assert(got == (ssize_t)n->old_len);
		close(fd);
	}
	assert(stat(dirname(folder), &st) == 0);
	n->dev = st.st_dev;
	n->ino = st.st_ino;
}

static void put_back_write(const struct note *n)
{
	if (n->old_len > 0)
		(void)!__real_pwrite64(n->fd, n->old, n->old_len, (off_t)n->at);
	if (n->old_len < n->len)
		(void)!ftruncate(n->fd, (off_t)(n->at + n->old_len));
}

static void put_back_name(const struct note *n)
{
	int fd;

	(void)__real_unlink(n->path);
	if (!n->existed)
		return;
	fd = open(n->path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	(void)!__real_pwrite64(fd, n->old, n->old_len, 0);
	close(fd);
}

/* A later write that stays holds what it covers. */
static bool is_covered(size_t i)
{
	for (size_t k = i + 1; k < note_count; k++)
		if (notes[k].kept && notes[k].ino == notes[i].ino &&
		    (notes[i].fd < 0 ||
		     (notes[k].at < notes[i].at + notes[i].len &&
		      notes[i].at < notes[k].at + notes[k].len)))
			return true;
	return false;
}

static void lose_unsynced(void)
{
	for (size_t i = note_count; i-- > 0;) {
		struct note *n = &notes[i];

		n->kept = (loss == POWER_REORDERED && i + 1 == note_count) ||
		          is_covered(i);
		if (n->kept)
			continue;
		if (n->fd >= 0)
			put_back_write(n);
		else
			put_back_name(n);
	}
}

/* Whether this is the write, or the sync, that is cut. */
static bool is_cut(void)
{
	return ++writes == cut_at;
}

static void cut(void)
{
	if (loss != POWER_TORN)
		lose_unsynced();
	_exit(POWER_EXIT);
}

ssize_t __wrap_pwrite64(int fd, const void *in, size_t len, off_t at)
{
	ssize_t done;

	pthread_mutex_lock(&lock);
	if (is_cut()) {
		if (loss == POWER_TORN)
			(void)!__real_pwrite64(fd, in, len / 2, at);
		cut();
	}
	if (cut_at && loss != POWER_TORN)
		note_write(fd, len, at);
	done = __real_pwrite64(fd, in, len, at);
	pthread_mutex_unlock(&lock);
	return done;
}

int __wrap_rename(const char *from, const char *to)
{
	int done;

	pthread_mutex_lock(&lock);
	if (is_cut())
		cut();
	if (cut_at && loss != POWER_TORN)
		note_name(to);
	done = __real_rename(from, to);
	pthread_mutex_unlock(&lock);
	return done;
}

int __wrap_unlink(const char *path)
{
	int done;

	pthread_mutex_lock(&lock);
	if (is_cut())
		cut();
	if (cut_at && loss != POWER_TORN)
		note_name(path);
	done = __real_unlink(path);
	pthread_mutex_unlock(&lock);
	return done;
}

int __wrap_fsync(int fd)
{
	struct stat st;

	pthread_mutex_lock(&lock);
	if (loss == POWER_REORDERED && is_cut())
		cut();
	assert(fstat(fd, &st) == 0);
	for (size_t i = note_count; i-- > 0;)
		if (notes[i].ino == st.st_ino && notes[i].dev == st.st_dev)
			forget(i);
	pthread_mutex_unlock(&lock);
	return 0;
}

int __wrap_fdatasync(int fd)
{
	return __wrap_fsync(fd);
}
